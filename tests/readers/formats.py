"""Tiny files in the true formats of the data sets, written byte by byte where that matters."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterable, Sequence
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

IDX_NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
BATCHES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_idx(folder: Path, *, packed: bool = True, sizes: tuple[int, int] = (12, 5)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for (split, names), n in zip(IDX_NAMES.items(), sizes, strict=True):
        arrays = noise(n, 6, 5, seed=len(split)), np.arange(n) % 10
        for name, array in zip(names, arrays, strict=True):
            raw = idx(array)
            path = folder / (f"{name}.gz" if packed else name)
            path.write_bytes(gzip.compress(raw, mtime=0) if packed else raw)


def png(height: int, width: int, depth: int, colours: int, packed: bytes) -> bytes:
    """A PNG of `depth` bits; `colours` is 0 for grey, 2 RGB, 4 grey with alpha, 6 RGBA; `packed` its rows."""
    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")]
    body = [struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def deep_png(pixels: np.ndarray) -> bytes:
    """A PNG with the 16-bit values of an array (H, W, 1 to 4), which Pillow itself does not write."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return png(height, width, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], zlib.compress(rows))


def _text(text: bytes) -> bytes:
    """Opcode of a Python 2 str: SHORT_BINSTRING, or BINSTRING from 256 bytes on."""
    return b"U" + bytes([len(text)]) + text if len(text) < 256 else b"T" + struct.pack("<i", len(text)) + text


def _number(number: int) -> bytes:
    return b"J" + struct.pack("<i", number)


def _array(array: np.ndarray) -> bytes:
    """What Python 2 writes for a numpy array in protocol 2."""
    return b"".join(
        [
            b"cnumpy.core.multiarray\n_reconstruct\n",
            b"cnumpy\nndarray\n" + _number(0) + b"\x85" + _text(b"b") + b"\x87R",
            b"(" + _number(1) + b"(" + b"".join(map(_number, array.shape)) + b"t",
            b"cnumpy\ndtype\n" + _text(array.dtype.str[1:].encode()) + _number(0) + _number(1) + b"\x87R",
            b"(" + _number(3) + _text(b"|") + b"NNN" + _number(-1) + _number(-1) + _number(0) + b"tb",
            b"\x89" + _text(array.tobytes()) + b"tb",
        ]
    )


def batch(pixels: np.ndarray, labels: Sequence[int], kept_as: str = "labels") -> bytes:
    """One CIFAR batch as cPickle of Python 2 wrote it: protocol 2, str keys, numpy.core names."""
    names = b"".join(_text(b"image_%05d.png" % i) for i in range(len(labels)))
    return b"".join(
        [
            b"\x80\x02}q\x01(",
            _text(b"batch_label") + _text(b"testing batch 1 of 1"),
            _text(kept_as.encode()) + b"](" + b"".join(map(_number, labels)) + b"e",
            _text(b"coarse_labels") + b"](" + b"".join(_number(0) for _ in labels) + b"e",
            _text(b"data") + _array(pixels),
            _text(b"filenames") + b"](" + names + b"e",
            b"u.",
        ]
    )


def write_batches(folder: Path, n: int = 3) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(BATCHES):
        labels = (np.arange(n) + i) % 10
        (folder / name).write_bytes(batch(noise(n, 3072, seed=i), labels.tolist()))


def packed_image(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def write_shard(
    path: Path, images: Sequence[bytes | None], labels: Sequence[int | None], column: str = "label"
) -> None:
    """The table that `datasets` of Hugging Face writes, in row groups of 4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    rows = [{"bytes": image, "path": f"{i}.png"} for i, image in enumerate(images)]
    table = pa.table({"img": pa.array(rows, kind), column: pa.array(labels, pa.int64())})
    pq.write_table(table, path, row_group_size=4)


def write_shards(folder: Path, *, train: int = 2, rows: int = 6) -> None:
    """A train split of some shards, and a test split of one."""
    names = [f"train-{i:05d}-of-{train:05d}.parquet" for i in range(train)] + ["test-00000-of-00001.parquet"]
    for i, name in enumerate(names):
        images = [packed_image(pixels) for pixels in noise(rows, 4, 5, 3, seed=i)]
        write_shard(folder / name, images, [(i + row) % 10 for row in range(rows)])


def digits_csv(table: np.ndarray) -> bytes:
    text = StringIO()
    np.savetxt(text, table, delimiter=",")
    return gzip.compress(text.getvalue().encode(), mtime=0)


def _table() -> list[int]:
    table = list(range(256))
    for _ in range(8):
        table = [byte >> 1 ^ (0x82F63B78 if byte & 1 else 0) for byte in table]
    return table


_CRC = _table()


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def checksum(data: bytes) -> bytes:
    """The masked CRC-32C of TFRecord."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32)


def record(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    return length + checksum(length) + payload + checksum(payload)


def varint(number: int) -> bytes:
    """A protocol buffer's number; negative ones have ten bytes."""
    number %= 2**64
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def field(number: int, value: bytes | int) -> bytes:
    """A field of a message: a number, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def feature(value: bytes | int) -> bytes:
    """A feature of one value, a number packed as TensorFlow packs it."""
    return field(1, field(1, value)) if isinstance(value, bytes) else field(3, field(1, varint(value)))


def packed_example(features: Iterable[tuple[str, bytes]]) -> bytes:
    """A tf.train.Example of features that are packed already."""
    entries = [field(1, field(1, name.encode()) + field(2, packed)) for name, packed in features]
    return field(1, b"".join(entries))


def example(**features: bytes | int) -> bytes:
    return packed_example((name, feature(value)) for name, value in features.items())


def pasture(seed: int, label: int, **changed: bytes | int | None) -> bytes:
    """A record of drought watch, with features changed or, by None, left out."""
    bands = {f"B{i}": band.tobytes() for i, band in enumerate(noise(11, 65 * 65, seed=seed), start=1)}
    features = {**bands, "label": label, **changed}
    return record(example(**{name: value for name, value in features.items() if value is not None}))


def write_pastures(folder: Path) -> None:
    """Files of 3 and 2 records for training, and one of 2; labels and seeds count on."""
    sizes = {"train/part-r-00000": 3, "train/part-r-00001": 2, "val/part-r-00000": 2}
    first = 0
    for name, n in sizes.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(pasture(seed, seed % 4) for seed in range(first, first + n)))
        first += n
