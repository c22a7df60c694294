"""Boxes and grids: what they cover, what they touch, and that no voxel is out of reach."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queryloop.boxes.box import Box, centred, class_counts, fitted, parse
from queryloop.boxes.grid import BoxGrid, grid_of
from queryloop.errors import InputError, OptionsError

quick = settings(max_examples=80)
lengths = st.integers(min_value=1, max_value=9)
triples = st.tuples(lengths, lengths, lengths)
corners = st.tuples(*[st.integers(min_value=0, max_value=6)] * 3)
boxes = st.builds(Box, st.just("a"), corners, triples)


def mask(box: Box) -> np.ndarray:
    found = np.zeros((16, 16, 16), dtype=bool)
    found[box.slices] = True
    return found


@quick
@given(boxes, boxes)
def test_boxes_overlap_where_they_share_a_voxel(one: Box, other: Box) -> None:
    shared = (mask(one) & mask(other)).any()
    assert one.overlaps(other) == other.overlaps(one) == shared
    assert not one.overlaps(Box("b", other.corner, other.size))


def test_a_far_corner_is_no_size() -> None:
    """The stop of a box is corner + size, never corner + corner."""
    assert not Box("a", (10, 10, 10), (2, 2, 2)).overlaps(Box("a", (15, 15, 15), (2, 2, 2)))
    assert Box("a", (0, 0, 0), (4, 4, 4)).overlaps(Box("a", (3, 3, 3), (4, 4, 4)))


@quick
@given(st.text(min_size=1), corners, triples)
def test_an_id_tells_case_and_corner(case: str, corner: tuple, size: tuple) -> None:
    box = Box(case, corner, size)
    assert parse(box.id, size) == box


@pytest.mark.parametrize("text", ["case", "case@1,2", "@1,2,3", "case@1,2,x", "case@-1,2,3", "case@1,2,3,4"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no box"):
        parse(text, (1, 1, 1))


@quick
@given(triples, triples, st.data())
def test_a_centred_box_lies_in_its_case_and_holds_its_centre(
    shape: tuple, size: tuple, data: st.DataObject
) -> None:
    fit = fitted(size, shape)
    centre = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    box = centred("a", centre, fit, shape)
    assert all(first >= 0 and last <= n for first, last, n in zip(box.corner, box.stop, shape, strict=True))
    assert all(part.start <= at < part.stop for part, at in zip(box.slices, centre, strict=True))


def test_an_odd_box_at_the_end_does_not_leave_its_case() -> None:
    assert centred("a", (8, 8, 8), (5, 5, 5), (10, 10, 10)).slices == (slice(5, 10),) * 3


def test_a_box_is_cut_to_its_case() -> None:
    assert fitted((4, 99, 3), (10, 20, 2)) == (4, 20, 2)
    assert fitted("whole", (10, 20, 2)) == (10, 20, 2)
    with pytest.raises(OptionsError, match="size of a box"):
        fitted((0, 1, 1), (3, 3, 3))


@quick
@given(triples, triples, triples)
def test_every_voxel_of_a_case_is_in_reach_of_any_stride_up_to_the_size(
    shape: tuple, size: tuple, stride: tuple
) -> None:
    fit = fitted(size, shape)
    grid = grid_of(shape, size, tuple(min(pair) for pair in zip(stride, fit, strict=True)))
    covered = np.zeros(shape, dtype=bool)
    for position in np.ndindex(*grid.positions):
        box = grid.box("a", position)
        assert box.size == fit
        assert covered[box.slices].shape == fit
        covered[box.slices] = True
    assert covered.all()


@quick
@given(triples, triples, triples, boxes)
def test_touching_positions_are_those_whose_box_overlaps(
    shape: tuple, size: tuple, stride: tuple, taken: Box
) -> None:
    grid = grid_of(shape, size, stride)
    touched = np.zeros(grid.positions, dtype=bool)
    touched[grid.touching(taken)] = True
    for position in np.ndindex(*grid.positions):
        assert touched[position] == grid.box("a", position).overlaps(taken)


def test_the_last_corner_belongs_to_a_grid() -> None:
    assert [list(axis) for axis in BoxGrid((10, 9, 4), (3, 3, 4), (4, 3, 1)).corners] == [
        [0, 4, 7],
        [0, 3, 6],
        [0],
    ]


@pytest.mark.parametrize("stride", [(0, 1, 1), (1, 1)])
def test_a_stride_below_one_is_refused(stride: tuple) -> None:
    with pytest.raises(OptionsError, match="stride"):
        grid_of((5, 5, 5), (2, 2, 2), stride)


def test_voxels_of_each_class_are_counted() -> None:
    labels = np.random.default_rng(0).choice(np.array([0, 1, 7, 255], dtype=np.uint8), (5, 6, 7))
    found = class_counts(labels)
    assert found.sum() == labels.size
    assert {int(c): int(found[c]) for c in np.flatnonzero(found)} == dict(
        zip(*(part.tolist() for part in np.unique(labels, return_counts=True)), strict=True)
    )
