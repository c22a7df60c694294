"""The same queries as other packages answer them. Their layouts are made before the clock starts."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from measure import Job
from pools import CLASSES, Pool
from quality import DELTA
from torch.nn.functional import normalize

Contender = Callable[[Pool], Job]


def core_set(pool: Pool) -> Job:
    """scikit-activeml's k-greedy centre."""
    from skactiveml.pool import CoreSet

    labels, samples = pool["labeled_embeddings"], together(pool)
    query = CoreSet(random_state=0)
    return Job(_asked(query, samples, len(labels), pool.k))


def badge(pool: Pool) -> Job:
    """scikit-activeml's BADGE, which forms the N x CD matrix; 20 picks stand for all."""
    from skactiveml.pool import Badge

    k = min(20, pool.k)
    samples = pool["embeddings"].numpy()
    model = _answering(pool["probs"].numpy())
    query = Badge(random_state=0)
    call = _asked(query, samples, 0, k, clf=model, fit_clf=False)
    return Job(
        call, k / pool.k, told=f"k = {k} measured, linear estimate for {pool.k:,}" if k < pool.k else ""
    )


def batch_bald(configurations: int | None) -> Contender:
    """scikit-activeml's BatchBALD; None: its default, as many configurations as draws."""

    def prepare(pool: Pool) -> Job:
        from skactiveml.pool import BatchBALD

        answers = pool["mc_probs"].numpy().astype(np.float64)
        samples = np.arange(len(answers), dtype=np.float64)[:, None]
        model = _answering(answers)
        query = BatchBALD(n_MC_samples=configurations, sample_predictions_method_name="draws", random_state=0)
        return Job(_asked(query, samples, 0, pool.k, ensemble=model, fit_ensemble=False))

    return prepare


def prob_cover(pool: Pool) -> Job:
    """scikit-activeml's ProbCover with our radius, on embeddings of length 1."""
    from skactiveml.pool import ProbCover

    samples = normalize(pool["embeddings"]).numpy()
    return Job(_asked(ProbCover(n_classes=CLASSES, deltas=[DELTA], random_state=0), samples, 0, pool.k))


def typiclust(pool: Pool) -> Job:
    """scikit-activeml's TypiClust: |L| + k clusters, 5 neighbours."""
    from skactiveml.pool import TypiClust

    return Job(_asked(TypiClust(k=5, random_state=0), pool["embeddings"].numpy(), 0, pool.k))


def baal(heuristic: str, need: str, **options: Any) -> Contender:
    """One of baal's heuristics; draws come last in its arrays."""

    def prepare(pool: Pool) -> Job:
        from baal.active import heuristics

        given = dict(options, num_samples=pool.k) if heuristic == "BatchBALD" else options
        subject = getattr(heuristics, heuristic)(**given)
        predictions = pool[need].numpy()
        if predictions.ndim == 3:
            predictions = np.ascontiguousarray(predictions.transpose(0, 2, 1))
            pool.arrays[need] = torch.from_numpy(predictions).permute(0, 2, 1)  # one copy, not two
        return Job(lambda: subject(predictions)[: pool.k])

    return prepare


def modal(query: str) -> Contender:
    """One of modAL's query functions, with a classifier that knows the answers."""

    def prepare(pool: Pool) -> Job:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from modAL import uncertainty

        answers = pool["probs"].numpy()
        function, classifier = getattr(uncertainty, query), _Knows(answers)
        return Job(lambda: np.asarray(function(classifier, answers, n_instances=pool.k)[0]).ravel())

    return prepare


def together(pool: Pool) -> np.ndarray:
    """Labelled rows, then the pool: how scikit-activeml wants them."""
    return torch.cat([pool["labeled_embeddings"], pool["embeddings"]]).numpy()


class _Knows:
    """Answers with the whole array, whatever it is asked."""

    def __init__(self, answers: np.ndarray) -> None:
        self.answers = answers

    def predict_proba(self, _rows: Any) -> np.ndarray:
        return self.answers


def _asked(query: Any, samples: np.ndarray, labeled: int, k: int, **arguments: Any) -> Callable[[], Any]:
    labels = np.full(len(samples), np.nan)
    labels[:labeled] = np.arange(labeled) % CLASSES
    return lambda: np.asarray(query.query(samples, labels, batch_size=k, **arguments)) - labeled


def _answering(answers: np.ndarray) -> Any:
    """A fitted classifier of scikit-activeml's kind that knows the answers for all rows."""
    from skactiveml.base import SkactivemlClassifier

    class Stub(SkactivemlClassifier):
        def fit(self, *_: Any, **__: Any) -> Any:
            self.classes_ = np.arange(CLASSES)
            return self

        def predict_proba(self, _rows: Any, **_: Any) -> np.ndarray:
            return answers

        def draws(self, _rows: Any) -> np.ndarray:
            return answers.transpose(1, 0, 2).copy()

    return Stub(classes=list(range(CLASSES)), missing_label=np.nan).fit()
