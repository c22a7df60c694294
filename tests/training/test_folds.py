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


def test_fewer_cases_than_folds_are_refused_with_what_to_do() -> None:
    words = r"5 folds .* 3 have some: .*scoring.ensemble_size\) or training.ensemble:seeds"
    with pytest.raises(InputError, match=words):
        Fold(0, 5, 0).of({name: {1} for name in "abc"})
