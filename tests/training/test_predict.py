from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from queryloop.errors import NonFiniteRowsError
from queryloop.training.compute import Compute
from queryloop.training.pixels import Pixels
from queryloop.training.predict import predict
from tests.training.conftest import CPU

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 1), dtype=np.uint8)
ROWS = np.random.default_rng(1).permutation(40)[:33]
PIXELS = Pixels([0.5], [0.25])


def _logits(networks: Sequence[nn.Module], inputs: Tensor) -> dict[str, Tensor]:
    return {"logits": networks[0](inputs).float(), "top": inputs.amax(dim=(1, 2, 3))}


@pytest.mark.parametrize("batch", [1, 7, 33, 100])
def test_rows_come_in_their_order_whatever_the_batch(network: nn.Module, batch: int) -> None:
    found = predict([network], _logits, IMAGES, ROWS, PIXELS, CPU, batch)
    inputs = torch.from_numpy(IMAGES[ROWS]).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        expected = network.eval()(PIXELS.normalise(inputs))
    assert torch.allclose(found["logits"], expected, atol=1e-5)
    assert found["top"].shape == (33,)


def test_results_are_ordinary_tensors_that_can_be_trained_on(network: nn.Module) -> None:
    logits = predict([network], _logits, IMAGES, ROWS, PIXELS, CPU)["logits"]
    assert not logits.requires_grad
    assert not logits.is_inference()


def test_mode_random_state_and_threads_are_left_alone(network: nn.Module) -> None:
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    predict([network], _logits, IMAGES, ROWS, PIXELS, Compute("cpu", "32", threads + 1))
    assert network.training
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_no_rows_give_empty_tensors(network: nn.Module) -> None:
    found = predict([network], _logits, IMAGES, ROWS[:0], PIXELS, CPU)
    assert found["logits"].shape == (0, 2)


@pytest.mark.parametrize("batch", [4, 100])
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_nan_and_infinity_name_the_first_row(batch: int, value: float) -> None:
    def spoiled(networks: Sequence[nn.Module], inputs: Tensor) -> dict[str, Tensor]:
        means = inputs.mean(dim=(1, 2, 3))
        return {"fine": means, "spoiled": means.where(means > means.new_tensor(0), value)}

    images = np.full((10, 4, 4, 1), 200, dtype=np.uint8)
    images[[6, 8]] = 0
    with pytest.raises(NonFiniteRowsError) as error:
        predict([nn.Identity()], spoiled, images, np.arange(10), PIXELS, CPU, batch)
    assert (error.value.count, error.value.first) == (2, 6)


@pytest.mark.parametrize(
    ("side", "resolution", "most"), [(4, None, 512), (64, None, 512), (256, None, 32), (4, 128, 128)]
)
def test_large_images_go_in_small_batches(side: int, resolution: int | None, most: int) -> None:
    seen: list[int] = []
    network = nn.Identity()
    network.resolution = resolution

    def counted(_networks: Sequence[nn.Module], inputs: Tensor) -> dict[str, Tensor]:
        seen.append(len(inputs))
        return {"mean": inputs.mean(dim=(1, 2, 3))}

    predict([network], counted, np.zeros((1, side, side, 1), np.uint8), np.zeros(600, int), PIXELS, CPU)
    assert max(seen) == most
    assert sum(seen) == 600
