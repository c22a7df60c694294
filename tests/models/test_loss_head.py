"""The module that predicts losses: it fits itself to any network, and reads nothing but its taps."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn

from queryloop.models.auxiliary import attach
from queryloop.models.heads import LinearHead
from queryloop.models.network import Network
from queryloop.models.registry import MODELS, build
from queryloop.options import ModelOptions, TrainingOptions

JUDGING = TrainingOptions(auxiliary="learning_loss")
SHAPE = (8, 8, 1)


def staged() -> Network:
    """Two stages whose names have dots, one of them with places, and a rectified layer in neither."""
    block = nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 3, 3), norm=nn.BatchNorm2d(3)))
    flat = nn.Sequential(OrderedDict(flatten=nn.Flatten(), linear=nn.Linear(108, 5)))
    trunk = nn.Sequential(OrderedDict(one=block, relu=nn.ReLU(), two=flat))
    return Network(trunk, LinearHead(5, 2, 0.0), stages=("one.norm", "two.linear"))


def plain(name: str) -> Network:
    return build(ModelOptions(name=name, width=4), SHAPE, 3)


NETWORKS = {
    "cnn": (lambda: plain("cnn"), [4, 8, 8, 16, 16]),
    "mlp": (lambda: plain("mlp"), [4, 4]),
    "staged": (staged, [3, 5]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_it_finds_the_stages_of_the_network_and_their_channels(name: str) -> None:
    make, channels = NETWORKS[name]
    network = make()
    attach(network, SHAPE, JUDGING)
    assert [stage.in_features for stage in network.auxiliary.stages] == channels
    assert network.auxiliary.last.in_features == 128 * len(channels)


@pytest.mark.parametrize("name", MODELS)
def test_it_fits_itself_to_every_model(name: str) -> None:
    network = build(ModelOptions(name=name), (32, 32, 3), 3).eval()
    attach(network, (32, 32, 3), JUDGING)
    seen = network.see(torch.randn(2, 3, 32, 32), network.stages)
    assert network.auxiliary(seen).shape == (2,)
    assert len(network.auxiliary.stages) == len(network.stages)


@pytest.mark.parametrize("name", NETWORKS)
def test_it_predicts_by_the_formula_whatever_else_is_tapped(name: str) -> None:
    network = NETWORKS[name][0]()
    attach(network, SHAPE, JUDGING)
    judge, inputs = network.eval().auxiliary, torch.randn(6, 1, 8, 8)
    seen = network.see(inputs, {"relu": network.trunk[-1], **network.stages})
    hidden = [
        torch.relu(seen.taps[tap] @ stage.weight.T + stage.bias)
        for tap, stage in zip(network.stages, judge.stages, strict=True)
    ]
    expected = torch.cat(hidden, dim=1) @ judge.last.weight[0] + judge.last.bias
    torch.testing.assert_close(judge(seen), expected)
    assert judge(seen).shape == (6,)


@pytest.mark.parametrize("training", [True, False])
def test_looking_at_a_network_changes_nothing_of_it(training: bool) -> None:
    network = plain("cnn").train(training)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    attach(network, SHAPE, JUDGING)
    after = network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert {name.partition(".")[0] for name in after.keys() - before.keys()} == {"auxiliary"}
    assert {part.training for part in network.trunk.modules()} == {training}
    assert not any(part._forward_hooks for part in network.modules())


def test_it_computes_in_fp32_under_autocast() -> None:
    network = plain("mlp").eval()
    attach(network, SHAPE, JUDGING)
    with torch.autocast("cpu", torch.bfloat16):
        seen = network.see(torch.randn(6, 1, 8, 8), network.stages)
        fast = network.auxiliary(seen)
    assert torch.equal(fast, network.auxiliary(seen))
    assert fast.dtype == torch.float32
