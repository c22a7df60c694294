"""3D scans in the store: one array a case for image and labels, and an index that marks them as complete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from queryloop.errors import BrokenFileError, StateError
from queryloop.progress import ProgressBar
from queryloop.storage.content import ContentDataset, keep_first
from queryloop.storage.files import check_seal, seal_of

if TYPE_CHECKING:
    import numpy as np

    from queryloop.readers.volumes import Case, Volume, VolumeSet

_INDEX = "index.json"


class Volumes:
    """All cases of a data set; arrays are mapped into memory, and their seals checked once in a process.

    classes: names by label, the background first. channels: names of what was measured. cases: by id.
    n_voxels: by id, the number of labelled voxels of each class.
    """

    def __init__(self, folder: Path) -> None:
        check_seal(folder / _INDEX, made_again=folder)
        index = json.loads((folder / _INDEX).read_bytes())
        self._folder = folder
        self.classes: tuple[str, ...] = tuple(index["classes"])
        self.channels: tuple[str, ...] = tuple(index["channels"])
        self.cases: dict[str, Case] = {row["sample_id"]: _case(row) for row in index["cases"]}
        self.n_voxels: dict[str, list[int]] = {row["sample_id"]: row["n_voxels"] for row in index["cases"]}
        self._arrays: dict[str, list[str]] = {row["sample_id"]: row["arrays"] for row in index["cases"]}

    def __len__(self) -> int:
        return len(self.cases)

    def image(self, case_id: str) -> np.ndarray:
        """The normalised image, (C, Z, Y, X) float32."""
        return self._array(case_id, "image")

    def labels(self, case_id: str) -> np.ndarray:
        """The labels, (Z, Y, X) uint8: 0 the background, 255 not labelled."""
        return self._array(case_id, "labels")

    def free_labels(self, case_id: str) -> np.ndarray | None:
        """Labels that cost nothing, (Z, Y, X) uint8, 255 elsewhere; none where the case has no such file."""
        self._known(case_id)
        return self._array(case_id, "free") if "free" in self._arrays[case_id] else None

    def native_labels(self, case_id: str) -> np.ndarray:
        """The labels as the file has them, (x, y, z) uint8, 255 not labelled: to judge predictions by."""
        labels = self.labels(case_id)
        if "native_labels" in self._arrays[case_id]:
            return self._array(case_id, "native_labels")
        return self.to_native(labels, case_id)

    def to_native(self, labels: np.ndarray, case_id: str) -> np.ndarray:
        """Labels (Z, Y, X) of the store's grid in that of the file, (x, y, z), as `cases` gives it.

        Raises InputError for labels of another shape than the case.
        """
        from queryloop.readers.grid import to_native

        return to_native(labels, self._known(case_id))

    def _array(self, case_id: str, kind: str) -> np.ndarray:
        import numpy as np

        path = self._folder / f"{self._known(case_id).sample_id}.{kind}.npy"
        check_seal(path, made_again=self._folder)
        return np.load(path, mmap_mode="r", allow_pickle=False)

    def _known(self, case_id: str) -> Case:
        if case_id not in self.cases:
            raise StateError(f"case {case_id!r} is not among the {len(self.cases)} stored ones.")
        return self.cases[case_id]


class VolumeStore(ContentDataset["VolumeSet", Volumes]):
    """The cases of a data set in the folder volumes/ of its content; the index is written last."""

    def load(self) -> Volumes:
        """The cases. Raises CorruptFileError where the index was changed, or never finished."""
        return Volumes(self._file("volumes"))

    def save(self, data: VolumeSet) -> None:
        """Write case by case, so that no more than one need fit in memory, or keep what is there."""
        if self._exists():
            return
        folder, rows, written = self._file("volumes"), list[dict[str, Any]](), list[Path]()
        try:
            with ProgressBar("reading volumes", len(data.cases)) as bar:
                for volume in data.volumes():
                    arrays = _arrays(volume)
                    rows.append(_row(volume.case, arrays, len(data.classes)))
                    written += _write(folder, volume.case.sample_id, arrays)
                    bar.advance()
                    del volume, arrays  # before the next one is read
        except BrokenFileError:  # no other run can come to an end with these source files
            for path in written:
                seal_of(path).unlink(missing_ok=True)
                path.unlink(missing_ok=True)
            raise
        index = {"classes": data.classes, "channels": data.channels, "cases": rows}
        keep_first(folder / _INDEX, lambda file: file.write(json.dumps(index).encode()))

    def _exists(self) -> bool:
        return (self._file("volumes") / _INDEX).exists()


def _arrays(volume: Volume) -> dict[str, np.ndarray]:
    """The arrays that a case has, by the names of their files."""
    found = {
        "image": volume.image,
        "labels": volume.labels,
        "free": volume.free,
        "native_labels": volume.native_labels,
    }
    return {kind: array for kind, array in found.items() if array is not None}


def _write(folder: Path, case_id: str, arrays: Mapping[str, np.ndarray]) -> list[Path]:
    import numpy as np

    paths = []
    for kind, array in arrays.items():
        paths.append(folder / f"{case_id}.{kind}.npy")
        keep_first(paths[-1], partial(np.lib.format.write_array, array=array, allow_pickle=False))
    return paths


def _row(case: Case, arrays: Mapping[str, np.ndarray], n_classes: int) -> dict[str, Any]:
    labels = arrays["labels"]
    return {
        "sample_id": case.sample_id,
        "shape": case.shape,
        "spacing": case.spacing,
        "native_shape": case.native.shape,
        "affine": case.native.affine.tolist(),
        "n_voxels": [int((labels == number).sum()) for number in range(n_classes)],
        "arrays": list(arrays),
    }


def _case(row: Mapping[str, Any]) -> Case:
    import numpy as np

    from queryloop.readers.volumes import Case, FileGrid

    native = FileGrid(tuple(row["native_shape"]), np.array(row["affine"]))
    return Case(row["sample_id"], tuple(row["shape"]), tuple(row["spacing"]), native)
