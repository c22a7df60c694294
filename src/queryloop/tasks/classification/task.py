"""The cycle on images."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from queryloop import samples as tables
from queryloop import strategies
from queryloop.errors import naming_rows, unknown
from queryloop.models.pretrained import Pretrained
from queryloop.models.registry import MODELS, check
from queryloop.options import (
    EvaluationOptions,
    ExperimentOptions,
    ModelOptions,
    QueryOptions,
    StartOptions,
    TrainingOptions,
)
from queryloop.strategies import Strategy
from queryloop.strategies.resolution import canonical
from queryloop.tasks.classification import demands
from queryloop.tasks.classification.evidence import collected
from queryloop.tasks.classification.prediction import predicted
from queryloop.tasks.task import Data, Looking, Recipe, Task
from queryloop.training.augment import augmentation
from queryloop.training.checkpoint import Checkpoint, digest
from queryloop.training.registry import OBJECTIVES

logger = logging.getLogger(__name__)

SHOWN = 36
"""Samples of a query in its picture; no more are read."""


@cache
def _digest(source: Pretrained, name: str) -> str:
    """Of the weights for images in colour, from which those for others are made."""
    weights = source.weights(name, 3)
    return digest({layer: tensor.numpy() for layer, tensor in weights.items()})


class Classification(Task):
    """Images of one class each; `inputs` is one array of images or features."""

    name = "classification"
    measure = "accuracy"
    ignored = frozenset(
        {
            "start.all_classes",
            "query.box",
            "query.loops",
            "query.stride",
            "query.per_case",
            "scoring.mirrors",
            "scoring.tile",
            "scoring.tile_step",
            "training.ensemble",
            "evaluation.predictor",
        }
    )

    def check(self, options: ExperimentOptions, typed: Collection[str] = ()) -> None:
        """Raise OptionsError for names and parameters that images do not have."""
        check(options.model)
        super().check(options, typed)
        augmentation(options.training.augmentation)
        if options.training.auxiliary not in ("auto", *OBJECTIVES):
            raise unknown("training.auxiliary", options.training.auxiliary, ["auto", *OBJECTIVES])
        if options.start.sampler not in tables.SAMPLERS:
            raise unknown("start.sampler of images", options.start.sampler, tables.SAMPLERS)
        if options.scoring.members == "tta":
            raise unknown("scoring.members of images", "tta", ["auto", "dropout", "ensemble"])

    def sources(self, model: ModelOptions) -> dict[str, str]:
        """The published weights that trainings begin with, or that made the features they learn on."""
        source = MODELS[model.name].pretrained
        return {"weights": _digest(source, model.name)} if model.pretrained and source else {}

    def strategy(self, name: str, options: Mapping[str, Any]) -> Strategy:
        """The registered one."""
        return strategies.resolve(name, options)

    def meaning(self, name: str, options: Mapping[str, Any]) -> str:
        """By the registry."""
        return canonical(name, options)

    def settled(self, options: ExperimentOptions) -> ExperimentOptions:
        """See `demands`."""
        return demands.settled(options, self.strategy(options.strategy, options.strategy_options))

    def sentences(self, options: ExperimentOptions) -> list[str]:
        """See `demands`."""
        return demands.sentences(options, self.strategy(options.strategy, options.strategy_options))

    def starting_set(
        self, data: Data, start: StartOptions, query: QueryOptions, n_cycles: int, seed: int
    ) -> pd.DataFrame:
        """Drawn at random or from each class in turn, or all that have a label."""
        tables.classes(data.samples)
        first = tables.starting_set(data.samples, data.splits, start, seed)
        tables.check_sizes(len(tables.ids_in(data.splits, "train")), len(first), query, n_cycles)
        return first

    def known(self, asked: pd.DataFrame, samples: pd.DataFrame) -> pd.Series:
        """The class of each image."""
        labels = samples.set_index("sample_id").loc[asked["sample_id"], "label"]
        return labels.astype(pd.CategoricalDtype(tables.classes(samples)))

    def left(
        self,
        pool: pd.DataFrame,
        labeled: pd.DataFrame,
        inputs: np.ndarray,  # noqa: ARG002
        query: QueryOptions,  # noqa: ARG002
    ) -> pd.DataFrame:
        """The images without a label."""
        return tables.pool_without(pool, labeled)

    def everything(self, data: Data) -> pd.DataFrame:
        """Every training image. Raises OptionsError where some have no label."""
        found = tables.known(data.samples, data.splits, "train")
        tables.refuse_unlabelled(
            found, "full_data cannot train on all of them: label these, or go without it"
        )
        return found.assign(cycle=0)

    def looked_at(
        self,
        data: Data,  # noqa: ARG002
        pool: pd.DataFrame,
        training: TrainingOptions,
    ) -> list[str]:
        """The pool, where something is trained beside on images without a label."""
        return pool["sample_id"].tolist() if OBJECTIVES[training.beside].uses_pool else []

    def train(self, data: Data, labeled: pd.DataFrame, pool: pd.DataFrame, recipe: Recipe) -> Checkpoint:
        """On the labelled images, judged by those of the validation set."""
        from queryloop.tasks.classification import networks  # Lightning: takes seconds

        samples, cycle = data.samples, tables.next_cycle(labeled) - 1
        validation = tables.known(samples, data.splits, "validation")
        with naming_rows(samples["sample_id"].tolist(), f"cycle {cycle}, training"):
            return networks.train(
                data.inputs,
                tables.labelled_rows(samples, labeled),
                tables.classes(samples),
                recipe,
                tables.labelled_rows(samples, validation) if len(validation) else None,
                tables.rows_of(samples, pool["sample_id"]),
            )

    def measured(
        self,
        checkpoint: Checkpoint,
        data: Data,
        labeled: pd.DataFrame,
        looking: Looking,
        evaluation: EvaluationOptions,  # noqa: ARG002
    ) -> dict[str, float]:
        """Of the first network."""
        from queryloop.tasks.classification import networks

        test = tables.known(data.samples, data.splits, "test")
        with naming_rows(test["sample_id"].tolist(), f"cycle {tables.next_cycle(labeled) - 1}, evaluation"):
            rows = tables.labelled_rows(data.samples, test)
            return networks.measured(checkpoint, data.inputs, rows, looking.training)

    def evidence(
        self,
        checkpoint: Checkpoint,
        data: Data,
        pool: pd.DataFrame,
        labeled: pd.DataFrame,
        strategy: Strategy,
        looking: Looking,
        seed: int,
    ) -> dict[str, Any]:
        """What the strategy names as its needs, and the ids of the candidates."""
        return collected(checkpoint, data, pool, labeled, strategy, looking, seed)

    def scores(self, found: dict[str, Any], strategy: Strategy, *, k: int, seed: int) -> pd.DataFrame:  # noqa: ARG002
        """One row a candidate."""
        scores = strategy.score(found, seed)
        values = np.full(len(found["ids"]), np.nan) if scores is None else scores.double().cpu().numpy()
        return tables.table("scores", {"sample_id": found["ids"], "score": values})

    def chosen(
        self, scores: pd.DataFrame, found: dict[str, Any], strategy: Strategy, *, k: int, seed: int
    ) -> pd.DataFrame:
        """By the scores, or as a batch."""
        n = len(scores)
        if 0 < n < k:
            logger.warning(
                "%d samples were asked for, but only %d can be had: what is left of the pool, or as much of "
                "it as query.candidates lets in. All of them are taken.",
                k,
                n,
            )
        picks = strategy.choose(scores["score"].to_numpy(), found, k=min(k, n), seed=seed)
        return tables.query([found["ids"][i] for i in picks.positions.tolist()], picks.scores.numpy())

    def shown(
        self,
        checkpoint: Checkpoint,
        data: Data,
        labeled: pd.DataFrame,
        query: pd.DataFrame,
        looking: Looking,
        images: np.ndarray,
    ) -> tuple[np.ndarray, pd.DataFrame, int]:
        """The first images of the query, their rows with predicted and true class, and its length."""
        first = query.nsmallest(SHOWN, "rank")
        ids = first["sample_id"].tolist()
        rows = tables.rows_of(data.samples, ids)
        with naming_rows(ids, f"cycle {tables.next_cycle(labeled) - 1}, report"):
            names = predicted(checkpoint, data.inputs, rows, looking.training)
        captions = first.assign(predicted=names, label=data.samples["label"].to_numpy()[rows])
        return images[rows], captions, len(query)
