"""Compare: all experiments of a data set beside each other, as tables, pictures, a verdict and a page."""

from __future__ import annotations

from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop.errors import InputError, OptionsError, StateError, examples, unknown
from queryloop.options import ComparisonOptions
from queryloop.progress import ProgressBar
from queryloop.samples import reference_key
from queryloop.storage.results import read_imported
from queryloop.storage.run import Run
from queryloop.tasks.registry import task_of

TABLES = (
    "verdict",
    "curves",
    "gains",
    "levels",
    "penalties",
    "wins",
    "ranks",
    "calibration",
    "classes",
    "effort",
    "times",
    "runs",
    "results",
)
PICTURES = ("curves", "gains", "levels", "penalties", "ranks", "classes", "calibration", "times")


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


def _readable(experiments: list[Run]) -> tuple[list[tuple[Run, Any]], list[tuple[str, str]]]:
    """Runs, each as a candidate too, and why others cannot be read."""
    runs, damaged = [], []
    with ProgressBar("reading experiments", len(experiments)) as bar:
        for run in experiments:
            try:
                run.check()
                runs.append((run, _candidate(run)))
            except (StateError, OptionsError) as error:  # an option may have gone since, with who wrote it
                damaged.append((str(run), str(error)))
            bar.advance()
    return runs, damaged


def _candidate(run: Run) -> Any:
    from queryloop.statistics.arms import Candidate

    same_as = task_of(run.dataset).meaning(run.strategy, run.settings["strategy_options"])
    return Candidate(run.experiment, run.strategy, run.seed, run.settings, len(run.versions), same_as)


def _measured(
    runs: list[tuple[Run, Any]], comparison: ComparisonOptions
) -> tuple[dict[str, tuple[Run, Any]], list[tuple[str, str]]]:
    """Runs by their place, and those without a measure in every cycle, such as the Dice of no foreground."""
    from queryloop.statistics.measure import measured_by

    found, left_out = {}, []
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


def judge(
    field: Any,
    runs: dict[str, list[Run]],
    full_data: pd.DataFrame,
    comparison: ComparisonOptions,
) -> tuple[pd.DataFrame, Any]:
    """The metrics of all runs, those from elsewhere too, and what they say."""
    from queryloop.statistics.comparison import compare
    from queryloop.statistics.imported import asked_for, controls_of_imported, imported
    from queryloop.statistics.measure import measured_by

    found = [run.metrics.assign(strategy=name) for name, members in runs.items() for run in members]
    results = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    measure, budget = measured_by(results, comparison)
    controls, elsewhere = dict(field.controls), set[str]()
    if comparison.imported:
        others = imported(read_imported(comparison.imported), measure, budget, taken=set(runs))
        others = asked_for(others, comparison.strategies)
        controls |= controls_of_imported(others)
        elsewhere = set(others["strategy"])
        results = pd.concat([results, others], ignore_index=True)
    return results, compare(
        results,
        controls,
        measure,
        budget,
        target=comparison.target,
        ends=comparison.levels.ends,
        full_data=_with_all_labels(full_data, runs, measure),
        imported=elsewhere,
    )


def _with_all_labels(full_data: pd.DataFrame, runs: dict[str, list[Run]], measure: str) -> float | None:
    """The mean measure of trainings on all labels with the settings of the runs, where there are any."""
    every = [run for members in runs.values() for run in members]
    keys = {reference_key(run.settings, len(run.versions)) for run in every}
    rows = full_data[full_data["settings"].isin(keys)]
    return float(rows[measure].mean()) if len(rows) and measure in rows.columns else None


def describe(
    field: Any, runs: dict[str, list[Run]], results: pd.DataFrame, comparison: Any
) -> dict[str, pd.DataFrame]:
    """Every table of the comparison, by name."""
    from queryloop.statistics import description
    from queryloop.statistics.effort import effort

    timings = {name: [run.timings() for run in members] for name, members in runs.items()}
    tables = {
        **description.judged(comparison),
        "calibration": description.calibration(results, comparison.budget),
        "classes": _classes(runs, results),
        "effort": effort(results, comparison),
        "times": description.times(timings),
        "runs": description.runs(field, results, comparison, timings),
        "results": description.per_run(results, comparison),
    }
    names = description.order(comparison)
    return {name: description.in_order(tables[name], names) for name in TABLES}


def _classes(runs: dict[str, list[Run]], results: pd.DataFrame) -> pd.DataFrame:
    from queryloop.statistics.description import classes
    from queryloop.statistics.effort import box_classes

    if "foreground_voxels" in results.columns:
        return box_classes(results.dropna(subset="foreground_voxels"))
    queries = {name: [run.labeled for run in members] for name, members in runs.items()}
    first = next((members[0] for members in runs.values()), None)
    return classes(queries, first.space() if first else None)


def draw(results: pd.DataFrame, comparison: Any, tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Every picture of the comparison, by name."""
    from queryloop.plots import comparison as plots

    return {name: getattr(plots, name)(results, comparison, tables) for name in PICTURES}


def tell(
    field: Any, runs: dict[str, list[Run]], comparison: Any, tables: dict, pictures: dict, dataset: str
) -> tuple[str, str]:
    """The verdict as text, and the page."""
    from queryloop.plots.page import page, verdict_text

    asked = {name: members[0].gallery(1) for name, members in runs.items()}
    settings = next((members[0].settings for members in runs.values()), {})
    return (
        verdict_text(comparison, field),
        page(
            dataset,
            comparison,
            field,
            tables=tables,
            pictures=pictures,
            galleries={name: picture for name, picture in asked.items() if picture},
            settings=settings,
        ),
    )


def keep(tables: dict[str, pd.DataFrame], pictures: dict[str, Any], verdict: str, page: str) -> tuple:
    """All of it at once, when all of it is made; the page last."""
    from queryloop.plots.raster import png

    images = []
    with ProgressBar("drawing pictures", len(pictures)) as bar:
        for picture in pictures.values():
            images.append(png(picture) if picture.data else b"")
            bar.advance()
    return (*tables.values(), *images, verdict, page)


def create_pipeline() -> Pipeline:
    """Committed experiments to their comparison; writes to none of them."""
    kept = [
        *(f"comparison_{name}_table" for name in TABLES),
        *(f"comparison_{name}_picture" for name in PICTURES),
        "comparison_verdict",
        "comparison_page",
    ]
    asked = ["experiments", "params:experiment", "params:comparison"]
    told = ["arms", "compared_runs", "comparison", "compared_tables", "compared_pictures", "params:dataset"]
    made = ["compared_tables", "compared_pictures", "verdict_made", "page_made"]
    return Pipeline(
        [
            Node(gather, asked, ["arms", "compared_runs"], name="gather"),
            Node(
                judge,
                ["arms", "compared_runs", "full_data", "params:comparison"],
                ["results", "comparison"],
                name="judge",
            ),
            Node(
                describe,
                ["arms", "compared_runs", "results", "comparison"],
                "compared_tables",
                name="describe",
            ),
            Node(draw, ["results", "comparison", "compared_tables"], "compared_pictures", name="draw"),
            Node(tell, told, ["verdict_made", "page_made"], name="tell"),
            Node(keep, made, kept, name="keep"),
        ]
    )
