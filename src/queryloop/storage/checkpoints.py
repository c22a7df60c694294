"""Checkpoints as safetensors: arrays, and settings as JSON; nothing in them can run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro.io.core import VersionNotFoundError

from queryloop.errors import CorruptFileError
from queryloop.storage.experiment import ExperimentDataset
from queryloop.storage.files import Writer, check_seal, whole_file
from queryloop.training.checkpoint import Checkpoint

_SETTINGS = "settings"


def write_checkpoint(checkpoint: Checkpoint, file: Writer) -> None:
    """Write tensors named `<member>/<parameter>` and the settings as one JSON string."""
    from safetensors.numpy import save

    tensors = {
        f"{member}/{key}": a for member, arrays in checkpoint.members.items() for key, a in arrays.items()
    }
    file.write(save(tensors, metadata={_SETTINGS: json.dumps(checkpoint.settings, sort_keys=True)}))


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises CorruptFileError where the file is not one."""
    from safetensors import SafetensorError, safe_open

    members: dict[str, dict[str, Any]] = {}
    try:
        with safe_open(path, framework="numpy") as file:
            settings = json.loads(file.metadata()[_SETTINGS])
            for name in file.keys():  # noqa: SIM118
                member, _, key = name.partition("/")
                members.setdefault(member, {})[key] = file.get_tensor(name)
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise CorruptFileError(f"{path} is not a checkpoint: {error}.") from error
    return Checkpoint(settings, members)


class CheckpointDataset(ExperimentDataset[Checkpoint]):
    """A checkpoint for each cycle; before the first commit it loads without settings and members."""

    def load(self) -> Checkpoint:
        """The checkpoint of the version asked for, or of the last committed cycle."""
        try:
            return super().load()
        except VersionNotFoundError:
            return Checkpoint({}, {})

    def _encode(self, data: Checkpoint, file: Writer) -> None:
        write_checkpoint(data, file)

    def _decode(self, path: Path) -> Checkpoint:
        return read_checkpoint(path)


class TrainingCache:
    """Trainings that were done before, by the hash of everything they depend on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Checkpoint | None:
        """The checkpoint of the training `key`, or None. Raises CorruptFileError for a damaged one."""
        path = self._path(key)
        if not path.exists():
            return None
        check_seal(path, made_again=path)
        return read_checkpoint(path)

    def put(self, key: str, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint; where another process was first, keep that one."""
        try:
            with whole_file(self._path(key)) as file:
                write_checkpoint(checkpoint, file)
        except FileExistsError:
            return

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.safetensors"


class TrainingCacheDataset(AbstractDataset[None, TrainingCache]):
    """The shared cache of trainings; safe to delete at any time."""

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None) -> None:
        self.folder = Path(path)
        self.metadata = metadata

    def load(self) -> TrainingCache:
        """The cache, to get and to put trainings."""
        return TrainingCache(self.folder)

    def save(self, data: None) -> None:
        """Refused: the cache fills itself."""
        raise NotImplementedError("the training cache is filled by training, not by saving it")

    def _exists(self) -> bool:
        return self.folder.exists()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self.folder)}
