"""Boxes of loop files in place of a sampler and a strategy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from queryloop import samples as tables
from queryloop.boxes.box import Box
from queryloop.boxes.pool import Pool
from queryloop.boxes.resolution import resolve
from queryloop.errors import BrokenFileError, OptionsError, StateError
from queryloop.options import ExperimentOptions, QueryOptions
from queryloop.parsing import parse
from queryloop.storage.volumes import Volumes
from queryloop.tasks.segmentation import replay
from queryloop.tasks.segmentation.pool import pool_of
from queryloop.tasks.segmentation.task import Segmentation
from queryloop.tasks.task import Data

from ..exchange.made_up import TURNS, scans, table
from ..readers.loops import patch, write

FIRST = [patch("plain.nii.gz"), patch("turned.nii.gz", (1, 2, 3), (3, 2, 2))]
SECOND = [patch("plain.nii.gz", (2, 0, 0))]


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Volumes:
    return scans(tmp_path_factory.mktemp("native"), None)


@pytest.fixture
def loops(tmp_path: Path) -> Path:
    return write(tmp_path / "loops", FIRST, SECOND)


def options(loops: Path | None, **given: Any) -> ExperimentOptions:
    said = {"experiment": "main", "dataset": "phantom", "strategy": "replay", "seed": 0, "raw_root": "."}
    query = {"loops": None if loops is None else str(loops)}
    return parse({**said, "n_cycles": 2, "query": query, **given})


def data(volumes: Volumes, **held_out: str) -> Data:
    splits = [(name, held_out.get(name, "train")) for name in TURNS]
    return Data(pd.DataFrame(), pd.DataFrame(splits, columns=["sample_id", "split"]), volumes)


def test_each_cycle_asks_for_the_next_loop(volumes: Volumes, loops: Path) -> None:
    first, second = replay.read_loops(loops, volumes.cases)
    assert [box.case for box in first] == ["plain", "turned"]
    assert replay.start(str(loops), data(volumes)) == first
    assert replay.following(str(loops), volumes.cases, table(first, 1)) == second
    both = pd.concat([table(first, 1), table(second, 2)], ignore_index=True)
    assert replay.following(str(loops), volumes.cases, both) == []


def test_a_whole_scan_is_one_box(volumes: Volumes, tmp_path: Path) -> None:
    folder = write(tmp_path / "loops", [patch("turned.nii.gz", size="whole")])
    assert replay.read_loops(folder, volumes.cases) == [
        [Box("turned", (0, 0, 0), volumes.cases["turned"].shape)]
    ]


@pytest.mark.parametrize(
    ("loop", "said"),
    [
        ([patch("other.nii.gz")], ["patch 1", "no case 'other'", "plain"]),
        ([patch(), patch(coords=(11, 0, 0))], ["patch 2", "outside of plain.nii.gz", r"\(12, 14, 16\)"]),
        ([patch(coords=(-1, 0, 0))], ["patch 1", "outside"]),
        ([patch(size=[0, 1, 1])], ["patch 1", "outside"]),
        ([patch(), patch()], ["patch 2 .plain@0,0,0. overlaps patch 1 of loop_000.json"]),
        ([patch(), patch(coords=(1, 1, 1))], ["patch 2 .plain@1,1,1. overlaps patch 1 .*plain@0,0,0"]),
    ],
)
def test_a_box_that_cannot_be_asked_for_is_named(
    volumes: Volumes, tmp_path: Path, loop: Any, said: list[str]
) -> None:
    folder = write(tmp_path / "loops", loop)
    for fragment in ("loop_000.json", *said):
        with pytest.raises(BrokenFileError, match=fragment):
            replay.read_loops(folder, volumes.cases)


def test_a_box_over_one_of_an_earlier_loop_is_named(volumes: Volumes, tmp_path: Path) -> None:
    folder = write(tmp_path / "loops", [patch()], [patch(coords=(2, 0, 0)), patch(size=[1, 3, 3])])
    said = r"loop_001\.json: patch 2 \(plain@0,0,0\) overlaps patch 1 of loop_000\.json"
    with pytest.raises(BrokenFileError, match=said):
        replay.read_loops(folder, volumes.cases)


@pytest.mark.parametrize("case_id", TURNS)
def test_thin_boxes_side_by_side_are_not_said_to_overlap(tmp_path: Path, case_id: str) -> None:
    """All slices of a file one by one, where the store has half as many."""
    coarse, native = (scans(tmp_path / str(mm), mm).cases for mm in ((5.0, 2.4, 2.0), None))
    depth, *plane = native[case_id].native.shape[::-1]
    loop = [patch(f"{case_id}.nii.gz", (z, 0, 0), [1, *plane]) for z in range(depth)]
    folder = write(tmp_path / "loops", loop)
    said = r"patch . \(.*\) and patch . of loop_000.json \(.*\) share no voxel of the file.*data.spacing"
    with pytest.raises(OptionsError, match=said):
        replay.read_loops(folder, coarse)
    assert len(replay.read_loops(folder, native)[0]) == depth


@pytest.mark.parametrize("part", ["test", "validation"])
def test_scans_that_are_held_out_are_not_labelled(volumes: Volumes, loops: Path, part: str) -> None:
    with pytest.raises(OptionsError, match=r"1 of 2 scans with boxes are held out here: turned.*same seed"):
        replay.start(str(loops), data(volumes, turned=part))


def test_loops_changed_within_a_run_are_refused(volumes: Volumes, loops: Path) -> None:
    first = replay.start(str(loops), data(volumes))
    write(loops, FIRST[:1], SECOND)
    with pytest.raises(StateError, match="the first 1 loops are not what the experiment has labelled"):
        replay.following(str(loops), volumes.cases, table(first, 1))


def test_what_is_recorded_is_what_the_files_hold(loops: Path, tmp_path: Path) -> None:
    moved = write(tmp_path / "moved", FIRST, SECOND)
    recorded = replay.recorded(options(loops), resolve("replay"))
    assert recorded == replay.recorded(options(moved), resolve("entropy"))
    write(moved, FIRST, [patch("plain.nii.gz", (2, 0, 1))])
    assert recorded != replay.recorded(options(moved), resolve("replay"))
    assert replay.recorded(options(None), resolve("entropy")) == {}


def test_a_replay_needs_a_loop_for_each_cycle(loops: Path) -> None:
    with pytest.raises(OptionsError, match=r"add query\.loops:FOLDER"):
        replay.recorded(options(None), resolve("replay"))
    with pytest.raises(OptionsError, match=r"n_cycles is 3, but .*loops holds 2 loops.*n_cycles:2"):
        replay.recorded(options(loops, n_cycles=3), resolve("replay"))
    replay.recorded(options(loops, n_cycles=3), resolve("entropy"))  # which needs the first alone


def test_it_is_said_where_boxes_come_from_and_what_does_not_count(loops: Path) -> None:
    said = replay.sentence(str(loops), resolve("replay"))
    assert f"those of {loops}, 2 at the start, then 1: query.size, start.size" in said
    said = replay.sentence(str(loops), resolve("entropy"))
    assert f"loop_000.json of {loops}, 2 boxes: start.size" in said
    assert "query.size" not in said


def test_all_boxes_of_a_loop_are_the_query_whatever_its_size() -> None:
    loop = [Box("a", (n, 0, 0), (1, 2, 2)) for n in (3, 1, 2)]
    pool, strategy = Pool(shapes={}, size=(4, 4, 4), loop=loop), resolve("replay")
    found = strategy.candidates(pool, k=2, seed=0)
    assert list(strategy.choose(found, pool, k=2, seed=1).boxes) == loop
    assert tables.query(found.ids, found.scores)["score"].isna().all()


def test_a_loop_is_asked_for_where_no_box_of_the_query_has_room(volumes: Volumes, loops: Path) -> None:
    first, second = replay.read_loops(loops, volumes.cases)
    task, query = Segmentation(), QueryOptions(box="whole", loops=str(loops))
    labeled = table(first, 1)
    left = pd.DataFrame({"sample_id": ["plain", "turned"]})
    for _ in range(2):  # of a pool that is empty already, too
        left = task.left(left, labeled, volumes, query)
        assert left.columns.tolist() == ["sample_id"]
        assert left.empty
    loop = replay.following(str(loops), volumes.cases, labeled)
    evidence, strategy = pool_of(volumes, [], first, query, loop=loop), resolve("replay")
    found = task.chosen(task.scores(evidence, strategy, k=1, seed=0), evidence, strategy, k=1, seed=0)
    assert found["sample_id"].tolist() == [box.id for box in second]
