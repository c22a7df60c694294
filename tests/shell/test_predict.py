"""What the last network predicts, as files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from queryloop.storage.lock import locked

from .test_refusals import refusal
from .tiny import Tiny

SAME = "--params=strategy:entropy"
ENTROPY = {"strategy": "entropy"}


@pytest.fixture(scope="module")
def predictions(finished: Tiny, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("predictions") / "out"
    done = finished.al("predict", str(folder), SAME)
    assert done.exit_code == 0, done.output
    assert "1797 images" in done.output
    return pd.read_csv(folder / "predictions.csv", dtype={"label": str, "predicted": str})


def test_predictions_are_those_that_metrics_are_of(finished: Tiny, predictions: pd.DataFrame) -> None:
    test = predictions[predictions["split"] == "test"]
    accuracy = (test["label"] == test["predicted"]).mean()
    assert accuracy == pytest.approx(finished.load("metrics", **ENTROPY)["accuracy"].iloc[-1])
    assert predictions["probability"].between(0.1, 1).all()


def test_every_sample_has_a_row_and_a_label_where_it_is_known(
    finished: Tiny, predictions: pd.DataFrame
) -> None:
    samples, labeled = finished.load("samples", **ENTROPY), finished.load("labeled_index", **ENTROPY)
    assert predictions["sample_id"].tolist() == samples["sample_id"].tolist()
    assert (predictions["label"].isna() | (predictions["label"] == samples["label"])).all()
    train = predictions[predictions["split"] == "train"].dropna(subset="label")
    assert set(train["sample_id"]) == set(labeled["sample_id"])
    assert predictions.loc[predictions["split"] != "train", "label"].notna().all()


def test_what_was_told_since_is_a_label(begun: Tiny, tmp_path: Path) -> None:
    first = begun.load("labeled_index", **ENTROPY)["sample_id"].iloc[0]
    answers = begun.load("answers", **ENTROPY)
    last = answers[answers["sample_id"] == first].assign(label="corrected", import_id="simulated-000009")
    with locked(begun.catalog(**ENTROPY)["labeled_index"].home):
        begun.catalog(**ENTROPY).save("answers", last)
    assert begun.al("predict", str(tmp_path / "out"), SAME).exit_code == 0
    found = pd.read_csv(tmp_path / "out" / "predictions.csv").set_index("sample_id")
    assert found.loc[first, "label"] == "corrected"


def test_other_settings_are_refused_before_anything_is_written(finished: Tiny, tmp_path: Path) -> None:
    told = refusal(finished.al("predict", str(tmp_path / "out"), f"{SAME},training.epochs:3"))
    assert "training.epochs: 2 -> 3" in told
    assert not (tmp_path / "out").exists()


def test_deleted_content_is_made_again_by_a_run_with_nothing_else_to_do(begun: Tiny, tmp_path: Path) -> None:
    for kind in ("03_primary/digits/*/samples.parquet", "04_feature/digits/*/features.npy"):
        (store,) = (begun.folder / "data").glob(kind)
        store.unlink()
        assert "the next run of the experiment" in refusal(begun.al("predict", str(tmp_path / "out"), SAME))
        assert begun.run("strategy:entropy,n_cycles:3").exit_code == 0
    assert begun.al("predict", str(tmp_path / "out"), SAME).exit_code == 0


def test_a_folder_that_holds_something_is_refused(finished: Tiny, tmp_path: Path) -> None:
    (tmp_path / "note.txt").touch()
    assert "is there already" in refusal(finished.al("predict", str(tmp_path), SAME))
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_without_a_network_it_is_said(finished: Tiny, tmp_path: Path) -> None:
    told = refusal(finished.al("predict", str(tmp_path / "out"), "--params=strategy:margin"))
    assert "has no network yet: run it first" in told
