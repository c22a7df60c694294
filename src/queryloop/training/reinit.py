"""What a training starts from: fresh weights, the previous ones, or a mixture."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import nn

from queryloop.training.restore import fitting

SHRINK = 0.4
PERTURB = 0.1
"""Constants of Zaidi et al. 2022 for the shrink and perturb of Ash and Adams 2020."""


def cold(network: nn.Module, previous: Mapping[str, np.ndarray]) -> None:
    """Keep the fresh weights."""


def warm(network: nn.Module, previous: Mapping[str, np.ndarray]) -> None:
    """Take the previous weights and running statistics. Raises StateError for those of another network."""
    network.load_state_dict(fitting(network, previous))


def shrink_perturb(network: nn.Module, previous: Mapping[str, np.ndarray]) -> None:
    """Weights become SHRINK * previous + PERTURB * fresh.

    Running statistics stay fresh: those of the previous network belong to larger weights. Raises StateError
    for those of another network.
    """
    before = fitting(network, previous)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            weight.mul_(PERTURB).add_(before[name], alpha=SHRINK)


REINIT: dict[str, Callable[[nn.Module, Mapping[str, np.ndarray]], None]] = {
    "cold": cold,
    "warm": warm,
    "shrink_perturb": shrink_perturb,
}
