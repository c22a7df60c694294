"""Terms of the adversarial loss against formulas written slowly and torch.func."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from queryloop.models.discriminator import Discriminator
from queryloop.training.adversarial import KINDS, Adversarial, slopes
from tests.training.planted import POOL, logits, problem


def judge(n_features: int = 6) -> Discriminator:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return Discriminator(n_features)


def features(n: int = 5) -> Tensor:
    return torch.randn(n, 6, generator=torch.Generator().manual_seed(1)) * 3


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def slow_separation(kind: str, labelled: list[float], pool: list[float], balance: float) -> float:
    if kind == "wasserstein":
        return sum(pool) / len(pool) - balance * sum(labelled) / len(labelled)
    misses = [(1 - sigmoid(x)) ** 2 / len(pool) for x in pool]
    return -sum([*misses, *(sigmoid(x) ** 2 / len(labelled) for x in labelled)])


def slow_slopes(kind: str, found: Discriminator, points: Tensor) -> Tensor:
    def output(point: Tensor) -> Tensor:
        logit = found.logits(point[None]).squeeze()
        return logit if kind == "wasserstein" else logit.sigmoid()

    return torch.func.vmap(torch.func.grad(output))(points).norm(dim=1)


def adversarial(**options: Any) -> Adversarial:
    _, objective = problem(auxiliary="adversarial", adversarial=options)
    assert isinstance(objective, Adversarial)
    return objective


@pytest.mark.parametrize("kind", KINDS)
def test_separation_is_the_formula_and_grows_with_the_gap(kind: str) -> None:
    labelled, pool = torch.tensor([-2.0, 0.5, 1.0]), torch.tensor([3.0, -1.0, 0.25])
    found = KINDS[kind].separation(labelled, pool, 0.3)
    assert found.item() == pytest.approx(slow_separation(kind, labelled.tolist(), pool.tolist(), 0.3))
    assert KINDS[kind].separation(labelled - 1, pool + 1, 0.3) > found


@pytest.mark.parametrize("kind", KINDS)
def test_slopes_are_those_of_each_row_alone(kind: str) -> None:
    torch.testing.assert_close(
        slopes(judge(), features(), KINDS[kind].output), slow_slopes(kind, judge(), features())
    )


def test_slopes_are_differences() -> None:
    points, step = features(), 1e-2
    moved = torch.stack([points + step * unit for unit in torch.eye(6)])
    back = torch.stack([points - step * unit for unit in torch.eye(6)])
    gradients = (judge().logits(moved.flatten(0, 1)) - judge().logits(back.flatten(0, 1))).reshape(6, 5)
    torch.testing.assert_close(
        slopes(judge(), points, KINDS["wasserstein"].output),
        gradients.norm(dim=0) / (2 * step),
        rtol=2e-2,
        atol=1e-3,
    )


@pytest.mark.parametrize(("kind", "published"), [("lsgan", 0.02), ("wasserstein", 2.0)])
@pytest.mark.parametrize("penalty", [None, 0.0, 0.7])
def test_the_discriminator_pays_for_slopes_other_than_one(
    kind: str, published: float, penalty: float | None
) -> None:
    objective, rows = adversarial(discriminator=kind, penalty=penalty), features()
    found = objective.opposition(judge(), rows, rows)  # between a row and itself lies that row
    logits = judge().logits(rows).tolist()
    paid = (slow_slopes(kind, judge(), rows) - 1).square().mean().item()
    weight = published if penalty is None else penalty
    assert found.item() == pytest.approx(weight * paid - slow_separation(kind, logits, logits, 1.0), rel=1e-4)


@pytest.mark.parametrize("at_ends", [False, True])
def test_slopes_count_between_the_sides(at_ends: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []

    def spied(found: Discriminator, points: Tensor, output: Any) -> Tensor:
        seen.append(points)
        return slopes(found, points, output)

    monkeypatch.setattr("queryloop.training.adversarial.slopes", spied)
    objective = adversarial(discriminator="wasserstein" if at_ends else "lsgan")
    labelled, pool = features(), features().flip(0) + 1
    objective.opposition(judge(), labelled, pool)
    objective.opposition(judge(), labelled, pool)
    (points, *ends), (again, *_) = (part.split(5) for part in seen)
    assert len(ends) == (2 if at_ends else 0)
    shares = (points - labelled) / (pool - labelled)
    assert (shares.std(dim=1) < 1e-4).all()
    assert ((shares >= 0) & (shares <= 1)).all()
    assert shares[:, 0].std() > 0.1
    assert not torch.equal(points, again)
    if at_ends:
        assert torch.equal(torch.cat(ends), torch.cat([labelled, pool]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_network_pays_for_being_told_apart_by_the_newer_discriminator(kind: str) -> None:
    weight = 0.25
    network, objective = problem(
        auxiliary="adversarial", adversarial={"discriminator": kind, "weight": weight}
    )
    inputs, targets = next(iter(objective.batches))
    labelled, pool = next(problem(auxiliary="adversarial")[1]._pairs)  # a twin draws the same
    found = objective(network, inputs, targets, 0.0)
    assert network.trunk.training
    network.trunk.eval()  # statistics are those of the labelled batch by now
    logits = [network.auxiliary.logits(network.embed(part)).tolist() for part in (labelled, pool)]
    network.trunk.train()
    task = F.cross_entropy(network(inputs), targets).item()
    balance = 80 / 320
    told_apart = slow_separation(kind, *logits, balance)
    assert found.item() == pytest.approx(task + weight * told_apart, rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_level_that_means_nothing_is_moved_between_the_sides(kind: str) -> None:
    network, objective = problem(auxiliary="adversarial", adversarial={"discriminator": kind})
    before = network.eval().auxiliary.layers[-1].bias.detach().clone()
    objective.finish(network)
    middle = sum(logits(network, rows, objective).mean() for rows in objective._some) / 2
    has_moved = not torch.equal(network.auxiliary.layers[-1].bias, before)
    assert has_moved == (kind == "wasserstein")
    assert (middle.abs() < 1e-5) == has_moved
    network.auxiliary.lower(3.0)
    objective.finish(network)
    assert (logits(network, POOL, objective).mean().abs() > 1) == (kind == "lsgan")


def test_the_discriminator_computes_in_fp32_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        found = judge().logits(features().bfloat16())
    assert found.dtype == torch.float32
    assert torch.equal(found, judge().logits(features().bfloat16().float()))


@pytest.mark.parametrize("kind", KINDS)
def test_its_gradients_are_those_of_fp32_under_autocast(kind: str) -> None:
    def stepped(enabled: bool) -> tuple[Tensor, Tensor]:
        found, objective = judge(), adversarial(discriminator=kind)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            lengths = slopes(found, features(), KINDS[kind].output)
            objective.descend(found, objective.opposition(found, features(), features().flip(0)))
        gradients = [parameter.grad.flatten() for parameter in found.parameters()]
        return lengths, torch.cat(gradients)

    for exact, same in zip(stepped(False), stepped(True), strict=True):
        assert torch.equal(exact, same)
