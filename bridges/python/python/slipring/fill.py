"""From a column of whatever numpy type to a field: with every value, or refused."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact
from typing import Any, Tuple

import numpy as np

from .dtypes import field_dtype
from .errors import BadOption
from .schema import Field
from .times import as_array, exactly, to_ns
from .wide import to_wide

Column = np.ndarray[Any, Any]


def fitted(field: Field, given: Any, count: int) -> Column:
    """The values of a column in the field's own type. Nothing is cut, rounded or wrapped around."""
    wanted = field_dtype(field)
    base, shape = wanted.subdtype or (wanted, ())
    values = as_array(given)
    if shape and values.ndim == 1:
        values = _unpacked(field, values, shape)
    if field.time_unit and values.dtype.kind == "M" and base.kind in "iu":
        values = exactly(values, f"M8[{field.time_unit}]", f"column {field.path!r}").view("i8")
    if values.ndim == 0:
        values = np.broadcast_to(values, (count, *shape))
    if values.shape != (count, *shape):
        raise BadOption(f"column {field.path!r} has the shape {values.shape}, where {(count, *shape)} is wanted")
    if values.dtype == base or not count:
        fitting = values.astype(base) if not count else values
    elif base.kind == "S":
        fitting = _text(field, values, base)
    elif base.kind == "V":
        fitting = to_wide(_scaled(field, values.astype(object)), signed=field.layout()[0] == "i128")
    elif field.names and values.dtype.kind in "OUST":
        fitting = _numbers(field, values, base)
    elif field.scale is not None and values.dtype.kind == "O":
        fitting = _number(field, _scaled(field, values), base)
    elif base.kind == "M" and values.dtype.kind == "M":
        fitting = exactly(values, base, f"column {field.path!r}")
    else:
        fitting = _number(field, values, base)
    if values.dtype.kind == "M":
        check_unsigned(field, fitting)
    return fitting


def check_unsigned(field: Field, times: Column) -> None:
    """Refuses times that an unsigned field can't hold."""
    if field.time_unit is None or field.layout()[0] != "u64" or times.dtype.base.kind != "M":
        return
    numbers = times.view("i8")
    if (numbers < 0).any():
        raise BadOption(
            f"column {field.path!r}: time {int(np.argmax(numbers.reshape(-1) < 0))} lies before 1970, or is NaT, and "
            f"the field is unsigned: make it i64 (kinds={{{field.path!r}: 'i64'}}), or give the numbers (view('u8'))"
        )


def default_of(field: Field) -> Any:
    """What a field holds where nothing is given for it; an error if its schema does not say."""
    said = field.attributes.get("default")
    scalar, shape = field.layout()
    if said is None or (shape and not field.is_text):
        raise BadOption(f"there is no column {field.path!r}, and the schema has no default for it")
    if field.is_text or said in field.names.values():
        return said
    try:
        if field.is_bool:
            return {"true": True, "1": True, "false": False, "0": False}[said]
        if field.scale is not None:
            return np.array(Decimal(said), dtype=object)
        if field.time_unit and not said.isdigit():
            return np.datetime64(to_ns(said), "ns")
        return float(said) if scalar[0] == "f" else np.array(int(said), dtype=object)
    except (ArithmeticError, KeyError, ValueError):
        raise BadOption(f"column {field.path!r}: its default {said!r} is no {field.kind}") from None


def is_single(given: Any) -> bool:
    """Whether it is one value for all events."""
    return isinstance(given, (str, bytes)) or not hasattr(given, "__len__") or getattr(given, "ndim", 1) == 0


def _unpacked(field: Field, values: Column, shape: Tuple[int, ...]) -> Column:
    """An array column that came as objects, as frames have them: bytes, or lists."""
    if field.layout()[0] == "u8" and len(shape) == 1 and not field.is_text:
        if values.dtype.kind == "O" and all(isinstance(value, bytes) for value in values):
            if any(len(value) != shape[0] for value in values):
                raise BadOption(f"column {field.path!r}: there are not {shape[0]} bytes everywhere")
            return np.frombuffer(b"".join(values), "u1").reshape(len(values), *shape)
        if values.dtype.kind in "SV" and values.dtype.itemsize == shape[0] and not values.dtype.names:
            return np.ascontiguousarray(values).view("u1").reshape(len(values), *shape)
    if values.dtype.kind == "O" and len(values):
        return as_array([np.asarray(value).tolist() for value in values])
    return values


def _text(field: Field, values: Column, base: np.dtype[Any]) -> Column:
    if values.dtype.kind in "OUT":
        values = np.char.encode(values.astype("U"), "utf-8")
    if values.dtype.kind != "S":
        raise BadOption(f"column {field.path!r} is text, and {values.dtype} is not")
    length = np.char.str_len(values)
    if (length > base.itemsize).any():
        at = int(np.argmax(length.reshape(-1) > base.itemsize))
        raise BadOption(
            f"column {field.path!r}: {bytes(values.reshape(-1)[at])!r} is longer than {base.itemsize} bytes"
        )
    return values.astype(base)


def _numbers(field: Field, values: Column, base: np.dtype[Any]) -> Column:
    """The numbers of an enum's names."""
    texts, places = np.unique(values.astype("U"), return_inverse=True)
    of = {name: number for number, name in field.names.items()}
    unknown = [str(text) for text in texts if text not in of]
    if unknown:
        raise BadOption(f"column {field.path!r}: {unknown[:5]} are none of the names {', '.join(of)}")
    return np.array([of[str(text)] for text in texts], base)[places.reshape(values.shape)]


def _scaled(field: Field, values: Column) -> Column:
    """The integers of decimals."""
    exact, step = Context(prec=100, traps=[Inexact]), Decimal(10) ** (field.scale or 0)

    def scaled(value: Any) -> Any:
        if not isinstance(value, Decimal):
            return value
        number = exact.multiply(value, step) if value.is_finite() else value
        if not value.is_finite() or number != number.to_integral_value():
            raise BadOption(f"column {field.path!r}: {value} has more than {field.scale} digits behind the point")
        return int(number)

    return np.array([scaled(value) for value in values.flat], dtype=object).reshape(values.shape)


def _number(field: Field, values: Column, base: np.dtype[Any]) -> Column:
    kinds = (base.kind, values.dtype.kind)
    if (kinds[1] == "b" and kinds[0] in "iu") or (kinds[0] == "f" and kinds[1] in "fiu"):
        return values.astype(base)
    if kinds[1] == "O" and all(isinstance(value, int) for value in values.flat):
        try:
            return values.astype(base)
        except OverflowError:
            raise BadOption(f"column {field.path!r}: a number does not fit into {base}") from None
    if kinds[1] not in "iu" or kinds[0] not in "iubM":
        hint = f"; it counts units of 10^-{field.scale}, as integers" if field.scale is not None else ""
        raise BadOption(f"column {field.path!r}: {values.dtype} can't be told as {field.kind}{hint}")
    least, most = int(values.min()), int(values.max())
    limits = (0, 1) if base.kind == "b" else _limits(field)
    if least < limits[0] or most > limits[1]:
        wrong = least if least < limits[0] else most
        raise BadOption(f"column {field.path!r}: {wrong} does not fit into {field.kind}")
    if base.kind == "M":
        return values.astype("u8" if limits[0] == 0 else "i8").view(base)
    return values.astype(base)


def _limits(field: Field) -> Any:
    scalar = field.layout()[0]
    info = np.iinfo(f"{scalar[0]}{int(scalar[1:]) // 8}")
    return int(info.min), int(info.max)
