"""Maps of sealed segments."""

import os
import pathlib
import subprocess
import sys
import textwrap

import forge
import numpy as np
import pytest
import slipring
from conftest import trades


def test_a_view_shows_the_records_of_sealed_segments(made):
    journal = slipring.open(made(250))
    view, rows = journal.view(), journal.read()
    assert (len(view), view.starts, view.end_sequence, view.records) == (2, (0, 100), 200, 200)
    assert not view.verified and not view[0].flags.writeable and view[0].strides == (48,)
    for name in ("ts", "symbol", "price", "qty", "side", "_time"):
        assert (np.concatenate(view.column(name)) == rows[name][:200]).all(), name
    assert (view[1]["_epoch_kind"] == (1 << 4 | 1)).all()
    assert sum(int(part.sum()) for part in view.column("qty")) == sum(range(200))
    rest = journal.read(from_sequence=view.end_sequence)
    assert len(rest) == 50 and rest["_sequence"][0] == 200


def test_the_tail_is_what_is_durable_of_the_last_segment(made):
    journal = slipring.open(made(250))
    view = journal.view(tail=True)
    assert (len(view), view.records, view.end_sequence) == (3, 250, 250)
    assert (np.concatenate(view.column("price")) == trades(250)["price"]).all()
    assert len(slipring.open(made(99, name="one")).view()) == 0
    assert slipring.open(made(100, name="full")).view().records == 100


def test_nothing_is_copied(made):
    journal = slipring.open(made(250))
    first, price = journal.view()[0], journal.view().column("price")[0]
    assert price.strides == (48,) and not price.flags.owndata
    before = int(first["qty"][7])
    forge.flip(journal.path, journal.segments[0].records_at + 48 * 7 + 16 + 24)
    # The file was written anew in place: what is mapped shows it.
    assert int(first["qty"][7]) == before ^ 1


def test_only_a_verified_view_finds_damage(made):
    path = made(250)
    at = slipring.open(path).segments[1].records_at
    forge.flip(path, at + 48 * 5 + 20, segment=1)
    journal = slipring.open(path)
    assert journal.view().records == 200
    with pytest.raises(slipring.Damaged, match="record 105 "):
        journal.view(verify=True)


def test_a_segment_is_checked_once(made):
    path = made(250)
    journal = slipring.open(path)
    assert journal.view(verify=True).verified
    checks = []

    class Counted:
        def __init__(self, reader):
            self.reader = reader

        def __getattr__(self, name):
            return getattr(self.reader, name)

        def check(self, start, end):
            checks.append((start, end))
            return self.reader.check(start, end)

    journal._reader = Counted(journal._reader)
    journal.view(verify=True)
    assert checks == []
    journal.view(verify=True, tail=True)
    assert checks == [(200, 250)]
    with slipring.append_to(path) as writer:
        writer.append(trades(60, 250))
    journal.refresh().view(verify=True, tail=True)
    assert checks == [(200, 250), (250, 300), (300, 310)]


def test_a_file_that_is_short_is_refused_before_it_is_mapped(made):
    path = made(250)
    journal = slipring.open(path)
    file = pathlib.Path(path) / journal.segments[1].name
    os.truncate(file, 8192)
    with pytest.raises(slipring.JournalError):
        journal.view()
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(slipring.JournalError):
        journal.view()


def test_a_file_that_is_removed_stays_mapped(made):
    path = made(250)
    view = slipring.open(path).view()
    (pathlib.Path(path) / "00000000000000000000.seg").unlink()
    assert (view[0]["price"] == trades(100)["price"]).all()


def test_a_file_that_is_shortened_ends_the_process_as_the_doc_says(made):
    script = """
        import os, sys, slipring
        journal = slipring.open(sys.argv[1])
        view = journal.view()
        os.truncate(os.path.join(journal.path, journal.segments[0].name), 0)
        try:
            journal.read()
        except slipring.JournalError:
            print("read says so", flush=True)
        view[0]["qty"].sum()
    """
    command = [sys.executable, "-c", textwrap.dedent(script), made(250)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("read says so\n", -7), done.stderr
    assert "SIGBUS" in slipring.Journal.view.__doc__
