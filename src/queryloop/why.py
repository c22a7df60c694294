"""When and why a sample was chosen."""

from __future__ import annotations

from typing import Any

import pandas as pd

from queryloop.errors import InputError, StateError, unknown
from queryloop.samples import BOX
from queryloop.storage.experiment import committed


def explain(catalog: Any, sample: str) -> str:
    """Why and when a sample was chosen.

    Raises StateError before the first commit, OptionsError for an id that the data set does not have, and
    InputError for a box that no scan can hold.
    """
    home = catalog["labeled_index"].home
    if not committed(home):
        raise StateError(
            f"the experiment at {home} has no cycle yet: run it, or name another one, such as "
            "--params=strategy:entropy,seed:1. `kedro al status` shows those that are there."
        )
    splits, labeled = catalog.load("splits"), catalog.load("labeled_index")
    asks_boxes = set(BOX) <= set(labeled.columns)
    case = sample.rpartition("@")[0] if asks_boxes else sample  # the id of an image may hold an @, too
    found = splits.loc[splits["sample_id"].isin([sample, case]), "split"].head(1)
    if found.empty:
        more = f" and {len(splits) - _BESIDE} more" if len(splits) > _BESIDE else ""
        raise unknown("sample", sample, _alike(sample, splits["sample_id"]), more)
    if found.item() != "train":
        return f"{sample} is in the {found.item()} set: it is never asked for."
    query, scores = catalog.load("query"), catalog.load("scores")
    for table, tell in ((labeled, _labelled), (query, _queried), (scores, _scored)):
        if (table["sample_id"] == sample).any():
            return tell(catalog, table, table[table["sample_id"] == sample].iloc[0])
    if case != sample and (other := _labelled_there(catalog, sample, case, labeled)):
        return f"{sample} is not in the pool: it lies over {other}, which is labelled."
    return f"{sample} is in the pool; it was not among the candidates of the last cycle."


def _labelled_there(catalog: Any, sample: str, case: str, labeled: pd.DataFrame) -> str | None:
    """The first labelled box over a box. Raises InputError for one that is none, or leaves its scan."""
    from queryloop.boxes.box import fitted, parse
    from queryloop.tasks.segmentation.rows import boxes_of

    shape = catalog.load("images").cases[case].shape
    box = parse(sample, fitted(catalog.load("params:query").box, shape))
    if any(end > length for end, length in zip(box.stop, shape, strict=True)):
        raise InputError(f"{sample} leaves its scan: a box of {box.size} there does not fit into {shape}.")
    return next((other.id for other in boxes_of(labeled) if other.overlaps(box)), None)


def _alike(sample: str, ids: pd.Series) -> list[str]:
    """The ids that stand beside this one in the sorted list of all."""
    names = ids.sort_values()
    first = min(max(0, int(names.searchsorted(sample)) - _BESIDE // 2), max(0, len(names) - _BESIDE))
    return names.iloc[first : first + _BESIDE].tolist()


_BESIDE = 4  # ids that are shown of all


def _labelled(catalog: Any, labeled: pd.DataFrame, row: pd.Series) -> str:
    asked = int((labeled["cycle"] == row["cycle"]).sum())
    when = f"{row['sample_id']} was asked for in cycle {row['cycle']}, rank {row['rank']} of {asked}"
    answer = f"label {row['label']!r} by {row['annotator']} at {row['labeled_at']:%Y-%m-%d %H:%M:%S} UTC"
    if row.get("control"):
        guess = f"cycle {row['cycle'] - 1} took it for {row['predicted']!r}"
        return f"{when}, drawn at random as a control; the network of {guess}; {answer}."
    if row["cycle"] == 1:
        return f"{when}: it is in the starting set, the same for all strategies of this seed; {answer}."
    return f"{when}, {_by(catalog, row['strategy'], row['score'], int(row['cycle']) - 1)}; {answer}."


def _queried(catalog: Any, query: pd.DataFrame, row: pd.Series) -> str:
    cycle = len(committed(catalog["query"].home))
    strategy = catalog.load("params:strategy")
    if row.get("control"):
        return f"{row['sample_id']} is in the open query, drawn at random as a control."
    return (
        f"{row['sample_id']} is in the open query, rank {row['rank']} of {len(query)}, "
        f"{_by(catalog, strategy, row['score'], cycle)}."
    )


def _scored(_catalog: Any, scores: pd.DataFrame, row: pd.Series) -> str:
    if pd.isna(row["score"]):
        return (
            f"{row['sample_id']} is in the pool: it was one of {len(scores)} candidates in the last cycle, "
            "of which the strategy chose a batch as a whole."
        )
    higher = int((scores["score"] > row["score"]).sum())
    return (
        f"{row['sample_id']} is in the pool: in the last cycle its score was {row['score']:.6g}; "
        f"{higher} of {len(scores)} candidates scored higher."
    )


def _by(catalog: Any, strategy: str, score: float, cycle: int) -> str:
    """Which strategy, with what score, and the checkpoint that it looked with."""
    version = committed(catalog["checkpoint"].home)[cycle - 1]
    metrics = catalog.load("metrics")
    n_labeled = metrics.loc[metrics["cycle"] == cycle, "n_labeled"].item()
    value = "without a score" if pd.isna(score) else f"with score {score:.6g}"
    return f"by {strategy} {value}, seen by checkpoint {version} (cycle {cycle}, {n_labeled} labels)"
