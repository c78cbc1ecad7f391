"""Writing from arrays, lists and frames: what is appended comes back, and what does not fit is refused."""

import decimal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import slipring
from conftest import SAID, T0, TRADE, trades


def test_a_dtype_becomes_the_schema_that_rust_derives(tmp_path):
    leg = np.dtype([("px", "i8"), ("qty", "u4")])
    dtype = [
        ("flag", "?"), ("id", "V16"), ("legs", leg, (2,)), ("grid", ">i2", (3, 2)), ("at", "M8[ms]"), ("name", "S5"),
        ("x", "f4"), ("_gap", "V3"),
    ]  # fmt: skip
    schema = slipring.Schema.from_dtype("Order", dtype, kinds={"id": "u128", "at": "i64"}, time="at")
    assert str(schema).splitlines() == [
        "Order 112 time=at",
        "flag u8 0 1 bool",
        "_pad [u8;15] 1 15",
        "id u128 16 16",
        "legs[0].px i64 32 8",
        "legs[0].qty u32 40 4",
        "legs[0]._pad [u8;4] 44 4",
        "legs[1].px i64 48 8",
        "legs[1].qty u32 56 4",
        "legs[1]._pad [u8;4] 60 4",
        "grid [[i16;2];3] 64 12",
        "_pad1 [u8;4] 76 4",
        "at i64 80 8 time=ms",
        "name [u8;5] 88 5 text",
        "_pad2 [u8;3] 93 3",
        "x f32 96 4",
        "_gap [u8;3] 100 3",
        "_pad3 [u8;9] 103 9",
    ]
    given = np.zeros(3, dtype)
    given["legs"]["px"] = [[1, 2], [3, 4], [5, 6]]
    given["grid"][1] = [[1, 2], [3, 4], [-5, 6]]
    given["at"], given["name"], given["flag"] = np.arange(3), b"abc", [0, 1, 1]
    given["id"] = slipring.to_wide([0, 1, 2**128 - 1])
    with slipring.create(tmp_path / "j", schema) as writer:
        writer.append(given)
    rows = slipring.open(tmp_path / "j").read()
    assert rows["legs[1].px"].tolist() == [2, 4, 6] and rows["grid"][1].tolist() == [[1, 2], [3, 4], [-5, 6]]
    assert slipring.from_wide(rows["id"]).tolist() == [0, 1, 2**128 - 1]
    assert rows["flag"].tolist() == [False, True, True] and rows["name"].tolist() == [b"abc"] * 3
    assert rows["_time"].astype("i8").tolist() == [0, 10**6, 2 * 10**6] and rows["at"].dtype == "M8[ms]"


def test_offsets_are_kept_if_one_says_so(tmp_path):
    packed = np.dtype([("kind", "u1"), ("price", "i8")])
    holes = np.dtype({"names": ["a", "b"], "formats": ["u1", "u4"], "offsets": [2, 8], "itemsize": 16})
    lines = lambda dtype, keep: str(slipring.Schema.from_dtype("E", dtype, keep_offsets=keep)).splitlines()
    assert lines(packed, True) == ["E 9", "kind u8 0 1", "price i64 1 8"]
    assert lines(packed, False) == ["E 16", "kind u8 0 1", "_pad [u8;7] 1 7", "price i64 8 8"]
    assert lines(holes, True) == [
        "E 16", "_pad [u8;2] 0 2", "a u8 2 1", "_pad1 [u8;5] 3 5", "b u32 8 4", "_pad2 [u8;4] 12 4",
    ]  # fmt: skip
    for n, dtype in enumerate([packed, holes]):
        given = np.frombuffer(np.arange(3 * dtype.itemsize, dtype="u1").tobytes(), dtype)
        with slipring.create(tmp_path / str(n), dtype, name="E", keep_offsets=True) as writer:
            writer.append(given, T0)
        rows = slipring.open(tmp_path / str(n)).read()
        assert all((rows[name] == given[name]).all() for name in dtype.names)
    over = np.dtype({"names": ["a", "b"], "formats": ["u4", "u4"], "offsets": [0, 2], "itemsize": 8})
    with pytest.raises(slipring.SchemaError, match="over each other"):
        slipring.Schema.from_dtype("E", over, keep_offsets=True)


@pytest.mark.parametrize(
    "dtype, said, why",
    [
        ("u8", {}, "has no fields"),
        ([("a", "U4")], {}, "can't hold <U4"),
        ([("a", "O")], {}, "can't hold"),
        ([("a", "c16")], {}, "can't hold"),
        ([("a", "f2")], {}, "can't hold"),
        ([("a", "M8[D]")], {}, "can't hold"),
        ([("a", "M8[10s]")], {}, "can't hold"),
        ([("a", "m8[ns]")], {}, "can't hold"),
        ([("a/b", "u4")], {}, "no name of a field"),
        ([("a b", "u4")], {}, "no name of a field"),
        ([("_a", "u4")], {}, "padding"),
        ([("a", "u4")], {"time": "b"}, "which is no field"),
        ([("a", "u4")], {"time": "a"}, "which is no time"),
        ([("a", "u4")], {"decimals": {"b": 2}}, "which is no field"),
        ([("a", "u4")], {"kinds": {"a": "u64"}}, "can't be journalled as"),
        ([("a", "u4")], {"enums": {"a": ["x,y"]}}, "of an enum"),
    ],
)
def test_what_can_be_no_event_is_refused(tmp_path, dtype, said, why):
    with pytest.raises(slipring.SchemaError, match=why):
        slipring.create(tmp_path / "j", dtype, name="E", **said)
    assert not (tmp_path / "j").exists()


def test_a_journal_is_made_once(made):
    path = made(3)
    with pytest.raises(slipring.Exists):
        slipring.create(path, TRADE, name="Trade")
    with pytest.raises(slipring.SchemaError, match="has a name"):
        slipring.create(path + "2", TRADE)
    with slipring.append_to(path) as writer:
        with pytest.raises(slipring.Locked):
            slipring.append_to(path)
        assert "closed in good order" in writer.recovery
    writer.close()
    with pytest.raises(slipring.Closed):
        writer.append(trades(1))
    assert len(slipring.open(path)) == 3


def test_rows_columns_and_lists_are_taken(made):
    path = made(10)
    rows = slipring.open(path).read()
    shuffled = rows[["side", "qty", "price", "symbol", "ts"]]
    columns = {name: rows[name] for name in ("ts", "symbol", "price", "qty")}
    with slipring.append_to(path) as writer:
        assert writer.append(rows) == range(10, 20)
        assert writer.append(shuffled, rows["_time"]) == range(20, 30)
        assert writer.append({**columns, "side": ["buy", "sell"] * 5}) == range(30, 40)
        assert writer.append([tuple(row) for row in trades(10)[list(writer.dtype.names)]]) == range(40, 50)
        assert writer.append(trades(20)[::2][:3][::-1]) == range(50, 53)
        assert writer.append(trades(1)[0]) == range(53, 54) and writer.append([]) == range(54, 54)
        assert writer.append({**columns, "side": 2}, times=T0) == range(54, 64)
        assert writer.regressions > 0
    again = slipring.open(path).read()
    for name in TRADE:
        for part in range(5):
            assert (again[name[0]][10 * part : 10 * part + 10] == rows[name[0]]).all(), (name, part)
    assert again["qty"][50:54].tolist() == [4, 2, 0, 0] and again["side"][54:].tolist() == [2] * 10


@pytest.mark.parametrize(
    "column, values, why",
    [
        ("qty", [2**32], "4294967296 does not fit into u32"),
        ("qty", [-1], "-1 does not fit into u32"),
        ("qty", [1.0], "float64 can't be told as u32"),
        ("qty", [2**70], "does not fit"),
        ("qty", ["7"], "can't be told as u32"),
        ("qty", [None], "can't be told as u32"),
        ("price", [1.25], r"units of 10\^-2, as integers"),
        ("price", [decimal.Decimal("1.255")], "more than 2 digits"),
        ("price", [decimal.Decimal("NaN")], "more than 2 digits"),
        ("symbol", ["ABCDEFGHI"], "longer than 8 bytes"),
        ("symbol", ["ééééé"], "longer than 8 bytes"),
        ("symbol", [7], "is text"),
        ("side", ["hold"], "none of the names buy, sell"),
        ("side", [300], "does not fit into u8"),
        ("ts", np.array(["1960-01-01"], "M8[ns]"), "lies before 1970"),
        ("ts", np.array(["NaT"], "M8[ns]"), "or is NaT"),
        ("ts", np.array([1], "M8[ps]"), "can't be told exactly"),
        ("ts", np.array(["9999-01-01"], "M8[s]"), "can't be told exactly"),
        ("qty", [[1, 2]], "has the shape"),
        ("prize", [1], "has no field"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_appended(made, column, values, why):
    path = made(0)
    columns = {name: trades(1)[name] for name, _ in TRADE}
    with slipring.append_to(path) as writer:
        with pytest.raises(slipring.BadOption, match=why):
            writer.append({**columns, column: values}, times=T0)
        assert writer.end_sequence == 0


def test_values_of_other_types_that_fit_are_taken(made):
    path = made(0)
    given = {
        "ts": np.array(["2024-03-10T09:30"], "M8[m]"),
        "symbol": np.array(["é"]),
        "price": np.array([decimal.Decimal("-12.5")]),
        "qty": np.array([7], ">i8"),
        "side": np.array(["sell"], dtype=object),
    }
    with slipring.append_to(path) as writer:
        writer.append(given)
        writer.append({**given, "price": [-1250], "ts": [1_710_063_000_000_000_000], "qty": [True]})
    rows = slipring.open(path).read()
    assert rows["price"].tolist() == [-1250] * 2 and rows["symbol"].tolist() == ["é".encode()] * 2
    assert (rows["ts"] == np.datetime64("2024-03-10T09:30")).all() and rows["side"].tolist() == [2, 2]
    assert rows["qty"].tolist() == [7, 1] and (rows["_time"] == rows["ts"]).all()


def test_a_default_stands_for_a_column_that_is_missing(tmp_path):
    dtype = [("a", "u4"), ("side", "u1"), ("px", "i8"), ("t", "M8[ms]"), ("s", "S4"), ("f", "f8"), ("b", "?")]
    default = {
        "a": 5, "side": "sell", "px": "-12.5", "t": "2024-03-10T09:30:00.007Z", "s": "é", "f": "0.5", "b": "true",
    }  # fmt: skip
    said = {name: {"default": value} for name, value in default.items()}
    said["a"]["unit"] = "shares"
    options = dict(decimals={"px": 2}, enums={"side": ["buy", "sell"]})
    with slipring.create(tmp_path / "j", [("k", "u8"), *dtype], name="E", attributes=said, **options) as writer:
        writer.append({"k": [1, 2]}, times=T0)
        with pytest.raises(slipring.BadOption, match="no column 'k'"):
            writer.append({"a": [1]})
    rows = slipring.open(tmp_path / "j").read()
    assert rows["a"].tolist() == [5, 5] and rows["side"].tolist() == [1, 1] and rows["px"].tolist() == [-1250] * 2
    assert rows["t"][0] == np.datetime64("2024-03-10T09:30:00.007") and rows["s"][0] == "é".encode()
    assert rows["f"].tolist() == [0.5, 0.5] and rows["b"].tolist() == [True, True]


def test_padding_is_zero_whatever_lies_in_the_holes(tmp_path):
    dtype = np.dtype([("a", "u1"), ("b", "u8")], align=True)
    given = np.frombuffer(b"\xff" * 32, dtype)
    with slipring.create(tmp_path / "j", dtype, name="E") as writer:
        assert writer.dtype.itemsize == dtype.itemsize == 16
        writer.append(given, T0)
    raw = slipring.open(tmp_path / "j").view(tail=True)[0].tobytes()
    assert raw[16:32] == b"\xff" + b"\0" * 7 + b"\xff" * 8


def test_times_are_those_given_the_schemas_or_the_clocks(tmp_path):
    for name, time in [("own", "ts"), ("clock", None)]:
        with slipring.create(tmp_path / name, TRADE, name="Trade", time=time) as writer:
            writer.append(trades(4), times=np.arange(4) + T0 - 100)
            writer.append(trades(4))
    own, clock = (slipring.open(tmp_path / name).read()["_time"].astype("u8") for name in ("own", "clock"))
    assert own[:4].tolist() == clock[:4].tolist() == [T0 - 100 + n for n in range(4)]
    assert own[4:].tolist() == [T0, T0, T0 + 1, T0 + 1]
    assert (clock[4:] == clock[4]).all() and clock[4] > T0 + 60 * 10**15


def test_a_time_far_ahead_is_refused_and_says_how_many_were_taken(made):
    path = made(0)
    times = np.array([T0, T0 + 1, 2**63], "u8")
    with slipring.append_to(path) as writer:
        with pytest.raises(slipring.TimeTooFar, match="max_time_step") as refused:
            writer.append(trades(3), times)
        assert refused.value.appended == 2 and writer.end_sequence == 2
    with slipring.append_to(path, max_time_step=1e12) as writer:
        writer.append(trades(1), times[2:])
    journal = slipring.open(path)
    assert journal.range(from_=2**63) == range(2, 3) and len(journal.read(from_=2**63)) == 1


def test_unsigned_times_that_numpy_shows_as_earlier_go_through(tmp_path):
    dtype = [("ts", "M8[ns]"), ("n", "u4"), ("m", "u4")]
    with slipring.create(tmp_path / "j", dtype, name="E") as writer:
        writer.append({"ts": np.array([2**64 - 1, 5], "u8"), "n": [1, 2], "m": 0}, T0)
        rows = writer.reader().read()
        writer.append(rows, T0)
        with pytest.raises(slipring.BadOption, match="before 1970"):
            writer.append(np.array([(np.datetime64(-1, "ns"), 1, 1)], writer.dtype), T0)
    again = slipring.open(tmp_path / "j").read()["ts"].view("u8")
    assert again.tolist() == [2**64 - 1, 5] * 2


def test_what_is_appended_becomes_durable(made):
    with slipring.append_to(made(10), sync="batch") as writer:
        writer.append(trades(500, 10))
        assert writer.wait_durable(60) and writer.durable_end == writer.end_sequence == 510
        assert writer.last_time_ns == T0 + 254
    with pytest.raises(slipring.BadOption):
        slipring.append_to(writer.path, sync="often")
    with pytest.raises(slipring.BadOption, match="segment_records = 0"):
        slipring.append_to(writer.path, segment_records=0)


def test_many_events_go_through_in_turns(tmp_path):
    count = 300_000
    with slipring.create(tmp_path / "j", TRADE, name="Trade", **SAID, segment_bytes=2 << 20) as writer:
        assert writer.append(trades(count)) == range(count)
    journal = slipring.open(tmp_path / "j")
    assert (journal.read(fields=["price"])["price"] == trades(count)["price"]).all()
    assert journal.view(verify=True).records > count - 50_000


def test_a_child_process_can_not_close_its_parents_writer(made):
    script = """
        import os, sys, numpy as np, slipring
        writer = slipring.append_to(sys.argv[1])
        child = os.fork()
        if child == 0:
            try:
                writer.close()
            except slipring.SyncFailed:
                os._exit(7)
            os._exit(1)
        assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 7
        writer.append(np.zeros(1, writer.dtype))
        writer.close()
    """
    path = made(1)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(slipring.open(path)) == 2
