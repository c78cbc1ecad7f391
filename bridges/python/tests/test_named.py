"""Readers that keep their place."""

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import slipring
from conftest import T0, trades


def sequences(batches):
    return [int(sequence) for rows in batches for sequence in rows["_sequence"]]


def test_it_goes_on_where_it_committed(made):
    path = made(250)
    journal = slipring.open(path)
    with journal.reader("billing", fields=["qty"], timeout=0) as reader:
        assert (reader.name, reader.position, reader.next_sequence) == ("billing", 0, 0)
        reader.commit()
        assert reader.position == 0, "nothing was given"
        first = next(reader)
        assert first.dtype == journal.read(fields=["qty"]).dtype and first["qty"][0] == 0
        reader.commit(120 if len(first) >= 120 else None)
        done = reader.position
    assert 0 < done <= 120
    with journal.reader("billing", timeout=0) as reader:
        assert sequences(reader) == list(range(done, 250))
        reader.commit()
        assert reader.position == reader.next_sequence == 250
        assert reader.close() == 250 and reader.close() is None
        with pytest.raises(slipring.Closed, match="get it again by its name"):
            reader.commit(1)
    with slipring.append_to(path) as writer:
        writer.append(trades(5, 250))
    with slipring.open(path).reader("billing", timeout=0) as reader:
        assert sequences(reader) == list(range(250, 255))
        # Not committed: it comes again.
    with slipring.open(path).reader("billing", timeout=0) as reader:
        assert sequences(reader) == list(range(250, 255))


def test_it_is_set_by_time_sequence_and_end(made):
    with slipring.open(made(250)).reader("r", timeout=0) as reader:
        for how, at in [
            (dict(sequence=7), 7),
            (dict(time=T0 + 50), 100),
            (dict(time="1960-01-01"), 0),
            (dict(to="end"), 250),
            (dict(to="first"), 0),
        ]:
            reader.seek(**how)
            assert (reader.position, reader.next_sequence) == (at, at), how
            assert sequences(reader) == list(range(at, 250))
        for wrong in [dict(), dict(to="end", sequence=1), dict(to="last"), dict(sequence=-1)]:
            with pytest.raises(slipring.BadOption):
                reader.seek(**wrong)
        with pytest.raises(slipring.OutOfRange):
            reader.seek(sequence=251)
        with pytest.raises(slipring.OutOfRange, match="handed out"):
            reader.commit(251)
        with pytest.raises(slipring.BadOption):
            reader.commit(-1)
        assert reader.resume_at_first() == 0


def test_one_has_the_name_at_a_time(made):
    journal = slipring.open(made(10))
    with journal.reader("r") as reader:
        with pytest.raises(slipring.Locked, match="held by another"):
            journal.reader("r")
        assert reader.position == 0
    journal.reader("r").close()
    for name in ["", "../r", ".r"]:
        with pytest.raises(slipring.BadOption):
            journal.reader(name)
    with open(os.path.join(journal.path, "readers", "r"), "wb") as file:
        file.write(b"junk")
    with pytest.raises(slipring.Damaged, match="set the reader anew"):
        journal.reader("r")


def test_killed_it_loses_none(made):
    script = """
        import sys, slipring
        with slipring.open(sys.argv[1]).reader("r", timeout=0) as reader:
            rows = next(reader)
            reader.commit(int(rows["_sequence"][0]) + 30)
            print("committed", flush=True)
            sys.stdin.read()
    """
    path = made(250)
    for life in range(3):
        command = [sys.executable, "-c", textwrap.dedent(script), path]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout.readline() == "committed\n"
            child.send_signal(signal.SIGKILL)
        with slipring.open(path).reader("r", timeout=0) as reader:
            assert reader.position == 30 * (life + 1)
            assert sequences(reader) == list(range(30 * (life + 1), 250))


def test_where_a_newer_type_begins_it_says_so(tmp_path):
    path = str(tmp_path / "j")
    schema = slipring.Schema.from_toml('name = "E"\nversion = 1\n[fields]\na = "u32"\n')
    with slipring.create(path, schema) as writer:
        writer.append(np.array([(1,), (2,)], writer.dtype), np.arange(2, dtype="u8"))
    journal = slipring.open(path)
    reader = journal.reader("r", timeout=0)
    assert sequences(reader) == [0, 1]
    schema = slipring.Schema.from_toml('name = "E"\nversion = 2\n[fields]\na = "u64"\n')
    with slipring.append_to(path, schema) as writer:
        writer.append(np.array([(3,)], writer.dtype), np.array([2], "u8"))
    for _ in range(2):
        with pytest.raises(slipring.SchemaError, match=r"from sequence 2 on .*journal.reader\('r'\)"):
            reader.wait(timeout=0)
    reader.commit()
    assert reader.close() == 2
    with journal.refresh().reader("r", timeout=0) as reader:
        assert [int(a) for rows in reader for a in rows["a"]] == [3]
