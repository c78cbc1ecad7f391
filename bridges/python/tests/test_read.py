"""Reading into arrays: which records, which columns, and every one of them verified."""

import datetime
import threading

import forge
import numpy as np
import pytest
import slipring
from conftest import T0, trades


def test_every_field_of_every_record_comes_back(made):
    journal = slipring.open(made(250))
    rows, wrote = journal.read(), trades(250)
    assert (len(journal), journal.first_sequence, journal.end_sequence) == (250, 0, 250)
    assert journal.dtype.names == ("_sequence", "_time", "_epoch", "ts", "symbol", "price", "qty", "side")
    assert rows.dtype == journal.dtype and rows.flags.aligned and rows.flags.writeable
    assert (rows["_sequence"] == np.arange(250)).all() and (rows["_epoch"] == 1).all()
    assert rows["_time"].dtype == np.dtype("M8[ns]") and (rows["_time"] == wrote["ts"]).all()
    for name in wrote.dtype.names:
        assert rows[name].dtype == wrote[name].dtype and (rows[name] == wrote[name]).all(), name


def test_the_schema_says_what_the_numbers_mean(made):
    schema = slipring.open(made(1)).schema
    assert (schema.name, schema.size, schema.time) == ("Trade", 32, "ts")
    assert [field.path for field in schema.columns] == ["ts", "symbol", "price", "qty", "side"]
    assert (schema["ts"].time_unit, schema["price"].scale, schema["symbol"].is_text) == ("ns", 2, True)
    assert schema["side"].names == {1: "buy", 2: "sell"}
    assert str(schema).splitlines()[-1] == "_pad [u8;3] 29 3"
    with pytest.raises(slipring.SchemaError, match="has no field 'prize'; it has ts, symbol, price"):
        schema["prize"]


def test_segments_follow_each_other(made):
    segments = slipring.open(made(250)).segments
    assert [(s.base, s.capacity, s.records, s.end) for s in segments][:3] == [
        (0, 100, 100, 100),
        (100, 100, 100, 200),
        (200, 100, 50, 250),
    ]
    assert segments[1].first_time_ns == T0 + 50 and segments[0].format_version == 2


@pytest.mark.parametrize("t", [T0 - 1, T0, T0 + 1, T0 + 49, T0 + 50, T0 + 124, T0 + 125])
def test_from_a_time_gives_the_rows_that_a_comparison_gives(made, t):
    journal = slipring.open(made(250))
    rows = journal.read()
    stamps = rows["_time"].astype("u8")
    assert (journal.read(from_=t) == rows[stamps >= t]).all()
    assert (journal.read(to=t) == rows[stamps < t]).all()
    assert len(journal.read(from_=t)) + len(journal.read(to=t)) == 250


def test_times_in_every_form_mean_the_same(made):
    journal = slipring.open(made(250))
    wanted = journal.read(from_=T0 + 100)
    assert len(wanted) == 50
    for form in [
        np.datetime64(T0 + 100, "ns"),
        np.int64(T0 + 100),
        "2023-11-14T22:13:20.0000001Z",
        "2023-11-14T22:13:20.000000100",
        "2023-11-14T23:13:20.000000100+01:00",
    ]:
        assert (journal.read(from_=form) == wanted).all(), form
    second = datetime.datetime(2023, 11, 14, 22, 13, 20)
    for form in [second, second.replace(tzinfo=datetime.timezone.utc), "2023-11-14", datetime.date(2023, 11, 14)]:
        assert len(journal.read(from_=form)) == 250 and len(journal.read(to=form)) == 0, form
    assert len(journal.read(from_=-5)) == 250 and len(journal.read(from_=2**70)) == 0
    with pytest.raises(slipring.BadOption, match="a double can't hold"):
        journal.read(from_=1.7e18)


def test_sequences_bounds_and_the_last(made):
    journal = slipring.open(made(250))
    sequences = lambda **which: journal.read(**which)["_sequence"].tolist()
    assert sequences(from_sequence=98, to_sequence=103) == [98, 99, 100, 101, 102]
    assert sequences(last=2) == [248, 249] and sequences(to_sequence=10, last=1) == [9]
    assert sequences(from_=T0 + 50, to=T0 + 52, from_sequence=101) == [101, 102, 103]
    assert sequences(from_sequence=250) == sequences(from_sequence=900) == sequences(last=0) == []
    assert sequences(to_sequence=9999, last=1) == [249]
    assert journal.range(T0 + 50, T0 + 51) == range(100, 102)
    with pytest.raises(slipring.OutOfRange):
        journal.read(from_sequence=-1)
    with pytest.raises(slipring.BadOption):
        journal.read(last=-1)


def test_some_fields_are_packed(made):
    journal = slipring.open(made(250))
    rows = journal.read(fields=["side", "price"], from_sequence=99, to_sequence=102)
    assert rows.dtype.names == ("_sequence", "_time", "_epoch", "side", "price") and rows.dtype.itemsize == 40
    assert (rows["price"] == trades(250)["price"][99:102]).all() and rows["side"].tolist() == [2, 1, 2]
    assert journal.read(fields=[]).dtype.names == ("_sequence", "_time", "_epoch")
    assert journal.read(fields=["_time"]).dtype.itemsize == 24
    with pytest.raises(slipring.SchemaError, match="no field 'prize'"):
        journal.read(fields=["prize"])
    with pytest.raises(slipring.SchemaError, match="a list of names"):
        journal.read(fields="price")


def test_what_a_writer_appends_is_there_after_a_refresh(made):
    journal = slipring.open(made(250))
    with slipring.append_to(journal.path) as writer:
        writer.append(trades(10, 250))
        assert len(journal) == 250 and len(journal.refresh()) == 260
        assert writer.reader().read(last=1)["_epoch"][0] == 2


def test_threads_share_a_journal(made):
    journal, found = slipring.open(made(250)), []
    work = lambda: found.append(int(journal.read()["qty"].sum()))
    threads = [threading.Thread(target=work) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert found == [sum(range(250))] * 8


def test_a_record_that_is_not_what_was_written_is_an_error(made):
    path = made(250)
    at = slipring.open(path).segments[0].records_at
    forge.flip(path, at + 48 * 70 + 20)
    journal = slipring.open(path)
    assert len(journal.read(to_sequence=70)) == 70 and len(journal.read(from_sequence=71)) == 179
    with pytest.raises(slipring.Damaged, match=r"record 70 \(slot 70.* is corrupt"):
        journal.read()
    report = journal.verify()
    assert (report.status, report.records, len(report.faults), bool(report)) == ("corrupt", 249, 1, False)
    assert slipring.verify(made(5, name="whole")).status == "fine"


def test_there_is_no_journal(tmp_path):
    for there_is_not in [tmp_path, tmp_path / "none"]:
        for call in [slipring.open, slipring.verify, slipring.append_to]:
            with pytest.raises(slipring.NotFound):
                call(there_is_not)
    with pytest.raises(FileNotFoundError):
        slipring.open(str(tmp_path))
    with pytest.raises(TypeError):
        slipring.open(7)


def test_an_empty_journal_is_read(made):
    journal = slipring.open(made(0))
    assert len(journal.read()) == 0 and len(journal.read(from_="2024-01-01")) == 0 and len(journal.view()) == 0
    assert journal.verify().status == "fine"
