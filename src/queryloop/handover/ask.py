"""The open query as files for people."""

from __future__ import annotations

from pathlib import Path

from queryloop import samples as tables
from queryloop.errors import StateError
from queryloop.exchange.pictures import write_pictures
from queryloop.exchange.query import write_query
from queryloop.experiment import Experiment
from queryloop.handover.asked import Asked, asked_of, check_content, check_open, check_people_are_asked
from queryloop.oracles import people
from queryloop.tasks.segmentation.labels import masks_of


def ask(experiment: Experiment, out: Path | None) -> str:
    """Write what is asked into a new folder: tables and pictures, or scans, outlines and masks to draw in.

    out: the folder; none: beside the results, by cycle. Returns what was written and what to do with it.
    Raises OptionsError where the folder holds something or no people are asked, StateError where nothing is.
    """
    check_people_are_asked(experiment)
    check_open(experiment)
    asked = asked_of(experiment)
    if asked.open.empty:
        raise StateError(people.next_step(asked.query, asked.answers, experiment.flags))
    check_content(experiment)
    folder = out or experiment.catalog["metrics"].folder.parent / "asked" / f"cycle_{asked.cycle:03d}"
    write = _write_boxes if asked.is_of_boxes else _write_images
    return f"{write(experiment, asked, folder)}, then `kedro al tell {folder} {experiment.flags}`."


def _write_images(experiment: Experiment, asked: Asked, folder: Path) -> str:
    samples = experiment.catalog.load("samples")
    images = experiment.catalog.load("images")
    rows = tables.rows_of(samples, asked.open["sample_id"].tolist())
    classes = tables.classes(samples)
    write_pictures(folder, images[rows], asked.open, classes)
    return (
        f"{len(rows)} images and a table are in {folder}. Fill in the column `label` of query.csv with one "
        f"of {', '.join(classes)}"
    )


def _write_boxes(experiment: Experiment, asked: Asked, folder: Path) -> str:
    scans = experiment.catalog.load("images")
    answered = masks_of(asked.answered, scans, experiment.catalog.load("masks"))
    write_query(folder, scans, asked.open, answered)
    labels = ", ".join(f"{number} {name}" for number, name in enumerate(scans.classes))
    return (
        f"{len(asked.open)} open boxes are in {folder}. Draw into the files in masks/, over the voxels of "
        f"label {len(scans.classes)} (not labelled), with {labels}"
    )
