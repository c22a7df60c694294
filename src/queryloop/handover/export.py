"""An experiment's labels and queries as files that other tools read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from queryloop.exchange.labels import write_labels, write_queried
from queryloop.exchange.loops import write_loops
from queryloop.exchange.writing import FOR_SPREADSHEETS, whole_folder
from queryloop.experiment import Experiment
from queryloop.handover.asked import Asked, asked_of, check_content
from queryloop.tasks.segmentation.labels import masks_of


def export(experiment: Experiment, folder: Path) -> str:
    """Write a new folder; returns what it holds.

    Of boxes: labels/ for nnU-Net, loops/ as nnActive has them, the open query as the last one, and queried/,
    the cycle that asked for each voxel. Of images: labels.csv. Raises OptionsError where the folder holds
    something, StateError where nothing was asked.
    """
    asked = asked_of(experiment)
    check_content(experiment)
    with whole_folder(folder) as begun:
        held = _boxes(experiment, asked, begun) if asked.is_of_boxes else _images(asked, begun)
    return f"{folder} holds {held}."


def _boxes(experiment: Experiment, asked: Asked, folder: Path) -> str:
    scans = experiment.catalog.load("images")
    queried = pd.concat([asked.labeled, asked.query.assign(cycle=asked.cycle)], ignore_index=True)
    write_loops(folder / "loops", scans.cases, queried)
    write_queried(folder / "queried", scans, queried)
    labeled = asked.labeled_by_now
    if len(labeled):
        labels = masks_of(labeled, scans, experiment.catalog.load("masks"))
        write_labels(folder / "labels", scans, labels)
    return f"{len(labeled)} labelled boxes and {len(asked.query)} of the open query"


def _images(asked: Asked, folder: Path) -> str:
    labeled = asked.labeled_by_now
    labeled.to_csv(folder / "labels.csv", index=False, encoding=FOR_SPREADSHEETS)
    return f"{len(labeled)} labels"
