"""Our strategies for modAL: what its learners take as `query_strategy`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import joblib
import numpy as np
from modAL.utils.data import data_vstack, retrieve_rows

from queryloop.errors import InputError, OptionsError
from queryloop.randomness import derived_seed
from queryloop.strategies import Strategy, resolve

Query = Callable[..., tuple[np.ndarray, np.ndarray]]
Embed = Callable[[Any], Any]

_KNOWN = frozenset(
    {"ids", "n_classes", "probs", "mc_probs", "embeddings", "labeled_embeddings", "labeled_probs", "labels"}
)


def query_strategy(name: str, *, seed: int, embed: Embed | None = None, **options: Any) -> Query:
    """A strategy of that name for `ActiveLearner(query_strategy=...)`; for a Committee it has `mc_probs`.

    embed: from samples to embeddings (N, D); without, the samples are their own (transformed, where the
    learner has `on_transformed`). The callable takes (learner, X_pool, n_instances=1, **kwargs), kwargs
    being passed to `predict_proba`, and returns row numbers (n_instances,), best first, and their scores.
    Each query of a learner draws anew, by the seed and the numbers of its labelled rows and of the pool's.

    Raises OptionsError for an unknown name or option and for a strategy that needs more than modAL knows.
    """
    strategy = resolve(name, options)
    unknown_needs = sorted(strategy.needs - _KNOWN)
    if unknown_needs:
        raise OptionsError(f"`{name}` needs {', '.join(unknown_needs)}, which modAL's learners do not give.")

    def query(
        classifier: Any,
        X_pool: Any,  # noqa: N803
        n_instances: int = 1,
        **kwargs: Any,
    ) -> tuple[np.ndarray, np.ndarray]:
        # A pair, since modAL would take an array of two rows apart into rows and metrics.
        labelled = sum(_count(member.X_training) for member in _members(classifier))
        now = derived_seed(seed, labelled, f"modal, {_count(X_pool)} in the pool")
        evidence = _evidence(strategy, classifier, X_pool, embed or _embedding(classifier), kwargs)
        picks = strategy.choose(strategy.score(evidence, now), evidence, k=n_instances, seed=now)
        return picks.positions.numpy(), picks.scores.numpy()

    return query


def _evidence(
    strategy: Strategy, learner: Any, pool: Any, embed: Embed, predicting: Mapping[str, Any]
) -> dict[str, Any]:
    """What the strategy needs, and nothing else: a prediction over the pool may take minutes."""
    samples, answers = _training(learner)
    sources: dict[str, Callable[[], Any]] = {
        "n_classes": lambda: len(_classes(learner)),
        "probs": lambda: learner.predict_proba(pool, **predicting),
        "mc_probs": lambda: _votes(strategy, learner, pool, predicting),
        "embeddings": lambda: embed(pool),
        "labeled_embeddings": lambda: embed(_known(samples, strategy)),
        "labeled_probs": lambda: learner.predict_proba(_known(samples, strategy), **predicting),
        "labels": lambda: _numbers(_known(answers, strategy), _classes(learner)),
    }
    wanted = {need: source() for need, source in sources.items() if need in strategy.needs}
    return {"ids": np.arange(_count(pool)), **wanted}


def _members(learner: Any) -> list[Any]:
    return getattr(learner, "learner_list", [learner])


def _training(learner: Any) -> tuple[Any, Any]:
    """The labelled samples and their labels; of a Committee those that any member has, each once."""
    known = [member for member in _members(learner) if member.X_training is not None]
    if len(known) < 2:
        return (known[0].X_training, known[0].y_training) if known else (None, None)
    samples = data_vstack([member.X_training for member in known])
    # Members may have begun with rows of their own, and each has what the Committee was taught.
    marks = [joblib.hash(samples[row : row + 1]) for row in range(_count(samples))]
    rows = np.sort(np.unique(marks, return_index=True)[1])
    return retrieve_rows(samples, rows), np.concatenate([member.y_training for member in known])[rows]


def _classes(learner: Any) -> np.ndarray:
    return learner.classes_ if hasattr(learner, "classes_") else learner.estimator.classes_


def _votes(strategy: Strategy, learner: Any, pool: Any, predicting: Mapping[str, Any]) -> np.ndarray:
    if not hasattr(learner, "vote_proba"):
        raise InputError(f"`{strategy.name}` needs the votes of several learners: give it to a Committee.")
    return learner.vote_proba(pool, **predicting)


def _numbers(answers: Any, classes: np.ndarray) -> np.ndarray:
    """Class numbers in the order of the columns of `predict_proba`."""
    known = np.asarray(answers)
    strange = ~np.isin(known, classes)
    if strange.any():
        raise InputError(f"the label {known[strange][0]!r} is no class of the learner: fit it first.")
    return np.searchsorted(classes, known)


def _known(training: Any, strategy: Strategy) -> Any:
    if training is None:
        raise InputError(f"`{strategy.name}` needs labelled rows: give the learner X_training, or teach it.")
    return training


def _count(samples: Any) -> int:
    if samples is None:
        return 0
    return samples.shape[0] if hasattr(samples, "shape") else len(samples)


def _embedding(learner: Any) -> Embed:
    """What the learner's own strategies would measure distances on."""
    return learner.transform_without_estimating if learner.on_transformed else lambda samples: samples
