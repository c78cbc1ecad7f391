"""Records where they lie in the files, mapped."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from .dtypes import record_dtype
from .errors import Damaged, IoError, NotFound, SchemaError

if TYPE_CHECKING:
    from .journal import Journal, Segment

Records = np.ndarray[Any, np.dtype[np.void]]


class View(Sequence[Records]):
    """The mapped records of a journal: one array for each segment, oldest first.

    An array has `_time` (`M8[ns]`), `_epoch_kind` (the kind in its lowest four bits, 1 for an event and 2 for a
    void record, and above them the epoch), `_crc` and the event's fields, all where they lie. The sequence is not
    stored: element `i` of `view[s]` is record `view.starts[s] + i`.

    What it shows is unverified unless it was made with `verify=True`; a file that is shortened under it ends
    the process. See `Journal.view`.
    """

    def __init__(self, arrays: List[Records], starts: List[int], end: int, verified: bool) -> None:
        self.arrays = tuple(arrays)
        #: The sequence of the first record in each array.
        self.starts = tuple(starts)
        #: The sequence behind the last record.
        self.end_sequence = end
        #: Whether every record was checked.
        self.verified = verified

    @property
    def records(self) -> int:
        """How many records it shows, void ones too."""
        return sum(len(array) for array in self.arrays)

    def column(self, name: str) -> List[np.ndarray[Any, Any]]:
        """A field, one array for each segment: `sum(int(part.sum()) for part in view.column("qty"))`."""
        return [array[name] for array in self.arrays]

    def __len__(self) -> int:
        return len(self.arrays)

    def __getitem__(self, at: Any) -> Any:
        return self.arrays[at]

    def __iter__(self) -> Iterator[Records]:
        return iter(self.arrays)

    def __repr__(self) -> str:
        how = "verified" if self.verified else "unverified"
        return f"<slipring.View of {self.records} records in {len(self)} segments, {how}>"


def map_segments(
    journal: Journal,
    checked: Dict[Tuple[int, int, int], int],
    *,
    verify: bool,
    tail: bool,
    from_sequence: Optional[int],
) -> View:
    """What `Journal.view` does. `checked` remembers, for each file and its first sequence, how far it is."""
    dtype = record_dtype(journal.schema, journal.record_bytes)
    segments = [segment for segment in journal.segments if from_sequence is None or segment.end > from_sequence]
    _refuse_older(journal, segments)
    arrays, starts = [], []
    end = segments[0].base if from_sequence is not None and segments else journal.first_sequence
    for segment in segments:
        durable = min(segment.end, journal.durable_end)
        is_sealed = durable == segment.base + segment.capacity
        if (not is_sealed and not tail) or durable <= segment.base or segment.base != end:
            break
        path = os.path.join(journal.path, segment.name)
        array, file = _map(path, dtype, segment.records_at, durable - segment.base)
        key = (*file, segment.base)
        if verify and checked.get(key, 0) < durable:
            journal._reader.check(max(segment.base, checked.get(key, 0)), durable)
            checked[key] = durable
        arrays.append(array)
        starts.append(segment.base)
        end = durable
    return View(arrays, starts, end, verify)


def _refuse_older(journal: Journal, segments: List[Segment]) -> None:
    """Records of an older type lie otherwise, or count otherwise, and a map shows them as they lie."""
    newest = next((segment.base for segment in segments if segment.event_version == segments[-1].event_version), 0)
    newest = max(newest, journal._reader.as_they_lie_from())
    if segments and segments[0].base < newest:
        raise SchemaError(
            f"{journal.path}: before sequence {newest} there are events of an older type, which lie otherwise in the "
            "files, or whose numbers count otherwise; read() shows all as the newest, "
            f"view(from_sequence={newest}) maps what comes from there on"
        )


def _map(path: str, dtype: np.dtype[Any], at: int, count: int) -> Tuple[Records, Tuple[int, int]]:
    """The records of a file, and which file it is."""
    try:
        # Neither a link nor what an opening would wait at.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound(f"open {path}: it is gone; refresh the journal, retention may have removed it") from None
    except OSError as error:
        raise IoError(f"open {path}: {error.strerror}") from None
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise Damaged(f"{path} is no plain file")
        if found.st_size < at + count * dtype.itemsize:
            wanted = at + count * dtype.itemsize
            raise Damaged(
                f"segment {path} has {found.st_size} bytes of {wanted}: durable records are cut off; salvage the "
                "journal into a new one (slipring salvage), or put the file as it was last in its place"
            )
        try:
            mapped = np.memmap(file, dtype=dtype, mode="r", offset=at, shape=(count,))
        except OSError as error:
            raise IoError(f"map {path}: {error.strerror}; a map of each segment takes a file handle") from None
    return mapped.view(np.ndarray), (found.st_dev, found.st_ino)
