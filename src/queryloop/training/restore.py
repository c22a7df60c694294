"""From a checkpoint back to networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from queryloop.errors import StateError, examples
from queryloop.training.checkpoint import Checkpoint

N = TypeVar("N", bound=nn.Module)


def members(checkpoint: Checkpoint, build: Callable[[], N]) -> list[N]:
    """The networks of a checkpoint in eval mode, on the CPU; `build` makes one with any weights.

    Raises StateError as `fitting` does.
    """
    networks = []
    for member in sorted(checkpoint.members, key=int):
        with torch.random.fork_rng(devices=[]):
            network = build()
        network.load_state_dict(fitting(network, checkpoint.members[member]))
        networks.append(network.eval())
    return networks


def refuse_others(checkpoint: Checkpoint, **given: Sequence[object]) -> None:
    """Raise StateError unless shape, channels or classes are those that the checkpoint was trained with.

    given: them, by their name in the settings; what the settings do not name is not compared.
    """
    for name, here in given.items():
        trained = list(checkpoint.settings.get(name, here))
        if trained != list(here):
            raise StateError(
                f"the checkpoint was trained with the {name} {trained}, but here they are {list(here)}: "
                "take data like those of its training, or train on these."
            )


def fitting(network: nn.Module, weights: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """The weights as a state of the network. Raises StateError where they are those of another one."""
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: np.shape(values) for name, values in weights.items()}
    if found != wanted:
        others = [
            f"{name} {found.get(name, 'missing')} in place of {wanted.get(name, 'nothing')}"
            for name in sorted(found.keys() | wanted.keys())
            if found.get(name) != wanted.get(name)
        ]
        raise StateError(
            f"the checkpoint is one of another network: {len(others)} of its arrays do not fit, "
            f"{examples(others)}. Take the model and the classes that it was trained with, or begin "
            "with fresh weights (training.reinit:cold)."
        )
    return {name: torch.tensor(values) for name, values in weights.items()}
