"""Integers of 128 bits, which numpy has no type for: as their bytes (`V16`) in arrays, as Python's integers
outside."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import BadOption


def to_wide(numbers: Any, signed: bool = False) -> np.ndarray[Any, Any]:
    """Python integers as the bytes of `u128`, or `i128`.

    >>> from_wide(to_wide([1, 2**100]))
    array([1, 1267650600228229401496703205376], dtype=object)
    """
    given = np.asarray(numbers, dtype=object)
    least, end = (-(2**127), 2**127) if signed else (0, 2**128)
    if given.size and not all(isinstance(n, (int, np.integer)) and least <= n < end for n in given.flat):
        raise BadOption(f"numbers of {'i' if signed else 'u'}128 are integers from {least} to {end - 1}")
    halves = np.empty((*given.shape, 2), "<u8")
    halves[..., 0], halves[..., 1] = given & (2**64 - 1), (given >> 64) & (2**64 - 1)
    return halves.view("V16")[..., 0]


def from_wide(column: np.ndarray[Any, Any], signed: bool = False) -> np.ndarray[Any, Any]:
    """The bytes of `u128`, or `i128`, as Python integers."""
    halves = split(column)
    high = halves[..., 1].view("<i8") if signed else halves[..., 1]
    return (high.astype(object) << 64) | halves[..., 0].astype(object)  # type: ignore[no-any-return]


def split(column: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The lower and the upper half of each number."""
    if column.dtype != np.dtype("V16"):
        raise BadOption(f"{column.dtype} is no column of 128-bit integers: those are V16")
    return np.ascontiguousarray(column)[..., np.newaxis].view("<u8")
