"""A share of each query at random: what it says of the networks, and that it changes nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from queryloop import samples as tables
from queryloop.options import TrainingOptions
from queryloop.statistics.control import ESTIMATES
from queryloop.storage.checkpoints import read_checkpoint
from queryloop.tasks.classification.prediction import predicted

from .people import fill
from .test_refusals import refusal
from .tiny import Tiny

MARGIN = {"strategy": "margin"}
PLAIN = {"strategy": "margin", "experiment": "plain"}
CONTROL = "strategy:margin,query.control_share:0.2"
N_CONTROL = 4


@pytest.fixture(scope="session")
def controlled(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Three cycles of margin with control samples, and one without; to be read only."""
    tiny = Tiny.create(tmp_path_factory.mktemp("controlled") / "project")
    for params in (f"{CONTROL},n_cycles:3", "strategy:margin,experiment:plain,n_cycles:2"):
        assert tiny.run(params).exit_code == 0
    return tiny


def test_the_strategy_asks_for_the_same_but_for_less(controlled: Tiny) -> None:
    ours, plain = (controlled.history("query", **of)[0] for of in (MARGIN, PLAIN))
    assert len(ours) == len(plain) == 20
    assert ours["control"].tolist() == [False] * 16 + [True] * N_CONTROL
    columns = ["sample_id", "rank", "score"]
    pd.testing.assert_frame_equal(ours[columns].head(16), plain[columns].head(16))


def test_nothing_is_kept_where_nothing_was_asked_for(controlled: Tiny) -> None:
    for name in ("query", "labeled_index"):
        assert list(controlled.load(name, **PLAIN)) == list(tables.COLUMNS[name])
    assert not {*ESTIMATES} & {*controlled.load("metrics", **PLAIN)}


def test_the_labels_are_scored_by_the_network_that_asked_before_any_learns_from_them(
    controlled: Tiny,
) -> None:
    metrics, labeled = controlled.load("metrics", **MARGIN), controlled.load("labeled_index", **MARGIN)
    samples, images = controlled.load("samples", **MARGIN), controlled.load("images", **MARGIN)
    for cycle, path in enumerate(controlled.versions("checkpoint", **MARGIN)[:-1], 1):
        asked = labeled[labeled["cycle"] == cycle + 1]
        rows = tables.rows_of(samples, asked["sample_id"].tolist())
        names = predicted(read_checkpoint(path), images, rows, TrainingOptions(threads=1))
        assert asked["predicted"].tolist() == names.tolist()
        is_right = (names == samples["label"].to_numpy()[rows])[-N_CONTROL:]
        assert metrics["control_accuracy"][cycle - 1] == is_right.mean()
    assert metrics["n_control"].tolist()[:-1] == [N_CONTROL] * 2
    assert metrics[ESTIMATES].iloc[-1].isna().all()


def test_cycles_one_by_one_end_as_in_one_run(controlled: Tiny, tiny: Tiny) -> None:
    for n_cycles in (1, 3):
        assert tiny.run(f"{CONTROL},n_cycles:{n_cycles}").exit_code == 0
    for name in ("query", "metrics", "labeled_index"):
        ours, theirs = (one.load(name, **MARGIN) for one in (tiny, controlled))
        drop = {"labeled_at"} & {*ours}
        pd.testing.assert_frame_equal(ours.drop(columns=drop), theirs.drop(columns=drop))


def test_a_pool_is_used_up_without_asking_twice(tiny: Tiny, caplog: pytest.LogCaptureFixture) -> None:
    assert tiny.run(f"{CONTROL},n_cycles:9,query.size:130").exit_code == 0
    assert "nothing is left to ask for" in caplog.text
    labeled = tiny.load("labeled_index", **MARGIN)
    assert labeled["sample_id"].is_unique
    assert {*labeled["sample_id"]} == {*tables.ids_in(tiny.load("splits", **MARGIN), "train")}


def test_why_tells_what_was_drawn_and_what_the_network_took_it_for(controlled: Tiny) -> None:
    labeled, query = controlled.load("labeled_index", **MARGIN), controlled.load("query", **MARGIN)
    row = labeled.iloc[-1]
    said = controlled.al("why", row["sample_id"], "--params=strategy:margin").stdout
    assert "drawn at random as a control" in said
    assert f"took it for {row['predicted']!r}" in said
    said = controlled.al("why", query["sample_id"].iloc[-1], "--params=strategy:margin").stdout
    assert "in the open query, drawn at random as a control" in said


def test_people_are_not_told_what_is_a_control_or_what_the_network_thinks(tiny: Tiny, tmp_path: Path) -> None:
    people = f"{CONTROL},oracle.name:people"
    for cycle in (1, 2):
        assert tiny.run(people).exit_code == 0
        assert tiny.al("ask", f"--out={tmp_path / str(cycle)}", f"--params={CONTROL}").exit_code == 0
        told = fill(tiny, tmp_path / str(cycle))
        assert list(told) == ["sample_id", "rank", "label", "file"]
        assert tiny.al("tell", str(tmp_path / str(cycle)), f"--params={CONTROL}").exit_code == 0
    assert tiny.run(people).exit_code == 0
    labeled = tiny.load("labeled_index", **MARGIN)
    drawn = labeled[labeled["control"]]
    assert len(drawn) == N_CONTROL
    expected = (drawn["predicted"] == drawn["label"]).mean()
    assert tiny.load("metrics", **MARGIN)["control_accuracy"][0] == expected


def test_without_validation_the_target_looks_at_control_labels(
    tiny: Tiny, caplog: pytest.LogCaptureFixture
) -> None:
    command = f"{CONTROL},n_cycles:3,data.validation:0,training.min_steps:60,stop.target:0.02"
    assert tiny.run(command).exit_code == 0
    assert "stopped by stop.target: pool_low" in caplog.text
    low = tiny.load("metrics", **MARGIN)["pool_low"].dropna()
    assert (low.iloc[:-1] < 0.02).all()
    assert low.iloc[-1] >= 0.02


def test_the_end_tells_the_newest_estimate_and_how_many_labels_are_missing(controlled: Tiny) -> None:
    said = controlled.run(f"{CONTROL},n_cycles:3").stdout
    row = controlled.load("metrics", **MARGIN).iloc[1]
    assert f"network of cycle 2: {100 * row['pool_accuracy']:.1f}% (95% interval" in said
    assert "Gain           told from 200 control labels on; there are " in said
    told = refusal(controlled.al("gain", f"--params={CONTROL}"))
    assert "are missing" in told


def test_the_gain_over_random_is_told_from_networks_trained_apart(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queryloop.gain.FOLDS", 3)
    params = "strategy:margin,query.control_share:0.9,query.size:230"
    assert "kedro al gain" in tiny.run(params).stdout
    before = tiny.tree()
    result = tiny.al("gain", f"--params={params}")
    assert result.exit_code == 0, result.output
    told = r"margin .*: [0-9.]+% right with \d+ to \d+ labels .*, judged on \d{3} control labels"
    assert re.search(told, result.stdout)
    made = {path for path in tiny.tree().keys() - before.keys() if "training_cache" not in path}
    assert made == set()
    assert before.items() <= tiny.tree().items()
    assert "query.size: 230 -> 20" in refusal(tiny.al("gain", "--params=strategy:margin,query.size:20"))


def test_a_gain_needs_an_experiment_with_control_labels(controlled: Tiny) -> None:
    assert "query.control_share:0.1" in refusal(
        controlled.al("gain", "--params=strategy:margin,experiment:plain")
    )
    assert "run it first" in refusal(controlled.al("gain", "--params=strategy:margin,experiment:none"))


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ("query.control_share:1", "'query.control_share' is 1"),
        ("query.control_share:-0.1", "'query.control_share' is -0.1"),
        ("query.control_share:some", "'query.control_share' is 'some'"),
        ("stop.target:0.9,data.validation:0", "query.control_share:0.1"),
        ("stop.plateau:3,data.validation:0,query.control_share:0.1", "add data.validation:0.1"),
    ],
)
def test_a_share_that_cannot_be_is_refused(tiny: Tiny, params: str, said: str) -> None:
    assert said in refusal(tiny.run(f"strategy:margin,{params}"))
    assert not (tiny.folder / "data").exists()


@pytest.mark.parametrize(("share", "size", "n"), [(0.1, 1, 1), (0.9, 2, 2), (0.1, 0.001, 1)])
def test_a_share_that_leaves_nothing_to_the_strategy_is_refused(
    tiny: Tiny, share: float, size: float, n: int
) -> None:
    said = refusal(tiny.run(f"strategy:margin,query.control_share:{share},query.size:{size}"))
    assert f"query.control_share:{share} of {n} samples leaves nothing to the strategy" in said


def test_boxes_have_no_control(tiny: Tiny) -> None:
    told = refusal(tiny.run("strategy:random,query.control_share:0.1", "--env=phantom"))
    assert "query.control_share has no effect on segmentation" in told
