"""All of a comparison: what it is made of, and what it says of that."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from queryloop.statistics.comparison import Comparison, compare

from .made_up import rows

DRAWN = np.random.default_rng(0)


def noisy(mean: float, n_seeds: int = 5, n_cycles: int = 3) -> list[list[float]]:
    """Curves that rise from one start."""
    ends = mean + DRAWN.normal(0, 0.002, (n_seeds, n_cycles))
    return [[0.5, *end[1:]] for end in ends]


OURS = rows(random=noisy(0.7), margin=noisy(0.8))


def with_imported(first_seed: int = 0, **strategies: list[list[float]]) -> Comparison:
    others = rows(**strategies)
    others["seed"] += first_seed
    controls = {"margin": "random"} | ({"b": "a"} if "b" in strategies else {})
    results = pd.concat([OURS, others], ignore_index=True)
    return compare(results, controls, "accuracy", "n_labeled", imported=set(strategies))


def test_no_seed_of_ours_is_paired_with_one_from_elsewhere() -> None:
    for first_seed in (0, 100):
        found = with_imported(first_seed, a=noisy(0.6), b=noisy(0.9))
        assert found.verdict["strategy"].tolist() == ["b", "margin"]
        ours = found.standings
        assert set(ours.wins["strategy"]) == set(ours.wins["other"]) == {"random", "margin"}
        assert ours.penalties.matrix.index.tolist() == ["random", "margin"]
        assert ours.ranks.mean.to_dict() == {"margin": 1.0, "random": 2.0}
        assert ours.ranks.n_seeds == 5
        assert found.notes == [
            "Imported runs share no seed with ours: who beats whom, wins and ranks are of ours only."
        ]


def test_where_all_is_from_elsewhere_it_is_paired() -> None:
    found = compare(OURS, {"margin": "random"}, "accuracy", "n_labeled", imported={"random", "margin"})
    assert found.standings.ranks.mean["margin"] == 1.0
    assert found.notes == []


def test_a_strategy_from_elsewhere_without_a_control_is_told() -> None:
    told = with_imported(c=noisy(0.9)).notes
    assert any(note.startswith("c was imported without runs of random: no verdict on it") for note in told)


def test_the_headline_says_where_a_short_arm_ends() -> None:
    short = rows(random=noisy(0.7), margin=noisy(0.8), badge=[curve[:2] for curve in noisy(0.8)])
    controls = {"margin": "random", "badge": "random"}
    found = compare(short, controls, "accuracy", "n_labeled")
    assert found.headline.startswith("From 100 to 200 labels only, where badge ends: ")
    whole = compare(OURS, {"margin": "random"}, "accuracy", "n_labeled")
    assert whole.headline.startswith("margin ")


def test_the_headline_says_so_where_runs_of_equal_cycles_share_few_budgets() -> None:
    others = rows(a=noisy(0.6), b=noisy(0.9))
    others["n_labeled"] = others["n_labeled"].replace(300, 250)
    results = pd.concat([OURS, others], ignore_index=True)
    found = compare(results, {"margin": "random", "b": "a"}, "accuracy", "n_labeled", imported={"a", "b"})
    assert found.headline.startswith("From 100 to 200 labels only, the budgets that all runs have: ")
    voxels = OURS.assign(voxels=OURS["n_labeled"] * 1000 + OURS["seed"])
    whole = compare(voxels, {"margin": "random"}, "accuracy", "voxels")
    assert whole.headline.startswith("margin ")


def test_levels_go_as_far_as_the_mean_curves_unless_their_ends_are_given() -> None:
    curves = rows(random=[[0.5, 0.7], [0.5, 0.6]], margin=[[0.6, 0.8], [0.6, 0.9]])
    usual = compare(curves, {"margin": "random"}, "accuracy", "n_labeled").levels
    assert usual.iloc[[0, -1]]["level"].tolist() == pytest.approx([0.5, 0.85])
    given = compare(curves, {"margin": "random"}, "accuracy", "n_labeled", ends=(0.6, 1.0)).levels
    assert given["level"].unique().tolist() == pytest.approx(np.linspace(0.6, 1, 25))
    margin = given[given["strategy"] == "margin"].set_index("reached")["median"]
    assert margin[2].iloc[0] == 100
    assert margin[0].isna().all()
