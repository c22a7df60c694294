from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import queryloop
from queryloop.errors import InputError, NonFiniteError, OptionsError
from queryloop.strategies import Picks, resolve
from queryloop.strategies.made_up import example

from .examples import farthest, sampled

PROBS = np.array([[0.9, 0.1, 0.0], [0.4, 0.35, 0.25], [0.6, 0.4, 0.0], [0.5, 0.3, 0.2]])


def test_the_ids_come_back_best_first() -> None:
    ids = ["d", "c", "b", "a"]
    assert queryloop.select("least_confidence", k=3, seed=0, ids=ids, probs=PROBS) == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        (["p", "q", "r", "s"], str),
        (np.array(["p", "q", "r", "s"]), str),
        ([11, 12, 13, 14], int),
        (np.arange(4, dtype=np.int16), int),
        (torch.arange(4), int),
        (None, int),
    ],
)
def test_ids_come_back_as_they_were_given(ids: Any, kind: type) -> None:
    found = queryloop.select("entropy", k=1, seed=0, ids=ids, probs=PROBS)
    assert [type(name) for name in found] == [kind]
    assert found == [1 if ids is None else list(ids)[1]]


def test_an_unregistered_function_is_a_strategy() -> None:
    evidence = example()
    arguments = {name: evidence[name] for name in ("ids", "embeddings", "labeled_embeddings")}
    assert len(set(queryloop.select(farthest, k=5, seed=0, **arguments))) == 5
    assert queryloop.select(sampled, k=3, seed=0, probs=PROBS, power=2.0) != []


def test_options_reach_the_function() -> None:
    seen = []

    def noted(probs: Tensor, *, power: float = 1.0) -> Tensor:
        seen.append(power)
        return probs[:, 0]

    queryloop.select(noted, k=1, seed=0, probs=PROBS, power=3)
    queryloop.select(noted, k=1, seed=0, probs=PROBS)
    assert seen == [3.0, 1.0]


def test_a_draw_depends_on_the_seed() -> None:
    queries = {tuple(queryloop.select(sampled, k=2, seed=seed, probs=PROBS)) for seed in range(20)}
    assert len(queries) > 1


def test_evidence_that_is_not_needed_is_ignored() -> None:
    assert queryloop.select("margin", k=1, seed=0, **example()) == queryloop.select(
        "margin", k=1, seed=0, ids=example()["ids"], probs=example()["probs"]
    )


def test_an_argument_that_is_neither_need_nor_option_is_refused() -> None:
    with pytest.raises(OptionsError, match=r"unknown argument of `margin` 'prob'\. Did you mean 'probs'"):
        queryloop.select("margin", k=1, seed=0, prob=PROBS)
    with pytest.raises(OptionsError, match=r"unknown argument of `sampled` 'powr'\. Did you mean 'power'"):
        queryloop.select(sampled, k=1, seed=0, probs=PROBS, powr=1)


def test_a_missing_need_is_named() -> None:
    with pytest.raises(InputError, match=r"`random` needs ids; pass ids=\.\.\."):
        queryloop.select("random", k=1, seed=0)


def test_scores_in_another_shape_are_refused() -> None:
    def square(probs: Tensor) -> Tensor:
        return probs

    with pytest.raises(InputError, match=r"`square` must return a tensor of shape \(4,\)"):
        queryloop.select(square, k=1, seed=0, probs=PROBS)


def test_scores_that_are_no_numbers_are_refused() -> None:
    def wrong(probs: Tensor) -> Tensor:
        return probs[:, 2].log()

    with pytest.raises(NonFiniteError, match="`scores of wrong`: 2 of 4 rows are wrong, first id 0"):
        queryloop.select(wrong, k=1, seed=0, probs=PROBS)


@pytest.mark.parametrize(
    "picks",
    [
        None,
        (torch.tensor([0, 1]), torch.tensor([1.0, 0.0])),
        Picks(torch.tensor([0, 0]), torch.zeros(2)),
        Picks(torch.tensor([0, 4]), torch.zeros(2)),
        Picks(torch.tensor([0, -1]), torch.zeros(2)),
        Picks(torch.tensor([0]), torch.zeros(1)),
        Picks(torch.tensor([0, 1]), torch.zeros(3)),
    ],
)
def test_a_batch_that_is_none_is_refused(picks: Any) -> None:
    def wrong(probs: Tensor, k: int) -> Picks:
        return picks

    with pytest.raises(
        InputError, match="`wrong` must return Picks: 2 different rows of 4, a score for each"
    ):
        queryloop.select(wrong, k=2, seed=0, probs=PROBS)


def test_a_gain_that_is_no_number_is_refused() -> None:
    def wrong(probs: Tensor, k: int) -> Picks:
        return Picks(torch.arange(k), torch.full((k,), torch.inf))

    with pytest.raises(NonFiniteError, match="`scores of wrong`: 2 of 2 rows"):
        queryloop.select(wrong, k=2, seed=0, probs=PROBS)


def test_a_scorer_chooses_from_stored_scores() -> None:
    strategy = resolve("margin")
    evidence = {"ids": list("abcd"), "probs": PROBS}
    stored = strategy.score(evidence, 0).double().numpy()
    stored.setflags(write=False)
    assert strategy.choose(stored, {"ids": list("abcd")}, k=1, seed=0).positions.tolist() == [1]
    with pytest.raises(InputError, match="`margin` chooses by scores"):
        strategy.choose(None, evidence, k=1, seed=0)


def test_the_formula_is_the_bare_function() -> None:
    assert resolve("margin").formula(probs=torch.from_numpy(PROBS)).shape == (4,)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def other_process() -> dict[str, Any]:
    """What a fresh process with a fixed hash seed imports early and late, and what it chooses."""
    code = (
        "import json, sys, queryloop, queryloop.strategies\n"
        "early = sorted(sys.modules)\n"
        "ids = [f'train/{row:06d}' for row in range(1000)]\n"
        "chosen = queryloop.select('random', k=5, seed=7, ids=ids)\n"
        "print(json.dumps({'early': early, 'late': sorted(sys.modules), 'chosen': chosen}))\n"
    )
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    told = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
    return json.loads(told.stdout)


def test_importing_queryloop_imports_neither_torch_nor_kedro(other_process: dict[str, Any]) -> None:
    assert not {"torch", "kedro", "pandas"} & {*other_process["early"]}
    assert "torch" in other_process["late"]
    assert "kedro" not in other_process["late"]


def test_another_process_with_another_hash_seed_chooses_the_same(other_process: dict[str, Any]) -> None:
    ids = [f"train/{row:06d}" for row in range(1000)]
    assert other_process["chosen"] == queryloop.select("random", k=5, seed=7, ids=ids)


@pytest.mark.parametrize("module", [queryloop, queryloop.strategies])
def test_public_names_are_there_and_no_others(module: Any) -> None:
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'selekt'"):
        module.selekt  # noqa: B018
