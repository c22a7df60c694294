from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from queryloop.options import DataOptions
from queryloop.readers import registry
from queryloop.readers.grid import layout
from queryloop.readers.volumes import VolumeSet


@pytest.fixture(scope="module")
def phantom() -> VolumeSet:
    dataset, options = registry.find("phantom"), DataOptions()
    found = dataset.read(dataset.source(Path("nowhere")), options)
    assert isinstance(found, VolumeSet)
    return found


def test_every_class_is_in_every_case(phantom: VolumeSet) -> None:
    for volume in phantom.volumes():
        assert volume.native_labels is not None
        assert np.unique(volume.native_labels).tolist() == [0, 1, 2]
        assert 0.01 < (volume.labels > 0).mean() < 0.3


def test_classes_differ_in_brightness_by_less_than_they_vary(phantom: VolumeSet) -> None:
    means, deviations = [], []
    for volume in phantom.volumes():
        values = [volume.image[0][volume.labels == number] for number in range(3)]
        means.append([part.mean() for part in values])
        deviations.append([part.std() for part in values])
    steps = np.diff(np.mean(means, axis=0))
    assert np.all(steps > 0)
    assert np.all(steps < 2.5 * np.mean(deviations))


def test_shapes_spacings_and_orientations_vary(phantom: VolumeSet) -> None:
    grids = [case.native for case in phantom.cases]
    assert len({grid.shape for grid in grids}) > 15
    assert len({layout(grid)[1] for grid in grids}) == 3
    assert len({np.sign(grid.affine[:3, :3]).tobytes() for grid in grids}) > 10


def test_it_is_the_same_each_time(phantom: VolumeSet) -> None:
    one, other = next(phantom.volumes()), next(phantom.volumes())
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.labels, other.labels)


def test_options_change_its_fingerprint() -> None:
    dataset = registry.find("phantom")
    given = [DataOptions(), DataOptions(spacing=2), DataOptions(normalisation="none"), DataOptions(test=0.2)]
    found = [registry.fingerprint(dataset, dataset.source(Path("nowhere")), options) for options in given]
    assert len(set(found)) == 3
    assert found[0] == found[3]
