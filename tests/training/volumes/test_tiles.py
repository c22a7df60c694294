from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from monai.data.utils import compute_importance_map
from monai.inferers import sliding_window_inference
from torch import Tensor

from queryloop.training.volumes.cases import Annotated, LabelledPart
from queryloop.training.volumes.sampler import Sampler
from queryloop.training.volumes.tiles import Tiling, starts, stitched, weights
from queryloop.voxels import Triple


def place_dependent(tiles: Tensor) -> Tensor:
    """Not the same for a voxel in every tile, so that weights matter."""
    ramp = torch.linspace(0, 1, tiles.shape[2]).view(-1, 1, 1)
    return torch.cat([tiles * ramp, tiles.cumsum(dim=4)], dim=1)


def whole(image: np.ndarray, tiling: Tiling, run: object = place_dependent) -> Tensor:
    slabs = list(stitched(run, image, tiling, "cpu"))
    ends = list(itertools.accumulate(planes.shape[1] for _, planes in slabs))
    assert [first for first, _ in slabs] == [0, *ends[:-1]]
    return torch.cat([planes for _, planes in slabs], dim=1)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("step", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("batch", [1, 3])
def test_it_is_what_monai_gives(step: float, batch: int) -> None:
    image, tile = noise(2, 12, 16, 20), (4, 8, 4)
    expected = sliding_window_inference(
        torch.from_numpy(image)[None], tile, 1, place_dependent, overlap=1 - step, mode="gaussian"
    )
    torch.testing.assert_close(whole(image, Tiling(tile, step, batch)), expected[0], atol=1e-5, rtol=1e-4)


def test_weights_are_monais() -> None:
    expected = compute_importance_map((5, 8, 16), mode="gaussian", sigma_scale=0.125)
    torch.testing.assert_close(weights((5, 8, 16)), expected)


@pytest.mark.parametrize("shape", [(12, 16, 20), (3, 5, 20), (13, 4, 7), (1, 1, 1)])
@pytest.mark.parametrize("step", [0.3, 0.75])
def test_what_does_not_depend_on_the_tile_comes_back_for_any_shape(shape: Triple, step: float) -> None:
    image = noise(1, *shape)
    found = whole(image, Tiling((4, 8, 4), step), lambda tiles: tiles * 2)
    torch.testing.assert_close(found, torch.from_numpy(image * 2))


@pytest.mark.parametrize("shape", [(3, 9, 20), (5, 3, 12), (12, 4, 7)])
def test_a_shorter_axis_lies_where_it_lies_in_training(shape: Triple) -> None:
    """A network that says where in its tile a voxel lies says the same of the only patch of a training."""
    tile = tuple(side + 3 if side < 8 else side for side in shape)

    def places(tiles: Tensor) -> Tensor:
        grid = torch.meshgrid(*(torch.arange(n) for n in tiles.shape[2:]), indexing="ij")
        return torch.stack(grid)[None].expand(len(tiles), -1, -1, -1, -1).float()

    case = Annotated(noise(1, *shape), [LabelledPart((0, 0, 0), np.zeros(shape, np.uint8))])
    corner = Sampler([case], tile, 1.0, np.random.default_rng(0)).draw(np.random.default_rng(1)).corner
    expected = np.indices(shape).T - corner
    np.testing.assert_allclose(whole(case.image, Tiling(tile), places).numpy().T, expected, atol=1e-5)


def test_tiles_of_one_plane_go_over_every_plane_once() -> None:
    image = noise(1, 6, 5, 7)
    found = whole(image, Tiling((1, 4, 4), 0.5), lambda tiles: tiles * 2)
    torch.testing.assert_close(found, torch.from_numpy(image * 2))


@pytest.mark.parametrize(("length", "tile"), [(10, 4), (11, 4), (4, 4), (3, 4), (5, 4), (10, 1), (7, 2)])
@pytest.mark.parametrize("step", [0.1, 0.25, 0.5, 0.75, 1.0])
def test_tiles_cover_an_axis_with_steps_no_larger_than_asked(length: int, tile: int, step: float) -> None:
    found = starts(length, tile, step)
    assert found[0] == 0
    assert found[-1] == max(0, length - tile)
    assert all(0 < b - a <= max(1, round(tile * step)) for a, b in itertools.pairwise(found))


def test_only_the_planes_of_one_tile_are_read_and_held() -> None:
    read: list[tuple[int, int]] = []

    class Watched(np.ndarray):
        def __getitem__(self, index: object) -> np.ndarray:
            if isinstance(index, tuple) and isinstance(index[1], slice):
                read.append((index[1].start, index[1].stop))
            return np.asarray(super().__getitem__(index))

    sizes = [
        planes.shape[1]
        for _, planes in stitched(place_dependent, noise(1, 40, 8, 8).view(Watched), Tiling((4, 8, 8)), "cpu")
    ]
    assert max(sizes) <= 4
    assert max(stop - start for start, stop in read) <= 4
