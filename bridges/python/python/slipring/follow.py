"""Records as they come."""

from __future__ import annotations

from typing import Any, Iterator, Optional, Sequence

import numpy as np

from . import _slipring
from .dtypes import row_layout
from .errors import AnotherJournal
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
        self._schema, self._layout = schema, row_layout(schema, fields)
        self._poll, self._timeout = poll, timeout
        self._follower = _slipring.Follower(path, from_sequence)
        self._is_known = False

    @property
    def next_sequence(self) -> int:
        """The sequence of the next record that it will give: where to go on another time."""
        return self._follower.next_sequence

    def wait(self, timeout: Optional[float] = None) -> Optional[np.ndarray[Any, np.dtype[np.void]]]:
        """The next batch; `None` if nothing came for `timeout` seconds. 0 only looks."""
        from .journal import as_rows

        dtype, pieces = self._layout
        words = self._follower.wait(dtype.itemsize, pieces, self._poll, timeout)
        if words is None:
            return None
        if not self._is_known:
            parts = self._follower.schema()
            if parts is None or Schema._from_parts(parts) != self._schema:
                raise AnotherJournal("the journal holds other events than when it was opened; open it anew")
            self._is_known = True
        return as_rows(words, dtype)

    def __next__(self) -> np.ndarray[Any, np.dtype[np.void]]:
        rows = self.wait(self._timeout)
        if rows is None:
            raise StopIteration
        return rows
