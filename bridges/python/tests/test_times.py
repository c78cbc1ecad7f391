"""Times are whole nanoseconds, whatever form they come in."""

import datetime

import numpy as np
import pytest
import slipring
from slipring.times import array_ns, to_ns

T = 1_710_063_000_000_000_001


@pytest.mark.parametrize(
    "form, wanted",
    [
        (T, T),
        (np.uint64(2**64 - 1), 2**64 - 1),
        ("2024-03-10T09:30:00.000000001Z", T),
        ("2024-03-10t09:30:00.000000001z", T),
        ("2024-03-10 09:30:00.000000001", T),
        ("2024-03-10T10:30:00.000000001+01:00", T),
        ("2024-03-10T00:00:00.000000001-09:30", T),
        ("2024-03-10T09:30", T - 1),
        ("2024-03-10", 1_710_028_800_000_000_000),
        ("1969-12-31T23:59:59Z", -(10**9)),
        ("2554-07-21T23:34:33.709551615Z", 2**64 - 1),
        (np.datetime64(T, "ns"), T),
        (np.datetime64("2024-03-10T09:30", "m"), T - 1),
        (np.datetime64("2024-03", "M"), 1_709_251_200_000_000_000),
        (np.datetime64("2024", "Y"), 1_704_067_200_000_000_000),
        (np.datetime64("9999-01-01", "D"), 253_370_764_800 * 10**9),
        (np.datetime64(1, "ps"), 1),
        (np.datetime64(3, "10s"), 30 * 10**9),
        (datetime.datetime(2024, 3, 10, 9, 30, 0, 123456), T - 1 + 123_456_000),
        (datetime.datetime(1969, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc), -(10**9)),
        (
            datetime.datetime(2024, 3, 10, 10, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
            T - 1,
        ),
    ],
)
def test_a_form_means_a_time(form, wanted):
    assert to_ns(form) == wanted
    assert type(to_ns(form)) is int


@pytest.mark.parametrize(
    "form",
    [
        1.5, np.float64(1), True, None, "", "noon", "2024-02-30", "2024-03-10T24:00:00Z", "2024-03-10T09:30:00.Z",
        "2024-03-10T09:30:00.0000000001Z", "2024-03-10T09:30:00+1", "2024-03-10T09:30:00+99:00", "09:30", "٢٠٢٤-03-10",
        np.datetime64("NaT", "ns"), [T], "2024-03-10T09:30:60Z",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(form):
    with pytest.raises(slipring.BadOption):
        to_ns(form)


def test_a_timestamp_of_pandas_keeps_its_nanosecond():
    pandas = pytest.importorskip("pandas")
    assert to_ns(pandas.Timestamp(T)) == T
    assert to_ns(pandas.Timestamp(T, tz="UTC").tz_convert("America/New_York")) == T
    zoned = pandas.Series([T, T + 1]).astype("datetime64[ns]").dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    assert array_ns(zoned, 2).tolist() == [T, T + 1]


def test_arrays_of_times():
    assert array_ns(np.array([T, T + 1]), 2).tolist() == [T, T + 1]
    assert array_ns([2**64 - 1, 5, T], 3).tolist() == [2**64 - 1, 5, T]
    assert array_ns(np.array(["2024-03-10T09:30"], "M8[m]"), 1).tolist() == [T - 1]
    assert array_ns(T, 3).tolist() == [T] * 3 and array_ns([], 0).tolist() == []
    assert array_ns(["2024-03-10T09:30", datetime.datetime(2024, 3, 10, 9, 30)], 2).tolist() == [T - 1] * 2
    for bad in [[1.5], [-1], ["NaT"], np.array(["NaT"], "M8[ns]"), [1, 2], np.array(["9999"], "M8[s]"), -1, 2**64]:
        with pytest.raises(slipring.BadOption):
            array_ns(bad, 1)
