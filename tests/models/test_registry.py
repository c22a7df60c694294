from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from queryloop.errors import OptionsError
from queryloop.models.registry import MODELS, build
from queryloop.options import ModelOptions

SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (7, 5, 2), (1, 1, 1)]
PLAIN = ["cnn", "mlp"]


def narrow(name: str, **options: Any) -> ModelOptions:
    """As small as this network can be."""
    width = 4 if "width" in MODELS[name].takes else None
    return ModelOptions(name=name, width=width, **options)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", MODELS)
def test_every_network_gives_logits_by_way_of_its_features(name: str, shape: tuple[int, int, int]) -> None:
    network = build(narrow(name), shape, 3).eval()
    inputs = torch.randn(5, shape[2], *shape[:2])
    features = network.embed(inputs)
    assert features.shape == (5, network.head.linear.in_features)
    assert network(inputs).shape == (5, 3)
    assert torch.equal(network(inputs), network.head(features))


@pytest.mark.parametrize("name", MODELS)
def test_an_image_scores_the_same_alone_and_in_company(name: str) -> None:
    network = build(narrow(name), (8, 8, 1), 3).eval()
    inputs = torch.randn(5, 1, 8, 8)
    alone = torch.cat([network(inputs[i : i + 1]) for i in range(5)])
    assert torch.allclose(network(inputs), alone, atol=1e-5)


@pytest.mark.parametrize(("head", "rates"), [("linear", [0.3]), ("mlp", [0.3, 0.3])])
@pytest.mark.parametrize("name", MODELS)
def test_dropout_is_in_the_head_only(name: str, head: Any, rates: list[float]) -> None:
    network = build(narrow(name, head=head, dropout=0.3), (8, 8, 1), 3)
    assert [m.p for m in network.head.modules() if isinstance(m, nn.Dropout)] == rates
    assert not [m for m in network.trunk.modules() if isinstance(m, nn.Dropout)]


@pytest.mark.parametrize("name", MODELS)
def test_every_stage_can_be_tapped(name: str) -> None:
    network = build(narrow(name), (16, 16, 3), 3).eval()
    seen = network.see(torch.randn(2, 3, 16, 16), network.stages)
    assert seen.taps.keys() == network.stages.keys()
    assert all(tap.shape[0] == 2 and tap.ndim == 2 for tap in seen.taps.values())
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize(
    ("name", "channels", "n_features"),
    [("cnn", 1, 64), ("cnn", 3, 128), ("cnn", 11, 128), ("resnet18", 3, 512)],
)
def test_without_a_width_a_network_has_its_usual_one(name: str, channels: int, n_features: int) -> None:
    assert build(ModelOptions(name=name), (32, 32, channels), 3).head.linear.in_features == n_features


def test_an_unknown_model_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(OptionsError, match=r"unknown model 'cmn'.* 'cnn'.*Available: cnn, eff"):
        build(ModelOptions(name="cmn"), (8, 8, 1), 3)


@pytest.mark.parametrize("options", [{"stem": "small"}, {"pretrained": True}])
@pytest.mark.parametrize("name", PLAIN)
def test_an_option_without_effect_is_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(
        OptionsError, match=rf"model.{next(iter(options))} has no effect on {name}: only .*re"
    ):
        build(ModelOptions(name=name, **options), (8, 8, 1), 3)


@pytest.mark.parametrize("options", [{"width": 16}, {"stem": "small"}])
def test_pretrained_weights_fit_the_published_form_only(options: dict[str, Any]) -> None:
    with pytest.raises(OptionsError, match="weights of resnet18 fit its published form only"):
        build(ModelOptions(name="resnet18", pretrained=True, **options), (32, 32, 3), 3)


def test_the_networks_are_there_without_the_cost_of_torchvision_and_monai() -> None:
    modules = "queryloop.models.registry, queryloop.models.unet, queryloop.tasks.segmentation.metrics"
    script = f"import sys, {modules}; sys.exit(not sys.modules.keys().isdisjoint(('torchvision', 'monai')))"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
