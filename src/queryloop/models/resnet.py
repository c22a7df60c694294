"""Residual networks, built from torchvision's blocks for images of any size and number of channels."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from queryloop.options import ModelOptions

Block = Any  # torchvision's, which is imported late: it takes two seconds, and most runs build no resnet

STAGES = ("layer1", "layer2", "layer3", "layer4")
_WIDTH = 64
_SMALL = 64  # pixels; a 7x7 stem with pooling would leave 2x2 places of a 32x32 image for the last stage


def resnet18(shape: tuple[int, ...], options: ModelOptions) -> tuple[nn.Module, int]:
    """ResNet-18 (He et al. 2016). shape: (H, W, C). Returns the trunk and its 8 `width` features."""
    return _trunk("BasicBlock", (2, 2, 2, 2), shape, options)


def resnet34(shape: tuple[int, ...], options: ModelOptions) -> tuple[nn.Module, int]:
    """ResNet-34 (He et al. 2016). shape: (H, W, C). Returns the trunk and its 8 `width` features."""
    return _trunk("BasicBlock", (3, 4, 6, 3), shape, options)


def resnet50(shape: tuple[int, ...], options: ModelOptions) -> tuple[nn.Module, int]:
    """ResNet-50 (He et al. 2016). shape: (H, W, C). Returns the trunk and its 32 `width` features."""
    return _trunk("Bottleneck", (3, 4, 6, 3), shape, options)


def _trunk(
    kind: Literal["BasicBlock", "Bottleneck"],
    counts: Sequence[int],
    shape: tuple[int, ...],
    options: ModelOptions,
) -> tuple[nn.Module, int]:
    from torchvision.models import resnet

    block: Block = getattr(resnet, kind)
    width = options.width or _WIDTH
    parts: dict[str, nn.Module] = _stem(shape[2], width, small=_has_small_stem(shape, options))
    n_in = width
    for depth, (name, count) in enumerate(zip(STAGES, counts, strict=True)):
        planes = width * 2**depth
        parts[name] = _stage(block, n_in, planes, count, stride=1 if depth == 0 else 2)
        n_in = planes * block.expansion
    trunk = nn.Sequential(OrderedDict(parts, avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten()))
    _initialise(trunk)
    return trunk, n_in


def _has_small_stem(shape: tuple[int, ...], options: ModelOptions) -> bool:
    if options.stem == "auto":
        return not options.pretrained and max(shape[:2]) <= _SMALL
    return options.stem == "small"


def _stem(n_channels: int, width: int, *, small: bool) -> dict[str, nn.Module]:
    """A 3x3 convolution for small images, or the published 7x7 with a quarter of the resolution."""
    kernel, stride = (3, 1) if small else (7, 2)
    parts: dict[str, nn.Module] = {
        "conv1": nn.Conv2d(n_channels, width, kernel, stride, padding=kernel // 2, bias=False),
        "bn1": nn.BatchNorm2d(width),
        "relu": nn.ReLU(inplace=True),
    }
    return parts if small else {**parts, "maxpool": nn.MaxPool2d(3, stride=2, padding=1)}


def _stage(block: Block, n_in: int, planes: int, count: int, stride: int) -> nn.Sequential:
    n_out = planes * block.expansion
    shortcut = None
    if stride != 1 or n_in != n_out:
        shortcut = nn.Sequential(_Shortcut(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))
    first = block(n_in, planes, stride, shortcut)
    return nn.Sequential(first, *(block(n_out, planes) for _ in range(count - 1)))


class _Shortcut(nn.Conv2d):
    """A convolution of 1 x 1 that leaves out places before it looks.

    With a stride of its own and fewer than 16 channels last in memory, the gradient of its weights is
    written beyond its memory by oneDNN, as it comes with torch 2.14: the process dies, or goes on with
    what it spoilt.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        step = int(self.stride[0])
        return F.conv2d(input[:, :, ::step, ::step], self.weight, self.bias)


def _initialise(trunk: nn.Module) -> None:
    """As torchvision does."""
    for part in trunk.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
