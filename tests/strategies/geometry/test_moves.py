"""When rounds of k-means end, and centres that move to where more is to gain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import scipy.stats
import torch

from queryloop.strategies.geometry import kmeans as kmeans_module
from queryloop.strategies.geometry.kmeans import kmeans

from .rows import blobs, inertia, normal, seeded


def test_moving_centres_mends_bad_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    x = blobs(40, 25, 20)

    def errors() -> list[float]:
        return [inertia(x, *kmeans(x, 40, seeded(seed))) for seed in range(5)]

    mended = errors()
    monkeypatch.setattr(kmeans_module, "_MOVES", 0)
    assert max(mended) < min(errors())
    assert max(mended) < 1.1 * inertia(x, torch.arange(40).repeat_interleave(25), x.view(40, 25, 20).mean(1))


def fits(*errors: float) -> Iterator[kmeans_module._Fit]:
    """Fits of these errors, each with other labels than the one before."""
    return (kmeans_module._Fit(torch.tensor([step]), torch.zeros(1), e) for step, e in enumerate(errors))


@pytest.mark.parametrize(
    ("k", "errors", "moved", "best"),
    [
        (128, range(100, 80, -1), [32] * 12, 88),
        (128, [10.0] * 20, [32, 8], 10),
        (128, [10.0, 9.0, 8.99, 8.0, 8.0, 7.0], [32, 32, 8, 8], 8),
        (128, [10.0, 11.0, 9.0, 9.0, 1.0], [32, 8, 8], 9),
        (3, [10.0, 9.0, 9.0, 1.0], [1, 1], 9),
        (1, [10.0, 10.0, 1.0], [1], 10),
    ],
)
def test_fewer_centres_move_at_a_time_once_that_gains_little(
    k: int, errors: list[float], moved: list[int], best: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    lloyd, trials, counts = kmeans_module._Lloyd(normal(200, 2), torch.ones(200), k, 9), fits(*errors), []
    monkeypatch.setattr(lloyd, "settled", lambda _: next(trials))
    monkeypatch.setattr(lloyd, "moved", lambda _, count, __: counts.append(count))
    assert lloyd.best(seeded()).error == best
    assert counts == moved


@pytest.mark.parametrize(
    ("errors", "last"),
    [([9.0, 8.0, 7.9995, 7.0], 7.9995), ([9.0, 8.0, 7.9, 7.8, 7.7], 7.8), ([9.0, 9.0, 8.0], 9)],
)
def test_rounds_end_with_little_gain_or_after_so_many(
    errors: list[float], last: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    lloyd, rounds = kmeans_module._Lloyd(normal(9, 2), torch.ones(9), 2, 3), fits(*errors)
    monkeypatch.setattr(lloyd, "assigned", lambda _: next(rounds))
    monkeypatch.setattr(lloyd, "means", lambda *_: None)
    assert lloyd.settled(normal(2, 2)).error == last


def test_centres_move_from_where_they_save_little_to_where_the_error_is() -> None:
    """Two centres share one blob, one stands for two."""
    x = torch.tensor([[0.0], [0.1], [0.2], [10.0], [10.2], [20.0], [20.2]])
    lloyd = kmeans_module._Lloyd(x, torch.ones(7), 3, 10)
    fit = lloyd.assigned(torch.tensor([[0.05], [0.2], [15.0]]))
    moved = lloyd.moved(fit, 1, seeded())[:, 0].tolist()
    assert sorted(moved)[0] == pytest.approx(0.05)
    assert sorted(moved)[1] in x[3:, 0].tolist() or sorted(moved)[2] in x[3:, 0].tolist()
    assert lloyd.settled(lloyd.moved(fit, 1, seeded())).error < 0.1
    assert lloyd.moved(fit, 0, seeded()).flatten().tolist() == lloyd.means(x, fit).flatten().tolist()


def test_centres_that_stand_in_for_each_other_do_not_both_go() -> None:
    lloyd = kmeans_module._Lloyd(normal(9, 1), torch.ones(9), 4, 10)
    centres = torch.tensor([[0.0], [1.0], [10.0], [12.0]])
    assert lloyd.idle(centres, torch.tensor([3.0, 4.0, 2.0, 1.0])).tolist() == [3, 0]
    assert lloyd.idle(centres, torch.tensor([5.0, 4.0, 1.0, 2.0])).tolist() == [2, 1]


def test_one_row_of_each_cluster_is_drawn_by_weight() -> None:
    lloyd = kmeans_module._Lloyd(normal(5, 1), torch.ones(5), 3, 10)
    labels, weights = torch.tensor([1, 0, 2, 1, 1]), torch.tensor([1.0, 1, 1, 2, 0])
    seen = Counter(tuple(lloyd.drawn(labels, weights, generator).tolist()) for generator in [seeded()] * 900)
    assert set(seen) == {(1, 0, 2), (1, 3, 2)}
    assert scipy.stats.binomtest(seen[1, 3, 2], 900, 2 / 3).pvalue > 1e-3
