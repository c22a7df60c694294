"""nnU-Net itself, narrow and for a few steps: it trains on boxes, and scores as its own code does."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from queryloop.boxes.resolution import resolve
from queryloop.boxes.scored import Scored
from queryloop.boxes.sums import Sums
from queryloop.errors import MissingFilesError
from queryloop.training.nnunet.environment import prepared
from queryloop.training.nnunet.scoring import Scorer, head_of, running
from queryloop.training.nnunet.training import Settings, train
from queryloop.training.volumes.cases import Annotated
from tests.training.volumes.scans import annotated, scan

pytest.importorskip("nnunetv2", reason="nnunetv2 is not installed: pip install 'queryloop[nnunet]'")
pytestmark = pytest.mark.slow

CLASSES, SPACING, SHAPE = ("background", "one", "two"), (1.0, 1.0, 1.0), (20, 22, 24)
SETTINGS = Settings(steps=4, members=2, width=4)


def cases(n: int = 3) -> Mapping[str, Annotated]:
    return {f"case_{i}": annotated((2, 3, 4), (12, 12, 12), shape=SHAPE, seed=i) for i in range(n)}


def trained(folder: Path, settings: Settings = SETTINGS) -> Path:
    return train(cases(), dict.fromkeys(cases(), SPACING), CLASSES, folder, settings, 0)


def states() -> list[Any]:
    """What nnU-Net changes while it works: its variables, and the random states."""
    told = {name: value for name, value in os.environ.items() if name.startswith("nnUNet")}
    numpy = np.random.get_state()[1].tolist()  # noqa: NPY002
    return [told, torch.get_rng_state().tolist(), numpy, random.getstate()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    before = states()
    found = trained(tmp_path_factory.mktemp("work"))
    assert states() == before
    return found


def theirs(folder: Path, image: np.ndarray, spacing: tuple[float, ...], mirrors: bool) -> list[np.ndarray]:
    """Softmax of each fold by nnU-Net's own prediction."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    found = []
    with prepared():
        for fold in (0, 1):
            predictor = nnUNetPredictor(
                1.0, use_gaussian=False, use_mirroring=mirrors, device=torch.device("cpu")
            )
            predictor.initialize_from_trained_model_folder(str(folder), [fold], "checkpoint_final.pth")
            known = {"spacing": list(spacing)}
            found.append(predictor.predict_single_npy_array(image, known, None, None, True)[1])
    return found


class Stored:
    """Takes up what each member says."""

    def __init__(self) -> None:
        self.probs: list[np.ndarray] = []
        self.energies: list[np.ndarray] = []

    def add(self, probs: torch.Tensor, energy: torch.Tensor, *, start: int) -> None:
        assert start == 0
        self.probs.append(probs.numpy())
        self.energies.append(energy.numpy())


@pytest.mark.parametrize(
    ("spacing", "mirrors"), [((1.0, 1.0, 1.0), False), ((1.0, 1.0, 1.0), True), ((0.9, 0.8, 1.0), False)]
)
def test_each_fold_says_what_nnunet_itself_predicts(
    folder: Path, spacing: tuple[float, float, float], mirrors: bool
) -> None:
    """Also in another spacing than that of the training, and beside a border that nnU-Net cuts off.

    All fits into one tile: where tiles overlap, nnU-Net loses small weights in 16 bits.
    """
    image = scan((20, 30, 24), seed=7)[0]
    image[:, :, 22:] = 0
    found = Stored()
    Scorer(folder, mirrors=mirrors).score(image, spacing, found)
    for ours, expected in zip(found.probs, theirs(folder, image, spacing, mirrors), strict=True):
        np.testing.assert_allclose(ours, expected, atol=2e-3)  # theirs are logits of 16 bits
    assert all((energy[:, 22:] == 0).all() and (energy[:, :22] > 0).all() for energy in found.energies)


def test_energy_is_that_of_what_goes_into_the_last_layer(folder: Path) -> None:
    with prepared():
        network = Scorer(folder).loaded.network.eval()
    head, tiles = head_of(network), torch.randn(2, 1, 32, 32, 32)
    inputs: list[torch.Tensor] = []
    with torch.inference_mode():
        hook = head.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
        logits = network(tiles)
        hook.remove()
        found = running(network, [()])(tiles)
        torch.testing.assert_close(head(inputs[0]), logits)
    torch.testing.assert_close(found[:, :-1], logits)
    torch.testing.assert_close(found[:, -1], inputs[0].square().sum(dim=1))
    assert not head._forward_pre_hooks


@pytest.mark.parametrize("name", ["entropy", "bald", "grand_expected", "grand_bound"])
def test_strategies_for_voxels_read_it(folder: Path, name: str) -> None:
    strategy = resolve(name)
    assert isinstance(strategy, Scored)
    sums = Sums(len(CLASSES), SHAPE, strategy.scorer.each)
    Scorer(folder, step=1.0).score(scan(SHAPE, seed=5)[0], SPACING, sums)
    assert sums.members == 2
    found = strategy.scorer.map(sums)
    assert found.shape == SHAPE
    assert 0 <= found.min() < found.max()


def test_only_the_folds_that_are_named_are_members(folder: Path) -> None:
    one = Stored()
    Scorer(folder, folds=[1], step=1.0).score(scan(SHAPE)[0], SPACING, one)
    assert len(one.probs) == 1
    with pytest.raises(MissingFilesError, match="fold 7; there are folds 0, 1"):
        Scorer(folder, folds=[0, 7]).score(scan(SHAPE)[0], SPACING, one)
    with pytest.raises(MissingFilesError, match=r"none\.pth"):
        Scorer(folder, checkpoint="none.pth").score(scan(SHAPE)[0], SPACING, one)


def test_folds_hold_labelled_cases_only(folder: Path) -> None:
    splits = json.loads(
        (folder.parents[2] / "preprocessed/Dataset001_queryloop/splits_final.json").read_text()
    )
    assert sorted(case for fold in splits for case in fold["val"]) == sorted(cases())


def test_training_again_in_the_same_folder_gives_the_same_network(tmp_path: Path) -> None:
    def weights() -> dict[str, Any]:
        found = trained(tmp_path, Settings(steps=1, width=4))
        path = found / "fold_all" / "checkpoint_final.pth"
        return torch.load(path, weights_only=False)["network_weights"]

    first, second = weights(), weights()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_patches_hold_a_labelled_voxel_wherever_it_lies_in_them() -> None:
    from queryloop.training.nnunet.trainers.labelled_boxes import LabelledBoxesLoader

    key = (-1, 0, 1)
    loader = LabelledBoxesLoader.__new__(LabelledBoxesLoader)
    loader.annotated_classes_key, loader.has_ignore = key, True
    loader.patch_size, loader.need_to_pad = (8, 9, 10), np.zeros(3, int)
    voxels = np.array([[0, 2, 30, 11], [0, 39, 0, 20]])
    before, shape, seen = voxels.copy(), (40, 41, 42), set[int]()
    for _ in range(300):
        lower, upper = loader.get_bbox(shape, False, {key: voxels})
        inside = ((voxels[:, 1:] >= lower) & (voxels[:, 1:] < upper)).all(axis=1)
        assert inside.any()
        seen |= set((voxels[inside, 3] - lower[2]).tolist())
    np.testing.assert_array_equal(voxels, before)
    assert seen == set(range(10))
