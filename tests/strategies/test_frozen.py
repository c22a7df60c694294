"""A classifier of scikit-activeml's that answers what the network said."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.base import clone

from queryloop.errors import InputError
from queryloop.strategies.frozen import Known, answers_of, frozen
from queryloop.strategies.made_up import example


def test_a_whole_block_is_answered_in_order_even_where_rows_are_equal() -> None:
    rows, answers = np.zeros((3, 2)), np.arange(6.0).reshape(3, 2)
    known = Known(((rows, answers), (np.ones((2, 2)), np.full((2, 2), 7.0))))
    assert known(rows).tolist() == answers.tolist()
    assert known(np.ones((2, 2))).tolist() == [[7, 7], [7, 7]]
    known(rows)[:] = 9
    assert answers[0, 0] == 0, "an answer may be written to"


def test_other_rows_are_known_by_content_and_copies_share_the_mean() -> None:
    rows = np.array([[0.0, 1.0], [2.0, 3.0], [0.0, 1.0]])
    known = Known(((rows, np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])),))
    assert known(rows[[1, 0]]).tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert known(rows[:1]).tolist() == [[0.5, 0.5]]
    with pytest.raises(InputError, match="rows that no network saw"):
        known(np.array([[9.0, 9.0]]))


def test_a_frozen_classifier_is_cloned_and_fitted_without_change() -> None:
    evidence = example()
    answer, n_classes = answers_of({name: evidence[name] for name in ("embeddings", "probs")})
    assert n_classes == 4
    twin = clone(frozen(answer, n_classes, 3))
    labels = np.full(23, np.nan)
    fitted = twin.fit(evidence["embeddings"], labels)
    assert fitted is twin
    assert fitted.classes_.tolist() == [0, 1, 2, 3]
    assert fitted.random_state == 3
    np.testing.assert_allclose(fitted.predict_proba(evidence["embeddings"]), evidence["probs"], rtol=1e-12)
    assert fitted.predict(evidence["embeddings"]).tolist() == evidence["probs"].argmax(axis=1).tolist()


def test_labelled_rows_have_their_own_answers() -> None:
    evidence = example()
    answer, _ = answers_of(
        {name: evidence[name] for name in ("embeddings", "probs", "labeled_embeddings", "labeled_probs")}
    )
    np.testing.assert_allclose(answer(evidence["labeled_embeddings"]), evidence["labeled_probs"], rtol=1e-12)


def test_members_answer_first_axis_first() -> None:
    evidence = example()
    answer, n_classes = answers_of({name: evidence[name] for name in ("embeddings", "mc_probs")})
    assert n_classes == 4
    drawn = frozen(answer, 4, 0).draws(evidence["embeddings"])
    np.testing.assert_allclose(drawn, evidence["mc_probs"].transpose(1, 0, 2), rtol=1e-12)


def test_the_head_answers_for_any_row() -> None:
    weight, bias = example()["head"]
    rows = np.random.default_rng(2).normal(size=(3, 8))
    answer, n_classes = answers_of({"head": (weight, bias)})
    assert n_classes == 4
    np.testing.assert_allclose(answer(rows), softmax(rows @ weight.T + bias, axis=1))


def test_probabilities_are_normalised_for_numpy() -> None:
    evidence = example()
    names = ("embeddings", "probs", "labeled_embeddings", "labeled_probs")
    off = {name: evidence[name] * (0.995 if name.endswith("probs") else 1) for name in names}
    answer, _ = answers_of(off)
    np.testing.assert_allclose(answer(evidence["embeddings"]), evidence["probs"], rtol=1e-12)
    np.testing.assert_allclose(answer(evidence["labeled_embeddings"]), evidence["labeled_probs"], rtol=1e-12)
