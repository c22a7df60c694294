"""The kind of an experiment's samples."""

from __future__ import annotations

from collections.abc import Mapping

from queryloop.experiment import Experiment
from queryloop.handover.boxes import Boxes
from queryloop.handover.images import Images
from queryloop.handover.kind import Kind

KINDS: Mapping[str, Kind] = {"classification": Images(), "segmentation": Boxes()}
"""By the name of the task."""


def kind_of(experiment: Experiment) -> Kind:
    """What its data set consists of."""
    return KINDS[experiment.task.name]
