"""torchvision's own networks are the reference."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torchvision.models
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from queryloop.errors import BrokenFileError, MissingFilesError
from queryloop.models.pretrained import imagenet_scale
from queryloop.models.registry import build, load_pretrained
from queryloop.options import ModelOptions

NAMES = ["resnet18", "resnet34", "resnet50"]


def published(name: str) -> nn.Module:
    torch.manual_seed(0)
    return getattr(torchvision.models, name)(num_classes=3).eval()


@pytest.mark.parametrize("name", NAMES)
def test_with_the_same_weights_it_is_the_published_network(name: str) -> None:
    reference = published(name)
    network = build(ModelOptions(name=name, stem="large"), (64, 64, 3), 3).eval()
    weights = reference.state_dict()
    network.head.linear.load_state_dict({part: weights.pop(f"fc.{part}") for part in ("weight", "bias")})
    network.trunk.load_state_dict(weights)
    _same(network, reference)


def test_with_the_small_stem_it_is_the_published_network_for_small_images() -> None:
    reference = published("resnet18")
    reference.conv1, reference.maxpool = nn.Conv2d(1, 64, 3, padding=1, bias=False), nn.Identity()
    network = build(ModelOptions(name="resnet18"), (28, 28, 1), 3).eval()
    weights = reference.state_dict()
    network.head.linear.load_state_dict({part: weights.pop(f"fc.{part}") for part in ("weight", "bias")})
    network.trunk.load_state_dict(weights)
    _same(network, reference, (2, 1, 28, 28))


def _same(network: nn.Module, reference: nn.Module, shape: tuple[int, ...] = (2, 3, 64, 64)) -> None:
    """In double precision: sums in another order differ by less."""
    inputs = torch.randn(*shape, dtype=torch.float64)
    found = network.head(network.double().trunk(inputs))
    torch.testing.assert_close(found, reference.double()(inputs))


@pytest.mark.slow
def test_a_narrow_network_writes_nowhere_but_in_its_memory() -> None:
    """A process of its own: it would be ended."""
    checked = {**os.environ, "MALLOC_CHECK_": "3", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", NARROW], env=checked, capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stdout) == (0, "trained\n"), done.stderr


NARROW = """
import torch
from queryloop.models.registry import build
from queryloop.options import ModelOptions

last = torch.channels_last
for name in ("resnet18", "resnet50"):
    network = build(ModelOptions(name=name, width=4), (16, 16, 3), 3).to(memory_format=last)
    for _ in range(5):
        images = torch.randn(5, 3, 16, 16).contiguous(memory_format=last)
        network(images).square().mean().backward()
print("trained")
"""


def test_fresh_weights_are_drawn_as_in_torchvision() -> None:
    torch.manual_seed(1)
    network = build(ModelOptions(name="resnet18", stem="large"), (64, 64, 3), 3)
    for (name, ours), (_, theirs) in zip(
        network.trunk.named_parameters(), published("resnet18").named_parameters(), strict=False
    ):
        assert float(ours.detach().std()) == pytest.approx(
            float(theirs.detach().std()), rel=0.05, abs=1e-7
        ), name


@pytest.mark.parametrize(
    ("shape", "stem", "places"),
    [
        ((32, 32, 3), "auto", 32),
        ((28, 28, 1), "auto", 28),
        ((65, 65, 11), "auto", 17),
        ((32, 32, 3), "large", 8),
    ],
)
def test_small_images_keep_their_resolution(shape: tuple[int, int, int], stem: Any, places: int) -> None:
    trunk = build(ModelOptions(name="resnet18", width=4, stem=stem), shape, 3).eval().trunk
    found = trunk[: list(dict(trunk.named_children())).index("layer1")](torch.randn(1, shape[2], *shape[:2]))
    assert found.shape == (1, 4, places, places)


def test_width_scales_every_stage() -> None:
    network = build(ModelOptions(name="resnet18", width=16), (32, 32, 3), 3)
    assert [part[0].conv1.out_channels for part in network.stages.values()] == [16, 32, 64, 128]
    assert network.head.linear.in_features == 128


@pytest.mark.parametrize(
    ("name", "n_channels"),
    [("resnet18", 1), ("resnet18", 3), ("resnet18", 11), ("resnet34", 3), ("resnet50", 1)],
)
def test_pretrained_weights_fit_any_number_of_channels(
    name: str, n_channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = published(name)
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda *_, **__: reference.state_dict())
    options, shape = ModelOptions(name=name, pretrained=True), (32, 32, n_channels)
    network = build(options, shape, 3).eval()
    load_pretrained(network, options, shape)
    assert all(
        torch.equal(value, reference.state_dict()[name])
        for name, value in network.trunk.state_dict().items()
        if name != "conv1.weight"
    )
    grey = torch.randn(2, 1, 32, 32)
    ours = network.trunk.get_submodule("conv1")(grey.repeat(1, n_channels, 1, 1))
    torch.testing.assert_close(ours, reference.conv1(grey.repeat(1, 3, 1, 1)), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_levels_are_scaled_as_the_published_weights_expect(name: str) -> None:
    expected = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    assert imagenet_scale(3) == (expected.mean, expected.std)
    (grey,), (spread,) = imagenet_scale(1)
    assert (grey, spread) == pytest.approx((sum(expected.mean) / 3, sum(expected.std) / 3))
    assert imagenet_scale(11) == ([grey] * 11, [spread] * 11)


@pytest.mark.parametrize(
    "error", [URLError("no route"), RuntimeError('invalid hash value (expected "f3", got "00")')]
)
def test_weights_that_are_not_to_be_had_are_an_error_that_helps(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> dict[str, Tensor]:
        raise error

    monkeypatch.setattr(WeightsEnum, "get_state_dict", failing)
    options = ModelOptions(name="resnet34", pretrained=True)
    network = build(options, (64, 64, 3), 3)
    with pytest.raises(
        MissingFilesError, match=r"resnet34 could not .*put it at .*checkpoints/resnet34.*\.pth"
    ):
        load_pretrained(network, options, (64, 64, 3))


def filed(state: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


@pytest.mark.parametrize("name", ["resnet34", "resnet50"])
def test_a_cached_file_whose_name_keeps_its_promise_is_loaded(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = published(name).state_dict() | {"fc.weight": torch.zeros(1000, 1), "fc.bias": torch.zeros(1000)}
    content = filed(state)
    url = f"https://nowhere.invalid/{name}-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    place = tmp_path / "hub" / "checkpoints" / Path(url).name
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    said = SimpleNamespace(url=url)
    said.get_state_dict = lambda **how: WeightsEnum.get_state_dict(said, **how)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torchvision.models, "get_model_weights", lambda _: SimpleNamespace(DEFAULT=said))
    options = ModelOptions(name=name, pretrained=True)
    network = build(options, (64, 64, 3), 3)
    load_pretrained(network, options, (64, 64, 3))
    assert all(torch.equal(tensor, state[key]) for key, tensor in network.trunk.state_dict().items())


BAD = [b"", b"<html>no such file</html>", b"PK\x03\x04 half of a file", filed({"a": torch.ones(2)})]


@pytest.mark.parametrize("content", [*BAD, filed({"conv1.weight": torch.zeros(64, 3, 7, 7)})])
def test_a_damaged_file_of_weights_is_named(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    place = tmp_path / "hub" / "checkpoints" / "resnet34-b627a593.pth"
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    options = ModelOptions(name="resnet34", pretrained=True)
    network = build(options, (64, 64, 3), 3)
    with pytest.raises(BrokenFileError, match=rf"{place} is damaged .*not with b627a593\): delete it"):
        load_pretrained(network, options, (64, 64, 3))
