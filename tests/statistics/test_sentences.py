"""The verdict in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from queryloop.statistics.sentences import by_strategy, headline


def contrast(strategy: str, verdict: str, difference: float = 0.02, **more: object) -> dict:
    row = {"strategy": strategy, "control": "random", "n_seeds": 5, "difference": difference}
    row |= {"low": difference - 0.01, "high": difference + 0.01, "p_holm": 0.0123, "seeds_for_a_point": 13}
    return row | {"verdict": verdict} | more


def saving(strategy: str, saved: float, low: float, high: float, **more: object) -> dict:
    row = {"strategy": strategy, "control": "random", "level": 0.97, "n_seeds": 5, "reached": 5}
    row |= {
        "control_reached": 5,
        "started": 0,
        "control_started": 0,
        "ratio": 1 / (1 - saved),
        "saved": saved,
    }
    return row | {"saved_low": low, "saved_high": high} | more


def told(contrasts: list[dict], savings: list[dict] | None = None) -> tuple[str, list[str]]:
    given = pd.DataFrame(contrasts), None if savings is None else pd.DataFrame(savings), "n_labeled"
    return headline(*given), by_strategy(*given)


MARGIN = saving("margin", 0.38, 0.29, 0.46)


def test_the_best_of_those_ahead_is_told_by_the_labels_it_saves() -> None:
    first, each = told(
        [contrast("badge", "better", 0.01), contrast("margin", "better"), contrast("egl", "worse", -0.02)],
        [saving("badge", 0.2, 0.1, 0.3), MARGIN, saving("egl", -0.25, -0.4, -0.1)],
    )
    assert first == (
        "margin needs 38% fewer labels than random to reach 97% (95% interval 29 to 46), 5 seeds; "
        "also ahead: badge; behind: egl."
    )
    assert "egl is 2.0 points behind random over the budgets (95% interval -3.0 to -1.0" in each[2]
    assert "It needs 25% more labels than random to reach 97% (95% interval 10 to 40)." in each[2]


def test_a_saving_that_may_be_none_is_not_the_headline() -> None:
    unsure = saving("margin", 0.2, -0.1, 0.4)
    first, each = told([contrast("margin", "better")], [unsure])
    assert first.startswith("margin is 2.0 points ahead of random")
    assert "20% fewer labels than random to reach 97% (95% interval 10% more to 40% fewer)" in each[0]


def test_what_is_not_reached_by_all_is_counted() -> None:
    rare = saving("margin", np.nan, np.nan, np.nan, reached=2, ratio=np.nan)
    _, each = told([contrast("margin", "better")], [rare])
    assert "2 of 5 seeds reached 97% (random: 5 of 5)." in each[0]


def test_a_level_that_is_met_at_the_start_is_told_as_such() -> None:
    early = saving("margin", np.nan, np.nan, np.nan, started=3, control_started=1, reached=4)
    _, each = told([contrast("margin", "better")], [early])
    assert "3 of 5 seeds start at or above 97% (random: 1 of 5)" in each[0]
    assert "fewer" not in each[0]


def test_where_nothing_is_shown_it_says_how_many_more_seeds_would() -> None:
    first, each = told([contrast("margin", "no difference shown", n_seeds=5)], [MARGIN])
    assert first == "No difference from random can be shown with 5 seeds: 8 more would show one of 1 point."
    assert "fewer" not in each[0]
    enough, _ = told([contrast("margin", "no difference shown", seeds_for_a_point=4)])
    assert enough == "No difference from random can be shown with 5 seeds, though one of 1 point would be."


@pytest.mark.parametrize(
    ("n_seeds", "words"),
    [(0, "shares no seed with random"), (1, "one seed only"), (3, "by the same in all 3 seeds")],
)
def test_why_there_is_no_test(n_seeds: int, words: str) -> None:
    nothing = dict.fromkeys(("low", "high", "p_holm", "seeds_for_a_point"), np.nan)
    first, each = told([contrast("margin", "not tested", n_seeds=n_seeds, **nothing)])
    assert words in first
    assert each == [first]


def test_only_behind() -> None:
    first, _ = told([contrast("egl", "worse", -0.02), contrast("badge", "worse", -0.01)])
    assert first == "egl and badge are behind random."
    mixed, _ = told([contrast("egl", "worse", -0.02), contrast("badge", "no difference shown")])
    assert mixed.startswith("Behind: egl. Of the others no difference from random can be shown with 5 seeds")


def test_nothing_to_compare() -> None:
    assert headline(pd.DataFrame(), None, "n_labeled").startswith("There is nothing to compare")
