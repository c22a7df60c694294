"""Rows on which a second, small model expects the network to be wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from queryloop.strategies.blocks import in_blocks
from queryloop.strategies.quality import report_quality
from queryloop.strategies.registry import strategy

logger = logging.getLogger(__name__)

_FOLDS = 5
_PENALTY = 0.03  # scikit-learn's C; from 0.003 to 0.1 the AUROC on MNIST changes by 0.01
_FAR = 5.0  # deviations: a feature that is all but constant in the validation rows must not decide alone


@strategy(family="learned", source="Munro 2021", bounds=(0.0, 1.0))
def active_transfer(embeddings: Tensor, probs: Tensor, val_embeddings: Tensor, val_correct: Tensor) -> Tensor:
    """Rows like those validation rows about which the network is wrong.

    Formula: P(wrong) = sigmoid(b + sum over j of (u_j z_j + v_j s_j)), z the embedding and s the square of z,
    each in deviations from its mean over the validation rows, within 5; b, u, v by logistic regression on
    them, penalised, with the wrong and the right ones counting alike. Fewer than 5 wrong or 5 right ones:
    1 - max p, and a warning.
    embeddings: (N, D); probs: (N, C); val_embeddings: (V, D); val_correct: (V,). Returns (N,), in [0, 1].
    Cost: N D, and six regressions on V rows. Use: with some dozens of wrong validation rows, for mistakes
    that the network is sure of; it reports the AUROC on held-out fifths. 1 - max p tells wrong rows better
    where the network is calibrated. In a cycle it costs half of the validation set (`data.transfer`).
    """
    wrong = ~val_correct
    n_wrong = int(wrong.sum())
    if min(n_wrong, len(wrong) - n_wrong) < _FOLDS:
        _say_fallback(n_wrong, len(wrong))
        return 1 - probs.amax(dim=1)
    features = _features(_double(val_embeddings))
    weights, shift = _regression(features(_double(val_embeddings)), wrong)
    logits = in_blocks(lambda rows: (features(_double(rows)) * weights).sum(dim=1), embeddings)
    return (logits + shift).sigmoid()


def _say_fallback(n_wrong: int, n: int) -> None:
    logger.warning(
        "active_transfer cannot learn from %d wrong of %d validation samples: it needs %d and %d right ones. "
        "It takes least confidence instead; a larger data.validation or data.transfer helps.",
        *(n_wrong, n, _FOLDS, _FOLDS),
    )


def _double(rows: Tensor) -> Tensor:
    """By way of single precision, so that the same rows in either precision teach the same."""
    return rows.float().double()


def _features(seen: Tensor) -> Callable[[Tensor], Tensor]:
    """From rows (B, D) to each feature and its square, in deviations from the mean of `seen`: (B, 2 D)."""
    plain = _deviations(seen)
    squared = _deviations(plain(seen).square())

    def features(rows: Tensor) -> Tensor:
        near = plain(rows)
        return torch.cat([near, squared(near.square())], dim=1)

    return features


def _deviations(seen: Tensor) -> Callable[[Tensor], Tensor]:
    variance, mean = torch.var_mean(seen, dim=0, correction=0)
    deviation = variance.sqrt().where(variance > 0, 1)
    return lambda rows: ((rows - mean) / deviation).clamp(-_FAR, _FAR)


def _regression(features: Tensor, wrong: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (2 D,) and shift of the logit of being wrong; reports the mean AUROC of the folds."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    x, y = features.cpu().numpy(), wrong.cpu().numpy()
    model: Any = LogisticRegression(C=_PENALTY, class_weight="balanced", max_iter=1000)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)  # image folders come sorted by class
    report_quality(
        "active_transfer", float(cross_val_score(model, x, y, cv=folds, scoring="roc_auc").mean()), len(y)
    )
    model.fit(x, y)
    return torch.as_tensor(model.coef_[0]).to(features), torch.as_tensor(model.intercept_[0]).to(features)
