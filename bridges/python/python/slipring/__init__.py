"""Journals of slipring: read into numpy, pandas, Polars and Arrow; followed, verified, written.

>>> import slipring
>>> journal = slipring.open("data/ticks")                                     # doctest: +SKIP
>>> rows = journal.read(from_="2024-03-10T09:30:00Z", fields=["price"])       # doctest: +SKIP
>>> frame = journal.to_pandas()                                               # doctest: +SKIP
"""

from __future__ import annotations

from . import errors
from ._slipring import __version__
from .errors import (
    AnotherJournal,
    BadOption,
    Closed,
    Damaged,
    DiskFull,
    Evicted,
    Exists,
    HistoryChanged,
    IoError,
    JournalError,
    Locked,
    MissingPackage,
    NotFound,
    OutOfRange,
    SchemaError,
    SyncFailed,
    TimeTooFar,
    Unsupported,
)
from .follow import Follow
from .frames import to_arrow, to_pandas, to_polars
from .journal import Journal, Segment, VerifyReport, open, verify
from .named import NamedReader
from .schema import Field, Schema
from .times import to_ns
from .view import View
from .wide import from_wide, to_wide
from .writer import Writer, append_to, create

__all__ = [
    "AnotherJournal",
    "BadOption",
    "Closed",
    "Damaged",
    "DiskFull",
    "Evicted",
    "Exists",
    "Field",
    "Follow",
    "HistoryChanged",
    "IoError",
    "Journal",
    "JournalError",
    "Locked",
    "MissingPackage",
    "NamedReader",
    "NotFound",
    "OutOfRange",
    "Schema",
    "SchemaError",
    "Segment",
    "SyncFailed",
    "TimeTooFar",
    "Unsupported",
    "VerifyReport",
    "View",
    "Writer",
    "__version__",
    "append_to",
    "create",
    "errors",
    "from_wide",
    "open",
    "to_arrow",
    "to_ns",
    "to_pandas",
    "to_polars",
    "to_wide",
    "verify",
]
