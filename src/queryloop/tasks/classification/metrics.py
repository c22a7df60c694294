"""How good class probabilities are."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from sklearn.metrics import brier_score_loss, f1_score, log_loss, recall_score
from torch import Tensor

_BINS = 15


def rank_correlation(probs: Tensor, targets: np.ndarray, predicted_loss: Tensor) -> float:
    """Spearman's correlation of predicted with true losses, in [-1, 1]; NaN where one is the same for all.

    probs: (N, K), targets: (N,) class numbers, predicted_loss: (N,). The cross-entropy falls as the
    probability of the target grows, so their ranks say the same.
    """
    unlikely, predicted = -probs.numpy()[np.arange(len(targets)), targets], predicted_loss.numpy()
    if min(np.ptp(unlikely), np.ptp(predicted)) == 0:
        return float("nan")
    return float(spearmanr(predicted, unlikely).statistic)


def evaluate(probs: np.ndarray | Tensor, targets: np.ndarray) -> dict[str, float]:
    """Metrics of class probabilities. probs: (N, K), targets: (N,) class numbers, N >= 1, K >= 2.

    accuracy; balanced_accuracy and macro_f1: mean recall and mean F1 of the classes that occur in
    the targets; nll: nats, a probability of 0 counts as 2.2e-16; brier: squared error summed over
    classes, in [0, 2]; ece: confidence against accuracy in 15 bins of equal width (Guo et al. 2017).
    """
    given = torch.as_tensor(probs).double().numpy()
    given = given / given.sum(axis=1, keepdims=True)  # fp32 rows miss 1 by more than fp64 checks allow
    predicted, classes = given.argmax(axis=1), np.arange(given.shape[1])
    macro: dict[str, Any] = {"labels": np.unique(targets), "average": "macro", "zero_division": 0}
    return {
        "accuracy": float((predicted == targets).mean()),
        "balanced_accuracy": float(recall_score(targets, predicted, **macro)),
        "macro_f1": float(f1_score(targets, predicted, **macro)),
        "nll": float(log_loss(targets, given, labels=classes)),
        "brier": float(brier_score_loss(targets, given, labels=classes, scale_by_half=False)),
        "ece": _calibration_error(given.max(axis=1), predicted == targets),
    }


def _calibration_error(confidence: np.ndarray, is_right: np.ndarray) -> float:
    """Our own, as torchmetrics gives the confidence 1, which softmax often rounds to, a bin of its own."""
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return float(np.abs(np.bincount(bins, confidence - is_right)).sum() / len(bins))
