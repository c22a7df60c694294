"""The open query as files for people."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from queryloop.errors import StateError
from queryloop.experiment import Experiment
from queryloop.handover.asked import asked_of, check_content, check_open, check_people_are_asked
from queryloop.handover.kinds import kind_of
from queryloop.oracles import people


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
    written = kind_of(experiment).ask(experiment, asked, folder)
    return f"{written}, then `kedro al tell {quote(str(folder))} {experiment.flags}`."
