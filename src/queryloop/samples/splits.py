"""Who is tested on, validated on and trained on, and what is labelled first."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from queryloop.errors import OptionsError, examples
from queryloop.options import DataOptions, QueryOptions, StartOptions
from queryloop.randomness import uniform_by_id
from queryloop.samples.queries import count_of, query
from queryloop.samples.schema import table

logger = logging.getLogger(__name__)


def split(samples: pd.DataFrame, options: DataOptions, seed: int) -> pd.DataFrame:
    """Who is test, validation, transfer (taken from validation) and train: columns sample_id, split.

    Where the source calls rows test, those are the test set, or as many of them as a count says; else it is
    drawn from all rows. Each draw depends on (seed, id) only, never on the order of the rows. With
    data.patient the draw is of patients, who come with all their samples, so that a part may get a few more
    than asked for; no patient of the test set is in another part. Validation is drawn from those who have all
    their labels.
    Raises OptionsError where the sizes leave nothing to train on, ids name no patient, or a part to measure
    on cannot be drawn for want of labels.
    """
    ids, own = samples["sample_id"], samples["split"] == "test"
    patients = _patients(ids, options.patient)
    size = _size_of_test(options, int(own.sum()))
    from_rows = own if own.any() else samples["split"] == "train"
    refuse_unlabelled(samples[from_rows], _HOW_TO_TEST)
    test = patients.index[from_rows] if size is None else _drawn(patients[from_rows], size, seed, "test")
    rest = patients[(samples["split"] == "train") & ~patients.isin(patients[test])]
    validation = rest.index[:0]
    if options.validation:
        validation = _validation(rest, samples, options.validation, seed)
    name = pd.Series("unused", index=ids.index, dtype="str")
    name[rest.index] = "train"
    name[validation] = "validation"
    if options.transfer not in ("auto", 0):
        name[_drawn(patients[validation], float(options.transfer), seed, "transfer")] = "transfer"
        _refuse_transfer_of_all(name, options)
    name[test] = "test"
    if not (name == "train").any():
        raise OptionsError(
            f"data.test:{options.test} and data.validation:{options.validation} leave none of "
            f"{len(samples)} samples to train on."
        )
    return table("splits", {"sample_id": ids, "split": name})


_HOW_TO_TEST = (
    "the test set cannot be drawn: mark labelled samples as test in the column split of your table of labels"
)
_HOW_TO_VALIDATE = "cannot be drawn from the others: make it smaller, or set data.validation:0"


def refuse_unlabelled(samples: pd.DataFrame, so: str) -> None:
    """Samples without a label are for people to label: nothing may be taught by them or measured on them.

    so: what cannot be, and what to do. Raises OptionsError.
    """
    without = samples.loc[samples["label"].isna(), "sample_id"].tolist()
    if without:
        raise OptionsError(
            f"{len(without)} of {len(samples)} samples have no label ({examples(without)}), so that {so}."
        )


def _refuse_transfer_of_all(name: pd.Series, options: DataOptions) -> None:
    n_transfer, n_left = ((name == part).sum() for part in ("transfer", "validation"))
    if not n_left:
        raise OptionsError(
            f"data.transfer:{options.transfer} takes all {n_transfer} samples of "
            f"data.validation:{options.validation}: none is left to choose networks by. Make data.validation "
            "larger or data.transfer smaller."
        )


def _size_of_test(options: DataOptions, n_own: int) -> float | None:
    """What is drawn of the rows to test on; none: all `n_own` that the source has. Raises OptionsError."""
    test = options.test
    if not n_own:
        if test is None:
            raise OptionsError(
                "the data set has no test set of its own: set data.test, such as data.test:0.2."
            )
        return 0.2 if test == "auto" else test
    if test is None or test == "auto":
        return None
    if test < 1:
        logger.info(
            "The data set says which %d samples to test on: data.test:%s draws no others.", n_own, test
        )
        return None
    if test < n_own:
        logger.warning(
            "data.test:%d takes part of the %d samples to test on: the others are not used.", test, n_own
        )
    return test


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


def _validation(rest: pd.Series, samples: pd.DataFrame, size: float, seed: int) -> pd.Index:
    """Drawn from the patients all of whose samples have a label. rest: patients, by row of `samples`."""
    labelled = rest[~rest.isin(rest[samples["label"][rest.index].isna()])]
    if count_of(size, len(labelled)) > len(labelled):
        refuse_unlabelled(samples.loc[rest.index], f"data.validation:{size} {_HOW_TO_VALIDATE}")
    return _drawn(labelled, size, seed, "validation")


def _drawn(patients: pd.Series, size: float, seed: int, purpose: str) -> pd.Index:
    """The rows of patients drawn until there are `size` rows; the last one comes with all of theirs."""
    n = count_of(size, len(patients))
    if n > len(patients):
        raise OptionsError(
            f"data.{purpose}:{size:g} asks for {n}, but only {len(patients)} samples are there to draw from."
        )
    drawn = patients.iloc[np.argsort(uniform_by_id(seed, 0, purpose, patients.tolist()))[:n]]
    return patients.index[patients.isin(drawn)]


def ids_in(splits: pd.DataFrame, name: str) -> pd.Series:
    """The ids of one split."""
    return splits.loc[splits["split"] == name, "sample_id"].reset_index(drop=True)


def known(samples: pd.DataFrame, splits: pd.DataFrame, name: str) -> pd.DataFrame:
    """The samples of one split with their known labels: sample_id, label."""
    return samples.loc[samples["sample_id"].isin(ids_in(splits, name)), ["sample_id", "label"]]


LABELLED = "labelled"
SAMPLERS = ("random", "balanced", LABELLED)
"""Starting sets of images by name."""


def check_sizes(n_train: int, first: int, query: QueryOptions, n_cycles: int) -> None:
    """Refuse a first query larger than what there is, and one of control samples alone.

    first: samples of the starting set. Raises OptionsError with the numbers.
    """
    asked, left = count_of(query.size, n_train), n_train - first
    if n_cycles > 1 and asked > left:
        raise OptionsError(
            f"query.size is {asked}, but after a start of {first} the pool has only {left} of "
            f"{n_train} samples: make query.size smaller, or begin with fewer labels."
        )
    if query.control_share and count_of(query.control_share, asked) >= asked:
        raise OptionsError(
            f"query.control_share:{query.control_share} of {asked} samples leaves nothing to the strategy: "
            "make query.size larger, or the share smaller."
        )


def starting_set(samples: pd.DataFrame, splits: pd.DataFrame, start: StartOptions, seed: int) -> pd.DataFrame:
    """The first query: sample_id, rank, score (null); a function of the seed, not of the strategy.

    `balanced` takes from each class in turn and so reads the labels of the whole training set; `labelled`
    takes all that have a label. Raises OptionsError for more than there are, where some have no label that
    is read, and where none has one.
    """
    train = samples[samples["sample_id"].isin(ids_in(splits, "train"))]
    drawn = train.iloc[np.argsort(uniform_by_id(seed, 0, "start", train["sample_id"].tolist()))]
    if start.sampler == LABELLED:
        return _labelled(drawn)
    if (n := count_of(start.size, len(train))) > len(train):
        raise OptionsError(f"start.size is {n}, but the training set has only {len(train)} samples.")
    if start.sampler == "balanced":
        refuse_unlabelled(train, "start.sampler:balanced cannot see their classes: set start.sampler:random")
        turn = drawn.groupby("label").cumcount()
        drawn = drawn.iloc[np.lexsort((np.arange(len(drawn)), turn))]
    return query(drawn["sample_id"].head(n).tolist())


def _labelled(train: pd.DataFrame) -> pd.DataFrame:
    found = train.loc[train["label"].notna(), "sample_id"].tolist()
    if not found:
        raise OptionsError(
            f"start.sampler:labelled finds no label among the {len(train)} training samples: "
            "set start.sampler:random, and people are asked for the first ones, too."
        )
    return query(found)
