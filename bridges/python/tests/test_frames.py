"""Arrow, pandas and Polars: the values of every kind of field, exact, and back again."""

import datetime
import decimal

import numpy as np
import pytest
import slipring
from conftest import T0, trades

pyarrow = pytest.importorskip("pyarrow")
D = decimal.Decimal

DTYPE = [
    ("t_ns", "M8[ns]"), ("t_s", "M8[s]"), ("t32", "u4"), ("price", "i8"), ("fee", "u1"), ("wide", "V16"),
    ("signed", "V16"), ("money", "V16"), ("text", "S6"), ("raw", "V3"), ("grid", "i2", (2, 2)), ("side", "i1"),
    ("live", "?"), ("x", "f4"), ("u", "u8"),
]  # fmt: skip


@pytest.fixture
def every(tmp_path):
    """A journal with every kind of field."""
    said = dict(
        decimals={"price": 2, "fee": 3, "money": 20},
        kinds={"wide": "u128", "signed": "i128", "money": "i128", "t_s": "i64"},
        enums={"side": {"buy": 1, "sell": -1}},
        attributes={"t32": {"time": "s"}},
    )
    with slipring.create(tmp_path / "every", DTYPE, name="Every", **said) as writer:
        writer.append(
            {
                "t_ns": np.array([T0 + 1, 2**64 - 1, 0], "u8"),
                "t_s": np.array([-1, 0, 1], "M8[s]"),
                "t32": [0, 1, 2**32 - 1],
                "price": [-(2**63), 5, 2**63 - 1],
                "fee": [0, 1, 255],
                "wide": slipring.to_wide([0, 1, 2**128 - 1]),
                "signed": slipring.to_wide([-(2**127), -1, 2**127 - 1], signed=True),
                "money": slipring.to_wide([-1, 10**38 - 1, 0], signed=True),
                "text": ["", "é", "abcdef"],
                "raw": [[0, 0, 0], [1, 0, 0], [255, 254, 253]],
                "grid": np.arange(12).reshape(3, 2, 2) - 5,
                "side": ["buy", "sell", "buy"],
                "live": [True, False, True],
                "x": np.array([0.1, np.nan, np.inf], "f4"),
                "u": np.array([0, 1, 2**64 - 1], "u8"),
            },
            times=[T0, T0 + 1, T0 + 1],
        )
        writer.append({**{name: 0 for name, *_ in DTYPE if name not in ("text", "raw", "grid")}, "side": [7],
                       "wide": slipring.to_wide([0]), "signed": slipring.to_wide([0]), "money": slipring.to_wide([0]),
                       "text": "zz", "raw": [[1, 2, 3]], "grid": [[[0, 0], [0, 0]]]}, T0 + 2)  # fmt: skip
    return slipring.open(tmp_path / "every")


def test_arrow_has_the_exact_values(every):
    table = every.to_arrow()
    utc = datetime.timezone.utc
    column = lambda name: table[name].to_pylist()
    assert [str(table.schema.field(name).type) for name in ("_sequence", "_time", "_epoch", "t_s", "t32", "price")] == [
        "uint64", "timestamp[ns, tz=UTC]", "uint32", "timestamp[s, tz=UTC]", "timestamp[s, tz=UTC]",
        "decimal128(19, 2)",
    ]  # fmt: skip
    table.validate(full=True)
    assert table["_time"].cast("int64").to_pylist() == [T0, T0 + 1, T0 + 1, T0 + 2]
    assert table["t_ns"].cast("int64").to_pylist() == [T0 + 1, None, 0, 0]
    assert column("t_s")[0] == datetime.datetime(1969, 12, 31, 23, 59, 59, tzinfo=utc)
    assert column("t32")[2].year == 2106
    assert column("price")[:3] == [D("-92233720368547758.08"), D("0.05"), D("92233720368547758.07")]
    assert column("fee")[:3] == [D("0"), D("0.001"), D("0.255")]
    assert column("wide")[:3] == [0, 1, 2**128 - 1] and column("signed")[:3] == [-(2**127), -1, 2**127 - 1]
    assert column("money")[:2] == [D(-1).scaleb(-20), D(10**38 - 1).scaleb(-20, decimal.Context(prec=60))]
    assert column("text") == ["", "é", "abcdef", "zz"]
    assert column("raw")[:3] == [b"\0\0\0", b"\1\0\0", b"\xff\xfe\xfd"]
    assert column("grid")[0] == [[-5, -4], [-3, -2]]
    assert column("side") == ["buy", "sell", "buy", "7"] and column("live") == [True, False, True, False]
    assert column("x")[0] == np.float32(0.1) and column("u")[2] == 2**64 - 1


def test_some_rows_and_some_columns(every):
    rows = every.read(fields=["price", "side"])
    table = slipring.to_arrow(rows[rows["side"] == 1], every.schema)
    assert table.column_names == ["_sequence", "_time", "_epoch", "price", "side"] and table.num_rows == 2
    assert slipring.to_arrow(rows[:0], every.schema).num_rows == 0
    assert every.to_arrow(last=1, fields=["text"])["text"].to_pylist() == ["zz"]
    with pytest.raises(slipring.SchemaError):
        slipring.to_arrow(rows, slipring.Schema("E", 0, ()))


def test_a_table_is_no_view_of_the_rows(every):
    rows = every.read(last=1)
    table = slipring.to_arrow(rows, every.schema)
    rows["u"], rows["text"], rows["x"] = 7, b"changed", 9
    assert table["u"].to_pylist() == [0] and table["text"].to_pylist() == ["zz"] and table["x"].to_pylist() == [0]


def test_many_rows_are_turned_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("slipring.journal._BATCH_ROWS", 7)
    with slipring.create(tmp_path / "j", [("n", "u4"), ("e", "u1")], name="E", enums={"e": ["zero"]}) as writer:
        writer.append({"n": np.arange(50), "e": np.arange(50) // 20})
    journal = slipring.open(tmp_path / "j")
    table = journal.to_arrow(from_sequence=3)
    assert table["n"].to_pylist() == list(range(3, 50)) and table["_sequence"].to_pylist() == list(range(3, 50))
    assert table["e"].to_pylist() == ["zero"] * 17 + ["1"] * 20 + ["2"] * 10
    assert table["e"].combine_chunks().to_pylist() == table["e"].to_pylist()
    assert journal.to_arrow(last=0).num_rows == 0 and journal.to_arrow(last=7)["n"][6].as_py() == 49


def test_pandas_has_them_too_and_gives_them_back(every):
    pandas = pytest.importorskip("pandas")
    frame = every.to_pandas()
    kinds = frame.dtypes.astype(str).to_dict()
    assert kinds["_time"] == "datetime64[ns, UTC]" and kinds["t_s"] == "datetime64[s, UTC]"
    assert kinds["side"] == "category" and kinds["price"] == "decimal128(19, 2)[pyarrow]" and kinds["u"] == "uint64"
    assert frame["_time"].astype("int64").tolist() == [T0, T0 + 1, T0 + 1, T0 + 2]
    assert frame["price"][1] == D("0.05") and frame["text"].tolist() == ["", "é", "abcdef", "zz"]
    assert frame["side"].tolist() == ["buy", "sell", "buy", "7"] and frame["t_ns"].isna().tolist()[1]
    assert (frame.price.sum(), frame.qty if "qty" in frame else None) == (D("0.04"), None)
    back = frame.drop(index=[1, 3])  # A time that is none can't go back, nor a number without a name.
    with slipring.append_to(every.path) as writer:
        writer.append(back)
    again = every.refresh().read(last=2)
    for name, *_ in DTYPE:
        assert again[name].tobytes() == every.read()[[0, 2]][name].tobytes(), name
    assert isinstance(frame, pandas.DataFrame)


def test_polars_has_them_too_and_gives_them_back(every):
    polars = pytest.importorskip("polars")
    if not hasattr(polars, "UInt128"):
        with pytest.raises(slipring.BadOption, match="this Polars has no 128-bit integers"):
            every.to_polars()
        pytest.skip("this Polars has no 128-bit integers")
    frame = every.to_polars()
    assert frame["wide"].to_list()[:3] == [0, 1, 2**128 - 1]
    assert frame["signed"].to_list()[:3] == [-(2**127), -1, 2**127 - 1]
    assert frame.schema["_time"] == polars.Datetime("ns", "UTC") and frame["t_ns"].null_count() == 1
    assert frame["price"].to_list()[1] == D("0.05") and frame["text"].to_list() == ["", "é", "abcdef", "zz"]
    assert frame["money"].to_list()[:2] == [D(-1).scaleb(-20), D(10**38 - 1).scaleb(-20, decimal.Context(prec=60))]
    assert frame["side"].cast(polars.String).to_list() == ["buy", "sell", "buy", "7"]
    assert frame["grid"].to_list()[0] == [[-5, -4], [-3, -2]]
    with slipring.append_to(every.path) as writer:
        writer.append(frame[[0, 2]])
    again = every.refresh().read(last=2)
    for name, *_ in DTYPE:
        assert again[name].tobytes() == every.read()[[0, 2]][name].tobytes(), name


def test_arrow_gives_them_back(every):
    table = every.to_arrow()
    with slipring.append_to(every.path) as writer:
        writer.append(table.take([0, 2]))
    again = every.refresh().read(last=2)
    for name, *_ in DTYPE:
        assert again[name].tobytes() == every.read()[[0, 2]][name].tobytes(), name


def test_a_decimal_that_polars_can_not_hold_is_refused(tmp_path):
    pytest.importorskip("polars")
    with slipring.create(tmp_path / "j", [("m", "V16")], name="E", kinds={"m": "i128"}, decimals={"m": 2}) as writer:
        writer.append({"m": slipring.to_wide([-(10**38)], signed=True)})
    journal = slipring.open(tmp_path / "j")
    with pytest.raises(slipring.BadOption, match="38 digits"):
        journal.to_polars()
    assert journal.to_arrow()["m"].to_pylist() == [D(-(10**36))]


def test_text_that_is_no_utf_8_is_refused_by_name(tmp_path):
    with slipring.create(tmp_path / "j", [("s", "S4"), ("n", "u4")], name="E") as writer:
        writer.append(np.array([(b"ok", 1), (b"\xff\xfe", 2)], writer.dtype))
    journal = slipring.open(tmp_path / "j")
    with pytest.raises(slipring.BadOption, match="column 's' is text"):
        journal.to_arrow()
    assert journal.to_arrow(fields=["n"])["n"].to_pylist() == [1, 2] and journal.read()["s"][1] == b"\xff\xfe"


def test_rows_from_a_time_are_the_rows_of_a_comparison_to_the_nanosecond(made):
    """In pandas and Polars over all rows, against the journal's own search."""
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    journal = slipring.open(made(250))
    frame, lazy = journal.to_pandas(), journal.to_polars()
    for t in [T0 - 1, T0 + 7, T0 + 8, T0 + 124, T0 + 125]:
        wanted = journal.read(from_=t)["_sequence"].tolist()
        stamp = pandas.Timestamp(t, tz="UTC")
        assert frame[frame._time >= stamp]._sequence.tolist() == wanted
        literal = polars.lit(t).cast(polars.Datetime("ns", "UTC"))
        assert lazy.filter(polars.col("_time") >= literal)["_sequence"].to_list() == wanted
        assert journal.to_pandas(from_=stamp)["_sequence"].tolist() == wanted


def test_duckdb_finds_the_same_rows(made):
    duckdb = pytest.importorskip("duckdb")
    journal = slipring.open(made(250))
    with duckdb.connect() as database:
        database.register("trades", journal.to_arrow())
        for t in [T0 - 1, T0 + 7, T0 + 8, T0 + 124, T0 + 125]:
            found = database.execute("SELECT _sequence FROM trades WHERE epoch_ns(_time) >= ? ORDER BY 1", [t])
            assert [row[0] for row in found.fetchall()] == journal.read(from_=t)["_sequence"].tolist()


def test_a_package_that_is_not_there_is_named(made, monkeypatch):
    import importlib

    real = importlib.import_module

    def missing(name, *more):
        if name in ("pyarrow", "pandas", "polars"):
            raise ImportError(f"No module named {name!r}")
        return real(name, *more)

    journal = slipring.open(made(1))
    monkeypatch.setattr(importlib, "import_module", missing)
    for call, extra in [(journal.to_arrow, "arrow"), (journal.to_pandas, "pandas"), (journal.to_polars, "polars")]:
        with pytest.raises(slipring.MissingPackage, match=rf"slipring\[{extra}\]"):
            call()
    assert len(journal.read()) == 1 and issubclass(slipring.MissingPackage, ImportError)


def test_a_parquet_file_of_it_keeps_every_nanosecond(made, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    journal = slipring.open(made(250))
    table = journal.to_arrow()
    parquet.write_table(table, tmp_path / "trades.parquet")
    assert parquet.read_table(tmp_path / "trades.parquet").equals(table)
    assert table["price"].to_pylist()[:2] == [D("100.00"), D("99.93")] and len(trades(250)) == table.num_rows
