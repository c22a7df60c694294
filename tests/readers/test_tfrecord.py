from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import pytest

from queryloop.errors import BrokenFileError
from queryloop.readers.tfrecord import records

from .formats import checksum, crc32c, example, record

# Written by tensorboard's RecordWriter and the protobuf package: two examples and an empty record.
REFERENCE = bytes.fromhex(
    "21000000000000000 17becf60a1f0a0d0a02423112070a050a03007fff0a0e0a056c6162656c12051a030a010333fcb4f6"
    "2a00000000000000ae8d91f50a280a0d0a0166120812060a040000003f0a170a056c6162656c120e1a0c0a0affffffffff"
    "ffffffff013ae144510000000000000000 29039807d8ea82a2".replace(" ", "")
)
PAYLOADS = [REFERENCE[12:45], REFERENCE[61:103], b""]
ENDS = [49, 107, len(REFERENCE)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "part-r-00000"


def found(path: Path, content: bytes) -> list[bytes]:
    path.write_bytes(content)
    return list(records(path, 1000))


def refusal(path: Path, content: bytes) -> str:
    with pytest.raises(BrokenFileError) as caught:
        found(path, content)
    assert str(caught.value).startswith(f"{path}: ")
    assert "anew" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "expected"), [(b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43)]
)
def test_checksums_of_the_generator_are_those_of_rfc_3720(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected


def test_generator_writes_what_the_writer_of_tensorboard_writes() -> None:
    assert b"".join(map(record, PAYLOADS)) == REFERENCE
    assert example(B1=b"\0\x7f\xff", label=3) == PAYLOADS[0]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_payloads_of_the_reference_are_read(path: Path, pack: type[bytes]) -> None:
    assert found(path, pack(REFERENCE)) == PAYLOADS


def test_file_cut_anywhere_is_refused_unless_a_record_ends_there(path: Path) -> None:
    assert "is empty" in refusal(path, b"")
    for cut in range(1, len(REFERENCE)):
        whole = sum(end <= cut for end in ENDS)
        if cut in ENDS:
            assert found(path, REFERENCE[:cut]) == PAYLOADS[:whole]
        else:
            assert f"record {whole} is truncated" in refusal(path, REFERENCE[:cut])


def test_gzip_cut_anywhere_is_refused(path: Path) -> None:
    packed = gzip.compress(REFERENCE)
    for cut in range(len(packed)):
        refusal(path, packed[:cut])


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_every_changed_byte_is_refused_with_its_record_and_checksum(path: Path, mask: int) -> None:
    for i in range(len(REFERENCE)):
        content = REFERENCE[:i] + bytes([REFERENCE[i] ^ mask]) + REFERENCE[i + 1 :]
        hit = sum(end <= i for end in ENDS)
        part = "length" if i - [0, *ENDS][hit] < 12 else "payload"
        assert f"record {hit}: the {part} has the checksum" in refusal(path, content)


@pytest.mark.parametrize(
    ("trailing", "told"),
    [(b"x", "record 3 is truncated"), (bytes(12), "record 3: the length has the checksum")],
)
def test_trailing_bytes_are_refused(path: Path, trailing: bytes, told: str) -> None:
    assert told in refusal(path, REFERENCE + trailing)


def test_garbage_after_gzip_is_refused(path: Path) -> None:
    assert "record 3 cannot be read" in refusal(path, gzip.compress(REFERENCE) + b"garbage")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("length", [1001, 2**31, 2**63, 2**64 - 1])
def test_absurd_length_is_refused_and_not_allocated(path: Path, pack: type[bytes], length: int) -> None:
    header = struct.pack("<Q", length)
    tracemalloc.start()
    told = refusal(path, pack(record(b"a") + header + checksum(header) + b"payload"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert f"record 1 has a length of {length:,} bytes, but 1,000 is the most" in told
    assert peak < 2**20


def test_records_are_read_one_by_one(path: Path) -> None:
    path.write_bytes(record(b"a") + b"broken")
    lazy = records(path, 1000)
    assert next(lazy) == b"a"
    with pytest.raises(BrokenFileError, match="record 1"):
        next(lazy)


def test_absent_file_is_named(path: Path) -> None:
    with pytest.raises(BrokenFileError, match="part-r-00000: cannot be read"):
        list(records(path, 1000))
