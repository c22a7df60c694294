"""tf.train.Example, the protocol buffer that TFRecord files usually hold: lists of values by name.

A message is a sequence of fields: a tag (number and wire type), then a varint, four or eight bytes, or
a length and that many bytes. Unknown fields are skipped; whatever is malformed raises ValueError.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
Message = memoryview
"""Bytes of a message, a string or a packed list, not copied."""

_VARINT, _BYTES = 0, 2
_SIZES = {1: 8, 5: 4}  # bytes of a value by its wire type
_INT = 1 << 3 | _VARINT  # tags: field number and wire type
_FIRST, _SECOND, _THIRD = (number << 3 | _BYTES for number in (1, 2, 3))
_LISTS = {_FIRST: "bytes_list", _SECOND: "float_list", _THIRD: "int64_list"}


def features(example: bytes) -> dict[str, Message]:
    """The features of an example by name, still packed; of two with the same name the last."""
    maps = _values(memoryview(example), _FIRST)
    return dict(_entry(entry) for map_ in maps for entry in _values(map_, _FIRST))


def one_bytes(found: Mapping[str, Message], name: str) -> Message:
    """The value of a feature that holds one string of bytes."""
    return _one(_values(_list(found, name, _FIRST), _FIRST))


def one_int(found: Mapping[str, Message], name: str) -> int:
    """The value of a feature that holds one integer of 64 bits, packed or not."""
    return _one(_ints(_list(found, name, _THIRD)))


def _entry(entry: Message) -> tuple[str, Message]:
    found = dict(_fields(entry))
    return str(found.get(_FIRST, b""), "utf-8"), found.get(_SECOND, memoryview(b""))


def _list(found: Mapping[str, Message], name: str, kind: int) -> Message:
    if name not in found:
        raise ValueError(f"there is no feature {name}")
    lists = [(tag, value) for tag, value in _fields(found[name]) if tag in _LISTS]
    if [tag for tag, _ in lists] != [kind]:
        held = " and ".join(_LISTS[tag] for tag, _ in lists) or "nothing"
        raise ValueError(f"it holds {held}, expected one {_LISTS[kind]}")
    return lists[0][1]


def _one(values: Iterator[T]) -> T:
    found = list(islice(values, 2))
    if len(found) != 1:
        raise ValueError(f"it holds {'several values' if found else 'no value'}, expected one")
    return found[0]


def _values(message: Message, wanted: int) -> Iterator[Message]:
    return (value for tag, value in _fields(message) if tag == wanted)


def _ints(message: Message) -> Iterator[int]:
    for tag, value in _fields(message):
        end = 0 if tag in (_INT, _FIRST) else len(value)
        while end < len(value):
            number, end = _varint(value, end)
            yield number - (number >> 63 << 64)  # two's complement


def _fields(message: Message) -> Iterator[tuple[int, Message]]:
    """Tag and value of each field; the value of a number is the bytes it is written in."""
    end = 0
    while end < len(message):
        tag, start = _varint(message, end)
        start, end = _extent(message, tag, start)
        if end > len(message):
            raise ValueError(f"field {tag >> 3} ends after its message")
        yield tag, message[start:end]


def _extent(message: Message, tag: int, start: int) -> tuple[int, int]:
    number, wire = tag >> 3, tag & 7
    if not number or wire not in (_VARINT, _BYTES, *_SIZES):
        raise ValueError(f"field {number} of wire type {wire} cannot be")
    if wire == _VARINT:
        return start, _varint(message, start)[1]
    if wire == _BYTES:
        size, start = _varint(message, start)
        return start, start + size
    return start, start + _SIZES[wire]


def _varint(message: Message, start: int) -> tuple[int, int]:
    """A number of 64 bits, seven in a byte, the lowest first, and where it ends."""
    value = 0
    for i, byte in enumerate(message[start : start + 10]):
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return value & (1 << 64) - 1, start + i + 1
    raise ValueError("a number has no end")
