"""Each strategy against loops, scipy and scikit-learn."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest
import scipy.stats
import torch
from skactiveml.classifier import SklearnClassifier
from skactiveml.pool import ContrastiveAL
from sklearn.cluster import AgglomerativeClustering
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

from queryloop.errors import InputError, OptionsError
from queryloop.strategies import mixed, resolve, select
from queryloop.strategies.made_up import example
from queryloop.strategies.mixed import cal, clue, cluster_margin
from queryloop.strategies.uncertainty import margin


def tensors(n: int = 60, classes: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    evidence = example(n=n, classes=classes, seed=seed)
    return torch.from_numpy(evidence["probs"]), torch.from_numpy(evidence["embeddings"])


def gaps(probs: torch.Tensor) -> list[float]:
    return [sorted(row)[-2] - sorted(row)[-1] for row in probs.tolist()]


def slow_cluster_margin(probs: torch.Tensor, labels: list[int], k: int, preselected: int) -> list[int]:
    gap = gaps(probs)
    candidates = sorted(range(len(gap)), key=lambda row: -gap[row])[: preselected * k]
    queues: dict[int, list[int]] = {}
    for row in candidates:
        queues.setdefault(labels[row], []).append(row)
    sizes = {label: len(queue) for label, queue in queues.items()}
    taken: list[int] = []
    while any(queues.values()):
        turn = [(sizes[label], -gap[queue[0]], queue.pop(0)) for label, queue in queues.items() if queue]
        taken.extend(row for *_, row in sorted(turn))
    return taken[:k]


def linked(embeddings: torch.Tensor, clusters: int) -> list[int]:
    return AgglomerativeClustering(clusters, linkage="average").fit_predict(embeddings.numpy()).tolist()


@pytest.mark.parametrize("k", [1, 4, 17, 60])
@pytest.mark.parametrize("preselected", [1, 3, 10])
@pytest.mark.parametrize("clusters", [1, 7, None])
def test_cluster_margin_is_a_round_robin(k: int, preselected: int, clusters: int | None) -> None:
    probs, embeddings = tensors()
    labels = linked(embeddings, clusters or 48)  # 60 / 1.25
    picks = cluster_margin(probs, embeddings, k, preselected=preselected, clusters=clusters)
    assert picks.positions.tolist() == slow_cluster_margin(probs, labels, k, preselected)
    np.testing.assert_allclose(picks.scores, [gaps(probs)[row] for row in picks.positions.tolist()])


def test_cluster_margin_presamples_ten_times_by_default() -> None:
    probs, embeddings = tensors(n=61)
    default, explicit, other = (
        cluster_margin(probs, embeddings, 3, clusters=6, **options).positions.tolist()
        for options in ({}, {"preselected": 10}, {"preselected": 2})
    )
    assert default == explicit != other


def test_cluster_margin_cuts_a_number_that_does_not_divide_upwards() -> None:
    probs, embeddings = tensors(n=13)  # 13 / 1.25 = 10.4
    rows = cluster_margin(probs, embeddings, 13).positions.tolist()
    assert rows == slow_cluster_margin(probs, linked(embeddings, 11), 13, 10)


def test_cluster_margin_beyond_max_pool_follows_the_nearest_sampled_row(
    caplog: pytest.LogCaptureFixture,
) -> None:
    probs, embeddings = tensors()
    found = NearestNeighbors(n_neighbors=1).fit(embeddings[:20]).kneighbors(embeddings, return_distance=False)
    sampled = linked(embeddings[:20], 5)
    labels = [sampled[row] for row in found.ravel()]
    with caplog.at_level(logging.WARNING):
        picks = cluster_margin(probs, embeddings, 30, clusters=5, max_pool=20)
    assert picks.positions.tolist() == slow_cluster_margin(probs, labels, 30, 10)
    assert "cluster_margin looks at a random 20 of 60 samples" in caplog.text


@pytest.mark.parametrize("numbers", [1, 600, 2500])  # blocks of 1, 10 and 41 rows
def test_cluster_margin_is_the_same_in_blocks(numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    probs, embeddings = tensors()
    monkeypatch.setattr("queryloop.strategies.mixed._BLOCK", numbers)
    picks = cluster_margin(probs, embeddings, 17, clusters=7)
    assert picks.positions.tolist() == slow_cluster_margin(probs, linked(embeddings, 7), 17, 10)


def test_cluster_margin_of_one_sampled_row_is_margin() -> None:
    probs, embeddings = tensors()
    picks = cluster_margin(probs, embeddings, 9, max_pool=1)
    assert picks.positions.tolist() == margin(probs).argsort(descending=True)[:9].tolist()


def test_copies_share_a_cluster() -> None:
    probs, embeddings = tensors(n=6)
    probs, embeddings = probs[[0, 0, 0, 1, 2]], embeddings[[0, 0, 0, 1, 2]]
    first = cluster_margin(probs, embeddings, 3).positions.tolist()
    assert len({0, 1, 2} & set(first)) == 1


def blobs(generator: torch.Generator, size: int = 30) -> tuple[torch.Tensor, torch.Tensor]:
    """Three far clusters of different uncertainty."""
    embeddings = torch.randn(3 * size, 4, generator=generator).double()
    embeddings += 100 * torch.eye(4)[torch.arange(3).repeat_interleave(size)]
    probs = (torch.randn(3 * size, 5, generator=generator) * 3).double().softmax(dim=1)
    return probs, embeddings


@pytest.mark.parametrize("temperature", [1.0, 0.25, 3.0])
def test_clue_takes_the_row_nearest_to_each_centre_of_entropy(temperature: float) -> None:
    probs, embeddings = blobs(torch.Generator().manual_seed(0))
    powers = probs.numpy() ** (1 / temperature)
    weights = scipy.stats.entropy(powers, axis=1, base=5)
    wanted = []
    for start in (0, 30, 60):
        rows = np.arange(start, start + 30)
        centre = np.average(embeddings.numpy()[rows], axis=0, weights=weights[rows])
        distances = np.linalg.norm(embeddings.numpy()[rows] - centre, axis=1)
        wanted.append((-weights[rows].sum(), int(rows[distances.argmin()])))
    picks = clue(probs, embeddings, 3, torch.Generator().manual_seed(1), temperature=temperature)
    assert picks.positions.tolist() == [row for _, row in sorted(wanted)]
    np.testing.assert_allclose(picks.scores, sorted((-mass for mass, _ in wanted), reverse=True), rtol=1e-10)


def test_clue_without_uncertainty_is_plain_k_means() -> None:
    _, embeddings = blobs(torch.Generator().manual_seed(0))
    picks = clue(torch.eye(5).double()[[0] * 90], embeddings, 3, torch.Generator())
    groups = embeddings.unflatten(0, (3, 30))
    central = (groups - groups.mean(dim=1, keepdim=True)).norm(dim=2).argmin(dim=1)
    assert sorted(picks.positions.tolist()) == (central + torch.tensor([0, 30, 60])).tolist()
    assert picks.scores.tolist() == [30.0, 30.0, 30.0]


def test_certain_rows_do_not_move_the_centres_of_clue() -> None:
    embeddings = torch.tensor([[0.0], [1.0], [10.0], [30.0]])
    probs = torch.tensor([[0.5, 0.5], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    assert clue(probs, embeddings, 1, torch.Generator()).positions.tolist() == [0]


def slow_cal(evidence: dict, neighbours: int) -> list[float]:
    search = NearestNeighbors(n_neighbors=min(neighbours, 7)).fit(evidence["labeled_embeddings"])
    found = search.kneighbors(evidence["embeddings"], return_distance=False)
    return [
        float(np.mean([scipy.stats.entropy(evidence["labeled_probs"][near], p) for near in rows]))
        for p, rows in zip(evidence["probs"], found, strict=True)
    ]


def scored(evidence: dict, **options: int) -> torch.Tensor:
    names = ("probs", "embeddings", "labeled_probs", "labeled_embeddings")
    return cal(*(torch.as_tensor(evidence[name]) for name in names), **options)


@pytest.mark.parametrize("neighbours", [1, 3, 7, 10])
def test_cal_is_the_mean_divergence_of_the_nearest_labelled(neighbours: int) -> None:
    evidence = example(n=50)
    scores = scored(evidence, neighbours=neighbours)
    np.testing.assert_allclose(scores, slow_cal(evidence, neighbours), atol=1e-10)


def test_cal_agrees_with_scikit_activeml() -> None:
    draw = np.random.default_rng(0)
    rows, labels = draw.normal(size=(60, 8)), np.full(60, np.nan)
    labels[:15] = np.arange(15) % 3
    classifier = SklearnClassifier(LogisticRegression(), classes=[0, 1, 2]).fit(rows, labels)
    peer = ContrastiveAL(nearest_neighbors_dict={"n_neighbors": 10})
    _, utilities = peer.query(rows, labels, classifier, fit_clf=False, return_utilities=True)
    probs, embeddings = map(torch.from_numpy, (classifier.predict_proba(rows), rows))
    scores = cal(probs[15:], embeddings[15:], probs[:15], embeddings[:15])
    np.testing.assert_allclose(scores, utilities[0, 15:], rtol=1e-5)


def test_cal_asks_ten_neighbours_by_default() -> None:
    evidence = example() | {
        name: example(n=20, seed=5)[name.removeprefix("labeled_")]
        for name in ("labeled_probs", "labeled_embeddings")
    }
    assert torch.equal(scored(evidence), scored(evidence, neighbours=10))
    assert not torch.equal(scored(evidence), scored(evidence, neighbours=9))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cal_counts_a_zero_as_the_least_single_float(dtype: torch.dtype) -> None:
    evidence = {
        "probs": torch.tensor([[1, 0], [0, 1], [0.5, 0.5]], dtype=dtype),
        "embeddings": torch.zeros(3, 1, dtype=dtype),
        "labeled_probs": torch.tensor([[1, 0]], dtype=dtype),
        "labeled_embeddings": torch.zeros(1, 1, dtype=dtype),
    }
    wanted = [0, 126 * math.log(2), math.log(2)]
    np.testing.assert_allclose(scored(evidence), wanted, rtol=1e-6)


def test_blocks_change_nothing_in_cal(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = example(n=50)
    whole = scored(evidence)
    monkeypatch.setattr(mixed, "_BLOCK", 9)
    torch.testing.assert_close(scored(evidence), whole)


def test_cal_is_never_below_zero() -> None:
    evidence = example(n=500, classes=100, dtype=np.float32)
    evidence["labeled_embeddings"] = evidence["embeddings"]
    evidence["labeled_probs"] = evidence["probs"]
    assert (scored(evidence, neighbours=1) >= 0).all()


def test_cal_without_labels_says_what_to_do() -> None:
    evidence = example()
    evidence["labeled_probs"] = np.empty((0, 4))
    evidence["labeled_embeddings"] = np.empty((0, 8))
    with pytest.raises(InputError, match=r"`cal` compares with labelled rows.*begin with random"):
        select("cal", k=3, seed=0, **{n: evidence[n] for n in resolve("cal").needs})


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("cal", "neighbours", 0),
        ("clue", "temperature", 0.0),
        ("cluster_margin", "preselected", 0),
        ("cluster_margin", "clusters", 0),
    ],
)
def test_options_out_of_range_are_refused(name: str, option: str, value: float) -> None:
    with pytest.raises(OptionsError, match=option):
        resolve(name, {option: value})


def test_defaults() -> None:
    assert resolve("cal").options == {"neighbours": 10}
    assert resolve("clue").options == {"temperature": 1.0}
    assert resolve("cluster_margin").options == {"preselected": 10, "clusters": None, "max_pool": 10_000}


@pytest.mark.parametrize("n", [1, 2, 3])
def test_tiny_pools_are_clustered(n: int) -> None:
    probs, embeddings = tensors(n)
    assert sorted(cluster_margin(probs, embeddings, n).positions.tolist()) == list(range(n))


def test_ones_are_the_least_counts() -> None:
    for name, option in (
        ("cal", "neighbours"),
        ("cluster_margin", "preselected"),
        ("cluster_margin", "clusters"),
    ):
        assert resolve(name, {option: 1}).options[option] == 1
