"""From numpy to a schema: a structured dtype as `#[derive(Event)]` lays it out."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple, Union

import numpy as np

from .errors import SchemaError
from .schema import SCALAR_BYTES, TIME_UNITS, Field, Schema

Names = Union[Mapping[str, int], List[str], Tuple[str, ...]]
Said = Mapping[str, Mapping[str, object]]


def leaves(dtype: np.dtype[Any], path: str = "", offset: int = 0) -> Iterator[Tuple[str, np.dtype[Any], int]]:
    """The fields of a structured dtype, those of structures in it by their paths: `leg.px`, `legs[0].px`."""
    for name, (kind, at, *_) in (dtype.fields or {}).items():
        yield from _leaves_of(kind, f"{path}.{name}" if path else name, offset + at)


def _leaves_of(kind: np.dtype[Any], path: str, offset: int) -> Iterator[Tuple[str, np.dtype[Any], int]]:
    base, shape = kind.subdtype or (kind, ())
    if base.fields is None:
        yield path, kind, offset
    elif not shape:
        yield from leaves(base, path, offset)
    else:
        rest = np.dtype((base, shape[1:])) if shape[1:] else base
        for index in range(shape[0]):
            yield from _leaves_of(rest, f"{path}[{index}]", offset + index * rest.itemsize)


def flat(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The same bytes, with the fields of structures by their paths."""
    found = list(leaves(dtype))
    names, formats, offsets = [list(part) for part in zip(*found)] if found else [[], [], []]
    spec: Any = {"names": names, "formats": formats, "offsets": offsets, "itemsize": dtype.itemsize}
    made: np.dtype[Any] = np.dtype(spec)
    return made


def _kind_of(path: str, dtype: np.dtype[Any], said: Optional[str]) -> Tuple[str, Dict[str, str]]:
    """The type of a field and what it means."""
    base, shape = dtype.subdtype or (dtype, ())
    means: Dict[str, str] = {}
    if base.kind in "uif" and base.kind + str(8 * base.itemsize) in SCALAR_BYTES:
        kind = f"{base.kind}{8 * base.itemsize}"
    elif base.kind == "b":
        kind, means = "u8", {"bool": ""}
    elif base.kind == "M" and np.datetime_data(base)[0] in TIME_UNITS and np.datetime_data(base)[1] == 1:
        kind, means = "u64", {"time": np.datetime_data(base)[0]}
    elif base.kind == "S" and base.itemsize:
        kind, means = f"[u8;{base.itemsize}]", {"text": ""}
    elif base.kind == "V" and base.itemsize:
        kind = f"[u8;{base.itemsize}]"
    else:
        raise SchemaError(
            f"field {path!r}: an event can't hold {dtype}; it holds integers, f4 and f8, bool, M8[s|ms|us|ns], "
            "text as S<n> (not U<n>), V<n>, and arrays of them"
        )
    if said is not None:
        same = said in SCALAR_BYTES and SCALAR_BYTES[said] == base.itemsize and base.kind not in "Sb"
        if not same:
            raise SchemaError(f"field {path!r}: {dtype} can't be journalled as {said!r}")
        kind = said
    for count in reversed(shape):
        kind = f"[{kind};{count}]"
    return kind, means


def _align_of(kind: str) -> int:
    return SCALAR_BYTES[kind.strip("[").partition(";")[0]]


def schema_of(
    name: str,
    dtype: Any,
    *,
    time: Optional[str] = None,
    decimals: Optional[Mapping[str, int]] = None,
    enums: Optional[Mapping[str, Names]] = None,
    kinds: Optional[Mapping[str, str]] = None,
    attributes: Optional[Said] = None,
    keep_offsets: bool = False,
) -> Schema:
    """What `Schema.from_dtype` does."""
    dtype = np.dtype(dtype)
    means: Dict[str, Dict[str, str]] = {path: {} for path, _, _ in leaves(dtype)}
    if not means:
        raise SchemaError(f"{dtype} has no fields: give a structured dtype, as [('price', 'i8'), ('qty', 'u4')]")
    for path, scale in (decimals or {}).items():
        _of(means, path)["decimal"] = str(int(scale))
    for path, names in (enums or {}).items():
        _of(means, path)["enum"] = _enum(path, names)
    for path, more in (attributes or {}).items():
        _of(means, path).update({key: str(value) for key, value in more.items()})
    for path in [*(kinds or {}), *([] if time is None else [time])]:
        _of(means, path)
    laid = _Layout(means, dict(kinds or {}), keep_offsets).struct(dtype, "")
    schema = Schema(name, laid.size, tuple(laid.fields), {} if time is None else {"time": time})
    if time is not None and schema[time].time_unit is None:
        raise SchemaError(f"the time is {time!r}, which is no time: make it M8[ns], or say its unit in attributes")
    return schema


def _of(means: Dict[str, Dict[str, str]], path: str) -> Dict[str, str]:
    if path not in means:
        raise SchemaError(f"something is said of {path!r}, which is no field: {', '.join(list(means)[:20])}")
    return means[path]


def _enum(path: str, names: Names) -> str:
    pairs = names.items() if isinstance(names, Mapping) else ((name, at) for at, name in enumerate(names))
    said = []
    for name, number in pairs:
        if not name or any(mark in name or ord(mark) < 32 for mark in ',:"') or not name.isprintable():
            raise SchemaError(f"field {path!r}: the name {name!r} of an enum has , : or \" or what can't be printed")
        said.append(f"{name}:{int(number)}")
    return ",".join(said)


def _check_name(path: str, dtype: np.dtype[Any]) -> None:
    if "/" in path or not path.isprintable() or " " in path:
        raise SchemaError(f"{path!r} is no name of a field: it has / or spaces or what can't be printed")
    hidden = any(part.startswith("_") for part in path.split("."))
    base = dtype.subdtype[0] if dtype.subdtype else dtype
    if hidden and base.kind != "V" and base != np.dtype("u1"):
        raise SchemaError(
            f"{path!r}: names that begin with _ are padding, which is never shown; rename it, or leave out the "
            "columns of rows that were read"
        )


@dataclass
class _Laid:
    """Fields that follow each other, their offsets counted from the first; padding is a field too."""

    fields: List[Field] = attribute(default_factory=list)
    size: int = 0
    align: int = 1

    def add(self, part: _Laid, at: int) -> None:
        """Takes a part that begins at `at`."""
        self.fields.extend(replace(field, offset=at + field.offset) for field in part.fields)
        self.size, self.align = at + part.size, max(self.align, part.align)


class _Layout:
    """Lays fields out as a `#[repr(C)]` struct with explicit padding, or where the dtype has them."""

    def __init__(self, means: Dict[str, Dict[str, str]], kinds: Dict[str, str], keep_offsets: bool) -> None:
        self.means, self.kinds, self.keep_offsets = means, kinds, keep_offsets

    def struct(self, dtype: np.dtype[Any], path: str) -> _Laid:
        laid, within = _Laid(), f"{path}." if path else ""
        pads = (name for name in _pad_names() if name not in (dtype.names or ()))
        for name, (kind, offset, *_) in (dtype.fields or {}).items():
            part = self.part(kind, within + name)
            start = offset if self.keep_offsets else _up(laid.size, part.align)
            self._pad(laid, start, within, pads)
            laid.add(part, start)
        self._pad(laid, dtype.itemsize if self.keep_offsets else _up(laid.size, laid.align), within, pads)
        return laid

    def part(self, dtype: np.dtype[Any], path: str) -> _Laid:
        base, shape = dtype.subdtype or (dtype, ())
        if base.fields is None:
            _check_name(path, dtype)
            kind, own = _kind_of(path, dtype, self.kinds.get(path))
            field = Field(path, kind, 0, dtype.itemsize, {**own, **self.means[path]})
            return _Laid([field], dtype.itemsize, _align_of(kind))
        if not shape:
            return self.struct(base, path)
        laid, rest = _Laid(), np.dtype((base, shape[1:])) if shape[1:] else base
        for index in range(shape[0]):
            laid.add(self.part(rest, f"{path}[{index}]"), laid.size)
        return laid

    def _pad(self, laid: _Laid, end: int, within: str, pads: Iterator[str]) -> None:
        if end < laid.size:
            raise SchemaError("fields lie over each other, or not in their order: leave out keep_offsets")
        if end > laid.size:
            count = end - laid.size
            laid.fields.append(Field(within + next(pads), f"[u8;{count}]", laid.size, count))
            laid.size = end


def _pad_names() -> Iterator[str]:
    yield "_pad"
    yield from (f"_pad{at}" for at in itertools.count(1))


def _up(count: int, step: int) -> int:
    return -(-count // step) * step
