"""The evidence that everything else is tried on is what the table of needs says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax

from queryloop.strategies.made_up import (
    as_leaf,
    each,
    each_array,
    example,
    half,
    numbers_of,
    of_pool,
    with_classes,
    with_rows,
)
from queryloop.strategies.needs import NEEDS

LENGTHS = {"N": 11, "M": 7, "V": 40, "R": 5, "T": 6, "C": 3, "D": 8}


def arrays(evidence: dict[str, Any]) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    each_array(evidence, found.append)
    return found


def test_there_is_evidence_for_every_need_with_its_axes() -> None:
    evidence = example(n=11, classes=3)
    assert evidence.keys() == NEEDS.keys()
    assert (evidence["n_classes"], len(evidence["ids"]), evidence["progress"]) == (3, 11, 0.5)
    assert [part.shape for part in evidence["head"]] == [(3, 8), (3,)]
    for name, need in NEEDS.items():
        wanted = tuple(LENGTHS[axis] for axis in need.axes)
        if need.layered:
            assert {part.shape[0] for part in evidence[name].values()} == {wanted[0]}
        elif need.meaning not in ("id", "count", "share", "head"):
            assert evidence[name].shape == wanted
    widths = [
        [part.shape[1] for part in evidence[name].values()] for name in ("activations", "labeled_activations")
    ]
    assert widths == [[5, 3], [5, 3]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_measured_numbers_are_of_the_type_that_was_asked_for(dtype: Any) -> None:
    kinds = {array.dtype for array in arrays(example(dtype=dtype))}
    assert kinds == {np.dtype(kind) for kind in (dtype, np.int64, bool)}


def test_probabilities_are_of_all_kinds() -> None:
    evidence = example(n=200)
    for name in ("probs", "mc_probs", "labeled_probs", "target_mc_probs"):
        assert evidence[name].min() > 0
        np.testing.assert_allclose(evidence[name].sum(axis=-1), 1)
    assert np.log(evidence["probs"]).var(axis=1, ddof=1).mean() == pytest.approx(4, rel=0.15)
    assert evidence["probs"].max(axis=1).min() < 0.4
    assert evidence["probs"].max() > 0.99


def test_all_classes_and_both_verdicts_are_there() -> None:
    evidence = example(n=200)
    assert set(evidence["true_labels"]) == set(range(4))
    assert set(evidence["labels"]) <= set(range(4))
    assert 20 < evidence["val_correct"].sum() < 36


def test_the_seed_decides() -> None:
    assert numbers_of(example(seed=1)["probs"]) == numbers_of(example(seed=1)["probs"])
    assert numbers_of(example(seed=1)["probs"]) != numbers_of(example()["probs"])
    assert numbers_of(example(seed=0)["probs"]) == numbers_of(example()["probs"])


def test_ids_are_texts_in_no_order() -> None:
    ids = example()["ids"]
    assert sorted(ids) == [f"train/{row:06d}" for row in range(23)]
    assert ids != sorted(ids)


def test_rows_are_cut_from_all_that_belongs_to_the_pool_and_from_nothing_else() -> None:
    evidence, rows = example(), [5, 2, 2]
    cut = with_rows(evidence, rows, ["a", "b", "c"])
    assert cut.keys() == evidence.keys()
    assert cut["ids"] == ["a", "b", "c"]
    assert with_rows(evidence, [5, 2])["ids"] == [evidence["ids"][5], evidence["ids"][2]]
    for name in evidence.keys() - {"ids"}:
        kept = (
            each(lambda part: part[rows], evidence[name]) if NEEDS[name].axes[:1] == "N" else evidence[name]
        )
        assert numbers_of_any(cut[name]) == numbers_of_any(kept)
    assert [name for name in NEEDS if of_pool(name)] == [
        *("probs", "mc_probs", "embeddings", "activations", "predicted_loss", "discriminator", "true_labels")
    ]


def numbers_of_any(value: Any) -> Any:
    return value if isinstance(value, int | float) else numbers_of(value)


def test_renamed_classes_are_the_same_classes() -> None:
    order = [2, 0, 3, 1]
    before = example()
    after = with_classes(before, order)
    assert after.keys() == before.keys()
    for name in ("probs", "mc_probs", "labeled_probs", "target_mc_probs"):
        assert np.array_equal(after[name], before[name][..., order])
    for name, labels in (("probs", "true_labels"), ("labeled_probs", "labels")):
        rows = np.arange(len(before[labels]))
        assert np.array_equal(after[name][rows, after[labels]], before[name][rows, before[labels]])
    logits = [given["embeddings"] @ given["head"][0].T + given["head"][1] for given in (before, after)]
    np.testing.assert_allclose(softmax(logits[1], axis=1), softmax(logits[0], axis=1)[:, order])
    for name in ("embeddings", "activations", "predicted_loss", "labeled_embeddings", "n_classes", "ids"):
        assert after[name] is before[name]


def test_names_that_are_no_needs_are_left_alone() -> None:
    mine = object()
    assert with_classes({"mine": mine}, [1, 0])["mine"] is mine


def test_each_reaches_every_part_and_keeps_the_form() -> None:
    assert each(len, {"a": "xy", "b": "z"}) == {"a": 2, "b": 1}
    assert each(len, ("xy", "z")) == (2, 1)
    assert each(len, "xy") == 2
    assert [each(len, value) for value in (3, 0.5, ["ids"])] == [3, 0.5, ["ids"]]


def test_leaves_want_gradients_where_they_can() -> None:
    assert as_leaf(np.ones(2)).requires_grad
    assert not as_leaf(np.ones(2, dtype=np.int64)).requires_grad
    assert as_leaf("text") == "text"


def test_half_is_bfloat16_for_floats_alone() -> None:
    assert half(np.ones(2)).dtype == half(torch.ones(2)).dtype == torch.bfloat16
    assert half(np.ones(2, dtype=np.int64)).dtype == torch.int64
    assert half("text") == "text"


def test_all_numbers_are_found() -> None:
    assert numbers_of({"a": np.arange(2), "b": torch.ones(1)}) == [[0, 1], [1.0]]
    assert numbers_of((np.arange(2), np.zeros(1))) == [[0, 1], [0.0]]
