"""The same cycle on 3D scans, whose samples are boxes."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pytest

from queryloop.samples import BOX
from queryloop.tasks.segmentation import metrics
from queryloop.tasks.segmentation.rows import boxes_of
from queryloop.tasks.segmentation.space import covering

from .tiny import Tiny

QUICK = "model.width:4,training.min_steps:4,training.augmentation:none,start.size:6,query.size:4,n_cycles:2"
ENTROPY = {"strategy": "entropy"}
OTHERS = ["random_predicted_fg", "clasp_entropy"]
MORE = [
    "random_66fg",
    "core_set",
    "random",
    "random_33fg",
    "power_bald",
    "power_entropy",
    "softrank_bald",
    "expected_entropy",
]
MORE += ["grand_expected", "grand_bound", "grand_pseudo", "margin+core_set"]
TOLD = {"labeled_index": "in cycle 2, rank 4 of 4", "query": "in the open query"}


class Scans(Tiny):
    """A project on the phantom data set."""

    def run(self, params: str = "", *options: str, pipeline: str | None = "al_cycle") -> Any:
        """With few steps of a narrow network."""
        return super().run(f"{QUICK},{params}", "--env=phantom", *options, pipeline=pipeline)

    def session(self, **params: Any) -> Any:
        from queryloop.session import CycleSession

        return CycleSession.create(project_path=self.folder, env="phantom", runtime_params=params)


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Scans:
    """Two committed cycles of entropy on phantoms."""
    scans = Scans.create(tmp_path_factory.mktemp("scans") / "project")
    done = scans.run("strategy:entropy")
    assert done.exit_code == 0, done.output
    return scans


def test_boxes_are_asked_for_and_never_twice(scans: Scans) -> None:
    labeled, query = scans.load("labeled_index", **ENTROPY), scans.load("query", **ENTROPY)
    boxes = [*boxes_of(labeled), *boxes_of(query)]
    assert len(labeled) == 10
    assert len(query) == 4
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert [box.id for box in boxes] == [*labeled["sample_id"], *query["sample_id"]]
    assert labeled["label"].eq("truth").all()


def test_candidates_are_told_with_places_and_scores(scans: Scans) -> None:
    scores, query = scans.load("scores", **ENTROPY), scans.load("query", **ENTROPY)
    assert scores.columns.tolist() == ["sample_id", "score", *BOX, "channel"]
    best = scores.nlargest(4, "score")
    assert set(best["sample_id"]) == set(query["sample_id"])


def test_metrics_tell_dice_and_what_the_boxes_hold(scans: Scans) -> None:
    metrics = scans.load("metrics", **ENTROPY)
    for name in ("dice", "dice_ellipsoid", "surface_distance", "foreground_voxels_share", "cases"):
        assert name in metrics
    volumes, labeled = scans.catalog(**ENTROPY).load("images"), scans.load("labeled_index", **ENTROPY)
    inside = [volumes.labels(box.case)[box.slices] for box in boxes_of(labeled)]
    last = metrics.iloc[-1]
    assert last["voxels"] == sum(mask.size for mask in inside)
    assert last["foreground_voxels"] == sum(np.count_nonzero(mask) for mask in inside)
    assert last["n_labeled"] == len(labeled)


def test_predictions_are_those_that_metrics_are_of(scans: Scans, tmp_path: Path) -> None:
    same = f"--params={QUICK},strategy:entropy"
    done = scans.al("predict", str(tmp_path / "out"), "--env=phantom", same)
    assert done.exit_code == 0, done.output
    volumes, splits = (scans.catalog(**ENTROPY).load(name) for name in ("images", "splits"))
    found = {case: nibabel.load(tmp_path / "out" / f"{case}.nii.gz") for case in volumes.cases}
    assert all(np.allclose(found[name].affine, case.native.affine) for name, case in volumes.cases.items())
    test = [
        metrics.measured(
            np.asanyarray(found[case].dataobj), volumes.native_labels(case), len(volumes.classes), [1] * 3
        )
        for case in splits.loc[splits["split"] == "test", "sample_id"]
    ]
    dice = metrics.summary(test, volumes.classes)["dice"]
    assert dice == pytest.approx(scans.load("metrics", **ENTROPY)["dice"].iloc[-1])


def test_why_a_box_was_chosen_is_told(scans: Scans) -> None:
    tables = ((scans.load(name, **ENTROPY), word) for name, word in TOLD.items())
    for table, word in tables:
        done = scans.al(
            "why", table["sample_id"].iloc[-1], "--env=phantom", f"--params={QUICK},strategy:entropy"
        )
        assert done.exit_code == 0, done.output
        assert word in done.output
    assert scans.al("why", "nobody@1,2,3", "--env=phantom", "--params=strategy:entropy").exit_code == 1


def test_why_tells_of_boxes_that_cannot_be_asked_for(scans: Scans) -> None:
    box = boxes_of(scans.load("labeled_index", **ENTROPY))[0]
    z, y, x = box.corner
    for corner, said in (
        (f"{z - 1 if z else 1},{y},{x}", f"it lies over {box.id}, which is labelled"),
        ("900,0,0", "leaves its scan: a box of (12, 12, 12) there does not fit"),
        ("-5,0,hello", "is no box: its id must be"),
    ):
        done = scans.al("why", f"{box.case}@{corner}", "--env=phantom", "--params=strategy:entropy")
        assert said in " ".join(done.output.split())


def test_test_scans_are_never_asked_for(scans: Scans) -> None:
    splits, labeled = scans.load("splits", **ENTROPY), scans.load("labeled_index", **ENTROPY)
    train = set(splits.loc[splits["split"] == "train", "sample_id"])
    assert {box.case for box in boxes_of(labeled)} <= train
    assert set(scans.load("pool_index", **ENTROPY)["sample_id"]) <= train
    assert (splits["split"] == "test").sum() == 6


@pytest.mark.slow
def test_an_interrupted_run_is_the_undisturbed_one(scans: Scans, tmp_path: Path) -> None:
    other = Scans.create(tmp_path / "other")
    for n_cycles in (1, 2):
        assert other.run(f"strategy:entropy,n_cycles:{n_cycles}").exit_code == 0
    for name in ("labeled_index", "query", "metrics", "scores"):
        first, second = scans.load(name, **ENTROPY), other.load(name, **ENTROPY)
        pd.testing.assert_frame_equal(
            *(t.drop(columns="labeled_at", errors="ignore") for t in (first, second))
        )


@pytest.mark.parametrize("name", [*OTHERS, *(pytest.param(name, marks=pytest.mark.slow) for name in MORE)])
def test_strategies_share_the_start_and_find_boxes(scans: Scans, name: str) -> None:
    done = scans.run(f"strategy:{name},scoring.ensemble_size:2,n_cycles:1")
    assert done.exit_code == 0, done.output
    start = scans.load("starting_set", **ENTROPY)
    pd.testing.assert_frame_equal(scans.load("starting_set", strategy=name), start)
    query = scans.load("query", strategy=name)
    assert len(query) == 4
    assert ("channel" in query) == (name == "clasp_entropy")


@pytest.mark.slow
def test_what_compares_networks_gets_some(scans: Scans) -> None:
    assert scans.run("strategy:bald,scoring.ensemble_size:2,n_cycles:1").exit_code == 0
    assert sorted(scans.load("checkpoint", strategy="bald").members) == ["0", "1"]
    assert sorted(scans.load("checkpoint", **ENTROPY).members) == ["0"]


@pytest.mark.slow
def test_folds_are_members_too(scans: Scans, caplog: pytest.LogCaptureFixture) -> None:
    folds = "strategy:random,experiment:folds,training.ensemble:folds,scoring.ensemble_size:2,n_cycles:1"
    done = scans.run(f"{folds},evaluation.predictor:ensemble,scoring.mirrors:true")
    assert done.exit_code == 0, done.output
    assert "each without a part of the labelled scans" in caplog.text
    found = {"strategy": "random", "experiment": "folds"}
    assert sorted(scans.load("checkpoint", **found).members) == ["0", "1"]
    assert scans.load("metrics", **found)["held_out_dice"].between(0, 1).all()


@pytest.mark.slow
@pytest.mark.parametrize("members", ["dropout,model.dropout:0.2,scoring.mc_samples:2", "tta"])
def test_masks_and_mirrors_are_members_too(scans: Scans, members: str) -> None:
    done = scans.run(f"strategy:bald,experiment:{members[:3]},scoring.members:{members},n_cycles:1")
    assert done.exit_code == 0, done.output
    scores = scans.load("scores", strategy="bald", experiment=members[:3])
    assert (scores["score"] > 0).all()


@pytest.mark.slow
def test_whole_scans_are_samples_too_and_the_pool_ends(scans: Scans) -> None:
    done = scans.run("strategy:random,experiment:whole,query.box:whole,start.size:10,query.size:8,n_cycles:9")
    assert done.exit_code == 0, done.output
    labeled = scans.load("labeled_index", strategy="random", experiment="whole")
    assert len(labeled) == 18
    assert labeled["cycle"].max() == 2
    shapes = {case: found.shape for case, found in scans.catalog(**ENTROPY).load("images").cases.items()}
    assert all(box.size == shapes[box.case] for box in boxes_of(labeled))


@pytest.mark.slow
def test_people_label_boxes(scans: Scans, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    more = "strategy:entropy,n_cycles:1,start.size:6"
    people = f"experiment:people,oracle.name:people,{more}"
    assert scans.run(people).exit_code == 0
    assert "waiting for 6 answers, 0 are in" in caplog.text
    flags = ("--env=phantom", "--params=experiment:people,strategy:entropy")
    assert scans.al("ask", "--out", str(tmp_path / "asked"), *flags).exit_code == 0
    volumes = scans.catalog(**ENTROPY).load("images")
    for box in boxes_of(scans.load("starting_set", experiment="people", **ENTROPY)):
        path = tmp_path / "asked" / "masks" / f"{box.case}.nii.gz"
        before = nibabel.load(path)
        voxels, region = np.asanyarray(before.dataobj).copy(), covering(box, volumes.cases[box.case])
        voxels[region] = volumes.native_labels(box.case)[region]
        nibabel.save(nibabel.Nifti1Image(voxels, before.affine), path)
    told = scans.al("tell", str(tmp_path / "asked"), *flags)
    assert told.exit_code == 0, told.output
    done = scans.run(people)
    assert done.exit_code == 0, done.output
    assert scans.run(f"experiment:simulated,{more}").exit_code == 0
    one, other = (scans.load("metrics", experiment=name, **ENTROPY) for name in ("people", "simulated"))
    assert len(one) == 1
    pd.testing.assert_frame_equal(one, other)


def test_full_data_is_the_reference(scans: Scans) -> None:
    done = scans.run(pipeline="full_data")
    assert done.exit_code == 0, done.output
    full = scans.catalog(**ENTROPY).load("full_data")
    assert full["n_labeled"].tolist() == [18]
    assert 0 <= full["dice"].item() <= 1


REFUSED = {
    "strategy:badge": ["`badge` works on images only", "For boxes there are"],
    "strategy:entropi": ["entropi", "entropy"],
    "model.name:cnn": ["unknown model for volumes 'cnn'", "unet3d"],
    "data.validation:4": ["data.validation has no effect on segmentation"],
    "data.transfer:0.5": ["data.transfer has no effect on segmentation"],
    "training.auxiliary:vaal": ["training.auxiliary has no effect on segmentation"],
    "training.augmentation:shift": ["unknown augmentation of volumes 'shift'"],
    "start.sampler:balanced": ["balanced", "foreground_66"],
    "query.size:0.5": ["query.size is 0.5", "by number"],
    "query.box:0": ["query.box", "voxels"],
    "evaluation.predictor:ensemble": ["scoring.members:ensemble"],
    "start.size:5": ["2 of each of 3 classes", "set start.size:6"],
    "training.ensemble:folds,scoring.members:dropout": ["training.ensemble is folds", "members:ensemble"],
    "training.ensemble:folds,training.reinit:warm": ["deals the scans anew", "training.reinit:cold"],
    "training.ensemble:folds,data.patient:(.+)": ["deals scans", "training.ensemble:seeds"],
    "scoring.mirrors:true,scoring.members:tta": ["scoring.mirrors averages", "leave out one"],
    "model.nnunet.width:4": ["model.nnunet has no effect on unet3d: only nnunet have it"],
    "strategy:bald,scoring.members:dropout,model.dropout:0": ["compares draws", "model.dropout:0.5"],
    "oracle.noise:0.1": ["oracle.noise has no effect on segmentation"],
}


@pytest.mark.parametrize("params", REFUSED)
def test_what_scans_cannot_have_is_refused_before_anything_is_trained(scans: Scans, params: str) -> None:
    done = scans.run(f"experiment:refused,{params}")
    assert done.exit_code == 1
    assert all(word in done.output for word in REFUSED[params]), done.output
    assert not (scans.folder / "data/06_models/phantom/refused").exists()
