"""nnU-Net in the cycle, narrow and for a few steps: trained on boxes, or from a folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from queryloop.storage.volumes import Volumes
from queryloop.training.nnunet import environment

from .test_scans import Scans

NNUNET = "strategy:bald,model.name:nnunet,model.nnunet.width:4,training.min_steps:2"
ENSEMBLE = "scoring.members:ensemble,scoring.ensemble_size:2,training.ensemble:folds"
BALD = {"strategy": "bald"}
TAKEN = {"strategy": "bald", "experiment": "taken"}

QUICK = "data.spacing:1.5,query.box:8,start.size:6,query.size:4,n_cycles:2"


class NnUNets(Scans):
    def run(self, params: str = "", *options: str, pipeline: str | None = "al_cycle") -> Any:
        """Without the parameters of a U-Net."""
        return super(Scans, self).run(f"{QUICK},{params}", "--env=phantom", *options, pipeline=pipeline)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> NnUNets:
    return NnUNets.create(tmp_path_factory.mktemp("nnunet") / "project")


@pytest.fixture(scope="module")
def cycled(project: NnUNets) -> NnUNets:
    """Two committed cycles, in two runs."""
    for n_cycles in (1, 2):
        done = project.run(f"{NNUNET},{ENSEMBLE},n_cycles:{n_cycles}")
        assert done.exit_code == 0, done.output
    return project


@pytest.mark.slow
def test_boxes_are_asked_for_by_networks_of_nnunet(cycled: NnUNets) -> None:
    checkpoint, metrics = cycled.load("checkpoint", **BALD), cycled.load("metrics", **BALD)
    assert sorted(checkpoint.members) == ["0", "1"]
    assert metrics["gradient_steps"].tolist() == [2, 3]
    assert metrics["dice"].between(0, 1).all()
    assert (cycled.load("scores", **BALD)["score"] > 0).all()
    assert len(cycled.load("query", **BALD)) == 4
    told = cycled.load("labeled_index", **BALD)["sample_id"].iloc[-1]
    done = cycled.al("why", told, "--env=phantom", f"--params={QUICK},{NNUNET},{ENSEMBLE}")
    assert "in cycle 2, rank 4 of 4" in done.output, done.output
    assert len(cycled.versions("query_gallery", **BALD)) == 2


@pytest.mark.slow
def test_the_same_settings_give_the_same_query(cycled: NnUNets, tmp_path: Path) -> None:
    other = NnUNets.create(tmp_path / "other")
    assert other.run(f"{NNUNET},{ENSEMBLE},n_cycles:1").exit_code == 0
    first, second = (found.history("query", **BALD)[0] for found in (cycled, other))
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.slow
def test_a_trained_folder_is_the_checkpoint_of_every_cycle(project: NnUNets, trained: Path) -> None:
    done = project.run(taken(trained))
    assert done.exit_code == 0, done.output
    first, second = project.versions("checkpoint", **TAKEN)
    assert first.read_bytes() == second.read_bytes()
    assert sorted(project.load("checkpoint", **TAKEN).members) == ["0", "1"]
    metrics = project.load("metrics", **TAKEN)
    told = project.al("status", "--env=phantom", "--params=strategy:bald,experiment:taken")
    assert told.exit_code == 0, told.output
    assert metrics["gradient_steps"].tolist() == [0, 0]
    assert metrics["dice"].nunique() == 1


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "more"), [("entropy", ""), ("grand_expected", "scoring.members:tta")])
def test_other_strategies_read_it(project: NnUNets, trained: Path, strategy: str, more: str) -> None:
    done = project.run(f"{taken(trained, strategy)},n_cycles:1,evaluation.predictor:single,{more}")
    assert done.exit_code == 0, done.output
    named = {"strategy": strategy, "experiment": "taken"}
    assert (project.load("scores", **named)["score"] > 0).all()
    assert len(project.load("query", **named)) == 4


@pytest.mark.slow
def test_another_content_of_the_folder_is_another_experiment(project: NnUNets, trained: Path) -> None:
    params = "experiment:changed,n_cycles:1"
    moved = Path(shutil.copytree(trained, trained.with_name("moved")))
    for folder in (trained, moved):
        assert project.run(f"{taken(folder)},{params}").exit_code == 0
    shutil.copy(moved / "fold_1" / "named.pth", moved / "fold_0" / "named.pth")
    done = project.run(f"{taken(moved)},{params}")
    assert done.exit_code == 1
    assert "sources.fold_0/named.pth" in done.output


def taken(folder: Path, strategy: str = "bald") -> str:
    options = f"model.nnunet.trained:{folder},model.nnunet.folds:0+1,model.nnunet.checkpoint:named.pth"
    looking = "scoring.members:ensemble,evaluation.predictor:ensemble,data.normalisation:none"
    return f"strategy:{strategy},experiment:taken,model.name:nnunet,{options},{looking}"


@pytest.fixture(scope="module")
def trained(project: NnUNets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folds as nnU-Net leaves them."""
    from queryloop.training.nnunet.training import Settings, train
    from queryloop.training.volumes.cases import Annotated, LabelledPart

    assert project.run("strategy:random,model.width:4,training.min_steps:1,n_cycles:1").exit_code == 0
    scans: Volumes = project.catalog(strategy="random", data={"spacing": 1.5}).load("images")
    some = list(scans.cases)[:2]
    cases = {
        case: Annotated(scans.image(case), [LabelledPart((0, 0, 0), np.array(scans.labels(case)))])
        for case in some
    }
    layouts = {case: scans.cases[case] for case in some}
    folder = tmp_path_factory.mktemp("trained") / "found"
    for seed in (0, 1):
        settings = Settings(steps=2, width=4)
        made = train(cases, layouts, scans.classes, tmp_path_factory.mktemp("work"), settings, seed)
        if not folder.exists():
            shutil.copytree(made, folder, ignore=shutil.ignore_patterns("fold_*"))
        (folder / f"fold_{seed}").mkdir()
        shutil.copy(made / "fold_all" / "checkpoint_final.pth", folder / f"fold_{seed}" / "named.pth")
    return folder


def test_without_the_package_nothing_is_written(project: NnUNets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    before = project.tree()
    done = project.run(NNUNET)
    assert done.exit_code == 1
    assert "pip install 'queryloop[nnunet]'" in done.output
    assert project.tree() == before


FOLDER = "model.nnunet.trained:made_up,data.normalisation:none"
REFUSED = {
    "model.patch:24": ["model.patch has no effect on nnunet"],
    "training.learning_rate:0.1": ["training.learning_rate has no effect on nnunet"],
    "scoring.members:dropout": ["nnunet has no dropout", "scoring.members:tta"],
    "strategy:core_set": ["compares embeddings", "model.name:unet3d"],
    "model.nnunet.folds:0": ["folds and checkpoint are those of `trained`"],
    "model.nnunet.folds:first": ["0+1+2"],
    "model.nnunet.trained:made_up": ["add data.normalisation:none"],
    f"{FOLDER},model.nnunet.width:8": ["width is of what is trained"],
    f"{FOLDER},training.epochs:3": ["training.epochs has no effect"],
    f"{FOLDER}": ["made_up is no folder of a trained nnU-Net", "TRAINER__PLANS__CONFIGURATION"],
    "training.ensemble:folds,scoring.members:tta": ["training.ensemble is folds", "scoring.members:ensemble"],
}


@pytest.mark.parametrize("params", REFUSED)
def test_what_it_cannot_have_is_refused_before_anything_is_written(
    project: NnUNets, params: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "find_spec", lambda name: "here")
    done = project.run(f"strategy:bald,experiment:refused,model.name:nnunet,{params}")
    assert done.exit_code == 1
    assert all(word in done.output for word in REFUSED[params]), done.output
    assert not (project.folder / "data/06_models/phantom/refused").exists()
