"""Oracles by name."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from queryloop.errors import unknown
from queryloop.oracles import simulated

Oracle = Callable[..., pd.DataFrame]

ORACLES: dict[str, Oracle] = {"simulated": simulated.answer}


def find(name: str) -> Oracle:
    """The function that answers for the oracle `name`. Raises OptionsError with the nearest names."""
    if name not in ORACLES:
        raise unknown("oracle", name, ORACLES)
    return ORACLES[name]
