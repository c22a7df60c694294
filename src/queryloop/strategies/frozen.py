"""Classifiers for scikit-activeml that answer with what our network gave, and the few that it fits itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np
import scipy.special

from queryloop.errors import InputError

Answer = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Known:
    """Answers by row. `blocks`: pairs of rows (n, D) and their answers (n, ...).

    A whole block is answered in its order; any other rows by their content, where copies share the mean.
    """

    blocks: tuple[tuple[np.ndarray, np.ndarray], ...]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """The answer for each row, as an array of its own. Raises InputError for a row that is not known."""
        for known, answers in self.blocks:
            if np.array_equal(known, rows):
                return answers.copy()
        answers = np.concatenate([answers for _, answers in self.blocks])
        places: dict[bytes, list[int]] = {}
        for place, row in enumerate(np.concatenate([known for known, _ in self.blocks])):
            places.setdefault(row.tobytes(), []).append(place)
        try:
            return np.stack([answers[places[row.tobytes()]].mean(axis=0) for row in rows])
        except KeyError:
            raise InputError("it asks for probabilities of rows that no network saw.") from None


def answers_of(arrays: Mapping[str, Any]) -> tuple[Answer, int]:
    """What answers for our network, and the number of classes.

    arrays: `head`, a pair of weight (C, D) and bias (C,); or `mc_probs` (N, T, C); or `probs` (N, C), with
    `labeled_probs` (M, C) where there are any; and the embeddings of the same rows.
    """
    if "head" in arrays:
        weight, bias = arrays["head"]
        return partial(_softmax, weight=weight, bias=bias), len(bias)
    of_pool = _normalised(arrays["mc_probs" if "mc_probs" in arrays else "probs"])
    blocks = [(arrays["embeddings"], of_pool)]
    if "labeled_probs" in arrays:
        blocks.append((arrays["labeled_embeddings"], _normalised(arrays["labeled_probs"])))
    return Known(tuple(blocks)), of_pool.shape[-1]


def frozen(answer: Answer, n_classes: int, seed: int) -> Any:
    """A classifier of scikit-activeml's that no fitting changes."""
    return _frozen_class()(answer, classes=list(range(n_classes)), random_state=seed)


def own_model(name: str, n_classes: int, seed: int) -> Any:
    """A classifier of scikit-activeml's own, with its defaults, not yet fitted."""
    kind = getattr(import_module("skactiveml.classifier"), name)
    return kind(classes=list(range(n_classes)), random_state=seed)


def discriminator(seed: int) -> Any:
    """A logistic regression, to tell labelled rows from others."""
    from sklearn.linear_model import LogisticRegression

    wrapper = import_module("skactiveml.classifier").SklearnClassifier
    return wrapper(LogisticRegression(max_iter=1000), random_state=seed)


@cache
def _frozen_class() -> type:
    """Made at first use: its base comes from a package that need not be installed."""
    base = import_module("skactiveml.base").SkactivemlClassifier

    class Frozen(base):  # type: ignore[misc, valid-type]
        """Answers by a function. `fit` only learns the names of the classes."""

        def __init__(
            self,
            answer: Answer,
            classes: Any = None,
            missing_label: float = np.nan,
            cost_matrix: Any = None,
            random_state: Any = None,
        ) -> None:
            super().__init__(classes, missing_label, cost_matrix, random_state)
            self.answer = answer

        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Frozen:  # noqa: N803
            """Check the rows and labels as scikit-activeml expects of a classifier, and forget them."""
            self._validate_data(X, y, sample_weight)
            return self

        def predict_proba(self, X: Any, **_: Any) -> np.ndarray:  # noqa: N803
            """The answer for each row. X: (n, D). Returns (n, C)."""
            return self.answer(X)

        def draws(self, X: Any) -> np.ndarray:  # noqa: N803
            """The answers of T members. X: (n, D). Returns (T, n, C)."""
            return self.answer(X).transpose(1, 0, 2)

    return Frozen


def _normalised(probs: np.ndarray) -> np.ndarray:
    """Rows that sum to 1 exactly enough for numpy to draw by them."""
    return probs / probs.sum(axis=-1, keepdims=True)


def _softmax(rows: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return scipy.special.softmax(rows @ weight.T + bias, axis=1)
