"""Journals whose events have changed: all is shown as the newest type."""

import numpy as np
import pytest
import slipring

V1 = """
name = "Quote"
version = 1
[fields]
id = "u32"
px = "i32"
"""

V2 = """
name = "Quote"
version = 2
[fields]
id = "u64"
price = { type = "i64", was = "px" }
qty = { type = "u32", since = 2, default = 7 }
"""

OTHER = """
name = "Quote"
version = 2
[fields]
id = "u8"
px = "i32"
"""


@pytest.fixture
def mixed(tmp_path):
    path = tmp_path / "j"
    v1, v2 = slipring.Schema.from_toml(V1), slipring.Schema.from_toml(V2)
    with slipring.create(path, v1, segment_records=4) as writer:
        writer.append(np.array([(n, -n) for n in range(6)], writer.dtype), np.arange(6, dtype="u8"))
    with slipring.append_to(path, v2, segment_records=4) as writer:
        rows = np.zeros(9, writer.dtype)
        rows["id"], rows["price"], rows["qty"] = np.arange(6, 15), -np.arange(6, 15), 100
        writer.append(rows, np.arange(6, 15, dtype="u8"))
    return path


def test_all_is_read_as_the_newest(mixed):
    journal = slipring.open(mixed)
    rows = journal.read()
    assert rows["id"].tolist() == list(range(15)) and rows["price"].tolist() == [-n for n in range(15)]
    assert rows["qty"].tolist() == [7] * 6 + [100] * 9
    assert journal.read(from_=3, to=8)["_sequence"].tolist() == [3, 4, 5, 6, 7]
    assert [segment.event_version for segment in journal.segments][::3] == [1, 2]
    assert journal.verify()
    followed = [int(n) for batch in journal.follow(from_sequence=0, timeout=0) for n in batch["price"]]
    assert followed == [-n for n in range(15)]


def test_a_follower_says_where_a_newer_type_begins(tmp_path):
    path = tmp_path / "j"
    v1, v2 = slipring.Schema.from_toml(V1), slipring.Schema.from_toml(V2)
    with slipring.create(path, v1) as writer:
        writer.append(np.array([(n, -n) for n in range(6)], writer.dtype), np.arange(6, dtype="u8"))
    journal = slipring.open(path)
    follow, late = (journal.follow(from_sequence=n, timeout=0) for n in (2, 3))
    assert np.concatenate(list(follow))["px"].tolist() == [-2, -3, -4, -5]
    with slipring.append_to(path, v1) as writer:
        writer.append(np.array([(6, -6)], writer.dtype), np.array([6], "u8"))
    with slipring.append_to(path, v2) as writer:
        writer.append(np.array([(7, -7, 70)], writer.dtype), np.array([7], "u8"))
    # What is of its type comes first.
    assert next(follow)["px"].tolist() == [-6]
    for _ in range(2):
        with pytest.raises(slipring.SchemaError, match=r"from sequence 7 on .*follow\(from_sequence=7\)"):
            next(follow)
    # One that had not begun could show all as the newest, and its journal was opened before.
    for _ in range(2):
        with pytest.raises(slipring.SchemaError, match=r"follow\(from_sequence=3\)"):
            next(late)
    rest = np.concatenate(list(journal.refresh().follow(from_sequence=7, timeout=0)))
    assert (rest["price"].tolist(), rest["qty"].tolist()) == ([-7], [70])
    rest = np.concatenate(list(journal.follow(from_sequence=3, timeout=0)))
    assert rest["price"].tolist() == [-3, -4, -5, -6, -7]


def test_a_view_never_shows_older_records_as_newer_ones(mixed):
    journal = slipring.open(mixed)
    with pytest.raises(slipring.SchemaError, match=r"view\(from_sequence=6\)"):
        journal.view()
    view = journal.view(from_sequence=6, tail=True, verify=True)
    assert np.concatenate(view.column("price")).tolist() == [-n for n in range(6, 15)] and view.starts == (6, 10, 14)


def test_a_schema_that_the_old_events_do_not_fit_is_refused_field_by_field(mixed, tmp_path):
    path = tmp_path / "k"
    v1 = slipring.Schema.from_toml(V1)
    with slipring.create(path, v1) as writer:
        writer.append(np.zeros(3, writer.dtype), np.arange(3, dtype="u8"))
    (tmp_path / "other.toml").write_text(OTHER)
    with pytest.raises(slipring.SchemaError, match="id"):
        slipring.append_to(path, tmp_path / "other.toml")
    with pytest.raises(slipring.SchemaError):
        slipring.append_to(mixed, v1)
    assert len(slipring.open(path).read()) == 3
