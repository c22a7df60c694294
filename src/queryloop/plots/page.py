"""The comparison as one page that needs nothing beside it, and its verdict as plain text."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from jinja2 import Environment, StrictUndefined

from queryloop.errors import examples
from queryloop.plots.comparison import FEW, unit
from queryloop.plots.formats import annotated_shown, contrasts_shown, led_shown, savings_shown, shown
from queryloop.statistics.arms import Field
from queryloop.statistics.comparison import Comparison
from queryloop.statistics.description import order
from queryloop.statistics.sentences import measure_of
from queryloop.values import flat

_PACKAGES = ("queryloop", "numpy", "scipy", "statsmodels", "scikit-learn")  # that compare


def verdict_text(comparison: Comparison, field: Field) -> str:
    """The verdict, a sentence a strategy, and what a reader must know, one below the other."""
    left_out = [f"Left out: {runs}: {reason.rstrip('.')}." for runs, reason in _left_out(field)]
    return "\n".join([comparison.headline, "", *comparison.details, *notes(comparison, field), *left_out])


def _left_out(field: Field) -> list[tuple[str, str]]:
    """Runs that are left out, those of one experiment name and reason together, and why."""
    groups: dict[tuple[str, str], list[str]] = {}
    for run, reason in field.left_out:
        groups.setdefault((run.partition("/")[0], reason), []).append(run)
    return [
        (runs[0] if len(runs) == 1 else f"{len(runs)} runs of {name}", reason)
        for (name, reason), runs in groups.items()
    ]


def notes(comparison: Comparison, field: Field) -> list[str]:
    """What limits the comparison, one sentence each."""
    budgets = comparison.curves.columns
    n_runs = len(comparison.curves)
    told = f"{n_runs} {'run' if n_runs == 1 else 'runs'} on {len(budgets)} common budgets"
    ends = f"{budgets[0]:,.0f} to {budgets[-1]:,.0f} {unit(comparison)}"
    twins = [
        f"{one} has the same results as {other}: counted once." for one, other in comparison.twins.items()
    ]
    here = [f"{told}, {ends}{_cut(comparison.cycles)}.", *_uneven(comparison.lacking)]
    return [*here, *field.notes, *comparison.notes, *twins]


def _uneven(lacking: Mapping[str, str]) -> list[str]:
    """That curves of different seeds stand side by side, if they do."""
    if not lacking:
        return []
    fewer = examples([f"{name} has {has}" for name, has in lacking.items()])
    return [f"{fewer}: curves of other seeds may lie higher for these alone; the verdict pairs shared seeds."]


def _cut(cycles: pd.Series) -> str:
    """Which runs have fewer cycles than others, and so shorten the curves of all."""
    least, most = cycles.min(), cycles.max()
    shortest = [f"{strategy}/seed_{seed}" for strategy, seed in cycles.index[cycles == least]]
    if least == most:
        return ""
    verb = "has" if len(shortest) == 1 else "have"
    return f"; {examples(shortest)} {verb} {least} cycles, others up to {most}"


def page(
    dataset: str,
    comparison: Comparison,
    field: Field,
    *,
    tables: Mapping[str, pd.DataFrame],
    pictures: Mapping[str, go.Figure],
    galleries: Mapping[str, bytes],
    settings: Mapping[str, Any],
) -> str:
    """The page as HTML. galleries: a PNG for each arm. settings: those of one of the compared runs."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.render(
        dataset=dataset,
        comparison=comparison,
        unit=unit(comparison),
        crowded=len(order(comparison)) > FEW,
        measure=measure_of(comparison.measure),
        notes=notes(comparison, field),
        left_out=_left_out(field),
        tables={name: shown(table) for name, table in tables.items()},
        contrasts=contrasts_shown(comparison),
        led=led_shown(tables["effort"]),
        annotated=annotated_shown(tables["effort"]),
        savings=savings_shown(comparison) if comparison.level else None,
        script=_plotly(),
        pictures={name: _div(name, figure) for name, figure in pictures.items() if figure.data},
        made_with=_made_with(tables["runs"]),
        galleries={name: base64.b64encode(picture).decode() for name, picture in galleries.items()},
        settings=flat(settings),
        versions={name: version(name) for name in _PACKAGES},
    )


def _made_with(runs: pd.DataFrame) -> dict[str, int]:
    """Versions of what computed, with the number of compared runs that have them."""
    compared = runs.loc[runs["arm"].notna(), "software"].replace("", "unknown versions")
    return compared.value_counts().to_dict()


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()


def _div(name: str, figure: go.Figure) -> str:
    return figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        div_id=f"picture-{name}",
        default_height="26rem",
        config={"responsive": True, "displayModeBar": False},
    )
