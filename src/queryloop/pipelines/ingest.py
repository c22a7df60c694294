"""Ingest: the source files of a data set become one table of samples and one store of images."""

from __future__ import annotations

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop.options import DataOptions
from queryloop.readers.dataset import Read, Source


def ingest(source: Source, dataset: str, data: DataOptions) -> tuple[Read, pd.DataFrame]:
    """Read a data set; what it holds is saved before the table, which marks the content as complete."""
    from queryloop.readers.registry import find

    read = find(dataset, data).read(source, data)
    return read, read.samples


def create_pipeline() -> Pipeline:
    """Source files to samples and images; runs once for each content."""
    return Pipeline(
        [Node(ingest, ["raw_files", "params:dataset", "params:data"], ["images", "samples"], name="ingest")]
    )
