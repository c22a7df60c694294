"""The query strategies of scikit-activeml, run on our evidence: `strategy:skactiveml.Badge`.

Their samples are our embeddings, labelled rows first. Their classifier is frozen: it answers with the
probabilities that our network gave and is never fitted. A few strategies accept only a model of their
own; they get scikit-activeml's, fitted on the embeddings: see `_OWN_MODEL`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import torch

from queryloop.errors import InputError, OptionsError, unknown
from queryloop.randomness import derived_seed
from queryloop.strategies.evidence import gathered
from queryloop.strategies.frozen import answers_of, discriminator, frozen, own_model
from queryloop.strategies.kinds import Given, Scores, Strategy
from queryloop.strategies.picks import NOTHING, Picks, checked_k, seeded_order

_SAMPLES = frozenset({"embeddings", "labeled_embeddings", "labels"})
_FROZEN_ARGUMENTS = frozenset({"clf", "estimator", "ensemble"})
_RUNNABLE_ARGUMENTS = _FROZEN_ARGUMENTS | {"discriminator"}
_OWN_MODEL = {
    "EpistemicUncertaintySampling": "ParzenWindowClassifier",
    "FourDs": "MixtureModelClassifier",
    "MonteCarloEER": "ParzenWindowClassifier",
    "ValueOfInformationEER": "ParzenWindowClassifier",
}
"""Strategies that retrain their classifier for each candidate, or that read more than probabilities."""
_ABSTRACT = frozenset({"ExpectedErrorReduction"})
_DEFAULTS = {"ProbabilisticAL": {"metric": "rbf"}}
"""Options whose own default asks more of a classifier than probabilities."""
_OURS = frozenset(
    {
        "classes",
        "n_classes",
        "missing_label",
        "random_state",
        "clf_embedding_flag_name",
        "predict_dict",
        "sample_predictions_method_name",
        "sample_predictions_dict",
    }
)
"""What a constructor asks for and the adapter fills in."""


@dataclass(frozen=True, kw_only=True)
class Skactiveml(Strategy):
    """One strategy of scikit-activeml's. `kind`: its class. It draws, so it sees rows in seeded order."""

    kind: type

    def score(self, evidence: Given, seed: int) -> None:
        """Nothing: scikit-activeml chooses the batch as a whole."""

    def choose(self, scores: Scores | None, evidence: Given, *, k: int, seed: int) -> Picks:  # noqa: ARG002
        """What scikit-activeml's `query` returns; the score of a row is its utility at the pick.

        Raises InputError for evidence that does not fit, for what scikit-activeml itself refuses, and
        where it does not return k different rows.
        """
        found = gathered(evidence, self.needs, self.name)
        whole = checked_k(k, len(found.ids))
        if whole == 0:
            return NOTHING
        order = seeded_order(found.ids, seed)
        arrays = {name: _plain(value) for name, value in found.rows(order).values.items()}
        chosen, utilities = self._asked(arrays, whole, derived_seed(seed, 0, "strategy") % 2**32)
        rows = np.asarray(chosen) - len(arrays["labels"])
        if rows.shape != (whole,) or len({row for row in rows.tolist() if 0 <= row < len(order)}) != whole:
            raise InputError(
                f"`{self.name}` did not choose {whole} different rows of {len(order)}, but {rows.tolist()}: "
                "some strategies of scikit-activeml do so where rows are equal. Take another strategy."
            )
        return Picks(torch.from_numpy(order[rows]), _gains(utilities, np.asarray(chosen)))

    def _asked(self, arrays: dict[str, Any], k: int, seed: int) -> tuple[Any, Any]:
        samples = np.concatenate([arrays["labeled_embeddings"], arrays["embeddings"]])
        labels = np.full(len(samples), np.nan)
        labels[: len(arrays["labels"])] = arrays["labels"]
        try:
            with _global_seed(seed):
                return self._built(arrays, seed).query(
                    samples,
                    labels,
                    batch_size=k,
                    return_utilities=True,
                    **self._arguments(arrays, samples, labels, seed),
                )
        except (TypeError, ValueError) as error:
            raise InputError(f"`{self.name}`: scikit-activeml refused. {error}") from error

    def _built(self, arrays: dict[str, Any], seed: int) -> Any:
        takes = inspect.signature(self.kind).parameters
        filled: dict[str, Any] = {"random_state": seed}
        if "classes" in takes:
            filled["classes"] = list(range(arrays["n_classes"]))
        if "n_classes" in takes:
            filled["n_classes"] = arrays["n_classes"]
        if "sample_predictions_method_name" in takes:
            filled["sample_predictions_method_name"] = "draws"
        return self.kind(**self.options, **filled)

    def _arguments(
        self, arrays: dict[str, Any], samples: np.ndarray, labels: np.ndarray, seed: int
    ) -> dict[str, Any]:
        """What `query` asks for besides samples and labels."""
        asked = _asked_of_us(self.kind)
        if not asked:
            return {}
        if asked == {"discriminator"}:
            return {"discriminator": discriminator(seed)}
        (argument,) = asked
        if self.kind.__name__ in _OWN_MODEL:
            return {argument: own_model(_OWN_MODEL[self.kind.__name__], arrays["n_classes"], seed)}
        model = frozen(*answers_of(arrays), seed)
        return {argument: model.fit(samples, labels), f"fit_{argument}": False}


def skactiveml(name: str, options: Mapping[str, Any]) -> Skactiveml:
    """The strategy `skactiveml.NAME`, NAME being a class of `skactiveml.pool`; options are its constructor's.

    Raises OptionsError where scikit-activeml is not installed, for an unknown name or option, and for a
    strategy that needs what this project cannot give, with the reason.
    """
    kinds = _kinds()
    short = name.removeprefix("skactiveml.")
    if short not in kinds:
        raise unknown("strategy of scikit-activeml", short, kinds)
    kind = kinds[short]
    _refuse_unrunnable(kind)
    defaults = _options(kind)
    for option in options:
        if option not in defaults:
            raise unknown(f"option of `skactiveml.{short}`", option, defaults)
    return Skactiveml(
        name=f"skactiveml.{short}",
        family="scikit-activeml",
        source="scikit-activeml",
        needs=_needs(kind),
        options=defaults | dict(options),
        bounds=(None, None),
        members="dropout",
        draws=True,
        kind=kind,
    )


def _kinds() -> dict[str, type]:
    base = _package("base").SingleAnnotatorPoolQueryStrategy
    classes = dict(inspect.getmembers(_package("pool"), inspect.isclass))
    return {name: kind for name, kind in classes.items() if issubclass(kind, base)}


def _package(part: str) -> ModuleType:
    try:
        import_module("skactiveml")
    except ModuleNotFoundError as error:
        if error.name != "skactiveml":
            raise
        raise OptionsError(
            "`skactiveml.` strategies need scikit-activeml, which is not installed: "
            'pip install "queryloop[skactiveml]".'
        ) from None
    return import_module(f"skactiveml.{part}")


def _options(kind: type) -> dict[str, Any]:
    """Options with their defaults: what can be written as a parameter, so no classes and no functions."""
    takes = inspect.signature(kind).parameters.values()
    plain = {p.name: p.default for p in takes if p.name not in _OURS and not callable(p.default)}
    return plain | _DEFAULTS.get(kind.__name__, {})


def _asked_of_us(kind: type) -> set[str]:
    """The arguments of `query` without a default, besides samples and labels."""
    parameters = inspect.signature(kind.query).parameters.values()  # type: ignore[attr-defined]
    required = {p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD}
    return required - {"self", "X", "y"}


def _refuse_unrunnable(kind: type) -> None:
    asked = _asked_of_us(kind)
    if "reg" in asked:
        reason = "is for regression, and here the answers are classes"
    elif "query_strategy" in inspect.signature(kind).parameters:
        reason = "wraps another strategy: name that one, and set query.candidates for a part of the pool"
    elif kind.__name__ in _ABSTRACT:
        reason = "is only the base of others: take MonteCarloEER or ValueOfInformationEER"
    elif not asked <= _RUNNABLE_ARGUMENTS:
        reason = f"asks for {', '.join(sorted(asked - _RUNNABLE_ARGUMENTS))}, which is not known here"
    else:
        return
    raise OptionsError(f"`skactiveml.{kind.__name__}` cannot run: it {reason}.")


def _needs(kind: type) -> frozenset[str]:
    asked, name = _asked_of_us(kind), kind.__name__
    if name in _OWN_MODEL or {"classes", "n_classes"} & inspect.signature(kind).parameters.keys():
        return _SAMPLES | {"n_classes"}
    if name == "DropQuery":  # it changes the embeddings: only the head itself can answer for them
        return _SAMPLES | {"head"}
    if name == "ContrastiveAL":
        return _SAMPLES | {"probs", "labeled_probs"}
    if "ensemble" in asked:
        return _SAMPLES | {"mc_probs"}
    return _SAMPLES | {"probs"} if asked & _FROZEN_ARGUMENTS else _SAMPLES


def _plain(value: Any) -> Any:
    """Tensors as float64 arrays: in single precision numpy refuses to draw by probabilities."""
    if isinstance(value, torch.Tensor):
        array = value.cpu().numpy()
        return array.astype(np.float64) if value.is_floating_point() else array
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value


def _gains(utilities: Any, chosen: np.ndarray) -> torch.Tensor:
    """The utility of each row when it was chosen; some strategies leave none, which counts as 0."""
    table = np.asarray(utilities, dtype=np.float64)
    found = table[np.arange(len(chosen)), chosen]
    return torch.from_numpy(np.where(np.isfinite(found), found, 0.0))


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """numpy's global state seeded, and put back: scikit-activeml forgets to seed some of its clusterings."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
