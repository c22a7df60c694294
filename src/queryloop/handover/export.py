"""An experiment's labels and queries, and what its networks predict, as files that other tools read."""

from __future__ import annotations

from pathlib import Path

from queryloop.errors import StateError
from queryloop.experiment import Experiment
from queryloop.handover.asked import asked_of, check_content
from queryloop.handover.kinds import kind_of


def export(experiment: Experiment, folder: Path) -> str:
    """Write labels and queries into a new folder; returns what it holds.

    Raises OptionsError where the folder holds something, StateError where nothing was asked.
    """
    asked = asked_of(experiment)
    check_content(experiment)
    return f"{folder} holds {kind_of(experiment).export(experiment, asked, folder)}."


def predict(experiment: Experiment, folder: Path) -> str:
    """Write what the last networks take each sample for into a new folder; returns what it holds.

    Raises OptionsError where the folder holds something, StateError where nothing was trained yet, or with
    other settings.
    """
    if not experiment.n_committed:
        raise StateError(f"the experiment at {experiment.home} has no network yet: run it first.")
    experiment.check_settings()
    return f"{folder} holds {kind_of(experiment).predict(experiment, asked_of(experiment), folder)}."
