from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from torch import Tensor

from queryloop.boxes.catalogue import section
from queryloop.strategies import catalogue, definitions
from queryloop.strategies.catalogue import page, parts

DOCS = Path(__file__).parents[2] / "docs" / "strategies.md"


def test_the_page_is_that_of_the_code() -> None:
    told = "kedro al strategies --markdown > new.md && mv new.md docs/strategies.md"
    assert DOCS.read_text() == page() + section(), f"write it anew: {told}"


def test_a_strategy_of_an_unknown_family_has_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    (margin,) = (found for found in definitions() if found.name == "margin")
    other = replace(margin, name="doubt", family="mine")
    monkeypatch.setattr(catalogue, "definitions", lambda: [margin, other])
    assert "## Mine\n\n### doubt\n" in page()


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


def told_bounds(text: str) -> tuple[float | None, float | None]:
    """The range after `Returns`; None for an end that is no number, or that an option may move."""
    numbers = {"sqrt 2": math.sqrt(2), "1/2": 0.5} | {str(n): float(n) for n in range(-2, 3)}
    found = re.search(r"\[(.+?), (.+?)[\])]|\bfrom (0)\b", text.partition("Returns")[2])
    if found is None or "any number" in text:
        return None, None
    low, high, only = found.groups()
    return numbers.get(only or low), numbers.get(high)


def test_what_a_strategy_declares_is_what_its_page_says() -> None:
    said = {found.name: parts(found.function)["arrays"] for found in definitions()}
    assert {found.name: found.bounds for found in definitions()} == {
        name: told_bounds(text) for name, text in said.items()
    }
    assert {found.name: found.batch for found in definitions()} == {
        name: "Returns Picks" in text for name, text in said.items()
    }
