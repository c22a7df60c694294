"""A comparison of made-up results, with its tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from queryloop.statistics import description
from queryloop.statistics.arms import Candidate, Field
from queryloop.statistics.comparison import Comparison, compare

ARM = {"networks": 1, "trains_on_unlabeled": False}
SOFTWARE = "queryloop 0.1, torch 2.0"


def results(n_seeds: int = 4, hostile: str = "badge", n_more: int = 0) -> pd.DataFrame:
    """Runs of random, margin, a third strategy and perhaps more; margin is ahead."""
    draw = np.random.default_rng(0)
    ahead = {"random": 0.0, "margin": 0.1, hostile: 0.0}
    ahead |= {f"strategy_{number}": 0.005 * number for number in range(n_more)}
    rows = [
        {
            "strategy": name,
            "seed": seed,
            "n_labeled": n,
            "accuracy": 0.4 + n / 1000 + more + draw.normal(0, 0.005),
        }
        for name, more in ahead.items()
        for seed in range(n_seeds)
        for n in (100, 200, 300, 400)
    ]
    return pd.DataFrame(rows).assign(ece=0.1, nll=0.5, brier=0.2, gradient_steps=10)


def compared(
    table: pd.DataFrame, full_data: float | None = 0.95
) -> tuple[Comparison, dict[str, pd.DataFrame]]:
    controls = {name: "random" for name in table["strategy"].unique() if name != "random"}
    found = compare(table, controls, "accuracy", "n_labeled", full_data=full_data)
    labeled = pd.DataFrame({"sample_id": ["a", "b"], "label": ["x", "y"], "cycle": [2, 2]})
    times = pd.DataFrame({"cycle": 1, "stage": ["score", "train", "cycle"], "seconds": [1.0, 2.0, 4.0]})
    times["software"] = SOFTWARE
    timings = {name: [times] * rows["seed"].nunique() for name, rows in table.groupby("strategy", sort=False)}
    arms = table["strategy"].unique()
    return found, {
        **description.judged(found),
        "calibration": description.calibration(table, "n_labeled"),
        "effort": pd.DataFrame(columns=["strategy"]),
        "classes": description.classes({name: [labeled] for name in arms}, None),
        "times": description.times(timings),
        "runs": description.runs(field(table), table, found, timings),
    }


def field(table: pd.DataFrame) -> Field:
    names = table[["strategy", "seed"]].drop_duplicates().itertuples(index=False)
    found = Field(left_out=[("main/other/seed_0", "other settings: query.size is 10, not 20")])
    for name, seed in names:
        found.runs.setdefault(name, []).append(Candidate("main", name, seed, {"arm": ARM}, 4, name))
    return found
