"""Oracles by name."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from queryloop.errors import OptionsError, unknown
from queryloop.options import OracleOptions
from queryloop.oracles import people, simulated

Oracle = Callable[..., pd.DataFrame]

ORACLES: dict[str, Oracle] = {"simulated": simulated.answer, "people": people.answer}
_WAITED_FOR = frozenset({"people"})


def find(name: str) -> Oracle:
    """The function that answers for the oracle `name`. Raises OptionsError with the nearest names."""
    if name not in ORACLES:
        raise unknown("oracle", name, ORACLES)
    return ORACLES[name]


def check(options: OracleOptions) -> None:
    """Raise OptionsError for an unknown name, and for noise where people answer."""
    find(options.name)
    if options.noise and is_waited_for(options.name):
        raise OptionsError(
            f"oracle.noise has no effect on oracle.name:{options.name}, which gives no answers itself: "
            "leave it out."
        )


def is_waited_for(name: str) -> bool:
    """Whether its answers come between runs; the others answer everything as soon as they are asked."""
    return name in _WAITED_FOR
