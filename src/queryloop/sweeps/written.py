"""Sweeps as they are written down in conf/<env>/sweep.yml, and the groups of experiments they ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Annotated, Any

from kedro.config import MissingConfigException
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from queryloop.errors import OptionsError, unknown
from queryloop.options import Options
from queryloop.parsing import validated
from queryloop.samples import count_of
from queryloop.values import Count, Size, Text


def _both(value: Any) -> Any:
    return value if isinstance(value, Mapping) else {"start": value, "query": value}


def _each_once(values: list[Any]) -> list[Any]:
    twice = sorted({str(value) for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} is there twice")
    return values


class Regime(Options):
    """How many labels there are at first and how many come with each cycle; one number says both."""

    start: Size
    query: Size
    budget: Count | None = None
    """Labels at the end, in place of that of the sweep."""


Seed = Annotated[int, Field(ge=0, strict=True)]


class SweepOptions(Options):
    """What a sweep consists of: each strategy with each seed, in each regime and with each query size."""

    strategies: Annotated[list[Text], Field(min_length=1), AfterValidator(_each_once)]
    seeds: Count | Annotated[list[Seed], Field(min_length=1), AfterValidator(_each_once)] = 5
    """How many, from 0 on, or which ones."""
    n_cycles: Count | None = None
    budget: Count | None = None
    """Labels at the end, in place of n_cycles; validation labels are not among them."""
    regimes: dict[str, Annotated[Regime, BeforeValidator(_both)]] = Field(default_factory=dict)
    query_sizes: Annotated[list[Size], AfterValidator(_each_once)] = Field(default_factory=list)
    settings: dict[str, Any] = Field(default_factory=dict)
    """Parameters that hold for all its experiments, as in parameters.yml."""

    @model_validator(mode="after")
    def _one_end(self) -> SweepOptions:
        budgets = [self.budget, *(regime.budget for regime in self.regimes.values())]
        if self.n_cycles is not None and any(budgets):
            raise ValueError("n_cycles and budget both say where it ends: keep one of them")
        chosen = {"experiment", "strategy", "seed", "n_cycles", "dataset"} & self.settings.keys()
        if chosen:
            raise ValueError(f"settings cannot hold {', '.join(sorted(chosen))}, which the sweep chooses")
        return self

    @property
    def all_seeds(self) -> list[int]:
        """The seeds, one by one."""
        return list(range(self.seeds)) if isinstance(self.seeds, int) else self.seeds


@dataclass(frozen=True)
class Group:
    """Experiments that differ by strategy and seed only."""

    parameters: dict[str, Any] = field(default_factory=dict)
    """Those of all, which --params can change."""
    chosen: dict[str, Any] = field(default_factory=dict)
    """Those by which the sweep tells its groups apart."""
    budget: int | None = None
    """Labels at the end."""


def read_sweeps(loader: Any) -> dict[str, SweepOptions]:
    """All named sweeps of an environment and of base. Raises OptionsError for a wrong key, value or name."""
    try:
        written = loader["sweep"]
    except MissingConfigException:
        return {}
    return {name: _read(str(name), values) for name, values in written.items()}


def _read(name: str, values: Any) -> SweepOptions:
    if not isinstance(values, Mapping):
        raise OptionsError(f"sweep {name!r} in sweep.yml has no keys, but it needs strategies at least.")
    return validated(SweepOptions, values, "sweep key", name)


def find_sweep(loader: Any, name: str) -> SweepOptions:
    """The sweep `name`. Raises OptionsError where there is none, with the nearest names."""
    sweeps = read_sweeps(loader)
    if not sweeps:
        raise OptionsError(
            f"there is no sweep {name!r}: write it down in sweep.yml, of the environment or in conf/base."
        )
    if name not in sweeps:
        raise unknown("sweep", name, sweeps)
    return sweeps[name]


def groups(name: str, sweep: SweepOptions) -> Iterator[Group]:
    """The groups of a named sweep, each under an experiment name of its own."""
    ends = {} if sweep.n_cycles is None else {"n_cycles": sweep.n_cycles}
    regimes: list[tuple[str, Regime | None]] = [*sweep.regimes.items()] or [("", None)]
    sizes: list[float | None] = [*sweep.query_sizes] or [None]
    for (called, regime), size in product(regimes, sizes):
        parts = [name, called, f"q{size}" if size else ""]
        chosen: dict[str, Any] = {"experiment": "-".join(filter(None, parts))}
        asked = size or (regime.query if regime else None)
        sizes_of = {"start": regime.start if regime else None, "query": asked}
        chosen |= {group: {"size": value} for group, value in sizes_of.items() if value}
        yield Group({**sweep.settings, **ends}, chosen, (regime.budget if regime else None) or sweep.budget)


def cycles_within(budget: int, start: float, query: float) -> int:
    """The most cycles that need no more than `budget` labels. Raises OptionsError where there is none."""
    if start < 1 or query < 1:
        raise OptionsError(
            f"a budget of {budget} labels needs counts for start.size and query.size, "
            f"but they are {start} and {query}: write them as 1, 2, ... or give n_cycles."
        )
    first = count_of(start, 0)
    if budget < first:
        raise OptionsError(f"a budget of {budget} labels is less than the start of {first}.")
    return 1 + (budget - first) // count_of(query, 0)


def typed_seeds(text: str) -> int | Sequence[int]:
    """`5`: so many, from 0 on; `0,3,7` or `3,`: these. Raises OptionsError for anything else."""
    parts = [part.strip() for part in text.strip().rstrip(",").split(",")]
    if not all(part.isdecimal() for part in parts) or text.strip() == "0":
        raise OptionsError(
            f"--seeds is {text!r}: write how many, such as 5, or which ones, such as 0,3,7; one alone as 0,"
        )
    return int(parts[0]) if len(parts) == 1 and "," not in text else [int(part) for part in parts]
