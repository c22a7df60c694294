"""Both strategies against loops over rows, copies and anchors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear, normalize

from queryloop.errors import InputError, OptionsError
from queryloop.strategies import perturbation, resolve, select
from queryloop.strategies.evidence import Head
from queryloop.strategies.made_up import example
from queryloop.strategies.perturbation import alfa_mix, dropquery


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(n: int = 60, classes: int = 4, seed: int = 0) -> tuple[Tensor, Head, Tensor]:
    """Embeddings, a head, and the probabilities that follow."""
    evidence = example(n=n, classes=classes, seed=seed)
    embeddings = torch.from_numpy(evidence["embeddings"])
    head = Head(*map(torch.from_numpy, evidence["head"]))
    return embeddings, head, linear(embeddings, *head).softmax(dim=1)


def slow_differing(embeddings: Tensor, head: Head, draws: int, rate: float, seed: int) -> list[int]:
    generator, counts = seeded(seed), [0] * len(embeddings)
    for _ in range(draws):
        kept = (torch.rand(embeddings.shape, generator=generator) >= rate).double()
        for row, h in enumerate(embeddings):
            copy = head.weight @ (h * kept[row] / (1 - rate)) + head.bias
            counts[row] += int(copy.argmax() != (head.weight @ h + head.bias).argmax())
    return counts


def gap(p: Tensor) -> float:
    second, first = p.sort().values[-2:]
    return float(first - second)


@pytest.mark.parametrize(("draws", "rate"), [(3, 0.75), (4, 0.4), (1, 0.0), (6, 0.9)])
def test_too_few_candidates_are_filled_up_by_copies_and_margin(draws: int, rate: float) -> None:
    embeddings, head, probs = network()
    counts = slow_differing(embeddings, head, draws, rate, 5)
    k = max(50, sum(count > draws / 2 for count in counts))
    order = sorted(range(60), key=lambda row: (-counts[row], gap(probs[row])))[:k]
    picks = dropquery(embeddings, head, k, seeded(5), draws=draws, rate=rate)
    assert picks.positions.tolist() == order
    np.testing.assert_allclose(picks.scores, [counts[row] / draws for row in order])


def test_three_quarters_are_dropped_three_times_by_default() -> None:
    assert resolve("dropquery").options == {"draws": 3, "rate": 0.75}
    assert resolve("alfa_mix").options == {"epsilon": 0.2}


def far_groups(sizes: list[int], seed: int = 0) -> Tensor:
    """Clusters so far apart that k-means cannot fail."""
    rows = torch.randn(sum(sizes), 6, generator=seeded(seed)).double()
    group = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return rows + 300 * torch.eye(6)[group]


@pytest.mark.parametrize("draws", [3, 4])
def test_many_candidates_are_spread_over_clusters(draws: int) -> None:
    embeddings = far_groups([30, 30, 30])
    head = Head(torch.randn(5, 6, generator=seeded(1)).double() / 100, torch.zeros(5).double())
    probs = linear(embeddings, *head).softmax(dim=1)
    counts = slow_differing(embeddings, head, draws, 0.75, 2)
    candidates = [row for row in range(90) if counts[row] > draws / 2]
    wanted = []
    for start in (0, 30, 60):
        rows = [row for row in candidates if start <= row < start + 30]
        centre = embeddings[rows].mean(dim=0)
        wanted.append(rows[int((embeddings[rows] - centre).norm(dim=1).argmin())])
    wanted.sort(key=lambda row: (-counts[row], gap(probs[row])))
    picks = dropquery(embeddings, head, 3, seeded(2), draws=draws)
    assert len(candidates) > 3
    assert picks.positions.tolist() == wanted
    np.testing.assert_allclose(picks.scores, [counts[row] / draws for row in wanted])


def test_as_many_candidates_as_asked_are_all_taken() -> None:
    embeddings, head, _ = network()
    counts = slow_differing(embeddings, head, 3, 0.75, 0)
    candidates = [row for row in range(60) if counts[row] > 1.5]
    picks = dropquery(embeddings, head, len(candidates), seeded(0))
    assert sorted(picks.positions.tolist()) == candidates


def test_blocks_see_other_draws_but_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings, head, probs = network()
    monkeypatch.setattr(perturbation, "_BLOCK", 8 * 7)
    differing, gaps = perturbation._disturbed(embeddings, head, 200, 0.75, seeded())
    np.testing.assert_allclose(-gaps, [gap(p) for p in probs], rtol=1e-9)
    slow = slow_differing(embeddings, head, 200, 0.75, 1)
    assert float((differing - torch.tensor(slow)).abs().max()) < 50
    assert float((differing - torch.tensor(slow)).mean().abs()) < 5


def flips(embeddings: Tensor, head: Head, anchors: list[Tensor], e: float) -> list[bool]:
    """The published closed form, element by element, for every anchor."""
    found = []
    for h in embeddings:
        free = h.clone().requires_grad_()
        label = (head.weight @ h + head.bias).argmax()
        (g,) = torch.autograd.grad(cross_entropy(head.weight @ free + head.bias, label), free)
        changed = False
        for anchor in anchors:
            z = anchor - h
            alpha = e / math.sqrt(len(h)) * z.norm() / g.norm() * g / z
            mix = (1 - alpha) * h + alpha * anchor
            changed |= bool((head.weight @ mix + head.bias).argmax() != label)
        found.append(changed)
    return found


def labelled() -> tuple[Tensor, Tensor, list[Tensor]]:
    """Labelled rows of classes 0, 2 and 3, and the mean of each."""
    rows, labels = torch.randn(9, 8, generator=seeded(3)).double(), torch.tensor([0, 2, 3, 0, 0, 2, 3, 3, 3])
    return rows, labels, [rows[labels == label].mean(dim=0) for label in (0, 2, 3)]


def mixed(k: int, **options: float) -> tuple[Tensor, Tensor]:
    embeddings, head, probs = network()
    rows, labels, _ = labelled()
    return alfa_mix(probs, embeddings, rows, labels, head, k, seeded(), **options)


def test_the_score_tells_the_least_mix_that_flips() -> None:
    embeddings, head, _ = network()
    positions, scores = mixed(60)
    least = 1 / scores - 1
    assert torch.equal(scores, scores.sort(descending=True).values)
    for row, e in zip(positions.tolist(), least.tolist(), strict=True):
        if math.isfinite(e):
            only = embeddings[row : row + 1]
            assert flips(only, head, labelled()[2], e * 1.001) == [True]
            assert flips(only, head, labelled()[2], e * 0.999) == [False]
    assert all(not flag for flag in flips(embeddings, head, labelled()[2], float(least.min()) * 0.999))


@pytest.mark.parametrize(("k", "epsilon"), [(3, 0.05), (3, 0.2), (10, 0.1), (20, 0.3), (50, 0.3)])
def test_candidates_are_those_that_flip_as_epsilon_grows(
    monkeypatch: pytest.MonkeyPatch, k: int, epsilon: float
) -> None:
    embeddings, head, _ = network()
    seen: list[tuple[list[int], Tensor]] = []

    def spy(candidates: Tensor, features: Tensor, urgency: Tensor, k: int, _: object) -> Tensor:
        seen.append((candidates.tolist(), features))
        return torch.arange(k)

    monkeypatch.setattr(perturbation, "_spread", spy)
    mixed(k, epsilon=epsilon)
    cap, wanted = 0.0, []
    while cap < 1 and len(wanted) <= k:
        cap += epsilon
        changed = flips(embeddings, head, labelled()[2], cap)
        wanted = [row for row in range(60) if changed[row]]
    ((candidates, features),) = seen
    assert candidates == wanted
    torch.testing.assert_close(features, normalize(embeddings[wanted]))


def test_where_too_few_flip_the_easiest_are_taken() -> None:
    positions, scores = mixed(60)
    many = int((1 / scores - 1 <= 1).sum())
    assert 5 < many < 59
    assert torch.equal(mixed(many, epsilon=1.0)[0], positions[:many])
    assert torch.equal(mixed(many + 1)[0], positions[: many + 1])


def test_flipping_rows_are_spread_over_clusters_of_directions() -> None:
    embeddings = far_groups([30, 30, 30])
    head = Head(torch.randn(5, 6, generator=seeded(1)).double() / 100, torch.zeros(5).double())
    given = linear(embeddings, *head).softmax(dim=1), embeddings, torch.full((1, 6), -3000.0).double()
    everything = alfa_mix(*given, torch.tensor([1]), head, 90, seeded())
    ease = dict(zip(everything.positions.tolist(), everything.scores.tolist(), strict=True))
    assert 1 / everything.scores.min() - 1 < 0.2, "all rows are candidates"
    picks = alfa_mix(*given, torch.tensor([1]), head, 3, seeded())
    directions = normalize(embeddings).unflatten(0, (3, 30))
    offsets = (directions - directions.mean(dim=1, keepdim=True)).norm(dim=2)
    wanted = (offsets.argmin(dim=1) + torch.tensor([0, 30, 60])).tolist()
    assert picks.positions.tolist() == sorted(wanted, key=lambda row: -ease[row])
    assert picks.scores.tolist() == sorted((ease[row] for row in wanted), reverse=True)


def test_a_certain_row_never_flips_and_a_tie_flips_at_once() -> None:
    embeddings = torch.tensor([[5.0, 0.0], [0.5, 0.5]])
    head = Head(torch.eye(2), torch.zeros(2))
    probs = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    picks = alfa_mix(probs, embeddings, torch.tensor([[0.0, 9.0]]), torch.tensor([1]), head, 2, seeded())
    assert picks.positions.tolist() == [1, 0]
    assert picks.scores.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("logits", [[30.0, 0.0, 0.0], [30.0, 10.0, 0.0], [90.0, 80.0, 0.0]])
def test_a_direction_is_exact_where_the_likeliest_class_rounds_to_1(logits: list[float]) -> None:
    exact = torch.tensor([logits], dtype=torch.float64).softmax(dim=1)
    errors = exact - torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    errors[0, 0] = -exact[0, 1:].sum()
    found = perturbation._directions(torch.tensor([logits]).softmax(dim=1), torch.tensor([[0]]))
    torch.testing.assert_close(found.double(), errors / errors.abs().amax(), rtol=1e-5, atol=1e-9)


def test_a_row_on_its_only_anchor_does_not_move() -> None:
    embeddings, head, probs = network(n=5)
    picks = alfa_mix(probs, embeddings, embeddings[:1], torch.tensor([2]), head, 5, seeded())
    assert picks.positions.tolist()[-1] == 0
    assert float(picks.scores[-1]) < 1e-9


def test_another_class_that_is_ahead_already_counts_as_flipped() -> None:
    leads = torch.tensor([[0.0, -1.0], [0.0, 2.0], [0.0, 0.0]])
    rises = torch.tensor([[0.0, -1.0], [0.0, 4.0], [0.0, -1.0]])
    assert perturbation._lengths(leads, rises).tolist() == [0.0, 0.5, math.inf]


def test_blocks_change_nothing_in_alfa_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mixed(60)
    monkeypatch.setattr(perturbation, "_BLOCK", 8 * 7)
    parts = mixed(60)
    assert torch.equal(parts[0], whole[0])
    torch.testing.assert_close(parts[1], whole[1])


def test_alfa_mix_without_labels_says_what_to_do() -> None:
    evidence = example() | {"labeled_embeddings": np.empty((0, 8)), "labels": np.empty(0, dtype=int)}
    with pytest.raises(InputError, match=r"`alfa_mix` mixes with labelled rows.*begin with random"):
        select("alfa_mix", k=3, seed=0, **{name: evidence[name] for name in resolve("alfa_mix").needs})


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("dropquery", "draws", 0),
        ("dropquery", "rate", 1.0),
        ("dropquery", "rate", -0.1),
        ("alfa_mix", "epsilon", 0.0),
    ],
)
def test_options_out_of_range_are_refused(name: str, option: str, value: float) -> None:
    with pytest.raises(OptionsError, match=option):
        resolve(name, {option: value})


def test_what_flips_at_once_joins_the_first_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[list[int]] = []

    def spy(candidates: Tensor, _features: Tensor, _urgency: Tensor, k: int, _: object) -> Tensor:
        seen.append(candidates.tolist())
        return torch.arange(k)

    least = torch.tensor([0.0, 0.0, 0.1, 0.2, 0.3], dtype=torch.float64)
    monkeypatch.setattr(perturbation, "_least_mix", lambda *_: least)
    monkeypatch.setattr(perturbation, "_spread", spy)
    embeddings, head, probs = network(n=5)
    alfa_mix(probs, embeddings, embeddings[:1], torch.tensor([2]), head, 1, seeded())
    assert seen == [[0, 1, 2, 3]]


def test_a_tie_on_its_only_anchor_flips_at_once() -> None:
    rows, probs = torch.tensor([[0.5, 0.5], [5.0, 0.0]]), torch.tensor([[0.5, 0.5], [1.0, 0.0]])
    head = Head(torch.eye(2), torch.zeros(2))
    picks = alfa_mix(probs, rows, rows[:1], torch.tensor([0]), head, 2, seeded())
    assert picks.positions.tolist() == [0, 1]
    assert picks.scores.tolist() == [1.0, 0.0]


def test_one_draw_without_dropout_is_allowed() -> None:
    assert resolve("dropquery", {"draws": 1, "rate": 0.0}).options == {"draws": 1, "rate": 0.0}
