from __future__ import annotations

import pytest
import torch

from queryloop.errors import OptionsError
from queryloop.models.resolutions import Resolutions, resolutions
from queryloop.models.unet import UNet, unet3d
from queryloop.options import ModelOptions
from queryloop.voxels import Triple

CUBE = (1.0, 1.0, 1.0)


def network(patch: Triple = (16, 16, 16), spacing: tuple[float, ...] = CUBE, **options: object) -> UNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        given = {"name": "unet3d", "width": 4, "patch": patch, **options}
        return unet3d(2, 3, spacing, ModelOptions.model_validate(given))


@pytest.mark.parametrize(
    ("patch", "spacing", "stride"),
    [
        ((32, 32, 32), CUBE, (8, 8, 8)),
        ((16, 16, 32), CUBE, (4, 4, 8)),
        ((8, 64, 64), CUBE, (2, 16, 16)),
        ((4, 40, 40), (10.0, 1.5, 1.5), (1, 8, 8)),
        ((16, 64, 64), (5.0, 1.0, 1.0), (4, 16, 16)),
        ((7, 7, 7), CUBE, (1, 1, 1)),
    ],
)
def test_an_axis_is_halved_down_to_four_voxels(
    patch: Triple, spacing: tuple[float, ...], stride: Triple
) -> None:
    plan = resolutions(patch, spacing)
    assert plan.stride == stride
    assert plan.strides[0] == (1, 1, 1)


def test_thick_slices_wait_until_the_plane_is_as_coarse() -> None:
    plan = resolutions((16, 64, 64), (4.0, 1.0, 1.0))
    assert plan.strides == ((1, 1, 1), (1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2))[: len(plan.strides)]
    assert plan.kernels[:3] == ((1, 3, 3), (1, 3, 3), (3, 3, 3))


def test_depth_ends_it_earlier() -> None:
    assert resolutions((32, 32, 32), CUBE, 2) == Resolutions(((1, 1, 1), (2, 2, 2)), ((3, 3, 3),) * 2)


@pytest.mark.parametrize("size", [(16, 16, 16), (17, 9, 23), (1, 3, 40), (5, 5, 5)])
def test_any_size_goes_in_and_comes_out(size: Triple) -> None:
    net, inputs = network(), torch.randn(1, 2, *size)
    assert net(inputs).shape == (1, 3, *size)
    assert net.features(inputs).shape == (1, 4, *size)
    assert net.embed(inputs).shape == (1, 16)
    assert [tuple(out.shape[2:]) for out in net.supervised(inputs)] == [size]


def test_supervision_reaches_all_but_the_coarsest_decoded_resolution() -> None:
    inputs = torch.randn(1, 2, 32, 30, 29)
    outputs = network((32, 32, 32)).supervised(inputs)
    assert [tuple(out.shape[2:]) for out in outputs] == [(32, 30, 29), (16, 15, 15)]
    assert len(network((32, 32, 32), deep_supervision=False).supervised(inputs)) == 1


def test_logits_are_the_head_on_the_features_and_the_finest_output() -> None:
    net, inputs = network().eval(), torch.randn(2, 2, 16, 16, 16)
    logits = net(inputs)
    weight, bias = net.head.linear.weight[:, :, 0, 0, 0], net.head.linear.bias
    assert bias is not None
    by_hand = torch.einsum("kd,bdzyx->bkzyx", weight, net.features(inputs)) + bias.view(1, -1, 1, 1, 1)
    torch.testing.assert_close(by_hand, logits)
    torch.testing.assert_close(net.supervised(inputs)[0], logits)


def test_padding_does_not_show_where_there_is_none_to_do() -> None:
    """The first voxels of a padded volume are those of the volume that was padded by hand."""
    net, inputs = network().eval(), torch.randn(1, 2, 15, 16, 14)
    by_hand = torch.nn.functional.pad(inputs, (0, 2, 0, 0, 0, 1), mode="replicate")
    torch.testing.assert_close(net(inputs), net(by_hand)[:, :, :15, :, :14])


def test_width_doubles_with_each_resolution_up_to_a_bound() -> None:
    net = network((128, 16, 16), width=100)
    assert [block.conv1.out_channels for block in net.encoder] == [100, 200, 320, 320, 320, 320]


def test_every_weight_learns() -> None:
    net = network((32, 32, 32))
    sum(out.square().mean() for out in net.supervised(torch.randn(1, 2, 32, 32, 32))).backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())


def test_a_patch_that_cannot_be_halved_is_refused() -> None:
    with pytest.raises(OptionsError, match=r"\(7, 4, 7\) voxels is too small"):
        network((7, 4, 7))


def test_only_training_drops_channels() -> None:
    net, inputs = network(dropout=0.5), torch.randn(1, 2, 16, 16, 16)
    torch.manual_seed(0)
    assert not torch.equal(net.train()(inputs), net(inputs))
    assert torch.equal(net.eval()(inputs), net(inputs))


def test_masks_come_from_their_number_alone() -> None:
    head = network(dropout=0.5, width=64).head
    few, many = head.masks(2, 1), head.masks(5, 1)
    assert torch.equal(few, many[:2])
    assert set(many.unique().tolist()) == {0.0, 2.0}
    assert not torch.equal(many[0], many[1])


def test_autocast_leaves_the_head_in_fp32() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert network()(torch.randn(1, 2, 16, 16, 16)).dtype == torch.float32
