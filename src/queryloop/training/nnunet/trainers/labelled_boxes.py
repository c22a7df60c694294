"""The trainer that nnU-Net finds by the name of its class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter
from batchgenerators.dataloading.single_threaded_augmenter import SingleThreadedAugmenter
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.default_n_proc_DA import get_allowed_n_proc_DA


class LabelledBoxesLoader(nnUNetDataLoader):
    """Patches around a labelled voxel, which may lie anywhere in them; nnU-Net has it always in the middle.

    The part of a patch that aims at foreground is nnU-Net's. Source: nnActive (Lüth et al. 2025).
    """

    def get_bbox(
        self,
        data_shape: np.ndarray,
        force_fg: bool,
        class_locations: Any,
        overwrite_class: Any = None,
        verbose: bool = False,
    ) -> tuple[list[int], list[int]]:
        """First voxels of a patch, and those behind it."""
        if not force_fg and len(class_locations[self.annotated_classes_key]):
            voxels = class_locations[self.annotated_classes_key]
            _, *voxel = voxels[np.random.choice(len(voxels))]  # noqa: NPY002 (nnU-Net's state, in each worker)
            kept = self.final_patch_size  # what turning and cutting leave of the larger one that is drawn
            middle = [self._moved(*axis) for axis in zip(voxel, data_shape, kept, strict=True)]
            class_locations = {**class_locations, self.annotated_classes_key: np.array([[0, *middle]])}
        lower, upper = super().get_bbox(data_shape, force_fg, class_locations, overwrite_class, verbose)
        return lower, upper

    @staticmethod
    def _moved(at: int, length: int, side: int) -> int:
        """A middle in the image whose patch holds the voxel, each with the same chance."""
        low, high = -min(at, (side - 1) // 2), min(length - 1 - at, side // 2)
        return int(at + np.random.randint(low, high + 1))  # noqa: NPY002


class LabelledBoxesTrainer(nnUNetTrainer):
    """nnU-Net's trainer with patches from where there are labels.

    after_step: called after each gradient step.
    """

    after_step: Callable[[], None]

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """One gradient step."""
        found: dict[str, Any] = super().train_step(batch)
        self.after_step()
        return found

    def get_dataloaders(self) -> tuple[Any, Any]:
        """Endless batches for training and for validation."""
        self.dataset_class: Any = infer_dataset_class(self.preprocessed_dataset_folder)
        size, scales = self.configuration_manager.patch_size, self._get_deep_supervision_scales()
        rotation, flat, drawn, mirrors = self.configure_rotation_dummyDA_mirroring_and_inital_patch_size()
        known = {
            "is_cascaded": self.is_cascaded,
            "foreground_labels": self.label_manager.foreground_labels,
            "regions": self.label_manager.foreground_regions if self.label_manager.has_regions else None,
            "ignore_label": self.label_manager.ignore_label,
        }
        masked = self.configuration_manager.use_mask_for_norm
        changes = self.get_training_transforms(
            size, rotation, scales, mirrors, flat, use_mask_for_norm=masked, **known
        )
        training, validation = self.get_tr_and_val_datasets()
        return (
            self._batches(training, drawn, changes),
            self._batches(validation, size, self.get_validation_transforms(scales, **known)),
        )

    def plot_network_architecture(self) -> None:
        """Nothing: it needs a program of its own."""

    def _batches(self, data: Any, drawn: Any, transforms: Any) -> Any:
        """drawn: sides of what is cut out, before it is turned and cut to the size of a patch."""
        loader = LabelledBoxesLoader(
            data,
            self.batch_size,
            drawn,
            self.configuration_manager.patch_size,
            self.label_manager,
            self.oversample_foreground_percent,
            transforms=transforms,
        )
        workers = get_allowed_n_proc_DA()
        if workers == 0:
            return SingleThreadedAugmenter(loader, None)
        on_card = self.device.type == "cuda"
        return NonDetMultiThreadedAugmenter(loader, None, workers, max(6, workers // 2), pin_memory=on_card)
