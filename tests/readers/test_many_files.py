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
import json, os, resource, sys
from queryloop.options import DataOptions
from queryloop.pipelines.ingest import ingest
from queryloop.readers.registry import find, fingerprint
from queryloop.storage.content import RawFiles, SamplesTable
from queryloop.storage.samples import SampleStore

root, store, table = sys.argv[1:]
files, options = RawFiles(path=root, dataset="image_folder"), DataOptions()
_, by_folders = ingest(files.load(), "image_folder", options)
os.rename(table, os.path.join(root, "labels.csv"))
source = files.load()
name = fingerprint(find("image_folder"), source, options)
read = ingest(source, "image_folder", options)
assert read[1].equals(by_folders)
for dataset, data in zip((SampleStore(path=store), SamplesTable(path=store)), read):
    dataset.locate(lambda: name)
    dataset.save(data)
print(json.dumps([name, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))
"""


def write_folders(root: Path, original: Path) -> list[str]:
    """Links to one image of each class, and the lines of a table that says the same as the folders."""
    lines = []
    for c in range(N_CLASSES):
        image = save(original / f"{c}.png", np.full((8, 8, 3), 20 * c, np.uint8))
        (root / str(c)).mkdir(parents=True)
        for i in range(N_EACH):
            os.link(image, root / str(c) / f"{i}.png")
            lines.append(f"{c}/{i}.png,{c}\n")
    return lines


@pytest.mark.slow
def test_two_hundred_thousand_images_and_their_table_take_less_than_a_gigabyte(tmp_path: Path) -> None:
    root, table = tmp_path / "images", tmp_path / "table.csv"
    lines = write_folders(root, tmp_path)
    table.write_text("".join(["file,label\n", *reversed(lines)]))
    command = [sys.executable, "-c", INGEST, str(root), str(tmp_path / "store"), str(table)]
    # through a shell that forks, for a process begins with the most that its parent ever had in memory
    forked = ["sh", "-c", '"$@" || exit 1', "sh", *command]
    done = subprocess.run(forked, capture_output=True, text=True, check=True)
    name, most = json.loads(done.stdout)
    assert most < GIGABYTE, most
    samples = pd.read_parquet(tmp_path / "store" / name / "samples.parquet")
    images = np.load(tmp_path / "store" / name / "images.npy", mmap_mode="r")
    assert images.shape == (N_CLASSES * N_EACH, 8, 8, 3)
    assert (images[:, 0, 0, 0] // 20 == samples["label"].astype(int)).all()
