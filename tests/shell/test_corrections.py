"""Labels of people that are changed, lost and written out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from queryloop.storage.files import seal_of

from .people import ENTROPY, PARAMS, PEOPLE, ask, asked_ids, fill, table, tell, truth
from .test_refusals import refusal
from .tiny import N_TRAIN, Tiny


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


def test_seconds_that_are_said_later_are_a_new_row_with_the_same_label(waiting: Tiny, tmp_path: Path) -> None:
    first, second = asked_ids(waiting)[:2]
    given = tmp_path / "a.csv"
    tell(waiting, table(given, (first, "3"), (second, "5")))
    given.write_text(f"sample_id,label,seconds\n{first},3,2.5\n{second},5,\n")
    assert (
        "1 answers have the same label as before, and other seconds. 1 answers were in already"
        in " ".join(tell(waiting, given).split())
    )
    answers = waiting.load("answers", **ENTROPY).fillna({"seconds": -1})
    assert answers["label"].tolist() == [*"353"]
    assert answers["seconds"].tolist() == [-1, -1, 2.5]
    tell(waiting, table(given, (first, "3")))  # no seconds are no others
    assert len(waiting.load("answers", **ENTROPY)) == 3


def test_answers_of_people_are_not_lost_by_other_settings(waiting: Tiny, tmp_path: Path) -> None:
    tell(waiting, table(tmp_path / "a.csv", (asked_ids(waiting)[0], "3")))
    message = refusal(waiting.run("strategy:entropy"))
    assert "has asked people with other settings (oracle.name: people -> simulated)" in message
    assert len(waiting.load("answers", **ENTROPY)) == 1


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
