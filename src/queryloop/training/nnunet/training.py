"""Training nnU-Net on partly labelled cases."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from queryloop.errors import InputError
from queryloop.progress import ProgressBar
from queryloop.training.compute import isolated
from queryloop.training.nnunet import raw
from queryloop.training.nnunet.environment import PARTS, loaders, workspace
from queryloop.training.nnunet.raw import Layout
from queryloop.training.nnunet.trained import ALL
from queryloop.training.volumes.cases import Annotated

CONFIGURATION, PLANS, TRAINER = "3d_fullres", "nnUNetPlans", "LabelledBoxesTrainer"

_RESOLUTIONS = 3  # at least
_EPOCH = 250  # steps, as nnU-Net has it


@dataclass(frozen=True)
class Settings:
    """How nnU-Net is trained; what is not here is as it plans it.

    steps: gradient steps, at least; they come in epochs of equal length. device: cpu, cuda or mps. threads:
    on the CPU. width: channels of the finest resolution; None: nnU-Net's 32.
    """

    steps: int
    device: str = "cpu"
    threads: int = 1
    width: int | None = None

    @property
    def epochs(self) -> int:
        """As many as nnU-Net makes of so many steps."""
        return math.ceil(self.steps / _EPOCH)

    @property
    def steps_per_epoch(self) -> int:
        """Gradient steps."""
        return math.ceil(self.steps / self.epochs)

    @property
    def steps_made(self) -> int:
        """Gradient steps of all epochs."""
        return self.epochs * self.steps_per_epoch


def train(
    cases: Mapping[str, Annotated],
    layouts: Mapping[str, Layout],
    classes: Sequence[str],
    folder: Path,
    settings: Settings,
    seed: int,
) -> Path:
    """Write, plan and train anew, on all cases. Returns the folder of what was trained, for `trained.read`.

    cases: those with labels, by id; images are normalised. layouts: of these cases and of all others that are
    to count when nnU-Net plans, so that what is labelled decides no plan. classes: as in `raw.write`. folder:
    for all that nnU-Net writes; what it held of an earlier training is deleted, for nnU-Net does not see that
    labels changed. On the CPU equal seeds give equal networks. Raises OptionsError where nnunetv2 is missing,
    InputError for no cases, or cases too small.
    """
    if not cases:
        raise InputError("no case has a labelled voxel to train on.")
    bar = ProgressBar("training", settings.steps_made)
    with bar, isolated(settings.threads), workspace(folder, seed):
        for part in PARTS:
            shutil.rmtree(folder / part, ignore_errors=True)
        raw.write(folder / "raw" / raw.NAME, cases, layouts, classes)
        prepared = folder / "preprocessed" / raw.NAME
        _write(prepared / "dataset_fingerprint.json", raw.fingerprint(layouts, raw.n_channels(cases)))
        _plan(prepared, settings.width)
        with loaders(0) if settings.device == "cpu" else nullcontext():
            _fit(settings, bar.advance)
    return folder / "results" / raw.NAME / f"{TRAINER}__{PLANS}__{CONFIGURATION}"


def _plan(prepared: Path, width: int | None) -> None:
    """Plan by the fingerprint, and preprocess the cases as planned, one after the other in this process."""
    from nnunetv2.experiment_planning.plan_and_preprocess_api import plan_experiments
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
    from nnunetv2.utilities.utils import get_filenames_of_train_images_and_targets

    with loaders(1):  # planning takes it for a number of threads, which cannot be 0
        plan_experiments([raw.NUMBER])
    path = prepared / f"{PLANS}.json"
    planned = json.loads(path.read_text())
    if CONFIGURATION not in planned["configurations"]:
        raise InputError(
            "nnU-Net plans no 3D network for these scans, which have hardly more than one slice: take a "
            "finer data.spacing or model.name:unet3d."
        )
    if width is not None:
        _write(path, _narrowed(planned, width))
    plans = PlansManager(str(path))
    configuration = plans.get_configuration(CONFIGURATION)
    _refuse_too_small(configuration)
    preprocessor = configuration.preprocessor_class(verbose=False)
    target = prepared / configuration.data_identifier
    target.mkdir()
    described = json.loads((prepared / "dataset.json").read_text())
    files = get_filenames_of_train_images_and_targets(str(prepared.parents[1] / "raw" / raw.NAME), described)
    for case, names in files.items():
        preprocessor.run_case_save(
            str(target / case), names["images"], names["label"], plans, configuration, described
        )


def _refuse_too_small(configuration: Any) -> None:
    """With two resolutions nnU-Net divides by the sum of its weights of the coarser ones, which is 0."""
    if len(configuration.network_arch_init_kwargs["strides"]) < _RESOLUTIONS:
        raise InputError(
            f"scans are too small for nnU-Net, which plans patches of {configuration.patch_size} voxels: "
            "take a finer data.spacing or model.name:unet3d."
        )


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def _narrowed(plans: dict[str, Any], width: int) -> dict[str, Any]:
    """The plans with another number of channels at the finest resolution, and all others in proportion."""
    network = plans["configurations"][CONFIGURATION]["architecture"]["arch_kwargs"]
    planned = network["features_per_stage"]
    network["features_per_stage"] = [max(1, n * width // planned[0]) for n in planned]
    return plans


def _fit(settings: Settings, after_step: Callable[[], None]) -> None:
    """One network; its file checkpoint_final.pth is what counts, so hardly anything is validated."""
    from nnunetv2.run.run_training import get_trainer_from_args

    trainer = get_trainer_from_args(
        str(raw.NUMBER), CONFIGURATION, ALL, TRAINER, PLANS, device=torch.device(settings.device)
    )
    trainer.num_epochs = settings.epochs
    trainer.num_iterations_per_epoch = settings.steps_per_epoch
    trainer.num_val_iterations_per_epoch = 1
    trainer.after_step = after_step
    trainer.run_training()
