"""A journal that is written."""

from __future__ import annotations

import os
import pathlib
import time as clock
from types import TracebackType
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, Type, Union

import numpy as np

from . import _slipring
from .dtypes import VARIANT, event_dtype
from .errors import BadOption, Exists, NotFound, SchemaError
from .fill import check_unsigned, default_of, fitted, is_single
from .journal import Journal, Path
from .layout import flat
from .schema import Field, Schema
from .times import array_ns, as_array

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


class Writer:
    """The one writer of a journal. Get one by `slipring.create` or `slipring.append_to`.

    It holds the journal's lock until it is closed; use it with `with`.
    """

    def __init__(self, path: Path, schema: Schema, options: Tuple[Any, ...]) -> None:
        self._path = os.fspath(path)
        self._writer = _slipring.Writer(self._path, schema._to_parts(), *options)
        self.schema = Schema._from_parts(self._writer.schema())
        #: The dtype of an event: an array of it is taken as it is.
        self.dtype = event_dtype(self.schema)
        self._has_holes = _has_holes(self.schema)

    def append(self, events: Any, times: Any = None) -> range:
        """Appends events; gives the sequences that they got.

        `events` is a structured array (of the journal's fields in whatever order and number types that hold
        every value; of columns that begin with `_` only `_time` and `_variant` are looked at), rows that
        `Journal.read` gave, a list of tuples, or columns by name: a dictionary, a frame of pandas or
        Polars, an Arrow table. A field that is missing gets its `default` if the schema has one. Text that is
        too long, a number that does not fit and a name that an enum does not have are refused.

        `times` are the events' times: one for all, or as many as events; integers of nanoseconds, or
        `datetime64`. Without them the column `_time` is taken, else the schema's time, else the clock. The
        journal's time never decreases: an event that is earlier than the one before gets that one's time.

        If it fails on the way, the exception's `appended` says how many were taken.
        """
        columns, count = _columns(events, self.dtype)
        if times is None:
            times = self._times(columns)
        time_ns = array_ns(times, count)
        whole = events if isinstance(events, np.ndarray) and events.dtype == self.dtype else None
        first, end = self._writer.append(self._bytes(columns, count, whole), time_ns)
        return range(first, end)

    def _times(self, columns: Mapping[str, Any]) -> Any:
        if "_time" in columns:
            given = np.asarray(columns["_time"])
            # Rows have them as they are in the journal, without a sign.
            return given.view("u8") if "_sequence" in columns and given.dtype.kind == "M" else columns["_time"]
        field = self.schema[self.schema.time] if self.schema.time else None
        if field is None or field.path not in columns:
            return clock.time_ns()
        given = np.asarray(columns[field.path])
        if given.dtype.kind in "iu":
            given = given.astype(f"M8[{field.time_unit}]")
        return given

    def _bytes(self, columns: Mapping[str, Any], count: int, whole: Optional[np.ndarray[Any, Any]]) -> Bytes:
        """The events as they are to lie in the journal, padding zero."""
        if whole is not None and not self._has_holes and self.schema.tag is None:
            for field in self.schema.columns:
                check_unsigned(field, whole[field.path])
            return np.ascontiguousarray(whole).view("u1").reshape(-1)
        known = {field.path for field in self.schema.columns}
        strange = [name for name in columns if name not in known and not name.startswith("_")]
        if strange:
            raise BadOption(f"{self.schema.name} has no field {strange[:5]}; it has {', '.join(sorted(known)[:20])}")
        if self.schema.tag is not None:
            return self._bytes_of_variants(self.schema.tag, columns, count)
        made = np.zeros(count, self.dtype)
        self._fill(made, self.schema.columns, columns)
        return made.view("u1").reshape(-1)

    def _bytes_of_variants(self, tag: Field, columns: Mapping[str, Any], count: int) -> Bytes:
        if VARIANT not in columns:
            raise BadOption(f"{self.schema.name} has variants: a column {VARIANT!r} says which each event is")
        names = ",".join(f"{name}:{number}" for number, name in self.schema.variants.items())
        named = Field(VARIANT, tag.kind, tag.offset, tag.size, {"enum": names})
        tags = fitted(named, columns[VARIANT], count)
        made = np.zeros((count, self.schema.size), "u1")
        for number in np.unique(tags):
            variant = self.schema.variants.get(int(number))
            if variant is None:
                raise BadOption(f"{self.schema.name} has no variant {number}; it has {names}")
            which = np.flatnonzero(tags == number)
            part = np.zeros(len(which), self.dtype)
            part[VARIANT] = number
            fields = [field for field in self.schema.columns if field.variant in (None, variant)]
            of_them = {field.path: columns[field.path] for field in fields if field.path in columns}
            self._fill(part, fields, {path: _taken(column, which) for path, column in of_them.items()})
            made[which] = part.view("u1").reshape(len(which), self.schema.size)
        return made.reshape(-1)

    def _fill(self, made: np.ndarray[Any, Any], fields: Sequence[Field], columns: Mapping[str, Any]) -> None:
        rows = "_sequence" in columns
        for field in fields:
            given = columns[field.path] if field.path in columns else default_of(field)
            if rows and isinstance(given, np.ndarray) and given.dtype.kind == "M":
                # As the journal has them: the all ones that stand for no time are no time before 1970.
                given = given.view("u8" if field.layout()[0] == "u64" else "i8")
            made[field.path] = fitted(field, given, len(made))

    @property
    def path(self) -> str:
        """The journal's folder, as it was given."""
        return self._path

    @property
    def end_sequence(self) -> int:
        """The sequence that the next event gets."""
        return self._writer.facts()[0]

    @property
    def durable_end(self) -> int:
        """The sequence behind the last event that is on disk, come what may."""
        return self._writer.facts()[1]

    @property
    def last_time_ns(self) -> Optional[int]:
        """The journal's time, in nanoseconds; `None` if it has no record."""
        return self._writer.facts()[2]

    @property
    def regressions(self) -> int:
        """How many events were earlier than the one before them, and got its time."""
        return self._writer.facts()[3]

    @property
    def recovery(self) -> str:
        """What opening found and mended, for people."""
        return self._writer.recovery

    def wait_durable(self, timeout: Optional[float] = None) -> bool:
        """Waits until all that was appended is on disk; `False` if that takes longer than `timeout` seconds."""
        return self._writer.wait_durable(timeout)

    def reader(self) -> Journal:
        """The journal, as it is now."""
        return Journal(self._path)

    def close(self) -> None:
        """Makes everything durable and lets go of the journal. Closing twice is fine."""
        self._writer.close()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<slipring.Writer {self._path}: {self.schema.name}>"


def _columns(events: Any, dtype: np.dtype[Any]) -> Tuple[Dict[str, Any], int]:
    """The columns of whatever holds events, by their names, and how many events there are."""
    if isinstance(events, (list, tuple, np.void)):
        events = np.atleast_1d(np.asarray(events, dtype=None if isinstance(events, np.void) else dtype))
    if isinstance(events, np.ndarray):
        if events.dtype.names is None or events.ndim != 1:
            raise BadOption(f"events are a structured array of one dimension, not {events.dtype} {events.shape}")
        plain = events.view(flat(events.dtype))
        return {name: plain[name] for name in plain.dtype.names or ()}, len(events)
    named = next((name for name in ("keys", "column_names", "columns") if hasattr(events, name)), None)
    names = [] if named is None else list(events.keys() if named == "keys" else getattr(events, named))
    if not names:
        raise BadOption(f"{type(events).__name__} holds no events: give an array, or columns by name")
    columns = {str(name): events[name] for name in names}
    counts = {len(column) for column in columns.values() if not is_single(column)}
    if len(counts) != 1:
        raise BadOption(f"columns of one length are wanted, not of {sorted(counts)}")
    return columns, counts.pop()


def _taken(column: Any, which: Any) -> Any:
    if is_single(column):
        return column
    # Before it is an array: there may be nulls in what is left out, of which numpy would make doubles.
    for take in ("gather", "take"):
        if hasattr(column, take) and not isinstance(column, np.ndarray):
            return getattr(column, take)(which)
    return as_array(column)[which]


def _has_holes(schema: Schema) -> bool:
    return sum(field.size for field in schema.columns) != schema.size


def _options(
    segment_bytes: Optional[int],
    segment_records: Optional[int],
    sync: Union[str, float, None],
    max_time_step: Optional[float],
) -> Tuple[Any, ...]:
    of_words = {None: None, "batch": 0, "never": -1}
    if sync in of_words:
        sync_ns = of_words[sync]
    elif isinstance(sync, (int, float)) and 1e-6 <= sync <= 1e6:
        sync_ns = round(sync * 1e9)
    else:
        raise BadOption(f"sync = {sync!r}: it is seconds, 'batch' or 'never'")
    step_ns = None if max_time_step is None else min(round(max_time_step * 1e9), 2**64 - 1)
    return segment_bytes, segment_records, sync_ns, step_ns


def _is_toml(said: Any) -> bool:
    return isinstance(said, os.PathLike) or (isinstance(said, str) and said.endswith(".toml"))


def _from_toml(path: Any) -> Schema:
    return Schema.from_toml(pathlib.Path(path).read_text(encoding="utf-8"))


def create(
    path: Path,
    dtype: Any,
    *,
    name: Optional[str] = None,
    time: Optional[str] = None,
    decimals: Optional[Mapping[str, int]] = None,
    enums: Optional[Mapping[str, Any]] = None,
    kinds: Optional[Mapping[str, str]] = None,
    attributes: Optional[Mapping[str, Mapping[str, object]]] = None,
    keep_offsets: bool = False,
    segment_bytes: Optional[int] = None,
    segment_records: Optional[int] = None,
    sync: Union[str, float, None] = None,
    max_time_step: Optional[float] = None,
) -> Writer:
    """Makes a journal in the folder `path`. Raises `Exists` if there is one.

    `dtype` is a `Schema`, the path of a schema file (`.toml`), or a numpy structured dtype with the event
    type's `name`: integers, `f4`, `f8`, `?`, `M8[s|ms|us|ns]` (a `u64` with that unit), `S<n>` (UTF-8 text),
    `V<n>` (bytes), arrays of them, structures in it.

    Fields are laid out as `#[repr(C)]` does, with fields `_pad`, `_pad1` .. in the gaps, whatever offsets the
    dtype has, unless `keep_offsets`. So a Rust type of that name with `#[derive(Event)]` and these fields opens
    the journal. Beside the dtype can be said, by the fields' names:

    - `time`: the field whose time is the journal time;
    - `decimals`: digits behind the point, of integers that are decimals: `{"price": 2}`;
    - `enums`: names of integers: `{"side": {"buy": 1, "sell": 2}}`, or a list of names from 0 on;
    - `kinds`: another type of the same size: `{"ts": "i64"}` for times before 1970, `{"id": "u128"}` for `V16`;
    - `attributes`: whatever else: `{"qty": {"unit": "shares", "default": 0}}`.

    `segment_bytes` or `segment_records` say how large a file is (64 MiB); `sync` how often what was appended
    is made durable: in seconds (0.005), at each `"batch"`, or `"never"` but at the end; `max_time_step` how
    many seconds ahead of the last event and the clock a time may lie (a day).
    """
    said = dict(time=time, decimals=decimals, enums=enums, kinds=kinds, attributes=attributes)
    if _is_toml(dtype):
        dtype = _from_toml(dtype)
    if isinstance(dtype, Schema):
        if name is not None or keep_offsets or any(value is not None for value in said.values()):
            raise BadOption("a Schema says everything: leave out what is said of a dtype")
        schema = dtype
    elif name is None:
        raise SchemaError("an event type has a name: create(path, dtype, name='Trade')")
    else:
        schema = Schema.from_dtype(name, dtype, keep_offsets=keep_offsets, **said)
    options = _options(segment_bytes, segment_records, sync, max_time_step)
    try:
        _slipring.Reader(os.fspath(path))
    except NotFound:
        pass
    else:
        raise Exists(f"there is a journal at {os.fspath(path)}: open it (append_to), or take another folder")
    writer = Writer(path, schema, options)
    if not writer._writer.created:
        writer.close()
        raise Exists(f"a journal has come to be at {os.fspath(path)} just now; nothing was appended to it")
    return writer


def append_to(
    path: Path,
    schema: Union[Schema, Path, None] = None,
    *,
    segment_bytes: Optional[int] = None,
    segment_records: Optional[int] = None,
    sync: Union[str, float, None] = None,
    max_time_step: Optional[float] = None,
) -> Writer:
    """Opens the journal in the folder `path` to append to it; it is recovered first if its last writer died.

    A `schema` of a greater version, or the path of its `.toml`, goes on with events of that newer type: what the
    journal holds stays as it is, and is read as the newer type from then on. `SchemaError` says field by field
    what is in the way.

    Raises `NotFound` if there is none, `Locked` if another writer has it. The options: see `create`.
    """
    options = _options(segment_bytes, segment_records, sync, max_time_step)
    known = Journal(path).schema
    if schema is None:
        schema = known
    elif not isinstance(schema, Schema):
        schema = _from_toml(schema)
    return Writer(path, schema, options)
