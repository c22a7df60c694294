"""Discriminative active learning on pools with regions that hold no label."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor

from queryloop.errors import InputError, OptionsError
from queryloop.options import ModelOptions, TrainingOptions
from queryloop.strategies import discriminative as module
from queryloop.strategies import resolve
from queryloop.strategies.quality import qualities
from queryloop.tasks.classification.networks import train
from queryloop.tasks.classification.prediction import predict
from queryloop.tasks.task import Recipe

WIDTH = 8


def drawn(n: int, seed: int) -> Tensor:
    return torch.randn(n, WIDTH, generator=torch.Generator().manual_seed(seed))


def regions(*sizes: int, far: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Rows about the origin, then about a point on axis i at distance far[i]; and which."""
    which = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    centres = torch.zeros(len(sizes), WIDTH)
    centres[range(1, len(sizes)), range(len(far))] = torch.tensor(far)
    return centres[which] + drawn(len(which), 1), which


def query(pool: Tensor, labeled: Tensor, k: int, seed: int = 0, **options: int) -> list[int]:
    evidence = {"embeddings": pool, "labeled_embeddings": labeled}
    return resolve("discriminative", options).choose(None, evidence, k=k, seed=seed).positions.tolist()


def counts(rows: list[int], which: Tensor) -> Counter[int]:
    return Counter(which[rows].tolist())


@pytest.mark.parametrize("seed", [0, 4])
def test_rounds_cover_every_region_without_labels_where_one_round_takes_the_farthest(seed: int) -> None:
    pool, which = regions(300, 50, 50, far=(30.0, 5.0))
    at_once = counts(query(pool, drawn(60, 2), 20, seed, rounds=1), which)
    by_and_by = counts(query(pool, drawn(60, 2), 20, seed), which)
    assert at_once[1] >= 18
    assert min(by_and_by[1], by_and_by[2]) >= 4


def test_the_first_picks_lie_where_no_label_is() -> None:
    pool, which = regions(500, 40, far=(6.0,))
    assert counts(query(pool, drawn(100, 2), 10, rounds=1), which) == {1: 10}


def test_a_rare_side_counts_as_much_as_the_other() -> None:
    pool, which = regions(3000, 30, far=(6.0,))
    assert counts(query(pool, drawn(6, 2), 5, rounds=1), which)[1] >= 3


def test_quality_says_whether_there_is_anything_to_tell_apart() -> None:
    alike, other = drawn(400, 1), drawn(400, 1) + 4
    with qualities() as found:
        query(alike, drawn(200, 2), 10, rounds=1)
        query(other, drawn(200, 2), 10, rounds=1)
        query(other, drawn(4, 2), 10, rounds=1)  # too few to hold one out
    assert found == [pytest.approx(0.5, abs=0.12), pytest.approx(1.0, abs=0.01)]


def test_a_network_shows_which_rows_it_has_learned_by_heart() -> None:
    """Images and labels are noise, so the labelled ones are a fair sample and yet told from the others."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (600, 8, 8, 1), np.uint8), rng.integers(0, 5, 100)
    training = TrainingOptions(min_steps=200, threads=1, precision="32")
    recipe = Recipe(ModelOptions(), training, 0)
    checkpoint = train(images, (np.arange(100), labels), list("abcde"), recipe)
    seen = predict(checkpoint, images, np.arange(600), frozenset({"embeddings"}), training)["embeddings"]
    with qualities() as found:
        query(torch.as_tensor(seen[100:]), torch.as_tensor(seen[:100]), 10, rounds=1)
    assert found[0] > 0.8


@pytest.mark.parametrize(("k", "rounds"), [(1, 10), (7, 3), (12, 12)])
def test_rounds_divide_the_query_whatever_its_size(k: int, rounds: int) -> None:
    rows = query(drawn(30, 1), drawn(5, 2), k, rounds=rounds)
    assert len(set(rows)) == k


def test_scores_fall_within_a_round() -> None:
    evidence = {"embeddings": drawn(100, 1), "labeled_embeddings": drawn(20, 2)}
    picks = resolve("discriminative", {"rounds": 2}).choose(None, evidence, k=20, seed=0)
    for part in picks.scores.split(10):
        assert part.tolist() == sorted(part.tolist(), reverse=True)


def test_evidence_from_inference_mode_is_taken_and_no_graph_is_left() -> None:
    with torch.inference_mode():
        evidence = {"embeddings": drawn(50, 1), "labeled_embeddings": drawn(10, 2)}
        inside = resolve("discriminative").choose(None, evidence, k=5, seed=0)
    outside = resolve("discriminative").choose(None, evidence, k=5, seed=0)
    assert inside.positions.tolist() == outside.positions.tolist()
    assert not outside.scores.requires_grad


def test_constant_features_and_large_numbers_are_taken() -> None:
    pool, which = regions(200, 30, far=(6.0,))
    pool, labeled = 1e6 * pool + 1e7, 1e6 * drawn(60, 2) + 1e7
    pool[:, 7] = labeled[:, 7] = 5.0
    assert counts(query(pool, labeled, 10, rounds=1), which) == {1: 10}
    assert np.isfinite(query(torch.full((9, 3), 2.0), torch.full((5, 3), 2.0), 3)).all()


def test_what_it_cannot_do_is_refused() -> None:
    with pytest.raises(InputError, match="begin with random"):
        query(drawn(9, 1), drawn(0, 2), 3)
    with pytest.raises(OptionsError, match="'rounds'"):
        query(drawn(9, 1), drawn(3, 2), 3, rounds=0)


@pytest.mark.parametrize(("share", "batches"), [(1.0, 10), (0.98, 10), (0.97, 100), (0.5, 100)])
def test_training_stops_once_98_of_100_are_told_right(
    share: float, batches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []
    monkeypatch.setattr(module, "_learn", lambda *given: seen.append(given[2]) or share)
    module._trained(drawn(30, 1), torch.arange(10), torch.arange(10, 30), torch.Generator())
    assert [len(batch) for batch in seen] == [256] * batches


def test_a_batch_holds_as_many_labelled_rows_as_others(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = torch.arange(30.0)[:, None]
    seen: list[tuple[Tensor, Tensor]] = []
    monkeypatch.setattr(module, "_learn", lambda *given: seen.append(given[2:]) or 1.0)
    module._trained(rows, torch.arange(10), torch.arange(10, 30), torch.Generator())
    for batch, in_pool in seen:
        assert torch.equal(in_pool, batch[:, 0] >= 10)
        assert in_pool.sum() == 128
    assert torch.cat([batch for batch, _ in seen]).unique().tolist() == list(range(30))


def test_a_network_starts_as_he_et_al_say_and_is_one_rectified_layer() -> None:
    network = module._Network(50, torch.Generator().manual_seed(0), torch.device("cpu"))
    weight, bias, last, shift = (part.detach() for part in network.parameters)
    assert [part.shape for part in (weight, bias, last, shift)] == [(128, 50), (128,), (1, 128), (1,)]
    assert weight.std() == pytest.approx(np.sqrt(2 / 50), rel=0.05)
    assert last.std() == pytest.approx(np.sqrt(2 / 128), rel=0.2)
    assert not bias.any()
    assert not shift.any()
    assert all(part.requires_grad for part in network.parameters)
    rows = torch.randn(9, 50)
    wanted = (rows @ weight.T).clamp(min=0) @ last[0]
    torch.testing.assert_close(module._logits(network, rows), wanted)


def test_learning_lowers_the_loss_and_counts_what_was_right_before() -> None:
    rows, in_pool = torch.cat([drawn(20, 1), drawn(20, 2) + 2]), torch.arange(40) >= 20
    network = module._Network(WIDTH, torch.Generator().manual_seed(0), torch.device("cpu"))
    optimizer = torch.optim.AdamW(network.parameters, 5e-3)
    told = ((module._logits(network, rows) > 0) == in_pool).float().mean()
    assert module._learn(network, optimizer, rows, in_pool) == pytest.approx(float(told))
    for _ in range(100):
        share = module._learn(network, optimizer, rows, in_pool)
    assert share > max(0.95, float(told))


def test_logits_stay_moderate_where_there_is_nothing_to_tell() -> None:
    network = module._trained(drawn(400, 1), torch.arange(200), torch.arange(200, 400), torch.Generator())
    assert module._logits(network, drawn(400, 1)).abs().max() < 20


def test_a_fifth_is_held_out() -> None:
    kept, rest = module._held_out(torch.arange(100, 122), torch.Generator().manual_seed(0))
    assert (len(kept), len(rest)) == (18, 4)
    assert sorted([*kept.tolist(), *rest.tolist()]) == list(range(100, 122))
    assert kept.tolist() != sorted(kept.tolist())


@pytest.mark.parametrize(("n_labeled", "n_pool", "reported"), [(5, 5, 1), (4, 50, 0), (50, 4, 0)])
def test_quality_needs_five_of_each(n_labeled: int, n_pool: int, reported: int) -> None:
    with qualities() as found:
        query(drawn(n_pool, 1), drawn(n_labeled, 2), 1)
    assert len(found) == reported


def test_features_are_standardised_together_and_constant_ones_are_nothing() -> None:
    first, second = 5 * drawn(30, 1).double() + 3, 2 * drawn(20, 2).double()
    first[:, 3] = second[:, 3] = 7
    first[:, 2], second[:, 2] = 0.01 * first[:, 2], 0.01 * second[:, 2]
    rows = module._standardised(first, second)
    both = np.concatenate([first, second])
    spread = np.where(np.arange(WIDTH) == 3, 1, both.std(axis=0))
    np.testing.assert_allclose(rows, (both - both.mean(axis=0)) / spread, atol=1e-5)
    assert rows.dtype == torch.float32
    assert not rows[:, 3].any()


def test_each_round_takes_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[int] = []
    plain = module._trained
    monkeypatch.setattr(
        module, "_trained", lambda rows, old, new, draw: known.append(len(old)) or plain(rows, old, new, draw)
    )
    query(drawn(30, 1), drawn(4, 2), 11, rounds=3)
    assert known == [4, 4 + 3, 4 + 7]
