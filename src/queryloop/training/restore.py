"""From a checkpoint back to networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from queryloop.training.checkpoint import Checkpoint

N = TypeVar("N", bound=nn.Module)


def members(checkpoint: Checkpoint, build: Callable[[], N]) -> list[N]:
    """The networks of a checkpoint in eval mode, on the CPU; `build` makes one with any weights."""
    networks = []
    for member in sorted(checkpoint.members, key=int):
        with torch.random.fork_rng(devices=[]):
            network = build()
        weights = checkpoint.members[member]
        network.load_state_dict({name: torch.tensor(values) for name, values in weights.items()})
        networks.append(network.eval())
    return networks
