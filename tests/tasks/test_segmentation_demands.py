from __future__ import annotations

import pytest

from queryloop.boxes.resolution import resolve
from queryloop.options import ExperimentOptions, ScoringOptions
from queryloop.tasks.segmentation import demands

SEVERAL = ["bald", "expected_entropy", "consensus_entropy", "power_expected_entropy", "bald+core_set"]


def settled(strategy: str, members: str = "auto") -> tuple[str, float | str]:
    """What fills `scoring.members` and `model.dropout` where neither is set, or only the first."""
    options = ExperimentOptions(
        experiment="main",
        dataset="phantom",
        strategy=strategy,
        seed=0,
        n_cycles=1,
        raw_root=".",
        scoring=ScoringOptions.model_validate({"members": members}),
    )
    found = demands.settled(options, resolve(strategy))
    return found.scoring.members, found.model.dropout


@pytest.mark.parametrize("name", SEVERAL)
def test_what_is_made_of_several_members_gets_networks(name: str) -> None:
    assert settled(name) == ("ensemble", 0.0)
    assert settled(name, "dropout") == ("dropout", demands.DROPOUT)


@pytest.mark.parametrize("name", [*SEVERAL, "entropy", "random"])
def test_what_is_set_by_hand_holds(name: str) -> None:
    assert settled(name, "ensemble") == ("ensemble", 0.0)
    assert settled(name, "tta") == ("tta", 0.0)


@pytest.mark.parametrize("name", ["entropy", "clasp_entropy", "grand_expected", "random"])
def test_for_others_one_network_is_enough(name: str) -> None:
    assert settled(name) == ("dropout", 0.0)
