"""nnU-Net itself, narrow and for a few steps: it trains on boxes, and scores as its own code does."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from queryloop.boxes.resolution import resolve
from queryloop.boxes.scored import Scored
from queryloop.boxes.sums import Sums
from queryloop.errors import BrokenFileError, InputError, OptionsError
from queryloop.training.nnunet.environment import prepared
from queryloop.training.nnunet.scoring import Scorer, running
from queryloop.training.nnunet.trained import Trained, hashes, head_of, read
from queryloop.training.nnunet.training import Settings, train
from queryloop.training.volumes.cases import Annotated
from tests.training.nnunet.placed import Placed
from tests.training.volumes.scans import annotated, scan

pytestmark = pytest.mark.slow

CLASSES, SPACING, SHAPE = ("background", "one", "two"), (1.0, 1.0, 1.0), (20, 22, 24)


def cases(n: int = 2) -> Mapping[str, Annotated]:
    return {f"case_{i}": annotated((2, 3, 4), (12, 12, 12), shape=SHAPE, seed=i) for i in range(n)}


def trained(folder: Path, steps: int = 4, seed: int = 0) -> Path:
    layouts = dict.fromkeys([*cases(), "without labels"], Placed(SHAPE, SPACING))
    return train(cases(), layouts, CLASSES, folder, Settings(steps, width=4), seed)


def test_scans_of_one_slice_are_refused_with_what_to_do(tmp_path: Path) -> None:
    flat = {f"case_{i}": annotated((0, 3, 4), (1, 12, 12), shape=(1, 22, 24), seed=i) for i in range(2)}
    layouts = dict.fromkeys(flat, Placed((1, 22, 24), SPACING))
    with pytest.raises(InputError, match=r"plans no 3D network .* model\.name:unet3d"):
        train(flat, layouts, CLASSES, tmp_path, Settings(4, width=4), 0)


def both(folder: Path) -> Trained:
    return read(folder, [0, 1])


def states() -> list[Any]:
    """What nnU-Net changes while it works: its variables, and the random states."""
    told = {name: value for name, value in os.environ.items() if name.startswith("nnUNet")}
    numpy = np.random.get_state()[1].tolist()  # noqa: NPY002
    return [told, torch.get_rng_state().tolist(), numpy, random.getstate()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As if nnU-Net had trained two folds."""
    before = states()
    found, other = (trained(tmp_path_factory.mktemp("work"), seed=seed) for seed in (0, 1))
    assert states() == before
    (found / "fold_all").rename(found / "fold_0")
    shutil.copytree(other / "fold_all", found / "fold_1")
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
    Scorer(both(folder), mirrored=mirrors).score(image, spacing, found)
    for ours, expected in zip(found.probs, theirs(folder, image, spacing, mirrors), strict=True):
        np.testing.assert_allclose(ours, expected, atol=2e-3)  # theirs are logits of 16 bits
    assert all((energy[:, 22:] == 0).all() and (energy[:, :22] > 0).all() for energy in found.energies)


def test_energy_is_that_of_what_goes_into_the_last_layer(folder: Path) -> None:
    network = next(both(folder).networks())
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
    Scorer(both(folder), step=1.0).score(scan(SHAPE, seed=5)[0], SPACING, sums)
    assert sums.members == 2
    found = strategy.scorer.map(sums)
    assert found.shape == SHAPE
    assert 0 <= found.min() < found.max()


def test_mirrored_views_are_members_or_averaged(folder: Path) -> None:
    image, one = scan(SHAPE, seed=5)[0], read(folder, [0])
    apart, together = Stored(), Stored()
    Scorer(one, step=1.0, apart=True).score(image, SPACING, apart)
    Scorer(one, step=1.0, mirrored=True).score(image, SPACING, together)
    assert (len(apart.probs), len(together.probs)) == (8, 1)
    assert min(abs(view - apart.probs[0]).max() for view in apart.probs[1:]) > 0
    np.testing.assert_allclose(np.mean(apart.energies, axis=0), together.energies[0], rtol=1e-3)
    with pytest.raises(OptionsError, match="trained without mirroring"):
        Scorer(replace(one, axes=()), apart=True).score(image, SPACING, apart)


def test_tiles_have_any_size_up_to_the_stride(folder: Path) -> None:
    """A size that is rounded up to that of the plans gives what theirs gives; a larger one runs, too."""
    assert both(folder).planned.patch_size == [20, 24, 24]
    rounded, planned, larger = Stored(), Stored(), Stored()
    for tile, stored in (((19, 23, 22), rounded), (None, planned), ((40, 40, 40), larger)):
        Scorer(both(folder), tile=tile).score(scan(SHAPE)[0], SPACING, stored)
    np.testing.assert_array_equal(rounded.probs, planned.probs)
    assert larger.probs[0].shape == planned.probs[0].shape


def test_the_networks_are_those_of_the_files(folder: Path) -> None:
    path = folder / "fold_1" / "checkpoint_final.pth"
    expected = torch.load(path, weights_only=False)["network_weights"]
    (network,) = read(folder, [1]).networks()
    found = network.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_what_is_no_checkpoint_is_refused_and_never_run(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    path = copy / "fold_0" / "checkpoint_final.pth"
    torch.save({"network_weights": {}, "init_args": Path}, path)
    with pytest.raises(BrokenFileError, match="damaged, or holds what is no checkpoint"):
        read(copy, [0])
    path.write_bytes((folder / "fold_0" / "checkpoint_final.pth").read_bytes()[:1000])
    with pytest.raises(BrokenFileError, match="fold_0"):
        read(copy, [0])
    plans = json.loads((copy / "plans.json").read_text())
    plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]["features_per_stage"][0] = 8
    (copy / "plans.json").write_text(json.dumps(plans))
    with pytest.raises(BrokenFileError, match="does not fit its plans"):
        read(copy, [1])
    for text in ("{", "[1]", "{}"):
        (copy / "plans.json").write_text(text)
        with pytest.raises(BrokenFileError, match=r"plans\.json: is no"):
            read(copy, [1])


def test_scans_too_small_for_nnunet_are_refused(tmp_path: Path) -> None:
    small = {"a": annotated((1, 1, 1), (6, 6, 6), shape=(9, 10, 11))}
    with pytest.raises(InputError, match="too small for nnU-Net"):
        train(small, {"a": Placed((9, 10, 11), SPACING)}, CLASSES, tmp_path, Settings(steps=1, width=4), 0)


@pytest.mark.parametrize(
    "name", ["os.system", "torch.nn.parallel.distributed.os.system", "torch.nn.init.zeros_"]
)
def test_plans_that_name_anything_but_layers_are_refused(folder: Path, tmp_path: Path, name: str) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    plans = json.loads((copy / "plans.json").read_text())
    plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]["nonlin"] = name
    (copy / "plans.json").write_text(json.dumps(plans))
    with pytest.raises(OptionsError, match=f"make a network of {name}"):
        read(copy, [0])


def test_plans_count_all_cases_and_hashes_see_every_file(folder: Path) -> None:
    assert json.loads((folder / "dataset.json").read_text())["numTraining"] == 3
    assert len(set(hashes(folder, [0, 1]).values())) == 4


def test_training_again_in_the_same_folder_gives_the_same_network(tmp_path: Path) -> None:
    def weights() -> dict[str, Any]:
        found = trained(tmp_path, steps=1)
        path = found / "fold_all" / "checkpoint_final.pth"
        return torch.load(path, weights_only=False)["network_weights"]

    first, second = weights(), weights()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("cut", [0, 5])
def test_patches_hold_a_labelled_voxel_wherever_it_lies_in_them(cut: int) -> None:
    from queryloop.training.nnunet.trainers.labelled_boxes import LabelledBoxesLoader

    key = (-1, 0, 1)
    loader = LabelledBoxesLoader.__new__(LabelledBoxesLoader)
    loader.annotated_classes_key, loader.has_ignore = key, True
    loader.final_patch_size, loader.need_to_pad = (8, 9, 10), np.full(3, cut)
    loader.patch_size = tuple(side + cut for side in loader.final_patch_size)
    voxels = np.array([[0, 2, 30, 11], [0, 39, 0, 20]])
    before, shape, seen = voxels.copy(), (40, 41, 42), set[int]()
    for _ in range(300):
        drawn, _ = loader.get_bbox(shape, False, {key: voxels})
        lower = drawn + np.array(loader.patch_size) // 2 - np.array(loader.final_patch_size) // 2
        upper = lower + loader.final_patch_size
        inside = ((voxels[:, 1:] >= lower) & (voxels[:, 1:] < upper)).all(axis=1)
        assert inside.any()
        seen |= set((voxels[inside, 3] - lower[2]).tolist())
    np.testing.assert_array_equal(voxels, before)
    assert seen == set(range(10))
