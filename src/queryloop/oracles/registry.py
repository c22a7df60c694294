"""Oracles by name."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pandas as pd

from queryloop.errors import OptionsError, unknown
from queryloop.options import ExperimentOptions
from queryloop.oracles import people, simulated
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


def asks_people(name: str, sampler: str, n_committed: int) -> bool:
    """Whether people answer the open query: all but a starting set of labels that are there.

    name: of the oracle. sampler: of the starting set. n_committed: cycles by now.
    """
    return is_waited_for(name) and not (n_committed == 0 and sampler == LABELLED)


def is_waited_for(name: str) -> bool:
    """Whether its answers come between runs; the others answer everything as soon as they are asked."""
    return name in _WAITED_FOR
