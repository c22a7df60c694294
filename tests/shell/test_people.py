"""Labels of images from people: a run waits, `ask` writes out, `tell` takes in, the next run goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from .people import ENTROPY, PARAMS, PEOPLE, ask, asked_ids, fill, table, tell, truth
from .test_refusals import refusal
from .tiny import Tiny


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
        assert "was begun with other source files" in refusal(waiting.al(*command, PARAMS))
    assert not (tmp_path / "out").exists()


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
