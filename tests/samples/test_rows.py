from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryloop import samples as tables
from queryloop.errors import OptionsError, StateError

from .tables import quick, samples


@quick
@given(st.permutations(range(60)), st.integers(1, 60))
def test_rows_and_class_numbers_are_those_of_the_samples(order: list[int], n: int) -> None:
    some = samples().iloc[order[:n]]
    rows, numbers = tables.labelled_rows(samples(), some[["sample_id", "label"]])
    assert rows.tolist() == order[:n]
    assert [f"c{number}" for number in numbers] == some["label"].tolist()


def test_unknown_ids_and_labels_are_refused_by_name() -> None:
    with pytest.raises(StateError, match="1 ids are not among the samples: nobody"):
        tables.rows_of(samples(), ["train/000000", "nobody"])
    with pytest.raises(StateError, match="no class of the data set: c9"):
        tables.labelled_rows(samples(), pd.DataFrame({"sample_id": ["train/000000"], "label": ["c9"]}))


@pytest.mark.parametrize("n_classes", [0, 1])
def test_fewer_than_two_classes_are_refused(n_classes: int) -> None:
    with pytest.raises(OptionsError, match=f"{n_classes} class"):
        tables.classes(samples(5 * n_classes, n_classes=max(n_classes, 1)))


def test_classes_are_sorted_names() -> None:
    assert tables.classes(samples().iloc[::-1]) == ["c0", "c1", "c2", "c3"]
