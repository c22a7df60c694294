"""Class-stratified queries: what each class gets, and what happens where a class has nothing."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from queryloop.boxes.box import Box
from queryloop.boxes.candidates import PLAIN
from queryloop.boxes.pool import Pool
from queryloop.boxes.resolution import resolve
from queryloop.boxes.scored import mapped
from queryloop.boxes.stratified import Stratified, _by_class, quotas
from queryloop.boxes.sums import Sums
from queryloop.errors import OptionsError
from tests.boxes.made_up import THREE, pool, softmax


def clasp(**options: object) -> Stratified:
    found = resolve("clasp_entropy", options)
    assert isinstance(found, Stratified)
    return found


@settings(max_examples=80)
@given(st.integers(0, 60), st.floats(0.01, 0.99), st.integers(1, 16), st.integers(0, 9))
def test_quotas_add_up_and_are_even(n: int, ratio: float, classes: int, seed: int) -> None:
    share = quotas(n, ratio, range(1, classes + 1), np.random.default_rng(seed))
    of_classes = [share[c] for c in range(1, classes + 1)]
    assert sum(of_classes) == int(n * ratio)
    assert max(of_classes) - min(of_classes) <= 1
    assert share[PLAIN] == n - int(n * ratio)


def test_the_share_is_divided_by_the_classes_and_not_by_one_more() -> None:
    assert quotas(50, 0.66, [1, 2, 3], np.random.default_rng(0)) == {1: 11, 2: 11, 3: 11, PLAIN: 17}


def test_a_class_map_is_the_entropy_times_its_mean_probability() -> None:
    strategy, given = clasp(), pool(THREE, slab=3)
    shape = THREE["one"]
    mean = softmax("one", shape).mean(dim=0).double()
    entropy = -(mean * mean.log()).sum(dim=0) / np.log(4)
    grid = given.grid("one")
    found = mapped("one", given, grid, strategy.scorer, _by_class)
    assert sorted(found) == [PLAIN, 1, 2, 3]
    box = grid.box("one", (3, 2, 4)).slices
    assert found[PLAIN][3, 2, 4] == pytest.approx(float(entropy[box].mean()), rel=1e-5)
    for c in (1, 2, 3):
        assert found[c][3, 2, 4] == pytest.approx(float((entropy * mean[c])[box].mean()), rel=1e-5)


def test_every_class_gets_its_share_of_the_query() -> None:
    given = pool(THREE, per_case=12, size=(3, 3, 3))
    strategy = clasp(ratio=0.5)
    found = strategy.candidates(given, k=12, seed=0)
    assert {*found.channels.tolist()} == {PLAIN, 1, 2, 3}
    chosen = strategy.choose(found, given, k=12, seed=0)
    assert Counter(chosen.channels.tolist()) == {PLAIN: 6, 1: 2, 2: 2, 3: 2}
    assert len({*chosen.ids}) == 12
    assert (np.diff(chosen.scores) <= 0).all()


def test_boxes_of_different_classes_do_not_overlap() -> None:
    boxes = clasp().candidates(pool(THREE, per_case=12, size=(3, 3, 3)), k=12, seed=0).boxes
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


def test_every_class_is_found_where_its_map_is_highest() -> None:
    shape = (8, 8, 24)

    def slabs(case: str, scorer: object) -> list[Sums]:
        probs = torch.zeros(3, *shape)
        probs[1, 2:4, 2:4, 2:4] = probs[2, 2:4, 2:4, 18:20] = 0.5
        probs[0] = 1 - probs[1:].sum(dim=0)
        sums = Sums(3, shape, None)
        sums.add(probs)
        return [sums]

    given = Pool(shapes={"a": shape}, size=(2, 2, 2), per_case=3, sums=slabs)
    strategy = clasp(ratio=0.7, beta=1e6, schedule="constant")
    found = strategy.candidates(given, k=2, seed=0)
    assert {"a@2,2,2", "a@2,2,18"} <= {*found.ids}


def test_a_class_without_candidates_leaves_its_share_to_the_others() -> None:
    strategy = clasp(ratio=0.6)
    given = pool({"one": (8, 10, 6)}, per_case=4)
    found = strategy.candidates(given, k=3, seed=0)
    assert 3 <= len(found.boxes) <= 4
    assert len({*found.channels.tolist()}) < 4
    assert len(strategy.choose(found, given, k=3, seed=0).boxes) == 3


def test_noise_fades_with_the_schedule() -> None:
    def first(progress: float) -> set[str]:
        given = pool(THREE, progress=progress)
        strategy = clasp()
        found = strategy.candidates(given, k=3, seed=0)
        return {strategy.choose(found, given, k=3, seed=seed).ids[0] for seed in range(15)}

    assert len(first(1.0)) < len(first(0.0))


def test_options_are_those_of_the_paper() -> None:
    assert clasp().options == {"ratio": 0.66, "beta": 1.0, "schedule": "exponential", "final_beta": 100.0}
    assert clasp().needs == {"probs", "progress"}
    assert clasp(schedule="constant").needs == {"probs"}
    assert clasp(ratio=0.33, schedule="sharp_sigmoid").options["ratio"] == 0.33
    for wrong in ({"ratio": 1.0}, {"schedule": "linear"}, {"rato": 0.5}):
        with pytest.raises(OptionsError):
            clasp(**wrong)
    with pytest.raises(OptionsError, match="`clasp_margin` needs scores from 0 on"):
        resolve("clasp_margin")


def test_labelled_boxes_stay_out() -> None:
    taken = [Box("one", (0, 0, 0), (14, 15, 8))]
    found = clasp().candidates(pool({"one": THREE["one"]}, taken={"one": taken}), k=3, seed=0)
    assert found.boxes
    assert not any(box.overlaps(taken[0]) for box in found.boxes)
