"""Labels of images from people: a run waits, `ask` writes out, `tell` takes in, the next run goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from queryloop.storage.files import seal_of

from .test_refusals import refusal
from .tiny import N_TRAIN, Tiny

PEOPLE = "strategy:entropy,oracle.name:people"
PARAMS = "--params=strategy:entropy"
ENTROPY = {"strategy": "entropy"}


@pytest.fixture(scope="session")
def waiting_project(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    tiny = Tiny.create(tmp_path_factory.mktemp("waiting") / "project")
    result = tiny.run(PEOPLE)
    assert result.exit_code == 0, result.output
    return tiny


@pytest.fixture
def waiting(waiting_project: Tiny, tmp_path: Path) -> Tiny:
    """A project whose starting set waits for people, to be changed."""
    return Tiny(shutil.copytree(waiting_project.folder, tmp_path / "project"))


def ask(tiny: Tiny, folder: Path) -> pd.DataFrame:
    result = tiny.al("ask", f"--out={folder}", PARAMS)
    assert result.exit_code == 0, result.output
    return pd.read_csv(folder / "query.csv", dtype=str, keep_default_na=False)


def truth(tiny: Tiny) -> dict[str, str]:
    samples = tiny.load("samples", **ENTROPY)
    return dict(zip(samples["sample_id"], samples["label"], strict=True))


def fill(tiny: Tiny, folder: Path, n: int | None = None) -> pd.DataFrame:
    """The table of `folder` with the first n labels filled in."""
    asked = pd.read_csv(folder / "query.csv", dtype=str, keep_default_na=False)
    known = [truth(tiny)[sample] for sample in asked["sample_id"]]
    asked["label"] = [label if n is None or i < n else "" for i, label in enumerate(known)]
    asked.to_csv(folder / "query.csv", index=False)
    return asked


def tell(tiny: Tiny, given: Path, *more: str) -> str:
    result = tiny.al("tell", str(given), PARAMS, *more)
    assert result.exit_code == 0, result.output
    return result.stdout


def table(path: Path, *rows: tuple[str, str]) -> Path:
    path.write_text("sample_id,label\n" + "".join(f"{sample},{label}\n" for sample, label in rows))
    return path


def asked_ids(tiny: Tiny) -> list[str]:
    return tiny.load("starting_set", **ENTROPY)["sample_id"].tolist()


def test_a_run_waits_before_anything_is_trained(waiting: Tiny, caplog: pytest.LogCaptureFixture) -> None:
    assert waiting.run(PEOPLE).exit_code == 0
    assert "waiting for 20 answers, 0 are in" in caplog.text
    assert "kedro al tell" in caplog.text
    assert waiting.versions("labeled_index", **ENTROPY) == []
    assert len(asked_ids(waiting)) == 20


def test_cycles_go_on_with_the_answers_of_people(
    waiting: Tiny, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(ask(waiting, tmp_path / "1")) == 20
    fill(waiting, tmp_path / "1")
    said = tell(waiting, tmp_path / "1", "--annotator=ann")
    assert "20 new answers were taken in" in said
    assert (
        "all 20 answers are in: go on with the `kedro run` that began the experiment, word for word" in said
    )
    assert "all 20 answers are in" in refusal(waiting.al("ask", PARAMS))
    assert waiting.run(PEOPLE).exit_code == 0
    assert "waiting for 20 answers, 0 are in" in caplog.text
    assert waiting.run("strategy:entropy,experiment:other,n_cycles:1").exit_code == 0
    found, expected = (waiting.load("query", **ENTROPY, **of) for of in ({}, {"experiment": "other"}))
    pd.testing.assert_frame_equal(found, expected)  # the simulated oracle is right too

    ask(waiting, tmp_path / "2")
    fill(waiting, tmp_path / "2")
    tell(waiting, tmp_path / "2")
    sample = asked_ids(waiting)[0]
    wrong = str((int(truth(waiting)[sample]) + 1) % 10)
    tell(waiting, table(tmp_path / "a.csv", (sample, wrong)), "--annotator=bo")
    assert waiting.run(PEOPLE).exit_code == 0
    first, second = waiting.history("labeled_index", **ENTROPY)
    right = [truth(waiting)[asked] for asked in second["sample_id"]]
    assert first["label"].tolist() == right[:20]
    assert second["label"].tolist() == [wrong, *right[1:]]  # what was labelled anew counts from now on
    assert second["annotator"].tolist() == ["bo", *["ann"] * 19, *["people"] * 20]
    assert "All 2 cycles are done" in waiting.run(PEOPLE).output


def test_status_tells_what_waits_for_people_and_how_it_goes_on(waiting: Tiny, tmp_path: Path) -> None:
    told = " ".join(waiting.al("status").stdout.split())
    assert "0 0 - waiting for 20 answers, 0 are in" in told
    flags = "--params=strategy=entropy,experiment=main,seed=0"
    assert f"0 are in: `kedro al ask {flags}` writes out what is asked" in told
    elsewhere = " ".join(waiting.al("status", "--env=mnist").stdout.split())
    assert "0 0 - waiting for 20 answers, 0 are in" in elsewhere
    assert "How experiments of digits go on: give their --env, too." in elsewhere
    ask(waiting, tmp_path / "1")
    fill(waiting, tmp_path / "1")
    tell(waiting, tmp_path / "1")
    told = " ".join(waiting.al("status").stdout.split())
    assert "all 20 answers are in: go on with the `kedro run` that began the experiment" in told
    assert waiting.run(f"{PEOPLE},n_cycles:1").exit_code == 0
    assert "accuracy waiting for 20 answers, 0 are in" in " ".join(waiting.al("status").stdout.split())


def test_pictures_are_those_of_the_samples_and_tell_no_class(waiting: Tiny, tmp_path: Path) -> None:
    asked = ask(waiting, tmp_path / "out")
    samples, images = (waiting.load(name, **ENTROPY) for name in ("samples", "images"))
    row = samples.index[samples["sample_id"] == asked["sample_id"][3]].item()
    assert asked["file"][3] == "images/000004.png"
    shown = np.asarray(Image.open(tmp_path / "out" / asked["file"][3]))
    factor = shown.shape[0] // images.shape[1]
    np.testing.assert_array_equal(shown[::factor, ::factor], images[row, ..., 0])
    assert (tmp_path / "out" / "classes.txt").read_text().split() == [str(i) for i in range(10)]


def test_a_part_can_be_told_and_only_the_rest_is_asked_again(
    waiting: Tiny, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ask(waiting, tmp_path / "out")
    fill(waiting, tmp_path / "out", 12)
    assert "waiting for 20 answers, 12 are in" in tell(waiting, tmp_path / "out" / "query.csv")
    assert waiting.run(PEOPLE).exit_code == 0
    assert "waiting for 20 answers, 12 are in" in caplog.text
    assert ask(waiting, tmp_path / "again")["sample_id"].tolist() == asked_ids(waiting)[12:]
    fill(waiting, tmp_path / "out")
    said = tell(waiting, tmp_path / "out")
    assert "8 new answers" in said
    assert "12 answers were in already" in said
    assert len(waiting.load("answers", **ENTROPY)) == 20
    before = waiting.tree()
    assert "was taken in before: nothing changed" in tell(waiting, tmp_path / "out", "--annotator=other")
    assert waiting.tree() == before


def test_a_relabel_is_a_new_row_and_is_said(waiting: Tiny, tmp_path: Path) -> None:
    sample = asked_ids(waiting)[0]
    for label in "3712":  # names of imports sort as they came, whatever their hashes
        said = tell(waiting, table(tmp_path / "a.csv", (sample, label)))
    assert f"{sample} was 1, is now 2" in said
    answers = waiting.load("answers", **ENTROPY)
    assert answers["label"].tolist() == [*"3712"]
    assert answers["import_id"].is_unique


def test_the_first_label_can_be_given_back(waiting: Tiny, tmp_path: Path) -> None:
    """The file is then the one of before, byte for byte."""
    sample = asked_ids(waiting)[0]
    for label in "353":
        said = tell(waiting, table(tmp_path / "a.csv", (sample, label)))
    assert f"{sample} was 5, is now 3" in said
    assert waiting.load("answers", **ENTROPY)["label"].tolist() == [*"353"]
    assert "nothing changed" in tell(waiting, tmp_path / "a.csv")


def test_a_deleted_image_store_is_made_again_by_a_run_that_waits(waiting: Tiny, tmp_path: Path) -> None:
    (store,) = (waiting.folder / "data/03_primary/digits").glob("*/images.npy")
    before = store.read_bytes()
    store.unlink()
    told = refusal(waiting.al("ask", f"--out={tmp_path / 'out'}", PARAMS))
    assert "images.npy is missing: it was deleted, or never finished: the next run of the experiment" in told
    assert waiting.run(PEOPLE).exit_code == 0
    assert store.read_bytes() == before
    ask(waiting, tmp_path / "out")


def test_what_is_wrong_is_named_and_nothing_is_written(waiting: Tiny, tmp_path: Path) -> None:
    other = next(sample for sample in truth(waiting) if sample not in asked_ids(waiting))
    before = waiting.tree()
    given = table(tmp_path / "a.csv", (asked_ids(waiting)[0], "3"), (other, "3"))
    message = refusal(waiting.al("tell", str(given), PARAMS))
    assert f"a.csv: 1 ids were never asked for: {other} (line 3)" in message
    assert "nowhere.csv is missing" in refusal(waiting.al("tell", str(tmp_path / "nowhere.csv"), PARAMS))
    assert waiting.tree() == before


def test_a_table_as_spreadsheets_save_it(waiting: Tiny, tmp_path: Path) -> None:
    given = tmp_path / "a.csv"
    given.write_bytes(
        f"Label;Sample_ID;Seconds\r\n7;{asked_ids(waiting)[0]};2.5\r\n;x;\r\n".encode("utf-8-sig")
    )
    tell(waiting, given, "--annotator=bo")
    (row,) = waiting.load("answers", **ENTROPY).to_dict("records")
    assert (row["label"], row["seconds"], row["annotator"]) == ("7", 2.5, "bo")


def test_what_somebody_fills_in_is_not_overwritten(waiting: Tiny, tmp_path: Path) -> None:
    ask(waiting, tmp_path / "out")
    assert "is there already" in refusal(waiting.al("ask", f"--out={tmp_path / 'out'}", PARAMS))
    result = waiting.al("ask", PARAMS)
    assert result.exit_code == 0
    assert (
        waiting.folder / "data/08_reporting/digits/main/entropy/seed_0/asked/cycle_001/query.csv"
    ).exists()


def test_answers_of_people_are_not_lost_by_other_settings(waiting: Tiny, tmp_path: Path) -> None:
    tell(waiting, table(tmp_path / "a.csv", (asked_ids(waiting)[0], "3")))
    message = refusal(waiting.run("strategy:entropy"))
    assert "has asked people with other settings (oracle.name: people -> simulated)" in message
    assert len(waiting.load("answers", **ENTROPY)) == 1


@pytest.mark.parametrize(
    ("params", "said"),
    [("strategy:entropy", "people -> simulated"), (f"{PEOPLE},start.size:10", "start.size: 20 -> 10")],
)
def test_a_query_that_is_with_people_is_not_drawn_anew(waiting: Tiny, params: str, said: str) -> None:
    before = asked_ids(waiting)
    message = refusal(waiting.run(params))
    assert "has asked people with other settings" in message
    assert said in message
    assert asked_ids(waiting) == before


def test_an_experiment_with_a_simulated_oracle_takes_no_answers(finished: Tiny, tmp_path: Path) -> None:
    given = table(tmp_path / "a.csv", ("train/000001", "3"))
    message = refusal(finished.al("tell", str(given), f"{PARAMS},oracle.name:people"))
    assert "has oracle.name:simulated" in message
    for oracle in ("", ",oracle.name:people"):
        message = refusal(finished.al("ask", f"--out={tmp_path / 'out'}", f"{PARAMS}{oracle}"))
        assert "has oracle.name:simulated" in message
    assert not (tmp_path / "out").exists()


def test_an_experiment_that_never_ran_asks_nothing(tiny: Tiny, tmp_path: Path) -> None:
    message = refusal(tiny.al("ask", f"--out={tmp_path / 'out'}", "--params=strategy:margin"))
    assert "has asked for nothing yet" in message
    given = table(tmp_path / "a.csv", ("train/000001", "3"))
    assert "has asked for nothing yet" in refusal(
        tiny.al("tell", str(given), "--params=strategy:margin,oracle.name:people")
    )


def test_another_reading_of_the_data_set_is_refused(
    waiting: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = table(tmp_path / "a.csv", (asked_ids(waiting)[0], "3"))
    recorded = {**waiting.settings(**ENTROPY), "samples": "0123"}
    monkeypatch.setattr("queryloop.storage.state.read_settings", lambda _home: recorded)
    for command in (["ask", f"--out={tmp_path / 'out'}"], ["tell", str(given)]):
        assert "other options in `data`" in refusal(waiting.al(*command, PARAMS))
    assert not (tmp_path / "out").exists()


def test_what_was_told_since_the_last_cycle_is_exported_too(waiting: Tiny, tmp_path: Path) -> None:
    first, second, *_ = asked_ids(waiting)
    tell(waiting, table(tmp_path / "a.csv", (first, "3"), (second, "4")))
    tell(waiting, table(tmp_path / "b.csv", (first, "5")))
    assert waiting.al("export", str(tmp_path / "out"), PARAMS).exit_code == 0
    found = pd.read_csv(tmp_path / "out" / "labels.csv", dtype=str)
    assert found[["sample_id", "label", "cycle"]].values.tolist() == [[first, "5", "1"], [second, "4", "1"]]


def test_labels_are_exported_as_a_table(finished: Tiny, tmp_path: Path) -> None:
    result = finished.al("export", str(tmp_path / "out"), PARAMS)
    assert result.exit_code == 0, result.output
    found = pd.read_csv(tmp_path / "out" / "labels.csv", dtype=str)
    assert found["sample_id"].tolist() == finished.load("labeled_index", **ENTROPY)["sample_id"].tolist()


def test_labels_can_be_corrected_after_the_last_query(waiting: Tiny, tmp_path: Path) -> None:
    params = f"{PEOPLE},experiment:all,start.size:{N_TRAIN - 7},query.size:7"
    for folder in (tmp_path / "1", tmp_path / "2"):
        assert waiting.run(params).exit_code == 0
        assert waiting.al("ask", f"--out={folder}", f"--params={params}").exit_code == 0
        fill(waiting, folder)
        assert waiting.al("tell", str(folder), f"--params={params}").exit_code == 0
    assert waiting.run(params).exit_code == 0
    assert "nothing is open" in refusal(waiting.al("ask", f"--params={params}"))

    sample = waiting.load("starting_set", **ENTROPY, experiment="all")["sample_id"][0]
    wrong = str((int(truth(waiting)[sample]) + 1) % 10)
    told = waiting.al("tell", str(table(tmp_path / "a.csv", (sample, wrong))), f"--params={params}")
    assert f"{sample} was {truth(waiting)[sample]}, is now {wrong}" in told.stdout
    assert "Nothing more is asked: `kedro al export FOLDER" in told.stdout
    assert waiting.al("export", str(tmp_path / "out"), f"--params={params}").exit_code == 0
    labels = pd.read_csv(tmp_path / "out" / "labels.csv", dtype=str).set_index("sample_id")["label"]
    assert labels[sample] == wrong
    assert len(labels) == N_TRAIN


def test_lost_answers_are_named_and_their_numbers_not_given_again(waiting: Tiny, tmp_path: Path) -> None:
    ask(waiting, tmp_path / "1")
    for n in (5, 20):
        fill(waiting, tmp_path / "1", n)
        tell(waiting, tmp_path / "1")
    assert waiting.run(f"{PEOPLE},n_cycles:1").exit_code == 0
    ask(waiting, tmp_path / "2")
    fill(waiting, tmp_path / "2")
    tell(waiting, tmp_path / "2")

    first, *_ = sorted(waiting.catalog(**ENTROPY)["answers"].folder.glob("000001-*"))
    first.unlink()
    seal_of(first).unlink()
    said = "has no answer any more to 5 samples of the labelled set"
    assert said in refusal(waiting.run(PEOPLE))
    sample = asked_ids(waiting)[7]
    wrong = str((int(truth(waiting)[sample]) + 1) % 10)
    tell(waiting, table(tmp_path / "a.csv", (sample, wrong)))
    assert waiting.load("answers", **ENTROPY)["import_id"].iloc[-1].startswith("000004-")


def test_nothing_is_made_for_an_experiment_that_was_not_begun(waiting: Tiny, tmp_path: Path) -> None:
    before = sorted(waiting.folder.rglob("*"))
    params = f"--params={PEOPLE},experiment:typo"
    for command in (["tell", str(table(tmp_path / "a.csv", ("train/000001", "1")))], ["ask"]):
        assert "has asked for nothing yet: begin it with" in refusal(waiting.al(*command, params))
    assert sorted(waiting.folder.rglob("*")) == before


def test_a_folder_in_the_home_folder(waiting: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shells leave the ~ of --out=~/asked as it is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert waiting.al("ask", "--out=~/asked", PARAMS).exit_code == 0
    assert (tmp_path / "asked" / "query.csv").is_file()
