"""From rows to Arrow, pandas and Polars: column by column, never row by row."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Dict, Iterable, NamedTuple, Optional, Tuple

import numpy as np

from .dtypes import VARIANT
from .errors import BadOption, MissingPackage
from .schema import Field, Schema
from .wide import from_wide, split

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Column = np.ndarray[Any, Any]

# The digits that an integer may have.
_DIGITS = {"u8": 3, "i8": 3, "u16": 5, "i16": 5, "u32": 10, "i32": 10, "u64": 20, "i64": 19}
_WIDE_DIGITS = 39


def _package(name: str, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingPackage(f"this needs the package {name}: pip install 'slipring[{extra}]' ({error})") from None


class _Parts(NamedTuple):
    """What a column is made of: values without a gap, and where it is null."""

    field: Field
    values: Column
    nulls: Optional[Column]


def to_arrow(rows: Column, schema: Schema) -> pyarrow.Table:
    """Rows that were read, or some of them, as an Arrow table.

    `_sequence`, `_time` and `_epoch` go first. Times are timestamps in UTC of their own unit, decimals
    `decimal128` (`decimal256` of 128-bit integers, decimals or not), text `string`, enums and the variant
    dictionaries, `[u8;n]` binary of fixed size, other arrays lists of fixed size. Fields of other variants
    than an event's are null, and so are unsigned times from 2^63 on, which Arrow can't hold (feeds write all
    ones where there is no time).
    """
    return arrow_of([rows], schema)


def arrow_of(batches: Iterable[Column], schema: Schema, for_polars: bool = False) -> pyarrow.Table:
    """The table of rows that come in parts; a part is done with before the next one is asked for."""
    pa = _package("pyarrow", "polars" if for_polars else "arrow")
    tables = [_table(pa, rows, schema, for_polars) for rows in batches]
    # A number without a name may be in one part alone.
    return pa.concat_tables(tables).unify_dictionaries()


def _table(pa: Any, rows: Column, schema: Schema, for_polars: bool) -> Any:
    arrays: Dict[str, Any] = {}
    for name in rows.dtype.names or ():
        field, nulls = _known(name, schema), None
        if field is None:
            field = schema[name]
            nulls = _nulls(rows, field, schema)
        # Copied, also one row that lies as it should: the rows are overwritten by the next ones.
        parts = _Parts(field, rows[name].copy(), nulls)
        if nulls is not None:
            # What lies there belongs to fields of another variant.
            parts.values[nulls] = np.zeros((), rows.dtype[name].base)
        if for_polars and parts.values.dtype == np.dtype("V16"):
            arrays[name] = _wide_for_polars(pa, parts)
        else:
            arrays[name] = _array(pa, parts)
    return pa.table(arrays)


def _known(name: str, schema: Schema) -> Optional[Field]:
    """One of the journal's own columns."""
    if name == VARIANT and schema.tag is not None:
        said = ",".join(f"{variant}:{number}" for number, variant in schema.variants.items())
        return Field(VARIANT, schema.tag.kind, 0, schema.tag.size, {"enum": said})
    return {
        "_sequence": Field("_sequence", "u64", 0, 8),
        "_time": Field("_time", "u64", 0, 8, {"time": "ns"}),
        "_epoch": Field("_epoch", "u32", 0, 4),
    }.get(name)


def _nulls(rows: Column, field: Field, schema: Schema) -> Optional[Column]:
    """Where an event is of another variant than the field."""
    if field.variant is None or schema.tag is None:
        return None
    if VARIANT not in (rows.dtype.names or ()):
        raise BadOption(f"rows of {schema.name} need their column {VARIANT!r}: it says what the others mean")
    tags = [number for number, variant in schema.variants.items() if variant == field.variant]
    mine: Column = ~np.isin(rows[VARIANT], np.array(tags, rows[VARIANT].dtype))
    return mine


def _array(pa: Any, parts: _Parts) -> Any:
    field, values, nulls = parts
    shape = values.shape[1:]
    if not shape:
        return _leaves(pa, parts)
    if values.dtype == np.dtype("u1") and len(shape) == 1 and not field.names:
        return _of_buffers(pa, pa.binary(shape[0]), values, nulls)
    return _lists(pa, _leaves(pa, _Parts(field, values.reshape(-1), None)), shape, nulls)


def _lists(pa: Any, array: Any, shape: Tuple[int, ...], nulls: Optional[Column]) -> Any:
    """Lists of fixed size of the values of an array."""
    for at, count in enumerate(reversed(shape)):
        kind, length = pa.list_(array.type, count), len(array) // count
        outermost = at == len(shape) - 1
        valid = _valid(pa, nulls) if outermost else None
        array = pa.Array.from_buffers(kind, length, [valid], children=[array])
    return array


def _leaves(pa: Any, parts: _Parts) -> Any:
    """An array of single values."""
    field, values, nulls = parts
    if values.dtype.kind == "S":
        return _texts(pa, parts)
    if values.dtype == np.dtype("V16"):
        return _wide_decimals(pa, parts)
    if values.dtype.kind == "b":
        return pa.array(values.view("u1") != 0, mask=nulls)
    if field.names:
        return _dictionary(pa, parts)
    if field.scale is not None:
        return _decimals(pa, parts)
    if field.time_unit is not None:
        return _times(pa, parts)
    return pa.array(values, mask=nulls)


def _valid(pa: Any, nulls: Optional[Column]) -> Any:
    return None if nulls is None else pa.py_buffer(np.packbits(~nulls, bitorder="little"))


def _of_buffers(pa: Any, kind: Any, data: Column, nulls: Optional[Column]) -> Any:
    """An array of bytes that are there already."""
    return pa.Array.from_buffers(kind, len(data), [_valid(pa, nulls), pa.py_buffer(np.ascontiguousarray(data))])


def _texts(pa: Any, parts: _Parts) -> Any:
    field, values, nulls = parts
    large = values.nbytes >= 2**31
    bytes_of = _of_buffers(pa, pa.binary(values.dtype.itemsize), values, nulls)
    try:
        text = bytes_of.cast(pa.large_binary() if large else pa.binary()).cast(
            pa.large_string() if large else pa.string()
        )
    except pa.ArrowInvalid as error:
        raise BadOption(
            f"column {field.path!r} is text, and holds bytes that are no UTF-8 ({error}); read other fields, or take "
            "the bytes from the rows"
        ) from None
    return importlib.import_module("pyarrow.compute").utf8_rtrim(text, characters="\0")


def _dictionary(pa: Any, parts: _Parts) -> Any:
    """By name; a number that has none by its digits."""
    field, values, nulls = parts
    there = values if nulls is None else values[~nulls]
    found, places = _distinct(there)
    named = field.names
    texts = list(dict.fromkeys([*named.values(), *(named.get(number, str(number)) for number in found.tolist())]))
    index = {text: at for at, text in enumerate(texts)}
    codes = np.array([index[named.get(number, str(number))] for number in found.tolist()], "i4")[places]
    if nulls is not None:
        all_codes = np.zeros(len(values), "i4")
        all_codes[~nulls] = codes
        codes = all_codes
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=nulls), pa.array(texts, pa.string()))


def _distinct(values: Column) -> Tuple[Column, Column]:
    """The different values, and which of them each one is."""
    if values.dtype.itemsize > 2:
        return np.unique(values, return_inverse=True)
    # Few numbers are possible: counting them is faster than sorting.
    numbers = values.view(f"u{values.dtype.itemsize}")
    seen = np.flatnonzero(np.bincount(numbers, minlength=1))
    places = np.zeros(int(seen[-1]) + 1 if len(seen) else 1, "i4")
    places[seen] = np.arange(len(seen))
    return seen.astype(numbers.dtype).view(values.dtype), places[numbers]


def _times(pa: Any, parts: _Parts) -> Any:
    field, values, nulls = parts
    unsigned = field.layout()[0][0] == "u"
    counts = values.view("i8") if values.dtype.itemsize == 8 else values.astype("i8")
    if unsigned and (counts < 0).any():
        nulls = counts < 0 if nulls is None else nulls | (counts < 0)
    return _of_buffers(pa, pa.timestamp(field.time_unit, "UTC"), counts, nulls)


def _decimals(pa: Any, parts: _Parts) -> Any:
    field, values, nulls = parts
    scale = field.scale or 0
    words = np.empty((len(values), 2), "<i8")
    words[:, 0] = values.view("i8") if values.dtype.itemsize == 8 else values.astype("i8")
    words[:, 1] = words[:, 0] >> 63 if values.dtype.kind == "i" else 0
    precision = max(_DIGITS[field.layout()[0]], scale)
    return _of_buffers(pa, pa.decimal128(precision, scale), words, nulls)


def _wide_decimals(pa: Any, parts: _Parts) -> Any:
    field, values, nulls = parts
    words = np.zeros((len(values), 4), "<i8")
    words[:, :2] = split(values).view("<i8")
    if field.layout()[0] == "i128":
        words[:, 2] = words[:, 3] = np.where(words[:, 1] < 0, -1, 0)
    return _of_buffers(pa, pa.decimal256(_WIDE_DIGITS, field.scale or 0), words, nulls)


def to_pandas(rows: Column, schema: Schema) -> pandas.DataFrame:
    """Rows as a pandas frame; needs pyarrow too.

    Times are `datetime64[unit, UTC]`, enums and the variant categories, text is pandas' own type for text.
    Decimals stay exact: their columns are of Arrow's decimal type (`df.price.astype(float)` makes doubles),
    and so do bytes and arrays. Numbers with nulls, as one-of events have them, are of pandas' nullable types.
    """
    return pandas_of([rows], schema)


def pandas_of(batches: Iterable[Column], schema: Schema) -> pandas.DataFrame:
    """As `arrow_of`, in pandas."""
    pd, pa = _package("pandas", "pandas"), _package("pyarrow", "pandas")
    table = arrow_of(batches, schema)
    columns = {}
    for name, column in zip(table.column_names, table.columns):
        columns[name] = column.to_pandas(types_mapper=lambda kind, column=column: _pandas_type(pd, pa, kind, column))
    return pd.DataFrame(columns)


def _pandas_type(pd: Any, pa: Any, kind: Any, column: Any) -> Any:
    types = pa.types
    if types.is_decimal(kind) or types.is_fixed_size_binary(kind) or types.is_fixed_size_list(kind):
        return pd.ArrowDtype(kind)
    if types.is_string(kind) or types.is_large_string(kind):
        return None if int(pd.__version__.partition(".")[0]) >= 3 else pd.StringDtype("pyarrow")
    if column.null_count and types.is_boolean(kind):
        return pd.BooleanDtype()
    if column.null_count and types.is_integer(kind):
        return pd.api.types.pandas_dtype(str(kind).replace("uint", "UInt").replace("int", "Int"))
    return None


# What a decimal of 38 digits, the most that Polars has, does not reach.
_POLARS_END = 10**38


def to_polars(rows: Column, schema: Schema) -> polars.DataFrame:
    """Rows as a Polars frame; needs pyarrow too.

    As `to_arrow`, with Polars' types: 128-bit integers are `Int128` and `UInt128`, decimals of them have at most
    38 digits (others are refused), and arrays of them hold their bytes.
    """
    return polars_of([rows], schema)


def polars_of(batches: Iterable[Column], schema: Schema) -> polars.DataFrame:
    """As `arrow_of`, in Polars."""
    pl = _package("polars", "polars")
    frame: polars.DataFrame = pl.from_arrow(arrow_of(batches, schema, for_polars=True))
    wide = {field.path: field for field in schema.columns if field.kind in ("u128", "i128")}
    for name in frame.columns:
        if name in wide and wide[name].scale is None:
            if not hasattr(pl, "UInt128"):
                raise BadOption(
                    f"column {name!r}: this Polars has no 128-bit integers; take a newer one, or other fields"
                )
            kind = pl.Int128 if wide[name].kind == "i128" else pl.UInt128
            frame = frame.with_columns(pl.col(name).bin.reinterpret(dtype=kind, endianness="little"))
    return frame


def _wide_for_polars(pa: Any, parts: _Parts) -> Any:
    field, values, nulls = parts
    if values.ndim > 1:
        return _lists(pa, _of_buffers(pa, pa.binary(16), values.reshape(-1), None), values.shape[1:], nulls)
    if field.scale is None:
        return _of_buffers(pa, pa.binary(16), values, nulls)
    signed = field.layout()[0] == "i128"
    numbers = from_wide(values if nulls is None else values[~nulls], signed)
    if len(numbers) and not (abs(numbers) < _POLARS_END).all():
        raise BadOption(f"column {field.path!r} holds decimals of more than 38 digits, which Polars has not")
    return _of_buffers(pa, pa.decimal128(38, field.scale), values, nulls)
