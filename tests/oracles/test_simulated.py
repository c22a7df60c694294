from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queryloop.errors import OptionsError
from queryloop.options import OracleOptions
from queryloop.oracles.simulated import answer
from queryloop.samples import COLUMNS, table
from queryloop.tasks.classification.task import Classification


def samples(n: int = 2000, n_classes: int = 10) -> pd.DataFrame:
    ids = [f"train/{i:06d}" for i in range(n)]
    return table(
        "samples", {"sample_id": ids, "label": [f"c{i % n_classes}" for i in range(n)], "split": "train"}
    )


def asked(ids: pd.Series, cycle: int = 1) -> pd.DataFrame:
    return pd.DataFrame({"sample_id": ids, "cycle": cycle})


ALL = samples()
KNOWN = ALL["label"].to_numpy()
rates = st.floats(min_value=0, max_value=1)
seeds = st.integers(min_value=0, max_value=2**31)
quick = settings(max_examples=30)


def known(of: pd.DataFrame) -> pd.Series:
    return of.set_index("sample_id")["label"].astype("category")


def labels(noise: float, seed: int, of: pd.DataFrame = ALL) -> np.ndarray:
    return answer(asked(of["sample_id"]), known(of), OracleOptions(noise=noise), seed)["label"].to_numpy()


def test_without_noise_the_answers_are_the_labels() -> None:
    assert (labels(0, 0) == KNOWN).all()


def test_answers_are_a_table_of_answers() -> None:
    found = answer(asked(ALL["sample_id"], cycle=3), known(ALL), OracleOptions(), 0)
    assert found.dtypes.astype(str).to_dict() == COLUMNS["answers"]
    assert found["sample_id"].tolist() == ALL["sample_id"].tolist()
    assert set(found["annotator"]) == {"simulated"}
    assert found["import_id"].nunique() == 1
    assert found["labeled_at"].notna().all()


def test_answers_of_two_cycles_have_names_that_sort_by_cycle() -> None:
    names = [
        answer(asked(ALL["sample_id"], cycle), known(ALL), OracleOptions(), 0)["import_id"][0]
        for cycle in (1, 2, 10)
    ]
    assert names == sorted(set(names))


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.5, 0.9, 1.0])
def test_share_of_wrong_answers_is_the_noise(noise: float) -> None:
    wrong = [(labels(noise, seed) != KNOWN).mean() for seed in range(5)]
    assert np.abs(np.array(wrong) - noise).max() <= 5 * np.sqrt(noise * (1 - noise) / len(ALL))


@quick
@given(rates, seeds, st.permutations(range(50)))
def test_an_answer_depends_on_seed_and_id_only(noise: float, seed: int, order: list[int]) -> None:
    whole = labels(noise, seed)
    assert (labels(noise, seed, ALL.iloc[order]) == whole[order]).all()


@quick
@given(rates, rates, seeds)
def test_more_noise_keeps_the_mistakes_of_less(one: float, other: float, seed: int) -> None:
    less, more = labels(min(one, other), seed), labels(max(one, other), seed)
    wrong = less != KNOWN
    assert (more[wrong] == less[wrong]).all()


def test_wrong_answers_name_every_other_class() -> None:
    found = pd.crosstab(KNOWN, labels(1, 0)).to_numpy()
    assert (np.diag(found) == 0).all()
    assert (found + np.eye(10) > 0).all()


def test_seeds_make_different_mistakes() -> None:
    assert (labels(0.5, 0) != labels(0.5, 1)).any()


def test_two_classes_swap() -> None:
    two = samples(40, 2)
    found = answer(asked(two["sample_id"]), known(two), OracleOptions(noise=1), 0)["label"]
    assert found.tolist() == two["label"].map({"c0": "c1", "c1": "c0"}).tolist()


def test_one_class_is_refused() -> None:
    one = samples(5, 1)
    with pytest.raises(OptionsError, match="1 class"):
        Classification().known(asked(one["sample_id"]), one)
