"""From rows of tables to boxes and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from queryloop.boxes.box import Box
from queryloop.boxes.candidates import Candidates
from queryloop.samples import BOX, table


def boxes_of(rows: pd.DataFrame) -> list[Box]:
    """The boxes of a table with the columns sample_id, z, y, x, dz, dy, dx."""
    if rows.empty:  # the columns of boxes come with the first of them
        return []
    cases = [sample_id.rpartition("@")[0] for sample_id in rows["sample_id"]]
    places = rows[list(BOX)].to_numpy().tolist()
    return [
        Box(case, (z, y, x), (dz, dy, dx)) for case, (z, y, x, dz, dy, dx) in zip(cases, places, strict=True)
    ]


def places_of(boxes: Sequence[Box]) -> dict[str, np.ndarray]:
    """Corners and sizes by column."""
    places = np.array([[*box.corner, *box.size] for box in boxes], dtype=np.int64).reshape(-1, len(BOX))
    return dict(zip(BOX, places.T, strict=True))


def scores_of(found: Candidates) -> pd.DataFrame:
    """Candidates as the table `scores`."""
    scored = {"sample_id": found.ids, "score": found.scores, "channel": found.channels}
    return table("scores", {**scored, **places_of(found.boxes)})


def candidates_of(scores: pd.DataFrame) -> Candidates:
    """The table `scores` as candidates."""
    return Candidates(
        tuple(boxes_of(scores)), scores["score"].to_numpy(copy=True), scores["channel"].to_numpy()
    )


def by_case(boxes: Iterable[Box]) -> dict[str, list[Box]]:
    """The boxes of each case that has some, both in the order in which they come."""
    found: dict[str, list[Box]] = {}
    for box in boxes:
        found.setdefault(box.case, []).append(box)
    return found
