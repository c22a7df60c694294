"""What is asked now, and how much of it is answered."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from queryloop import samples as tables
from queryloop.errors import OptionsError, StateError
from queryloop.experiment import Experiment
from queryloop.oracles import people
from queryloop.oracles.registry import asks_people, is_waited_for
from queryloop.storage import state


@dataclass(frozen=True)
class Asked:
    """The open query of an experiment, or its starting set before the first cycle.

    cycle: the one that takes the answers in. strategy: which asks. query: sample_id, rank, score, and the
    columns of boxes. labeled: the labelled set of the last cycle. answers: every answer ever given.
    """

    cycle: int
    strategy: str
    query: pd.DataFrame
    labeled: pd.DataFrame
    answers: pd.DataFrame

    @property
    def newest(self) -> pd.DataFrame:
        """The newest answer to each sample that has one, by id."""
        return self.answers.drop_duplicates("sample_id", keep="last").set_index("sample_id")

    @property
    def labels(self) -> pd.Series:
        """The newest label of each sample that has one, by id."""
        return self.newest["label"]

    @property
    def open(self) -> pd.DataFrame:
        """The part of the query that has no answer yet."""
        return people.unanswered(self.query, self.answers)

    @property
    def answered(self) -> pd.DataFrame:
        """The rest of it, with its newest label."""
        return self.query.assign(label=self.query["sample_id"].map(self.labels)).dropna(subset="label")

    @property
    def labeled_by_now(self) -> pd.DataFrame:
        """The labelled set as a cycle would take it in now: with answers since, and each newest label."""
        known = tables.asked(self.labeled, self.answered, self.strategy)
        return tables.resolve_labels(known, self.answers)


def asked_of(experiment: Experiment) -> Asked:
    """What an experiment asks now. Raises StateError where it has not asked for anything."""
    run = experiment.run
    asked = Asked(len(run.versions) + 1, run.strategy, run.query, run.labeled, run.answers)
    if run.versions or (len(run.query) and asks_people(run.settings, 0)):
        return asked
    raise StateError(
        f"the experiment at {run.home} has not finished its first cycle, and asks for nothing before: go on "
        "with the `kedro run` that began it, word for word."
        if len(run.query)
        else _begin(experiment, f"`kedro run --pipeline=al_cycle {experiment.flags}`")
    )


def _begin(experiment: Experiment, command: str) -> str:
    return f"the experiment at {experiment.home} has asked for nothing yet: begin it with {command}."


def waiting(experiment: Experiment) -> str:
    """How far people have come and what they do next; empty where all is answered."""
    asked = asked_of(experiment)
    if asked.open.empty:
        return ""
    return people.next_step(asked.query, asked.answers, experiment.flags_of(experiment.run))


def check_open(experiment: Experiment) -> None:
    """Raise StateError where an experiment asks for nothing more."""
    if experiment.is_exhausted:
        raise StateError(f"the experiment at {experiment.home} asks for nothing more: nothing is open.")


def check_people_are_asked(experiment: Experiment) -> None:
    """Refuse answers to an experiment that was begun with another oracle, by what it recorded, or not begun.

    Raises OptionsError, StateError.
    """
    if (settings := state.read_settings(experiment.home)) is None:
        raise StateError(_begin(experiment, people.run_of(experiment.flags)))
    if not is_waited_for(name := settings["oracle"]["name"]):
        raise OptionsError(
            f"the experiment at {experiment.home} has oracle.name:{name}, which answers by itself. Begin one "
            "whose answers come from people with oracle.name:people and another experiment name."
        )


def check_content(experiment: Experiment) -> None:
    """Refuse parameters that read the data set in another way than the experiment did. Raises StateError."""
    settings = state.read_settings(experiment.home) or {}
    if settings.get("samples") == experiment.catalog["fingerprint"].fingerprint:
        return
    known, given = settings.get("data", {}), experiment.options.data.model_dump(mode="json")
    options = state.changed({"data": known}, {"data": {key: given.get(key) for key in known}})
    said = f"options ({'; '.join(options.values())})" if options else "source files"
    raise StateError(
        f"the experiment at {experiment.home} was begun with other {said}: give the same --env, raw_root and "
        "data options as then."
    )
