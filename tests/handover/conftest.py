"""Scans, and an experiment that asks for boxes of them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset

from queryloop.storage.files import whole_file
from queryloop.storage.lock import locked
from queryloop.storage.masks import MaskStore
from queryloop.storage.tables import AppendOnlyTable
from queryloop.storage.volumes import Volumes
from queryloop.voxels import TRUTH

from ..exchange.made_up import scans, table
from .drawn import EARLIER, OPEN, SETTINGS, Begun


@pytest.fixture(scope="module", params=[None, (1.5, 2.1, 1.3)], ids=["native", "resampled"])
def volumes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Volumes:
    return scans(tmp_path_factory.mktemp("volumes"), request.param)


@pytest.fixture
def begun(volumes: Volumes, tmp_path: Path) -> Begun:
    home = tmp_path / "home"
    where = {"path": str(home)}
    with locked(home), whole_file(home / "settings.json") as settings:
        settings.write(json.dumps(SETTINGS).encode())
    catalog = DataCatalog(
        {
            "images": MemoryDataset(volumes, copy_mode="assign"),
            "masks": MaskStore(path=str(home / "masks"), experiment=where),
            "answers": AppendOnlyTable(
                path=str(home / "answers"), schema="answers", part="import_id", experiment=where
            ),
            "starting_set": MemoryDataset(table(OPEN)),
            "splits": MemoryDataset(pd.DataFrame({"sample_id": [*volumes.cases], "split": "train"})),
            "fingerprint": SimpleNamespace(fingerprint="0123"),
        }
    )
    return Begun(home, catalog, table(OPEN), table([EARLIER]).assign(label=TRUTH))
