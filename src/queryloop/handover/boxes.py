"""Boxes go out as scans with masks to draw in, and their labels come back in these."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from queryloop.exchange.labels import write_labels, write_predicted, write_queried
from queryloop.exchange.loops import write_loops
from queryloop.exchange.query import write_query
from queryloop.exchange.writing import whole_folder
from queryloop.experiment import Experiment
from queryloop.handover import masks
from queryloop.handover.asked import Asked
from queryloop.handover.kind import Kind, Told
from queryloop.samples import ids_in
from queryloop.tasks.segmentation.backends import backend_of
from queryloop.tasks.segmentation.labels import masks_of
from queryloop.tasks.task import Looking


class Boxes(Kind):
    """A mask each."""

    def ask(self, experiment: Experiment, asked: Asked, folder: Path) -> str:
        """Scans, outlines, and masks to draw in."""
        scans = experiment.catalog.load("images")
        answered = masks_of(asked.answered, scans, experiment.catalog.load("masks"))
        write_query(folder, scans, asked.open, answered)
        return (
            f"{len(asked.open)} open boxes are in {folder}. Draw into the files in masks/, over the voxels "
            f"of label {len(scans.classes)} (not labelled), with {_numbered(scans.classes)}"
        )

    def files(self, given: Path) -> list[Path]:
        """The masks, as `masks.files` finds them."""
        return masks.files(given)

    def mark(self, asked: Asked, path: Path) -> str:
        """Scan and cycle: a mask of background alone is the same for any of its shape, after any query."""
        return f"cycle {asked.cycle} {path.name}"

    def read(self, experiment: Experiment, asked: Asked, given: Path) -> Told:
        """Masks of the boxes of the open query, or of an earlier one, as `masks.read` takes them in."""
        return masks.read(experiment.catalog, masks.meant(asked, given), masks.files(given))

    def export(self, experiment: Experiment, asked: Asked, folder: Path) -> str:
        """labels/ for nnU-Net, loops/ as nnActive has them, the open query last, and queried/."""
        scans = experiment.catalog.load("images")
        queried = pd.concat([asked.labeled, asked.query.assign(cycle=asked.cycle)], ignore_index=True)
        labeled = asked.labeled_by_now
        with whole_folder(folder) as begun:
            write_loops(begun / "loops", scans.cases, queried)
            write_queried(begun / "queried", scans, queried)
            if len(labeled):
                labels = masks_of(labeled, scans, experiment.catalog.load("masks"))
                train = ids_in(experiment.catalog.load("splits"), "train").tolist()
                write_labels(begun / "labels", scans, labels, train)
        return f"{len(labeled)} labelled boxes and {len(asked.query)} of the open query"

    def predict(self, experiment: Experiment, asked: Asked, folder: Path) -> str:  # noqa: ARG002
        """CASE.nii.gz of every scan, by the networks that metrics are of."""
        scans, options = experiment.catalog.load("images"), experiment.options
        looking = Looking(options.query, options.scoring, options.training)
        checkpoint = experiment.catalog.load("checkpoint")
        kind = options.evaluation.predictor
        look = backend_of(checkpoint).predictor(checkpoint, scans, looking, kind)
        write_predicted(folder, scans, look.labels)
        return f"the predicted labels of {len(scans.cases)} scans, with {_numbered(scans.classes)}"


def _numbered(classes: tuple[str, ...]) -> str:
    return ", ".join(f"{number} {name}" for number, name in enumerate(classes))
