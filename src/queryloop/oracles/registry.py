"""Oracles by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import pandas as pd

from queryloop.errors import OptionsError, unknown
from queryloop.options import ExperimentOptions
from queryloop.oracles import given, people, simulated
from queryloop.samples import LABELLED

Oracle = Callable[..., pd.DataFrame]

ORACLES: dict[str, Oracle] = {"simulated": simulated.answer, "people": people.answer}
_WAITED_FOR = frozenset({"people"})


def find(name: str) -> Oracle:
    """The function that answers for the oracle `name`. Raises OptionsError with the nearest names."""
    if name not in ORACLES:
        raise unknown("oracle", name, ORACLES)
    return ORACLES[name]


def check(options: ExperimentOptions, typed: Collection[str] = ()) -> None:
    """Raise OptionsError for an unknown name, for noise where people answer, and for a start without them.

    typed: dotted names of the command line, where what an environment may set is refused too.
    """
    name = options.oracle.name
    find(name)
    if options.oracle.noise and is_waited_for(name):
        raise OptionsError(
            f"oracle.noise has no effect on oracle.name:{name}, which gives no answers itself: leave it out."
        )
    if options.start.sampler == LABELLED:
        _check_labelled(name, typed)


def _check_labelled(name: str, typed: Collection[str]) -> None:
    if not is_waited_for(name):
        raise OptionsError(
            f"start.sampler:labelled begins with all labels that are there, and oracle.name:{name} has none "
            "for the other samples: set oracle.name:people."
        )
    if "start.size" in typed:
        raise OptionsError(
            "start.size has no effect on start.sampler:labelled, which takes every sample that has a label: "
            "leave it out."
        )


def answering(name: str, sampler: str, n_committed: int) -> Oracle:
    """Who answers the open query: the oracle `name`, or at first the labels that samples come with.

    sampler: of the starting set. n_committed: cycles by now. Raises OptionsError with the nearest names.
    """
    return given.answer if n_committed == 0 and sampler == LABELLED else find(name)


def asks_people(settings: Mapping[str, Any], n_committed: int) -> bool:
    """Whether people answer the open query of an experiment. settings: what it was begun with."""
    who = answering(settings["oracle"]["name"], settings["start"]["sampler"], n_committed)
    return who is people.answer


def is_waited_for(name: str) -> bool:
    """Whether its answers come between runs; the others answer everything as soon as they are asked."""
    return name in _WAITED_FOR
