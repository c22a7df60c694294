"""Query strategies: pure functions over tensors, and what puts them together."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from queryloop.strategies.battery import check_strategy
    from queryloop.strategies.kinds import Strategy
    from queryloop.strategies.picks import Picks, top_k
    from queryloop.strategies.registry import Definition, definitions, strategy
    from queryloop.strategies.resolution import resolve
    from queryloop.strategies.selection import select

__all__ = [
    "Definition",
    "Picks",
    "Strategy",
    "check_strategy",
    "definitions",
    "resolve",
    "select",
    "strategy",
    "top_k",
]

_HOMES = {
    "check_strategy": "battery",
    "Definition": "registry",
    "Picks": "picks",
    "Strategy": "kinds",
    "definitions": "registry",
    "resolve": "resolution",
    "select": "selection",
    "strategy": "registry",
    "top_k": "picks",
}


def __getattr__(name: str) -> Any:
    """Load a public name at first use, so that a pipeline can be listed without torch."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
