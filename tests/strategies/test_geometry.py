"""Distances, sampler, clusters and neighbours against loops, plain versions and scikit-learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise, permutations

import numpy as np
import pytest
import scipy.stats
import torch
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from torch import Tensor

from queryloop.strategies.geometry import kmeans as kmeans_module
from queryloop.strategies.geometry import neighbours, seeding
from queryloop.strategies.geometry.copies import distinct
from queryloop.strategies.geometry.farthest import farthest
from queryloop.strategies.geometry.kmeans import kmeans, nearest_rows
from queryloop.strategies.geometry.neighbours import blocks_of, nearest
from queryloop.strategies.geometry.points import Points, centred
from queryloop.strategies.geometry.reach import Reach
from queryloop.strategies.geometry.seeding import spread


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64).to(dtype)


def outer(a: Tensor, h: Tensor) -> Tensor:
    return torch.einsum("nc,nd->ncd", a, h).flatten(1)


def blobs(count: int, per: int, width: int, seed: int = 0) -> Tensor:
    centres = 4 * normal(count, width, seed=seed)
    return centres.repeat_interleave(per, 0) + normal(count * per, width, seed=seed + 1)


# Points


def test_distances_are_those_of_scipy() -> None:
    x, y = normal(30, 7), normal(11, 7, seed=1)
    np.testing.assert_allclose(
        Points(x).squared_distances(Points(y)), cdist(x, y, "sqeuclidean"), rtol=1e-12, atol=1e-12
    )
    assert len(Points(x)) == 30


def test_two_factors_stand_for_their_outer_products() -> None:
    a, h, b, g = normal(9, 3), normal(9, 5, seed=1), normal(4, 3, seed=2), normal(4, 5, seed=3)
    points, others = Points(a, h), Points(b, g)
    np.testing.assert_allclose(points.squared_norms, outer(a, h).square().sum(1))
    np.testing.assert_allclose(
        points.squared_distances(others), cdist(outer(a, h), outer(b, g), "sqeuclidean"), rtol=1e-10
    )


def test_rows_of_points_are_points() -> None:
    a, h, index = normal(9, 3), normal(9, 5, seed=1), torch.tensor([7, 0, 7])
    rows = Points(a, h).rows(index)
    assert torch.equal(rows.squared_norms, Points(a[index], h[index]).squared_norms)
    assert all(map(torch.equal, rows.factors, (a[index], h[index])))
    assert len(Points(a).rows(slice(2, 5))) == 3


@pytest.mark.parametrize("width", [1, 8, 512, 4096])
@pytest.mark.parametrize("offset", [0.0, 3.0])
@pytest.mark.parametrize("factors", [1, 2])
def test_copies_are_at_exactly_nothing_and_others_are_not(width: int, offset: float, factors: int) -> None:
    parts = [normal(40, width, seed=part, dtype=torch.float32) + offset for part in range(factors)]
    points = Points(*(torch.cat([part, part]) for part in parts))
    for count in (1, 3, 40):
        squares = points.squared_distances(points.rows(torch.arange(40, 40 + count)))
        again = torch.arange(count)
        assert (squares[again, again] == 0).all()
        assert (squares[40 + again, again] == 0).all()
        assert (squares >= 0).all()
        if width > 1:
            assert (squares == 0).sum() == 2 * count


def test_what_lies_beyond_rounding_is_apart() -> None:
    eps = torch.finfo(torch.float64).eps
    x = torch.tensor([[1.0]], dtype=torch.float64)
    squares = [float(Points(x).squared_distances(Points(x + step * eps**0.5))) for step in (5, 7)]
    assert squares[0] == 0
    assert squares[1] == pytest.approx(49 * eps, rel=0.1)


def test_far_from_the_origin_rows_are_centred_and_near_it_they_are_left_alone() -> None:
    x, y = normal(50, 6, dtype=torch.float32), normal(5, 6, seed=1, dtype=torch.float32)
    assert centred(x, y)[0] is x
    assert centred(x, y)[1] is y
    moved, others = centred(x + 1e3, y + 1e3)
    assert moved.mean(dim=0).abs().max() < 1e-3
    np.testing.assert_allclose(
        Points(moved).squared_distances(Points(others)), cdist(x, y, "sqeuclidean"), rtol=2e-2
    )


@pytest.mark.parametrize("width", [1, 3])
def test_rows_are_moved_from_twice_their_spread_on(width: int) -> None:
    x = torch.tensor([[-1.0], [1.0]]).expand(2, width)
    assert torch.equal(centred(x + 2)[0], x + 2)
    torch.testing.assert_close(centred(x + 2.01)[0], x)


# Neighbours


@pytest.mark.parametrize("block", [2**22, 45, 1])
def test_neighbours_are_those_of_scipy(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    queries, base = normal(13, 4) + 50, normal(20, 4, seed=1) + 50
    distances, indices = nearest(queries, base, 5)
    full = cdist(queries, base)
    np.testing.assert_array_equal(indices, full.argsort(1)[:, :5])
    np.testing.assert_allclose(distances, np.sort(full)[:, :5], rtol=1e-9)


@pytest.mark.parametrize("block", [2**22, 45])
def test_no_row_is_its_own_neighbour(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    x = normal(20, 4)
    distances, indices = nearest(x, x, 30, exclude_self=True)
    full = cdist(x, x) + np.diag([np.inf] * 20)
    assert indices.shape == (20, 19)
    np.testing.assert_array_equal(indices, full.argsort(1)[:, :19])
    assert distances.isfinite().all()
    assert nearest(x, x, 30)[1].shape == (20, 20)


def test_nobody_asks_nobody_answers() -> None:
    distances, indices = nearest(normal(0, 4), normal(6, 4), 2)
    assert distances.shape == indices.shape == (0, 2)


def test_blocks_hold_every_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", 12)
    assert blocks_of(7, 4) == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert blocks_of(2, 100) == [slice(0, 1), slice(1, 2)]
    assert blocks_of(6, 0) == [slice(0, 6)]
    assert blocks_of(0, 4) == []


# Copies


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_that_stand_more_than_once_are_told(dtype: torch.dtype) -> None:
    a, b, c = normal(3, 5, dtype=dtype)
    z = torch.zeros(5, dtype=dtype)
    found = distinct(torch.stack([b, a, b, z, c, -z, b, c.flip(0)]))
    assert found.firsts.tolist() == [0, 1, 3, 4, 7]
    assert found.counts.tolist() == [3, 1, 2, 1, 1]
    assert found.repeats.tolist() == [2, 5, 6]


def test_many_rows_are_all_distinct() -> None:
    grid = torch.cartesian_prod(*[torch.tensor([0.0, 1.0, -1.0, 0.5])] * 6)
    assert len(distinct(grid).firsts) == 4**6
    assert len(distinct(torch.zeros(5, 2)).repeats) == 4


# Farthest first


def plain_farthest(x: np.ndarray, start: list[int], k: int) -> list[int]:
    chosen = list(start)
    while len(chosen) < k:
        chosen.append(int(cdist(x, x[chosen]).min(1).argmax()))
    return chosen


@pytest.mark.parametrize("leaders", [1, 2, 7, 512])
@pytest.mark.parametrize("width", [2, 30])
def test_lazy_is_plain(leaders: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queryloop.strategies.geometry.farthest._LEADERS", leaders)
    x = blobs(10, 30, width)
    reach = Reach(Points(x))
    farthest(reach, 60)
    rows, gains = reach.result()
    first = int(cdist(x, x.mean(0)[None]).argmin())
    assert rows.tolist() == plain_farthest(x.numpy(), [first], 60)
    slow = [cdist(x[rows[:i]], x[rows[i], None]).min() for i in range(1, 60)]
    np.testing.assert_allclose(gains[1:], slow)
    assert gains[0] == pytest.approx(cdist(x, x[first, None]).max())


def test_bounds_never_lie_below_the_truth() -> None:
    x = blobs(10, 30, 4)
    reach = Reach(Points(x), Points(x[:3] + 1))
    farthest(reach, 40)
    truth = torch.from_numpy(cdist(x, torch.cat([x[:3] + 1, x[[*reach.chosen]]])).min(1) ** 2)
    free = torch.ones(300, dtype=torch.bool)
    free[[*reach.chosen]] = False
    assert (reach.distances[free] >= truth[free] - 1e-9).all()
    torch.testing.assert_close(reach.current(free.nonzero()[:, 0]), truth[free])
    reach.update()
    assert len(reach.pending) == 0
    torch.testing.assert_close(reach.distances[free], truth[free])
    assert (reach.distances[~free] == -torch.inf).all()


# D^2 sampling


def chance_of(order: tuple[int, ...], squares: np.ndarray, start: np.ndarray, weights: np.ndarray) -> float:
    """The exact chance that plain D^2 sampling takes these rows in this order."""
    chance, left = start[order[0]] / start.sum(), np.full(len(squares), np.inf)
    for before, row in pairwise(order):
        left = np.minimum(left, squares[:, before])
        mass = left * weights
        chance *= mass[row] / mass.sum()
    return chance


@pytest.mark.parametrize("first", ["largest", "drawn"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cheap", [8, 0])
def test_the_first_picks_have_the_chances_of_plain_sampling(
    first: seeding.First, weighted: bool, cheap: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeding, "_CANDIDATE", cheap)
    a, h = normal(6, 2), normal(6, 3, seed=1)
    weights = torch.tensor([1.0, 0.2, 2.0, 0.0, 1.0, 3.0]) if weighted else torch.ones(6)
    points, norms = Points(a, h), outer(a, h).square().sum(1).numpy()
    start = (norms == norms.max()) * 1.0 if first == "largest" else weights.numpy()
    squares = cdist(outer(a, h), outer(a, h), "sqeuclidean")
    generator, runs = seeded(), 700
    given = weights.double() if weighted else None
    seen = Counter(tuple(spread(points, 3, generator, given, first)[0].tolist()) for _ in range(runs))
    chances = {
        order: chance_of(order, squares, start, weights.numpy()) for order in permutations(range(6), 3)
    }
    assert all(chances[order] > 0 for order in seen)
    possible = [order for order, chance in chances.items() if chance * runs > 1]
    observed = [seen[order] for order in possible]
    expected = np.array([chances[order] for order in possible])
    assert scipy.stats.chisquare(observed, expected / expected.sum() * sum(observed)).pvalue > 1e-3


@pytest.mark.parametrize("cheap", [8, 0.1])
def test_large_draws_have_the_potential_of_plain_sampling(
    cheap: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeding, "_CANDIDATE", cheap)
    x = blobs(30, 20, 3)
    squares = cdist(x, x, "sqeuclidean")

    def plain(draw: np.random.Generator) -> float:
        left = squares[draw.integers(len(x))]
        for _ in range(59):
            left = np.minimum(left, squares[draw.choice(len(x), p=left / left.sum())])
        return left.sum()

    ours = [squares[spread(Points(x), 60, seeded(s))[0]].min(0).sum() for s in range(30)]
    theirs = [plain(np.random.default_rng(seed)) for seed in range(30)]
    assert scipy.stats.ks_2samp(ours, theirs).pvalue > 1e-3


def test_the_last_rows_are_drawn_without_an_update(monkeypatch: pytest.MonkeyPatch) -> None:
    updates: list[int] = []
    update = Reach.update
    monkeypatch.setattr(Reach, "update", lambda reach: updates.append(len(reach.chosen)) or update(reach))
    points = Points(normal(40_000, 2))
    for seed in range(10):
        spread(points, 60, seeded(seed))
    assert updates == [1] * 10


def test_gains_are_squared_distances_at_the_pick() -> None:
    x = blobs(8, 50, 4)
    rows, gains = spread(Points(x), 150, seeded())
    assert len(set(rows.tolist())) == 150
    slow = [cdist(x[rows[:i]], x[rows[i], None], "sqeuclidean").min() for i in range(1, 150)]
    np.testing.assert_allclose(gains, [x[rows[0]].square().sum(), *slow])


@pytest.mark.parametrize("k", [1, 3, 4, 6, 8])
def test_copies_and_rows_without_weight_come_last_in_order(k: int) -> None:
    x = normal(3, 4, dtype=torch.float32)[[0, 0, 1, 2, 2, 1, 2, 0]]
    weights = torch.tensor([1.0, 1, 1, 1, 1, 1, 0, 0])
    rows, gains = spread(Points(x), k, seeded(), weights)
    kinds = [[0, 0, 1, 2, 2, 1, 2, 0][row] for row in rows.tolist()]
    assert len(set(kinds[:3])) == min(k, 3)
    assert rows[3:].tolist() == [row for row in range(8) if row not in rows[:3]][: max(0, k - 3)]
    assert (gains[:3] > 0).all()
    assert (gains[3:] == 0).all()


def test_nothing_but_copies() -> None:
    rows, gains = spread(Points(torch.ones(5, 3)), 5, seeded())
    assert sorted(rows.tolist()) == [0, 1, 2, 3, 4]
    assert gains.tolist() == [3, 0, 0, 0, 0]


def test_a_copy_drawn_in_one_batch_is_refused() -> None:
    x = normal(2, 3).repeat_interleave(4000, 0)
    rows, _ = spread(Points(x), 2, seeded())
    assert (rows < 4000).sum() == 1


# k-means


def inertia(x: Tensor, labels: Tensor, centres: Tensor) -> float:
    return float((x - centres[labels]).square().sum())


@pytest.mark.parametrize(("count", "width", "k"), [(40, 30, 40), (40, 30, 20), (20, 4, 30), (40, 3, 100)])
def test_clusters_are_as_good_as_those_of_sklearn(count: int, width: int, k: int) -> None:
    x = blobs(count, 50, width)
    ours = np.median([inertia(x, *kmeans(x, k, seeded(seed))) for seed in range(3)])
    theirs = np.median([KMeans(k, n_init=1, random_state=s).fit(x.numpy()).inertia_ for s in range(3)])
    assert ours <= 1.02 * theirs


def test_centres_are_means_and_labels_nearly_the_nearest() -> None:
    x = blobs(10, 50, 5) + 100
    labels, centres = kmeans(x, 10, seeded())
    assert labels.shape == (500,)
    assert centres.shape == (10, 5)
    torch.testing.assert_close(centres, torch.stack([x[labels == label].mean(0) for label in range(10)]))
    assert (labels == torch.from_numpy(cdist(x, centres).argmin(1))).double().mean() > 0.99


def test_weights_are_multiplicities() -> None:
    x, counts = blobs(4, 25, 3), torch.arange(100) % 5
    repeated = x.repeat_interleave(counts, 0)
    weighted = min(
        float((counts * (x - c.centres[c.labels]).square().sum(1)).sum())
        for c in (kmeans(x, 4, seeded(s), weights=counts.double()) for s in range(3))
    )
    plain = min(inertia(repeated, *kmeans(repeated, 4, seeded(s))) for s in range(3))
    assert weighted == pytest.approx(plain, rel=1e-6)


def test_no_round_leaves_the_seeds_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kmeans_module, "_MOVES", 0)
    x = blobs(10, 30, 3)
    seeds, _ = spread(Points(x), 25, seeded())
    labels, _ = kmeans(x, 25, seeded(), iterations=0)
    np.testing.assert_array_equal(labels, cdist(x, x[seeds]).argmin(1))
    errors = [inertia(x, *kmeans(x, 25, seeded(), iterations=rounds)) for rounds in (0, 1, 3, 100)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > errors[1] > errors[3]


def test_moving_centres_mends_bad_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    x = blobs(40, 25, 20)

    def errors() -> list[float]:
        return [inertia(x, *kmeans(x, 40, seeded(seed))) for seed in range(5)]

    mended = errors()
    monkeypatch.setattr(kmeans_module, "_MOVES", 0)
    assert max(mended) < min(errors())
    assert max(mended) < 1.1 * inertia(x, torch.arange(40).repeat_interleave(25), x.view(40, 25, 20).mean(1))


def test_rows_without_any_weight_are_still_split() -> None:
    x = normal(20, 3)
    assert (
        nearest_rows(x, kmeans(x, 5, seeded(), weights=torch.zeros(20).double()).centres).unique().numel()
        == 5
    )


def test_empty_clusters_take_the_farthest_rows() -> None:
    x = torch.tensor([[0.0], [1.0], [5.0], [9.0]])
    lloyd = kmeans_module._Lloyd(x, torch.ones(4), 3, 10)
    fit = kmeans_module._Fit(torch.tensor([1, 1, 1, 1]), x.square()[:, 0], 0.0)
    assert lloyd.means(x, fit)[:, 0].tolist() == [9.0, 3.75, 5.0]


@pytest.mark.parametrize("block", [2**22, 60])
def test_blocks_change_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = blobs(10, 20, 4)
    whole = kmeans(x, 10, seeded())
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    labels, centres = kmeans(x, 10, seeded())
    assert torch.equal(labels, whole.labels)
    torch.testing.assert_close(centres, whole.centres)


@pytest.mark.parametrize("k", [1, 2, 7, 20])
def test_any_number_of_clusters(k: int) -> None:
    x = normal(20, 3)
    labels, centres = kmeans(x, k, seeded())
    assert len(set(labels.tolist())) == k
    if k == 1:
        torch.testing.assert_close(centres[0], x.mean(0))
    assert kmeans(torch.ones(20, 3), k, seeded()).centres.tolist() == [[1.0] * 3] * k


@pytest.mark.parametrize("block", [2**22, 45])
def test_each_centre_takes_the_nearest_row_left(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    x, centres = normal(20, 3), normal(4, 3, seed=1).repeat(4, 1)
    left, slow = cdist(centres, x), []
    for centre in range(16):
        slow.append(int(left[centre].argmin()))
        left[:, slow[-1]] = np.inf
    assert nearest_rows(x, centres).tolist() == slow


def test_of_equal_rows_each_is_taken_once() -> None:
    assert nearest_rows(torch.ones(4, 2), torch.ones(4, 2)).tolist() == [0, 1, 2, 3]


def test_with_many_rows_a_part_of_them_places_the_centres(monkeypatch: pytest.MonkeyPatch) -> None:
    x = blobs(6, 300, 5) + 100
    whole = kmeans(x, 6, seeded())
    monkeypatch.setattr(kmeans_module, "_PER_CLUSTER", 20)
    part = kmeans(x, 6, seeded())
    for found in (whole, part):
        means = torch.stack([x[found.labels == c].mean(dim=0) for c in range(6)])
        torch.testing.assert_close(found.centres, means, atol=1e-4, rtol=1e-4)
        assert sorted(np.bincount(found.labels.numpy()).tolist()) == [300] * 6


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
