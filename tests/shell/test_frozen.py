"""A frozen trunk in the real cycle: features are computed once, and whatever a strategy needs is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from queryloop.options import ModelOptions
from queryloop.training import compute
from queryloop.training.frozen import FrozenTrunk, frozen_trunk

from .tiny import N_DIGITS, Tiny

FROZEN = ",model.freeze:trunk,n_cycles:1"
NEEDS = {
    "embeddings": "badge",
    "dropout masks": "bald",
    "networks": "vote_entropy",
    "activations": "model_outliers_mean",
    "predicted loss": "learning_loss",
    "discriminator": "adversarial",
    "validation": "active_transfer",
}


def stored(tiny: Tiny) -> list[Path]:
    return sorted((tiny.folder / "data" / "04_feature").rglob("features.npy"))


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A project with a finished experiment on features, to which others may be added."""
    tiny = Tiny.create(tmp_path_factory.mktemp("frozen") / "project")
    done = tiny.run("strategy:entropy,model.freeze:trunk,n_cycles:2")
    assert done.exit_code == 0, done.output
    return tiny


def test_a_user_loads_a_row_of_features_for_each_sample(frozen: Tiny) -> None:
    catalog = frozen.session(strategy="entropy", model={"freeze": "trunk"}).load_context().catalog
    features = catalog.load("features")
    assert isinstance(features, np.memmap)
    assert not features.flags.writeable
    assert (features.shape, features.dtype) == ((N_DIGITS, 8), np.float32)
    assert len(catalog.load("samples")) == N_DIGITS


def test_redundancy_is_measured_in_the_features(frozen: Tiny) -> None:
    done = frozen.al("compare", "--params=model.freeze:trunk")
    assert done.exit_code == 0, done.output
    classes = pd.read_csv(frozen.folder / "data/08_reporting/digits/comparison/main/classes.csv")
    assert classes["redundancy_in"].tolist() == ["features"]
    assert classes["redundancy"].item() < 1


def test_predictions_are_made_from_the_features(frozen: Tiny, tmp_path: Path) -> None:
    done = frozen.al("predict", str(tmp_path / "out"), "--params=strategy:entropy")
    assert done.exit_code == 0, done.output
    found = pd.read_csv(tmp_path / "out" / "predictions.csv")
    test = found[found["split"] == "test"]
    right = (test["label"] == test["predicted"]).mean()
    assert right == pytest.approx(frozen.load("metrics", strategy="entropy")["accuracy"].iloc[-1])


@pytest.mark.parametrize("strategy", NEEDS.values(), ids=NEEDS.keys())
def test_whatever_a_strategy_needs_is_there_and_no_feature_is_computed_again(
    frozen: Tiny, strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FrozenTrunk, "features", None)
    done = frozen.run(f"strategy:{strategy},scoring.ensemble_size:2{FROZEN}")
    assert done.exit_code == 0, done.output
    assert len(frozen.load("query", strategy=strategy)) == 20
    assert len(stored(frozen)) == 1


def test_a_checkpoint_says_which_trunk_it_belongs_to(frozen: Tiny) -> None:
    settings = frozen.load("checkpoint", strategy="entropy").settings
    images = frozen.load("images", strategy="entropy")
    content = frozen.load("fingerprint", strategy="entropy")
    trunk = frozen_trunk(ModelOptions(**settings["model"]), images.shape[1:], settings["seed"])
    assert settings["inputs"] == trunk.fingerprint(content) == stored(frozen)[0].parent.name
    assert settings["shape"] == [8]


@pytest.mark.slow
def test_another_trunk_gets_another_file_and_a_learning_one_none_with_columns(tiny: Tiny) -> None:
    for params in ("seed:0", "seed:1", "seed:0,model.width:4,experiment:narrow"):
        assert tiny.run(f"strategy:random,{params}{FROZEN}").exit_code == 0
    assert sorted(np.load(path).shape[1] for path in stored(tiny)) == [4, 8, 8]
    assert tiny.run("strategy:random,experiment:learning,n_cycles:1").exit_code == 0
    assert tiny.load("features", strategy="random", experiment="learning").shape == (N_DIGITS, 0)


def test_an_interruption_leaves_no_features_and_the_same_command_goes_on(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(trunk: FrozenTrunk, *_: object) -> object:
        yield np.zeros((100, trunk.n_features))
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(FrozenTrunk, "features", interrupted)
        assert tiny.run(f"strategy:random{FROZEN}").exit_code == 130
    assert [path for path in (tiny.folder / "data" / "04_feature").rglob("*") if path.is_file()] == []
    assert tiny.run(f"strategy:random{FROZEN}").exit_code == 0
    assert len(stored(tiny)) == 1


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ("training.augmentation:shift", "add training.augmentation:none, or leave model.freeze at none"),
        ("training.auxiliary:vaal", "vaal rebuilds images: take the strategy or training.auxiliary advers"),
        ("strategy:vaal", "vaal rebuilds images"),
        ("model.freeze:head", "'model.freeze' is 'head': input should be 'none' or 'trunk'"),
        ("model.resolution:0", "'model.resolution' is 0"),
    ],
)
def test_what_needs_images_is_refused_before_anything_runs(tiny: Tiny, params: str, words: str) -> None:
    given = params if "freeze" in params else f"{params},model.freeze:trunk"
    done = tiny.run(given)
    assert done.exit_code == 1
    assert words in done.output
    assert not (tiny.folder / "data").exists()


def test_the_reference_on_all_labels_takes_the_same_features(
    frozen: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FrozenTrunk, "features", None)
    done = frozen.run("model.freeze:trunk", pipeline="full_data")
    assert done.exit_code == 0, done.output


def test_a_frozen_trunk_trains_alike_on_every_processor(
    frozen: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its head computes in fp32, so precision auto is recorded as that, whatever the processor has."""
    for native in (True, False):
        monkeypatch.setattr(compute, "_native_bf16", lambda device, native=native: native)
        done = frozen.run(f"strategy:margin,experiment:alike{FROZEN},training.precision:auto")
        assert done.exit_code == 0, done.output
    settings = frozen.settings(strategy="margin", experiment="alike", model={"freeze": "trunk"})
    assert settings["computing"]["precision"] == "32"
