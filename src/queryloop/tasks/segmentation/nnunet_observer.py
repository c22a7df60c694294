"""How networks of nnU-Net look at whole scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from queryloop.boxes.box import Box
from queryloop.boxes.sums import Each, Sums
from queryloop.tasks.segmentation.observer import Observer
from queryloop.tasks.segmentation.scans import Scans
from queryloop.tasks.segmentation.turned import Turn, turn_of
from queryloop.tasks.task import Looking
from queryloop.training.checkpoint import Checkpoint
from queryloop.training.compute import resolve_scoring
from queryloop.training.nnunet.scoring import Scorer
from queryloop.training.nnunet.trained import Trained
from queryloop.training.restore import refuse_others

_TOWARDS_RAS = "NibabelIOWithReorient"
"""The one of nnU-Net's readers that does with axes as the store does."""


@dataclass(frozen=True)
class NnUNetObserver(Observer):
    """Of the networks of a scorer. as_filed: whether they know scans along the axes of their files."""

    scorer: Scorer
    as_filed: bool

    def sums(self, case: str, each: Each | None = None) -> Sums:
        """The running sums of all members over one case."""
        known = self.scans.cases[case]
        found = Sums(len(self.scans.classes), known.shape, each)
        turn = turn_of(known.native) if self.as_filed else Turn()
        scorer = replace(self.scorer, tile=self.scorer.tile and turn.order_of(self.scorer.tile))
        scorer.score(turn.there(self.scans.image(case)), turn.order_of(known.spacing), turn.back_into(found))
        return found

    def embeddings(self, boxes: Sequence[Box]) -> Tensor:
        """Refused before anything is trained; see `NnUNets.settled`."""
        raise NotImplementedError


def observer_of(
    checkpoint: Checkpoint, scans: Scans, looking: Looking, n: int | None, *, apart: bool = False
) -> NnUNetObserver:
    """Of the first n networks of a checkpoint, or all. apart: each of their mirrored views is a member."""
    refuse_others(checkpoint, channels=scans.channels, classes=scans.classes)
    settings, compute = checkpoint.settings, resolve_scoring(looking.training)
    taken = settings["model"]["nnunet"]["trained"] is not None
    turns_them = settings["nnunet"]["plans"].get("image_reader_writer") == _TOWARDS_RAS
    members = [checkpoint.members[name] for name in sorted(checkpoint.members, key=int)[:n]]
    scorer = Scorer(
        Trained(**settings["nnunet"], members=members),
        looking.scoring.tile_step,
        looking.scoring.tile,
        looking.scoring.mirrors,
        apart,
        compute.device,
        compute.threads,
    )
    return NnUNetObserver(scans, scorer, as_filed=taken and not turns_them)
