"""Ingest: the source files of a data set become one table of samples and one store of images."""

from __future__ import annotations

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop.options import DataOptions
from queryloop.readers.dataset import Read, Source
from queryloop.readers.volumes import VolumeSet
from queryloop.storage.content import ImageBlocks


def ingest(source: Source, dataset: str, data: DataOptions) -> tuple[ImageBlocks | VolumeSet, pd.DataFrame]:
    """Read a data set; images or volumes are saved before the table, which marks the content as complete."""
    from queryloop.readers.registry import find

    read = find(dataset, data).read(source, data)
    return _on_the_way(read), read.samples


def _on_the_way(read: Read) -> ImageBlocks | VolumeSet:
    if isinstance(read, VolumeSet):
        return read
    return ImageBlocks((len(read.samples), *read.shape), read.blocks)


def create_pipeline() -> Pipeline:
    """Source files to samples and images; runs once for each content."""
    return Pipeline(
        [Node(ingest, ["raw_files", "params:dataset", "params:data"], ["images", "samples"], name="ingest")]
    )
