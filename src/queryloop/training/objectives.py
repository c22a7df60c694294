"""What may be trained beside a network, by name."""

from __future__ import annotations

from queryloop.training.learning_loss import LearningLoss
from queryloop.training.objective import Objective

OBJECTIVES: dict[str, type[Objective]] = {"none": Objective, "learning_loss": LearningLoss}
