"""Sums and voxel maps against the same scores of stored probabilities."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from queryloop.boxes import sums as sums_module
from queryloop.boxes.resolution import names, resolve
from queryloop.boxes.scored import Scored
from queryloop.boxes.sums import Sums
from queryloop.boxes.voxels import VoxelScorer, voxel_names
from queryloop.errors import InputError, NonFiniteError, OptionsError
from queryloop.strategies import definitions
from queryloop.strategies import resolve as resolve_any
from tests.boxes.made_up import CLASSES, MEMBERS, energies, softmax

SHAPE = (5, 6, 7)


def scorer(name: str, **options: object) -> VoxelScorer:
    found = resolve(name, options)
    assert isinstance(found, Scored)
    return found.scorer


def filled(voxels: VoxelScorer, probs: Tensor, energy: Tensor | None = None) -> Sums:
    sums = Sums(probs.shape[1], probs.shape[2:], voxels.each)  # type: ignore[arg-type]
    for member in range(len(probs)):
        sums.add(probs[member], energy[member] if energy is not None and "energy" in voxels.needs else None)
    return sums


def stored(probs: Tensor) -> Tensor:
    """All members' probabilities as rows, (voxels, M, C)."""
    return probs.flatten(2).permute(2, 0, 1)


@pytest.mark.parametrize("name", [name for name in voxel_names() if name not in ("grand", "egl", "el2n")])
def test_a_map_is_the_registered_score_of_stored_probabilities(name: str) -> None:
    probs = softmax("a", SHAPE)
    rows = stored(probs)
    expected = resolve_any(name).score({"mc_probs": rows, "probs": rows.mean(dim=1)}, 0)
    assert expected is not None
    voxels = scorer(name)
    np.testing.assert_allclose(voxels.map(filled(voxels, probs)).ravel(), expected, atol=2e-6)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("grand", "max"),
        ("grand_bound", "expected"),
        ("grand_expected", "expected_squared"),
        ("grand_pseudo", "pseudo"),
    ],
)
def test_grand_is_the_mean_over_members_of_each_members_own(name: str, label: str) -> None:
    probs, energy = softmax("a", SHAPE), energies("a", SHAPE)
    voxels = scorer(name, **({"label": label} if name == "grand" else {}))
    found = voxels.map(filled(voxels, probs, energy)).ravel()
    features = torch.randn(5, MEMBERS, energy[0].numel(), generator=torch.Generator().manual_seed(0))
    features *= energy.flatten(1).sqrt() / features.norm(dim=0)
    image = resolve_any("grand", {"label": label})
    parts = [
        image.score({"probs": stored(probs)[:, m], "embeddings": features[:, m].T}, 0) for m in range(MEMBERS)
    ]
    np.testing.assert_allclose(found, torch.stack(parts).mean(dim=0), rtol=1e-4)  # type: ignore[arg-type]


def head() -> tuple[torch.nn.Conv3d, Tensor, Tensor, Tensor]:
    """A last layer of a segmentation network, its input, its softmax (1, C, ...) and the input's energy."""
    draw = torch.Generator().manual_seed(0)
    layer = torch.nn.Conv3d(6, CLASSES, 1).double()
    with torch.no_grad():
        layer.weight.copy_(0.4 * torch.randn(layer.weight.shape, generator=draw))
        layer.bias.copy_(torch.randn(CLASSES, generator=draw))  # type: ignore[union-attr]
    features = torch.randn(1, 6, 3, 4, 5, generator=draw, dtype=torch.float64)
    probs = layer(features).softmax(dim=1).detach()
    return layer, features, probs, features.square().sum(dim=1)


def gradient(layer: torch.nn.Conv3d, features: Tensor, labels: Tensor) -> float:
    """Length of the mean cross-entropy's gradient by autograd; 255 is no label."""
    loss = torch.nn.functional.cross_entropy(layer(features), labels, ignore_index=255)
    parts = torch.autograd.grad(loss, list(layer.parameters()))
    return float(torch.cat([part.flatten() for part in parts]).norm())


@pytest.mark.parametrize("unknown", [0, 20])
def test_grand_expected_is_the_expected_square_of_the_gradient(unknown: int) -> None:
    """Labels drawn voxel by voxel; those of some voxels are not known, and these do not count."""
    layer, features, probs, energy = head()
    drawn = torch.multinomial(
        probs[0].flatten(1).T, 600, replacement=True, generator=torch.Generator().manual_seed(1)
    )
    drawn[:unknown] = 255
    squares = [gradient(layer, features, draw.reshape(1, 3, 4, 5)) ** 2 for draw in drawn.T]
    voxels = scorer("grand_expected")
    found = voxels.map(filled(voxels, probs.float(), energy.float())).ravel()[unknown:]
    expected = found.mean(dtype=np.float64) / len(found)
    assert expected == pytest.approx(np.mean(squares), abs=4 * np.std(squares) / 600**0.5)


@pytest.mark.parametrize("unknown", [0, 20])
def test_grand_bound_is_no_smaller_than_the_gradient_of_a_box(unknown: int) -> None:
    layer, features, probs, energy = head()
    labels = probs.argmax(dim=1)
    labels.view(-1)[:unknown] = 255
    voxels = scorer("grand_pseudo")
    found = voxels.map(filled(voxels, probs.float(), energy.float())).ravel()[unknown:]
    assert gradient(layer, features, labels) <= found.mean()


def test_grand_of_a_single_voxel_is_its_gradient() -> None:
    layer, features, probs, energy = head()
    voxels = scorer("grand_pseudo")
    found = voxels.map(filled(voxels, probs.float(), energy.float())).ravel()
    labels = probs.argmax(dim=1).view(-1)
    for at in (0, 17, 59):
        alone = torch.full_like(labels, 255)
        alone[at] = labels[at]
        assert found[at] == pytest.approx(gradient(layer, features, alone.reshape(1, 3, 4, 5)), rel=1e-4)


def test_members_that_agree_disagree_by_nothing() -> None:
    """Rounding alone makes the mutual information of 16-bit members negative in some voxels."""
    probs = softmax("a", SHAPE)[:1].half().float()
    probs = (probs / probs.sum(dim=1, keepdim=True)).expand(5, -1, -1, -1, -1)
    voxels = scorer("bald")
    found = voxels.map(filled(voxels, probs))
    assert found.min() >= 0
    assert found.max() < 1e-6


def test_blocks_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    probs, voxels = softmax("a", SHAPE), scorer("bald")
    whole = voxels.map(filled(voxels, probs))
    monkeypatch.setattr(sums_module, "_BLOCK", 40)
    np.testing.assert_array_equal(voxels.map(filled(voxels, probs)), whole)


def test_planes_may_come_one_after_the_other() -> None:
    probs, voxels = softmax("a", SHAPE), scorer("bald")
    sums = Sums(CLASSES, SHAPE, voxels.each)
    for member in probs:
        for z in (0, 2, 4):
            sums.add(member[:, z : z + 2], start=z)
    np.testing.assert_array_equal(voxels.map(sums), voxels.map(filled(voxels, probs)))
    assert sums.members == MEMBERS


def test_sums_give_mean_and_class() -> None:
    probs = softmax("a", SHAPE)
    sums = filled(scorer("entropy"), probs)
    torch.testing.assert_close(sums.mean, probs.mean(dim=0))
    np.testing.assert_allclose(sums.mean_of(2), probs.mean(dim=0)[2], rtol=1e-6)
    assert torch.equal(sums.classes.long(), probs.mean(dim=0).argmax(dim=0))


def test_members_of_sixteen_bits_lose_no_more_than_their_own_rounding() -> None:
    probs, voxels = softmax("a", SHAPE).bfloat16(), scorer("bald")
    found, exact = voxels.map(filled(voxels, probs)), voxels.map(filled(voxels, probs.float()))
    np.testing.assert_array_equal(found, exact)


def test_sums_take_no_more_memory_for_more_members() -> None:
    def numbers(members: int) -> int:
        sums = filled(scorer("bald"), softmax("a", SHAPE, members))
        return sum(part.numel() for part in vars(sums).values() if isinstance(part, Tensor))

    assert numbers(2) == numbers(9) == (CLASSES + 1) * 5 * 6 * 7


def test_what_are_no_probabilities_is_refused() -> None:
    sums = Sums(CLASSES, SHAPE)
    probs = softmax("a", SHAPE)[0]
    with pytest.raises(InputError, match="from plane 3 on"):
        sums.add(probs, start=3)
    with pytest.raises(InputError, match="Give a softmax"):
        sums.add(probs.log())
    with pytest.raises(NonFiniteError, match="NaN or infinity"):
        sums.add(probs.clone().index_fill_(1, torch.tensor([2]), torch.nan))
    sums.add(probs[:, :2])
    with pytest.raises(InputError, match="2 planes in all, but each must give 5"):
        _ = sums.members


def test_a_map_with_holes_is_refused() -> None:
    voxels = scorer("grand_bound")
    energy = energies("a", SHAPE).clone()
    energy[1, 2, 3, 4] = torch.inf
    with pytest.raises(NonFiniteError, match="`grand` gives NaN or infinity"):
        voxels.map(filled(voxels, softmax("a", SHAPE), energy))


def test_what_is_made_of_several_members_says_so() -> None:
    found = {name for name in names() if resolve(name).compares}
    assert found == {found.name for found in definitions() if "mc_probs" in found.needs} & set(names())
    assert found >= {"bald", "expected_entropy", "consensus_entropy", "bayesian_margin"}
    assert not found & {"entropy", "grand_expected", "random"}
    assert all(resolve(name).compares for name in ("power_bald", "power_expected_entropy", "bald+core_set"))


def test_a_label_for_each_voxel_is_not_drawn() -> None:
    with pytest.raises(OptionsError, match="choose another `label`"):
        resolve("grand", {"label": "sampled"})
