"""Every way in which arrays can fail to fit, and the words that say so."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from queryloop.errors import InputError, NonFiniteError
from queryloop.strategies.evidence import Head, as_tensor, gathered, ids_of
from queryloop.strategies.made_up import example
from queryloop.strategies.needs import NEEDS


def change(name: str, where: Any, value: Any) -> dict[str, Any]:
    evidence = example()
    evidence[name][where] = value
    return evidence


FAULTS: list[tuple[str, str, Any, str]] = [
    ("probs", "probs", np.ones(23), r"`probs` must have shape \(N, C\), not \(23,\)"),
    (
        "probs",
        "probs",
        np.ones((22, 4)) / 4,
        r"`ids` and `probs` disagree on N: shapes \(23,\) and \(22, 4\)",
    ),
    ("probs", "probs", np.ones((23, 1)), r"`probs` has fewer than two classes: shape \(23, 1\)"),
    (
        "probs",
        "probs",
        np.ones((23, 4)),
        "23 of 23 rows are wrong, first id .*: its probabilities sum to 4, not 1",
    ),
    ("probs", "probs", [[0.5, 0.5], [1.0]], "`probs` is no array"),
    ("probs", "probs", np.full((23, 4), "0.25"), "`probs` must hold numbers of at most 64 bits, not <U4"),
    ("probs", "probs", np.ones((23, 4), np.longdouble) / 4, "at most 64 bits, not (float128|longdouble)"),
    ("mc_probs", "mc_probs", np.ones((23, 6, 3)), "`mc_probs`: 23 of 23 rows are wrong, .* sum to 3"),
    ("head embeddings", "embeddings", np.ones((23, 7)), r"`embeddings` and `head.weight` disagree on D"),
    ("head", "head", np.ones((4, 8)), "`head` must be a pair"),
    (
        "probs n_classes",
        "n_classes",
        5,
        r"`n_classes` and `probs` disagree on C: shapes \(5,\) and \(23, 4\)",
    ),
    ("n_classes", "n_classes", 4.0, r"`n_classes` must be a whole number, not 4\.0"),
    ("n_classes", "n_classes", 1, "fewer than two classes"),
    (
        "activations",
        "activations",
        np.ones((23, 5)),
        "`activations` must be a mapping from the name of a layer",
    ),
    ("activations", "activations", {}, "`activations` must be a mapping"),
    ("activations", "activations", {"fc": np.ones((9, 5))}, r"`ids` and `activations\['fc'\]` disagree on N"),
    (
        "activations labeled_activations",
        "labeled_activations",
        {"trunk": np.ones((7, 6))},
        r"`activations\['trunk'\]` and `labeled_activations\['trunk'\]` disagree on D of 'trunk'",
    ),
    ("labels", "labels", np.ones(7), "`labels` must hold whole numbers, not float64"),
    ("labels", "labels", np.full(7, -1), "`labels` must be class numbers from 0, not -1 to -1"),
    (
        "labels probs",
        "labels",
        np.full(7, 4),
        "`labels` must be class numbers from 0 and below 4, not 4 to 4",
    ),
    ("labels labeled_probs", "labels", np.zeros(6, int), r"`labeled_probs` and `labels` disagree on M"),
    ("val_correct", "val_correct", np.full(9, 2), "`val_correct` must hold only true and false"),
    ("probs", "ids", ["a", 1], "`ids` must be all whole numbers or all texts, not int, str"),
    ("probs", "ids", np.arange(23.0), "`ids` must be all whole numbers or all texts, not float"),
    ("probs", "ids", [True] * 23, "`ids` must be all whole numbers or all texts, not bool"),
    ("probs", "ids", [*range(20), 7, 7, 3], "`ids` must be unique: 3 of 23 are repeats, first: 3"),
    ("probs", "ids", [*"abcdefghijklmnopqrstuvb"], "`ids` must be unique: 1 of 23 are repeats, first: 'b'"),
    ("probs", "ids", np.zeros((23, 1), int), r"`ids` must have shape \(N\), not \(23, 1\)"),
]


@pytest.mark.parametrize(("needs", "name", "value", "words"), FAULTS)
def test_what_does_not_fit_is_refused(needs: str, name: str, value: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        gathered(example() | {name: value}, needs.split(), "mine")


def test_a_missing_need_says_what_to_pass() -> None:
    with pytest.raises(InputError, match=r"^`badge` needs embeddings; pass embeddings=\.\.\.$"):
        gathered({"probs": example()["probs"]}, ["probs", "embeddings"], "badge")
    with pytest.raises(
        InputError, match=r"`badge` needs embeddings and probs; pass embeddings=..., probs=..."
    ):
        gathered({"ids": [1], "probs": None}, ["probs", "embeddings"], "badge")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_are_no_numbers_are_counted_and_named(bad: float) -> None:
    evidence = change("probs", [3, 8], bad)
    words = (
        f"`probs`: 2 of 23 rows are wrong, first id '{evidence['ids'][3]}': NaN or infinity. Did the training"
    )
    with pytest.raises(NonFiniteError, match=words):
        gathered(evidence, ["probs"], "mine")


def test_rows_outside_the_pool_are_named_by_their_number() -> None:
    with pytest.raises(NonFiniteError, match="`labeled_embeddings`: 1 of 7 rows are wrong, first row 4"):
        gathered(change("labeled_embeddings", 4, np.nan), ["labeled_embeddings"], "mine")


def test_a_negative_probability_is_named() -> None:
    evidence = change("probs", 5, [-0.5, 0.5, 0.5, 0.5])
    with pytest.raises(InputError, match=f"1 of 23 rows are wrong, first id '{evidence['ids'][5]}': below 0"):
        gathered(evidence, ["probs"], "mine")


def test_a_wrong_sum_is_told() -> None:
    with pytest.raises(
        InputError, match=r"1 of 23 rows are wrong, first id .*: its probabilities sum to 0\.8, not 1"
    ):
        gathered(change("probs", 5, 0.2), ["probs"], "mine")


def test_of_several_sums_the_one_farthest_from_1_is_told() -> None:
    evidence = example()
    evidence["mc_probs"][5, [1, 4]] *= [[0.9], [1.25]]
    with pytest.raises(InputError, match=r"1 of 23 rows are wrong, .* sum to 1\.25, not 1"):
        gathered(evidence, ["mc_probs"], "mine")


def test_what_is_not_needed_is_not_looked_at() -> None:
    found = gathered(change("embeddings", 0, np.nan), ["probs"], "mine")
    assert list(found.values) == ["probs"]


def test_large_finite_numbers_are_no_error() -> None:
    gathered({"embeddings": np.full((4, 2), 3e38, np.float32)}, ["embeddings"], "mine")


def test_rows_without_ids_are_numbered() -> None:
    assert gathered({"probs": example()["probs"]}, ["probs"], "mine").ids.tolist() == list(range(23))


def test_all_needs_are_converted() -> None:
    found = gathered(example(), NEEDS, "mine")
    assert set(found.values) == set(NEEDS)
    assert isinstance(found.values["head"], Head)
    assert found.values["val_correct"].dtype == torch.bool
    assert found.values["labels"].dtype == torch.int64
    assert found.values["n_classes"] == 4


def test_good_arrays_are_not_copied() -> None:
    evidence = example(dtype=np.float32)
    found = gathered(evidence, ["probs", "embeddings"], "mine")
    for name in ("probs", "embeddings"):
        assert found.values[name].data_ptr() == evidence[name].ctypes.data


@pytest.mark.parametrize(
    ("given", "used"),
    [
        (np.float16, torch.float32),
        (np.float32, torch.float32),
        (np.float64, torch.float64),
        (torch.bfloat16, torch.float32),
        (np.int8, torch.float32),
    ],
)
def test_less_than_single_precision_is_widened(given: Any, used: torch.dtype) -> None:
    array = np.eye(4)
    probs = torch.from_numpy(array).to(given) if isinstance(given, torch.dtype) else array.astype(given)
    assert gathered({"probs": probs}, ["probs"], "mine").values["probs"].dtype == used


def test_measured_arrays_share_the_widest_type() -> None:
    evidence = example(dtype=np.float32) | {"embeddings": example()["embeddings"]}
    found = gathered(evidence, ["probs", "embeddings", "head", "labels"], "mine").values
    assert {found["probs"].dtype, found["embeddings"].dtype, *(part.dtype for part in found["head"])} == {
        torch.float64
    }
    assert found["labels"].dtype == torch.int64


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(4, 3)[::-1],
        np.arange(12.0).reshape(4, 3)[:, ::-2],
        np.arange(12).reshape(4, 3).astype(">f4"),
        np.broadcast_to(np.arange(3.0), (4, 3)),
        np.asfortranarray(np.arange(12.0).reshape(4, 3)),
        pd.DataFrame(np.arange(12.0).reshape(4, 3)),
        [[0.0, 1.0], [2.0, 3.0]],
    ],
    ids=["reversed", "steps", "big endian", "broadcast", "fortran", "pandas", "lists"],
)
def test_any_memory_layout_is_read(array: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert as_tensor("embeddings", array).tolist() == np.asarray(array).tolist()


@pytest.mark.parametrize(
    "ids",
    [
        ["a", "b"],
        ("a", "b"),
        np.array(["a", "b"]),
        np.array(["a", "b"], dtype=object),
        pd.Series(["a", "b"]),
        pd.Index(["a", "b"]),
    ],
)
def test_texts_are_ids(ids: Any) -> None:
    found = ids_of({"ids": ids}, 0)
    assert found.tolist() == ["a", "b"]
    assert {type(name) for name in found.tolist()} == {str}


@pytest.mark.parametrize(
    "ids", [[3, 5], range(3, 6, 2), np.array([3, 5], np.uint8), torch.tensor([3, 5]), [np.int32(3), 5]]
)
def test_whole_numbers_are_ids(ids: Any) -> None:
    found = ids_of({"ids": ids}, 0)
    assert found.dtype == np.int64
    assert found.tolist() == [3, 5]


def test_rows_are_cut_where_they_belong_to_the_pool() -> None:
    evidence = example()
    found = gathered(evidence, NEEDS, "mine").rows(np.array([4, 1]))
    assert found.ids.tolist() == found.values["ids"].tolist() == [evidence["ids"][4], evidence["ids"][1]]
    assert found.values["activations"]["trunk"].tolist() == evidence["activations"]["trunk"][[4, 1]].tolist()
    assert found.values["labeled_embeddings"].shape == (7, 8)
    assert found.values["n_classes"] == 4


def test_one_device_for_all_is_the_first_that_is_no_cpu() -> None:
    from queryloop.strategies.evidence import _unified

    found = _unified({"embeddings": torch.ones(3, 2), "probs": torch.ones(3, 2, device="meta")})
    assert found["embeddings"].device.type == "meta"
