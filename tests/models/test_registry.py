from __future__ import annotations

import pytest
import torch
from torch import nn

from queryloop.errors import OptionsError
from queryloop.models.registry import MODELS, build
from queryloop.options import ModelOptions

SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (7, 5, 2), (1, 1, 1)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", MODELS)
def test_every_network_gives_logits_by_way_of_its_embedding(name: str, shape: tuple[int, int, int]) -> None:
    network = build(ModelOptions(name=name, width=4), shape, 3).eval()
    inputs = torch.randn(5, shape[2], *shape[:2])
    embedding = network.embed(inputs)
    assert embedding.shape == (5, network.head.linear.in_features)
    assert network(inputs).shape == (5, 3)
    assert torch.equal(network(inputs), network.head(embedding))


@pytest.mark.parametrize("name", MODELS)
def test_an_image_scores_the_same_alone_and_in_company(name: str) -> None:
    network = build(ModelOptions(name=name, width=4), (8, 8, 1), 3).eval()
    inputs = torch.randn(5, 1, 8, 8)
    alone = torch.cat([network(inputs[i : i + 1]) for i in range(5)])
    assert torch.allclose(network(inputs), alone, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_dropout_is_in_the_head_only(name: str) -> None:
    network = build(ModelOptions(name=name, width=4, dropout=0.3), (8, 8, 1), 3)
    assert [m.p for m in network.head.modules() if isinstance(m, nn.Dropout)] == [0.3]
    assert not [m for m in network.trunk.modules() if isinstance(m, nn.Dropout)]


def test_an_unknown_model_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(OptionsError, match=r"unknown model 'cmn'.* 'cnn'.*Available: cnn, mlp"):
        build(ModelOptions(name="cmn"), (8, 8, 1), 3)
