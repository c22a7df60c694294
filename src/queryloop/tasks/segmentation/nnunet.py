"""nnU-Net in the cycle: trained on boxes of labels or taken as it is, and how it looks at whole scans."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from queryloop.boxes.box import Box
from queryloop.boxes.kinds import BoxStrategy
from queryloop.errors import OptionsError
from queryloop.folders import temporary_folder
from queryloop.options import ExperimentOptions, ModelOptions, NnUNetOptions
from queryloop.randomness import derived_seed
from queryloop.tasks.segmentation.backend import Backend
from queryloop.tasks.segmentation.labels import annotated, parted
from queryloop.tasks.segmentation.nnunet_observer import observer_of
from queryloop.tasks.segmentation.observer import Observer
from queryloop.tasks.segmentation.scans import Scans
from queryloop.tasks.task import Looking, Recipe
from queryloop.training.batches import gradient_steps
from queryloop.training.checkpoint import Checkpoint
from queryloop.training.compute import resolve
from queryloop.training.folds import Fold
from queryloop.training.nnunet.environment import check_installed
from queryloop.training.nnunet.trained import ALL, Trained, folds_in, hashes, read
from queryloop.training.nnunet.training import Settings
from queryloop.training.nnunet.training import train as fit
from queryloop.training.volumes.cases import Annotated, classes_in

_PLANNED = {
    *(f"model.{name}" for name in ("width", "depth", "patch", "deep_supervision", "dropout")),
    *(f"training.{name}" for name in ("optimizer", "learning_rate", "weight_decay", "schedule")),
    *(f"training.{name}" for name in ("augmentation", "reinit", "precision")),
}
"""What nnU-Net decides itself."""
_TRAINED = {
    *(f"training.{name}" for name in ("epochs", "min_steps", "batch_size", "ensemble")),
    "scoring.ensemble_size",
}
"""What has no effect where nothing is trained."""

_DESCRIBED = ("plans", "dataset", "configuration", "axes")
"""Of trained networks, beside their weights."""


class NnUNets(Backend):
    """Networks that nnU-Net plans and trains, or has trained before (`model.nnunet.trained`)."""

    def check(self, options: ExperimentOptions, typed: Collection[str]) -> None:
        """Raise OptionsError where it is not installed, or for what it decides itself.

        An environment's parameters for a unet3d are left alone. MissingFilesError for a folder that is none.
        """
        check_installed()
        chosen = options.model.nnunet
        for key in sorted(_PLANNED & set(typed)):
            raise OptionsError(f"{key} has no effect on nnunet, which decides it itself: leave it out.")
        if "scoring.members" in typed:
            _check_members(options)
        if chosen.trained is None:
            return
        for key in sorted(_TRAINED & set(typed)):
            raise OptionsError(f"{key} has no effect where model.nnunet.trained is given: leave it out.")
        if options.data.normalisation != "none":
            raise OptionsError(
                "networks of model.nnunet.trained normalise scans themselves: add data.normalisation:none."
            )
        _folds(chosen)

    def settled(self, options: ExperimentOptions, strategy: BoxStrategy) -> ExperimentOptions:
        """No dropout, and nothing goes on from the cycle before; of a trained folder the member folds."""
        if "embeddings" in strategy.needs:
            raise OptionsError(
                f"`{strategy.name}` compares embeddings, which nnunet does not give: take model.name:unet3d."
            )
        if strategy.compares:
            _check_members(options)
        chosen = options.model.nnunet
        if chosen.trained is None:
            return options.changed(model={"dropout": 0.0}, training={"reinit": "cold"})
        folds, several = _folds(chosen), options.scoring.members == "ensemble"
        if several and len(folds) == 1:
            raise OptionsError(
                f"{chosen.trained}: an ensemble needs two folds or more, but there is fold "
                f"{folds[0]}: take scoring.members:tta, or more of model.nnunet.folds."
            )
        members = folds if several else folds[:1]
        return options.changed(
            model={"dropout": 0.0, "nnunet": chosen.model_copy(update={"folds": members})},
            scoring={"ensemble_size": max(2, len(members))},
            training={"ensemble": "folds" if several else "seeds", "reinit": "cold"},
        )

    def sentences(self, options: ExperimentOptions) -> list[str]:
        """Where the networks come from."""
        chosen = options.model.nnunet
        if chosen.trained is not None:
            named = ", ".join(map(str, _folds(chosen)))
            return [f"Nothing is trained: fold {named} of {chosen.trained} is looked with in every cycle."]
        planned = "nnU-Net plans its patches, batches, rates and augmentation itself."
        return [planned, *super().sentences(options)]

    def trains(self, model: ModelOptions) -> bool:
        """Unless a folder of trained networks is given."""
        return model.nnunet.trained is None

    def sources(self, model: ModelOptions) -> dict[str, str]:
        """The files of a trained folder."""
        chosen = model.nnunet
        return {} if chosen.trained is None else hashes(_folder(chosen), _folds(chosen), chosen.checkpoint)

    def train(
        self, scans: Scans, cases: Sequence[str], labels: Mapping[Box, np.ndarray], recipe: Recipe
    ) -> Checkpoint:
        """As `training.nnunet.train`, planned for all scans of these cases; or what a folder holds.

        Raises InputError where nothing is labelled, OptionsError where a folder is for other data.
        """
        if recipe.model.nnunet.trained is not None:
            found, log = _taken(recipe.model.nnunet, scans, recipe.fold), {"gradient_steps": 0}
        else:
            kept, _ = parted(annotated(scans, cases, labels), recipe.fold)
            found, log = _fitted(kept, scans, cases, recipe)
        settings = {
            "model": recipe.model.model_dump(mode="json"),
            "nnunet": {name: getattr(found, name) for name in _DESCRIBED},
            "channels": list(scans.channels),
            "classes": list(scans.classes),
            "log": log,
        }
        return Checkpoint(settings, {str(i): dict(weights) for i, weights in enumerate(found.members)})

    def observer(self, checkpoint: Checkpoint, scans: Scans, looking: Looking, seed: int) -> Observer:  # noqa: ARG002
        """All networks, or mirrored views of the first one."""
        apart = looking.scoring.members == "tta"
        return observer_of(checkpoint, scans, looking, 1 if apart else None, apart=apart)

    def predictor(self, checkpoint: Checkpoint, scans: Scans, looking: Looking, kind: str) -> Observer:
        """The `single` first network, or the `ensemble` of all."""
        return observer_of(checkpoint, scans, looking, 1 if kind == "single" else None)


def _folder(chosen: NnUNetOptions) -> Path:
    return Path(chosen.trained or "").expanduser()


def _check_members(options: ExperimentOptions) -> None:
    if options.scoring.members == "dropout":
        raise OptionsError("nnunet has no dropout: take scoring.members:ensemble or scoring.members:tta.")


def _folds(chosen: NnUNetOptions) -> list[int | str]:
    return folds_in(_folder(chosen), chosen.checkpoint, chosen.folds)


def _taken(chosen: NnUNetOptions, scans: Scans, fold: Fold | None) -> Trained:
    """The network of one fold. Raises OptionsError where it knows other channels or classes.

    Names may be others, but not the same ones in another order.
    """
    name = _folds(chosen)[fold.number if fold else 0]
    found = read(_folder(chosen), [name], chosen.checkpoint)
    for what, theirs, ours in (
        ("classes", found.classes, list(scans.classes)),
        ("channels", list(found.dataset["channel_names"].values()), list(scans.channels)),
    ):
        if len(theirs) != len(ours) or (sorted(theirs) == sorted(ours) and theirs != ours):
            raise OptionsError(
                f"{chosen.trained} was trained for the {what} {', '.join(theirs)}, but the data set has "
                f"{', '.join(ours)}."
            )
    return found


def _fitted(
    cases: Mapping[str, Annotated], scans: Scans, every: Sequence[str], recipe: Recipe
) -> tuple[Trained, dict[str, Any]]:
    """A network trained on the cases in which some voxel is labelled, and its log."""
    labelled = {name: content for name, content in cases.items() if classes_in(content)}
    n_parts, compute = sum(len(content.parts) for content in labelled.values()), resolve(recipe.training)
    steps, width = gradient_steps(n_parts, recipe.training), recipe.model.nnunet.width
    settings = Settings(steps, compute.device, compute.threads, width)
    layouts = {name: scans.cases[name] for name in every}
    draws = derived_seed(recipe.seed, n_parts, "nnU-Net")
    with temporary_folder(Path(tempfile.gettempdir()), "queryloop-nnunet-") as folder:
        found = read(fit(labelled, layouts, scans.classes, folder, settings, draws), [ALL])
    return found, {"gradient_steps": settings.steps_made}
