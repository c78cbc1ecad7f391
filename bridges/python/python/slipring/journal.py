"""A journal that is read."""

from __future__ import annotations

import builtins
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from . import _slipring, frames
from .dtypes import VARIANT, RowLayout, event_dtype, row_layout
from .errors import BadOption, Evicted, JournalError, OutOfRange, SchemaError
from .follow import Follow
from .named import NamedReader
from .schema import Schema
from .times import Time, bound_ns
from .view import View, map_segments

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Path = Union[str, "os.PathLike[str]"]
Rows = np.ndarray[Any, np.dtype[np.void]]

# Rows that are turned into columns at a time: they stay in a cache meanwhile, and there is no copy of all.
_BATCH_ROWS = 1 << 17


@dataclass(frozen=True)
class Segment:
    """One file of a journal; times are nanoseconds since 1970, `None` if it holds no record."""

    name: str
    base: int
    capacity: int
    records: int
    epoch: int
    created_ns: int
    first_time_ns: Optional[int]
    last_time_ns: Optional[int]
    file_bytes: int
    records_at: int
    format_version: int
    event_version: int

    @property
    def end(self) -> int:
        """The sequence behind its last record."""
        return self.base + self.records


@dataclass(frozen=True)
class VerifyReport:
    """What `verify` found. `status` is `fine`, `torn-tail` (the next opening cuts off what lies behind the last
    whole record) or `corrupt`."""

    path: str
    status: str
    records: int
    looked_at: int
    first_sequence: int
    end_sequence: int
    durable_end: int
    torn_at: Optional[int]
    refuses_to_open: bool
    faults: List[str]
    warnings: List[str]

    def __bool__(self) -> bool:
        """Whether every record is whole."""
        return self.status != "corrupt"


class Journal:
    """A journal, as it was when it was opened or last refreshed. A writer may go on meanwhile.

    Threads may share it. Get one by `slipring.open`.
    """

    def __init__(self, path: Path) -> None:
        self._reader = _slipring.Reader(os.fspath(path))
        self._checked: Dict[Tuple[int, int, int], int] = {}
        self._look()

    def _look(self) -> None:
        self._id, self._first, self._end, self._durable_end, self._record_bytes = self._reader.facts()
        parts = self._reader.schema()
        self._schema = Schema._from_parts(parts) if parts is not None else None
        self._dtype = row_layout(self._schema).dtype if self._schema is not None else None

    def refresh(self) -> Journal:
        """Looks again how far the journal goes by now; gives the journal."""
        self._reader.refresh()
        self._look()
        return self

    @property
    def path(self) -> str:
        """The journal's folder."""
        return str(self._reader.path)

    @property
    def id(self) -> str:
        """The journal's identity, in hexadecimal digits."""
        return self._id

    @property
    def schema(self) -> Schema:
        """What the events are. `SchemaError` if the journal has no segment yet."""
        if self._schema is None:
            raise SchemaError(f"journal {self.path} has no segment yet, and so no schema: refresh it later")
        return self._schema

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the rows that `read` gives: `_sequence`, `_time` and `_epoch`, then the event's fields."""
        return self._layout(None).dtype

    @property
    def event_dtype(self) -> np.dtype[Any]:
        """Of the event alone."""
        return event_dtype(self.schema)

    @property
    def first_sequence(self) -> int:
        """The first sequence kept."""
        return self._first

    @property
    def end_sequence(self) -> int:
        """The sequence behind the last record."""
        return self._end

    @property
    def durable_end(self) -> int:
        """The sequence behind the last record that is known to be on disk."""
        return self._durable_end

    @property
    def record_bytes(self) -> int:
        """Bytes from one record to the next."""
        return self._record_bytes

    def __len__(self) -> int:
        """How many records there are, void ones too."""
        return self._end - self._first

    def __repr__(self) -> str:
        name = self._schema.name if self._schema is not None else "no segment yet"
        return f"<slipring.Journal {self.path}: {name}, {self._first} to {self._end}>"

    @property
    def segments(self) -> List[Segment]:
        """The files, oldest first, as they are now."""
        return [Segment(**said) for said in _slipring.segments(self.path)]

    def _layout(self, fields: Optional[Sequence[str]]) -> RowLayout:
        return row_layout(self.schema, fields)

    def range(
        self,
        from_: Optional[Time] = None,
        to: Optional[Time] = None,
        *,
        from_sequence: Optional[int] = None,
        to_sequence: Optional[int] = None,
        last: Optional[int] = None,
    ) -> range:
        """The sequences of the records from a time on, and before another; as `read` takes them.

        `len(journal.range(..)) - len(journal.read(..))` is how many of the records are void.
        """
        start, end = self._first, self._end
        if from_sequence is not None:
            if from_sequence < self._first:
                gone = Evicted if from_sequence >= 0 else OutOfRange
                raise gone(f"there is no record {from_sequence}: the journal begins at {self._first}")
            start = from_sequence
        if to_sequence is not None:
            end = min(end, to_sequence)
        if from_ is not None:
            start = max(start, self._reader.lower_bound(bound_ns(from_)))
        if to is not None:
            end = min(end, self._reader.lower_bound(bound_ns(to)))
        if last is not None:
            if last < 0:
                raise BadOption(f"last = {last}: it is a count of records")
            start = max(start, end - last)
        start = min(start, self._end)
        return range(start, max(start, end))

    def read(
        self,
        from_: Optional[Time] = None,
        to: Optional[Time] = None,
        *,
        from_sequence: Optional[int] = None,
        to_sequence: Optional[int] = None,
        last: Optional[int] = None,
        fields: Optional[Sequence[str]] = None,
    ) -> Rows:
        """Verifies records and copies them into a structured array.

        From the first record at `from_` or later, before the first at `to` or later; or by sequences, or the
        `last` so many of those. Times are integers of nanoseconds, `datetime`, `numpy.datetime64`, pandas
        `Timestamp`, or RFC 3339; without a zone they are UTC.

        The columns are `_sequence`, `_time` (`M8[ns]`, UTC), `_epoch`, then all fields or those named: a path,
        or the part before a point (`leg` takes `leg.px` and `leg.qty`). Void records are left out. An unsigned
        time from 2^63 on (the year 2262, or the all ones that stand for none) looks like one before 1970, for
        numpy's have a sign: `rows["ts"].view("u8")` has the numbers.

        Raises `Damaged` if a record is not what was written.
        """
        layout = self._layout(fields)
        bounds = {"from_sequence": from_sequence, "to_sequence": to_sequence, "last": last}
        wanted = self.range(from_, to, **bounds)
        return self._rows(wanted, layout, _zeros(len(wanted), layout.dtype.itemsize))

    def _rows(self, wanted: builtins.range, layout: RowLayout, words: np.ndarray[Any, np.dtype[np.uint64]]) -> Rows:
        row_bytes = layout.dtype.itemsize
        taken = self._reader.read(wanted.start, wanted.stop, words, row_bytes, layout.pieces)
        return as_rows(words[: taken * row_bytes // 8], layout.dtype)

    def _batches(
        self,
        from_: Optional[Time] = None,
        to: Optional[Time] = None,
        *,
        fields: Optional[Sequence[str]] = None,
        **bounds: Optional[int],
    ) -> Iterator[Rows]:
        """What `read` gives, in parts that lie in the same memory one after the other."""
        layout, wanted = self._layout(fields), self.range(from_, to, **bounds)
        words = _zeros(min(len(wanted), _BATCH_ROWS), layout.dtype.itemsize)
        yield self._rows(wanted[:_BATCH_ROWS], layout, words)
        for start in range(_BATCH_ROWS, len(wanted), _BATCH_ROWS):
            yield self._rows(wanted[start : start + _BATCH_ROWS], layout, words)

    def view(self, verify: bool = False, *, tail: bool = False, from_sequence: Optional[int] = None) -> View:
        """Maps the records of sealed segments, as they lie in the files: nothing is copied.

        **Unverified**: whatever the files hold is shown, damage too, unless `verify=True`: then every record
        is checked first, each segment once for this `Journal`, and what happens to the files later is seen
        unchecked.

        **A file that is shortened while it is mapped ends the process** (SIGBUS), at the first touch of what
        is missing. `read` does not: it gives an error. Retention does no harm: a file that is removed stays
        mapped.

        A segment is sealed when it is full and durable. `tail=True` also takes what is durable of the last
        segment: it does not change either. The rest is had by `read(from_sequence=view.end_sequence)`.

        `from_sequence` leaves out the segments before the one that holds it. Events of an older type are not
        mapped, for they lie otherwise: `SchemaError` says from where on they are of the newest.
        """
        return map_segments(self, self._checked, verify=verify, tail=tail, from_sequence=from_sequence)

    def follow(
        self,
        from_sequence: Optional[int] = None,
        *,
        fields: Optional[Sequence[str]] = None,
        poll: float = 0.01,
        timeout: Optional[float] = None,
    ) -> Follow:
        """Iterates over the records as they come, in batches: arrays as `read` gives them.

        From `from_sequence` on, which need not be there yet; else from what comes next. It waits for ever, or
        ends when nothing came for `timeout` seconds; it looks every `poll` seconds. Ctrl-C ends it, and other
        threads run while it waits. Every record is verified.

        Where events of a newer type begin it raises `SchemaError`, once all before is given, and says how to go on
        from there: `journal.refresh()`, and `follow` from that sequence.
        """
        if from_sequence is None:
            self.refresh()
            from_sequence = self._end
        return Follow(self.path, self.schema, from_sequence, fields=fields, poll=poll, timeout=timeout)

    def reader(
        self,
        name: str,
        *,
        fields: Optional[Sequence[str]] = None,
        poll: float = 0.01,
        timeout: Optional[float] = None,
        durable_only: bool = False,
    ) -> NamedReader:
        """The reader of this name, which goes on where it has committed last: at the first record, if it is new.
        See `NamedReader`; `poll`, `timeout` and `fields` are those of `follow`. With `durable_only` it gives only
        what power loss can't take.

        Raises `Locked` if somebody else has the name.
        """
        return NamedReader(
            self.path, name, self.schema, fields=fields, poll=poll, timeout=timeout, durable_only=durable_only
        )

    def verify(self) -> VerifyReport:
        """Reads every record, and says whether all are whole; as the command `slipring verify`."""
        return verify(self.path)

    def to_arrow(self, from_: Optional[Time] = None, to: Optional[Time] = None, **which: Any) -> pyarrow.Table:
        """What `read` gives, as an Arrow table: see `slipring.to_arrow`."""
        return frames.arrow_of(self._batches(from_, to, **which), self.schema)

    def to_pandas(self, from_: Optional[Time] = None, to: Optional[Time] = None, **which: Any) -> pandas.DataFrame:
        """What `read` gives, as a pandas frame: see `slipring.to_pandas`."""
        return frames.pandas_of(self._batches(from_, to, **which), self.schema)

    def to_polars(self, from_: Optional[Time] = None, to: Optional[Time] = None, **which: Any) -> polars.DataFrame:
        """What `read` gives, as a Polars frame: see `slipring.to_polars`."""
        return frames.polars_of(self._batches(from_, to, **which), self.schema)


def _zeros(count: int, row_bytes: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Room for so many rows, which takes no memory until it is written to."""
    try:
        return np.zeros(count * (row_bytes // 8), "u8")
    except (MemoryError, ValueError):
        raise MemoryError(
            f"there is not the memory for {count} rows of {row_bytes} bytes; read a part of it, or fewer fields"
        ) from None


def as_rows(words: np.ndarray[Any, np.dtype[np.uint64]], dtype: np.dtype[Any]) -> Rows:
    """What Rust collected, as rows."""
    rows: Rows = words.view(dtype)
    if VARIANT in (dtype.names or ()):
        # Other fields lie under a bool.
        return rows
    for name, (kind, *_) in (dtype.fields or {}).items():
        base = kind.subdtype[0] if kind.subdtype else kind
        if base.kind == "b":
            # Numpy wants 0 or 1 there; a file may hold anything.
            column = rows[name]
            column[...] = column.view("u1") != 0
    return rows


def verify(path: Path) -> VerifyReport:
    """Reads every record of the journal at `path`, and says whether all are whole. Changes nothing. Damage is
    no exception but in the report."""
    said = _slipring.verify(os.fspath(path))
    return VerifyReport(**{**said, "path": os.fspath(said["path"])})


def open(path: Path) -> Journal:
    """Opens the journal in the folder `path` for reading: takes no lock, repairs nothing, may run beside a
    writer. Raises `NotFound` if there is none."""
    return Journal(path)


__all__ = ["Journal", "JournalError", "Segment", "VerifyReport", "open", "verify"]
