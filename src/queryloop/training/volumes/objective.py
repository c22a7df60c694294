"""What each training step on volumes minimises."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from torch import Tensor, nn

from queryloop.models.unet import UNet
from queryloop.training.volumes.losses import supervised

_LAST = 50


class VolumeObjective:
    """Cross-entropy plus Dice loss at every supervised resolution; remembers the last steps' losses."""

    def __init__(self) -> None:
        self._last: deque[tuple[Tensor, Tensor]] = deque(maxlen=_LAST)

    def parameters(self, network: nn.Module) -> Iterable[nn.Parameter]:
        """All of them."""
        return network.parameters()

    def plain(self) -> VolumeObjective:
        """One with a memory of its own, for a range test."""
        return VolumeObjective()

    def __call__(self, network: UNet, inputs: Tensor, targets: Tensor, progress: float) -> Tensor:  # noqa: ARG002
        """The scalar to minimise."""
        loss = supervised(network.supervised(inputs), targets, network.strides)
        self._last.append((loss.cross_entropy.detach(), loss.dice.detach()))
        return loss.cross_entropy + loss.dice

    def log(self) -> dict[str, float]:
        """Mean losses of the last 50 steps, cross-entropy in nats and 1 - Dice."""
        names = ("cross_entropy", "dice_loss")
        columns = zip(*self._last, strict=True)
        return {name: float(sum(c) / len(c)) for name, c in zip(names, columns, strict=False)}
