"""Which runs may stand beside each other, and what each arm is compared with."""

from __future__ import annotations

from typing import Any

import pytest

from queryloop.errors import InputError
from queryloop.experiment import checked
from queryloop.recorded import settings_of
from queryloop.statistics.arms import Candidate, gathered
from queryloop.strategies.resolution import canonical

FROZEN: dict[str, Any] = {"freeze": "trunk"}
PLAIN = {"augmentation": "none"}
BOXES: dict[str, Any] = {"dataset": "phantom", "model": {"name": "unet3d"}}


def run(
    strategy: str, seed: int = 0, experiment: str = "main", n_cycles: int = 3, **groups: Any
) -> Candidate:
    """With the settings that a run of it records."""
    identity = {"strategy": strategy, "seed": seed, "experiment": experiment, "raw_root": "."}
    usual = {"dataset": "digits", "n_cycles": n_cycles, "start": {"size": 20}, "query": {"size": 20}}
    settings = settings_of(checked({**usual, **identity, **groups}, []), "content")
    same_as = canonical(strategy, settings["strategy_options"])
    return Candidate(experiment, strategy, seed, settings, n_cycles, same_as)


def reasons(*runs: Candidate) -> dict[str, str]:
    return dict(gathered(runs, "main").left_out)


def test_arms_hold_the_seeds_of_a_strategy_and_the_control_comes_first() -> None:
    found = gathered([run("margin", 1), run("margin", 0), run("random", 0)], "main")
    assert list(found.runs) == ["random", "margin"]
    assert [one.seed for one in found.runs["margin"]] == [1, 0]
    assert found.controls == {"margin": "random"}
    assert found.left_out == found.notes == []


def test_other_settings_are_left_out_with_what_differs() -> None:
    usual = [run("random"), run("margin"), run("margin", 1)]
    said = reasons(
        *usual, run("badge", query={"size": 10}), run("random", experiment="small", query={"size": 5})
    )
    assert said == {
        "main/badge/seed_0": "other settings: query.size is 10, not 20",
        "small/random/seed_0": "other settings: query.size is 5, not 20",
    }


def test_another_name_with_the_same_settings_is_compared_once() -> None:
    found = gathered([run("random"), run("random", experiment="b"), run("badge", experiment="b")], "main")
    assert list(found.runs) == ["random", "badge"]
    assert found.left_out == [("b/random/seed_0", "the same strategy and seed as main/random/seed_0")]


def test_an_alias_is_counted_once_by_its_own_name() -> None:
    found = gathered([run("egl"), run("grand", strategy_options={"label": "expected"})], "main")
    assert list(found.runs) == ["grand"]
    assert found.left_out == [("main/egl/seed_0", "the same strategy and seed as main/grand/seed_0")]


def test_one_cycle_is_no_curve() -> None:
    assert reasons(run("random"), run("margin", n_cycles=1)) == {
        "main/margin/seed_0": "one cycle only: no curve"
    }


@pytest.mark.parametrize("strategy", ["vote_entropy", "bald", "vaal", "adversarial", "learning_loss"])
def test_what_follows_from_the_needs_of_a_strategy_is_its_own(strategy: str) -> None:
    found = gathered([run("random"), run("margin"), run(strategy)], "main")
    assert list(found.runs) == ["random", "margin", strategy]
    assert found.left_out == []


def test_what_changes_how_networks_are_measured_is_shared() -> None:
    mirrored = run("entropy", **BOXES, scoring={"mirrors": True})
    assert reasons(run("random", **BOXES), run("margin", **BOXES), mirrored) == {
        "main/entropy/seed_0": "other settings: scoring.mirrors is True, not False"
    }
    three, four = ({"members": "ensemble", "ensemble_size": size} for size in (3, 4))
    for predictor, n_arms in (("single", 2), ("ensemble", 1)):
        groups = BOXES | {"evaluation": {"predictor": predictor}}
        runs = [run("random", scoring=three, **groups), run("bald", scoring=four, **groups)]
        assert len(gathered(runs, "main").runs) == n_arms


def test_a_run_that_is_shorter_than_others_of_its_arm_is_left_out() -> None:
    runs = [run("random", seed) for seed in (0, 1)] + [run("margin", seed, n_cycles=2) for seed in (0, 1)]
    found = gathered([*runs, run("badge", 0), run("badge", 1, n_cycles=2)], "main")
    assert {name: len(members) for name, members in found.runs.items()} == {
        "random": 2,
        "margin": 2,
        "badge": 1,
    }
    assert found.left_out == [
        ("main/badge/seed_1", "it has 2 cycles, but main/badge/seed_0 has 3: run it to the end")
    ]


def test_longer_runs_of_another_name_throw_out_none_of_the_chosen() -> None:
    longer = [run("random", 7, "trial", n_cycles=9), run("margin", 7, "trial", n_cycles=2)]
    found = gathered([*longer, run("random", 0), run("random", 1), run("margin", 0)], "main")
    assert [one.seed for one in found.runs["random"]] == [0, 1]
    assert found.left_out == [
        ("trial/random/seed_7", "it has 9 cycles, but main/random/seed_0 has 3"),
        ("trial/margin/seed_7", "it has 2 cycles, but main/margin/seed_0 has 3: run it to the end"),
    ]


def test_a_run_that_is_too_short_takes_no_place_of_one_that_is_not() -> None:
    """Of another name, which comes later."""
    shorter = [run("margin", 0, n_cycles=2), run("margin", 0, "again")]
    found = gathered([run("random"), run("random", 1), run("margin", 1), *shorter], "main")
    assert {(one.experiment, one.seed) for one in found.runs["margin"]} == {("main", 1), ("again", 0)}
    assert [name for name, _ in found.left_out] == ["main/margin/seed_0"]


def test_random_reads_no_scores_so_it_is_one_arm_whatever_they_are() -> None:
    draws = {"scoring": {"mc_samples": 5}}
    found = gathered([run("random"), run("random", 1, "b", **draws), run("bald", 0, "b", **draws)], "main")
    assert {name: len(members) for name, members in found.runs.items()} == {"random": 2, "bald": 1}


def test_the_control_has_the_same_auxiliary_training() -> None:
    plain, aided = run("random"), run("random", experiment="control", training={"auxiliary": "adversarial"})
    found = gathered([plain, aided, run("margin"), run("adversarial")], "main")
    assert found.left_out == []
    assert found.controls == {"margin": "random (main)", "adversarial": "random (control)"}


@pytest.mark.parametrize(
    ("name", "apart"),
    [
        ("learning_loss", {"training": {"learning_loss": {"detach": 0}}}),
        ("learning_loss", {"training": {"learning_loss": {"detach": 0.6}, **PLAIN}, "model": FROZEN}),
        ("adversarial", {"training": {"adversarial": {"weight": 0}}}),
        ("adversarial", {"training": PLAIN, "model": FROZEN}),
        ("vaal", {"training": {"vaal": {"adversary": 2.0}}}),
    ],
)
def test_what_leaves_the_network_alone_is_compared_with_plain_training(
    name: str, apart: dict[str, Any]
) -> None:
    found = gathered([run("random", **apart), run("margin", **apart), run(name, **apart)], "main")
    assert found.controls == {"margin": "random", name: "random"}


def test_another_judge_beside_the_same_network_is_another_arm() -> None:
    wide = run("vaal", 1, "wide", training={"vaal": {"latent": 64}})
    found = gathered([run("random"), run("random", 1), run("vaal"), wide], "main")
    assert list(found.runs) == ["random", "vaal (main)", "vaal (wide)"]
    assert set(found.controls.values()) == {"random"}


def test_without_such_a_control_there_is_no_verdict_but_the_words_to_get_one() -> None:
    found = gathered([run("random"), run("adversarial")], "main")
    assert found.controls == {}
    command = "kedro al sweep --strategies=random --seeds=0,"
    assert "and no random arm was: no verdict" in found.notes[0]
    assert (
        f"{command} --params=experiment:adversarial_control,training.auxiliary:adversarial with"
        in found.notes[0]
    )
    said = gathered([run("margin", 3), run("margin", 0)], "main").notes[0]
    assert "run kedro al sweep --strategies=random --seeds=0,3, --params=experiment:main with" in said


def test_a_random_arm_with_another_auxiliary_setting_is_told_apart() -> None:
    other = run("random", experiment="control", training={"auxiliary": "adversarial"})
    said = gathered([run("random"), other, run("adversarial", training=PENALTY)], "main").notes[0]
    assert "the random arm was so with other settings" in said
    assert "training.auxiliary:adversarial,training.adversarial.penalty:2.0 with" in said


PENALTY = {"adversarial": {"penalty": 2.0}}


def test_settings_of_an_auxiliary_count_only_where_it_is_trained() -> None:
    names = ("margin", "adversarial")
    found = gathered([run("random"), *(run(name, training=PENALTY) for name in names)], "main")
    assert list(found.runs) == ["random", *names]
    assert found.controls == {"margin": "random"}


def test_the_control_with_the_same_dropout_is_taken_and_another_is_told() -> None:
    dropped = run("random", experiment="b", model={"dropout": 0.5})
    bald = run("bald")
    assert gathered([run("random"), dropped, bald], "main").controls == {"bald": "random (b)"}
    alone = gathered([run("random"), bald], "main")
    assert alone.controls == {"bald": "random"}
    assert "bald was trained with model.dropout 0.5, random with 0.0" in alone.notes[0]


@pytest.mark.parametrize("runs", [[], [run("random", experiment="other")]])
def test_a_name_without_runs_is_refused_with_those_that_there_are(runs: list[Candidate]) -> None:
    with pytest.raises(InputError, match=f"no experiment named 'main'.*{'other' if runs else 'none'}"):
        gathered(runs, "main")


def test_a_short_trial_of_another_name_shortens_no_curve() -> None:
    runs = [run("random"), run("margin"), run("entropy", experiment="trial", n_cycles=2)]
    found = gathered(runs, "main")
    assert list(found.runs) == ["random", "margin"]
    ends = "it has 2 cycles, but main/random/seed_0 has 3: run it to the end"
    assert found.left_out == [("trial/entropy/seed_0", ends)]


def test_an_arm_of_another_name_that_is_as_long_stays() -> None:
    longer = run("entropy", experiment="trial", n_cycles=4)
    found = gathered([run("random"), run("margin", n_cycles=2), run("badge", experiment="b"), longer], "main")
    assert list(found.runs) == ["random", "margin", "badge", "entropy"]
