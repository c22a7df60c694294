"""What a data set holds, images of one shape or 3D scans, behind one name of the catalog."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from queryloop.storage.content import ArrayBlocks, ContentDataset, ImageStore
from queryloop.storage.volumes import Volumes, VolumeStore

if TYPE_CHECKING:
    from queryloop.readers.dataset import Read

Images = np.ndarray | Volumes
"""Images (N, H, W, C) by the row of `samples`, or scans by id."""
Inputs = Images
"""What the networks get: the images or scans, or the features (N, D) of images."""


class SampleStore(ContentDataset["Read", Images]):
    """Images as one uint8 array (N, H, W, C), mapped into memory, or scans as `Volumes`."""

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(path=path, metadata=metadata)
        self._images, self._volumes = ImageStore(path=path), VolumeStore(path=path)

    def locate(self, fingerprint: Callable[[], str]) -> None:
        """Say how the fingerprint is found."""
        for store in (self._images, self._volumes):
            store.locate(fingerprint)
        super().locate(fingerprint)

    def load(self) -> Images:
        """Whichever is there. Raises CorruptFileError where it was changed."""
        return self._volumes.load() if self._volumes.exists() else self._images.load()

    def save(self, data: Read) -> None:
        """Write block by block or case by case, or keep what is there."""
        from queryloop.readers.images import ImageSet

        if isinstance(data, ImageSet):
            self._images.save(ArrayBlocks((len(data.samples), *data.shape), data.blocks))
        else:
            self._volumes.save(data)

    def _exists(self) -> bool:
        return self._volumes.exists() or self._images.exists()
