"""scikit-activeml's strategies on our evidence: which run, which are refused, and what they see."""

from __future__ import annotations

import runpy
import sys
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch

from queryloop.errors import InputError, OptionsError
from queryloop.strategies import resolve, select
from queryloop.strategies.battery import query
from queryloop.strategies.frozen import discriminator, own_model
from queryloop.strategies.kinds import Scoring
from queryloop.strategies.made_up import each_array, example, with_rows
from queryloop.strategies.skactiveml import (
    Skactiveml,
    _gains,
    _global_seed,
    _kinds,
    _plain,
    _refuse_unrunnable,
    skactiveml,
)

SAMPLES = {"embeddings", "labeled_embeddings", "labels"}
RUN = {
    "Badge": {"probs"},
    "BatchBALD": {"mc_probs"},
    "Clue": {"probs"},
    "ContrastiveAL": {"probs", "labeled_probs"},
    "CoreSet": set(),
    "CostEmbeddingAL": {"n_classes"},
    "DiscriminativeAL": set(),
    "DropQuery": {"head"},
    "EpistemicUncertaintySampling": {"n_classes"},
    "Falcun": {"probs"},
    "FourDs": {"n_classes"},
    "GreedyBALD": {"mc_probs"},
    "GreedySamplingX": set(),
    "MaxHerding": set(),
    "MonteCarloEER": {"n_classes"},
    "ProbCover": {"n_classes"},
    "ProbabilisticAL": {"probs"},
    "QueryByCommittee": {"mc_probs"},
    "Quire": {"n_classes"},
    "RandomSampling": set(),
    "TypiClust": set(),
    "UncertaintySampling": {"probs"},
    "ValueOfInformationEER": {"n_classes"},
}
"""Those that run, and what they need besides `SAMPLES`."""
REFUSED = {
    "ExpectedErrorReduction": "is only the base of others",
    "ExpectedModelChangeMaximization": "is for regression",
    "ExpectedModelOutputChange": "is for regression",
    "ExpectedModelVarianceReduction": "is for regression",
    "GreedySamplingTarget": "is for regression",
    "KLDivergenceMaximization": "is for regression",
    "ParallelUtilityEstimationWrapper": "wraps another strategy",
    "RegressionTreeBasedAL": "is for regression",
    "SubSamplingWrapper": "wraps another strategy",
}


def pool(name: str, **changes: Any) -> dict[str, Any]:
    """40 rows; two classes where the strategy knows no more."""
    return example(**{"n": 40, "classes": 2 if name == "EpistemicUncertaintySampling" else 4} | changes)


def test_every_strategy_of_the_package_is_run_or_refused() -> None:
    assert sorted(_kinds()) == sorted([*RUN, *REFUSED])


@pytest.mark.parametrize("name", RUN)
def test_strategy_runs(name: str) -> None:
    strategy = skactiveml(name, {})
    assert strategy == resolve(f"skactiveml.{name}")
    assert strategy.needs == SAMPLES | RUN[name]
    assert strategy == skactiveml(f"skactiveml.{name}", {})
    assert (strategy.name, isinstance(strategy, Scoring), strategy.draws) == (
        f"skactiveml.{name}",
        False,
        True,
    )
    evidence = pool(name)
    given = {need: evidence[need] for need in ("ids", *strategy.needs)}
    before = str(np.random.get_state())  # noqa: NPY002
    picks = strategy.choose(None, given, k=5, seed=0)
    assert str(np.random.get_state()) == before  # noqa: NPY002
    assert picks.positions.dtype == torch.int64
    assert len(set(picks.positions.tolist())) == len(picks.scores) == 5
    assert torch.isfinite(picks.scores).all()
    rows = np.random.default_rng(1).permutation(40)
    moved = with_rows(given, rows)
    each_array(moved, lambda array: array.setflags(write=False))
    np.random.seed(5)  # noqa: NPY002
    chosen = [given["ids"][row] for row in picks.positions.tolist()]
    assert query(strategy, moved, 5) == chosen, "neither the pool's order nor numpy's state matters"


def test_it_runs_as_by_hand() -> None:
    evidence = example()
    samples = np.concatenate([evidence["labeled_embeddings"], evidence["embeddings"]])
    labels = np.array([*evidence["labels"], *[np.nan] * 23])
    theirs = _kinds()["Quire"](classes=[0, 1, 2, 3], lmbda=0.5, random_state=0)
    rows, utilities = theirs.query(samples, labels, batch_size=5, return_utilities=True)
    picks = skactiveml("Quire", {"lmbda": 0.5}).choose(None, evidence, k=5, seed=0)
    assert picks.positions.tolist() == [row - 7 for row in rows]
    np.testing.assert_allclose(picks.scores, [utilities[place, row] for place, row in enumerate(rows)])


def test_each_seed_is_another_random_state(monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[int] = []
    built = Skactiveml._built

    def spy(self: Skactiveml, arrays: dict[str, Any], seed: int) -> Any:
        theirs = built(self, arrays, seed)
        states.append(theirs.random_state)
        return theirs

    monkeypatch.setattr(Skactiveml, "_built", spy)
    for seed in (0, 1, 2, 2):
        query(skactiveml("RandomSampling", {}), example(), 3, seed)
    assert len(set(states)) == 3
    assert all(2**16 < state < 2**32 for state in states)


def test_numbers_are_handed_over_in_double_precision() -> None:
    assert _plain(torch.ones(2)).dtype == np.float64
    assert _plain(torch.arange(2)).dtype == np.int64
    assert [part.dtype for part in _plain((torch.ones(2), torch.ones(1)))] == [np.float64, np.float64]


def test_a_pick_without_a_finite_utility_scores_0() -> None:
    utilities = [[np.nan, 3.0, 1.0], [np.nan, np.nan, -np.inf], [5.0, np.nan, np.nan]]
    assert _gains(utilities, np.array([1, 2, 0])).tolist() == [3, 0, 5]


@pytest.mark.parametrize("name", REFUSED)
def test_strategy_is_refused_with_a_reason(name: str) -> None:
    with pytest.raises(OptionsError, match=f"`skactiveml.{name}` cannot run: it {REFUSED[name]}"):
        skactiveml(name, {})


def test_what_a_later_version_may_ask_for_is_refused() -> None:
    class Later:
        def query(self, X: Any, y: Any, oracle: Any, batch_size: int = 1) -> None: ...  # noqa: N803

    with pytest.raises(
        OptionsError, match=r"`skactiveml.Later` cannot run: it asks for oracle, which is not"
    ):
        _refuse_unrunnable(Later)


def test_all_that_can_be_given_may_be_asked_for_at_once() -> None:
    class Greedy:
        def query(self, clf: Any, estimator: Any, ensemble: Any, discriminator: Any) -> None: ...

    _refuse_unrunnable(Greedy)


def test_models_of_their_own_are_seeded_and_know_the_classes() -> None:
    model = own_model("ParzenWindowClassifier", 3, 7)
    assert (model.classes, model.random_state) == ([0, 1, 2], 7)
    assert discriminator(7).random_state == 7


@pytest.mark.parametrize("name", ["RandomSampling", "Badge", "Falcun", "Clue", "DropQuery"])
def test_the_seed_decides(name: str) -> None:
    queries = {tuple(query(skactiveml(name, {}), pool(name), 5, seed)) for seed in range(4)}
    assert len(queries) > 1


@pytest.mark.filterwarnings("ignore")  # theirs, of too few labels
@pytest.mark.parametrize("name", sorted(RUN))
def test_single_precision_and_an_empty_start_are_taken(name: str) -> None:
    evidence = pool(name, n=12, classes=2, dtype=np.float32)
    for need in ("labeled_embeddings", "labeled_probs", "labels"):
        evidence[need] = evidence[need][:0]
    assert len(set(query(skactiveml(name, {}), evidence, 1))) == 1
    assert query(skactiveml(name, {}), evidence, 0) == []


def test_epistemic_sampling_says_that_it_knows_two_classes_only() -> None:
    strategy = skactiveml("EpistemicUncertaintySampling", {})
    with pytest.raises(InputError, match=r"scikit-activeml refused\. .*two-class problems, 4 classes"):
        query(strategy, example(), 5)


def test_a_wrong_value_is_told_in_their_words() -> None:
    with pytest.raises(
        InputError, match=r"`skactiveml.UncertaintySampling`: scikit-activeml refused. .*luck"
    ):
        query(skactiveml("UncertaintySampling", {"method": "luck"}), example(), 5)


@pytest.mark.filterwarnings("ignore")
def test_a_row_chosen_twice_is_refused() -> None:
    equal = with_rows(example(), [0] * 23, example()["ids"])
    with pytest.raises(InputError, match=r"`skactiveml.FourDs` did not choose 5 different rows of 23, but"):
        query(skactiveml("FourDs", {}), equal, 5)


@pytest.mark.parametrize("rows", [[7, 30], [6, 7], [7], [7, 8, 9], [7, 7]])
def test_rows_outside_of_the_pool_are_refused(rows: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Skactiveml, "_asked", lambda *_: (rows, np.zeros((len(rows), 40))))
    with pytest.raises(InputError, match="did not choose 2 different rows of 23"):
        query(skactiveml("RandomSampling", {}), example(), 2)


def test_the_first_and_the_last_row_of_the_pool_may_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Skactiveml, "_asked", lambda *_: ([7, 29], np.zeros((2, 40))))
    assert len(query(skactiveml("RandomSampling", {}), example(), 2)) == 2


def test_names_and_options_are_checked_at_once() -> None:
    with pytest.raises(
        OptionsError, match=r"unknown strategy of scikit-activeml 'badge'. Did you mean 'Badge'"
    ):
        resolve("skactiveml.badge")
    with pytest.raises(
        OptionsError, match=r"option of `skactiveml.UncertaintySampling` 'methd'. Did you mean 'method'"
    ):
        resolve("skactiveml.UncertaintySampling", {"methd": "entropy"})
    for filled in ("random_state", "missing_label", "cluster_algo", "n_classes", "clf_embedding_flag_name"):
        with pytest.raises(OptionsError, match=f"unknown option .* {filled!r}"):
            resolve("skactiveml.ProbCover", {filled: 1})


def test_options_stand_with_their_defaults() -> None:
    assert skactiveml("TypiClust", {"k": 3}).options == {
        "cluster_algo_dict": None,
        "n_cluster_param_name": "n_clusters",
        "k": 3,
    }
    assert skactiveml("ProbabilisticAL", {}).options["metric"] == "rbf"
    assert skactiveml("ProbabilisticAL", {"metric": "linear"}).options["metric"] == "linear"


def test_select_and_a_chain_take_them() -> None:
    arrays = {name: example()[name] for name in ("probs", *SAMPLES)}
    chosen = select("skactiveml.UncertaintySampling", k=3, seed=0, method="entropy", **arrays)
    assert chosen == select("entropy", k=3, seed=0, probs=arrays["probs"])
    assert len(set(query(resolve("entropy+skactiveml.CoreSet"), example(), 4))) == 4


def test_without_the_package_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skactiveml", None)
    with pytest.raises(OptionsError, match=r'not installed: pip install "queryloop\[skactiveml\]"'):
        resolve("skactiveml.Badge")


@pytest.mark.parametrize("module", ["skactiveml", "frozen"])
def test_nothing_is_imported_from_the_package_beforehand(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "skactiveml", None)
    path = import_module(f"queryloop.strategies.{module}").__file__
    runpy.run_path(str(path), run_name="imported_again")


def test_numpys_state_is_put_back_after_an_error() -> None:
    before = str(np.random.get_state())  # noqa: NPY002

    def fails() -> None:
        with _global_seed(3):
            assert np.random.random() == np.random.RandomState(3).random()  # noqa: NPY002
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert str(np.random.get_state()) == before  # noqa: NPY002


def test_their_package_is_not_shadowed() -> None:
    assert import_module("skactiveml").__name__ == "skactiveml"
    assert not hasattr(import_module("skactiveml"), "Skactiveml")
