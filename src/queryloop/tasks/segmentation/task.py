"""The cycle on 3D scans."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from queryloop import samples as tables
from queryloop.boxes import resolution
from queryloop.boxes.box import Box
from queryloop.boxes.candidates import PLAIN
from queryloop.boxes.kinds import BoxStrategy
from queryloop.boxes.pool import Pool
from queryloop.boxes.starting import FOREGROUND, starting_set
from queryloop.errors import OptionsError, unknown
from queryloop.models.registry import check_volumes
from queryloop.options import (
    EvaluationOptions,
    ExperimentOptions,
    ModelOptions,
    QueryOptions,
    StartOptions,
    TrainingOptions,
)
from queryloop.randomness import derived_seed
from queryloop.tasks.segmentation import demands, replay
from queryloop.tasks.segmentation.backends import BACKENDS, backend_of
from queryloop.tasks.segmentation.effort import effort
from queryloop.tasks.segmentation.labels import masks_of, refuse_unlabelled, tell_of_unlabelled
from queryloop.tasks.segmentation.observer import measured
from queryloop.tasks.segmentation.pool import pool_of, seen_by
from queryloop.tasks.segmentation.rows import boxes_of, candidates_of, places_of, scores_of
from queryloop.tasks.segmentation.scans import Scans
from queryloop.tasks.segmentation.shown import Shown, scan_of
from queryloop.tasks.task import Data, Looking, Recipe, Task
from queryloop.training.checkpoint import Checkpoint
from queryloop.training.volumes.augment import augmentation
from queryloop.voxels import TRUTH


class Segmentation(Task):
    """A class for each voxel; samples are boxes, rows of the pool are scans with room for one."""

    name = "segmentation"
    measure = "dice"
    ignored = frozenset(
        {
            "data.transfer",
            "data.validation",
            "query.candidates",
            "query.control_share",
            "model.freeze",
            "model.head",
            "model.pretrained",
            "model.resolution",
            "model.stem",
            "training.adversarial",
            "training.auxiliary",
            "training.class_weights",
            "training.learning_loss",
            "training.patience",
            "training.vaal",
            "scoring.targets",
            "oracle.noise",
            "stop.agreement",
            "stop.plateau",
            "stop.target",
        }
    )

    def check(self, options: ExperimentOptions, typed: Collection[str] = ()) -> None:
        """Raise OptionsError for names and parameters that scans do not have."""
        check_volumes(options.model)
        super().check(options, typed)
        BACKENDS[options.model.name].check(options, typed)
        augmentation(options.training.augmentation)
        demands.check_folds(options)
        if options.start.sampler not in FOREGROUND:
            raise unknown("start.sampler of scans", options.start.sampler, FOREGROUND)
        for key, size in (("start.size", options.start.size), ("query.size", options.query.size)):
            if size < 1:
                raise OptionsError(f"{key} is {size}, but boxes are asked for by number: {key}:20.")

    def strategy(self, name: str, options: Mapping[str, Any]) -> BoxStrategy:
        """The one for boxes."""
        return resolution.resolve(name, options)

    def meaning(self, name: str, options: Mapping[str, Any]) -> str:
        """By the registry, but for what only boxes have."""
        return resolution.canonical(name, options)

    def settled(self, options: ExperimentOptions) -> ExperimentOptions:
        """By `demands`, then by the kind of networks."""
        strategy = self.strategy(options.strategy, options.strategy_options)
        return BACKENDS[options.model.name].settled(demands.settled(options, strategy), strategy)

    def sentences(self, options: ExperimentOptions) -> list[str]:
        """By `demands`, and by the kind of networks."""
        strategy = self.strategy(options.strategy, options.strategy_options)
        return [*BACKENDS[options.model.name].sentences(options), *demands.sentences(options, strategy)]

    def n_trained(self, options: ExperimentOptions) -> int:
        """As for images, but none where the kind of networks takes them from elsewhere."""
        return super().n_trained(options) if BACKENDS[options.model.name].trains(options.model) else 0

    def sources(self, model: ModelOptions) -> dict[str, str]:
        """Those of the kind of networks."""
        return BACKENDS[model.name].sources(model)

    def recorded(self, options: ExperimentOptions) -> dict[str, str]:
        """See `replay`."""
        return replay.recorded(options, self.strategy(options.strategy, options.strategy_options))

    def starting_set(
        self,
        data: Data,
        start: StartOptions,
        query: QueryOptions,
        n_cycles: int,  # noqa: ARG002
        seed: int,
    ) -> pd.DataFrame:
        """Boxes by one of nnActive's samplers, without overlap, or those of its loop 0."""
        if query.loops is not None:
            return _query(replay.start(query.loops, data))
        cases = tables.ids_in(data.splits, "train").tolist()
        if start.sampler != "random" or start.all_classes:
            refuse_unlabelled(data.inputs, cases, "start.sampler:random,start.all_classes:false")
        pool = pool_of(data.inputs, cases, (), query, labels=data.inputs.labels)
        k, first = int(start.size), derived_seed(seed, 0, "start")
        return _query(starting_set(start.sampler, pool, k=k, seed=first, all_classes=start.all_classes))

    def known(self, asked: pd.DataFrame, samples: pd.DataFrame) -> pd.Series:
        """The key of the labels in the store, where the scan has some."""
        of_scans = samples.set_index("sample_id")["label"]
        labels = of_scans.reindex([box.case for box in boxes_of(asked)]).to_numpy()
        return pd.Series(pd.Categorical(labels, [TRUTH]), index=asked["sample_id"])

    def left(
        self, pool: pd.DataFrame, labeled: pd.DataFrame, inputs: Scans, query: QueryOptions
    ) -> pd.DataFrame:
        """The scans in which a box has room."""
        found = pool_of(inputs, pool["sample_id"].tolist(), boxes_of(labeled), query)
        room = np.array([found.has_room(case) for case in found.shapes], dtype=bool)  # of no scan: no rows
        return pool[room].reset_index(drop=True)

    def everything(self, data: Data) -> pd.DataFrame:
        """Every training scan as one box."""
        cases = tables.ids_in(data.splits, "train")
        boxes = [Box(case, (0, 0, 0), data.inputs.cases[case].shape) for case in cases]
        return _query(boxes).assign(label=TRUTH, cycle=0)

    def looked_at(
        self,
        data: Data,
        pool: pd.DataFrame,  # noqa: ARG002
        training: TrainingOptions,  # noqa: ARG002
    ) -> list[str]:
        """All training scans: their labels that cost nothing are learned, and their sizes are planned for."""
        return tables.ids_in(data.splits, "train").tolist()

    def train(self, data: Data, labeled: pd.DataFrame, pool: pd.DataFrame, recipe: Recipe) -> Checkpoint:  # noqa: ARG002
        """On the labels inside of the boxes, and those of training scans that cost nothing."""
        cases = tables.ids_in(data.splits, "train").tolist()
        masks = masks_of(labeled, data.inputs, data.masks)
        tell_of_unlabelled(masks)
        return BACKENDS[recipe.model.name].train(data.inputs, cases, masks, recipe)

    def measured(
        self,
        checkpoint: Checkpoint,
        data: Data,
        labeled: pd.DataFrame,
        looking: Looking,
        evaluation: EvaluationOptions,
    ) -> dict[str, float]:
        """Of the first network or of all together, in the grids of the files; and what the boxes hold."""
        test = tables.ids_in(data.splits, "test").tolist()
        cases = tables.ids_in(data.splits, "train").tolist()
        judged = backend_of(checkpoint).predictor(checkpoint, data.inputs, looking, evaluation.predictor)
        masks = masks_of(labeled, data.inputs, data.masks)
        return measured(judged, test) | effort(masks, data.inputs, cases)

    def evidence(
        self,
        checkpoint: Checkpoint,
        data: Data,
        pool: pd.DataFrame,
        labeled: pd.DataFrame,
        strategy: BoxStrategy,
        looking: Looking,
        seed: int,
    ) -> Pool:
        """The scans with room, and how the networks and the labels are looked at when the strategy asks."""
        draws = derived_seed(seed, tables.next_cycle(labeled) - 1, "draws of the weights")
        if "truth" in strategy.needs:
            refuse_unlabelled(data.inputs, pool["sample_id"].tolist(), "strategy:random_predicted_fg")
        look: dict[str, Any] = seen_by(strategy, checkpoint, data.inputs, looking, draws)
        if "loops" in strategy.needs and looking.query.loops is not None:
            look["loop"] = replay.following(looking.query.loops, data.inputs.cases, labeled)
        progress = tables.progress(labeled, looking.query)
        cases = pool["sample_id"].tolist()
        return pool_of(data.inputs, cases, boxes_of(labeled), looking.query, progress=progress, **look)

    def scores(self, evidence: Pool, strategy: BoxStrategy, *, k: int, seed: int) -> pd.DataFrame:
        """One row a candidate: boxes without overlap, of each scan at most query.per_case."""
        return scores_of(strategy.candidates(evidence, k=k, seed=seed))

    def chosen(
        self, scores: pd.DataFrame, evidence: Pool, strategy: BoxStrategy, *, k: int, seed: int
    ) -> pd.DataFrame:
        """Among the candidates; nothing where every scan is full, unless a loop says which."""
        if not evidence.shapes and "loops" not in strategy.needs:
            return _query([])
        found = strategy.choose(candidates_of(scores), evidence, k=k, seed=seed)
        return _query(found.boxes, found.scores, found.channels)

    def shown(
        self,
        checkpoint: Checkpoint,
        data: Data,
        labeled: pd.DataFrame,
        query: pd.DataFrame,
        looking: Looking,
        images: Scans,  # noqa: ARG002
    ) -> Shown:
        """The boxes as the first network sees them."""
        look = backend_of(checkpoint).predictor(checkpoint, data.inputs, looking, "single")
        return Shown(
            predicted=partial(scan_of, data.inputs, labels=look.labels),
            plain=partial(scan_of, data.inputs),
            asked=boxes_of(query),
            captions=query,
            labelled=boxes_of(labeled),
            classes=data.inputs.classes,
            n_cases=len(tables.ids_in(data.splits, "train")),
        )


def _query(
    boxes: Sequence[Box], scores: np.ndarray | None = None, channels: np.ndarray | None = None
) -> pd.DataFrame:
    found = {} if channels is None or (channels == PLAIN).all() else {"channel": channels}
    return tables.query([box.id for box in boxes], scores, {**places_of(boxes), **found})
