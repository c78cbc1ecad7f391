"""Times in whatever form, as whole nanoseconds since 1970-01-01T00:00:00Z. Never by way of a double."""

from __future__ import annotations

import datetime
import re
from typing import Any, Union

import numpy as np

from .errors import BadOption

Time = Union[int, str, datetime.date, np.datetime64, "np.integer[Any]"]

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_UNIT_NS = {
    "W": 7 * 86400 * 10**9, "D": 86400 * 10**9, "h": 3600 * 10**9, "m": 60 * 10**9,
    "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1,
}  # fmt: skip
_FINER = {"ps": 10**3, "fs": 10**6, "as": 10**9}
_RFC_3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s?([Zz]|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)


def to_ns(time: Time) -> int:
    """Nanoseconds since 1970 (UTC): of an integer, which counts them already; a `numpy.datetime64`; a
    `datetime` or pandas `Timestamp` (without a zone: UTC); a text of RFC 3339 (without a zone: UTC; a date
    alone: its midnight). What is finer than a nanosecond is rounded up.

    >>> to_ns("2024-03-10T09:30:00.000000001Z"), to_ns(np.datetime64("2024-03-10"))
    (1710063000000000001, 1710028800000000000)
    """
    if isinstance(time, (bool, np.bool_, float, np.floating)):
        raise BadOption(f"{time!r} is no time: a double can't hold nanoseconds; give an integer of nanoseconds")
    if isinstance(time, (int, np.integer)):
        return int(time)
    if isinstance(time, str):
        return _from_text(time)
    if isinstance(time, np.datetime64):
        return _from_datetime64(time)
    if hasattr(time, "to_datetime64"):  # A pandas Timestamp is a datetime too, with nanoseconds.
        return _from_datetime64(time.to_datetime64())
    if isinstance(time, datetime.datetime):
        return _from_datetime(time)
    if isinstance(time, datetime.date):
        return _from_datetime(datetime.datetime(time.year, time.month, time.day))
    raise BadOption(f"{time!r} is no time: give nanoseconds since 1970, a datetime, a numpy.datetime64, or RFC 3339")


def _from_datetime(time: datetime.datetime) -> int:
    if time.tzinfo is None:
        time = time.replace(tzinfo=datetime.timezone.utc)
    since = time - _EPOCH
    return (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000


def _from_datetime64(time: Any) -> int:
    if np.isnat(time):
        raise BadOption("NaT is no time")
    unit, count = np.datetime_data(time.dtype)
    if unit in ("Y", "M"):
        time, unit, count = time.astype("M8[D]"), "D", 1
    number = int(time.astype("i8")) * count
    if unit in _FINER:
        return -(-number // _FINER[unit])
    if unit not in _UNIT_NS:
        raise BadOption(f"{time!r} is no time: it has no unit")
    return number * _UNIT_NS[unit]


def _from_text(text: str) -> int:
    found = _RFC_3339.fullmatch(text.strip())
    wrong = f"{text!r} is no time: give RFC 3339, as 2024-03-10T09:30:00.000000001Z, or 2024-03-10"
    if found is None:
        raise BadOption(wrong)
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        whole = datetime.datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            tzinfo=datetime.timezone.utc,
        )  # fmt: skip
    except ValueError as error:
        raise BadOption(f"{wrong} ({error})") from None
    time_ns = _from_datetime(whole) + int((fraction or "").ljust(9, "0"))
    if zone and zone not in "Zz":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 23 or minutes > 59:
            raise BadOption(wrong)
        offset_ns = (hours * 60 + minutes) * 60 * 10**9
        time_ns += offset_ns if zone[0] == "-" else -offset_ns
    return time_ns


def bound_ns(time: Time) -> int:
    """As `to_ns`, of a bound of a range: what lies before 1970 is before all journals, and so on."""
    return min(max(to_ns(time), 0), 2**64 - 1)


def array_ns(times: Any, count: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """The times of `count` events: one for all, or an array of integers or of `datetime64`."""
    if isinstance(times, (int, str, datetime.date, np.datetime64, np.integer)):
        time_ns = to_ns(times)
        if not 0 <= time_ns < 2**64:
            raise BadOption(f"{times!r} is no time of a journal: those are from 1970 to 2554")
        return np.full(count, time_ns, "u8")
    given = as_array(times)
    if given.shape != (count,):
        raise BadOption(f"{count} events want {count} times, not an array of shape {given.shape}")
    if given.dtype.kind == "O" and count:
        given = np.array([to_ns(time) for time in given], dtype=object)
        if any(not 0 <= time < 2**64 for time in given):
            raise BadOption("a time lies before 1970 or after 2554, where no journal has times")
        return given.astype("u8")
    if given.dtype.kind == "M":
        given = exactly(given, "M8[ns]", "times").view("i8")
    elif given.dtype.kind not in "iu" and count:
        raise BadOption(f"times of type {given.dtype}: give integers of nanoseconds, or datetime64")
    if given.dtype.kind == "i" and (given < 0).any():
        at = int(np.argmax(given < 0))
        raise BadOption(f"time {at} lies before 1970, or is NaT: a journal's times are from 1970 on")
    return np.ascontiguousarray(given, dtype="u8")


def exactly(times: np.ndarray[Any, Any], wanted: Any, what: str) -> np.ndarray[Any, Any]:
    """`datetime64` in another unit, refused if that can't hold them."""
    wanted = np.dtype(wanted)
    try:
        cast = times.astype(wanted)
        same = cast.astype(times.dtype) == times
    except OverflowError:
        raise BadOption(f"{what}: a time can't be told exactly as {wanted}: it is too far away") from None
    if not (same | (np.isnat(times) & np.isnat(cast))).all():
        at = int(np.argmax(~same.reshape(-1)))
        raise BadOption(f"{what}: {times.reshape(-1)[at]!r} can't be told exactly as {wanted}")
    return cast


def as_array(given: Any) -> np.ndarray[Any, Any]:
    """An array of an array, a list or a column of a frame."""
    if getattr(getattr(given, "dtype", None), "tz", None) is not None:
        return np.asarray(getattr(given, "dt", given).tz_convert(None))
    # Polars has integers that numpy has not.
    if str(getattr(given, "dtype", "")) in ("Int128", "UInt128") and hasattr(given, "to_list"):
        return np.array(given.to_list(), dtype=object)
    made = np.asarray(given)
    if isinstance(given, (list, tuple)) and made.dtype.kind == "f":
        # Of integers below and above 2^63 numpy makes doubles.
        exact = np.asarray(given, dtype=object)
        return exact if all(isinstance(value, int) for value in exact.flat) else made
    return made
