"""The page of all strategies, written from the registry and its docstrings: docs/strategies.md."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from queryloop.strategies.needs import NEEDS
from queryloop.strategies.registry import Definition, definitions

_PARTS = re.compile(
    rf"Formula: (?P<formula>.*?)\n(?P<arrays>(?:{'|'.join(NEEDS)})\b.*?)\s*Cost: (?P<cost>.*?)\s+Use: (?P<use>.*)",
    re.DOTALL,
)
_FAMILIES = {
    "baseline": "What every strategy is measured against.",
    "uncertainty": "One softmax: how unsure the network is of each sample.",
    "bayesian": "Several draws of the weights, dropout masks by default: unsure, or only noisy?",
    "committee": "Several trained networks (`scoring.members: ensemble`, the default for these).",
    "gradient": "How much a label would change the last layer; closed forms, no backward pass.",
    "coverage": "Leave no sample far from a labelled one.",
    "clusters": "One query for each cluster of the pool.",
    "activations": "Samples unlike the labelled ones, layer by layer.",
    "mixed": "Uncertainty and diversity at once.",
    "learned": "Something is trained to choose: beside the network (`metrics.auxiliary_quality` tells how well it "
    "judges) or on what the network sees (`metrics.strategy_quality`).",
}
_HEAD = """\
# Strategies

*This page is written by `kedro al strategies --markdown > new.md && mv new.md docs/strategies.md`; a test holds
it to the code.*

`--params=strategy:NAME,strategy_options.OPTION:VALUE` in a run, `queryloop.select("NAME", ...)` in a
program. A strategy gives each sample a score (the k highest are the query) or chooses the batch as a
whole. N samples of the pool, M labelled ones, C classes, D features, T draws of the weights, k asked for.
"""
_BUILT = """\
## Built from others

| name | does | options | source |
| --- | --- | --- | --- |
| `power_X` | draws k rows, chances proportional to (score - lowest possible score)^beta; X any scorer with a lower bound | `beta`, `schedule`, `final_beta` | Kirsch et al. 2023 |
| `softmax_X` | the same with chances exp(beta * score) | as `power_X` | Kirsch et al. 2023 |
| `softrank_X` | the same with chances rank^-beta | as `power_X` | Kirsch et al. 2023 |
| `class_balanced_X` | each next row from the class with the fewest labels so far, classes as predicted; within a class the best score of X | those of X | after Bengar et al. 2022, greedy |
| `X+Y`, `X+Y+Z` | a chain: X keeps `presample` times as many rows as Y needs, the last stage picks | `presample`, and those of each stage | |
| `skactiveml.NAME` | a pool strategy of scikit-activeml (`pip install "queryloop[skactiveml]"`) on this network's embeddings and probabilities | its constructor's | |

Names of the field among them: `power_bald`, `softmax_bald`, `softrank_bald`, `power_entropy`. Noise may stand
only last in a chain. `schedule` lets beta grow to `final_beta` over `query.schedule_cycles` cycles:
`exponential`, `smooth_sigmoid` or `sharp_sigmoid`.

## One of your own

```python
from torch import Tensor

import queryloop
from queryloop.strategies import strategy


@strategy(family="mine", source="me", bounds=(0.0, 1.0))
def doubt(probs: Tensor, *, floor: float = 0.0) -> Tensor:
    \"\"\"Chance that the likeliest class is wrong, but at least floor.\"\"\"
    return (1 - probs.amax(dim=1)).clamp(min=floor)


queryloop.check_strategy("doubt")  # twenty checks; tells all that is wrong
```

Put the file, without its last line, into `src/queryloop/strategies/` and the name works in `kedro run`. The
parameters' names say what is needed, keyword-only parameters are options. With a parameter `k` the function picks
the batch itself and returns `Picks(positions, scores)`; with `generator` it may draw.

## What can be asked for

| name | shape | is |
| --- | --- | --- |
"""


def page() -> str:
    """The whole page as Markdown."""
    found = definitions()
    sections = [_HEAD, _overview(found)]
    others = dict.fromkeys(d.family for d in found if d.family not in _FAMILIES)
    for family in (*_FAMILIES, *others):
        members = [definition for definition in found if definition.family == family]
        about = [_FAMILIES[family], ""] if family in _FAMILIES else []
        sections += [f"## {family.capitalize()}", "", *about]
        sections += [_section(definition) for definition in members]
    return "\n".join([*sections, _BUILT + _needs()])


def parts(function: Callable[..., Any]) -> dict[str, str]:
    """Formula, arrays, cost and use of a strategy, from its docstring. Raises ValueError where one lacks."""
    bare = function.func if isinstance(function, partial) else function
    found = _PARTS.search(inspect.getdoc(bare) or "")
    if found is None:
        raise ValueError(f"the docstring of {bare.__name__!r} lacks Formula, shapes, Cost or Use")
    return {name: " ".join(text.split()) for name, text in found.groupdict().items()}


def _overview(found: list[Definition]) -> str:
    rows = [
        f"| [`{d.name}`](#{d.name}) | {d.family} | {', '.join(f'`{need}`' for need in sorted(d.needs))} "
        f"| {'batch' if d.batch else 'score'} | {d.source} |"
        for d in found
    ]
    return "\n".join(
        ["| name | family | needs | gives | source |", "| --- | --- | --- | --- | --- |", *rows, ""]
    )


def _section(definition: Definition) -> str:
    if definition.alias_of:
        fixed = ", ".join(f"{key}={value!r}" for key, value in definition.fixed.items())
        told = f"The same as `{definition.alias_of}`" + (f" with {fixed}." if fixed else ".")
        return f"### {definition.name}\n\n{told}\n"
    said = parts(definition.function)
    options = ", ".join(f"`{name}` = {_default(p.default)}" for name, p in definition.options.items())
    lines = [
        f"- Formula: {_code(said['formula'])}",
        f"- Arrays: {said['arrays']}",
        *([f"- Options: {options}"] if options else []),
        f"- Cost: {said['cost']}",
        f"- Use: {said['use']}",
        f"- Source: {definition.source}",
    ]
    return f"### {definition.name}\n\n{definition.summary}\n\n" + "\n".join(lines) + "\n"


def _code(formula: str) -> str:
    """The formula as code, so that Markdown leaves stars and underscores alone."""
    return f"`{formula.rstrip('.;')}`"


def _default(value: object) -> str:
    return "chosen from the data" if value is None else str(value)


def _needs() -> str:
    rows = [
        f"| `{name}` | {'(' + ', '.join(need.axes) + ')' if need.axes else 'one number'}"
        f"{' for each layer' if need.layered else ''} | {need.told} |"
        for name, need in NEEDS.items()
    ]
    return "\n".join(rows) + "\n"
