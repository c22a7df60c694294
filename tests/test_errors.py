from __future__ import annotations

import pytest

from queryloop import errors
from queryloop.errors import (
    NonFiniteRowsError,
    QueryloopError,
    examples,
    naming_rows,
    unknown,
)

CAUGHT_AS = {
    "OptionsError": ValueError,
    "MissingFilesError": FileNotFoundError,
    "BrokenFileError": ValueError,
    "NonFiniteError": ArithmeticError,
    "NonFiniteRowsError": errors.NonFiniteError,
    "InputError": ValueError,
    "ExhaustedError": LookupError,
    "FaultyStrategyError": AssertionError,
    "StateError": RuntimeError,
    "CorruptFileError": errors.StateError,
    "LockedError": errors.StateError,
}


def test_every_error_is_listed() -> None:
    assert {name for name in vars(errors) if name.endswith("Error")} == {*CAUGHT_AS, "QueryloopError"}


@pytest.mark.parametrize("name", CAUGHT_AS)
def test_an_error_is_also_the_builtin_that_a_caller_would_catch(name: str) -> None:
    assert issubclass(getattr(errors, name), QueryloopError)
    assert issubclass(getattr(errors, name), CAUGHT_AS[name])


def test_unknown_name_gets_the_nearest_and_all() -> None:
    message = str(unknown("strategy", "entrpy", ["random", "entropy", "margin"]))
    assert message == "unknown strategy 'entrpy'. Did you mean 'entropy'? Available: entropy, margin, random."


def test_the_nearest_name_may_be_in_another_case() -> None:
    assert "Did you mean 'Lantana'?" in str(unknown("class", "LANTANA", ["Negative", "Lantana"]))


def test_unknown_name_far_from_all_gets_no_hint() -> None:
    assert "Did you mean" not in str(unknown("strategy", "zzz", ["random", "entropy"]))


@pytest.mark.parametrize(
    ("items", "text"),
    [([], ""), (["a"], "a"), (list("abcde"), "a, b, c, d, e"), (range(100), "0, 1, 2, 3, 4 and 95 more")],
)
def test_examples_stay_short(items: list[str], text: str) -> None:
    assert examples(items) == text


def test_rows_get_the_name_of_the_sample_and_the_place() -> None:
    with pytest.raises(NonFiniteRowsError) as caught, naming_rows(["a", "b"], "cycle 3, scoring"):
        raise NonFiniteRowsError(1, 2, 1)
    assert str(caught.value).startswith(
        "cycle 3, scoring: the network gave NaN or infinity for 1 of 2 samples"
    )
    assert "first 'b'" in str(caught.value)


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(KeyError, match="x"), naming_rows([], "anywhere"):
        raise KeyError("x")
