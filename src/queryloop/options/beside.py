"""What is trained beside a network, as far as the network learns from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queryloop.values import flat

AUXILIARY = "training.auxiliary"
OPTIONS = ("training.learning_loss.", "training.adversarial.", "training.vaal.")
LEARNED_BY = {
    "learning_loss": "training.learning_loss.detach",
    "adversarial": "training.adversarial.weight",
}
"""What at 0 leaves the network as it is in plain training, bit by bit, as vaal always does."""
_ON_THE_POOL = frozenset({"adversarial"})


def learned_beside(settings: Mapping[str, Any], *, has_pool: bool = True) -> tuple:
    """The auxiliary that makes a network another one than plain training does, with its options, or "none".

    settings: as an experiment records them. has_pool: whether there are samples without a label.
    """
    known = flat(settings)
    name = str(known.get(AUXILIARY, "none"))
    is_learned = known.get(LEARNED_BY.get(name, ""), 0) > 0 and known.get("model.freeze") != "trunk"
    if not is_learned or (name in _ON_THE_POOL and not has_pool):
        return ("none",)
    own = f"training.{name}."
    return name, *sorted((key, str(value)) for key, value in known.items() if key.startswith(own))
