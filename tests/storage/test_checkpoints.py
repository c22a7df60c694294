from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from kedro.io import Version
from safetensors.numpy import save as tensors

from queryloop.errors import CorruptFileError
from queryloop.storage.checkpoints import CheckpointDataset, TrainingCache, read_checkpoint, write_checkpoint
from queryloop.storage.files import whole_file
from queryloop.training.checkpoint import Checkpoint

EXAMPLE = Checkpoint({"classes": ["a", "b"], "log": {"steps": 3, "best": None}}, {"0": {"w": np.eye(3)}})

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8)
weights = st.sampled_from([np.float32, np.float64, np.int64, np.uint8]).flatmap(
    lambda kind: arrays(kind, array_shapes(min_dims=0, max_dims=3, max_side=3))
)
checkpoints = st.builds(
    Checkpoint,
    st.dictionaries(st.text(max_size=5), values, max_size=4),
    st.dictionaries(names, st.dictionaries(names, weights, min_size=1, max_size=3), max_size=2),
)


class Bytes(bytearray):
    """A file in memory."""

    def write(self, data: bytes | memoryview, /) -> int:
        self.extend(data)
        return len(data)


def encoded(checkpoint: Checkpoint) -> bytes:
    file = Bytes()
    write_checkpoint(checkpoint, file)
    return bytes(file)


def flat(checkpoint: Checkpoint) -> list[object]:
    parameters = [
        (m, n, a.dtype, a.shape, a.tobytes())
        for m, all_ in checkpoint.members.items()
        for n, a in all_.items()
    ]
    return [checkpoint.settings, sorted(parameters, key=lambda parameter: parameter[:2])]


def same(one: Checkpoint, other: Checkpoint) -> bool:
    return flat(one) == flat(other)


@given(checkpoints)
def test_a_checkpoint_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, checkpoint: Checkpoint
) -> None:
    path = tmp_path_factory.mktemp("checkpoint") / "checkpoint.safetensors"
    path.write_bytes(encoded(checkpoint))
    assert same(read_checkpoint(path), checkpoint)


@given(checkpoints)
def test_equal_checkpoints_have_equal_bytes(checkpoint: Checkpoint) -> None:
    reordered = Checkpoint(
        dict(reversed(checkpoint.settings.items())),
        {member: dict(reversed(all_.items())) for member, all_ in reversed(checkpoint.members.items())},
    )
    assert encoded(reordered) == encoded(checkpoint)


class Bomb:
    """Whoever unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, int]]:
        return os.open, (str(self._path), os.O_CREAT)


def header(length: int, content: bytes = b"") -> bytes:
    return length.to_bytes(8, "little") + content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 64,
        b"PK\x03\x04" + bytes(64),
        header(2**63),
        header(10**9, b"{"),
        header(2, b"{}"),
        header(64, b'{"0/w":{"dtype":"F32","shape":[1000],"data_offsets":[0,4000]}}  '),
        header(60, b'{"0/w":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}   '),
        tensors({"0/w": np.eye(2)}),
        tensors({"0/w": np.eye(2)}, {"settings": "{"}),
        tensors({"0/w": np.eye(2)}, {"settings": "[" * 100_000}),
        tensors({"0/w": np.eye(2)}, {"other": "{}"}),
    ],
)
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"checkpoint\.safetensors is not a checkpoint"):
        read_checkpoint(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_and_not_executed(tmp_path: Path, protocol: int) -> None:
    path, trace = tmp_path / "checkpoint.safetensors", tmp_path / "executed"
    path.write_bytes(pickle.dumps(Bomb(trace), protocol))
    with pytest.raises(CorruptFileError):
        read_checkpoint(path)
    assert not trace.exists()
    pickle.loads(path.read_bytes())
    assert trace.exists()


def test_a_checkpoint_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path, whole = tmp_path / "checkpoint.safetensors", encoded(EXAMPLE)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptFileError):
            read_checkpoint(path)


def test_before_the_first_commit_a_checkpoint_is_empty(home: Path) -> None:
    path = str(home / "checkpoint.safetensors")
    dataset = CheckpointDataset(filepath=path, experiment={"path": str(home)}, version=Version(None, None))
    assert dataset.load() == Checkpoint({}, {})


def test_the_training_cache_gives_back_what_was_put_first(tmp_path: Path) -> None:
    cache, other = TrainingCache(tmp_path), Checkpoint({"other": True}, {})
    assert cache.get("ab12") is None
    cache.put("ab12", EXAMPLE)
    cache.put("ab12", other)
    cache.put("ab13", other)
    assert same(cache.get("ab12"), EXAMPLE)
    assert same(TrainingCache(tmp_path).get("ab13"), other)


def test_a_damaged_training_is_refused(tmp_path: Path) -> None:
    cache = TrainingCache(tmp_path)
    cache.put("ab12", EXAMPLE)
    (path,) = tmp_path.rglob("*.safetensors")
    path.write_bytes(encoded(Checkpoint({"classes": []}, {})))
    with pytest.raises(CorruptFileError, match=rf"delete {path}, and the next run makes it again"):
        cache.get("ab12")
    path.unlink()
    assert cache.get("ab12") is None
    cache.put("ab12", EXAMPLE)
    assert same(cache.get("ab12"), EXAMPLE)


def test_a_seal_does_not_make_a_checkpoint(tmp_path: Path) -> None:
    with whole_file(tmp_path / "ab" / "ab12.safetensors") as file:
        file.write(json.dumps({}).encode())
    with pytest.raises(CorruptFileError, match="is not a checkpoint"):
        TrainingCache(tmp_path).get("ab12")
