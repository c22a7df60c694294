"""Bad input and bad luck: one paragraph, exit code 1, nothing lost and nothing half done."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from queryloop.storage.experiment import committed
from queryloop.tasks.classification import networks
from queryloop.training.checkpoint import Checkpoint

from ..readers.formats import IDX_NAMES, idx, noise
from .tiny import N_TRAIN, N_VALIDATION, SETTINGS, Tiny, flip


def refusal(result: Result) -> str:
    """The message of a refused command: one paragraph, and no traceback."""
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.strip().splitlines()) == 1
    return result.stderr


REFUSED: dict[str, list[str]] = {
    "strategy:entrpy": ["strategy 'entrpy'", "Did you mean 'entropy'"],
    "dataset:digit": ["dataset 'digit'", "'digits'"],
    "model.name:mpl": ["model 'mpl'", "'mlp'"],
    "oracle.name:simulate": ["oracle 'simulate'", "'simulated'"],
    "stratgy:entropy": ["'stratgy'", "'strategy'"],
    "training.epoch:2": ["'training.epoch'", "'training.epochs'"],
    "query.sise:2": ["'query.sise'", "'query.size'"],
    "strategy:entropy,strategy_options.lable:x": ["no options", "'lable'"],
    "model:resnet18": ["model.name:resnet18"],
    "query:50": ["write query.size:50"],
    "strategy_options:3": ["write strategy_options.KEY:VALUE"],
    "oracle:people": ["oracle.name:people"],
    "n_cycles:0": ["'n_cycles'", "0", "greater than or equal to 1"],
    "n_cycles:-1": ["'n_cycles'", "-1"],
    "n_cycles:many": ["'n_cycles'", "many"],
    "seed:-1": ["'seed'", "-1"],
    "seed:1.5": ["'seed'", "1.5"],
    "query.size:0": ["'query.size'", "count", "fraction"],
    "start.size:1.5": ["'start.size'", "1.5"],
    "start.sampler:fair": ["'start.sampler'", "balanced"],
    "oracle.noise:2": ["'oracle.noise'", "2"],
    "oracle.name:people,oracle.noise:0.2": ["oracle.noise has no effect on oracle.name:people"],
    "experiment:a/b": ["'experiment'", "a/b", "may hold letters, digits and _ . + - and begins with"],
    "experiment:..": ["'experiment'", ".."],
    "data.bands:rgb": ["'digits'", "data.bands", "droughtwatch"],
    "dataset:phantom": ["unknown model for volumes 'mlp'", "unet3d"],
    "n_cycles:0,seed:-1": ["'n_cycles'", "'seed'"],
    "training.ensemble:folds": ["training.ensemble has no effect on classification"],
    "training.augmentation:turn": ["augmentation of images 'turn'", "flip_crop"],
    "scoring.mirrors:true": ["scoring.mirrors has no effect on classification"],
    "model.nnunet.width:8": ["model.nnunet has no effect on mlp"],
    "training.batch_size:1": ["training.batch_size:1", "take 2 or more"],
    "training.learning_rate:auto,training.reinit:warm": ["far too low a one for reinit:warm: set a number"],
    "training.device:cuda:77": ["cuda:77", "not available"],
}


@pytest.mark.parametrize("params", REFUSED)
def test_wrong_parameter_is_refused_before_anything_is_written(tiny: Tiny, params: str) -> None:
    message = refusal(tiny.run(params))
    for fragment in REFUSED[params]:
        assert fragment in message
    assert not (tiny.folder / "data").exists()


@pytest.mark.parametrize("params", ["strategy:entrpy", "n_cycles:0", "stratgy:entropy"])
def test_every_command_refuses_a_wrong_parameter(tiny: Tiny, params: str) -> None:
    refusal(tiny.run(params, pipeline="full_data"))
    refusal(tiny.al("status", f"--params={params}"))
    assert not (tiny.folder / "data").exists()


def test_traceback_can_be_asked_for(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUERYLOOP_DEBUG", "1")
    result = tiny.run("n_cycles:0")
    assert isinstance(result.exception, ValueError)
    assert result.exc_info is not None
    assert "'n_cycles'" in str(result.exception)


TOO_LARGE = {
    "start.size:5000": ["start.size is 5000", f"{N_TRAIN} samples"],
    "query.size:5000": ["query.size is 5000", f"{N_TRAIN - 20} of {N_TRAIN}"],
    "data.test:5000": ["data.test:5000", "1797 samples"],
    "data.test:1797,data.validation:0": ["data.test:1797", "none of 1797"],
    "data.test:null": ["no test set of its own", "data.test"],
    "data.validation:5000": ["data.validation:5000", "297 samples"],
}


@pytest.mark.parametrize("params", TOO_LARGE)
def test_size_that_is_not_there_is_refused_before_a_cycle(tiny: Tiny, params: str) -> None:
    message = refusal(tiny.run(params))
    for fragment in TOO_LARGE[params]:
        assert fragment in message
    assert not {"05_model_input", "06_models"} & {
        path.split("/")[1] for path in tiny.tree() if "json" not in path
    }
    assert tiny.run("n_cycles:1").exit_code == 0
    assert len(tiny.load("metrics")) == 1


def own_mnist(folder: Path, labels: Any) -> None:
    folder.mkdir(parents=True)
    for names, n in zip(IDX_NAMES.values(), (40, 20), strict=True):
        for name, array in zip(names, (noise(n, 6, 5), labels(n)), strict=True):
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array), mtime=0))


def test_data_set_of_one_class_is_refused(tiny: Tiny) -> None:
    own_mnist(tiny.folder / "data/01_raw/mnist", lambda n: np.full(n, 7))
    message = refusal(tiny.run("start.size:5,query.size:5", "--env=mnist"))
    assert "1 class (7)" in message


def test_data_set_in_idx_files_runs(tiny: Tiny) -> None:
    own_mnist(tiny.folder / "raw" / "mnist", lambda n: np.arange(n) % 3)
    own = {"data": {"test": None, "validation": 0}, "start": {"size": 5}, "query": {"size": 5}}
    tiny.configure("mnist", "parameters", {**SETTINGS, **own})
    result = tiny.run("raw_root:raw", "--env=mnist")
    assert result.exit_code == 0, result.output
    assert (tiny.folder / "data/08_reporting/mnist/main/random/seed_0").is_dir()


def test_missing_raw_files_are_named_with_the_way_to_get_them(tiny: Tiny) -> None:
    message = refusal(tiny.run("", "--env=mnist"))
    for names in IDX_NAMES.values():
        for name in names:
            assert name in message
    assert str(tiny.folder / "data/01_raw/mnist") in message
    assert "raw_root:" in message
    assert "torchvision" in message
    assert not (tiny.folder / "data").exists()


OTHER_SETTINGS = {
    "query.size:10": "query.size: 20 -> 10",
    "model.width:9": "model.width: 8 -> 9",
    "training.epochs:3": "training.epochs: 2 -> 3",
    "data.validation:0": "data.validation: 20 -> 0",
    "oracle.noise:0.5": "oracle.noise: 0.0 -> 0.5",
    "training.threads:2": "computing.threads: 1 -> 2",
}


@pytest.mark.parametrize("params", OTHER_SETTINGS)
def test_other_settings_are_refused_with_the_difference_and_the_way_out(finished: Tiny, params: str) -> None:
    before = finished.tree()
    message = refusal(finished.run(f"strategy:entropy,n_cycles:4,{params}"))
    assert OTHER_SETTINGS[params] in message
    assert "--params=experiment:" in message
    assert finished.tree() == before


@pytest.mark.parametrize("params", ["data.workers:1", "n_cycles:3", "training.device:cpu"])
def test_settings_that_change_no_result_may_change(finished: Tiny, params: str) -> None:
    assert finished.run(f"strategy:entropy,n_cycles:3,{params}").exit_code == 0


@pytest.mark.parametrize(
    ("key", "value"),
    [("experiment", "other"), ("dataset", "mnist"), ("strategy", "margin"), ("seed", 7), ("raw_root", "raw")],
)
def test_identity_outside_of_globals_is_refused(tiny: Tiny, key: str, value: object) -> None:
    tiny.configure("local", "parameters", {key: value})
    message = refusal(tiny.run())
    assert f"'{key}' is {value}" in message
    assert "globals.yml" in message
    assert not (tiny.folder / "data").exists()


def test_identity_in_globals_of_an_environment_moves_the_place(tiny: Tiny) -> None:
    tiny.configure("local", "globals", {"seed": 7, "strategy": "margin"})
    assert tiny.run("n_cycles:1").exit_code == 0
    assert (tiny.folder / "data/05_model_input/digits/main/margin/seed_7").is_dir()


def test_diverged_training_names_cycle_and_sample_and_leaves_the_last_commit(
    begun: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.optim.AdamW.step", poison)
    message = refusal(begun.run("strategy:entropy,n_cycles:4"))
    splits = begun.load("splits", strategy="entropy")
    first = splits.loc[splits["split"] == "validation", "sample_id"].iloc[0]
    assert f"cycle 4, training: the network gave NaN or infinity for {N_VALIDATION}" in message
    assert f"'{first}'" in message
    assert "training.learning_rate" in message
    monkeypatch.undo()
    assert len(begun.load("metrics", strategy="entropy")) == 3
    assert begun.run("strategy:entropy,n_cycles:4").exit_code == 0
    assert len(begun.load("metrics", strategy="entropy")) == 4


def test_diverged_evaluation_names_cycle_and_sample(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    original = networks.train

    def train(*arguments: Any) -> Checkpoint:
        checkpoint = original(*arguments)
        checkpoint.members["0"]["head.1.bias"][:] = np.nan
        return checkpoint

    monkeypatch.setattr(networks, "train", train)
    message = refusal(tiny.run())
    first = tiny.load("samples")["sample_id"][tiny.load("splits")["split"] == "test"].iloc[0]
    assert "cycle 1, evaluation: the network gave NaN or infinity for 1,500 of 1,500 samples" in message
    assert f"'{first}'" in message
    assert committed(tiny.catalog()["labeled_index"].home) == []


def poison(optimizer: Any, closure: Any = None) -> None:
    """A step after which every weight is NaN."""
    closure()
    for group in optimizer.param_groups:
        for weight in group["params"]:
            weight.data.fill_(float("nan"))


def test_an_unknown_environment_is_refused_with_the_nearest_name(tiny: Tiny) -> None:
    for result in (tiny.run("", "--env=image_foldr"), tiny.al("status", "--env=image_foldr")):
        assert "unknown environment 'image_foldr'. Did you mean 'image_folder'" in refusal(result)


def test_what_was_refused_was_not_begun(tiny: Tiny) -> None:
    said = refusal(tiny.run("strategy:entropy,query.size:1,query.control_share:0.5"))
    assert "leaves nothing to the strategy" in said
    assert not [*tiny.folder.rglob("settings.json")]
    assert "entropy" not in tiny.al("status").stdout


STORED = ["labeled_index", "pool_index", "query", "checkpoint", "metrics"]


@pytest.mark.parametrize("name", STORED)
def test_damaged_file_is_named_and_never_loaded(begun: Tiny, name: str) -> None:
    path = begun.versions(name, strategy="entropy")[-1]
    flip(path)
    before = begun.tree()
    verified = begun.al("verify")
    assert verified.exit_code == 1
    assert str(path.relative_to(begun.folder)) in verified.stderr
    run = begun.run("strategy:entropy,n_cycles:4")
    assert str(path.relative_to(begun.folder)) in refusal(run)
    assert set(committed(path.parents[2])) <= {
        path.parent.name for path in begun.versions(name, strategy="entropy")
    }
    assert before.items() <= begun.tree().items()


@pytest.mark.parametrize("name", ["samples", "images"])
def test_damaged_content_is_named_and_never_loaded(begun: Tiny, name: str) -> None:
    (path,) = (begun.folder / "data/03_primary").glob(f"*/*/{name}.*[!seal]")
    flip(path)
    assert path.name in begun.al("verify").stderr
    assert path.name in refusal(begun.run("strategy:entropy,n_cycles:4"))
    assert len(begun.load("metrics", strategy="entropy")) == 3
