"""Spacing and normalisation of a data set."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from queryloop.errors import BrokenFileError
from queryloop.readers import intensity

from .files import SHAPE, hold_out, mask, nnunet, read, save, scan, without_labels

AFFINE = np.diag([2.0, 1.0, 3.0, 1.0])


def images(folder: Path, **options: object) -> list[np.ndarray]:
    return [volume.image for volume in read(folder, **options).volumes()]


def as_ct(image: np.ndarray, measured: np.ndarray) -> np.ndarray:
    measured = measured.astype(np.float64)
    clipped = np.clip(image, *np.percentile(measured, [0.5, 99.5]))
    return ((clipped - measured.mean()) / measured.std()).T


def test_each_channel_of_a_case_has_mean_0_and_deviation_1(tmp_path: Path) -> None:
    for image in images(nnunet(tmp_path, channels=("T1", "T2"))):
        np.testing.assert_allclose(image.mean(axis=(1, 2, 3)), 0, atol=1e-6)
        np.testing.assert_allclose(image.std(axis=(1, 2, 3)), 1, atol=1e-6)


def test_ct_is_clipped_to_and_scaled_by_the_foreground_of_all_cases(tmp_path: Path) -> None:
    measured = np.concatenate([scan(i)[mask(i) > 0] for i in range(3)])
    for i, image in enumerate(images(nnunet(tmp_path, channels=("ct",)))):
        np.testing.assert_allclose(image[0], as_ct(scan(i), measured), atol=1e-5)


def test_one_case_is_held_at_a_time_while_the_scale_of_ct_is_measured() -> None:
    seen: list[weakref.ref[np.ndarray]] = []

    def foregrounds() -> Iterator[np.ndarray]:
        for _ in range(4):
            values = np.ones((1, 10**6), np.float32)
            seen.append(weakref.ref(values))
            yield values
            assert all(case() is None for case in seen[:-1])

    intensity.scales(["CT"], "auto", foregrounds)


@pytest.mark.parametrize("n", [99_999, 100_000, 100_001, 199_999, 250_000])
def test_no_case_has_a_larger_part_in_the_scale_of_ct_than_another(n: int) -> None:
    """One of many voxels counts like one of a hundred thousand."""
    large, small = np.ones((1, n), np.float32), np.zeros((1, 100_000), np.float32)
    (scale,) = intensity.scales(["CT"], "auto", lambda: iter([large, small]))
    at_0, at_1 = scale(np.array([0.0, 1.0], np.float32))
    share = -at_0 / (at_1 - at_0)  # of the ones in what was measured
    assert 1 / 3 < share <= 1 / 2 + 1e-6


def test_a_test_set_that_the_data_set_names_is_not_in_the_scale_of_ct(tmp_path: Path) -> None:
    hold_out(nnunet(tmp_path, channels=("CT",)), "a1")
    measured = np.concatenate([scan(i)[mask(i) > 0] for i in (0, 2)])
    for i, image in enumerate(images(tmp_path)):
        np.testing.assert_allclose(image[0], as_ct(scan(i), measured), atol=1e-5)


def test_the_scale_of_ct_without_labels_is_that_of_what_is_bright_in_the_pool(tmp_path: Path) -> None:
    without_labels(nnunet(tmp_path, channels=("CT",)), "a0", "a1")
    measured = np.concatenate([scan(i)[scan(i) > scan(i).mean()] for i in (0, 1)])
    for i, image in enumerate(images(tmp_path, unlabelled=True)):
        np.testing.assert_allclose(image[0], as_ct(scan(i), measured), atol=1e-5)


def test_names_of_channels_choose_one_by_one(tmp_path: Path) -> None:
    first, second, third = images(nnunet(tmp_path, 1, channels=("CT", "PET", "noNorm")))[0]
    assert second.mean() == pytest.approx(0, abs=1e-6)
    assert first.mean() != pytest.approx(0, abs=1e-3)
    np.testing.assert_array_equal(third, scan(0, (*SHAPE, 3))[..., 2].T)


@pytest.mark.parametrize(("how", "channel", "alike"), [("ct", "MRI", "CT"), ("z_score", "CT", "MRI")])
def test_an_option_overrules_the_name(tmp_path: Path, how: str, channel: str, alike: str) -> None:
    told = images(nnunet(tmp_path / "told", channels=(channel,)), normalisation=how)
    np.testing.assert_array_equal(told, images(nnunet(tmp_path / "named", channels=(alike,))))


def test_ct_without_any_foreground_is_refused(tmp_path: Path) -> None:
    folder = nnunet(tmp_path, channels=("CT",))
    for i in range(3):
        save(folder / f"labelsTr/a{i}.nii.gz", np.zeros(SHAPE, np.uint8))
    with pytest.raises(BrokenFileError, match=r"no case has any foreground.*data.normalisation:z_score"):
        read(tmp_path)


def of_three_spacings(folder: Path) -> Path:
    nnunet(folder)
    for i, scale in enumerate((1.0, 2.0, 4.0)):
        affine = AFFINE @ np.diag([scale, scale, scale, 1.0])
        save(folder / f"imagesTr/a{i}_0000.nii.gz", scan(i), affine)
        save(folder / f"labelsTr/a{i}.nii.gz", mask(i), affine)
    return folder


def test_spacing_is_the_median_of_the_data_set(tmp_path: Path) -> None:
    found = read(of_three_spacings(tmp_path))
    assert [case.shape for case in found.cases] == [(4, 3, 2), (7, 6, 5), (14, 12, 10)]
    assert found.cases[1].spacing == (6.0, 2.0, 4.0)
    for i, volume in enumerate(found.volumes()):
        assert volume.image.shape == (1, *volume.case.shape)
        assert volume.labels.shape == volume.case.shape
        assert (volume.native_labels is None) == (i == 1)
        if volume.native_labels is not None:
            np.testing.assert_array_equal(volume.native_labels, mask(i))


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), 1.0])
def test_spacing_can_be_given_for_all_axes_or_each(tmp_path: Path, spacing: object) -> None:
    first, *_ = read(of_three_spacings(tmp_path), spacing=spacing).cases
    assert (first.shape, first.spacing) == ((21, 6, 10), (1.0, 1.0, 1.0))
