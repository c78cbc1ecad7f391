"""Files in and out, beside what people would use: each contender in a process of its own, in turns.

    python bridges/rates/files.py --slipring target/release/slipring --rows 10000000 --rounds 3 --work FOLDER

needs numpy, pandas, polars, duckdb, pyarrow and the package slipring; slipring-columns lies beside slipring. Prints
a table in Markdown: events a second as measured (median of the rounds, least and most), and per CPU second.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SCHEMA = """\
name = "Order"
time = "ts"

[fields]
ts = { type = "time", unit = "ns" }
id = "u64"
trade = "i64"
price = { type = "decimal", scale = 2 }
qty = "u32"
side = { type = "enum", values = { buy = 1, sell = 2 } }
symbol = { type = "text", length = 8 }
"""

POLARS = "{'ts': pl.Int64, 'id': pl.UInt64, 'trade': pl.Int64, 'price': pl.Decimal(18, 2), 'qty': pl.UInt32}"
DUCK = (
    "{'ts': 'BIGINT', 'id': 'UBIGINT', 'trade': 'BIGINT', 'price': 'DECIMAL(18,2)', 'qty': 'UINTEGER',"
    " 'side': 'VARCHAR', 'symbol': 'VARCHAR'}"
)


def make(path, rows):
    """The events as CSV, and as JSON lines beside."""
    import polars as pl

    random = np.random.default_rng(1)
    symbols = np.array(["ABC", "ABCD.N", "MSFT", "XYZ"])
    frame = pl.DataFrame(
        {
            "ts": 1_710_063_000_000_000_000 + np.cumsum(random.integers(1, 2000, rows)),
            "id": np.arange(rows, dtype=np.uint64) * 7 + 1_000_000,
            "trade": random.integers(0, 1 << 40, rows),
            "price": random.integers(10_000, 99_999, rows),
            "qty": random.integers(1, 5000, rows).astype(np.uint32),
            "side": np.where(random.integers(0, 2, rows) == 0, "buy", "sell"),
            "symbol": symbols[random.integers(0, 4, rows)],
        }
    ).with_columns((pl.col("price").cast(pl.Decimal(18, 0)) / 100).cast(pl.Decimal(18, 2)))
    frame.write_csv(path)
    # Prices as numbers, as JSON has them.
    frame.with_columns(pl.col("price").cast(pl.Float64)).write_ndjson(path.with_suffix(".jsonl"))
    frame.write_ipc(path.with_suffix(".arrow"), compression="uncompressed")


def python(code):
    return [sys.executable, "-c", code]


def contenders(command, work):
    """Groups of (name, command line, what it writes)."""
    csv, jsonl, arrow = work / "in.csv", work / "in.jsonl", work / "in.arrow"
    schema, journal, parquet = work / "order.toml", work / "journal", work / "from-slipring.parquet"
    out = work / "out"

    def record(source, format):
        args = [command, "record", out, "--input", source, "--as", format, "--schema", schema]
        return [str(arg) for arg in args]

    def export(format, *more):
        return [str(arg) for arg in (command, "export", journal, "--output", out, "--format", format, *more)]

    duck = "import duckdb; db = duckdb.connect(); db.execute('set threads=1'); "
    db = work / "orders.duckdb"
    opened = f"import duckdb; db = duckdb.connect({str(db)!r}, read_only=True); db.execute('set threads=1'); "
    load_arrow = f"import pyarrow as pa; t = pa.ipc.open_file(pa.memory_map({str(arrow)!r})).read_all(); "
    return {
        "CSV in": [
            ("slipring record", record(csv, "csv")),
            ("DuckDB, into its file", python(
                f"import duckdb; db = duckdb.connect({str(out)!r}); db.execute('set threads=1'); "
                f"db.execute(\"create table t as from read_csv({str(csv)!r}, header=true, columns={DUCK})\")")),
            ("Polars, into memory", python(
                f"import polars as pl; pl.read_csv({str(csv)!r}, schema_overrides={POLARS})")),
            ("pandas, into memory", python(f"import pandas as pd; pd.read_csv({str(csv)!r})")),
            # Of itself it reads with as many threads as there are cores.
            ("pandas, one thread", python(
                f"import pandas as pd; pd.set_option('mode.max_threads', 1); pd.read_csv({str(csv)!r})")),
            ("pandas, into a Parquet file", python(
                f"import pandas as pd; pd.read_csv({str(csv)!r}).to_parquet({str(work / 'out')!r})")),
        ],
        "CSV out": [
            ("slipring export", export("csv")),
            ("DuckDB", python(opened + f"db.execute(\"copy t to {str(out)!r} (format csv)\")")),
            ("Polars", python(f"import polars as pl; pl.read_ipc({str(arrow)!r}).write_csv({str(out)!r})")),
            ("pandas", python(f"import polars as pl; pl.read_ipc({str(arrow)!r}).with_columns(pl.col('price')"
                              f".cast(float)).to_pandas().to_csv({str(out)!r}, index=False)")),
        ],
        "JSON lines in": [
            ("slipring record", record(jsonl, "jsonl")),
            ("DuckDB, into its file", python(
                f"import duckdb; db = duckdb.connect({str(out)!r}); db.execute('set threads=1'); "
                f"db.execute(\"create table t as from read_json({str(jsonl)!r}, format='newline_delimited',"
                f" columns={DUCK})\")")),
            ("Polars, into memory", python(f"import polars as pl; pl.read_ndjson({str(jsonl)!r})")),
            ("pandas, into memory", python(f"import pandas as pd; pd.read_json({str(jsonl)!r}, lines=True)")),
        ],
        "JSON lines out": [
            ("slipring export", export("jsonl")),
            ("DuckDB", python(opened + f"db.execute(\"copy t to {str(out)!r} (format json)\")")),
            ("Polars", python(f"import polars as pl; pl.read_ipc({str(arrow)!r}).with_columns(pl.col('price')"
                              f".cast(float)).write_ndjson({str(out)!r})")),
            ("pandas", python(f"import polars as pl; pl.read_ipc({str(arrow)!r}).with_columns(pl.col('price')"
                              f".cast(float)).to_pandas().to_json({str(out)!r}, orient='records', lines=True)")),
        ],
        "Parquet out": [
            ("slipring export", export("parquet")),
            ("pyarrow, zstd 1", python(load_arrow + "import pyarrow.parquet as pq; "
                                       f"pq.write_table(t, {str(out)!r}, compression='zstd', compression_level=1)")),
            ("Polars, zstd 1", python(f"import polars as pl; pl.read_ipc({str(arrow)!r}).write_parquet({str(out)!r}, "
                                      "compression='zstd', compression_level=1)")),
            ("DuckDB, zstd", python(opened + f"db.execute(\"copy t to {str(out)!r} (format parquet, "
                                    "compression zstd)\")")),
        ],
        "Parquet in": [
            ("slipring record", record(parquet, "parquet")),
            ("DuckDB, into its file", python(
                f"import duckdb; db = duckdb.connect({str(out)!r}); db.execute('set threads=1'); "
                f"db.execute(\"create table t as from read_parquet({str(parquet)!r})\")")),
            ("pyarrow, into memory", python(f"import pyarrow.parquet as pq; pq.read_table({str(parquet)!r})")),
            ("Polars, into memory", python(f"import polars as pl; pl.read_parquet({str(parquet)!r})")),
            ("pandas, into memory", python(f"import pandas as pd; pd.read_parquet({str(parquet)!r})")),
        ],
        "Replay, nothing printed": [
            ("all", [str(command), "replay", str(journal), "--format", "none"]),
            ("--where 'price > 500.25 and side == buy'", [
                str(command), "replay", str(journal), "--format", "none", "--where", "price > 500.25 and side == buy"]),
            ("DuckDB, a sum with the same condition", python(
                opened + "print(db.execute(\"select sum(qty) from t where price > 500.25 and side = 'buy'\").fetchall())")),
        ],
    }


def remove(path):
    for each in (path, path.with_suffix(".wal"), Path(f"{path}.wal")):
        if each.is_dir():
            shutil.rmtree(each)
        else:
            each.unlink(missing_ok=True)


def run(line):
    """Seconds as measured, and CPU seconds; what it takes to start Python is part of neither."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(f"{line}: {done.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def sums(journal, parquet, rounds, rows):
    """The sum of a column: off the map, off a raw map of the same bytes, by reading, from Parquet."""
    import pandas as pd
    import slipring

    opened = slipring.open(str(journal))
    view = opened.view(tail=True)
    raw = work_raw(view)
    ways = {
        "`view().column(\"qty\")`": lambda: sum(int(part.sum()) for part in view.column("qty")),
        "raw `np.memmap`": lambda: sum(int(part["qty"].sum()) for part in raw),
        "`read(fields=[\"qty\"])`, every record verified": lambda: int(opened.read(fields=["qty"])["qty"].sum()),
        "`pd.read_parquet(columns=[\"qty\"])`": lambda: int(pd.read_parquet(parquet, columns=["qty"])["qty"].sum()),
    }
    seconds = {name: [] for name in ways}
    answers = set()
    for _ in range(max(rounds, 7)):
        for name, way in ways.items():
            start = time.perf_counter()
            answers.add(way())
            seconds[name].append(time.perf_counter() - start)
    assert len(answers) == 1, answers
    return [(name, [(s, s) for s in times]) for name, times in seconds.items()]


def work_raw(view):
    """The same bytes by numpy alone: files copied without their headers."""
    parts = []
    for part in view:
        path = Path(os.environ["RATES_WORK"]) / f"raw-{len(parts)}"
        np.asarray(part.base if part.base is not None and part.base.dtype == part.dtype else part).tofile(path)
        parts.append(np.memmap(path, dtype=part.dtype, mode="r"))
    return parts


def show(group, measured, rows):
    print(f"\n**{group}**\n")
    print("| | M events/s as measured | least to most | M events per CPU second |")
    print("|---|---|---|---|")
    for name, runs in measured:
        walls = sorted(rows / wall / 1e6 for wall, _ in runs)
        cpu = statistics.median(rows / cpu / 1e6 for _, cpu in runs)
        print(f"| {name} | {statistics.median(walls):.2f} | {walls[0]:.2f}-{walls[-1]:.2f} | {cpu:.2f} |")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slipring", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="groups")
    args = parser.parse_args()
    command, work = args.slipring.resolve(), args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    os.environ["RATES_WORK"] = str(work)
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    (work / "order.toml").write_text(SCHEMA)
    if not (work / "in.csv").exists():
        make(work / "in.csv", args.rows)
    if not (work / "journal").exists():
        run([str(command), "record", str(work / "journal"), "--input", str(work / "in.csv"), "--schema",
             str(work / "order.toml")])
        run([str(command), "export", str(work / "journal"), "-o", str(work / "from-slipring.parquet")])
        run(python(f"import duckdb; duckdb.connect({str(work / 'orders.duckdb')!r}).execute(\"create table t as from "
                   f"read_csv({str(work / 'in.csv')!r}, header=true, columns={DUCK})\")"))
    # What it takes to start Python with what is imported.
    idle = {}
    for group, lines in contenders(command, work).items():
        if args.only and group not in args.only:
            continue
        measured = {name: [] for name, _ in lines}
        for _ in range(args.rounds):
            for name, line in lines:
                remove(work / "out")
                wall, cpu = run(line)
                if line[0] == sys.executable:
                    module = line[2].split("import ")[1].split(";")[0].split(" as ")[0]
                    if module not in idle:
                        idle[module] = run(python(f"import {module}"))
                    wall, cpu = wall - idle[module][0], cpu - idle[module][1]
                measured[name].append((wall, cpu))
        remove(work / "out")
        show(group, list(measured.items()), args.rows)
    if not args.only or "Sum of a column" in args.only:
        show("Sum of a column", sums(work / "journal", work / "from-slipring.parquet", args.rounds, args.rows), args.rows)


if __name__ == "__main__":
    main()
