"""Each strategy in the real cycle: what it declares is what it gets."""

from __future__ import annotations

import pytest

from queryloop.strategies import definitions, resolve
from queryloop.strategies.kinds import Scoring
from queryloop.strategies.needs import NEEDS, NOT_IN_A_CYCLE

from .tiny import Tiny

BUILT = [
    "power_bald",
    "softrank_bald",
    "power_entropy",
    "class_balanced_margin",
    "entropy+model_outliers_mean",
    "margin+badge",
    "skactiveml.TypiClust",
]
QUICK = {"margin", "bald", "vote_entropy", "grand", "badge", "typiclust", "model_outliers_max", "epig"}
QUICK |= {"learning_loss", "adversarial", "active_transfer", "skactiveml.TypiClust"}
"""Of every kind some; the others run with the slower checks."""
NAMES = [d.name for d in definitions() if not d.needs & NOT_IN_A_CYCLE and d.name != "entropy"]


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in [*NAMES, *BUILT]],
)
def test_two_cycles_of_every_strategy(name: str, tiny: Tiny) -> None:
    done = tiny.run(f"strategy:{name},scoring.ensemble_size:2,training.epochs:1")
    assert done.exit_code == 0, done.output
    labeled = tiny.load("labeled_index", strategy=name)
    assert labeled["sample_id"].is_unique
    assert labeled["strategy"].tolist() == [name] * 40
    assert len(tiny.load("query", strategy=name)) == 20
    assert tiny.load("scores", strategy=name)["score"].notna().all() == isinstance(resolve(name), Scoring)


def test_the_cycle_gives_every_need_but_those_it_says_it_cannot() -> None:
    asked = {need for name in NAMES for need in resolve(name).needs}
    assert asked <= NEEDS.keys() - NOT_IN_A_CYCLE


@pytest.mark.parametrize("name", ["bald", "epig", "power_bald"])
def test_what_compares_dropout_masks_gets_dropout_and_says_so(
    name: str, tiny: Tiny, caplog: pytest.LogCaptureFixture
) -> None:
    assert tiny.run(f"strategy:{name},n_cycles:1").exit_code == 0
    assert f"{name} compares 20 dropout masks (model.dropout:0.5)" in caplog.text
    settings = tiny.settings(strategy=name)
    assert settings["model"]["dropout"] == 0.5
    assert settings["scoring"]["members"] == "dropout"
    assert tiny.load("checkpoint", strategy=name).settings["model"]["dropout"] == 0.5


def test_what_compares_networks_gets_an_ensemble_whose_first_is_the_usual_network(
    tiny: Tiny, caplog: pytest.LogCaptureFixture
) -> None:
    assert tiny.run("strategy:vote_entropy,scoring.ensemble_size:3,n_cycles:1").exit_code == 0
    assert "vote_entropy compares 3 networks" in caplog.text
    assert tiny.run("strategy:margin,n_cycles:1").exit_code == 0
    together = tiny.load("checkpoint", strategy="vote_entropy")
    alone = tiny.load("checkpoint", strategy="margin")
    assert sorted(together.members) == ["0", "1", "2"]
    for name, weights in alone.members["0"].items():
        assert (weights == together.members["0"][name]).all()
    name = "head.1.weight"
    assert (together.members["1"][name] != together.members["2"][name]).any()
    first, usual = (tiny.load("metrics", strategy=s) for s in ("vote_entropy", "margin"))
    assert first["accuracy"].tolist() == usual["accuracy"].tolist()


def test_a_strategy_without_draws_has_no_dropout_unless_it_is_asked_for(
    tiny: Tiny, caplog: pytest.LogCaptureFixture
) -> None:
    assert tiny.run("strategy:margin,n_cycles:1").exit_code == 0
    assert "compares" not in caplog.text
    assert tiny.settings(strategy="margin")["model"]["dropout"] == 0
    assert tiny.run("strategy:margin,n_cycles:1,experiment:control,model.dropout:0.5").exit_code == 0
    assert tiny.settings(strategy="margin", experiment="control")["model"]["dropout"] == 0.5


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ("strategy:vote_entropy,scoring.members:dropout", "add scoring.members:ensemble"),
        ("strategy:bald,model.dropout:0", "add model.dropout:0.5 or scoring.members:ensemble"),
        ("strategy:active_transfer,data.validation:0", "needs a validation set: add data.validation:0.1"),
        ("strategy:active_transfer,data.transfer:0", "data.transfer is 0: add data.transfer:0.5"),
        ("data.transfer:0.5,data.validation:0", "data.validation is 0: there is nothing to take it from"),
        ("training.patience:3,data.validation:0", "there are no validation samples to stop by"),
        ("strategy:grand_labelled", "needs true_labels, which no cycle has: call queryloop.select"),
        ("strategy:power_badge", "'power' needs a scorer"),
        ("strategy:skactiveml.TypiClst", "Did you mean 'TypiClust'"),
        ("strategy:badge,strategy_options.label:max", "has no options"),
        ("scoring.mc_samples:1", "greater than or equal to 2"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_runs(params: str, words: str, tiny: Tiny) -> None:
    before = tiny.tree()
    done = tiny.run(params)
    assert done.exit_code == 1
    assert words in done.output
    assert tiny.tree() == before


def test_what_compares_nothing_trains_one_network_in_a_sweep_of_ensembles(tiny: Tiny) -> None:
    params = "strategy:margin,scoring.members:ensemble,scoring.ensemble_size:2,n_cycles:1"
    assert tiny.run(params).exit_code == 0
    assert len(tiny.load("checkpoint", strategy="margin").members) == 1
    assert tiny.settings(strategy="margin")["arm"]["networks"] == 1


def test_an_ensemble_can_give_the_draws_that_dropout_gives_by_default(
    tiny: Tiny, caplog: pytest.LogCaptureFixture
) -> None:
    params = "strategy:bald,scoring.members:ensemble,scoring.ensemble_size:2,n_cycles:1"
    assert tiny.run(params).exit_code == 0
    assert "bald compares 2 networks" in caplog.text
    assert tiny.settings(strategy="bald")["model"]["dropout"] == 0


def test_a_slice_sees_what_was_settled_too(tiny: Tiny) -> None:
    assert tiny.run("strategy:bald,n_cycles:1").exit_code == 0
    done = tiny.run("strategy:bald", "--to-nodes=select")
    assert done.exit_code == 0, done.output
    assert len(tiny.versions("labeled_index", strategy="bald")) == 1


def test_full_data_is_trained_as_the_strategy_is(tiny: Tiny) -> None:
    done = tiny.run("strategy:bald,training.epochs:1", pipeline="full_data")
    assert done.exit_code == 0, done.output
