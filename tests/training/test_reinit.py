from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from queryloop.errors import StateError
from queryloop.training.reinit import PERTURB, REINIT, SHRINK

PREVIOUS = {
    "0.weight": np.full((2, 3), 5, np.float32),
    "0.bias": np.ones(2, np.float32),
    "1.weight": np.full(2, 2, np.float32),
    "1.bias": np.zeros(2, np.float32),
    "1.running_mean": np.full(2, 7, np.float32),
    "1.running_var": np.full(2, 3, np.float32),
    "1.num_batches_tracked": np.array(9),
}


@pytest.fixture
def fresh() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def test_cold_keeps_the_fresh_weights(fresh: nn.Module) -> None:
    before = fresh[0].weight.detach().clone()
    REINIT["cold"](fresh, PREVIOUS)
    assert torch.equal(fresh[0].weight, before)


def test_warm_takes_everything(fresh: nn.Module) -> None:
    REINIT["warm"](fresh, PREVIOUS)
    assert all(np.array_equal(value, PREVIOUS[name]) for name, value in fresh.state_dict().items())


def test_shrink_perturb_mixes_the_weights_and_starts_statistics_anew(fresh: nn.Module) -> None:
    before = fresh[0].weight.detach().clone()
    REINIT["shrink_perturb"](fresh, PREVIOUS)
    assert torch.allclose(fresh[0].weight, SHRINK * 5 + PERTURB * before)
    assert fresh[1].running_mean.tolist() == [0, 0]


@pytest.mark.parametrize("name", ["warm", "shrink_perturb"])
@pytest.mark.parametrize(
    ("previous", "words"),
    [
        (
            {**PREVIOUS, "0.bias": np.ones(3, np.float32)},
            r"1 of its arrays .* 0.bias \(3,\) in place of \(2,\)",
        ),
        ({"0.weight": PREVIOUS["0.weight"]}, r"6 of its arrays .* 0.bias missing in place of \(2,\)"),
        ({**PREVIOUS, "2.bias": PREVIOUS["0.bias"]}, r"2.bias \(2,\) in place of nothing"),
    ],
)
def test_weights_of_another_network_are_refused(
    name: str, previous: dict[str, np.ndarray], words: str, fresh: nn.Module
) -> None:
    before = fresh[0].weight.detach().clone()
    with pytest.raises(StateError, match=words):
        REINIT[name](fresh, previous)
    assert torch.equal(fresh[0].weight, before)
