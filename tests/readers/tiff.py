"""TIFF files as scanners and satellites write them, and Pillow does not."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

_SHORT, _LONG = 3, 4


def write_tiff(
    path: Path, bands: np.ndarray, *, photometric: int, extra: tuple[int, ...] = (), planes: bool = False
) -> Path:
    """Uncompressed, one strip (a band, where in planes), little-endian. bands: (H, W, C), 8 or 16 bits."""
    height, width, count = bands.shape
    strips = [bands[..., c].tobytes() for c in range(count)] if planes else [bands.tobytes()]
    tags = {
        256: (_LONG, [width]),
        257: (_LONG, [height]),
        258: (_SHORT, [8 * bands.itemsize] * count),
        259: (_SHORT, [1]),
        262: (_SHORT, [photometric]),
        273: (_LONG, [0] * len(strips)),
        277: (_SHORT, [count]),
        278: (_LONG, [height]),
        279: (_LONG, [len(strip) for strip in strips]),
        284: (_SHORT, [2 if planes else 1]),
    }
    if extra:
        tags[338] = (_SHORT, list(extra))
    start = 8 + 2 + 12 * len(tags) + 4
    values = sum(_size(*tag) for tag in tags.values() if _size(*tag) > 4)
    ends = np.cumsum([start + values, *map(len, strips)]).tolist()
    tags[273] = (_LONG, ends[:-1])
    entries, beside = b"", b""
    for number, (kind, numbers) in sorted(tags.items()):
        packed = struct.pack(f"<{len(numbers)}{'H' if kind == _SHORT else 'I'}", *numbers)
        if len(packed) > 4:
            packed, beside = struct.pack("<I", start + len(beside)), beside + packed
        entries += struct.pack("<HHI", number, kind, len(numbers)) + packed.ljust(4, b"\0")
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    path.write_bytes(head + entries + b"\0" * 4 + beside + b"".join(strips))
    return path


def _size(kind: int, numbers: list[int]) -> int:
    return len(numbers) * (2 if kind == _SHORT else 4)
