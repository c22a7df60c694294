"""Gather: which committed runs stand in a comparison, and why others do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from queryloop.errors import InputError, OptionsError, StateError, examples, unknown
from queryloop.options import ComparisonOptions
from queryloop.progress import ProgressBar
from queryloop.storage.results import read_imported
from queryloop.storage.run import Run
from queryloop.tasks.registry import task_of

if TYPE_CHECKING:
    from queryloop.statistics.arms import Candidate

Left = list[tuple[str, str]]
"""Runs that are left out, each with the reason."""


def gather(experiments: list[Run], experiment: str, comparison: ComparisonOptions) -> tuple[Any, dict]:
    """Which runs stand in the comparison as which arm, and why others do not."""
    from queryloop.statistics import arms

    elsewhere = read_imported(comparison.imported) if comparison.imported else pd.DataFrame()
    imported = set(elsewhere.get("strategy", ()))
    readable, damaged = _readable(_chosen(experiments, comparison.strategies, imported))
    runs, unmeasured = _measured(readable, comparison)
    candidates = [candidate for _, candidate in runs.values()]
    left_out = [*damaged, *unmeasured]
    has_none = experiment not in {run.experiment for run in candidates}
    is_told = comparison.imported or any(run.startswith(f"{experiment}/") for run, _ in left_out)
    field = arms.Field() if has_none and is_told else arms.gathered(candidates, experiment)
    field.left_out += left_out
    if not (field.runs or comparison.imported):
        why = examples([f"{run}: {reason}" for run, reason in field.left_out])
        raise InputError(f"no run of {experiment!r} can be compared: {why}. Run more cycles.")
    return field, {name: [runs[str(one)][0] for one in members] for name, members in field.runs.items()}


def _chosen(experiments: list[Run], strategies: list[str] | None, imported: set[str]) -> list[Run]:
    """Runs of these strategies and of random. Raises OptionsError for a strategy without a run anywhere."""
    if strategies is None:
        return experiments
    there = {run.strategy for run in experiments} | imported
    for name in strategies:
        if name not in there:
            raise unknown("strategy with a committed cycle", name, sorted(there))
    return [run for run in experiments if run.strategy in (*strategies, "random")]


def _readable(experiments: list[Run]) -> tuple[list[tuple[Run, Candidate]], Left]:
    """Runs, each as a candidate too, and why others cannot be read."""
    runs, damaged = [], Left()
    with ProgressBar("reading experiments", len(experiments)) as bar:
        for run in experiments:
            try:
                run.check()
                runs.append((run, _candidate(run)))
            except (StateError, OptionsError) as error:  # an option may have gone since, with who wrote it
                damaged.append((str(run), str(error)))
            bar.advance()
    return runs, damaged


def _candidate(run: Run) -> Candidate:
    from queryloop.statistics.arms import Candidate

    same_as = task_of(run.dataset).meaning(run.strategy, run.settings["strategy_options"])
    return Candidate(run.experiment, run.strategy, run.seed, run.settings, len(run.versions), same_as)


def _measured(
    runs: list[tuple[Run, Candidate]], comparison: ComparisonOptions
) -> tuple[dict[str, tuple[Run, Candidate]], Left]:
    """Runs by their place, and those without a measure in every cycle, such as the Dice of no foreground."""
    from queryloop.statistics.measure import measured_by

    found, left_out = {}, Left()
    every = pd.concat([run.metrics for run, _ in runs]) if runs else pd.DataFrame()
    names = list(measured_by(every, comparison))
    for run, candidate in runs:
        known = run.metrics.reindex(columns=names).notna()
        if lacking := [name for name in names if not known[name].all()]:
            n = int((~known[lacking[0]]).sum())
            left_out.append((str(run), f"its {lacking[0]} is not known in {n} of {len(known)} cycles"))
        else:
            found[str(run)] = (run, candidate)
    return found, left_out
