"""Our strategies inside modAL's own learners."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from modAL import models as learners
from scipy.sparse import csr_matrix
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from queryloop.adapters import modal as adapter
from queryloop.adapters.modal import query_strategy
from queryloop.errors import InputError, OptionsError
from queryloop.strategies import select

IMAGES, DIGITS = load_digits(return_X_y=True)
NAMES = np.array([f"digit {number}" for number in range(10)])[DIGITS]


@pytest.fixture(autouse=True)
def renamed_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    """scikit-learn renamed the one argument that modAL still passes by its old name."""
    from modAL.models import learners as module
    from sklearn.utils import check_X_y

    def check(*arrays: Any, force_all_finite: bool = True, **others: Any) -> Any:
        return check_X_y(*arrays, ensure_all_finite=force_all_finite, **others)

    monkeypatch.setattr(module, "check_X_y", check)


def learner(strategy: Any, rows: slice = slice(60), **options: Any) -> Any:
    model = options.pop("estimator", None) or LogisticRegression(max_iter=50, tol=0.1)
    return learners.ActiveLearner(
        estimator=model, query_strategy=strategy, X_training=IMAGES[rows], y_training=NAMES[rows], **options
    )


POOL = IMAGES[60:360]


@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_learner_queries_what_select_would(n: int) -> None:
    ours = learner(query_strategy("margin", seed=1))
    rows, samples = ours.query(POOL, n_instances=n)
    assert rows.tolist() == select("margin", k=n, seed=0, probs=ours.predict_proba(POOL))
    assert samples.tolist() == POOL[rows].tolist()


def test_metrics_are_the_scores() -> None:
    ours = learner(query_strategy("margin", seed=1))
    rows, _, scores = ours.query(POOL, n_instances=4, return_metrics=True)
    ordered = np.sort(ours.predict_proba(POOL)[rows], axis=1)
    np.testing.assert_allclose(scores, ordered[:, -2] - ordered[:, -1])


def test_one_row_is_the_default() -> None:
    rows, _ = learner(query_strategy("entropy", seed=1)).query(POOL)
    assert rows.shape == (1,)


def test_a_loop_teaches_what_it_queried() -> None:
    ours, pool, answers = learner(query_strategy("margin", seed=1)), POOL, NAMES[60:360]
    before = ours.score(IMAGES[400:], NAMES[400:])
    for _ in range(4):
        rows, samples = ours.query(pool, n_instances=15)
        ours.teach(samples, answers[rows])
        pool, answers = np.delete(pool, rows, axis=0), np.delete(answers, rows)
    assert ours.X_training.shape == (120, 64)
    assert ours.score(IMAGES[400:], NAMES[400:]) > before


def test_each_query_draws_anew_and_again_the_same() -> None:
    ours = learner(query_strategy("random", seed=1))
    first, samples = ours.query(POOL, n_instances=5)
    assert ours.query(POOL, n_instances=5)[0].tolist() == first.tolist()
    ours.teach(samples, NAMES[60:360][first])
    assert ours.query(POOL, n_instances=5)[0].tolist() != first.tolist()
    other = learner(query_strategy("random", seed=2)).query(POOL, n_instances=5)[0]
    assert other.tolist() != first.tolist()


def farthest(pool: np.ndarray, labelled: np.ndarray) -> int:
    return int(torch.cdist(torch.tensor(pool), torch.tensor(labelled)).amin(dim=1).argmax())


def test_samples_are_their_own_embeddings() -> None:
    rows, _ = learner(query_strategy("skactiveml.CoreSet", seed=1)).query(POOL)
    assert rows.tolist() == [farthest(POOL, IMAGES[:60])]


def test_embeddings_can_be_given() -> None:
    narrow = query_strategy("skactiveml.CoreSet", seed=1, embed=lambda samples: samples[:, :20])
    rows, _ = learner(narrow).query(POOL)
    assert rows.tolist() == [farthest(POOL[:, :20], IMAGES[:60, :20])] != [farthest(POOL, IMAGES[:60])]


def test_a_pipeline_embeds_where_the_learner_says_so() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=50, tol=0.1))
    ours = learner(query_strategy("skactiveml.CoreSet", seed=1), estimator=model, on_transformed=True)
    scale = model[0].transform
    assert ours.query(POOL)[0].tolist() == [farthest(scale(POOL), scale(IMAGES[:60]))]


def test_labels_are_numbered_as_the_columns_of_the_probabilities() -> None:
    ours = learner(query_strategy("skactiveml.Quire", seed=1, metric_dict={"gamma": 0.01}), slice(20))
    rows, _ = ours.query(POOL[:30], n_instances=3)
    arrays = {"embeddings": POOL[:30], "labeled_embeddings": IMAGES[:20], "labels": DIGITS[:20]}
    options = {"n_classes": 10, "metric_dict": {"gamma": 0.01}}
    assert rows.tolist() == select("skactiveml.Quire", k=3, seed=0, **arrays, **options)


def test_a_class_is_its_place_among_the_classes() -> None:
    found = adapter._numbers(["owl", "cat", "owl", "dog"], np.array(["cat", "dog", "owl"]))
    assert found.tolist() == [2, 0, 2, 1]


def test_labelled_rows_have_probabilities() -> None:
    ours = learner(query_strategy("skactiveml.ContrastiveAL", seed=1))
    arrays = {
        "probs": ours.predict_proba(POOL),
        "labeled_probs": ours.predict_proba(IMAGES[:60]),
        "embeddings": POOL,
        "labeled_embeddings": IMAGES[:60],
        "labels": DIGITS[:60],
    }
    expected = select("skactiveml.ContrastiveAL", k=3, seed=0, **arrays)
    assert ours.query(POOL, n_instances=3)[0].tolist() == expected


def test_options_reach_the_strategy() -> None:
    ours = learner(query_strategy("skactiveml.UncertaintySampling", seed=1, method="entropy"))
    expected = select("entropy", k=5, seed=0, probs=ours.predict_proba(POOL))
    assert ours.query(POOL, n_instances=5)[0].tolist() == expected


def test_more_arguments_reach_predict_proba() -> None:
    class Tempered(LogisticRegression):
        def predict_proba(self, X: Any, flat: bool = False) -> np.ndarray:  # noqa: N803
            probs = super().predict_proba(X)
            return np.full_like(probs, 0.1) if flat else probs

    ours = learner(query_strategy("margin", seed=1), estimator=Tempered(max_iter=50, tol=0.1))
    assert ours.query(POOL, n_instances=2, flat=True, return_metrics=True)[2].tolist() == [0, 0]


def committee(strategy: Any) -> Any:
    members = [learner(strategy, slice(60), bootstrap_init=True) for _ in range(3)]
    return learners.Committee(learner_list=members, query_strategy=strategy)


def test_a_committee_votes() -> None:
    np.random.seed(0)  # noqa: NPY002  (modAL draws its bootstrap from it)
    ours = committee(query_strategy("bald", seed=1))
    rows, _ = ours.query(POOL, n_instances=5)
    assert rows.tolist() == select("bald", k=5, seed=0, mc_probs=ours.vote_proba(POOL))


def test_a_committee_has_labelled_rows_and_classes() -> None:
    ours = committee(query_strategy("skactiveml.ProbCover", seed=1))
    assert len(set(ours.query(POOL, n_instances=5)[0].tolist())) == 5


@pytest.mark.parametrize("kind", [np.asarray, csr_matrix])
def test_a_committee_knows_what_any_member_knows_each_once(kind: Any) -> None:
    members = [learner(len, rows) for rows in (slice(30), slice(20, 60), slice(60))]
    for member in members:
        member.X_training = kind(member.X_training)
    samples, answers = adapter._training(learners.Committee(learner_list=members))
    found = samples.toarray() if kind is csr_matrix else samples
    assert sorted(found.tolist()) == sorted(IMAGES[:60].tolist())
    assert {tuple(row): name for row, name in zip(found, answers, strict=True)} == {
        tuple(row): name for row, name in zip(IMAGES[:60], NAMES[:60], strict=True)
    }


def test_a_learner_that_keeps_no_rows_draws_anew_from_a_smaller_pool() -> None:
    fitted = LogisticRegression(max_iter=50, tol=0.1).fit(IMAGES[:60], NAMES[:60])
    bare = learners.ActiveLearner(estimator=fitted, query_strategy=query_strategy("random", seed=1))
    first, second = bare.query(POOL, n_instances=5)[0], bare.query(POOL[:-1], n_instances=5)[0]
    assert first.tolist() != second.tolist()


def test_a_single_learner_has_no_votes() -> None:
    with pytest.raises(
        InputError, match="`bald` needs the votes of several learners: give it to a Committee"
    ):
        learner(query_strategy("bald", seed=1)).query(POOL)


def test_what_modal_does_not_know_is_refused_at_once() -> None:
    with pytest.raises(
        OptionsError, match=r"`skactiveml.DropQuery` needs head, which modAL's learners do not"
    ):
        query_strategy("skactiveml.DropQuery", seed=1)
    with pytest.raises(OptionsError, match="unknown strategy 'margn'"):
        query_strategy("margn", seed=1)
    with pytest.raises(OptionsError, match="'depth'"):
        query_strategy("margin", seed=1, depth=3)


def test_without_labelled_rows_it_is_told_what_to_do() -> None:
    fitted = LogisticRegression(max_iter=50, tol=0.1).fit(IMAGES[:60], NAMES[:60])
    bare = partial(learners.ActiveLearner, estimator=fitted)
    assert len(bare(query_strategy=query_strategy("margin", seed=1)).query(POOL, n_instances=3)[0]) == 3
    with pytest.raises(
        InputError, match=r"`skactiveml.CoreSet` needs labelled rows: give the learner X_train"
    ):
        bare(query_strategy=query_strategy("skactiveml.CoreSet", seed=1)).query(POOL)


def test_a_label_that_the_learner_never_saw_is_named() -> None:
    ours = learner(query_strategy("skactiveml.CoreSet", seed=1))
    ours.y_training = np.array([*NAMES[:59], "a letter"])
    with pytest.raises(InputError, match=r"the label .*'a letter'.* is no class of the learner"):
        ours.query(POOL)


def test_lists_are_pools() -> None:
    strategy = query_strategy("margin", seed=1)
    ours = learner(strategy)
    assert strategy(ours, POOL.tolist(), 3)[0].tolist() == strategy(ours, POOL, 3)[0].tolist()
