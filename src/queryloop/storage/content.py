"""What is written once for each content: samples, images, features, in a folder named by a fingerprint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import TablePreview

from queryloop.errors import BrokenFileError
from queryloop.progress import ProgressBar
from queryloop.storage.files import Writer, check_seal, whole_file
from queryloop.storage.tables import preview_table, read_unchanging, write_table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from queryloop.readers.dataset import Source

S = TypeVar("S")
L = TypeVar("L")


class RawFiles(AbstractDataset[None, "Source"]):
    """The files of a data set as the user downloaded them; read in place, never written."""

    def __init__(self, *, path: str, dataset: str, metadata: dict[str, Any] | None = None) -> None:
        self.root = Path(path).expanduser()
        self._dataset = dataset
        self.metadata = metadata

    def load(self) -> Source:
        """The files. Raises MissingFilesError naming each one, where it was looked for and how to get it."""
        from queryloop.readers.registry import find

        return find(self._dataset).source(self.root)

    def save(self, data: None) -> None:
        """Refused: raw files are the user's."""
        raise NotImplementedError("raw files are never written")

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self.root), "dataset": self._dataset}


class ContentDataset(AbstractDataset[S, L]):
    """A file below `path`/<fingerprint>/; the first writer of a content wins, later ones keep it."""

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None) -> None:
        self.folder = Path(path)
        self.metadata = metadata
        self._fingerprint: Callable[[], str] | None = None

    def locate(self, fingerprint: Callable[[], str]) -> None:
        """Say how the fingerprint is found; it is asked for at the first use, not before."""
        self._fingerprint = fingerprint

    @property
    def fingerprint(self) -> str:
        """The hash of the source files and the options that read them."""
        if self._fingerprint is None:
            raise DatasetError(
                f"{self} was not told its fingerprint: use the catalog of a queryloop session."
            )
        return self._fingerprint()

    def _file(self, name: str) -> Path:
        return self.folder / self.fingerprint / name

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self.folder)}


class Fingerprint(ContentDataset[None, str]):
    """The fingerprint itself, for whatever must be tied to the content."""

    def load(self) -> str:
        """The fingerprint, hexadecimal digits."""
        return self.fingerprint

    def save(self, data: None) -> None:
        """Refused: it is computed."""
        raise NotImplementedError("the fingerprint is computed, not saved")


class SamplesTable(ContentDataset["pd.DataFrame", "pd.DataFrame"]):
    """The table of all samples: sample_id, label, split; row i belongs to image i."""

    def load(self) -> pd.DataFrame:
        """The table; its seal is checked."""
        path = self._file("samples.parquet")
        check_seal(path, made_again=path)
        return read_unchanging(path, "samples")

    def save(self, data: pd.DataFrame) -> None:
        """Write the table, or keep the one that is there."""
        path = self._file("samples.parquet")
        if not path.exists():
            keep_first(path, lambda file: write_table(data, "samples", file))

    def preview(self, nrows: int = 20) -> TablePreview:
        """The first rows, for kedro-viz."""
        return TablePreview(preview_table(self.load(), nrows))

    def _exists(self) -> bool:
        return self._file("samples.parquet").exists()


@dataclass(frozen=True)
class ArrayBlocks:
    """An array on its way into a store: `shape` is (N, ...), `blocks` makes (n, ...) of it in turn."""

    shape: tuple[int, ...]
    blocks: Callable[[], Iterator[np.ndarray]]


class ArrayStore(ContentDataset[ArrayBlocks, "np.ndarray"]):
    """One row for each sample, as one array that is mapped into memory."""

    file: ClassVar[str]
    dtype: ClassVar[str]
    doing: ClassVar[str]

    def load(self) -> np.ndarray:
        """The array, read-only; its seal is checked once in a process."""
        import numpy as np

        path = self._file(self.file)
        check_seal(path, made_again=path)
        return np.load(path, mmap_mode="r", allow_pickle=False)

    def save(self, data: ArrayBlocks) -> None:
        """Write block by block, so that the array need not fit in memory, or keep what is there."""
        path = self._file(self.file)
        if not path.exists():
            keep_first(path, lambda file: _write_blocks(data, file, self.dtype, self.doing))

    def _exists(self) -> bool:
        return self._file(self.file).exists()


class ImageStore(ArrayStore):
    """All images of one shape, uint8 (N, H, W, C)."""

    file, dtype, doing = "images.npy", "|u1", "reading images"


class FeatureStore(ArrayStore):
    """What a frozen trunk makes of all images, fp32 (N, D); D is 0 where no trunk is frozen."""

    file, dtype, doing = "features.npy", "<f4", "computing features"


def keep_first(path: Path, write: Callable[[Writer], object]) -> None:
    """Write a file, or keep the one that is there or comes into being meanwhile."""
    try:
        with whole_file(path) as file:
            write(file)
    except FileExistsError:
        return  # another process wrote the same content meanwhile


def _write_blocks(data: ArrayBlocks, file: Writer, dtype: str, doing: str) -> None:
    import numpy as np

    header = {"descr": dtype, "fortran_order": False, "shape": data.shape}
    np.lib.format.write_array_header_1_0(file, header)
    written = 0
    with ProgressBar(doing, data.shape[0]) as bar:
        for block in data.blocks():
            file.write(np.ascontiguousarray(block, dtype).data)
            written += len(block)
            bar.advance(len(block))
    if written != data.shape[0]:
        raise BrokenFileError(f"the source promised {data.shape[0]} images and gave {written}.")


def locate_content(
    catalog: Mapping[str, Any], fingerprint: Callable[[], str], of_inputs: Callable[[], str]
) -> None:
    """Tell every content dataset of a catalog how its fingerprint is found.

    of_inputs: the fingerprint of what the networks are given, images or features.
    """
    for name in ("fingerprint", "samples", "images"):
        catalog[name].locate(fingerprint)
    for name in ("input_fingerprint", "features"):
        catalog[name].locate(of_inputs)
