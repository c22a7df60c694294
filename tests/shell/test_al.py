"""`kedro al`: what there is, where it stands, why a sample was chosen."""

from __future__ import annotations

import shlex
import shutil
from types import SimpleNamespace
from unittest.mock import MagicMock

import pandas as pd
import pytest

from queryloop.boxes.catalogue import section
from queryloop.inspection import _next_steps
from queryloop.strategies import definitions
from queryloop.strategies.catalogue import page

from .test_refusals import refusal
from .tiny import Tiny

ENTROPY = {"strategy": "entropy"}
PARAMS = "--params=strategy:entropy"


def why(tiny: Tiny, sample: str) -> str:
    result = tiny.al("why", sample, PARAMS)
    assert result.exit_code == 0, result.output
    assert len(result.stdout.strip().splitlines()) == 1
    assert sample in result.stdout
    return result.stdout


def member(tiny: Tiny, split: str) -> str:
    splits = tiny.load("splits", **ENTROPY)
    return splits.loc[splits["split"] == split, "sample_id"].iloc[0]


def test_strategies_are_listed_with_family_needs_and_source(finished: Tiny) -> None:
    result = finished.al("strategies")
    assert result.exit_code == 0
    for definition in definitions():
        line = next(line for line in result.stdout.splitlines() if line.split()[:1] == [definition.name])
        for fragment in (definition.family, *definition.needs, definition.source):
            assert fragment in line
    for built in ("power_NAME", "class_balanced_NAME", "NAME+NAME", "skactiveml.NAME"):
        assert built in result.stdout


def test_the_page_of_strategies_is_written_by_the_command(finished: Tiny) -> None:
    assert finished.al("strategies", "--markdown").stdout == page() + section()


def test_status_shows_every_experiment_wherever_it_is_asked(begun: Tiny) -> None:
    assert begun.run("strategy:random,seed:10,experiment:other,n_cycles:1").exit_code == 0
    for options in ([], ["--env=mnist", "--params=seed=1"]):
        rows = [line.split() for line in begun.al("status", *options).stdout.splitlines()]
        for name, identity in (
            (["digits", "main", "entropy", "seed_0", "3", "60"], ENTROPY),
            (
                ["digits", "other", "random", "seed_10", "1", "20"],
                {"experiment": "other", "strategy": "random", "seed": 10},
            ),
        ):
            accuracy = begun.load("metrics", **identity)["accuracy"].iloc[-1]
            assert [*name, f"{accuracy:.4f}", "accuracy", "at", "rest"] in rows


def test_a_copied_experiment_is_called_one(begun: Tiny) -> None:
    for layer in (begun.folder / "data").glob("0[5-8]_*/digits/main"):
        shutil.copytree(layer, layer.with_name("second"))
    rows = [" ".join(line.split()) for line in begun.al("status").stdout.splitlines()]
    assert any(row.startswith("digits second entropy") and row.endswith("a copy of main") for row in rows)
    refused = refusal(begun.run("strategy:entropy,experiment:second,n_cycles:4"))
    assert "experiment: main -> second" in refused
    assert "copied or renamed" in refused


@pytest.mark.parametrize("damaged", ["settings", "reports", "labels"])
def test_a_damaged_experiment_hides_no_other(begun: Tiny, damaged: str) -> None:
    assert begun.run("strategy:random,experiment:other,n_cycles:1").exit_code == 0
    other = begun.catalog(experiment="other", strategy="random", seed=0)
    if damaged == "labels":
        assert begun.run("strategy:random,experiment:other").exit_code == 0
        shutil.rmtree(begun.versions("labeled_index", experiment="other", strategy="random")[-1].parent)
    elif damaged == "settings":
        (other["labeled_index"].home / "settings.json").write_text("{}")
    else:
        shutil.rmtree(other["metrics"].folder.parent)
    for command in ("status", "experiments"):
        rows = [" ".join(line.split()) for line in begun.al(command).stdout.splitlines()]
        (one,) = [row for row in rows if row.startswith("digits other random")]
        assert one.startswith("digits other random seed_0 - - - damaged")
        (row,) = [row for row in rows if row.startswith("digits main entropy seed_0")]
        assert "at rest" in row
    assert "1 experiments are damaged: `kedro al verify` says where." in begun.al("status").stdout


def test_a_pipe_gets_whole_lines(begun: Tiny) -> None:
    name = "a_name_that_is_longer_than_a_column_of_eighty_characters_has_room_for"
    assert begun.run(f"strategy:random,experiment:{name},n_cycles:1").exit_code == 0
    accuracy = begun.load("metrics", strategy="random", experiment=name)["accuracy"].iloc[-1]
    row = f"digits {name} random seed_0 1 20 {accuracy:.4f} accuracy at rest"
    for command in ("status", "experiments"):
        lines = begun.command("al", command, columns=80).stdout.splitlines()
        assert row in [" ".join(line.split()) for line in lines]


def test_status_of_nothing_is_no_error(tiny: Tiny) -> None:
    assert tiny.al("status").exit_code == 0
    assert not (tiny.folder / "data").exists()


def test_status_tells_a_run_that_is_going_on(begun: Tiny) -> None:
    from queryloop.storage.lock import locked

    with locked(begun.catalog(**ENTROPY)["labeled_index"].home):
        assert "running" in begun.al("status").stdout
    assert "running" not in begun.al("status").stdout


def test_a_sample_to_ask_why_of_is_quoted_for_the_shell() -> None:
    name = "a cat's/1 $HOME.png"
    catalog = MagicMock()
    catalog.load.return_value = pd.DataFrame({"sample_id": [name]})
    ended = SimpleNamespace(flags=PARAMS, n_committed=1, catalog=catalog)
    assert shlex.split(_next_steps(ended, is_complete=False).splitlines()[1])[3:] == [
        "kedro",
        "al",
        "why",
        name,
        PARAMS,
    ]


def test_why_of_the_starting_set(finished: Tiny) -> None:
    first = finished.load("starting_set", **ENTROPY).iloc[4]
    label = finished.load("labeled_index", **ENTROPY).iloc[4]["label"]
    told = why(finished, first["sample_id"])
    for fragment in ("cycle 1, rank 5 of 20", "starting set", f"label {label!r} by simulated"):
        assert fragment in told


def test_why_of_a_sample_that_was_queried(finished: Tiny) -> None:
    row = finished.history("query", **ENTROPY)[0].iloc[2]
    version = finished.versions("checkpoint", **ENTROPY)[0].parent.name
    told = why(finished, row["sample_id"])
    assert "cycle 2, rank 3 of 20" in told
    assert (
        f"by entropy with score {row['score']:.6g}, seen by checkpoint {version} (cycle 1, 20 labels)" in told
    )


def test_why_of_the_open_query(finished: Tiny) -> None:
    row = finished.load("query", **ENTROPY).iloc[0]
    version = finished.versions("checkpoint", **ENTROPY)[-1].parent.name
    told = why(finished, row["sample_id"])
    assert "open query, rank 1 of 20" in told
    assert f"score {row['score']:.6g}, seen by checkpoint {version} (cycle 3, 60 labels)" in told


def test_why_of_the_pool(finished: Tiny) -> None:
    scores = finished.load("scores", **ENTROPY).sort_values("score", ignore_index=True)
    told = why(finished, scores["sample_id"].iloc[0])
    assert f"is in the pool: in the last cycle its score was {scores['score'].iloc[0]:.6g}" in told
    assert f"{(scores['score'] > scores['score'].iloc[0]).sum()} of {len(scores)} candidates" in told


@pytest.mark.parametrize("split", ["test", "validation"])
def test_why_of_a_sample_that_is_never_asked_for(finished: Tiny, split: str) -> None:
    assert f"is in the {split} set: it is never asked for" in why(finished, member(finished, split))


def test_why_of_a_sample_that_was_no_candidate(tiny: Tiny) -> None:
    assert tiny.run("strategy:entropy,query.candidates:30,n_cycles:1").exit_code == 0
    pool, scores = tiny.load("pool_index", **ENTROPY), tiny.load("scores", **ENTROPY)
    out = pool.loc[~pool["sample_id"].isin(scores["sample_id"]), "sample_id"].iloc[0]
    assert "not among the candidates" in why(tiny, out)


@pytest.mark.parametrize(
    ("unknown", "nearest"),
    [
        ("train/00012", "'train/000120'"),
        ("train/001797", "'train/001796'"),
        ("train/000a07", "'train/000"),
        ("x", "'train/001796'"),
    ],
)
def test_why_of_an_unknown_id_names_the_nearest(finished: Tiny, unknown: str, nearest: str) -> None:
    message = refusal(finished.al("why", unknown, PARAMS))
    assert f"unknown sample {unknown!r}" in message
    assert nearest.strip("'") in message


def test_why_of_an_experiment_that_never_ran(finished: Tiny) -> None:
    message = refusal(finished.al("why", "train/000001", "--params=strategy:margin"))
    assert "has no cycle yet" in message
    assert "kedro al status" in message


def test_whys_answer_is_true_of_every_training_sample(finished: Tiny) -> None:
    from queryloop.why import explain

    catalog = finished.catalog(**ENTROPY)
    labeled, query = catalog.load("labeled_index"), catalog.load("query")
    groups: dict[str, pd.Series] = {
        "starting set": labeled.loc[labeled["cycle"] == 1, "sample_id"],
        "was asked for in cycle": labeled["sample_id"],
        "is in the open query": query["sample_id"],
    }
    for words, ids in groups.items():
        assert all(words in explain(catalog, sample) for sample in ids[::5])


def test_commands_read_and_never_write(finished: Tiny) -> None:
    before = finished.tree()
    for arguments in (
        ["strategies"],
        ["status"],
        ["verify"],
        ["why", "train/000001", PARAMS],
        ["why", "nobody", PARAMS],
    ):
        finished.al(*arguments)
    assert finished.tree() == before


def test_env_and_params_choose_the_experiment(begun: Tiny) -> None:
    (begun.folder / "conf" / "own").mkdir()
    begun.configure("own", "globals", {"strategy": "entropy"})
    sample = begun.load("starting_set", **ENTROPY)["sample_id"][0]
    for options in (["--env=own"], ["-e", "own", "--params=seed:0"], ["--params=strategy=entropy"]):
        assert "starting set" in begun.al("why", sample, *options).stdout
