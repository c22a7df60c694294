"""Figures of an experiment, with previews for kedro-viz."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING

from kedro_datasets._typing import ImagePreview, PlotlyPreview

from queryloop.storage.experiment import ExperimentDataset
from queryloop.storage.files import Writer, check_seal

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from PIL.Image import Image


class PlotlyFigure(ExperimentDataset["go.Figure"]):
    """A plotly figure as JSON."""

    def preview(self) -> PlotlyPreview:
        """The figure of the last committed cycle."""
        return PlotlyPreview(json.loads(_sealed(Path(self._get_load_path()))))

    def _encode(self, data: go.Figure, file: Writer) -> None:
        file.write(data.to_json().encode())

    def _decode(self, path: Path) -> go.Figure:
        import plotly.io

        return plotly.io.from_json(path.read_text())


class Picture(ExperimentDataset["Image"]):
    """A picture as PNG."""

    def preview(self) -> ImagePreview:
        """The picture of the last committed cycle."""
        return ImagePreview(base64.b64encode(_sealed(Path(self._get_load_path()))).decode())

    def _encode(self, data: Image, file: Writer) -> None:
        import io

        buffer = io.BytesIO()
        data.save(buffer, format="PNG")
        file.write(buffer.getbuffer())

    def _decode(self, path: Path) -> Image:
        from PIL import Image

        with Image.open(path) as picture:
            picture.load()
            return picture


def _sealed(path: Path) -> bytes:
    check_seal(path)
    return path.read_bytes()
