"""What a notebook writes, a Rust engine replays."""

import shutil

import numpy as np
import pytest
import slipring
from conftest import HERE, T0, trades

GOLDEN = HERE.parent.parent.parent / "tests" / "golden"


def test_an_engine_replays_what_python_wrote(engine, made):
    path = made(250)
    wrote = trades(250)
    value = int((wrote["price"] * wrote["qty"].astype("i8")).sum())
    assert engine("replay", path) == f"250 {value} {wrote['symbol'][-1].decode()}"
    later = wrote[wrote["ts"] >= np.datetime64(T0 + 100, "ns")]
    value = int((later["price"] * later["qty"].astype("i8")).sum())
    assert engine("replay", path, T0 + 100) == f"{len(later)} {value} {later['symbol'][-1].decode()}"
    assert len(slipring.open(path).read(from_=T0 + 100)) == len(later)


def test_void_records_are_left_out_and_counted(engine, tmp_path):
    path = tmp_path / "voids"
    engine("voids", path, 1000)
    journal = slipring.open(path)
    rows, n = journal.read(), np.arange(1000)
    kept = n[n % 3 != 1]
    assert (rows["_sequence"] == kept).all() and (rows["price"] == kept).all()
    assert len(journal.range()) - len(rows) == 333 and len(journal) == 1000
    assert journal.read(from_sequence=1, to_sequence=2).size == 0 and len(journal.read(last=3)) == 2
    followed = [row for batch in journal.follow(from_sequence=0, timeout=0) for row in batch["_sequence"].tolist()]
    assert followed == kept.tolist()
    view = journal.view(verify=True)
    kinds = np.concatenate(view.column("_epoch_kind")) & 15
    assert view.records == 1000 and ((kinds == 2) == (n % 3 == 1)).all()


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="this is no clone: the golden files of the format are not here")
@pytest.mark.parametrize("name", sorted(folder.name for folder in GOLDEN.glob("*") if folder.is_dir()))
def test_journals_of_all_versions_are_read(name, tmp_path):
    shutil.copytree(GOLDEN / name, tmp_path / name)
    journal = slipring.open(tmp_path / name)
    assert journal.verify()
    if name == "v2-two-sizes":
        # Nothing says what the newer type's third word is in older events.
        with pytest.raises(slipring.SchemaError, match="word2"):
            journal.read()
        with pytest.raises(slipring.SchemaError, match="an older type"):
            journal.view()
        return
    rows, view = journal.read(), journal.view(verify=True, tail=True)
    assert len(rows) > 0 and view.records == len(journal.range())
    kept = np.concatenate(view.column("_epoch_kind")) & 15 == 1
    for name in rows.dtype.names[3:]:
        assert (np.concatenate(view.column(name))[kept] == rows[name]).all(), name
