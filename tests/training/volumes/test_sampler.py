from __future__ import annotations

import numpy as np
import pytest

from queryloop.errors import InputError
from queryloop.training.volumes.cases import Annotated, LabelledPart, known, patch, window
from queryloop.training.volumes.sampler import Sampler
from queryloop.voxels import IGNORE
from tests.training.volumes.scans import annotated, fully, scan, unlabelled

SIZE = (6, 7, 8)


def drawn(cases: list[Annotated], n: int = 200, jitter: float = 1.0, seed: int = 0) -> list[np.ndarray]:
    """Labels of n patches."""
    rng = np.random.default_rng(seed)
    sampler = Sampler(cases, SIZE, jitter, rng)
    places = [sampler.draw(rng) for _ in range(n)]
    return [known(cases[place.case].parts, place.corner, SIZE) for place in places]


def test_every_patch_has_labels() -> None:
    cases = [annotated(), unlabelled(), annotated(corner=(0, 8, 1), size=(2, 3, 4), seed=1)]
    assert all((labels != IGNORE).any() for labels in drawn(cases))


def test_a_patch_stays_in_a_case_that_is_large_enough() -> None:
    image, labels = scan()
    case = Annotated(image + 10, [LabelledPart((0, 0, 0), labels)])
    rng = np.random.default_rng(0)
    sampler = Sampler([case], SIZE, 1.0, rng)
    assert all(patch(case.image, sampler.draw(rng).corner, SIZE).all() for _ in range(100))


def test_a_smaller_case_lies_in_the_middle_of_its_patch() -> None:
    case = fully(shape=(4, 7, 20))
    rng = np.random.default_rng(0)
    corner = Sampler([case], SIZE, 1.0, rng).draw(rng).corner
    assert corner[:2] == (-1, 0)
    labels = known(case.parts, corner, SIZE)
    assert (labels[[0, 5]] == IGNORE).all()
    assert (labels[1:5] != IGNORE).all()


@pytest.mark.parametrize(("wanted", "first"), [(-5, 0), (2, 2), (9, 4)])
def test_a_window_is_moved_into_its_case_and_a_shorter_axis_into_its_middle(wanted: int, first: int) -> None:
    assert window((wanted, wanted, wanted), (6, 6, 7), (10, 6, 4)) == (first, 0, -1)


def test_two_samplers_of_one_seed_draw_alike() -> None:
    first, second, other = (drawn([annotated()], seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_a_third_is_forced_to_foreground_uniformly_over_classes() -> None:
    labels = np.zeros((40, 40, 40), dtype=np.uint8)
    labels[0, 0, 0], labels[30:, 30:, 30:] = 1, 2
    case = Annotated(np.zeros((1, *labels.shape), np.float32), [LabelledPart((0, 0, 0), labels)])
    shares = [np.mean([(seen == c).any() for seen in drawn([case], 2000, jitter=0)]) for c in (1, 2)]
    assert shares[0] == pytest.approx(1 / 6, abs=0.03)
    assert shares[1] > 1 / 6


def test_parts_are_drawn_equally_often_whatever_their_size() -> None:
    large, small = annotated(size=(10, 10, 10)), annotated(size=(3, 3, 3))
    rng = np.random.default_rng(0)
    sampler = Sampler([large, small], SIZE, 0.5, rng)
    background = [
        Annotated(c.image, [LabelledPart(p.corner, p.labels * 0) for p in c.parts]) for c in (large, small)
    ]
    sampler = Sampler(background, SIZE, 0.5, rng)
    assert np.mean([sampler.draw(rng).case for _ in range(2000)]) == pytest.approx(0.5, abs=0.04)


def test_jitter_moves_the_chosen_voxel_out_of_the_middle() -> None:
    case = annotated(corner=(8, 8, 8), size=(1, 1, 1))
    positions = {
        jitter: {tuple(np.argwhere(labels != IGNORE)[0]) for labels in drawn([case], 300, jitter)}
        for jitter in (0.0, 1.0)
    }
    assert len(positions[0.0]) == 1
    assert {axis for position in positions[1.0] for axis in position} >= set(range(6))


def test_no_label_at_all_is_an_error() -> None:
    with pytest.raises(InputError, match="none of the 2 cases has a labelled voxel"):
        Sampler([unlabelled(), unlabelled()], SIZE, 0.5, np.random.default_rng(0))


def test_a_patch_is_zero_outside_and_a_copy_inside() -> None:
    image, _ = scan()
    cut = patch(image, (-2, 14, 3), (4, 4, 4))
    np.testing.assert_array_equal(cut[:, 2:, :2], image[:, :2, 14:, 3:7])
    assert not cut[:, :2].any()
    assert not cut[:, :, 2:].any()
    assert not np.shares_memory(cut, image)
    assert not patch(image, (20, 0, 0), (4, 4, 4)).any()


def test_overlapping_parts_add_their_labels_up() -> None:
    first, second = np.full((4, 4, 4), IGNORE, np.uint8), np.ones((4, 4, 4), np.uint8)
    first[0] = 2
    parts = [LabelledPart((0, 0, 0), first), LabelledPart((2, 0, 0), second)]
    found = known(
        [*parts, LabelledPart((2, 0, 0), np.full((4, 4, 4), IGNORE, np.uint8))], (0, 0, 0), (7, 4, 4)
    )
    assert [int(plane[0, 0]) for plane in found] == [2, IGNORE, 1, 1, 1, 1, IGNORE]
