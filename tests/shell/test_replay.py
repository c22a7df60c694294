"""The queries of an experiment, written as nnActive's loops, are asked for once more."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from .test_refusals import refusal
from .test_scans import QUICK, Scans
from .tiny import Tiny

SPACING = "data.spacing:1.5"  # no finer than the files: boxes come back exactly
ORIGIN = {"strategy": "entropy"}
REPLAY = {"strategy": "replay", "experiment": "again"}
OTHER_SIZES = "start.size:3,start.all_classes:false,query.size:2"


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Scans:
    """Two cycles of entropy, and loops/ with their queries and the open one."""
    scans = Scans.create(tmp_path_factory.mktemp("replay") / "project")
    done = scans.run(f"strategy:entropy,{SPACING}")
    assert done.exit_code == 0, done.output
    export(scans, "origin", f"strategy:entropy,{SPACING}")
    return scans


def export(scans: Scans, folder: str, params: str) -> Path:
    done = scans.al("export", folder, "--env=phantom", f"--params={params}")
    assert done.exit_code == 0, done.output
    return scans.folder / folder / "loops"


def replay(name: str, loops: object = "origin/loops", more: str = "n_cycles:1") -> str:
    return f"experiment:{name},strategy:replay,query.loops:{loops},{SPACING},{OTHER_SIZES},{more}"


def first_rows(table: pd.DataFrame, of: pd.DataFrame) -> pd.DataFrame:
    return table.head(len(of)).drop(columns=["strategy", "score", "labeled_at"], errors="ignore")


@pytest.mark.slow
def test_a_replay_asks_for_the_same_boxes_and_learns_the_same(
    scans: Scans, caplog: pytest.LogCaptureFixture
) -> None:
    for n_cycles in (1, 3):  # it goes on where it stopped
        caplog.clear()
        done = scans.run(replay("again", more=f"n_cycles:{n_cycles}"))
        assert done.exit_code == 0, done.output
        assert "6 at the start, then 4, 4: query.size, start.size" in caplog.text
    for name in ("starting_set", "labeled_index", "metrics"):
        origin, again = scans.load(name, **ORIGIN), scans.load(name, **REPLAY)
        pd.testing.assert_frame_equal(*(first_rows(table, origin) for table in (origin, again)))
    assert scans.load("metrics", **REPLAY)["n_labeled"].tolist() == [6, 10, 14]
    assert scans.load("query", **REPLAY).empty
    assert "More cycles" not in done.output
    written = export(scans, "again", f"strategy:replay,experiment:again,{SPACING}")
    assert [*map(Path.read_text, sorted(written.iterdir()))] == [
        *map(Path.read_text, sorted((scans.folder / "origin/loops").iterdir()))
    ]


def test_another_strategy_can_begin_with_the_same_boxes(scans: Scans) -> None:
    done = scans.run(
        f"strategy:random,experiment:same_start,query.loops:origin/loops,{SPACING},n_cycles:1,start.size:9"
    )
    assert done.exit_code == 0, done.output
    pd.testing.assert_frame_equal(
        scans.load("starting_set", strategy="random", experiment="same_start"),
        scans.load("starting_set", **ORIGIN),
    )
    assert len(scans.load("query", strategy="random", experiment="same_start")) == 4


def test_loops_may_move_but_not_change(scans: Scans, tmp_path: Path) -> None:
    assert scans.run(replay("again")).exit_code == 0
    loops = shutil.copytree(scans.folder / "origin/loops", tmp_path / "loops")
    assert scans.run(replay("again", loops)).exit_code == 0
    last = loops / "loop_002.json"
    patches = json.loads(last.read_text())["patches"]
    last.write_text(json.dumps({"patches": patches[1:]}))
    assert "made with other settings (query.loops: " in refusal(scans.run(replay("again", loops)))


@pytest.mark.slow
def test_a_sweep_finds_the_loops_where_it_times_a_cycle(scans: Scans) -> None:
    params = f"--params={QUICK},experiment:swept,query.loops:origin/loops,{SPACING}"
    done = scans.al("sweep", "--env=phantom", "--strategies=replay", "--seeds=1", "--dry-run", params)
    assert done.exit_code == 0, done.output
    assert "timed just now" in done.output


@pytest.mark.parametrize(
    ("params", "said"),
    [
        (f"strategy:replay,{SPACING}", "`replay` asks for the boxes of nnActive's loop files"),
        (replay("x", "nowhere"), "nowhere: there is no loop_000.json"),
        (replay("x", more="n_cycles:4"), "n_cycles is 4, but origin/loops holds 3 loops"),
        (replay("x", more="seed:1"), "scans with boxes are held out here"),
    ],
)
def test_a_replay_that_cannot_be_is_refused_before_anything_is_trained(
    scans: Scans, params: str, said: str
) -> None:
    assert said in refusal(scans.run(params))
    assert not (scans.folder / "data/06_models/phantom/x").exists()


def test_images_have_no_loops(tiny: Tiny) -> None:
    assert "query.loops has no effect on classification" in refusal(tiny.run("query.loops:loops"))
