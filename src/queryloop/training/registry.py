"""What is minimised with each auxiliary, by the auxiliary's name."""

from __future__ import annotations

from queryloop.training.adversarial import Adversarial
from queryloop.training.learning_loss import LearningLoss
from queryloop.training.objective import Objective
from queryloop.training.vaal import Vaal

OBJECTIVES: dict[str, type[Objective]] = {
    "none": Objective,
    "adversarial": Adversarial,
    "learning_loss": LearningLoss,
    "vaal": Vaal,
}
