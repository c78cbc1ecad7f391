"""Schemas in other words: schema files, and what the command generates, agree with numpy's."""

import numpy as np
import pytest
import slipring
from slipring import Schema

TOML = """
name = "Order"
time = "ts"

[fields]
live = "bool"
ts = { type = "time", unit = "ns" }
sent = { type = "time", unit = "ms", signed = true }
symbol = { type = "text", length = 7 }
side = { type = "enum", values = { buy = 1, sell = 2 } }
price = { type = "decimal", scale = 2 }
qty = { type = "u32", unit = "shares", default = 7 }
ids = "[u64;4]"
grid = "[[i16;2];3]"
x = "f32"
raw = "[u8;3]"
"""

DTYPE = [
    ("live", "?"), ("ts", "M8[ns]"), ("sent", "M8[ms]"), ("symbol", "S7"), ("side", "u1"), ("price", "i8"),
    ("qty", "u4"), ("ids", "u8", (4,)), ("grid", "i2", (3, 2)), ("x", "f4"), ("raw", "V3"),
]  # fmt: skip


def test_a_schema_file_and_a_dtype_say_the_same():
    of_file = Schema.from_toml(TOML)
    of_dtype = Schema.from_dtype(
        "Order", DTYPE, time="ts", decimals={"price": 2}, enums={"side": {"buy": 1, "sell": 2}},
        kinds={"sent": "i64"}, attributes={"qty": {"unit": "shares", "default": 7}},
    )  # fmt: skip
    assert str(of_file) == str(of_dtype)
    assert Schema.from_toml(of_file.to_toml()) == of_file


def test_a_wrong_schema_file_is_refused_with_its_place():
    with pytest.raises(slipring.SchemaError, match="3"):
        Schema.from_toml('name = "Order"\n[fields]\nqty = "int"')


@pytest.mark.parametrize("how", [str, lambda path: path])
def test_a_journal_is_made_of_a_schema_file(tmp_path, how):
    (tmp_path / "order.toml").write_text(TOML, encoding="utf-8")
    with slipring.create(tmp_path / "orders", how(tmp_path / "order.toml")) as writer:
        rows = np.zeros(3, DTYPE)
        rows["symbol"], rows["side"] = "ABCDEFG", 1
        writer.append(rows)
    journal = slipring.open(tmp_path / "orders")
    assert journal.schema == Schema.from_toml(TOML) and journal.read()["symbol"].tolist() == [b"ABCDEFG"] * 3


def test_the_dtype_that_the_command_generates_reads_what_a_view_does(tmp_path):
    schema = Schema.from_toml(TOML)
    with slipring.create(tmp_path / "orders", schema, segment_records=4) as writer:
        made = np.zeros(4, writer.dtype)
        made["symbol"], made["price"], made["grid"] = b"AB", [1, -2, 3, -4], np.arange(24).reshape(4, 3, 2)
        made["ts"], made["side"], made["ids"] = np.arange(4), 2, 2**63
        writer.append(made)
    journal = slipring.open(tmp_path / "orders")
    names: dict = {}
    exec(schema.code("numpy"), names)
    segment, mine = journal.segments[0], journal.view()[0]
    theirs = np.memmap(f"{journal.path}/{segment.name}", names["dtype"], "r", segment.records_at, segment.capacity)
    assert theirs.dtype.names == mine.dtype.names and theirs.strides == mine.strides
    for name in mine.dtype.names:
        assert theirs[name].tobytes() == mine[name].tobytes(), name
        same = theirs.dtype[name] == mine.dtype[name]
        assert same or (theirs.dtype[name], mine.dtype[name]) == (np.dtype("V3"), np.dtype(("u1", (3,))))
    assert names["scales"] == {"price": 2} and names["names"]["side"] == schema["side"].names


def test_code_in_other_languages():
    schema = Schema.from_toml(TOML)
    assert "pub struct Order {" in schema.code("rust") and "CREATE TABLE" in schema.code("sql").upper()
    assert "uint64_t ts" in schema.code("c")
    with pytest.raises(slipring.BadOption, match="there are rust, c, numpy and sql"):
        schema.code("cobol")


def test_arrays_of_texts(tmp_path):
    with slipring.create(tmp_path / "j", [("n", "u1"), ("names", "S4", (2,))], name="E") as writer:
        writer.append({"n": [1, 2], "names": [["ab", "é"], ["", "abcd"]]})
        with pytest.raises(slipring.BadOption, match="longer than 4 bytes"):
            writer.append({"n": [1], "names": [["a", "abcde"]]})
    journal = slipring.open(tmp_path / "j")
    assert journal.schema["names"].kind == "[[u8;4];2]" and journal.schema["names"].is_text
    assert journal.read()["names"].tolist() == [[b"ab", "é".encode()], [b"", b"abcd"]]
    pytest.importorskip("pyarrow")
    assert journal.to_arrow()["names"].to_pylist() == [["ab", "é"], ["", "abcd"]]
    with slipring.append_to(journal.path) as writer:
        writer.append(journal.to_arrow())
    assert (journal.refresh().read()["names"][2:] == journal.read()["names"][:2]).all()
