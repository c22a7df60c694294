"""Options at the ends of their ranges: the last value gives a query, what lies beyond is refused."""

from __future__ import annotations

from typing import Any

import pytest

import queryloop
from queryloop.errors import OptionsError
from queryloop.strategies import resolve
from queryloop.strategies.made_up import example

ENDS: list[tuple[str, str, Any, Any]] = [
    ("adversarial", "uncertainty_weight", 0.0, -0.01),
    ("adversarial", "discriminator_weight", 0.0, -0.01),
    ("batch_bald", "max_configurations", 1, 0),
    ("cluster_margin", "preselected", 1, 0),
    ("cluster_margin", "clusters", 1, 0),
    ("cluster_margin", "max_pool", 1, 0),
    ("cluster_outlier", "min_cluster_size", 2, 1),
    ("cluster_outlier", "outlier_share", 0.0, -0.01),
    ("cluster_outlier", "outlier_share", 1.0, 1.01),
    ("cluster_outlier", "outlier_quantile", 0.0, -0.01),
    ("cluster_outlier", "outlier_quantile", 1.0, 1.01),
    ("cluster_outlier", "components", 1, 0),
    ("clue", "temperature", 1e-3, 0.0),
    ("cal", "neighbours", 1, 0),
    ("discriminative", "rounds", 1, 0),
    ("dropquery", "draws", 1, 0),
    ("dropquery", "rate", 0.0, -0.01),
    ("dropquery", "rate", 0.99, 1.0),
    ("alfa_mix", "epsilon", 1e-3, 0.0),
    ("el2n", "draws", 1, 0),
    ("grand", "draws", 1, 0),
    ("entropy+margin", "presample", 1, 0),
    ("falcun", "gamma", 0.0, -0.01),
    ("max_herding", "bandwidth", 1e-3, 0.0),
    ("power_entropy", "beta", 1e-3, 0.0),
    ("prob_cover", "delta", 1e-3, 0.0),
    ("prob_cover", "purity", 1e-3, 0.0),
    ("prob_cover", "purity", 1.0, 1.01),
    ("typiclust", "neighbours", 1, 0),
    ("typiclust", "max_clusters", 1, 0),
]


@pytest.mark.parametrize(("name", "option", "last", "beyond"), ENDS)
def test_an_option_ends_where_it_should(name: str, option: str, last: Any, beyond: Any) -> None:
    assert len(set(queryloop.select(name, k=5, seed=0, **example(), **{option: last}))) == 5
    with pytest.raises(OptionsError, match=f"option '{option}' of .* is {beyond}: "):
        resolve(name, {option: beyond})
