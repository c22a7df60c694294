"""What a comparison leaves behind: files that the next one replaces, each whole or not at all."""

from __future__ import annotations

import abc
import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kedro.io import AbstractDataset
from kedro_datasets._typing import ImagePreview, TablePreview

from queryloop.storage.files import replace_file
from queryloop.storage.tables import preview_table

if TYPE_CHECKING:
    import pandas as pd

S = TypeVar("S")
L = TypeVar("L")


class ReplacedDataset(AbstractDataset[S, L], abc.ABC):
    """One file; saving replaces it as a whole."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(filepath)
        self.metadata = metadata

    def save(self, data: S) -> None:
        """Put `data` in the file's place. Raises StateError where the disk refuses."""
        replace_file(self.path, self._encode(data))

    @abc.abstractmethod
    def _encode(self, data: S) -> bytes: ...

    def _exists(self) -> bool:
        return self.path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.path)}


class ReplacedText(ReplacedDataset[str, str]):
    """Text, or a page."""

    def load(self) -> str:
        """The text."""
        return self.path.read_text(encoding="utf-8")

    def _encode(self, data: str) -> bytes:
        return data.encode()


class ReplacedTable(ReplacedDataset["pd.DataFrame", "pd.DataFrame"]):
    """A table as CSV."""

    def load(self) -> pd.DataFrame:
        """The table."""
        import pandas as pd

        return pd.read_csv(self.path)

    def preview(self, nrows: int = 20) -> TablePreview:
        """The first rows, for kedro-viz."""
        return TablePreview(preview_table(self.load(), nrows))

    def _encode(self, data: pd.DataFrame) -> bytes:
        return data.to_csv(index=False).encode()


class ReplacedPicture(ReplacedDataset[bytes, bytes]):
    """A picture as PNG, of which the bytes are handed on; saving none removes the one before."""

    def save(self, data: bytes) -> None:
        """Put the picture in the file's place. Raises StateError where the disk refuses."""
        if data:
            super().save(data)
        else:
            self.path.unlink(missing_ok=True)

    def load(self) -> bytes:
        """The bytes of the PNG."""
        return self.path.read_bytes()

    def preview(self) -> ImagePreview:
        """The picture, for kedro-viz."""
        return ImagePreview(base64.b64encode(self.load()).decode())

    def _encode(self, data: bytes) -> bytes:
        return data
