"""A small 3D U-Net from MONAI's blocks, with what acquisition needs to see of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from queryloop.errors import OptionsError
from queryloop.models.heads import dropout_masks
from queryloop.models.resolutions import Resolutions, resolutions
from queryloop.options import ModelOptions
from queryloop.voxels import Triple

_WIDTH = 16
_WIDEST = 320  # as nnU-Net: deeper stages do not get wider


def unet3d(n_channels: int, n_classes: int, spacing: Sequence[float], options: ModelOptions) -> UNet:
    """A U-Net for patches of `model.patch`, with fresh weights from torch's random state.

    spacing: of a voxel, (z, y, x), in any unit. Raises OptionsError for a patch that cannot be halved.
    Source: Isensee et al. 2021.
    """
    plan = resolutions(options.patch, spacing, options.depth)
    if len(plan.strides) == 1:
        raise OptionsError(
            f"a patch of {options.patch} voxels is too small for unet3d: an axis needs 8 or more."
        )
    widths = [min((options.width or _WIDTH) * 2**level, _WIDEST) for level in range(len(plan.strides))]
    n_heads = max(1, len(widths) - 2) if options.deep_supervision else 1
    network = UNet(n_channels, n_classes, plan, widths, n_heads, options.dropout_rate)
    return network.to(memory_format=torch.channels_last_3d)  # a quarter faster on a CPU


class VoxelHead(nn.Sequential):
    """Dropout of whole channels and a 1x1x1 convolution, in fp32 even under autocast, as `Head` is."""

    def __init__(self, n_features: int, n_classes: int, dropout: float) -> None:
        super().__init__(nn.Dropout3d(dropout), nn.Conv3d(n_features, n_classes, 1))
        self.rate, self.n_features = dropout, n_features

    @property
    def linear(self) -> nn.Conv3d:
        """The convolution; its input is h."""
        last = self[-1]
        assert isinstance(last, nn.Conv3d)
        return last

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, K, z, y, x) of features (B, D, z, y, x)."""
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = super().forward(features.float())
        return logits

    def masks(self, n: int, seed: int) -> Tensor:
        """n dropout masks (n, D), mask t drawn from (seed, t) alone: 0, or 1 / (1 - rate)."""
        return dropout_masks(self.rate, self.n_features, n, seed)

    def under(self, mask: Tensor, features: Tensor) -> Tensor:
        """Logits (B, K, z, y, x) of features under one mask (D,)."""
        weight = self.linear.weight * mask.to(features.device).view(1, -1, 1, 1, 1)
        with torch.autocast(features.device.type, enabled=False):
            return F.conv3d(features.float(), weight, self.linear.bias)


class UNet(nn.Module):
    """Encoder, decoder with skip connections, and a head on each of the finest `n_heads` resolutions.

    widths: channels of each resolution, finest first. Inputs (B, C, z, y, x) may have any size: they
    are padded at the end with their border, up to the stride, and outputs are cut back.
    """

    def __init__(
        self,
        n_channels: int,
        n_classes: int,
        plan: Resolutions,
        widths: Sequence[int],
        n_heads: int,
        dropout: float,
    ) -> None:
        from monai.networks.blocks.dynunet_block import UnetBasicBlock, UnetUpBlock  # takes seconds

        super().__init__()
        self.stride: Triple = plan.stride
        self.strides = plan.down_to[:n_heads]
        inputs = [n_channels, *widths]
        self.encoder = nn.ModuleList(
            UnetBasicBlock(3, n_in, n_out, kernel, stride, _norm(n_out))
            for n_in, n_out, kernel, stride in zip(inputs, widths, plan.kernels, plan.strides, strict=False)
        )
        self.decoder = nn.ModuleList(
            UnetUpBlock(3, below, here, kernel, 1, stride, _norm(here))
            for here, below, kernel, stride in zip(
                widths, widths[1:], plan.kernels, plan.strides[1:], strict=False
            )
        )
        self.heads = nn.ModuleList(VoxelHead(width, n_classes, dropout) for width in widths[:n_heads])
        self.apply(_initialise)

    @property
    def head(self) -> VoxelHead:
        """The one at full resolution: the last layer of a prediction."""
        first = self.heads[0]
        assert isinstance(first, VoxelHead)
        return first

    def embed(self, inputs: Tensor) -> Tensor:
        """The encoder's coarsest features, averaged over the patch: (B, E) fp32."""
        return self._encode(self._padded(inputs))[-1].float().mean(dim=(2, 3, 4))

    def features(self, inputs: Tensor) -> Tensor:
        """What goes into the head: h, (B, D, z, y, x)."""
        return self._decode(inputs)[0]

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (B, K, z, y, x), fp32."""
        return self.head(self.features(inputs))

    def supervised(self, inputs: Tensor) -> list[Tensor]:
        """Logits of every head, finest first; level i has one voxel for each stride of that level."""
        return [head(features) for head, features in zip(self.heads, self._decode(inputs), strict=False)]

    def _encode(self, inputs: Tensor) -> list[Tensor]:
        seen = [inputs]
        for block in self.encoder:
            seen.append(block(seen[-1]))
        return seen[1:]

    def _decode(self, inputs: Tensor) -> list[Tensor]:
        """Features of the decoder's resolutions, finest first, cut to the inputs."""
        *skips, below = self._encode(self._padded(inputs))
        found: list[Tensor] = []
        for block, skip in zip(reversed(self.decoder), reversed(skips), strict=True):
            below = block(below, skip)
            found.insert(0, below)
        whole = skips[0].shape[2:]
        return [_cut(features, inputs.shape[2:], whole) for features in found]

    def _padded(self, inputs: Tensor) -> Tensor:
        sizes = zip(inputs.shape[2:], self.stride, strict=True)
        # Twice the stride: a single voxel at the bottom has no variance to normalise by.
        missing = [max(2 * (s > 1), math.ceil(n / s)) * s - n for n, s in sizes]
        pads = [pad for axis in reversed(missing) for pad in (0, axis)]
        return F.pad(inputs, pads, mode="replicate") if any(missing) else inputs


def _cut(features: Tensor, size: Sequence[int], whole: Sequence[int]) -> Tensor:
    """The part that belongs to the first `size` of the `whole` voxels."""
    z, y, x = (
        math.ceil(n * here / all_) for n, here, all_ in zip(size, features.shape[2:], whole, strict=True)
    )
    return features[:, :, :z, :y, :x]


def _norm(width: int) -> tuple[str, dict[str, int]]:
    """Instance normalisation, as groups of one channel: torch's own one makes channels-first of its input."""
    return "GROUP", {"num_groups": width}


def _initialise(part: nn.Module) -> None:
    if isinstance(part, nn.Conv3d | nn.ConvTranspose3d):
        nn.init.kaiming_normal_(part.weight, a=0.01)
        if part.bias is not None:
            nn.init.zeros_(part.bias)
