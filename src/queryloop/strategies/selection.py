"""One query in one call, for people who hold arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from queryloop.errors import unknown
from queryloop.strategies.evidence import ids_of
from queryloop.strategies.kinds import Strategy, from_definition
from queryloop.strategies.needs import NEEDS
from queryloop.strategies.registry import definition_of
from queryloop.strategies.resolution import resolve


def select(strategy: str | Callable[..., Any], /, *, k: int, seed: int, **arguments: Any) -> list[Any]:
    """The ids of the k samples to label next, best first.

    strategy: a name, or a function with the signature of one. arguments: what the strategy needs
    (numpy arrays or tensors, never written to; see `needs.NEEDS`) and its options. ids: (N,) unique ints
    or strings, 0..N-1 where none are given. Same input and seed, same ids, whatever the order of the rows.

    Raises OptionsError for an unknown strategy or argument, InputError for arrays that do not fit or a k
    outside 0..N, NonFiniteError for NaN or infinity.
    """
    evidence = {name: value for name, value in arguments.items() if name in NEEDS}
    options = {name: value for name, value in arguments.items() if name not in NEEDS}
    _refuse_unknown(resolved(strategy, {}), options)
    chosen = resolved(strategy, options)
    scores = chosen.score(evidence, seed)
    positions = chosen.choose(scores, evidence, k=k, seed=seed).positions.numpy()
    return positions.tolist() if evidence.get("ids") is None else ids_of(evidence, 0)[positions].tolist()


def resolved(strategy: str | Callable[..., Any], options: dict[str, Any]) -> Strategy:
    """A name or a function with its options as a strategy. Raises OptionsError as `resolve` does."""
    if isinstance(strategy, str):
        return resolve(strategy, options)
    return from_definition(definition_of(strategy), options)


def _refuse_unknown(strategy: Strategy, options: dict[str, Any]) -> None:
    valid = {"k", "seed", "ids", *strategy.needs, *strategy.options}
    for name in options:
        if name not in valid:
            raise unknown(f"argument of `{strategy.name}`", name, valid)
