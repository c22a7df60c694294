"""Sample tables, pools and labelled sets as pure tables: who is in which split, asked when, labelled how."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from queryloop.errors import OptionsError, StateError, examples
from queryloop.options import DataOptions, ModelOptions, QueryOptions, StartOptions, TrainingOptions
from queryloop.randomness import derived_seed, uniform_by_id

COLUMNS: dict[str, dict[str, str]] = {
    "samples": {"sample_id": "str", "label": "str", "split": "str"},
    "splits": {"sample_id": "str", "split": "str"},
    "query": {"sample_id": "str", "rank": "int64", "score": "float64"},
    "pool_index": {"sample_id": "str"},
    "scores": {"sample_id": "str", "score": "float64"},
    "answers": {
        "sample_id": "str",
        "label": "str",
        "annotator": "str",
        "labeled_at": "datetime64[us, UTC]",
        "seconds": "float64",
        "import_id": "str",
    },
    "labeled_index": {
        "sample_id": "str",
        "label": "str",
        "cycle": "int64",
        "rank": "int64",
        "score": "float64",
        "strategy": "str",
        "annotator": "str",
        "labeled_at": "datetime64[us, UTC]",
    },
    "metrics": {
        "strategy": "str",
        "seed": "int64",
        "cycle": "int64",
        "n_labeled": "int64",
        "n_validation": "int64",
        "gradient_steps": "int64",
        "auxiliary_steps": "int64",
        "auxiliary_quality": "float64",
        "train_accuracy": "float64",
        "val_accuracy": "float64",
        "best_val_accuracy": "float64",
        "accuracy": "float64",
        "balanced_accuracy": "float64",
        "macro_f1": "float64",
        "nll": "float64",
        "brier": "float64",
        "ece": "float64",
        "strategy_quality": "float64",
    },
    "timings": {"cycle": "int64", "stage": "str", "seconds": "float64"},
}
COLUMNS["full_data"] = {"settings": "str", **COLUMNS["metrics"]}


def table(name: str, rows: object = ()) -> pd.DataFrame:
    """`rows` as the table `name`: its columns in order, with their types."""
    columns = COLUMNS[name]
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def classes(samples: pd.DataFrame) -> list[str]:
    """The class names, sorted. Raises OptionsError where there are fewer than two."""
    names = sorted(samples["label"].dropna().unique())
    if len(names) < 2:
        raise OptionsError(
            f"the data set has {len(names)} class{'es' * (len(names) != 1)} ({examples(names)}): "
            "classification needs two or more."
        )
    return names


def rows_of(samples: pd.DataFrame, ids: Sequence[str]) -> np.ndarray:
    """Row number in `samples` (and in the image store) of each id. Raises StateError for unknown ids."""
    rows = pd.Index(samples["sample_id"]).get_indexer(pd.Index(ids))
    if (rows < 0).any():
        lost = [i for i, row in zip(ids, rows, strict=True) if row < 0]
        raise StateError(f"{len(lost)} ids are not among the samples: {examples(lost)}.")
    return rows


def labelled_rows(samples: pd.DataFrame, labels: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Row and class number of each sample in `labels` (columns sample_id, label)."""
    numbers = pd.Index(classes(samples)).get_indexer(labels["label"])
    if (numbers < 0).any():
        wrong = sorted(set(labels["label"][numbers < 0]))
        raise StateError(f"labels that are no class of the data set: {examples(wrong)}.")
    return rows_of(samples, labels["sample_id"]), numbers


def count_of(size: float, total: int) -> int:
    """A size as a number of samples: counts stay, fractions are of `total`, at least 1."""
    return int(size) if size >= 1 else max(1, round(size * total))


def split(samples: pd.DataFrame, options: DataOptions, seed: int) -> pd.DataFrame:
    """Who is test, validation, transfer (taken from validation) and train: columns sample_id, split.

    The test set is drawn from the rows that the source calls test, and from all rows where it has
    none. Each draw depends on (seed, id) only, never on the order of the rows. With data.patient the draw
    is of patients, who come with all their samples, so that a part may get a few more than asked for;
    no patient of the test set is in another part.
    Raises OptionsError where the sizes leave nothing to train on, or ids name no patient.
    """
    ids, has_test = samples["sample_id"], (samples["split"] == "test").any()
    patients = _patients(ids, options.patient)
    share = (None if has_test else 0.2) if options.test == "auto" else options.test
    if not has_test and share is None:
        raise OptionsError("the data set has no test set of its own: set data.test, such as data.test:0.2.")
    from_rows = samples["split"] == ("test" if has_test else "train")
    test = patients.index[from_rows] if share is None else _drawn(patients[from_rows], share, seed, "test")
    rest = patients[(samples["split"] == "train") & ~patients.isin(patients[test])]
    validation = (
        _drawn(rest, options.validation, seed, "validation") if options.validation else rest.index[:0]
    )
    name = pd.Series("unused", index=ids.index, dtype="str")
    name[rest.index] = "train"
    name[validation] = "validation"
    if options.transfer not in ("auto", 0):
        name[_drawn(patients[validation], float(options.transfer), seed, "transfer")] = "transfer"
    name[test] = "test"
    if not (name == "train").any():
        raise OptionsError(
            f"data.test:{options.test} and data.validation:{options.validation} leave none of "
            f"{len(samples)} samples to train on."
        )
    return table("splits", {"sample_id": ids, "split": name})


def _patients(ids: pd.Series, rule: str | None) -> pd.Series:
    """Whose sample each one is: what the group of `rule` finds in its id; without a rule, its own."""
    if rule is None:
        return ids
    found = ids.str.extract(rule, expand=False)
    if found.isna().any():
        raise OptionsError(
            f"data.patient is {rule!r}, which finds no patient in {found.isna().sum()} of {len(ids)} ids: "
            f"{examples(ids[found.isna()].tolist())}."
        )
    return found


def _drawn(patients: pd.Series, size: float, seed: int, purpose: str) -> pd.Index:
    """The rows of patients drawn until there are `size` rows; the last one comes with all of theirs."""
    n = count_of(size, len(patients))
    if n > len(patients):
        raise OptionsError(f"data.{purpose} is {n}, but only {len(patients)} samples are there to draw from.")
    drawn = patients.iloc[np.argsort(uniform_by_id(seed, 0, purpose, patients.tolist()))[:n]]
    return patients.index[patients.isin(drawn)]


def ids_in(splits: pd.DataFrame, name: str) -> pd.Series:
    """The ids of one split."""
    return splits.loc[splits["split"] == name, "sample_id"].reset_index(drop=True)


def check_sizes(n_train: int, start: StartOptions, query: QueryOptions, n_cycles: int) -> None:
    """Refuse a start or a first query larger than what there is. Raises OptionsError with the numbers."""
    first = count_of(start.size, n_train)
    if first > n_train:
        raise OptionsError(f"start.size is {first}, but the training set has only {n_train} samples.")
    asked, left = count_of(query.size, n_train), n_train - first
    if n_cycles > 1 and asked > left:
        raise OptionsError(
            f"query.size is {asked}, but after a start of {first} the pool has only {left} of "
            f"{n_train} samples: make query.size or start.size smaller."
        )


def starting_set(samples: pd.DataFrame, splits: pd.DataFrame, start: StartOptions, seed: int) -> pd.DataFrame:
    """The first query: sample_id, rank, score (null); a function of the seed, not of the strategy.

    `balanced` takes from each class in turn and so reads the labels of the whole training set.
    """
    train = samples[samples["sample_id"].isin(ids_in(splits, "train"))]
    drawn = train.iloc[np.argsort(uniform_by_id(seed, 0, "start", train["sample_id"].tolist()))]
    if start.sampler == "balanced":
        turn = drawn.groupby("label").cumcount()
        drawn = drawn.iloc[np.lexsort((np.arange(len(drawn)), turn))]
    return query(drawn["sample_id"].head(count_of(start.size, len(train))).tolist())


def query(ids: Sequence[str], scores: np.ndarray | None = None) -> pd.DataFrame:
    """A query table, best first: sample_id, rank (from 1), score (null where there is none)."""
    score = np.full(len(ids), np.nan) if scores is None else scores
    return table("query", {"sample_id": list(ids), "rank": np.arange(1, len(ids) + 1), "score": score})


def candidates(
    pool: pd.DataFrame, n: int | None, seed: int, cycle: int, purpose: str = "candidates"
) -> pd.DataFrame:
    """The part of the pool that is scored: n rows drawn by (seed, cycle, id), or all; order kept."""
    if n is None or n >= len(pool):
        return pool
    keys = uniform_by_id(seed, cycle, purpose, pool["sample_id"].tolist())
    return pool.iloc[np.sort(np.argpartition(keys, n)[:n])].reset_index(drop=True)


def query_size(options: QueryOptions, labeled: pd.DataFrame, pool: pd.DataFrame, n_candidates: int) -> int:
    """How many of the candidates are asked for: a fraction is one of labelled set and pool together."""
    return min(count_of(options.size, len(labeled) + len(pool)), n_candidates)


def known(samples: pd.DataFrame, splits: pd.DataFrame, name: str) -> pd.DataFrame:
    """The samples of one split with their known labels: sample_id, label."""
    return samples.loc[samples["sample_id"].isin(ids_in(splits, name)), ["sample_id", "label"]]


def asked(labeled: pd.DataFrame, query: pd.DataFrame, strategy: str) -> pd.DataFrame:
    """Everything asked so far: the rows of the labelled set, then the open query as the next cycle."""
    new = query.assign(cycle=next_cycle(labeled), strategy=strategy)
    columns = ["sample_id", "cycle", "rank", "score", "strategy"]
    return pd.concat([labeled[columns], new[columns]], ignore_index=True)


def next_cycle(labeled: pd.DataFrame) -> int:
    """The number of the cycle that takes in the open query; the first is 1."""
    return 1 if labeled.empty else int(labeled["cycle"].max()) + 1


def resolve_labels(asked: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """The labelled set: one row for each sample asked for, with its newest answer.

    Raises StateError where an answer is missing.
    """
    newest = answers.drop_duplicates("sample_id", keep="last")
    labeled = asked.merge(
        newest[["sample_id", "label", "annotator", "labeled_at"]], on="sample_id", how="left"
    )
    missing = labeled.loc[labeled["label"].isna(), "sample_id"]
    if len(missing):
        raise StateError(
            f"{len(missing)} samples were asked for but have no answer: {examples(missing.tolist())}."
        )
    return table("labeled_index", labeled)


def query_seed(seed: int, labeled: pd.DataFrame) -> int:
    """The seed of the draws that choose the query after this labelled set."""
    return derived_seed(seed, next_cycle(labeled) - 1, "query")


def metrics_row(
    labeled: pd.DataFrame,
    splits: pd.DataFrame,
    log: Mapping[str, Any],
    evaluation: Mapping[str, float],
    strategy: str,
    seed: int,
    quality: float = math.nan,
) -> pd.DataFrame:
    """One row of `metrics`: what the checkpoint was trained on, how it went, how good it is.

    n_validation counts all labels beside the labelled set, those a strategy learns on too. quality: AUROC
    of the strategy's own predictor, NaN where it has none.
    """
    row = {
        "strategy": strategy,
        "seed": seed,
        "cycle": next_cycle(labeled) - 1,
        "n_labeled": len(labeled),
        "n_validation": int(splits["split"].isin(["validation", "transfer"]).sum()),
        "strategy_quality": quality,
    }
    found = {**log, **evaluation, **row}
    return table("metrics", [{name: found[name] for name in COLUMNS["metrics"]}])


def reference_key(
    fingerprint: str, data: DataOptions, model: ModelOptions, training: TrainingOptions, seed: int
) -> str:
    """16 hexadecimal digits that tie a training on all labels to the curves it may be drawn beside."""
    options = [
        data.model_dump(exclude={"workers"}),
        model.model_dump(),
        training.model_dump(exclude={"device"}),
    ]
    said = json.dumps([fingerprint, *options, seed], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def pool_without(pool: pd.DataFrame, labeled: pd.DataFrame) -> pd.DataFrame:
    """The samples of the pool that are not in the labelled set."""
    return pool[~pool["sample_id"].isin(labeled["sample_id"])].reset_index(drop=True)
