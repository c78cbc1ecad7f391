"""One-of events: a tag, and fields that share their bytes."""

import numpy as np
import pytest
import slipring
from slipring import Field, Schema

MESSAGE = Schema(
    "MessageEvent",
    40,
    (
        Field("tag", "u32", 0, 4),
        Field("Add", "u32=1", 0, 4),
        Field("Add/order", "u64", 8, 8),
        Field("Add/leg.price", "i64", 16, 8, {"decimal": "2"}),
        Field("Add/leg.qty", "u32", 24, 4),
        Field("Add/leg._pad", "[u8;4]", 28, 4),
        Field("Add/ids", "[u16;4]", 32, 8),
        Field("Cancel", "u32=2", 0, 4),
        Field("Cancel/order", "u32", 8, 4),
        Field("Cancel/why", "[u8;8]", 12, 8, {"text": ""}),
        Field("Cancel/at", "u64", 24, 8, {"time": "us"}),
        Field("Cancel/side", "u8", 32, 1, {"enum": "buy:1,sell:2"}),
        Field("Cancel/live", "u8", 33, 1, {"bool": ""}),
        Field("Heartbeat", "u32=7", 0, 4),
    ),
)


@pytest.fixture
def messages(tmp_path):
    with slipring.create(tmp_path / "messages", MESSAGE) as writer:
        writer.append(
            {
                "_variant": ["Add", "Cancel", "Heartbeat", "Add"],
                "Add.order": [1, 0, 0, 2**64 - 1],
                "Add.leg.price": [-1, 0, 0, 1250],
                "Add.leg.qty": [3, 0, 0, 4],
                "Add.ids": [[1, 2, 3, 4], [0] * 4, [0] * 4, [5, 6, 7, 8]],
                "Cancel.order": [0, 9, 0, 0],
                "Cancel.why": ["", "late é", "", ""],
                "Cancel.at": np.array([0, 1, 0, 0], "M8[us]"),
                "Cancel.side": [0, 2, 0, 0],
                "Cancel.live": [False, True, False, False],
            },
            times=[1, 2, 3, 4],
        )
    return slipring.open(tmp_path / "messages")


def test_columns_are_named_by_variant_and_share_bytes(messages):
    rows = messages.read()
    assert rows.dtype.names[:6] == ("_sequence", "_time", "_epoch", "_variant", "Add.order", "Add.leg.price")
    assert rows["_variant"].tolist() == [1, 2, 7, 1]
    adds = rows[rows["_variant"] == 1]
    assert adds["Add.order"].tolist() == [1, 2**64 - 1] and adds["Add.ids"].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert rows["Cancel.why"][1] == "late é".encode() and rows["Cancel.live"][1]
    assert messages.read(fields=["Cancel"]).dtype.names[3:] == (
        "_variant", "Cancel.order", "Cancel.why", "Cancel.at", "Cancel.side", "Cancel.live",
    )  # fmt: skip


def test_reading_bools_of_one_variant_leaves_the_others_alone(messages):
    # `Cancel.live` lies over `Add.ids`: to make bools of it would change those.
    assert messages.read()["Add.ids"][3].tolist() == [5, 6, 7, 8]
    assert messages.read(fields=["Cancel.live", "Add.ids"])["Cancel.live"].dtype == np.dtype("?")


def test_fields_of_other_variants_are_null(messages):
    pytest.importorskip("pyarrow")
    table = messages.to_arrow()
    table.validate(full=True)
    said = {name: [str(v) if v is not None else None for v in table[name].to_pylist()] for name in table.column_names}
    assert said["_variant"] == ["Add", "Cancel", "Heartbeat", "Add"]
    assert said["Add.order"] == ["1", None, None, str(2**64 - 1)]
    assert said["Add.leg.price"] == ["-0.01", None, None, "12.50"]
    assert said["Add.ids"] == ["[1, 2, 3, 4]", None, None, "[5, 6, 7, 8]"]
    assert said["Cancel.why"] == [None, "late é", None, None] and said["Cancel.side"] == [None, "sell", None, None]
    assert said["Cancel.live"] == [None, "True", None, None]
    assert said["Cancel.at"][0] is None and said["Cancel.at"][1].startswith("1970-01-01 00:00:00.000001")
    assert messages.to_arrow(fields=["Cancel.order"])["Cancel.order"].to_pylist() == [None, 9, None, None]


def test_frames_have_nulls_too(messages):
    pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    frame = messages.to_pandas()
    assert str(frame["Add.order"].dtype) == "UInt64" and frame["Add.order"][3] == 2**64 - 1
    assert frame["Add.order"].isna().tolist() == [False, True, True, False]
    assert str(frame["Cancel.live"].dtype) == "boolean" and frame["Cancel.why"][1] == "late é"
    assert frame["_variant"].tolist() == ["Add", "Cancel", "Heartbeat", "Add"]
    polars = pytest.importorskip("polars")
    assert messages.to_polars()["Add.order"].to_list() == [1, None, None, 2**64 - 1]
    assert isinstance(frame, pandas.DataFrame) and isinstance(messages.to_polars(), polars.DataFrame)


@pytest.mark.parametrize("kind", ["arrow", "pandas", "polars"])
def test_frames_go_back_too(messages, tmp_path, kind):
    pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow" if kind == "arrow" else kind)
    with slipring.create(tmp_path / "copy", messages.schema) as writer:
        writer.append(getattr(messages, f"to_{kind}")())
    assert slipring.open(tmp_path / "copy").read().tobytes() == messages.read().tobytes()


def test_rows_go_back_as_they_were(messages, tmp_path):
    rows = messages.read()
    with slipring.create(tmp_path / "copy", messages.schema) as writer:
        writer.append(rows)
        with pytest.raises(slipring.BadOption, match="none of the names Add, Cancel, Heartbeat"):
            writer.append({"_variant": ["Replace"]})
        with pytest.raises(slipring.BadOption, match="a column '_variant' says"):
            writer.append({"Add.order": [1]})
        with pytest.raises(slipring.BadOption, match="no column 'Add.leg.price'"):
            writer.append({"_variant": ["Add"], "Add.order": [1]})
        writer.append({"_variant": [7]}, times=5)
    copied = slipring.open(tmp_path / "copy")
    assert copied.read(to_sequence=4).tobytes() == rows.tobytes() and copied.read(last=1)["_variant"][0] == 7


def test_the_engine_writes_and_reads_them(engine, tmp_path):
    path = tmp_path / "rust"
    engine("messages", path, 250)
    journal = slipring.open(path)
    rows = journal.read()
    assert journal.schema.variants == {1: "Add", 2: "Cancel", 7: "Heartbeat"}
    n = np.arange(250)
    assert rows["_variant"].tolist() == np.array([1, 2, 7])[n % 3].tolist()
    adds = rows[rows["_variant"] == 1]
    assert (adds["Add.leg.price"] == -n[::3]).all() and (adds["Add.ids"] == n[::3, None]).all()
    assert (np.concatenate(journal.view().column("_variant")) == rows["_variant"][:200]).all()
    with slipring.append_to(path) as writer:
        writer.append(rows[:6], times=1000)
    assert engine("count", path) == f"{86} {85} {85} {int(-n[::3].sum()) - 3}"
