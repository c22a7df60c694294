"""A trunk without its batch norms gives what it gave with them."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from queryloop.models.folding import folded
from queryloop.models.registry import build
from queryloop.options import ModelOptions


def used(name: str) -> nn.Module:
    """A trunk whose batch norms have seen something."""
    torch.manual_seed(0)
    trunk = build(ModelOptions(name=name, resolution=16), (8, 8, 3), 3).trunk
    for part in trunk.modules():
        if isinstance(part, nn.BatchNorm2d):
            for statistic in (part.running_mean, part.running_var, part.weight, part.bias):
                statistic.data.uniform_(0.5, 1.5)
    return trunk.double().eval()


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "efficientnet_lite0"])
def test_the_outputs_are_the_same_and_no_norm_is_left(name: str) -> None:
    trunk, inputs = used(name), torch.randn(4, 3, 32, 32, dtype=torch.float64)
    before = copy.deepcopy(trunk.state_dict())
    with torch.no_grad():
        expected, found = trunk(inputs), folded(trunk)(inputs)
    torch.testing.assert_close(found, expected)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded(trunk).modules())
    assert all(torch.equal(before[key], value) for key, value in trunk.state_dict().items())


def test_a_norm_after_something_that_others_read_stays() -> None:
    class Forked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen = self.conv(x)
            return seen + self.norm(seen)

    trunk, inputs = Forked().eval(), torch.randn(2, 3, 5, 5)
    trunk.norm.running_var.fill_(3)
    torch.testing.assert_close(folded(trunk)(inputs), trunk(inputs))
