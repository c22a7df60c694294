"""The learning rate, found by a range test where nobody set it."""

from __future__ import annotations

import logging
from contextlib import redirect_stderr
from io import StringIO
from tempfile import TemporaryDirectory

from lightning.pytorch import LightningModule
from lightning.pytorch.tuner import Tuner

from queryloop.errors import OptionsError
from queryloop.training.objective import Steps
from queryloop.training.trainer import bare_trainer, quiet

_RATES = 100
_LOWEST = 1e-5  # below, the loss of a batch says more about the batch than about the rate


def find_rate(module: LightningModule, batches: Steps, device: str) -> float:
    """The rate at which the loss falls fastest, of 100 from 1e-5 to 1, one step each (Smith 2017).

    module: has `learning_rate`, and a network that may be spoilt. Raises OptionsError where the loss
    never falls.
    """
    # its bar has no switch, and where no rate is found, we say so
    with TemporaryDirectory() as folder, quiet(logging.CRITICAL), redirect_stderr(StringIO()):
        tested = Tuner(bare_trainer(device, [], folder)).lr_find(
            module,
            train_dataloaders=batches,
            min_lr=_LOWEST,
            num_training=min(_RATES, len(batches)),
            update_attr=False,
        )
        found = tested.suggestion() if tested is not None else None
    if found is None:
        raise OptionsError(
            f"training.learning_rate:auto found no rate at which the loss falls in {len(batches)} steps: "
            "set a number, such as training.learning_rate:0.01."
        )
    return float(found)
