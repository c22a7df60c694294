from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from queryloop.models.heads import HEADS, Head


def slow(head: Head, mask: Tensor, features: Tensor) -> Tensor:
    """Layer by layer, the masks in place of the dropouts."""
    for layer in head:
        if isinstance(layer, nn.Dropout):
            features = features * mask[: features.shape[1]]
            mask = mask[features.shape[1] :]
        else:
            features = layer(features)
    return features


@pytest.fixture(params=HEADS)
def head(request: pytest.FixtureRequest) -> Head:
    torch.manual_seed(0)
    made = HEADS[request.param](12, 3, 0.4)
    made(torch.randn(50, 12))  # batch normalisation sees something
    return made.eval()


def test_the_mlp_head_has_batch_norm_relu_and_dropout_between_three_layers() -> None:
    head = HEADS["mlp"](2048, 10, 0.4)
    between = [nn.BatchNorm1d, nn.ReLU, nn.Dropout, nn.Linear]
    assert [type(layer) for layer in head] == [nn.Linear, *between, *between]
    widths = [(layer.in_features, layer.out_features) for layer in head if isinstance(layer, nn.Linear)]
    assert widths == [(2048, 2048), (2048, 512), (512, 10)]
    assert HEADS["mlp"](8, 5, 0.4).linear.in_features == 5  # never fewer units than classes


def test_under_masks_it_is_the_network_with_these_features_dropped(head: Head) -> None:
    features, masks = torch.randn(7, 12), head.masks(5, seed=2)
    found = head.under(masks, features)
    assert found.shape == (7, 5, 3)
    for t, mask in enumerate(masks):
        torch.testing.assert_close(found[:, t], slow(head, mask, features))


def test_masks_of_ones_change_nothing(head: Head) -> None:
    features = torch.randn(7, 12)
    ones = torch.ones(1, head.n_dropped)
    torch.testing.assert_close(head.under(ones, features)[:, 0], head(features))


def test_the_embedding_is_the_input_of_the_last_layer(head: Head) -> None:
    features = torch.randn(7, 12)
    torch.testing.assert_close(head.linear(head.embedding(features)), head(features))


def test_logits_are_exact_under_autocast(head: Head) -> None:
    features, masks = torch.randn(7, 12), head.masks(2, seed=0)
    exact = head(features), head.under(masks, features), head.embedding(features)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = head(features), head.under(masks, features), head.embedding(features)
    assert all(map(torch.equal, exact, rounded))
