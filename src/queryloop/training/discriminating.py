"""Beside the network, something that tells the pool from the labelled samples, with steps of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam

from queryloop.errors import counting_rows
from queryloop.models.network import Network
from queryloop.randomness import derived_seed
from queryloop.training.batches import Batches
from queryloop.training.compute import resolve_scoring
from queryloop.training.objective import Losses, Objective
from queryloop.training.predict import predict

_HELD_OUT = 10  # one row of so many


@dataclass(frozen=True)
class Side:
    """Rows that are all labelled, or all of the pool, in any order.

    A tenth of them (rounded down) is held out: by these it is measured what was learned from the others. Of
    the labelled rows the network learns all, so an auxiliary that reads its features may know them by that:
    on a pool that is no different 0.5 is expected, and up to 0.9 was seen.
    """

    name: str
    rows: np.ndarray
    batches: Batches

    @property
    def held_out(self) -> np.ndarray:
        """The rows that no step of the auxiliary sees; where it goes on, those of earlier cycles may have."""
        return self._shuffled[: len(self.rows) // _HELD_OUT]

    @property
    def seen(self) -> np.ndarray:
        """The other rows."""
        return self._shuffled[len(self.rows) // _HELD_OUT :]

    def endless(self, size: int) -> Iterator[Tensor]:
        """Input of `size` rows at a time, augmented as in training, in a new order each time round."""
        draws = torch.Generator().manual_seed(self._seed("augmentation"))
        order, seen = np.random.default_rng(self._seed("order")), self.seen
        while True:
            shuffled = order.permutation(seen)
            for start in range(0, len(seen) - size + 1, size):
                yield self.batches.augmented(shuffled[start : start + size], draws)

    @cached_property
    def _shuffled(self) -> np.ndarray:
        return np.random.default_rng(self._seed("held out")).permutation(np.sort(self.rows))

    def _seed(self, purpose: str) -> int:
        return derived_seed(self.batches.seed, len(self.batches.rows), f"{purpose} beside, {self.name}")


class Discriminating(Objective, ABC):
    """The loss of the task on the labelled batches as without, and `beside` it whatever a subclass does.

    For each step of the network the subclass gets a batch of either side, equally large, from an order of
    its own: those the network is taught with do not change, and held-out samples take part in that only.
    Without a pool there is nothing to discriminate, and the network is trained as without.
    """

    uses_pool: ClassVar[bool] = True

    def __init__(self, losses: Losses, batches: Batches, pool: np.ndarray) -> None:
        super().__init__(losses, batches, pool)
        self._sides = Side("labelled", batches.rows, batches), Side("pool", pool, batches)
        size = min(batches.options.batch_size, *(len(side.seen) for side in self._sides))
        self._pairs = zip(*(side.endless(size) for side in self._sides), strict=True)
        self._optimizers: dict[nn.Module, Adam] = {}

    @property
    @abstractmethod
    def rate(self) -> float:
        """Learning rate of the steps beside."""

    @abstractmethod
    def beside(self, network: Network, labelled: Tensor, pool: Tensor) -> Tensor | float:
        """Train the auxiliary by a step. Returns what the network is to minimise besides its own loss.

        labelled, pool: (B, C, H, W) each, or (B, D) features of a frozen trunk.
        """

    def parameters(self, network: nn.Module) -> Iterable[nn.Parameter]:
        """All but those of the auxiliary."""
        return [p for name, p in network.named_parameters() if not name.startswith("auxiliary.")]

    def __call__(self, network: Network, inputs: Tensor, targets: Tensor, progress: float) -> Tensor:
        """The loss of the task and what comes beside it, after the steps of the auxiliary."""
        loss = super().__call__(network, inputs, targets, progress)
        return loss + self.beside(network, *next(self._pairs)) if len(self.pool) else loss

    def descend(self, part: nn.Module, loss: Tensor) -> None:
        """One step of Adam on the weights of this part of the auxiliary; all else stays.

        Autocast, which is on where the network's loss is computed, would make the gradients bfloat16.
        """
        if part not in self._optimizers:  # only now the network is where it is trained
            self._optimizers[part] = Adam(part.parameters(), self.rate)
        self._optimizers[part].zero_grad()
        with torch.autocast(loss.device.type, enabled=False):
            loss.backward()
        self._optimizers[part].step()
        self.steps += 1

    def quality(self, network: Network) -> float | None:
        """AUROC of the auxiliary on the held-out rows; None where a side has none."""
        from sklearn.metrics import roc_auc_score

        held_out = [side.held_out for side in self._sides]
        if not all(map(len, held_out)):
            return None
        logits = self._judged(network, np.concatenate(held_out))
        return float(roc_auc_score(np.repeat([0, 1], list(map(len, held_out))), logits))

    def _judged(self, network: Network, rows: np.ndarray) -> np.ndarray:
        data, compute = self.batches, resolve_scoring(self.batches.options)
        remedy = f"Lower training.{data.options.beside}.learning_rate, or training.learning_rate."
        with counting_rows(rows.tolist(), remedy):
            return predict([network], _logits, data.images, rows, data.pixels, compute)["logits"].numpy()


def _logits(networks: Any, inputs: Tensor) -> dict[str, Tensor]:
    (network,) = networks
    return {"logits": network.auxiliary(network.see(inputs, {}))}
