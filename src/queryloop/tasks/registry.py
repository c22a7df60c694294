"""The task of each data set."""

from __future__ import annotations

from queryloop.readers.registry import find as find_dataset
from queryloop.tasks.classification.task import Classification
from queryloop.tasks.segmentation.task import Segmentation
from queryloop.tasks.task import Task

TASKS: dict[str, Task] = {task.name: task for task in (Classification(), Segmentation())}


def task_of(dataset: str) -> Task:
    """What the data set of that name is for. Raises OptionsError for an unknown name."""
    return TASKS[find_dataset(dataset).task]
