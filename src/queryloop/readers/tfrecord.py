"""TFRecord, the container of TensorFlow: length and payload of each record, both with a checksum."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from gzip import GzipFile
from io import BufferedIOBase
from itertools import count
from pathlib import Path

from google_crc32c import value as crc32c

from queryloop.errors import BrokenFileError
from queryloop.readers.content import GZIP, refusing

_HEADER = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")
_DAMAGED = "the file is damaged, copy or download it anew"


def records(path: Path, longest: int) -> Iterator[bytes]:
    """The payloads of a file, plain or gzip, in order; no more than one of them is in memory.

    longest: bytes that a payload can have, so that no wrong length claims more. Raises BrokenFileError
    with the number of the record (from 0) for a wrong checksum, a wrong length, and a file that ends
    within a record; of one that ends between two the format does not tell.
    """
    with refusing(path, "cannot be read"), path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP
        file.seek(0)
        yield from _records(path, GzipFile(fileobj=file) if packed else file, longest)


def _records(path: Path, file: BufferedIOBase, longest: int) -> Iterator[bytes]:
    for record in count():
        with refusing(path, f"record {record} cannot be read, copy or download the file anew"):
            header = file.read(_HEADER.size)
            if not header:
                break
            payload = _payload(f"{path}: record {record}", header, file, longest)
        yield payload
    if record == 0:
        raise BrokenFileError(f"{path}: is empty, copy or download it anew.")


def _payload(where: str, header: bytes, file: BufferedIOBase, longest: int) -> bytes:
    if len(header) < _HEADER.size:
        raise BrokenFileError(
            f"{where} is truncated: {len(header)} of {_HEADER.size} bytes of its header: {_DAMAGED}."
        )
    length, checksum = _HEADER.unpack(header)
    _check(f"{where}: the length", header[:8], checksum)
    if length > longest:
        raise BrokenFileError(
            f"{where} has a length of {length:,} bytes, but {longest:,} is the most: {_DAMAGED}."
        )
    payload, footer = file.read(length), file.read(_CHECKSUM.size)
    if len(footer) < _CHECKSUM.size:
        found = len(payload) + len(footer)
        raise BrokenFileError(
            f"{where} is truncated: {found} of {length + _CHECKSUM.size} bytes after its header: {_DAMAGED}."
        )
    _check(f"{where}: the payload", payload, *_CHECKSUM.unpack(footer))
    return payload


def _check(what: str, data: bytes, expected: int) -> None:
    found = masked(crc32c(data))
    if found != expected:
        raise BrokenFileError(
            f"{what} has the checksum 0x{found:08x}, but 0x{expected:08x} was stored: {_DAMAGED}."
        )


def masked(checksum: int) -> int:
    """A CRC-32C as TFRecord stores it: rotated right by 15 bits, plus a constant."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
