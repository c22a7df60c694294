from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor

from queryloop.strategies.catalogue import page, parts

DOCS = Path(__file__).parents[2] / "docs" / "strategies.md"


def test_the_page_is_that_of_the_code() -> None:
    told = "kedro al strategies --markdown > docs/strategies.md"
    assert DOCS.read_text() == page(), f"write it anew: {told}"


def test_a_docstring_is_taken_apart() -> None:
    def doubt(probs: Tensor) -> Tensor:
        """Doubt.

        Formula: 1 - max p,
        over two lines.
        probs: (N, C). Returns (N,).
        Cost: N C. Use: never,
        really.
        """
        return probs

    assert parts(doubt) == {
        "formula": "1 - max p, over two lines.",
        "arrays": "probs: (N, C). Returns (N,).",
        "cost": "N C.",
        "use": "never, really.",
    }


def test_a_strategy_without_its_parts_is_refused() -> None:
    def silent(probs: Tensor) -> Tensor:
        """Silent."""
        return probs

    with pytest.raises(ValueError, match="the docstring of 'silent' lacks Formula"):
        parts(silent)
