"""The networks by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from torch import nn

from queryloop.errors import OptionsError, unknown
from queryloop.models import efficientnet
from queryloop.models.cnn import cnn
from queryloop.models.heads import HEADS
from queryloop.models.mlp import mlp
from queryloop.models.network import Network
from queryloop.models.pretrained import IMAGENET, Pretrained
from queryloop.models.resnet import STAGES, resnet18, resnet34, resnet50
from queryloop.options import ModelOptions

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Model:
    """A kind of network.

    trunk: from (H, W, C) of one image and options to a module that maps (N, C, H, W) to (N, D), with
    fresh weights from torch's random state, and D. takes: the options that not every network has.
    stages: see `Network`. pretrained: where its weights may come from. packages: what it cannot be built
    without, of the extra `offline`; packaged: nor its published weights be had.
    """

    trunk: Callable[[Shape, ModelOptions], tuple[nn.Module, int]]
    takes: frozenset[str] = frozenset()
    stages: tuple[str, ...] = ()
    pretrained: Pretrained | None = None
    packages: tuple[str, ...] = ()
    packaged: tuple[str, ...] = ()


def _residual(trunk: Callable[[Shape, ModelOptions], tuple[nn.Module, int]]) -> Model:
    return Model(trunk, frozenset({"width", "stem", "pretrained"}), STAGES, IMAGENET)


MODELS: dict[str, Model] = {
    "cnn": Model(cnn, frozenset({"width"})),
    "mlp": Model(mlp, frozenset({"width"})),
    "resnet18": _residual(resnet18),
    "resnet34": _residual(resnet34),
    "resnet50": _residual(resnet50),
    "efficientnet_lite0": Model(
        efficientnet.efficientnet_lite0,
        frozenset({"pretrained"}),
        efficientnet.STAGES,
        efficientnet.PACKAGED,
        efficientnet.PACKAGES,
        efficientnet.OF_THE_WEIGHTS,
    ),
}

_ON_FEATURES = Model(lambda shape, _options: (nn.Identity(), shape[0]))
"""What is trained where the trunk is frozen: its features come in place of images."""

VOLUME_MODELS: dict[str, frozenset[str]] = {
    "unet3d": frozenset({"width", "depth", "deep_supervision", "patch"}),
    "nnunet": frozenset({"width", "depth", "deep_supervision", "patch", "nnunet"}),
}
"""Networks for volumes and their options; nnunet reads none of a unet3d's, which an environment may set."""


def check(options: ModelOptions) -> Model:
    """The model that is trained: the one that the options name, or what takes its features.

    Raises OptionsError for an unknown name, an option that this network does not have, pretrained
    weights for another form than the published one, and packages that are not installed.
    """
    if options.name not in MODELS:
        raise unknown("model", options.name, MODELS)
    model = MODELS[options.name]
    _refuse_without_effect(options)
    if options.pretrained and (options.width is not None or options.stem == "small"):
        raise OptionsError(
            f"the pretrained weights of {options.name} fit its published form only: "
            "set model.width:null and model.stem:auto, or model.pretrained:false."
        )
    packages = model.packages + (model.packaged if options.pretrained else ())
    if missing := [package for package in packages if find_spec(package) is None]:
        raise OptionsError(
            f'model.name:{options.name} needs {" and ".join(missing)}: pip install "queryloop[offline]".'
        )
    return _ON_FEATURES if options.freeze == "trunk" else model


def check_volumes(options: ModelOptions) -> None:
    """Raises OptionsError unless the options name a network for volumes, with options that it has."""
    if options.name not in VOLUME_MODELS:
        raise unknown("model for volumes", options.name, VOLUME_MODELS)
    _refuse_without_effect(options)


def _refuse_without_effect(options: ModelOptions) -> None:
    for option in sorted(_NOT_EVERYWHERE - _TAKEN[options.name]):
        if getattr(options, option) != ModelOptions.model_fields[option].default:
            having = ", ".join(name for name, taken in _TAKEN.items() if option in taken)
            raise OptionsError(f"model.{option} has no effect on {options.name}: only {having} have it.")


_OF_IMAGES = frozenset({"head", "freeze", "resolution"})
_TAKEN = {name: model.takes | _OF_IMAGES for name, model in MODELS.items()} | VOLUME_MODELS
_NOT_EVERYWHERE = frozenset[str]().union(*_TAKEN.values())


def build(options: ModelOptions, shape: Shape, n_classes: int) -> Network:
    """A network with fresh weights from torch's random state.

    shape: (H, W, C) of one image, or (D,) where the trunk is frozen: of its features. Raises OptionsError
    as `check` does.
    """
    model = check(options)
    side = options.resolution if options.freeze == "none" else None
    trunk, n_features = model.trunk((side, side, *shape[2:]) if side else shape, options)
    head = HEADS[options.head](n_features, n_classes, options.dropout_rate)
    return Network(trunk, head, model.stages, side)


def load_pretrained(network: Network, options: ModelOptions, shape: Shape) -> None:
    """Give the trunk its published weights, where the options ask for them.

    Raises MissingFilesError for weights that are not to be had.
    """
    source = check(options).pretrained
    if options.pretrained and source is not None:
        network.trunk.load_state_dict(source.weights(options.name, shape[2]))
