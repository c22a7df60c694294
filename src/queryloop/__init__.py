"""queryloop: active learning as a Kedro project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from queryloop.strategies import check_strategy, select

__version__ = "0.1.0"
__all__ = ["__version__", "check_strategy", "select"]


def __getattr__(name: str) -> Any:
    """Load the functions at first use: importing queryloop alone stays free of torch."""
    if name in ("check_strategy", "select"):
        from queryloop import strategies

        return getattr(strategies, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
