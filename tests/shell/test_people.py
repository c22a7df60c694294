"""Labels of images from people: a run waits, `ask` writes out, `tell` takes in, the next run goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from .test_refusals import refusal
from .tiny import Tiny

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
    for cycle in (1, 2):
        asked = ask(waiting, tmp_path / str(cycle))
        assert len(asked) == 20
        fill(waiting, tmp_path / str(cycle))
        said = tell(waiting, tmp_path / str(cycle), "--annotator=ann")
        assert "20 new answers were taken in" in said
        assert "all 20 answers are in" in said
        caplog.clear()
        result = waiting.run(PEOPLE)
        assert result.exit_code == 0, result.output
        labeled = waiting.load("labeled_index", **ENTROPY)
        assert len(labeled) == 20 * cycle
        assert labeled["cycle"].max() == cycle
        assert set(labeled["annotator"]) == {"ann"}
        assert labeled["label"].tolist() == [truth(waiting)[sample] for sample in labeled["sample_id"]]
        assert ("waiting for 20 answers, 0 are in" in caplog.text) == (cycle < 2)
    assert "All 2 cycles are done" in waiting.run(PEOPLE).output
    assert (
        waiting.run("strategy:entropy,experiment:other").exit_code == 0
    )  # the simulated oracle is right too
    found, expected = (waiting.load("metrics", **ENTROPY, **of) for of in ({}, {"experiment": "other"}))
    pd.testing.assert_frame_equal(found, expected)


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


def test_a_repeated_import_changes_nothing(waiting: Tiny, tmp_path: Path) -> None:
    given = table(tmp_path / "a.csv", (asked_ids(waiting)[0], "3"))
    tell(waiting, given)
    before = waiting.tree()
    assert "was taken in before: nothing changed" in tell(waiting, given, "--annotator=other")
    assert waiting.tree() == before


def test_a_relabel_is_a_new_row_and_is_said(waiting: Tiny, tmp_path: Path) -> None:
    sample = asked_ids(waiting)[0]
    for label in "379512":  # names of imports sort as they came, whatever their hashes
        said = tell(waiting, table(tmp_path / "a.csv", (sample, label)))
    assert f"{sample} was 1, is now 2" in said
    answers = waiting.load("answers", **ENTROPY)
    assert answers["label"].tolist() == [*"379512"]
    assert answers["import_id"].is_unique


def test_a_relabel_of_a_former_cycle_is_seen_by_the_next(waiting: Tiny, tmp_path: Path) -> None:
    ask(waiting, tmp_path / "1")
    fill(waiting, tmp_path / "1")
    tell(waiting, tmp_path / "1")
    waiting.run(PEOPLE)
    sample = asked_ids(waiting)[0]
    wrong = str((int(truth(waiting)[sample]) + 1) % 10)
    tell(waiting, table(tmp_path / "a.csv", (sample, wrong)))
    ask(waiting, tmp_path / "2")
    fill(waiting, tmp_path / "2")
    tell(waiting, tmp_path / "2")
    waiting.run(PEOPLE)
    first, second = waiting.history("labeled_index", **ENTROPY)
    assert first.loc[first["sample_id"] == sample, "label"].item() == truth(waiting)[sample]
    assert second.loc[second["sample_id"] == sample, "label"].item() == wrong


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("train/999999", "3")], ["1 ids is no sample", "train/999999 (line 3)"]),
        ([("{other}", "3")], ["never asked for", "(line 3)"]),
        ([("{asked}", "cat"), ("{asked}", "cat")], ["1 labels are no class", "'cat' (line 4)", "0, 1, 2"]),
        ([("{asked}", "3"), ("{asked}", "4")], ["line 4", "'4', but '3' on line 3", "leave one"]),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    waiting: Tiny, tmp_path: Path, rows: list[tuple[str, str]], said: list[str]
) -> None:
    ids = asked_ids(waiting)
    names = {"asked": ids[0], "other": next(s for s in truth(waiting) if s not in ids)}
    given = table(tmp_path / "a.csv", (ids[1], "3"), *((s.format(**names), label) for s, label in rows))
    before = waiting.tree()
    message = refusal(waiting.al("tell", str(given), PARAMS))
    for fragment in ("a.csv", *said):
        assert fragment in message
    assert waiting.tree() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sample_id,label\ntrain/000001,\n", "no label is filled in"),
        ("sample,label\na,1\n", "no column 'sample_id'"),
        ("sample_id,label,seconds\n{asked},1,long\n", "seconds are 'long'"),
        ("sample_id,label\n{asked},1,2\n", "line 2 has 3 fields"),
        ("", "is empty"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(waiting: Tiny, tmp_path: Path, text: str, said: str) -> None:
    given = tmp_path / "a.csv"
    given.write_text(text.format(asked=asked_ids(waiting)[0]))
    before = waiting.tree()
    assert said in refusal(waiting.al("tell", str(given), PARAMS))
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
    for change in ("training.epochs:3", "oracle.name:simulated"):
        message = refusal(waiting.run(f"{PEOPLE},{change}"))
        assert "answers of people made with other settings" in message
    assert len(waiting.load("answers", **ENTROPY)) == 1


def test_an_experiment_with_a_simulated_oracle_takes_no_answers(begun: Tiny, tmp_path: Path) -> None:
    given = table(tmp_path / "a.csv", ("train/000001", "3"))
    for more in ("", ",oracle.name:people"):
        message = refusal(begun.al("tell", str(given), PARAMS + more))
        assert "oracle.name:simulated" in message


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


def test_all_that_is_answered_needs_no_asking(waiting: Tiny, tmp_path: Path) -> None:
    ask(waiting, tmp_path / "out")
    fill(waiting, tmp_path / "out")
    tell(waiting, tmp_path / "out")
    assert "all 20 answers are in" in refusal(waiting.al("ask", PARAMS))
