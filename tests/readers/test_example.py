from __future__ import annotations

from contextlib import suppress

import pytest

from queryloop.readers.example import features, one_bytes, one_int

from .formats import example, feature, field, packed_example, varint
from .test_tfrecord import PAYLOADS

UNKNOWN = field(99, b"?") + field(98, 7) + b"\xa1\x06" + bytes(8) + b"\xad\x06" + bytes(4)
"""A field of each wire type: bytes, number, eight and four bytes."""


def int_of(packed: bytes) -> int:
    return one_int(features(packed_example([("label", packed)])), "label")


def bytes_of(packed: bytes) -> bytes:
    return bytes(one_bytes(features(packed_example([("B1", packed)])), "B1"))


def test_examples_of_the_protobuf_package_are_read() -> None:
    first, second = (features(payload) for payload in PAYLOADS[:2])
    assert set(first) == {"B1", "label"}
    assert bytes(one_bytes(first, "B1")) == b"\x00\x7f\xff"
    assert (one_int(first, "label"), one_int(second, "label")) == (3, -1)
    assert features(PAYLOADS[2]) == {}


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, -1, 2**63 - 1, -(2**63)])
def test_integers_are_read_packed_or_not(number: int) -> None:
    assert int_of(field(3, field(1, varint(number)))) == number
    assert int_of(field(3, field(1, number))) == number


def test_unknown_fields_are_skipped_at_every_depth() -> None:
    lists = field(1, UNKNOWN + field(1, b"abc") + UNKNOWN)
    entry = UNKNOWN + field(1, b"B1") + UNKNOWN + field(2, UNKNOWN + lists + UNKNOWN) + UNKNOWN
    found = features(UNKNOWN + field(1, UNKNOWN + field(1, entry) + UNKNOWN) + UNKNOWN)
    assert bytes(one_bytes(found, "B1")) == b"abc"


def test_maps_that_come_in_pieces_are_one_and_the_last_of_a_name_holds() -> None:
    found = features(example(a=1, b=2) + example(b=3, c=4))
    assert {name: one_int(found, name) for name in found} == {"a": 1, "b": 3, "c": 4}


REFUSED: dict[str, tuple[bytes, str]] = {
    "no list": (b"", "holds nothing"),
    "another list": (feature(b"3"), "holds bytes_list, expected one int64_list"),
    "floats": (field(2, field(1, bytes(4))), "holds float_list"),
    "two lists": (feature(1) + feature(b"1"), "holds int64_list and bytes_list"),
    "no value": (field(3, b""), "no value"),
    "two values": (field(3, field(1, varint(1) + varint(2))), "several values"),
    "two fields": (field(3, field(1, 1) + field(1, 2)), "several values"),
    "value without end": (field(3, field(1, b"\x80")), "no end"),
    "number of eleven bytes": (field(3, field(1, b"\x80" * 10 + b"\x01")), "no end"),
    "longer than its message": (field(3, b"\x0a\x05\x01"), "field 1 ends after its message"),
    "huge length": (b"\x1a" + varint(2**64 - 1), "field 3 ends after its message"),
    "number zero": (b"\x02\x00", "field 0 of wire type 2"),
    "group": (b"\x0b\x0c", "field 1 of wire type 3"),
    "wire type 7": (b"\x0f", "field 1 of wire type 7"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_malformed_integer_is_refused(case: str) -> None:
    packed, told = REFUSED[case]
    with pytest.raises(ValueError, match=told):
        int_of(packed)


@pytest.mark.parametrize("values", [b"", field(1, b"a") + field(1, b"b")])
def test_bytes_are_one_value(values: bytes) -> None:
    with pytest.raises(ValueError, match="value"):
        bytes_of(field(1, values))


def test_missing_feature_is_named() -> None:
    with pytest.raises(ValueError, match="no feature B7"):
        one_bytes(features(example(B1=b"")), "B7")


def test_whatever_the_bytes_only_value_errors_come() -> None:
    whole = example(B1=bytes(200), label=-1)
    for i in range(len(whole)):
        changed = [whole[:i] + bytes([byte]) + whole[i + 1 :] for byte in (0, 1, 0x0F, 0x80, 0xFF)]
        for raw in [whole[:i], *changed]:
            with suppress(ValueError):
                found = features(raw)
                one_bytes(found, "B1"), one_int(found, "label")
