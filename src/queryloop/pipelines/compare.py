"""Compare: all experiments of a data set beside each other, as tables, pictures, a verdict and a page."""

from __future__ import annotations

from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop.options import ComparisonOptions
from queryloop.pipelines.gather import gather
from queryloop.progress import ProgressBar
from queryloop.samples import reference_key
from queryloop.storage.results import read_imported
from queryloop.storage.run import Run

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
