"""Readers that keep their place."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Iterator, Literal, Optional, Sequence, Type, Union

import numpy as np

from . import _slipring
from .dtypes import row_layout
from .errors import BadOption, SchemaError
from .schema import Schema
from .times import Time, bound_ns

Rows = np.ndarray[Any, np.dtype[np.void]]


class NamedReader(Iterator[Rows]):
    """A reader whose place lies in the journal's folder, and is heeded by the writer's retention, whether it runs
    or not. Get one by `Journal.reader`:

        with journal.reader("billing") as reader:
            for rows in reader:
                work(rows)
                reader.commit()

    What is not committed is given again, by the next one of that name: at least once. Closing commits nothing.
    One has the name at a time, in whatever process. Threads may share it.
    """

    def __init__(
        self,
        path: str,
        name: str,
        schema: Schema,
        *,
        fields: Optional[Sequence[str]],
        poll: float,
        timeout: Optional[float],
        durable_only: bool,
    ) -> None:
        self._path, self._name, self._schema = path, name, schema
        self._layout, self._poll, self._timeout = row_layout(schema, fields), poll, timeout
        self._reader = _slipring.NamedReader(path, name, durable_only)
        self._is_known = False
        self._turns_at: Optional[int] = None
        # Behind the last record that was given.
        self._given: Optional[int] = None

    @property
    def name(self) -> str:
        """The reader's name."""
        return self._name

    @property
    def position(self) -> int:
        """The sequence behind the last record that is committed, durably."""
        return self._reader.position

    @property
    def next_sequence(self) -> int:
        """The sequence of the next record that it will give."""
        return self._reader.next_sequence

    def wait(self, timeout: Optional[float] = None) -> Optional[Rows]:
        """The next batch, as `Journal.read` gives rows; `None` if nothing came for `timeout` seconds. 0 only looks.

        Where events of a newer type begin it raises `SchemaError`, once all before is given: commit, close it,
        `refresh` the journal, and get the reader again. `Evicted` if retention has taken what came next
        (`resume_at_first`), `HistoryChanged` if power loss took what it has done (`seek`).
        """
        from .journal import as_rows

        dtype, pieces = self._layout
        if self._turns_at is not None:
            raise SchemaError(self._go_on(self._turns_at))
        sequence = self.next_sequence
        try:
            words = self._reader.wait(dtype.itemsize, pieces, self._poll, timeout)
        except SchemaError as error:
            if self._is_newest():
                raise
            self._turns_at = self.next_sequence
            raise SchemaError(self._go_on(self._turns_at)) from error
        if words is None:
            return None
        if not self._is_known:
            if not self._is_newest():
                self._turns_at = sequence
                raise SchemaError(self._go_on(sequence))
            self._is_known = True
        self._given = self.next_sequence
        return as_rows(words, dtype)

    def __next__(self) -> Rows:
        rows = self.wait(self._timeout)
        if rows is None:
            raise StopIteration
        return rows

    def commit(self, end: Optional[int] = None) -> None:
        """Notes, durably, that all before the sequence `end` is done; all that it has given, if none is said. An
        `end` before what is committed changes nothing; `OutOfRange` of one behind what it has given."""
        if end is None:
            end = self._given
        if end is None:
            return
        if end < 0:
            raise BadOption(f"end = {end}: it is a sequence")
        self._reader.commit(end)

    def seek(
        self,
        to: Union[Literal["first", "end"], None] = None,
        *,
        time: Optional[Time] = None,
        sequence: Optional[int] = None,
    ) -> None:
        """Sets it, durably, to the first record that is kept or behind the last, to the first record at a time or
        later, or to a sequence. What it was given and has not committed is forgotten."""
        if sum(said is not None for said in (to, time, sequence)) != 1:
            raise BadOption("say one of to, time and sequence")
        if to not in (None, "first", "end"):
            raise BadOption(f"to = {to!r}: there are 'first' and 'end'; sequence= and time= are others")
        if sequence is not None and sequence < 0:
            raise BadOption(f"sequence = {sequence}: the first is 0")
        time_ns = None if time is None else bound_ns(time)
        self._reader.seek(sequence, time_ns, to == "end")
        self._turns_at = self._given = None

    def resume_at_first(self) -> int:
        """Goes on at the first record kept, if retention has taken what came next; how many records it missed."""
        missed = self._reader.resume_at_first()
        self._given = None
        return missed

    def close(self) -> Optional[int]:
        """Gives the name back. Where it stands; `None` if it was closed before."""
        return self._reader.close()

    def __enter__(self) -> NamedReader:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<slipring.NamedReader {self._name} of {self._path}>"

    def _is_newest(self) -> bool:
        """Whether the events are still what they were when the journal was opened."""
        parts = _slipring.Reader(self._path).schema()
        return parts is not None and Schema._from_parts(parts) == self._schema

    def _go_on(self, sequence: int) -> str:
        return (
            f"from sequence {sequence} on the journal holds events of another type than when it was opened: commit "
            f"what was given, close the reader, and go on with journal.refresh() and journal.reader({self._name!r})"
        )
