"""Journals as nobody writes them: headers that claim what they like, with checksums that hold."""

from __future__ import annotations

import pathlib
import struct

BLOCK = 4096


def _table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def header(path: str, edit) -> None:
    """Edits the header block of every segment in a journal's folder: `edit` gets a `bytearray` of it."""
    for file in sorted(pathlib.Path(path).glob("*.seg")):
        data = bytearray(file.read_bytes())
        block = data[:BLOCK]
        edit(block)
        struct.pack_into("<I", block, BLOCK - 4, crc32c(bytes(block[: BLOCK - 4])))
        data[:BLOCK] = data[BLOCK : 2 * BLOCK] = block
        file.write_bytes(data)


def schema(path: str, text: str) -> None:
    """Puts another schema into every segment."""
    said = text.encode()
    assert len(said) <= BLOCK - 4 - 128, "a schema that fits into the header block"

    def edit(block: bytearray) -> None:
        block[128 : BLOCK - 4] = said.ljust(BLOCK - 4 - 128, b"\0")
        struct.pack_into("<I", block, 60, len(said))
        struct.pack_into("<I", block, 84, crc32c(said))

    header(path, edit)


def word(path: str, offset: int, value: int, form: str = "<I") -> None:
    """Puts a number into the header of every segment."""
    header(path, lambda block: struct.pack_into(form, block, offset, value))


def flip(path: str, at: int, segment: int = 0) -> None:
    """Flips a bit of a segment's file."""
    file = sorted(pathlib.Path(path).glob("*.seg"))[segment]
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)
