"""From a schema to numpy: the dtype of an event, of a row that was read, and of a record as it lies in a file."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from .errors import Damaged, SchemaError
from .schema import SCALAR_BYTES, Field, Schema

# Of a record in the file: journal time 8, kind and epoch 4, checksum 4.
RECORD_HEADER_BYTES = 16
# Of a row: sequence 8, journal time 8, epoch 4, nothing 4.
ROW_HEADER_BYTES = 24
VARIANT = "_variant"


def field_dtype(field: Field) -> np.dtype[Any]:
    """What numpy has for a field.

    Times of 64 bits are `M8[unit]`, text is `S<n>`, `bool` is `?`, 128-bit integers are `V16` (their bytes,
    little-endian), decimals and enums are integers, `[u8;n]` is an array of `u1`.
    """
    scalar, shape = field.layout()
    if field.is_text:
        text = np.dtype(f"S{shape[-1]}")
        return np.dtype((text, shape[:-1])) if shape[:-1] else text
    if scalar in ("u128", "i128"):
        base = "V16"
    elif field.is_bool:
        base = "?"
    elif field.time_unit and SCALAR_BYTES[scalar] == 8:
        base = f"<M8[{field.time_unit}]"
    else:
        base = f"<{scalar[0]}{SCALAR_BYTES[scalar]}"
    return np.dtype((base, shape)) if shape else np.dtype(base)


def _dtype(fields: Sequence[Tuple[str, Any, int]], size: int) -> np.dtype[Any]:
    names = [name for name, _, _ in fields]
    if len(set(names)) < len(names) or "" in names:
        twice = sorted({name for name in names if names.count(name) > 1 or not name}) if len(names) < 4096 else []
        raise SchemaError(f"fields of one name, or without a name: {twice[:5]}")
    formats, offsets = [kind for _, kind, _ in fields], [offset for _, _, offset in fields]
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size})


def _columns(schema: Schema) -> List[Tuple[str, Field]]:
    """The columns with their names: of a one-of event first the tag, as `_variant`."""
    tag = schema.tag
    tags = [(VARIANT, tag)] if tag is not None else []
    return tags + [(field.path, field) for field in schema.columns]


def event_dtype(schema: Schema) -> np.dtype[Any]:
    """Of the event alone: what `Writer.append` takes as it is."""
    return _dtype([(name, field_dtype(of), of.offset) for name, of in _columns(schema)], schema.size)


def record_dtype(schema: Schema, record_bytes: int) -> np.dtype[Any]:
    """Of a record as it lies in the file: `_time`, `_epoch_kind`, `_crc`, then the fields."""
    if schema.size + RECORD_HEADER_BYTES > record_bytes:
        raise Damaged(
            f"a record of {record_bytes} bytes has no room for an event of {schema.size}: the segment's header "
            "is not as it was written; salvage the journal (slipring salvage)"
        )
    fields = [(name, field_dtype(of), RECORD_HEADER_BYTES + of.offset) for name, of in _columns(schema)]
    return _dtype([("_time", "<M8[ns]", 0), ("_epoch_kind", "<u4", 8), ("_crc", "<u4", 12), *fields], record_bytes)


class RowLayout(NamedTuple):
    """How rows are made of records: their dtype, and runs of bytes as (in the event, in the row, length)."""

    dtype: np.dtype[Any]
    pieces: List[Tuple[int, int, int]]


def row_layout(schema: Schema, wanted: Optional[Sequence[str]] = None) -> RowLayout:
    """Rows of all fields, or of those `wanted`: a path, or a part of paths (`leg` takes `leg.px`)."""
    heads = [("_sequence", "<u8", 0), ("_time", "<M8[ns]", 8), ("_epoch", "<u4", 16)]
    columns = _columns(schema)
    if wanted is None:
        fields = [(name, field_dtype(of), ROW_HEADER_BYTES + of.offset) for name, of in columns]
        size = _up(ROW_HEADER_BYTES + schema.size, 8)
        return RowLayout(_dtype([*heads, *fields], size), [(0, ROW_HEADER_BYTES, schema.size)])
    fields, pieces, at = [], [], ROW_HEADER_BYTES
    for name, of in _chosen(schema, columns, wanted):
        at = _up(at, min(8, SCALAR_BYTES[of.layout()[0]]))
        fields.append((name, field_dtype(of), at))
        pieces.append((of.offset, at, of.size))
        at += of.size
    return RowLayout(_dtype([*heads, *fields], _up(at, 8)), pieces)


def _chosen(schema: Schema, columns: List[Tuple[str, Field]], wanted: Sequence[str]) -> List[Tuple[str, Field]]:
    if isinstance(wanted, str):
        raise SchemaError(f"fields is a list of names: [{wanted!r}]")
    # Which variant it is tells which columns mean something: it is always there.
    chosen: Dict[str, Field] = dict(columns[:1]) if columns and columns[0][0] == VARIANT else {}
    for path in wanted:
        if path in ("_sequence", "_time", "_epoch", VARIANT):
            continue
        found = [(name, of) for name, of in columns if name == path or name.startswith((path + ".", path + "["))]
        if not found:
            schema[path]  # Says which there are.
        chosen.update(found)
    return list(chosen.items())


def _up(count: int, step: int) -> int:
    return -(-count // step) * step
