"""A discriminator beside the network, in the real cycle."""

from __future__ import annotations

import numpy as np
import pytest
from torch import Tensor

from queryloop.errors import OptionsError
from queryloop.parsing import parse
from queryloop.strategies.selection import resolved
from queryloop.tasks.classification.demands import sentences, settled

from .tiny import Tiny


@pytest.mark.parametrize(
    ("strategy", "auxiliary", "more", "steps_each"),
    [
        ("adversarial", "auto", "training.adversarial.discriminator:wasserstein", 1),
        ("vaal", "auto", "training.vaal.latent:3", 2),
        ("random", "adversarial", "training.reinit:warm", 1),
    ],
)
def test_its_steps_and_its_worth_are_measured(
    strategy: str, auxiliary: str, more: str, steps_each: int, tiny: Tiny, caplog: pytest.LogCaptureFixture
) -> None:
    done = tiny.run(f"strategy:{strategy},training.auxiliary:{auxiliary},{more}")
    assert done.exit_code == 0, done.output
    named = strategy if auxiliary == "auto" else auxiliary
    learns = "does not learn from it" if named == "vaal" else "learns from it, too"
    assert f"{named} is trained beside the network, which {learns}." in caplog.text
    assert tiny.settings(strategy=strategy)["training"]["auxiliary"] == named
    metrics = tiny.load("metrics", strategy=strategy)
    assert metrics["gradient_steps"].tolist() == [2, 2]
    assert metrics["auxiliary_steps"].tolist() == [2 * steps_each] * 2
    assert metrics["auxiliary_quality"].between(0, 1).all()
    assert len(tiny.load("query", strategy=strategy)) == 20


def test_all_labels_leave_nothing_to_discriminate(tiny: Tiny) -> None:
    done = tiny.run("training.auxiliary:adversarial", pipeline="full_data")
    assert done.exit_code == 0, done.output
    row = tiny.load("full_data").iloc[0]
    assert row["auxiliary_steps"] == 0
    assert np.isnan(row["auxiliary_quality"])


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            "strategy:adversarial,training.auxiliary:none",
            "add training.auxiliary:adversarial, or leave it at auto",
        ),
        ("strategy:vaal,training.auxiliary:adversarial", "is adversarial: add training.auxiliary:vaal"),
        ("training.auxiliary:adversary", "Did you mean 'adversarial'"),
        ("training.adversarial.discriminator:gan", "'training.adversarial.discriminator'"),
        ("training.vaal.latent:0", "'training.vaal.latent'"),
        ("training.adversarial.wait:1", "'training.adversarial.weight'"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_runs(params: str, words: str, tiny: Tiny) -> None:
    done = tiny.run(params)
    assert done.exit_code == 1
    assert words in done.output
    assert not (tiny.folder / "data").exists()


def test_a_strategy_of_ones_own_may_take_either() -> None:
    def unlike(discriminator: Tensor) -> Tensor:
        """By the logit alone."""
        return discriminator

    identity = {"experiment": "main", "dataset": "digits", "strategy": "unlike", "seed": 0}
    given = {**identity, "n_cycles": 1, "raw_root": "raw"}
    for auxiliary in ("adversarial", "vaal"):
        options = parse({**given, "training": {"auxiliary": auxiliary}})
        assert settled(options, resolved(unlike, {})).training.auxiliary == auxiliary
    with pytest.raises(OptionsError, match=r"training\.auxiliary:adversarial or vaal, but it is none"):
        settled(parse(given), resolved(unlike, {}))


def test_what_is_set_of_an_auxiliary_that_is_not_trained_is_told() -> None:
    identity = {"experiment": "main", "dataset": "digits", "strategy": "margin", "seed": 0, "raw_root": "."}
    training = {"learning_loss": {"detach": 0.6}, "adversarial": {"weight": 0.5}, "auxiliary": "adversarial"}
    options = parse({**identity, "n_cycles": 1, "training": training})
    strategy = resolved("margin", {})
    said = sentences(settled(options, strategy), strategy)
    assert said[1:] == ["training.learning_loss has no effect, for training.auxiliary is adversarial."]
