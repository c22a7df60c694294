"""What a strategy for boxes asks of the settings, and what it cannot work with."""

from __future__ import annotations

from queryloop.boxes.kinds import BoxStrategy
from queryloop.errors import OptionsError
from queryloop.options import ExperimentOptions
from queryloop.tasks.segmentation import replay
from queryloop.values import unless_auto

DROPOUT = 0.5


def settled(options: ExperimentOptions, strategy: BoxStrategy) -> ExperimentOptions:
    """The options with a value for every `auto`; what is set by hand holds.

    Raises OptionsError where the strategy cannot work with them, with the words to add.
    """
    compares, folds = strategy.compares, options.training.ensemble == "folds"
    members = unless_auto(options.scoring.members, "ensemble" if compares or folds else "dropout")
    dropout = unless_auto(options.model.dropout, DROPOUT if compares and members == "dropout" else 0.0)
    if compares and members == "dropout" and dropout == 0:
        raise OptionsError(
            f"`{strategy.name}` compares draws of the weights, but model.dropout is 0: "
            f"add model.dropout:{DROPOUT}, scoring.members:ensemble or scoring.members:tta."
        )
    for asked, said in (
        (options.evaluation.predictor == "ensemble", "evaluation.predictor is ensemble"),
        (folds, "training.ensemble is folds"),
    ):
        if asked and members != "ensemble":
            raise OptionsError(
                f"{said}, but scoring.members is {members}, of which one network is trained: "
                "add scoring.members:ensemble."
            )
    if options.scoring.mirrors and members == "tta":
        raise OptionsError(
            "scoring.mirrors averages the mirrored views that scoring.members:tta compares: leave out one."
        )
    return options.changed(
        data={"transfer": 0},
        model={"dropout": dropout},
        scoring={"members": members},
        training={"auxiliary": "none"},
    )


def check_folds(options: ExperimentOptions) -> None:
    """Refuse folds, which know no patients, where patients have several scans. Raises OptionsError."""
    if options.data.patient and options.training.ensemble == "folds":
        raise OptionsError(
            "training.ensemble:folds deals scans, so that those of one patient would be learned from and "
            "left out: with data.patient take training.ensemble:seeds."
        )


def sentences(options: ExperimentOptions, strategy: BoxStrategy) -> list[str]:
    """What is done beyond training one network without dropout, for the screen."""
    said = []
    if "truth" in strategy.needs:
        said.append(f"{strategy.name} reads the true labels of the pool: a baseline, not to annotate with.")
    if options.query.loops is not None:
        said.append(replay.sentence(options.query.loops, strategy))
    members = options.scoring.members
    if members == "tta":
        said.append("Each scan is looked at mirrored along every axis (scoring.members:tta).")
    elif members == "dropout" and options.model.dropout_rate:
        n, rate = options.scoring.mc_samples, options.model.dropout
        said.append(f"Each scan is looked at under {n} dropout masks (model.dropout:{rate}).")
    return said
