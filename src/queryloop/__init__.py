"""queryloop: active learning as a Kedro project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from queryloop.strategies import select

__version__ = "0.1.0"
__all__ = ["__version__", "select"]


def __getattr__(name: str) -> Any:
    """Load `select` at first use: importing queryloop alone stays free of torch."""
    if name == "select":
        from queryloop.strategies import select

        return select
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
