from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from queryloop.errors import BrokenFileError

from .formats import BATCHES, batch, noise, write_batches
from .reading import pixels, read

FOLDER = Path("cifar10") / "cifar-10-batches-py"


def test_files_of_the_generator_are_true_python_2_pickles() -> None:
    data = noise(3, 3072)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # numpy.core has moved since Python 2
        loaded = pickle.loads(batch(data, [4, 5, 6]), encoding="bytes")
    np.testing.assert_array_equal(loaded[b"data"], data)
    assert loaded[b"labels"] == [4, 5, 6]
    assert loaded[b"batch_label"] == b"testing batch 1 of 1"


@pytest.mark.parametrize("folder", [FOLDER, Path("cifar-10-batches-py")])
def test_samples_and_pixels_are_those_of_the_files(tmp_path: Path, folder: Path) -> None:
    write_batches(tmp_path / folder)
    images = read("cifar10", tmp_path)
    assert images.shape == (32, 32, 3)
    assert images.samples.iloc[[0, 3, 14, 15]].to_numpy().tolist() == [
        ["train/000000", "airplane", "train"],
        ["train/000003", "automobile", "train"],
        ["train/000014", "frog", "train"],
        ["test/000000", "dog", "test"],
    ]
    planes = np.concatenate([noise(3, 3072, seed=i) for i in range(6)]).reshape(18, 3, 32, 32)
    np.testing.assert_array_equal(pixels(images), planes.transpose(0, 2, 3, 1))


def resaved(protocol: int, **change: Any) -> bytes:
    """A batch that somebody has loaded and saved again with Python 3."""
    entries: dict[Any, Any] = {b"data": noise(3, 3072, seed=1), b"labels": [1, 2, 3]}
    entries.update({key.encode(): value for key, value in change.items()})
    return pickle.dumps(entries, protocol)


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("order", ["C", "F"])
def test_pickles_of_python_3_are_read_too(batches: Path, protocol: int, order: Any) -> None:
    before = pixels(read("cifar10", batches))
    data = np.asarray(noise(3, 3072, seed=1), order=order)
    (batches / FOLDER / BATCHES[1]).write_bytes(resaved(protocol, data=data))
    np.testing.assert_array_equal(pixels(read("cifar10", batches)), before)


class Calls:
    """Pickles as a call of `function`."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_command_is_refused_and_not_executed(batches: Path, tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "executed"
    path = batches / FOLDER / BATCHES[2]
    path.write_bytes(pickle.dumps(Calls(os.system, f"touch {trace}"), protocol))
    with pytest.raises(BrokenFileError, match=r"\.system.*nothing of it was executed") as caught:
        read("cifar10", batches)
    assert str(path) in str(caught.value)
    assert not trace.exists()


@pytest.mark.parametrize(
    "name",
    ["builtins eval", "builtins getattr", "numpy load", "numpy.core.multiarray array", "numpy.dtype __new__"],
)
def test_any_other_name_is_refused(batches: Path, name: str) -> None:
    (batches / FOLDER / BATCHES[0]).write_bytes(b"\x80\x02c" + name.replace(" ", "\n").encode() + b"\n.")
    with pytest.raises(BrokenFileError, match=name.replace(" ", r"\.")):
        read("cifar10", batches)


BROKEN: dict[str, tuple[bytes, list[str]]] = {
    "empty": (b"", ["is empty"]),
    "no pickle": (b"<html>404</html>", ["not a CIFAR batch"]),
    "truncated": (batch(noise(3, 3072), [1, 2, 3])[:-400], ["not a CIFAR batch"]),
    "trailing": (batch(noise(3, 3072), [1, 2, 3]) + b"x", ["trailing bytes"]),
    "no dictionary": (pickle.dumps([1, 2], 2), ["not a CIFAR batch"]),
    "no data": (pickle.dumps({b"labels": [1]}, 2), ["not a CIFAR batch", "data"]),
    "no array": (resaved(2, data=[1, 2, 3]), ["not a CIFAR batch"]),
    "values are not bytes": (batch(noise(3, 3072).astype("f4"), [1, 2, 3]), ["not a CIFAR batch", "f4"]),
    "counts differ": (batch(noise(3, 3072), [1, 2]), ["3 images", "2 labels"]),
    "width": (batch(noise(3, 3071), [1, 2, 3]), ["(3, 3071)", "3072"]),
    "one dimension": (batch(noise(3072), [1]), ["(3072,)", "3072"]),
    "label outside": (batch(noise(3, 3072), [1, 10, 3]), ["record 1 has 10", "0..9"]),
    "label below": (batch(noise(3, 3072), [1, 2, -1]), ["record 2 has -1"]),
    "labels are text": (resaved(2, labels=["a", "b", "c"]), ["labels are not numbers"]),
    "no records": (batch(noise(0, 3072), []), ["no records"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_file_is_refused_by_name(batches: Path, case: str) -> None:
    content, told = BROKEN[case]
    path = batches / FOLDER / BATCHES[3]
    path.write_bytes(content)
    with pytest.raises(BrokenFileError) as caught:
        read("cifar10", batches)
    for fragment in [str(path), *told]:
        assert fragment in str(caught.value)
