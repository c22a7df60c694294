"""Learning loss in the real cycle, and random beside it."""

from __future__ import annotations

import pytest

from .tiny import Tiny

BESIDE = "training.auxiliary:learning_loss"


def test_two_cycles_and_their_control_arm(tiny: Tiny, caplog: pytest.LogCaptureFixture) -> None:
    done = tiny.run("strategy:learning_loss,query.candidates:50")
    assert done.exit_code == 0, done.output
    told = "learning_loss is trained beside the network, which does not learn from it"
    assert f"{told} (training.learning_loss.detach:0)." in caplog.text
    assert "auxiliary" in done.output
    metrics = tiny.load("metrics", strategy="learning_loss")
    assert metrics["auxiliary_steps"].tolist() == [0, 0]
    assert metrics["auxiliary_quality"].between(-1, 1).all()
    assert metrics["auxiliary_quality"].nunique() == 2
    scores = tiny.load("scores", strategy="learning_loss")
    assert len(scores) == 50
    query = tiny.load("query", strategy="learning_loss")
    assert query["score"].tolist() == scores["score"].nlargest(20).tolist()
    _same_first_cycle(tiny, "random," + BESIDE)


def _same_first_cycle(tiny: Tiny, control: str) -> None:
    """The control arm begins with the same labels and the same network, and shows its quality too."""
    assert tiny.run(f"strategy:{control}").exit_code == 0
    both = ("learning_loss", "random")
    starts = [tiny.load("starting_set", strategy=name) for name in both]
    assert starts[0].equals(starts[1])
    judged, drawn = (tiny.load("metrics", strategy=name).drop(columns="strategy") for name in both)
    assert judged.iloc[[0]].equals(drawn.iloc[[0]])
    assert drawn["auxiliary_quality"].notna().all()


def test_a_network_alone_has_no_quality_of_an_auxiliary(finished: Tiny) -> None:
    metrics = finished.load("metrics", strategy="entropy")
    assert metrics["auxiliary_quality"].isna().all()
    assert metrics["auxiliary_steps"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ("strategy:learning_loss,training.auxiliary:none", "add training.auxiliary:learning_loss"),
        ("training.auxiliary:lerning_loss", "Did you mean 'learning_loss'"),
        (
            "training.learning_loss.detach:2",
            "'training.learning_loss.detach' is 2: input should be less than",
        ),
        ("training.learning_loss.margn:2", "unknown parameter 'training.learning_loss.margn'"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_runs(params: str, words: str, tiny: Tiny) -> None:
    before = tiny.tree()
    done = tiny.run(params)
    assert done.exit_code == 1
    assert words in done.output
    assert tiny.tree() == before


def test_it_works_in_a_chain_with_an_ensemble_and_a_warm_start(tiny: Tiny) -> None:
    name = "learning_loss+vote_entropy"
    done = tiny.run(f"strategy:{name},scoring.ensemble_size:2,training.reinit:warm")
    assert done.exit_code == 0, done.output
    assert tiny.load("metrics", strategy=name)["auxiliary_quality"].notna().all()
    members = tiny.load("checkpoint", strategy=name).members
    assert all("auxiliary.last.weight" in members[member] for member in "01")
