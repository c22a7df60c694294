"""The task of each data set."""

from __future__ import annotations

from functools import cache

from queryloop.readers.registry import find as find_dataset
from queryloop.tasks.task import Task


@cache
def tasks() -> dict[str, Task]:
    """Every task by name, made at first use: both import torch."""
    from queryloop.tasks.classification.task import Classification
    from queryloop.tasks.segmentation.task import Segmentation

    return {task.name: task for task in (Classification(), Segmentation())}


def task_of(dataset: str) -> Task:
    """What the data set of that name is for. Raises OptionsError for an unknown name."""
    return tasks()[find_dataset(dataset).task]
