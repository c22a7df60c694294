from __future__ import annotations

import pandas as pd
import pytest

from queryloop.errors import OptionsError, StateError
from queryloop.oracles import people, simulated
from queryloop.oracles.registry import asks_people, find, is_waited_for


def test_simulated_is_found_by_name() -> None:
    assert find("simulated") is simulated.answer


def test_unknown_oracle_is_refused_with_the_nearest() -> None:
    with pytest.raises(OptionsError, match="Did you mean 'simulated'"):
        find("simulate")


def test_people_are_waited_for_and_never_asked_within_a_run() -> None:
    assert is_waited_for("people")
    assert not is_waited_for("simulated")
    with pytest.raises(StateError, match="1 samples wait for the answers of people: train/7"):
        find("people")(pd.DataFrame({"sample_id": ["train/7"]}))


@pytest.mark.parametrize(
    ("name", "sampler", "n_committed", "asked"),
    [
        ("people", "random", 0, True),
        ("people", "labelled", 0, False),
        ("people", "labelled", 1, True),
        ("simulated", "random", 0, False),
    ],
)
def test_people_answer_all_but_a_start_of_labels_that_are_there(
    name: str, sampler: str, n_committed: int, asked: bool
) -> None:
    settings = {"oracle": {"name": name}, "start": {"sampler": sampler}}
    assert asks_people(settings, n_committed) is asked


def test_imports_sort_as_they_came_whatever_their_content() -> None:
    names = [
        people.import_id(number, digest * 16) for number, digest in ((1, "ffff"), (2, "0000"), (10, "a1b2"))
    ]
    assert names == sorted(names)
    assert people.are_given(pd.DataFrame({"import_id": ["simulated-000001", names[0]]}))
    assert not people.are_given(pd.DataFrame({"import_id": ["simulated-000001"]}))
