"""What a strategy asks of the settings: filled in where they are `auto`, refused where they cannot work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from queryloop.errors import OptionsError
from queryloop.options import ExperimentOptions, TrainingOptions
from queryloop.options.beside import LEARNED_BY, OPTIONS, learned_beside
from queryloop.strategies.needs import DRAWN, JUDGED, NOT_IN_A_CYCLE
from queryloop.values import unless_auto

if TYPE_CHECKING:
    from queryloop.strategies import Strategy

DROPOUT = 0.5
TRANSFER = 0.5


def settled(options: ExperimentOptions, strategy: Strategy) -> ExperimentOptions:
    """The options with a value for every `auto` that depends on the strategy; what is set by hand holds.

    Raises OptionsError where the strategy cannot work with them, with the words to add.
    """
    draws = bool(strategy.needs & DRAWN)
    learns = strategy.learns_on_validation
    # one that compares nothing has no use for more networks, in a sweep with others that do
    members = unless_auto(options.scoring.members, strategy.members) if draws else "dropout"
    dropout = unless_auto(options.model.dropout, DROPOUT if draws and members == "dropout" else 0.0)
    auxiliary = unless_auto(options.training.auxiliary, strategy.auxiliary)
    transfer = unless_auto(options.data.transfer, TRANSFER if learns else 0)
    _refuse_without_evidence(strategy)
    _refuse_without_auxiliary(strategy, auxiliary)
    _refuse_without_validation(strategy.name, learns, options.data.validation, transfer)
    _refuse_patience(options.training.patience, options.data.validation)
    if draws:
        _refuse_without_draws(strategy, members, dropout)
    _refuse_single_samples(options)
    precision = options.training.precision
    if options.model.freeze == "trunk":
        _refuse_without_images(auxiliary, options.training.augmentation)
        precision = unless_auto(precision, "32")  # a layer on features: nothing to gain, and alike everywhere
    return options.changed(
        data={"transfer": transfer},
        model={"dropout": dropout},
        scoring={"members": members},
        training={"auxiliary": auxiliary, "precision": precision},
    )


def sentences(options: ExperimentOptions, strategy: Strategy) -> list[str]:
    """What is done beyond training one network without dropout, for the screen."""
    said = [_learned(options, strategy)] if strategy.learns_on_validation else []
    if strategy.needs & DRAWN:
        said.append(_compared(options, strategy))
    if (auxiliary := options.training.auxiliary) != "none":
        said.append(f"{auxiliary} is trained beside the network, which {_learns(options)}.")
    return [*said, *_idle(options.training)]


def _idle(training: TrainingOptions) -> Iterator[str]:
    """What is set of an auxiliary that is not trained: no error, for a sweep sets it for all its arms."""
    usual = TrainingOptions()
    for name in (group.split(".")[1] for group in OPTIONS):
        if name != training.auxiliary and getattr(training, name) != getattr(usual, name):
            yield f"training.{name} has no effect, for training.auxiliary is {training.auxiliary}."


def _learns(options: ExperimentOptions) -> str:
    if learned_beside(options.model_dump()) != ("none",):
        return "learns from it, too"
    off = LEARNED_BY.get(options.training.auxiliary)
    return "does not learn from it" + (f" ({off}:0)" if off else "")


def _learned(options: ExperimentOptions, strategy: Strategy) -> str:
    return (
        f"{strategy.name} learns on validation samples that choose no epoch "
        f"(data.transfer:{options.data.transfer} of data.validation:{options.data.validation})."
    )


def _compared(options: ExperimentOptions, strategy: Strategy) -> str:
    if options.scoring.members == "ensemble":
        return f"{strategy.name} compares {options.scoring.ensemble_size} networks, trained in each cycle."
    masks = f"{options.scoring.mc_samples} dropout masks (model.dropout:{options.model.dropout})"
    return f"{strategy.name} compares {masks}."


def _refuse_without_evidence(strategy: Strategy) -> None:
    if missing := sorted(strategy.needs & NOT_IN_A_CYCLE):
        raise OptionsError(
            f"`{strategy.name}` needs {' and '.join(missing)}, which no cycle has: "
            f"call queryloop.select({strategy.name!r}, ...) with arrays of your own."
        )


def _refuse_without_validation(name: str, learns: bool, validation: float, transfer: float) -> None:
    if learns and not validation:
        raise OptionsError(f"`{name}` needs a validation set: add data.validation:0.1.")
    if learns and not transfer:
        raise OptionsError(
            f"`{name}` learns on validation samples, but data.transfer is 0: add data.transfer:{TRANSFER}."
        )
    if transfer and not validation:
        raise OptionsError(
            f"data.transfer is {transfer}, but data.validation is 0: there is nothing to take it from."
        )


def _refuse_patience(patience: int, validation: float) -> None:
    if patience and not validation:
        raise OptionsError(
            f"training.patience is {patience}, but there are no validation samples to stop by: "
            "add data.validation:0.1, or training.patience:0."
        )


def _refuse_single_samples(options: ExperimentOptions) -> None:
    """Two copies of one sample have no spread to be normalised by where a channel has one value a sample."""
    model = options.model
    has_single_values = model.head == "mlp" or (model.name == "mlp" and model.freeze == "none")
    if options.training.batch_size == 1 and has_single_values:
        raise OptionsError(
            "training.batch_size:1 teaches a network with batch norm of single values nothing "
            "(model.name:mlp, model.head:mlp): take 2 or more."
        )


def _refuse_without_auxiliary(strategy: Strategy, auxiliary: str) -> None:
    if strategy.auxiliary not in ("none", auxiliary):
        raise OptionsError(
            f"`{strategy.name}` needs {strategy.auxiliary} beside the network, but training.auxiliary "
            f"is {auxiliary}: add training.auxiliary:{strategy.auxiliary}, or leave it at auto."
        )
    for need in sorted(strategy.needs & JUDGED.keys()):
        if auxiliary not in JUDGED[need]:
            raise OptionsError(
                f"`{strategy.name}` needs {need}, which is there with training.auxiliary:"
                f"{' or '.join(JUDGED[need])}, but it is {auxiliary}."
            )


def _refuse_without_images(auxiliary: str, augmentation: str) -> None:
    frozen = "with model.freeze:trunk the features of each image are computed once"
    if augmentation != "none":
        raise OptionsError(
            f"{frozen}, but training.augmentation:{augmentation} changes images at each step: "
            "add training.augmentation:none, or leave model.freeze at none."
        )
    if auxiliary == "vaal":
        raise OptionsError(
            f"{frozen}, but vaal rebuilds images: take the strategy or training.auxiliary adversarial, "
            "or leave model.freeze at none."
        )


def _refuse_without_draws(strategy: Strategy, members: str, dropout: float) -> None:
    if strategy.members == "ensemble" and members != "ensemble":
        raise OptionsError(
            f"`{strategy.name}` compares trained networks, but scoring.members is {members}: "
            "add scoring.members:ensemble."
        )
    if members == "dropout" and dropout == 0:
        raise OptionsError(
            f"`{strategy.name}` compares draws of the weights, but model.dropout is 0: "
            f"add model.dropout:{DROPOUT} or scoring.members:ensemble."
        )
