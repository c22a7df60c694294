"""As many files as a large data set has: what ingest holds in memory does not grow with their pixels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from .photographs import save

N_CLASSES, N_EACH = 10, 20_000
GIGABYTE = 1 << 30

INGEST = """
import json, resource, sys
from queryloop.options import DataOptions
from queryloop.pipelines.ingest import ingest
from queryloop.readers.registry import find, fingerprint
from queryloop.storage.content import RawFiles, SamplesTable
from queryloop.storage.samples import SampleStore

root, store = sys.argv[1:]
source, options = RawFiles(path=root, dataset="image_folder").load(), DataOptions()
name = fingerprint(find("image_folder"), source, options)
read = ingest(source, "image_folder", options)
for dataset, data in zip((SampleStore(path=store), SamplesTable(path=store)), read):
    dataset.locate(lambda: name)
    dataset.save(data)
print(json.dumps([name, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))
"""


@pytest.mark.slow
def test_two_hundred_thousand_images_take_less_than_a_gigabyte(tmp_path: Path) -> None:
    root = tmp_path / "images"
    for c in range(N_CLASSES):
        original = save(tmp_path / f"{c}.png", np.full((8, 8, 3), 20 * c, np.uint8))
        (root / str(c)).mkdir(parents=True)
        for i in range(N_EACH):
            os.link(original, root / str(c) / f"{i}.png")
    command = [sys.executable, "-c", INGEST, str(root), str(tmp_path / "store")]
    # through a shell that forks, for a process begins with the most that its parent ever had in memory
    forked = ["sh", "-c", '"$@" || exit 1', "sh", *command]
    done = subprocess.run(forked, capture_output=True, text=True, check=True)
    name, most = json.loads(done.stdout)
    assert most < GIGABYTE, most
    samples = pd.read_parquet(tmp_path / "store" / name / "samples.parquet")
    images = np.load(tmp_path / "store" / name / "images.npy", mmap_mode="r")
    assert images.shape == (N_CLASSES * N_EACH, 8, 8, 3)
    assert (images[:, 0, 0, 0] // 20 == samples["label"].astype(int)).all()
