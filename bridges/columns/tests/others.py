"""Reads what the sinks wrote with the tools that people use. Prints what differs, and ends with 1 if anything does."""

import decimal
import json
import sqlite3
import sys

import duckdb
import fastavro
import pandas
import polars
import pyarrow
import pyarrow.ipc
import pyarrow.parquet

folder, since_ns = sys.argv[1], int(sys.argv[2])
wanted = [json.loads(line) for line in open(f"{folder}/wanted.jsonl")]
faults = []


def check(what, found, expected):
    if found != expected:
        faults.append(f"{what}:\n  found  {found!r}\n  wanted {expected!r}")


def column(name):
    return [row[name] for row in wanted]


def nanos(values):
    return values.cast(pyarrow.int64()).to_pylist()


def check_arrow(what, table):
    check(f"{what} _sequence", table["_sequence"].to_pylist(), column("sequence"))
    check(f"{what} _time", nanos(table["_time"]), column("time"))
    check(f"{what} ts", nanos(table["ts"]), column("ts"))
    check(f"{what} price", [str(price) for price in table["leg.px"].to_pylist()], column("price"))
    check(f"{what} id", table["id"].to_pylist(), column("id"))
    check(f"{what} big", table["big"].to_pylist(), column("big"))
    check(f"{what} side", table["side"].to_pylist(), column("side"))
    check(f"{what} symbol", table["symbol"].to_pylist(), column("symbol"))
    check(f"{what} live", table["live"].to_pylist(), column("live"))
    check(f"{what} sizes", table["sizes"].to_pylist(), column("sizes"))
    check(f"{what} ratio", table["ratio"].to_pylist(), column("ratio"))


parquet = f"{folder}/a.parquet"
check_arrow("pyarrow Parquet", pyarrow.parquet.read_table(parquet))
check_arrow("pyarrow IPC", pyarrow.ipc.open_file(f"{folder}/a.arrow").read_all())
check_arrow("pyarrow Feather", __import__("pyarrow.feather").feather.read_table(f"{folder}/a.arrow"))

later = [row["sequence"] for row in wanted if row["time"] >= since_ns]
for what, frame in [
    ("polars Parquet", polars.read_parquet(parquet)),
    ("polars IPC", polars.read_ipc(f"{folder}/a.arrow")),
]:
    check(f"{what} _time", frame["_time"].dt.epoch("ns").to_list(), column("time"))
    check(f"{what} price", [str(price) for price in frame["leg.px"].to_list()], column("price"))
    check(f"{what} side", frame["side"].cast(polars.String).to_list(), column("side"))
    check(f"{what} id", frame["id"].to_list(), column("id"))
    chosen = frame.filter(polars.col("_time").dt.epoch("ns") >= since_ns)
    check(f"{what} since", chosen["_sequence"].to_list(), later)

frame = pandas.read_parquet(parquet)
check("pandas _time", frame["_time"].astype("int64").tolist(), column("time"))
since = pandas.Timestamp(since_ns, unit="ns", tz="UTC")
check("pandas since", frame[frame["_time"] >= since]["_sequence"].tolist(), later)

rows = duckdb.sql(f"select _sequence, epoch_ns(_time), \"leg.px\"::varchar, id, side from '{parquet}' order by 1")
names = ["sequence", "time", "price", "id", "side"]
check("duckdb", rows.fetchall(), [tuple(row[name] for name in names) for row in wanted])
rows = duckdb.sql(f"select _sequence from '{parquet}' where epoch_ns(_time) >= {since_ns} order by 1").fetchall()
check("duckdb since", [row[0] for row in rows], later)

with open(f"{folder}/a.avro", "rb") as file:
    rows = list(fastavro.reader(file))
check("fastavro _sequence", [row["_sequence"] for row in rows], column("sequence"))
check("fastavro price", [str(row["leg_px"]) for row in rows], column("price"))
check("fastavro id", [int(row["id"]) for row in rows], column("id"))
check("fastavro side", [row["side"] for row in rows], column("side"))
check("fastavro sizes", [row["sizes"] for row in rows], column("sizes"))
avro = polars.read_avro(f"{folder}/a.avro")
check("polars Avro _sequence", avro["_sequence"].to_list(), column("sequence"))

database = sqlite3.connect(f"{folder}/a.sqlite")
rows = database.execute('select _sequence, _time, "leg.px", side, symbol from Order_ order by 1'.replace("Order_", '"Order"'))
names = ["sequence", "time", "price", "side", "symbol"]
exact = [tuple(row[name] for name in names) for row in wanted]
exact = [(s, t, int(p.replace(".", "")), side, symbol) for s, t, p, side, symbol in exact]
check("sqlite", rows.fetchall(), exact)
rows = database.execute('select _time, "leg.px" from Order_readable order by _sequence').fetchall()
check("sqlite readable", rows, [(row["shown"], row["price"]) for row in wanted])
rows = database.execute(f'select _sequence from "Order" where _time >= {since_ns} order by 1').fetchall()
check("sqlite since", [row[0] for row in rows], later)

# And back: what these tools write.
frame = polars.read_parquet(parquet)
frame.write_parquet(f"{folder}/polars.parquet")
frame.write_ipc(f"{folder}/polars.arrow")
pyarrow.parquet.write_table(pyarrow.parquet.read_table(parquet), f"{folder}/pyarrow.parquet")
duckdb.sql(f"copy (select * from '{parquet}' order by _sequence) to '{folder}/duckdb.parquet'")
pandas.read_parquet(parquet).to_parquet(f"{folder}/pandas.parquet")

assert decimal.Decimal("1") and later and len(later) < len(wanted)
print("\n".join(faults[:20]))
sys.exit(bool(faults))
