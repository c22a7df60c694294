"""Labels of boxes as people gave them, each under the hash of its content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from queryloop.errors import StateError
from queryloop.storage import lock
from queryloop.storage.content import keep_first
from queryloop.storage.files import check_seal

if TYPE_CHECKING:
    import numpy as np

_KEY = re.compile(r"[0-9a-f]{32}")


def key_of(mask: np.ndarray) -> str:
    """32 hexadecimal digits that stand for a mask, uint8 (dz, dy, dx); the same for the same labels."""
    said = f"{mask.dtype} {mask.shape} ".encode() + mask.tobytes()
    return hashlib.sha256(said).hexdigest()[:32]


class Masks:
    """The masks of an experiment by their keys; read when asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, key: str) -> np.ndarray:
        """uint8 of the box's size, IGNORE where nobody labelled, mapped into memory.

        Raises StateError for a key that is none, CorruptFileError for a mask that is missing or changed.
        """
        import numpy as np

        if not _KEY.fullmatch(key):
            raise StateError(f"{key!r} is no mask of {self._folder}.")
        path = self._folder / f"{key}.npy"
        check_seal(path)
        return np.load(path, mmap_mode="r", allow_pickle=False)


class MaskStore(AbstractDataset["Iterable[np.ndarray]", Masks]):
    """A folder that only grows: each mask is a file named by its content, written whole and sealed.

    Saving what is there already changes nothing. Only a holder of the experiment's lock may save.
    """

    def __init__(
        self, *, path: str, experiment: dict[str, str], metadata: dict[str, Any] | None = None
    ) -> None:
        self.folder = Path(path)
        self.home = Path(experiment["path"])
        self.metadata = metadata

    def save(self, data: Iterable[np.ndarray]) -> None:
        """Add masks, each found again by `key_of`. Raises StateError without the lock or on a full disk."""
        import numpy as np

        lock.require(self.home)
        for mask in data:
            path = self.folder / f"{key_of(mask)}.npy"
            if not path.exists():
                keep_first(path, partial(np.lib.format.write_array, array=mask, allow_pickle=False))

    def load(self) -> Masks:
        """The masks; none is read yet."""
        return Masks(self.folder)

    def _exists(self) -> bool:
        return any(self.folder.glob("*.npy"))

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self.folder)}
