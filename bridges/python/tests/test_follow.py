"""Following: batches as they come."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
import slipring
from conftest import trades


def test_what_is_there_and_what_comes(made):
    path = made(250)
    journal = slipring.open(path)
    follow = journal.follow(from_sequence=95, fields=["qty"], timeout=0)
    batches = list(follow)
    rows = np.concatenate(batches)
    assert rows["qty"].tolist() == list(range(95, 250)) and follow.next_sequence == 250
    assert batches[0].dtype == journal.read(fields=["qty"]).dtype
    with slipring.append_to(path) as writer:
        writer.append(trades(120, 250))
        assert np.concatenate(list(follow))["_sequence"].tolist() == list(range(250, 370))
        assert follow.wait(timeout=0.01) is None


def test_it_begins_with_what_comes_next(made):
    path = made(10)
    follow = slipring.open(path).follow(timeout=60)
    with slipring.append_to(path) as writer:
        threading.Timer(0.1, lambda: writer.append(trades(3, 10))).start()
        assert next(follow)["_sequence"][0] == 10
    ahead = slipring.open(path).follow(from_sequence=14, timeout=0)
    assert list(ahead) == []
    with slipring.append_to(path) as writer:
        writer.append(trades(3, 13))
    assert np.concatenate(list(ahead))["_sequence"].tolist() == [14, 15]


def test_other_threads_run_while_it_waits(made):
    path, turns = made(10), []
    stop = threading.Event()

    def work():
        while not stop.is_set():
            turns.append(1)
            time.sleep(0)

    thread = threading.Thread(target=work)
    follow = slipring.open(path).follow(poll=10, timeout=0.3)
    thread.start()
    before = len(turns)
    assert list(follow) == []
    during = len(turns) - before
    stop.set()
    thread.join()
    assert during > 0


def test_ctrl_c_ends_it(made):
    script = """
        import sys, slipring
        print("waiting", flush=True)
        try:
            for rows in slipring.open(sys.argv[1]).follow(poll=3600):
                pass
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), made(10)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "waiting\n"
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=60)[0] == "interrupted\n"


def test_a_journal_that_goes_away_is_an_error(made, tmp_path):
    path = made(10)
    follow = slipring.open(path).follow(timeout=0)
    assert list(follow) == []
    os.rename(path, tmp_path / "elsewhere")
    made(5)
    with slipring.append_to(tmp_path / "elsewhere") as writer:
        writer.append(trades(1, 10))
    # The folder is held by its handle: it goes on in the one that it was.
    assert len(next(follow)) == 1
    with pytest.raises(slipring.NotFound):
        slipring.open(tmp_path / "none").follow()


@pytest.mark.parametrize("option", [dict(poll=-1), dict(timeout=-1), dict(poll=float("nan"))])
def test_options_that_make_no_sense(made, option):
    with pytest.raises(slipring.BadOption):
        next(slipring.open(made(1)).follow(from_sequence=0, **option))


def test_a_writer_in_another_process(made):
    path = made(10)
    script = """
        import sys, time, numpy as np, slipring
        with slipring.append_to(sys.argv[1]) as writer:
            for n in range(50):
                writer.append(np.zeros(20, writer.dtype))
    """
    follow = slipring.open(path).follow(timeout=60)
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script), path]) as child:
        seen = 0
        while seen < 1000:
            seen += len(next(follow))
        assert child.wait(timeout=60) == 0
    assert seen == 1000 and follow.next_sequence == 1010
