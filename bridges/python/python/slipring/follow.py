"""Records as they come."""

from __future__ import annotations

from typing import Any, Iterator, Optional, Sequence

import numpy as np

from . import _slipring
from .dtypes import row_layout
from .errors import SchemaError
from .schema import Schema


class Follow(Iterator[Any]):
    """Batches of records as they come: `for rows in journal.follow(): ..`. See `Journal.follow`."""

    def __init__(
        self,
        path: str,
        schema: Schema,
        from_sequence: int,
        *,
        fields: Optional[Sequence[str]],
        poll: float,
        timeout: Optional[float],
    ) -> None:
        self._path, self._schema, self._layout = path, schema, row_layout(schema, fields)
        self._poll, self._timeout = poll, timeout
        self._follower = _slipring.Follower(path, from_sequence)
        self._is_known = False
        self._turns_at: Optional[int] = None

    @property
    def next_sequence(self) -> int:
        """The sequence of the next record that it will give: where to go on another time."""
        return self._follower.next_sequence

    def wait(self, timeout: Optional[float] = None) -> Optional[np.ndarray[Any, np.dtype[np.void]]]:
        """The next batch; `None` if nothing came for `timeout` seconds. 0 only looks."""
        from .journal import as_rows

        dtype, pieces = self._layout
        if self._turns_at is not None:
            raise SchemaError(_go_on(self._turns_at))
        sequence = self.next_sequence
        try:
            words = self._follower.wait(dtype.itemsize, pieces, self._poll, timeout)
        except SchemaError as error:
            if self._is_newest(_slipring.Reader(self._path).schema()):
                raise
            self._turns_at = self.next_sequence
            raise SchemaError(_go_on(self._turns_at)) from error
        if words is None:
            return None
        if not self._is_known:
            if not self._is_newest(self._follower.schema()):
                self._turns_at = sequence
                raise SchemaError(_go_on(sequence))
            self._is_known = True
        return as_rows(words, dtype)

    def _is_newest(self, parts: Any) -> bool:
        """Whether that is what the events were when the journal was opened."""
        return parts is not None and Schema._from_parts(parts) == self._schema

    def __next__(self) -> np.ndarray[Any, np.dtype[np.void]]:
        rows = self.wait(self._timeout)
        if rows is None:
            raise StopIteration
        return rows


def _go_on(sequence: int) -> str:
    return (
        f"from sequence {sequence} on the journal holds events of another type than when it was opened: "
        f"go on with journal.refresh() and journal.follow(from_sequence={sequence})"
    )
