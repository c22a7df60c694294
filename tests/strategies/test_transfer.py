"""Active transfer learning against planted mistakes and an independent logistic regression."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score
from torch import Tensor

from queryloop.strategies import resolve
from queryloop.strategies.quality import qualities
from queryloop.strategies.transfer import _deviations, active_transfer


def rows(n: int, width: int = 6, seed: int = 0) -> Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def certain(n: int) -> Tensor:
    """A network that is as sure of everything: 1 - max p says nothing."""
    return torch.tensor([0.9, 0.1]).repeat(n, 1)


def in_the_corner(x: Tensor) -> Tensor:
    """About 2 % of all rows."""
    return (x[:, 0] > 1) & (x[:, 1] > 1)


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_rare_mistakes_in_one_corner_are_found(scale: float) -> None:
    x, val = rows(2000), rows(800, seed=1)
    with qualities() as found:
        scores = active_transfer(scale * x + 3, certain(2000), scale * val + 3, ~in_the_corner(val))
    wrong = in_the_corner(x)
    assert 0.01 < wrong.double().mean() < 0.04
    assert roc_auc_score(wrong, scores) > 0.95
    assert wrong[scores.topk(20).indices].double().mean() > 0.7
    assert found[0] == pytest.approx(roc_auc_score(wrong, scores), abs=0.05)


def test_mistakes_around_the_middle_are_found_where_no_plane_would_cut_them_off() -> None:
    x, val = rows(2000), rows(600, seed=1)
    scores = active_transfer(x, certain(2000), val, val.norm(dim=1) > 2)
    assert roc_auc_score(x.norm(dim=1) <= 2, scores) > 0.95


def test_it_is_a_penalised_logistic_regression_on_features_and_squares() -> None:
    x, val = rows(500), rows(300, seed=1)
    chance = torch.sigmoid(2 * val[:, 0] + val[:, 1] ** 2 - 3)
    wrong = torch.rand(300, generator=torch.Generator().manual_seed(2)) < chance

    def features(part: Tensor) -> np.ndarray:
        centre, spread = val.numpy().mean(0), val.numpy().std(0)
        near, seen = (np.clip((p.numpy() - centre) / spread, -5, 5) for p in (part, val))
        squares = np.clip((near**2 - (seen**2).mean(0)) / (seen**2).std(0), -5, 5)
        return np.concatenate([near, squares, np.ones((len(near), 1))], axis=1)

    truth = wrong.numpy()
    weights = np.where(truth, 0.5 / truth.mean(), 0.5 / (1 - truth.mean()))
    signs, seen = np.where(truth, 1, -1), features(val)

    def loss(w: np.ndarray) -> float:
        return float(0.03 * (weights * np.logaddexp(0, -signs * (seen @ w))).sum() + (w[:-1] ** 2).sum() / 2)

    plain = features(x) @ minimize(loss, np.zeros(13), method="BFGS").x
    scores = active_transfer(x, certain(500), val, ~wrong)
    assert spearmanr(plain, scores).statistic > 0.999
    np.testing.assert_allclose(scores, expit(plain), atol=1e-3)


def test_what_cannot_be_learned_has_a_quality_of_a_guess() -> None:
    val, correct = rows(600), torch.rand(600, generator=torch.Generator().manual_seed(5)) < 0.5
    with qualities() as found:
        active_transfer(rows(10), certain(10), val, correct)
    assert found == [pytest.approx(0.5, abs=0.08)]


def test_quality_does_not_fall_where_the_rows_come_class_by_class() -> None:
    which = torch.arange(10).repeat_interleave(40)
    val = 3 * rows(10, 16)[which] + rows(400, 16, seed=1)
    chance = torch.rand(400, generator=torch.Generator().manual_seed(2))
    correct = chance > torch.where(which % 2 == 0, 0.4, 0.02)
    order = torch.randperm(400, generator=torch.Generator().manual_seed(3))
    with qualities() as found:
        for part in (torch.arange(400), order):
            active_transfer(val[:5], certain(5), val[part], correct[part])
    assert found[0] == pytest.approx(found[1], abs=0.05)


def test_a_feature_that_only_the_pool_has_does_not_decide() -> None:
    x, val = rows(1000), rows(500, seed=1)
    x[:, 5], val[:, 5] = 1e3 * x[:, 5], 0.0
    val[0, 5] = 1e-3
    scores = active_transfer(x, certain(1000), val, val[:, 0] < 1)
    assert roc_auc_score(x[:, 0] >= 1, scores) > 0.9


@pytest.mark.parametrize(("n_wrong", "n"), [(0, 50), (50, 50), (4, 50), (46, 50), (3, 6)])
def test_too_few_of_a_kind_fall_back_to_least_confidence_aloud(
    n_wrong: int, n: int, caplog: pytest.LogCaptureFixture
) -> None:
    probs = rows(30, 3).softmax(dim=1)
    with qualities() as found, caplog.at_level(logging.INFO, logger="queryloop"):
        scores = active_transfer(rows(30), probs, rows(n, seed=1), torch.arange(n) >= n_wrong)
    assert torch.equal(scores, 1 - probs.amax(dim=1))
    assert found == []
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"cannot learn from {n_wrong} wrong of {n} validation samples" in record.getMessage()


def test_evidence_from_inference_mode_is_taken_and_no_graph_is_left() -> None:
    with torch.inference_mode():
        evidence = {"embeddings": rows(40), "probs": certain(40), "val_embeddings": rows(60, seed=1)}
    evidence["val_correct"] = torch.arange(60) % 3 > 0
    scores = resolve("active_transfer").score(evidence, 0)
    assert scores is not None
    assert not scores.requires_grad
    with torch.inference_mode():
        assert torch.equal(resolve("active_transfer").score(evidence, 0), scores)


def test_a_feature_that_nothing_has_changes_nothing() -> None:
    x, val = rows(200), rows(300, seed=1)
    correct = val[:, 0] < 1
    blank = [torch.cat([part, torch.full((len(part), 1), 2.0)], dim=1) for part in (x, val)]
    plain = active_transfer(x, certain(200), val, correct)
    torch.testing.assert_close(active_transfer(blank[0], certain(200), blank[1], correct), plain)


def test_deviations_are_those_of_the_rows_themselves() -> None:
    seen = torch.tensor([[1.0, 2.0], [3.0, 2.0], [8.0, 2.0]])
    found = _deviations(seen)(torch.tensor([[4.0, 2.0], [7.0, 3.0], [99.0, 0.5]]))
    spread = np.std([1, 3, 8])
    np.testing.assert_allclose(found, [[0, 0], [3 / spread, 1], [5, -1.5]], rtol=1e-6)
