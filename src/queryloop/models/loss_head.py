"""A module beside a network that predicts the loss of each sample."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from queryloop.models.network import Network, Seen

_WIDTH = 128


class LossHead(nn.Module):
    """One rectified layer of 128 units for each stage of the trunk, and a linear layer on all of them.

    Which stages there are and how many channels they have is seen by running the network once. shape:
    (H, W, C) of one image, or (D,) of features. Source: Yoo and Kweon 2019.
    """

    def __init__(self, network: Network, shape: tuple[int, ...]) -> None:
        super().__init__()
        channels = _channels(network, shape)
        self._names = tuple(channels)  # a ModuleDict takes no dots, which names of stages may have
        self.stages = nn.ModuleList(nn.Linear(n, _WIDTH) for n in channels.values())
        self.last = nn.Linear(_WIDTH * len(channels), 1)

    def forward(self, seen: Seen) -> Tensor:
        """Predicted loss (N,), fp32 even under autocast: of the taps of its stages, and of nothing else.

        Higher means a higher loss; only the order means something.
        """
        taps = [seen.taps[name] for name in self._names]
        with torch.autocast(seen.features.device.type, enabled=False):
            hidden = [stage(tap).relu() for stage, tap in zip(self.stages, taps, strict=True)]
            loss: Tensor = self.last(torch.cat(hidden, dim=1)).squeeze(1)
        return loss


@torch.no_grad()
def _channels(network: Network, shape: tuple[int, ...]) -> dict[str, int]:
    """Channels of each stage that runs; in eval mode, so that no running statistic moves."""
    mode = network.training
    taps = network.eval().see(torch.zeros(1, shape[-1], *shape[:-1]), network.stages).taps
    network.train(mode)
    return {name: tap.shape[1] for name, tap in taps.items()}
