"""Lines of the strategies where a fault costs time or memory and changes no result."""

from __future__ import annotations

from mutants import Mutant

SPEED_ONLY: dict[str, dict[str, str]] = {}


def is_speed_only(mutant: Mutant) -> bool:
    """Whether what the fault stands on is marked."""
    line = mutant.path.read_text().splitlines()[mutant.line - 1].strip()
    return line in SPEED_ONLY.get(mutant.path.name, {})
