"""Cases dealt into folds."""

from __future__ import annotations

import pytest

from queryloop.errors import InputError
from queryloop.training.folds import Fold

HELD = {f"case {n}": {0, n % 3} for n in range(11)}


def folds(held: dict[str, set[int]], n: int, seed: int = 0) -> list[list[str]]:
    return [Fold(number, n, seed).of(held) for number in range(n)]


def test_each_case_is_in_one_fold_and_folds_are_equally_large() -> None:
    found = folds(HELD, 4)
    assert sorted(case for fold in found for case in fold) == sorted(HELD)
    assert {len(fold) for fold in found} == {2, 3}


def test_the_deal_depends_on_the_seed_and_not_on_the_order() -> None:
    assert folds(HELD, 4) == folds(dict(reversed(HELD.items())), 4)
    assert folds(HELD, 4) != folds(HELD, 4, seed=1)


@pytest.mark.parametrize("seed", range(5))
def test_a_class_in_two_cases_is_learnt_by_every_member(seed: int) -> None:
    held = {name: {0, 2} if name in "cg" else {0, 1} for name in "abcdefghij"}
    assert all({"c", "g"} - set(fold) for fold in folds(held, 5, seed))


def test_a_class_beside_rarer_ones_is_spread_too() -> None:
    held = {"a": {0, 1, 2}, "b": {0, 3}, "c": {0, 2}, "d": {0}}
    for seed in range(4):
        assert all({"a", "c"} - set(fold) for fold in folds(held, 2, seed))


def test_a_class_that_a_member_does_not_learn_is_told(caplog: pytest.LogCaptureFixture) -> None:
    held = {
        "a": {0, 1, 2},
        "b": {0, 1, 3},
        "c": {0, 2, 3},
        "d": {0},
    }  # 1, 2 and 3 cannot all be spread over two
    for fold in folds(held, 2):
        lost = [c for c in (1, 2, 3) if all(name in fold for name in held if c in held[name])]
        assert all(f"does not learn label {c}: all scans with it" in caplog.text for c in lost)
    assert "does not learn" in caplog.text


def test_fewer_cases_than_folds_are_refused_with_what_to_do() -> None:
    words = r"5 folds .* 3 have some: .*scoring.ensemble_size\) or training.ensemble:seeds"
    with pytest.raises(InputError, match=words):
        Fold(0, 5, 0).of({name: {1} for name in "abc"})
