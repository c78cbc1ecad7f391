"""What a journal's events are: name, size and fields, as every segment header says it."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as attribute
from functools import cached_property
from typing import Any, Dict, List, Mapping, Optional, Tuple

from . import _slipring
from .errors import SchemaError

FieldParts = Tuple[str, str, int, int, List[Tuple[str, str]]]
SchemaParts = Tuple[str, int, List[Tuple[str, str]], List[FieldParts]]

SCALAR_BYTES = {
    "u8": 1, "i8": 1, "u16": 2, "i16": 2, "u32": 4, "i32": 4, "f32": 4,
    "u64": 8, "i64": 8, "f64": 8, "u128": 16, "i128": 16,
}  # fmt: skip
TIME_UNITS = ("s", "ms", "us", "ns")
# More than numpy has dimensions for, once the records are one of them, in none of its versions.
_MOST_DIMENSIONS = 16


@dataclass(frozen=True)
class Field:
    """One field of an event.

    `kind` is a number type of Rust (`u8` .. `u128`, `i8` .. `i128`, `f32`, `f64`) or an array of one,
    `[u8;16]`; `attributes` say what the numbers mean: `time=ns`, `decimal=2`, `text`, `enum=buy:1,sell:2`,
    `bool`.
    """

    name: str
    kind: str
    offset: int
    size: int
    attributes: Mapping[str, str] = attribute(default_factory=dict)

    @property
    def path(self) -> str:
        """The name as columns have it: `leg.px`, `legs[0].px`, `Add.price`."""
        return self.name.replace("/", ".")

    @property
    def variant(self) -> Optional[str]:
        """The variant of a one-of event that the field belongs to."""
        return self.name.rpartition("/")[0] or None

    @property
    def is_variant(self) -> bool:
        """Whether it is no field, but the line that gives a variant its tag: `Add u32=1`."""
        return "=" in self.kind

    @property
    def is_padding(self) -> bool:
        """Whether it only fills the event up: a part of its path begins with `_`."""
        return any(part.startswith("_") for part in self.path.split("."))

    @property
    def scale(self) -> Optional[int]:
        """Digits behind the point, of a decimal."""
        said = self.attributes.get("decimal", "")
        if not (said.isascii() and said.isdigit() and len(said) <= 2 and int(said) <= 38):
            return None
        return int(said) if self.is_integer else None

    @property
    def time_unit(self) -> Optional[str]:
        """`s`, `ms`, `us` or `ns`, of a time: an integer that counts these since 1970 (UTC)."""
        said = self.attributes.get("time")
        return said if said in TIME_UNITS and self.is_integer else None

    @property
    def is_text(self) -> bool:
        """Whether its bytes are UTF-8, filled up with zeros; of an array of arrays, those of each inner one."""
        scalar, shape = self.layout()
        return "text" in self.attributes and scalar == "u8" and len(shape) > 0

    @property
    def is_bool(self) -> bool:
        """Whether it is 0 or 1 and means false or true."""
        return "bool" in self.attributes and self.layout()[0] == "u8"

    @property
    def is_integer(self) -> bool:
        """Whether it is an integer, or an array of integers."""
        return self.layout()[0][:1] in ("u", "i")

    @property
    def names(self) -> Dict[int, str]:
        """The names of an enum's numbers."""
        found: Dict[int, str] = {}
        for item in self.attributes.get("enum", "").split(","):
            name, _, number = item.rpartition(":")
            digits = number[1:] if number.startswith("-") else number
            if name and digits.isascii() and digits.isdigit() and len(digits) <= 39 and self.is_integer:
                found[int(number)] = name
        return found

    def layout(self) -> Tuple[str, Tuple[int, ...]]:
        """The scalar type and the shape of an array of it: `("u8", (16,))`.

        Raises `SchemaError` if the type is none, or does not take the bytes that the schema says.
        """
        shape: List[int] = []
        kind, count = self.kind, 1
        while kind.startswith("[") and kind.endswith("]") and len(shape) < _MOST_DIMENSIONS:
            kind, _, digits = kind[1:-1].rpartition(";")
            if not (digits.isascii() and digits.isdigit() and len(digits) <= 8):
                break
            shape.append(int(digits))
            count *= int(digits)
        if kind not in SCALAR_BYTES or SCALAR_BYTES[kind] * count != self.size:
            said = self.kind if len(self.kind) <= 60 else self.kind[:60] + ".."
            raise SchemaError(f"field {self.name!r}: {said} of {self.size} bytes is no type of a field")
        return kind, tuple(shape)


@dataclass(frozen=True)
class Schema:
    """The layout of an event type.

    >>> schema = Schema("Tick", 16, (Field("id", "u64", 0, 8), Field("price", "i64", 8, 8, {"decimal": "2"})))
    >>> [(column.path, column.scale) for column in schema.columns]
    [('id', None), ('price', 2)]
    >>> print(schema)
    Tick 16
    id u64 0 8
    price i64 8 8 decimal=2
    """

    name: str
    size: int
    fields: Tuple[Field, ...]
    attributes: Mapping[str, str] = attribute(default_factory=dict)

    @property
    def time(self) -> Optional[str]:
        """The path of the field whose time is the journal time, if one is."""
        return self.attributes.get("time")

    # Looked up for every column, and a schema may have very many.
    @cached_property
    def tag(self) -> Optional[Field]:
        """Of a one-of event, the field that says which of the variants it holds."""
        line = next((field for field in self.fields if field.is_variant), None)
        if line is None:
            return None
        for field in self.fields:
            same = (field.offset, field.size) == (line.offset, line.size)
            same = same and field.kind in ("u8", "u16", "u32", "u64") and field.kind == line.kind.partition("=")[0]
            if same and not field.is_variant and field.variant is None:
                return field
        raise SchemaError(f"{self.name} has variants, and no field that tells them apart")

    @cached_property
    def variants(self) -> Dict[int, str]:
        """The variants of a one-of event, by their tags."""
        found: Dict[int, str] = {}
        for field in self.fields:
            number = field.kind.partition("=")[2]
            if field.is_variant and number.isascii() and number.isdigit() and len(number) <= 10:
                found[int(number)] = field.name
        return found

    @cached_property
    def columns(self) -> Tuple[Field, ...]:
        """The fields that hold something, in order: neither padding nor the tag."""
        tag = self.tag
        return tuple(
            field
            for field in self.fields
            if not field.is_variant and not field.is_padding and field is not tag and field.size > 0
        )

    @cached_property
    def _by_path(self) -> Dict[str, Field]:
        return {field.path: field for field in reversed(self.columns)}

    def __getitem__(self, path: str) -> Field:
        if path in self._by_path:
            return self._by_path[path]
        known = ", ".join(field.path for field in self.columns[:20])
        raise SchemaError(f"{self.name} has no field {path!r}; it has {known}")

    def __str__(self) -> str:
        def line(*words: object, attributes: Mapping[str, str]) -> str:
            said = [f"{name}={value}" if value else name for name, value in attributes.items()]
            return " ".join([*map(str, words), *said])

        lines = [line(self.name, self.size, attributes=self.attributes)]
        for field in self.fields:
            place = (field.name, field.kind, field.offset, field.size)
            lines.append(line(*place, attributes=field.attributes))
        return "\n".join(lines)

    @classmethod
    def _from_parts(cls, parts: SchemaParts) -> Schema:
        name, size, attributes, fields = parts
        of = [Field(name, kind, offset, size, dict(said)) for name, kind, offset, size, said in fields]
        return cls(name, size, tuple(of), dict(attributes))

    def _to_parts(self) -> SchemaParts:
        fields: List[FieldParts] = [
            (field.name, field.kind, field.offset, field.size, list(field.attributes.items())) for field in self.fields
        ]
        return self.name, self.size, list(self.attributes.items()), fields

    @classmethod
    def from_dtype(cls, name: str, dtype: Any, **said: Any) -> Schema:
        """The schema of a numpy structured dtype; see `slipring.create` for what can be said beside it."""
        from .layout import schema_of

        return schema_of(name, dtype, **said)

    @classmethod
    def from_toml(cls, text: str) -> Schema:
        """Reads a schema file, as `slipring record --schema` takes it.

        >>> print(Schema.from_toml('name = "Tick"\\n[fields]\\nid = "u32"\\nprice = { type = "decimal", scale = 2 }'))
        Tick 16
        id u32 0 4
        _pad [u8;4] 4 4
        price i64 8 8 decimal=2
        """
        return cls._from_parts(_slipring.schema_from_toml(text))

    def to_toml(self) -> str:
        """Writes a schema file, from which `from_toml` reads this schema."""
        return _slipring.schema_to_toml(self._to_parts())

    def code(self, language: str) -> str:
        """The event in another language: `"rust"` (a type that derives `Event`), `"c"` (a header), `"numpy"` (a
        dtype of the records in a file), `"sql"` (a table)."""
        return _slipring.schema_code(self._to_parts(), language)
