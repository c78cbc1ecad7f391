"""What goes wrong. Every exception's text says what, where, and what to do."""

from __future__ import annotations

__all__ = [
    "AnotherJournal",
    "BadOption",
    "Closed",
    "Damaged",
    "DiskFull",
    "Evicted",
    "Exists",
    "HistoryChanged",
    "IoError",
    "JournalError",
    "Locked",
    "MissingPackage",
    "NotFound",
    "OutOfRange",
    "SchemaError",
    "SyncFailed",
    "TimeTooFar",
    "Unsupported",
]


class JournalError(Exception):
    """Anything that slipring refuses or can't do. An error of `Writer.append` has `appended`: how many events
    were taken before it."""

    appended: int = 0


class NotFound(JournalError, FileNotFoundError):
    """There is no journal, or one of its files is not there."""


class Exists(JournalError, FileExistsError):
    """There is a journal already where a new one was to be made."""


class Damaged(JournalError):
    """Files do not hold what was written, or contradict each other."""


class SchemaError(JournalError, ValueError):
    """The journal holds another type of event, or a type that can't be told so."""


class Locked(JournalError):
    """Another writer has the journal, or another reader the name."""


class OutOfRange(JournalError, IndexError):
    """A sequence that the journal does not hold."""


class Evicted(OutOfRange):
    """Retention has removed the record."""


class AnotherJournal(JournalError):
    """The journal is gone, or another lies in its place."""


class HistoryChanged(JournalError):
    """The log is no longer the one that was read before."""


class Unsupported(JournalError):
    """Written by a later version, or on a machine of the other byte order."""


class BadOption(JournalError, ValueError):
    """An argument does not make sense."""


class TimeTooFar(JournalError, ValueError):
    """The time lies too far ahead of the last record and of the clock: it would hold the journal's time there."""


class IoError(JournalError, OSError):
    """A call of the system failed."""


class DiskFull(IoError):
    """There is no room on the disk."""


class SyncFailed(JournalError):
    """What was appended did not become durable."""


class Closed(JournalError):
    """The writer or the reader is closed."""


class MissingPackage(JournalError, ImportError):
    """A package is needed for this that is not installed."""
