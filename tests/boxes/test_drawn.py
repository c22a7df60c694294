"""Boxes at random: where they fall, how often, and what happens when there is no room."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import scipy.stats
from scipy.ndimage import convolve

from queryloop.boxes.box import Box
from queryloop.boxes.drawn import border_of, draw_box, drawn, voxel_of
from queryloop.boxes.pool import Pool
from queryloop.boxes.resolution import resolve
from queryloop.boxes.starting import starting_set
from queryloop.errors import ExhaustedError, InputError, OptionsError
from queryloop.voxels import Triple
from tests.boxes.made_up import THREE, labels, pool


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def bare(shape: Triple, size: Triple, **given: object) -> Pool:
    return Pool(shapes={"a": shape}, size=size, **given)  # type: ignore[arg-type]


def apart(boxes: list[Box]) -> bool:
    return not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


def test_every_position_has_the_same_chance_the_last_included() -> None:
    draws = [draw_box("a", bare((4, 3, 5), (2, 2, 2)), [], rng(seed)) for seed in range(3000)]
    counts = Counter(box.corner for box in draws if box)
    assert len(counts) == 3 * 2 * 4
    assert scipy.stats.chisquare(list(counts.values())).pvalue > 1e-3


def test_the_only_free_position_of_many_is_found() -> None:
    shape, size = (60, 60, 60), (2, 60, 60)
    full = [Box("a", (0, 0, 0), (31, 60, 60)), Box("a", (33, 0, 0), (27, 60, 60))]
    found = draw_box("a", bare(shape, size, taken={"a": full}), [], rng())
    assert found == Box("a", (31, 0, 0), size)
    assert draw_box("a", bare(shape, size, taken={"a": full}), [found], rng()) is None


@pytest.mark.parametrize("foreground", [0.0, 1.0])
def test_draws_end_when_all_is_full(foreground: float) -> None:
    given = pool({"one": (8, 10, 12), "two": (8, 10, 12)})
    found = drawn(given, k=1000, seed=0, foreground=foreground)
    assert 2 <= len(found) <= 16
    assert apart(found)
    full = pool(given.shapes, taken={case: [Box(case, (0, 0, 0), (8, 10, 12))] for case in given.shapes})
    assert drawn(full, k=3, seed=0, foreground=foreground) == []


@pytest.mark.parametrize("name", ["random", "random_33fg", "random_66fg", "random_predicted_fg"])
def test_fewer_than_asked_are_all_taken_and_told(name: str, caplog: pytest.LogCaptureFixture) -> None:
    given, strategy = pool(THREE), resolve(name)
    found = strategy.candidates(given, k=1000, seed=0)
    assert strategy.choose(found, given, k=1000, seed=0).boxes == found.boxes
    assert f"1000 boxes were asked for, but only {len(found.boxes)} can be had" in caplog.text
    assert "query.per_case" not in caplog.text  # which limits what is scored


@pytest.mark.parametrize("name", ["random", "random_33fg", "random_66fg", "random_predicted_fg"])
def test_cases_take_turns_and_seeds_decide(name: str) -> None:
    def asked(seed: int, cases: dict[str, Triple] = THREE) -> list[str]:
        strategy = resolve(name)
        return strategy.choose(
            strategy.candidates(pool(cases), k=9, seed=seed), pool(cases), k=9, seed=seed
        ).ids.tolist()

    assert Counter(text.split("@")[0] for text in asked(0)) == dict.fromkeys(THREE, 3)
    assert asked(0) == asked(0, dict(reversed(THREE.items())))
    assert asked(0) != asked(1)


@pytest.mark.parametrize(("name", "share"), [("random", 0), ("random_33fg", 1 / 3), ("random_66fg", 2 / 3)])
def test_so_many_draws_aim_at_foreground(name: str, share: float) -> None:
    """One voxel of foreground in a large case: a box that holds it was aimed at it, or nearly always."""
    shape = (30, 30, 30)
    truth = np.zeros(shape, dtype=np.uint8)
    truth[14, 15, 16] = 1
    given = bare(shape, (3, 3, 3), labels=lambda case: truth)
    hits = 0
    for seed in range(300):
        box = resolve(name).candidates(given, k=1, seed=seed).boxes[0]
        hits += bool(truth[box.slices].any())
    assert scipy.stats.binomtest(hits, 300, max(share, 1e-3)).pvalue > 1e-3


def test_classes_have_the_same_chance_however_large() -> None:
    shape = (20, 20, 20)
    truth = np.zeros(shape, dtype=np.uint8)
    truth[:10] = 1
    truth[15, 15, 15] = 2
    truth[0, 0, :] = 255
    given = bare(shape, (1, 1, 1), labels=lambda case: truth)
    hit = Counter(int(truth[drawn(given, k=1, seed=seed, foreground=1.0)[0].corner]) for seed in range(300))
    assert set(hit) == {1, 2}
    assert scipy.stats.binomtest(hit[1], 300).pvalue > 1e-3


def test_half_of_the_aimed_draws_hit_the_border() -> None:
    shape = (20, 20, 20)
    truth = np.zeros(shape, dtype=np.uint8)
    truth[2:18, 2:18, 2:18] = 1
    border = border_of(truth == 1)
    given = bare(shape, (1, 1, 1), labels=lambda case: truth)
    hits = sum(border[drawn(given, k=1, seed=seed, foreground=1.0)[0].corner] for seed in range(300))
    assert scipy.stats.binomtest(hits, 300, 0.5 + 0.5 * border.sum() / (truth == 1).sum()).pvalue > 1e-3


def test_a_border_voxel_has_a_neighbour_outside() -> None:
    mask = rng().random((9, 10, 11)) < 0.7
    cross = np.zeros((3, 3, 3), dtype=int)
    cross[1, 1] = cross[1, :, 1] = cross[:, 1, 1] = 1
    inside = convolve(mask.astype(int), cross, mode="constant", cval=0)
    np.testing.assert_array_equal(border_of(mask), mask & (inside < 7))


def test_every_voxel_of_a_mask_has_the_same_chance() -> None:
    mask = rng().random((4, 5, 6)) < 0.2
    counts = Counter(voxel_of(mask, rng(seed)) for seed in range(3000))
    assert set(counts) == {tuple(at) for at in np.argwhere(mask).tolist()}
    assert scipy.stats.chisquare(list(counts.values())).pvalue > 1e-3


def test_a_case_is_asked_for_its_labels_once() -> None:
    asked: list[str] = []
    given = pool(THREE, labels=lambda case: asked.append(case) or labels(case, THREE[case]))
    assert len(drawn(given, k=9, seed=0, foreground=1.0)) == 9
    assert sorted(asked) == sorted(THREE)


def test_a_full_case_leaves_its_turns_to_the_others() -> None:
    shapes: dict[str, Triple] = {"small": (4, 5, 6), "one": (20, 20, 20), "two": (20, 20, 20)}
    for seed in range(5):
        found = drawn(pool(shapes), k=10, seed=seed)
        counts = Counter(box.case for box in found)
        assert counts["small"] == 1
        assert counts.total() == 10
        assert abs(counts["one"] - counts["two"]) <= 1
        assert apart(found)


def test_a_case_without_foreground_gives_any_box() -> None:
    found = drawn(pool({"empty": (11, 12, 14)}), k=3, seed=0, foreground=1.0)
    assert len(found) == 3
    assert apart(found)


def test_the_truth_is_read_by_those_that_say_so() -> None:
    assert resolve("random_33fg").needs == resolve("random_66fg").needs == {"truth"}
    assert resolve("random_predicted_fg").needs == {"prediction"}
    assert resolve("random").needs == frozenset()


def test_labels_of_another_shape_are_refused() -> None:
    given = bare((5, 5, 5), (2, 2, 2), labels=lambda case: np.zeros((5, 5, 4), dtype=np.uint8))
    with pytest.raises(InputError, match=r"labels of 'a' have shape \(5, 5, 4\)"):
        drawn(given, k=1, seed=0, foreground=1.0)


SAMPLERS = ["random", "foreground_33", "foreground_66"]
FIVE: dict[str, Triple] = {f"c{i}": (14, 15, 16) for i in range(5)}


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("all_classes", [False, True])
def test_a_starting_set_has_its_size_and_no_overlap(sampler: str, all_classes: bool) -> None:
    found = starting_set(sampler, pool(FIVE), k=12, seed=0, all_classes=all_classes)
    assert len(found) == 12
    assert apart(found)
    assert found == starting_set(sampler, pool(FIVE), k=12, seed=0, all_classes=all_classes)
    assert found != starting_set(sampler, pool(FIVE), k=12, seed=1, all_classes=all_classes)


def test_all_classes_come_in_two_cases_each_and_unused_ones_first() -> None:
    six: dict[str, Triple] = {**FIVE, "empty": (14, 15, 16)}
    for seed in range(10):
        found = starting_set("random", pool(six), k=6, seed=seed, all_classes=True)
        holding = [{*np.unique(labels(box.case, six[box.case])[box.slices]).tolist()} for box in found]
        for c in range(3):
            assert len({box.case for box, held in zip(found, holding, strict=True) if c in held}) >= 2
        assert len({box.case for box in found}) >= 5


def test_the_rarest_class_comes_first() -> None:
    truth = {case: np.zeros((9, 9, 9), dtype=np.uint8) for case in FIVE}
    truth["c1"][3, 3, 3] = truth["c3"][5, 5, 5] = 7
    given = Pool(shapes=dict.fromkeys(FIVE, (9, 9, 9)), size=(2, 2, 2), labels=truth.__getitem__)
    found = starting_set("random", given, k=4, seed=0, all_classes=True)
    assert {box.case for box in found[:2]} == {"c1", "c3"}
    assert all((truth[box.case][box.slices] == 7).any() for box in found[:2])
    assert not {box.case for box in found[2:]} & {"c1", "c3"}


def test_a_class_whose_cases_are_used_up_comes_before_one_with_others_left() -> None:
    """Six boxes in six cases: class 1 uses two of the four of class 3, which then must not lose one to 2."""
    holding = {"a": [1, 3], "b": [1, 3], "c": [2], "d": [2], "e": [2, 3], "f": [3]}
    truth = {case: np.full((12, 12, 12), 255, np.uint8) for case in holding}
    for case, classes in holding.items():
        for i, c in enumerate(classes):
            truth[case][6 * i : 6 * i + 6] = c
    shapes: dict[str, Triple] = dict.fromkeys(holding, (12, 12, 12))
    given = Pool(shapes=shapes, size=(3, 3, 3), labels=truth.__getitem__)
    for seed in range(20):
        found = starting_set("random", given, k=6, seed=seed, all_classes=True)
        assert len({box.case for box in found}) == 6


def test_a_class_in_one_case_gets_both_boxes_there(caplog: pytest.LogCaptureFixture) -> None:
    truth = {case: np.zeros((9, 9, 9), dtype=np.uint8) for case in ("a", "b", "c")}
    truth["b"][1, 1, 1] = truth["b"][7, 7, 7] = 1
    given = Pool(shapes=dict.fromkeys(truth, (9, 9, 9)), size=(2, 2, 2), labels=truth.__getitem__)
    found = starting_set("random", given, k=4, seed=0, all_classes=True)
    assert [box.case for box in found[:2]] == ["b", "b"]
    truth["b"][7, 7, 7] = 0
    assert len(starting_set("random", given, k=4, seed=0, all_classes=True)) == 4
    assert "class 1 gets 1 of 2 boxes" in caplog.text


def test_what_cannot_start_is_refused() -> None:
    with pytest.raises(OptionsError, match=r"unknown starting set 'foreground'. Did you mean 'foreground_"):
        starting_set("foreground", pool(FIVE), k=3, seed=0)
    with pytest.raises(OptionsError, match=r"5 boxes .* 2 of each of 3 classes: set start\.size:6 or more"):
        starting_set("random", pool(FIVE), k=5, seed=0, all_classes=True)
    with pytest.raises(ExhaustedError, match=r"9999 boxes .*Ask for fewer \(start.size\), or") as told:
        starting_set("foreground_66", pool(FIVE), k=9999, seed=0)
    assert 0 < told.value.found < 9999
