"""What the picture of a query is drawn from."""

from __future__ import annotations

import numpy as np

from queryloop import samples as tables
from queryloop.options import QueryOptions, ScoringOptions
from queryloop.tasks.classification.task import SHOWN
from queryloop.tasks.registry import tasks
from queryloop.tasks.task import Data, Looking
from queryloop.training.checkpoint import Checkpoint
from tests.tasks.conftest import CLASSES, IMAGES, LABELS, TRAINING


def test_of_a_query_the_best_are_shown_and_no_more_are_read(checkpoint: Checkpoint) -> None:
    ids = [f"{row:06d}" for row in range(len(IMAGES))]
    labels = [CLASSES[label] for label in LABELS]
    samples = tables.table("samples", {"sample_id": ids, "label": labels, "split": "train"})
    looking = Looking(QueryOptions(), ScoringOptions(), TRAINING)
    asked = tables.query(ids[500:0:-5])
    for query in (asked, asked[::-1]):
        images, captions, n_asked = tasks()["classification"].shown(
            checkpoint, Data(samples, samples, IMAGES), tables.table("labeled_index"), query, looking, IMAGES
        )
        np.testing.assert_array_equal(images, IMAGES[500:0:-5][:SHOWN])
        assert captions["rank"].tolist() == list(range(1, SHOWN + 1))
        assert captions["label"].tolist() == labels[500:0:-5][:SHOWN]
        assert n_asked == 100
