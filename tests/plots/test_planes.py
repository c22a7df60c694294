"""Where a plane lies, how large it is, and what is seen upon it."""

from __future__ import annotations

import numpy as np
import pytest

from queryloop.boxes.box import Box
from queryloop.plots.planes import AXIAL, CORONAL, SAGITTAL, Cut, ShownScan, drawn, window_of
from queryloop.voxels import IGNORE

from .scans import SHAPE, scan

WHOLE = Box("a", (0, 0, 0), SHAPE)


def cut(axis: int, scale: float = 4, **given: object) -> Cut:
    return Cut(scan(**given), WHOLE, axis, SHAPE[axis] // 2, scale)  # type: ignore[arg-type]


@pytest.mark.parametrize(("axis", "size"), [(AXIAL, (120, 80)), (CORONAL, (120, 80)), (SAGITTAL, (80, 80))])
def test_a_millimetre_is_as_long_in_every_direction(axis: int, size: tuple[int, int]) -> None:
    assert cut(axis).size == size == drawn(cut(axis), (0, 1)).size


@pytest.mark.parametrize("axis", [AXIAL, CORONAL, SAGITTAL])
def test_high_voxels_lie_at_the_top_and_at_the_left(axis: int) -> None:
    image = np.indices(SHAPE).sum(axis=0).astype(np.float32)
    seen = Cut(ShownScan(image, (1, 1, 1)), WHOLE, axis, 0, 1)
    pixels = np.asarray(drawn(seen, window_of([seen])).convert("L"))
    assert pixels[0, 0] == pixels.max() == 255
    assert pixels[-1, -1] == pixels.min() == 0


@pytest.mark.parametrize("axis", [AXIAL, CORONAL, SAGITTAL])
def test_the_rectangle_of_a_box_holds_its_voxels_and_no_others(axis: int) -> None:
    box = Box("a", (3, 4, 5), (4, 12, 13))
    image = np.zeros(SHAPE, dtype=np.float32)
    image[box.slices] = 1
    seen = Cut(ShownScan(image, (2, 1, 1)), WHOLE, axis, SHAPE[axis] // 2, 4)
    rows, columns = np.nonzero(np.asarray(drawn(seen, (0, 1)).convert("L")))
    found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert found == seen.rectangle(box)


def test_a_frame_is_a_part_of_the_plane() -> None:
    frame = Box("a", (1, 2, 3), (5, 6, 7))
    seen = Cut(scan(), frame, SAGITTAL, 9, 2)
    np.testing.assert_array_equal(seen.of(seen.scan.image), scan().image[1:6, 2:8, 9][::-1, ::-1])


def colors(seen: Cut) -> int:
    pixels = np.asarray(drawn(seen, window_of([seen]))).astype(int)
    return int((pixels.max(axis=-1) != pixels.min(axis=-1)).sum())


def test_prediction_and_truth_are_in_colour_and_the_image_is_grey() -> None:
    both, predicted = cut(AXIAL), cut(AXIAL, truth=False)
    bare = Cut(ShownScan(scan().image, (2, 1, 1)), WHOLE, AXIAL, 5, 4)
    filled = np.count_nonzero(scan().predicted[5]) * 16  # type: ignore[index]
    assert colors(bare) == 0
    assert colors(predicted) == colors(both) == filled


def test_an_outline_marks_what_is_true_but_not_predicted() -> None:
    seen = scan()
    missed = Cut(
        ShownScan(seen.image, seen.spacing, np.zeros(SHAPE, np.uint8), seen.truth), WHOLE, AXIAL, 5, 4
    )
    area = np.count_nonzero(seen.truth[5]) * 16  # type: ignore[index]
    assert 0 < colors(missed) < area / 2


def test_voxels_without_label_have_no_colour() -> None:
    unknown = np.full(SHAPE, IGNORE, np.uint8)
    assert colors(Cut(ShownScan(scan().image, (1, 1, 1), None, unknown), WHOLE, AXIAL, 5, 4)) == 0


def test_a_constant_plane_can_be_drawn() -> None:
    flat = Cut(ShownScan(np.full(SHAPE, 7.0, np.float32), (1, 1, 1)), WHOLE, AXIAL, 5, 4)
    assert drawn(flat, window_of([flat])).size == flat.size
