"""The Hippocampus of the Medical Segmentation Decathlon, as people download it."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel
import numpy as np
import pytest

from queryloop.errors import MissingFilesError
from queryloop.readers import registry
from queryloop.storage.volumes import VolumeStore

from .files import read

pytestmark = pytest.mark.real_data


@pytest.fixture
def raw_root() -> Path:
    """Where the data sets lie, if the Hippocampus is among them."""
    if "QUERYLOOP_RAW_ROOT" not in os.environ:
        pytest.skip("QUERYLOOP_RAW_ROOT does not say where the data sets lie")
    folder = Path(os.environ["QUERYLOOP_RAW_ROOT"])
    try:
        registry.find("hippocampus").source(folder)
    except MissingFilesError as error:
        pytest.skip(str(error))
    return folder


@pytest.mark.slow
def test_all_cases_are_stored_as_nibabel_reads_them(raw_root: Path, tmp_path: Path) -> None:
    store = VolumeStore(path=str(tmp_path))
    store.locate(lambda: "0123")
    store.save(read(raw_root, "hippocampus"))
    found = store.load()
    assert (found.classes, found.channels) == (("background", "Anterior", "Posterior"), ("MRI",))
    assert len(found.cases) == 260
    folder = raw_root / "Task04_Hippocampus"
    for case_id in list(found.cases)[::26]:
        image = nibabel.as_closest_canonical(nibabel.load(folder / f"imagesTr/{case_id}.nii.gz"))
        voxels = image.get_fdata().T
        expected = (voxels - voxels.mean()) / voxels.std()
        np.testing.assert_allclose(found.image(case_id)[0], expected, atol=1e-4)
        labels = nibabel.load(folder / f"labelsTr/{case_id}.nii.gz")
        np.testing.assert_array_equal(found.native_labels(case_id), labels.get_fdata())
        np.testing.assert_array_equal(found.cases[case_id].native.affine, labels.affine)
        assert found.cases[case_id].spacing == (1.0, 1.0, 1.0)
