"""What holds for whatever is trained to tell the pool from the labelled samples."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from queryloop.errors import NonFiniteRowsError
from queryloop.models.network import Network
from queryloop.training.discriminating import Side
from queryloop.training.objective import Objective
from tests.training.conftest import batches
from tests.training.planted import LABELS, POOL, ROWS, STRANGE, logits, problem, trained

NOTHING = np.empty(0, np.int64)
LSGAN: dict[str, Any] = {"auxiliary": "adversarial"}
WASSERSTEIN: dict[str, Any] = {"auxiliary": "adversarial", "adversarial": {"discriminator": "wasserstein"}}
VAAL: dict[str, Any] = {"auxiliary": "vaal"}
KINDS = pytest.mark.parametrize("kind", [LSGAN, WASSERSTEIN, VAAL], ids=["lsgan", "wasserstein", "vaal"])


def weights(network: Network, auxiliary: bool) -> dict[str, Tensor]:
    """Copies of the weights and statistics of the auxiliary, or of all else."""
    state = network.state_dict().items()
    return {name: v.clone() for name, v in state if name.startswith("auxiliary.") == auxiliary}


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


def batch(objective: Objective) -> tuple[Tensor, Tensor]:
    return next(iter(objective.batches))


@KINDS
def test_what_is_unlike_the_labelled_samples_looks_unlabelled(kind: dict[str, Any]) -> None:
    network, objective = trained(**kind)
    strange, labelled = (logits(network, rows, objective) for rows in (STRANGE, ROWS))
    assert strange.median() > labelled.quantile(0.9)
    quality = objective.quality(network)
    assert quality is not None
    assert quality > 0.7
    inputs = objective.batches.augmented(ROWS, torch.Generator())
    assert (network(inputs).argmax(dim=1).numpy() == LABELS[ROWS]).mean() > 0.95


@KINDS
def test_steps_of_either_leave_the_other_alone(kind: dict[str, Any]) -> None:
    network, objective = problem(**kind)
    fresh, auxiliary = weights(network, auxiliary=False), weights(network, auxiliary=True)
    with torch.no_grad():
        network(batch(objective)[0])  # statistics of the batch, which plain training learns too
    statistics = weights(network, auxiliary=False)
    network.load_state_dict(fresh | auxiliary)

    loss = objective(network, *batch(objective), 0.0)
    assert equal(weights(network, auxiliary=False), statistics)
    after = weights(network, auxiliary=True)
    assert not equal(after, auxiliary)

    given = [None if p.grad is None else p.grad.clone() for p in network.auxiliary.parameters()]
    loss.backward()
    for before, parameter in zip(given, network.auxiliary.parameters(), strict=True):
        assert before is not None
        assert torch.equal(before, parameter.grad)
    optimised = {id(p) for p in objective.parameters(network)}
    assert optimised == {id(p) for name, p in network.named_parameters() if name in fresh}
    assert equal(weights(network, auxiliary=True), after)
    assert all(p.requires_grad for p in network.parameters())


@pytest.mark.parametrize(
    "kind", [VAAL, {**LSGAN, "adversarial": {"weight": 0}}, {**WASSERSTEIN, "adversarial": {"weight": 0}}]
)
def test_a_network_that_does_not_resist_is_the_plain_one(kind: dict[str, Any]) -> None:
    plain, _ = trained(auxiliary="none", min_steps=8)
    network, objective = trained(**kind, min_steps=8, augmentation="none")
    assert equal(weights(network, auxiliary=False), weights(plain, auxiliary=False))
    assert objective.steps == 8 * (2 if kind is VAAL else 1)


@pytest.mark.parametrize("kind", [LSGAN, VAAL])
def test_the_first_weights_are_those_without(kind: dict[str, Any]) -> None:
    plain, network = problem(auxiliary="none")[0], problem(**kind)[0]
    assert equal(weights(network, auxiliary=False), weights(plain, auxiliary=False))


def test_a_network_that_resists_is_another() -> None:
    plain, _ = trained(auxiliary="none", min_steps=8)
    for kind in (LSGAN, WASSERSTEIN):
        assert not equal(weights(trained(**kind, min_steps=8)[0], False), weights(plain, False))


@KINDS
def test_two_trainings_give_the_same_bits(kind: dict[str, Any]) -> None:
    shuffled = np.random.default_rng(1).permutation(POOL)
    first, one = trained(**kind, min_steps=4, augmentation="affine")
    second, two = trained(**kind, min_steps=4, augmentation="affine", pool=shuffled)
    assert equal(first.state_dict(), second.state_dict())
    assert one.quality(first) == two.quality(second)


@KINDS
def test_without_a_pool_training_is_plain(kind: dict[str, Any]) -> None:
    plain, _ = trained(auxiliary="none", min_steps=5)
    network, objective = trained(NOTHING, **kind, min_steps=5)
    assert equal(weights(network, auxiliary=False), weights(plain, auxiliary=False))
    assert (objective.steps, objective.quality(network)) == (0, None)


@KINDS
def test_one_row_of_either_is_enough(kind: dict[str, Any]) -> None:
    network, objective = trained(POOL[:1], ROWS[:1], **kind, min_steps=3)
    assert all(torch.isfinite(value).all() for value in network.state_dict().values())
    assert objective.steps > 0
    assert objective.quality(network) is None


def test_the_quality_is_the_share_of_pairs_in_the_right_order() -> None:
    network, objective = trained(**LSGAN, min_steps=10)
    labelled, pool = (
        logits(network, Side(name, rows, objective.batches).held_out, objective)
        for name, rows in (("labelled", ROWS), ("pool", POOL))
    )
    right = [(b > a).item() + (b == a).item() / 2 for a in labelled for b in pool]
    assert objective.quality(network) == pytest.approx(np.mean(right))


def test_a_diverged_discriminator_names_the_row() -> None:
    network, objective = problem(**LSGAN)
    with torch.no_grad():
        next(network.auxiliary.parameters()).fill_(torch.nan)
    with pytest.raises(NonFiniteRowsError) as error:
        objective.quality(network)
    assert error.value.first == Side("labelled", ROWS, objective.batches).held_out[0]
    assert str(error.value).endswith("Lower training.adversarial.learning_rate, or training.learning_rate.")


def test_a_tenth_is_never_seen() -> None:
    data = batches(n=12)
    side = Side("pool", np.arange(100, 145), data)
    assert len(side.held_out) == 4
    assert sorted([*side.held_out, *side.seen]) == list(range(100, 145))
    shuffled = Side("pool", side.rows[::-1], data)
    assert shuffled.held_out.tolist() == side.held_out.tolist()
    other = Side("pool", side.rows, batches(n=12, seed=1))
    assert other.held_out.tolist() != side.held_out.tolist()
    assert not len(Side("pool", np.arange(9), data).held_out)


def test_batches_beside_go_round_the_seen_rows_without_end() -> None:
    data = batches(n=23)
    images = np.arange(23, dtype=np.uint8)[:, None, None, None].repeat(4, axis=1).repeat(4, axis=2)
    object.__setattr__(data, "images", images)
    side = Side("labelled", np.arange(23), data)
    levels = [
        (part[:, 0, 0, 0] * data.pixels.std[0] + data.pixels.mean[0]).mul(255).round().int().tolist()
        for part in islice(side.endless(5), 12)
    ]
    for start in range(0, 12, 4):  # of 21 rows one waits for the next round
        met = [level for part in levels[start : start + 4] for level in part]
        assert len(set(met)) == 20
        assert set(met) <= set(side.seen.tolist())
    assert levels[:4] != levels[4:8]
