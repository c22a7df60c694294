"""BatchBALD against brute force: every joint table enumerated, every row tried at every pick."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from torch import Tensor

from queryloop.errors import OptionsError
from queryloop.strategies import batch_bald as module
from queryloop.strategies import resolve
from queryloop.strategies.batch_bald import batch_bald
from queryloop.strategies.bayesian import bald


def draws(n: int, t: int, classes: int, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    centre = 2 * torch.randn(n, 1, classes, generator=draw, dtype=torch.float64)
    return (centre + 1.5 * torch.randn(n, t, classes, generator=draw, dtype=torch.float64)).softmax(dim=2)


def joint_information(mc_probs: np.ndarray) -> float:
    """H of all labels together, less the mean over draws of H within a draw. mc_probs: (b, T, C)."""
    rows, _, classes = mc_probs.shape
    table = [
        np.mean(np.prod([mc_probs[row, :, label] for row, label in enumerate(labels)], axis=0))
        for labels in itertools.product(range(classes), repeat=rows)
    ]
    return entropy(table) - sum(np.mean(entropy(row, axis=1)) for row in mc_probs)


def brute_force(mc_probs: np.ndarray, k: int) -> tuple[list[int], list[float]]:
    picked: list[int] = []
    gained: list[float] = []
    for _ in range(k):
        totals = {
            row: joint_information(mc_probs[[*picked, row]])
            for row in range(len(mc_probs))
            if row not in picked
        }
        best = max(totals, key=totals.__getitem__)
        gained.append(totals[best] - sum(gained))
        picked.append(best)
    return picked, gained


def pick(mc_probs: Tensor, k: int, seed: int = 0, **options: int) -> tuple[list[int], list[float]]:
    picks = batch_bald(mc_probs, k, torch.Generator().manual_seed(seed), **options)
    return picks.positions.tolist(), picks.scores.tolist()


def without_laziness(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    """Every row compared by all configurations at every pick."""
    monkeypatch.setattr(module, "_SKETCH", 10**9)
    monkeypatch.setattr(module, "_FINALISTS", n)


@pytest.mark.parametrize(
    ("n", "t", "classes", "k"), [(40, 10, 2, 4), (25, 8, 3, 4), (18, 6, 5, 3), (60, 20, 4, 2)]
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_picks_and_gains_are_those_of_the_exact_greedy(
    n: int, t: int, classes: int, k: int, seed: int
) -> None:
    mc_probs = draws(n, t, classes, seed)
    positions, gains = pick(mc_probs, k)
    expected, gained = brute_force(mc_probs.numpy(), k)
    assert positions == expected
    np.testing.assert_allclose(gains, gained, atol=1e-7)


def test_sketch_and_finalists_find_the_exact_greedy_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SKETCH", 8)
    mc_probs = draws(40, 10, 3)
    positions, gains = pick(mc_probs, 4)
    expected, gained = brute_force(mc_probs.numpy(), 4)
    assert positions == expected
    np.testing.assert_allclose(gains, gained, atol=1e-7)


def test_a_block_of_one_row_picks_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    mc_probs = draws(50, 10, 3)
    whole = pick(mc_probs, 6)
    monkeypatch.setattr(module, "_BLOCK", 1)
    positions, gains = pick(mc_probs, 6)
    assert positions == whole[0]
    np.testing.assert_allclose(gains, whole[1], atol=1e-9)


def test_lazy_reaches_what_comparing_every_row_reaches(monkeypatch: pytest.MonkeyPatch) -> None:
    mc_probs = draws(300, 20, 2)
    lazy, _ = pick(mc_probs, 11)
    without_laziness(monkeypatch, 300)
    plain, _ = pick(mc_probs, 11)
    reached, best = (joint_information(mc_probs[rows].numpy()) for rows in (lazy, plain))
    assert reached >= 0.99 * best


def test_lazy_looks_at_few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    gains = module._gains
    monkeypatch.setattr(module, "_gains", lambda rows, known: looked.append(len(rows)) or gains(rows, known))
    monkeypatch.setattr(module, "_BLOCK", 2000)
    pick(draws(3000, 10, 3), 8)
    assert sum(looked) < 0.5 * 3000 * 8


def test_few_drawn_configurations_reach_nearly_what_all_do() -> None:
    mc_probs = draws(100, 20, 2)
    exact, _ = pick(mc_probs, 11)
    totals = [
        joint_information(mc_probs[pick(mc_probs, 11, seed, max_configurations=200)[0]].numpy())
        for seed in range(3)
    ]
    assert min(totals) >= 0.99 * joint_information(mc_probs[exact].numpy())


def test_drawn_configurations_estimate_gains_without_bias() -> None:
    mc_probs = draws(12, 10, 3)
    rows = range(6)
    exact = joint_information(mc_probs[list(rows)].numpy())
    totals = []
    for seed in range(40):
        generator, known = torch.Generator().manual_seed(seed), module._nothing_known(mc_probs)
        gained = 0.0
        for row in rows:
            gained += float(module._gains(mc_probs[row : row + 1], known))
            known = module._extended(known, mc_probs[row], 30, generator)
            assert len(known.weights) <= 30
        totals.append(gained)
    assert np.std(totals) > 1e-4, "nothing was drawn"
    assert abs(np.mean(totals) - exact) < 4 * np.std(totals) / math.sqrt(40)
    assert np.std(totals) < 0.05 * exact


def test_enumeration_lasts_to_exactly_the_limit() -> None:
    mc_probs = draws(5, 10, 3)
    generator, known = torch.Generator().manual_seed(0), module._nothing_known(mc_probs)
    before = generator.get_state()
    for row in range(3):
        known = module._extended(known, mc_probs[row], 27, generator)
    assert len(known.weights) == 27
    assert torch.equal(generator.get_state(), before)
    assert known.weights.sum().item() == pytest.approx(1)
    torch.testing.assert_close(known.draws.sum(dim=1), torch.ones(27, dtype=torch.float64))
    torch.testing.assert_close(known.weights @ known.draws, torch.full((10,), 0.1, dtype=torch.float64))
    module._extended(known, mc_probs[3], 80, generator)
    assert not torch.equal(generator.get_state(), before)


def test_labels_that_cannot_be_take_no_room() -> None:
    sure = torch.eye(4, dtype=torch.float64)[torch.tensor([[0, 0, 1, 1]])]
    generator = torch.Generator().manual_seed(0)
    known = module._extended(module._nothing_known(sure), sure[0], 100, generator)
    assert known.weights.tolist() == [0.5, 0.5]
    assert known.draws.tolist() == [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]]


def test_systematic_draws_are_in_proportion() -> None:
    left = torch.tensor([0.5, 0.1, 0.25, 0.15], dtype=torch.float64)
    drawn, factors = module._drawn(left, 4, torch.Generator().manual_seed(0))
    assert drawn.tolist() == [0, 1, 2, 3]
    assert factors.tolist() == [1, 1, 1, 1]
    total = torch.zeros(4, dtype=torch.float64)
    for seed in range(2000):
        drawn, factors = module._drawn(left, 3, torch.Generator().manual_seed(seed))
        assert (factors * left[drawn]).sum().item() == pytest.approx(1)
        total[drawn] += factors / 2000
    torch.testing.assert_close(total, torch.ones(4, dtype=torch.float64), rtol=0.1, atol=0)


def test_all_information_is_the_logarithm_of_the_number_of_draws() -> None:
    mc_probs = draws(200, 6, 4).float()
    positions, gains = pick(mc_probs, 200, max_configurations=500)
    assert sorted(positions) == list(range(200))
    assert sum(gains) == pytest.approx(math.log(6), rel=0.01)
    assert min(gains) >= 0
    assert gains[50] < 1e-3


def test_bald_fills_the_batch_once_the_draws_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    mc_probs = draws(300, 8, 4)
    positions, gains = pick(mc_probs, 120)
    told = sum(gain > 0 for gain in gains)
    assert 3 < told < 60
    assert gains[told:] == [0] * (120 - told)
    free = [row for row in bald(mc_probs).argsort(descending=True).tolist() if row not in positions[:told]]
    assert positions[told:] == free[: 120 - told]
    monkeypatch.setattr(module, "_LEFT", 0.0)
    plain, plainly = pick(mc_probs, 120)
    assert positions[:told] == plain[:told]
    assert 0.99 * sum(plainly) <= sum(gains) < sum(plainly)


def test_what_is_left_open_bounds_all_gains_to_come() -> None:
    mc_probs = draws(12, 6, 3)
    known, before = module._nothing_known(mc_probs), math.log(6)
    for row in range(7):
        gain = float(module._gains(mc_probs[row : row + 1], known))
        known = module._extended(known, mc_probs[row], 10**6, torch.Generator())
        left = module._left_open(known)
        assert left == pytest.approx(before - gain, abs=1e-9)
        before = left


def test_rows_that_tell_nothing_are_still_chosen_once_each() -> None:
    positions, gains = pick(torch.full((9, 5, 3), 1 / 3), 7)
    assert len(set(positions)) == 7
    assert gains == pytest.approx([0] * 7, abs=1e-6)
    thirds = torch.full((40, 20, 3), 1 / 3).bfloat16().float()  # a sum of 1.002
    assert max(pick(thirds, 9)[1]) < 1e-5
    certain = torch.eye(3)[torch.tensor([[1] * 5] * 9)]
    positions, gains = pick(certain, 9)
    assert sorted(positions) == list(range(9))
    assert gains == [0] * 9


def test_what_is_fully_known_adds_nothing() -> None:
    """Four draws that two rows tell apart: the third adds nothing, whatever bald says of it."""
    first, second = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])
    rows = torch.eye(2)[torch.stack([first, second, first])]
    positions, gains = pick(rows, 3)
    assert 1 in positions[:2]
    assert gains == pytest.approx([math.log(2), math.log(2), 0], abs=1e-6)


def test_bald_takes_copies_and_batch_bald_does_not() -> None:
    mc_probs = draws(12, 10, 3)
    best = bald(mc_probs).argmax()
    copied = torch.cat([mc_probs, mc_probs[best].expand(4, 10, 3)])
    positions, _ = pick(copied, 4)
    together = joint_information(copied[positions].numpy())
    assert together > joint_information(copied[bald(copied).topk(4).indices].numpy())


def test_the_generator_decides_alone() -> None:
    mc_probs = draws(60, 20, 3)
    assert pick(mc_probs, 12, 1, max_configurations=40) == pick(mc_probs, 12, 1, max_configurations=40)
    assert pick(mc_probs, 12, 1, max_configurations=40) != pick(mc_probs, 12, 2, max_configurations=40)


def test_single_precision_gains_the_same() -> None:
    mc_probs = draws(50, 20, 3)
    single, double = pick(mc_probs.float(), 5), pick(mc_probs, 5)
    assert single[0] == double[0]
    np.testing.assert_allclose(single[1], double[1], atol=1e-5)


def test_options_are_registered() -> None:
    assert resolve("batch_bald").options == {"max_configurations": 10_000}
    assert resolve("batch_bald").bounds == (0, None)
    with pytest.raises(OptionsError, match="max_configurations"):
        resolve("batch_bald", {"max_configurations": 0})
    assert len(set(pick(draws(20, 10, 3), 3, max_configurations=1)[0])) == 3


def test_a_sketch_leaves_as_much_open_as_what_it_stands_for() -> None:
    mc_probs = draws(6, 10, 3)
    generator, known = torch.Generator().manual_seed(0), module._nothing_known(mc_probs)
    assert module._sketched(known, generator).weights.tolist() == [1]
    for row in range(5):
        known = module._extended(known, mc_probs[row], 243, generator)
    sketch = module._sketched(known, generator)
    assert len(sketch.weights) <= 100 < len(known.weights)
    still_open = [float(side.weights @ module.nats(side.draws)) for side in (sketch, known)]
    assert still_open[0] == pytest.approx(still_open[1])
    torch.testing.assert_close(
        module._gains(mc_probs, sketch), module._gains(mc_probs, known), atol=0.02, rtol=0
    )
