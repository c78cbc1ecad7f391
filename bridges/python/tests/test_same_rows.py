"""The rows of `slipring replay --from t` are those that `time >= t` finds in an export, to the nanosecond, in
whatever reads exports."""

from __future__ import annotations

import io
import pathlib
import random
import shutil
import sqlite3
import subprocess
from typing import Callable

import numpy as np
import pytest
import slipring
from command import slipring_path  # noqa: F401

T0 = 1_710_063_000_000_000_000  # 2024-03-10T09:30:00Z
TRADE = [("ts", "M8[ns]"), ("symbol", "S8"), ("price", "i8"), ("qty", "u4")]
Rows = Callable[[int], "list[int]"]


def times() -> list[int]:
    """In order: equal ones, neighbours, and such with every number of decimals."""
    near = [T0 + step for step in (0, 0, 1, 1, 2, 3, 999_999_999, 1_000_000_000, 1_000_000_000, 1_000_000_001)]
    digits = [T0 + 2_000_000_000 + 10**power for power in range(10)]
    chance = random.Random(22)
    far = sorted(T0 + 4_000_000_000 + chance.randrange(86_400 * 10**9) for _ in range(500))
    return sorted(near + digits) + far


@pytest.fixture(scope="module")
def exported(slipring_path, tmp_path_factory):  # noqa: F811
    """A journal, and a function that runs the command in its folder."""
    folder = tmp_path_factory.mktemp("rows")
    ts = np.array(times(), "M8[ns]")
    n = np.arange(len(ts))
    with slipring.create(
        folder / "trades", TRADE, name="Trade", time="ts", decimals={"price": 2}, segment_records=128
    ) as writer:
        writer.append({"ts": ts, "symbol": "ABC", "price": 10_000 + n, "qty": n})

    def command(*words: object) -> str:
        slipring_file = shutil.which("slipring", path=slipring_path)
        done = subprocess.run(
            [slipring_file, *map(str, words)],
            cwd=folder,
            env={"PATH": slipring_path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    return folder, command


def as_replayed(command: Callable[..., str], since: int) -> list[int]:
    printed = command("replay", "trades", "--from", since, "--fields", "_sequence", "--format", "csv")
    return [int(line) for line in printed.splitlines()[1:]]


def pandas_csv(file: pathlib.Path) -> Rows:
    pd = pytest.importorskip("pandas")
    frame = pd.read_csv(file)
    frame["_time"] = pd.to_datetime(frame["_time"], format="ISO8601", utc=True)
    return lambda t: frame[frame._time >= pd.Timestamp(t, tz="UTC")]._sequence.tolist()


def pandas_parquet(file: pathlib.Path) -> Rows:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pd.read_parquet(file)
    return lambda t: frame[frame._time >= pd.Timestamp(t, tz="UTC")]._sequence.tolist()


def pandas_jsonl(file: pathlib.Path) -> Rows:
    pd = pytest.importorskip("pandas")
    frame = pd.read_json(io.StringIO(file.read_text()), lines=True, dtype=False)
    frame["_time"] = pd.to_datetime(frame["_time"], format="ISO8601", utc=True)
    return lambda t: frame[frame._time >= pd.Timestamp(t, tz="UTC")]._sequence.tolist()


def of_polars(frame, pl) -> Rows:
    def rows(t: int) -> list[int]:
        since = pl.lit(t).cast(pl.Datetime("ns", "UTC"))
        return frame.filter(pl.col("_time") >= since)["_sequence"].to_list()

    return rows


def polars_csv(file: pathlib.Path) -> Rows:
    pl = pytest.importorskip("polars")
    return of_polars(pl.read_csv(file, schema_overrides={"_time": pl.Datetime("ns", "UTC")}), pl)


def polars_parquet(file: pathlib.Path) -> Rows:
    pl = pytest.importorskip("polars")
    return of_polars(pl.read_parquet(file), pl)


def of_duckdb(table: str) -> Rows:
    duckdb = pytest.importorskip("duckdb")

    def rows(t: int) -> list[int]:
        since = f"'{np.datetime64(t, 'ns')}+00'::TIMESTAMPTZ_NS"
        found = duckdb.sql(f"select _sequence from {table} where _time >= {since} order by _sequence")
        return [sequence for (sequence,) in found.fetchall()]

    return rows


def duckdb_csv(file: pathlib.Path) -> Rows:
    return of_duckdb(f"read_csv('{file}', types={{'_time': 'TIMESTAMPTZ_NS'}})")


def duckdb_parquet(file: pathlib.Path) -> Rows:
    return of_duckdb(f"'{file}'")


def sqlite(file: pathlib.Path) -> Rows:
    database = sqlite3.connect(file)

    def rows(t: int) -> list[int]:
        found = database.execute('select _sequence from "Trade" where _time >= ? order by _time, _sequence', (t,))
        return [sequence for (sequence,) in found]

    return rows


READERS = [
    (pandas_csv, "csv"),
    (pandas_jsonl, "jsonl"),
    (pandas_parquet, "parquet"),
    (polars_csv, "csv"),
    (polars_parquet, "parquet"),
    (duckdb_csv, "csv"),
    (duckdb_parquet, "parquet"),
    (sqlite, "sqlite"),
]


@pytest.mark.parametrize(("reader", "form"), READERS, ids=lambda value: getattr(value, "__name__", value))
def test_a_reader_of_the_export_finds_the_rows_that_replay_gives(reader, form, exported, slipring_path):  # noqa: F811
    folder, command = exported
    if form in ("parquet", "sqlite") and shutil.which("slipring-columns", path=slipring_path) is None:
        pytest.skip(f"there is no slipring-columns: nothing writes {form}")
    file = folder / f"{reader.__name__}.{form}"
    command("export", "trades", "--output", file.name)
    rows = reader(file)
    known = times()
    asked = sorted({time + step for time in known[:30:2] + known[-5:] for step in (-1, 0, 1)})
    for since in asked:
        wanted = [n for n, time in enumerate(known) if time >= since]
        assert as_replayed(command, since) == wanted, since
        assert rows(since) == wanted, since
