"""What the cycles of an experiment leave behind."""

from __future__ import annotations

import shlex

import numpy as np
import pandas as pd
import pytest

from queryloop.options import TrainingOptions
from queryloop.storage.checkpoints import read_checkpoint
from queryloop.tasks.classification import networks
from queryloop.tasks.classification.prediction import predict

from .tiny import N_TEST, N_TRAIN, N_VALIDATION, Tiny

ENTROPY = {"strategy": "entropy"}


def ids(table: pd.DataFrame) -> list[str]:
    return table["sample_id"].tolist()


def test_each_version_is_what_its_row_of_metrics_measured(finished: Tiny) -> None:
    metrics = finished.load("metrics", **ENTROPY)
    labeled = finished.history("labeled_index", **ENTROPY)
    assert metrics["n_labeled"].tolist() == [len(table) for table in labeled] == [20, 40, 60]
    assert metrics["cycle"].tolist() == [1, 2, 3]
    assert set(metrics["strategy"]) == {"entropy"}
    assert set(metrics["n_validation"]) == {N_VALIDATION}
    assert (metrics["best_val_accuracy"] >= metrics["val_accuracy"]).all()


def test_the_query_of_a_cycle_is_what_the_next_one_takes_in(finished: Tiny) -> None:
    expected = ids(finished.load("starting_set", **ENTROPY))
    queries = finished.history("query", **ENTROPY)
    for labeled, query in zip(finished.history("labeled_index", **ENTROPY), queries, strict=True):
        assert ids(labeled) == expected
        expected = expected + ids(query)


def test_the_commands_told_at_the_end_go_on_with_the_same_experiment(tiny: Tiny) -> None:
    done = tiny.run("strategy:margin,query.size:7,model.width:4,n_cycles:1")
    (more,) = (line for line in done.stdout.splitlines() if line.startswith("More cycles"))
    (why,) = (line for line in done.stdout.splitlines() if line.startswith("Why a sample"))
    again = tiny.command(*shlex.split(more.replace("n_cycles=6", "n_cycles=2"))[3:])
    assert again.exit_code == 0, again.output
    assert tiny.load("metrics", strategy="margin")["n_labeled"].tolist() == [20, 27]
    assert tiny.command(*shlex.split(why)[4:]).exit_code == 0


def test_labelled_set_and_pool_are_the_training_set(finished: Tiny) -> None:
    splits = finished.load("splits", **ENTROPY)
    train = set(splits.loc[splits["split"] == "train", "sample_id"])
    assert len(train) == N_TRAIN
    pools = finished.history("pool_index", **ENTROPY)
    for labeled, pool in zip(finished.history("labeled_index", **ENTROPY), pools, strict=True):
        assert sorted([*ids(labeled), *ids(pool)]) == sorted(train)


def test_labels_are_those_of_the_source(finished: Tiny) -> None:
    known = finished.load("samples", **ENTROPY).set_index("sample_id")["label"]
    labeled = finished.load("labeled_index", **ENTROPY)
    assert labeled["label"].tolist() == known[labeled["sample_id"]].tolist()


def test_scores_cover_the_pool_and_the_query_is_their_top(finished: Tiny) -> None:
    pools, queries = finished.history("pool_index", **ENTROPY), finished.history("query", **ENTROPY)
    for scores, pool, query in zip(finished.history("scores", **ENTROPY), pools, queries, strict=True):
        assert ids(scores) == ids(pool)
        best = scores["score"].nlargest(len(query)).tolist()
        assert query["score"].tolist() == best
        assert query["rank"].tolist() == list(range(1, 21))


def test_a_checkpoint_gives_the_accuracy_that_was_reported(finished: Tiny) -> None:
    catalog = finished.catalog(**ENTROPY)
    samples, splits = catalog.load("samples"), catalog.load("splits")
    is_test = samples["sample_id"].isin(splits.loc[splits["split"] == "test", "sample_id"]).to_numpy()
    assert is_test.sum() == N_TEST
    rows = np.flatnonzero(is_test)
    labels = samples["label"].to_numpy()[rows]
    options = TrainingOptions.model_validate(catalog.load("params:training"))
    for path, accuracy in zip(
        finished.versions("checkpoint", **ENTROPY), catalog.load("metrics")["accuracy"], strict=True
    ):
        checkpoint = read_checkpoint(path)
        found = predict(checkpoint, catalog.load("images"), rows, frozenset({"probs"}), options)
        names = np.asarray(checkpoint.settings["classes"])[found["probs"].argmax(dim=1).numpy()]
        assert (names == labels).mean() == pytest.approx(accuracy)


def test_timings_tell_every_stage_of_every_cycle(finished: Tiny) -> None:
    timings = finished.load("timings", **ENTROPY)
    stages = timings.groupby("cycle")["stage"].agg(set)
    every = {"ask_oracle", "take_in", "train", "evaluate", "score", "select", "report", "commit", "cycle"}
    assert stages.index.tolist() == [1, 2, 3]
    assert all(every <= stage for stage in stages)
    assert (timings["seconds"] >= 0).all()
    assert timings["software"].str.fullmatch(r"queryloop \S+, torch \S+, numpy \S+, Python \S+").all()


def test_finished_experiment_is_left_alone(finished: Tiny) -> None:
    before = finished.tree()
    result = finished.run("strategy:entropy,n_cycles:3")
    assert result.exit_code == 0
    assert "All 3 cycles are done" in result.stdout
    assert finished.tree() == before


def test_fewer_cycles_than_there_are_change_nothing(finished: Tiny) -> None:
    before = finished.tree()
    result = finished.run("strategy:entropy,n_cycles:1")
    assert result.exit_code == 0
    assert "3 cycles, more than n_cycles:1, are done" in result.stdout
    assert finished.tree() == before


def test_more_cycles_extend(begun: Tiny) -> None:
    before = begun.tree()
    assert begun.run("strategy:entropy,n_cycles:4").exit_code == 0
    assert begun.load("metrics", **ENTROPY)["n_labeled"].tolist() == [20, 40, 60, 80]
    assert before.items() <= begun.tree().items()


def test_last_query_takes_what_is_left_and_the_run_ends(tiny: Tiny) -> None:
    params = f"start.size:100,query.size:100,n_cycles:9,experiment:all_of_{N_TRAIN}"
    identity = {"experiment": f"all_of_{N_TRAIN}"}
    assert tiny.run(params).exit_code == 0
    assert tiny.load("metrics", **identity)["n_labeled"].tolist() == [100, 200, N_TRAIN]
    assert [len(query) for query in tiny.history("query", **identity)] == [100, N_TRAIN - 200, 0]
    before = tiny.tree()
    again = tiny.run(params)
    assert again.exit_code == 0
    assert "3 of 9 cycles are done" in again.stdout
    assert tiny.tree() == before


def test_run_says_why_it_ends_early(tiny: Tiny, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        caplog.clear()
        assert tiny.run("start.size:0.9,query.size:0.1,n_cycles:3").exit_code == 0
        assert "nothing is left to ask for" in caplog.text


def test_sizes_may_be_shares_of_the_training_set(tiny: Tiny) -> None:
    assert tiny.run("start.size:0.1,query.size:0.2,n_cycles:3").exit_code == 0
    start, more = round(0.1 * N_TRAIN), round(0.2 * N_TRAIN)
    assert tiny.load("metrics")["n_labeled"].tolist() == [start, start + more, start + 2 * more]


def test_balanced_start_has_as_many_of_each_class(tiny: Tiny) -> None:
    assert tiny.run("start.sampler:balanced,start.size:34,n_cycles:1").exit_code == 0
    counts = tiny.load("labeled_index")["label"].value_counts()
    assert len(counts) == 10
    assert counts.max() - counts.min() <= 1


def test_experiments_of_one_seed_share_what_they_begin_with(
    begun: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "train", None)  # the first training comes from the cache
    assert begun.run("strategy:random,n_cycles:1").exit_code == 0
    for name in ("splits", "starting_set"):
        pd.testing.assert_frame_equal(
            begun.load(name, strategy="random"), begun.load(name, strategy="entropy")
        )
    first, second = (
        begun.versions("checkpoint", strategy=name)[0].read_bytes() for name in ("entropy", "random")
    )
    assert first == second


def test_another_seed_begins_with_others(begun: Tiny) -> None:
    assert begun.run("strategy:entropy,seed:1,n_cycles:1").exit_code == 0
    other = begun.load("starting_set", strategy="entropy", seed=1)
    assert set(ids(other)) != set(ids(begun.load("starting_set", **ENTROPY)))


def test_candidates_are_the_same_for_all_strategies(tiny: Tiny) -> None:
    scored = []
    for strategy in ("entropy", "random"):
        assert tiny.run(f"strategy:{strategy},query.candidates:50,n_cycles:1").exit_code == 0
        scored.append(tiny.load("scores", strategy=strategy))
        assert len(scored[-1]) == 50
        assert set(ids(tiny.load("query", strategy=strategy))) <= set(ids(scored[-1]))
    assert ids(scored[0]) == ids(scored[1])


def test_training_believes_a_noisy_oracle(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    taught: list[np.ndarray] = []
    original = networks.train

    def spy(images: np.ndarray, labelled: networks.Labelled, *others: object) -> object:
        taught.append(labelled[1])
        return original(images, labelled, *others)

    monkeypatch.setattr(networks, "train", spy)
    assert tiny.run("oracle.noise:1,n_cycles:1").exit_code == 0
    labeled = tiny.load("labeled_index")
    known = tiny.load("samples").set_index("sample_id")["label"]
    assert not (labeled["label"].to_numpy() == known[labeled["sample_id"]].to_numpy()).any()
    assert labeled["label"].astype(int).tolist() == taught[0].tolist()


def test_name_of_digits_is_a_name(tiny: Tiny) -> None:
    assert tiny.run("experiment:2024,n_cycles:1").exit_code == 0
    assert (tiny.folder / "data/05_model_input/digits/2024/random/seed_0").is_dir()


def test_commands_to_copy_say_null_as_it_is_read(tiny: Tiny) -> None:
    params = "strategy:margin,n_cycles:1,query.candidates:null"
    result = tiny.run(params)
    assert result.exit_code == 0, result.output
    (more,) = [line for line in result.stdout.splitlines() if line.startswith("More cycles")]
    (copied,) = [word.removeprefix("--params=") for word in shlex.split(more) if word.startswith("--params=")]
    assert "query.candidates=null" in copied
    assert tiny.run(copied.replace("n_cycles=6", "n_cycles=2")).exit_code == 0


def test_a_head_of_three_layers_and_a_rate_that_is_found_go_on_from_cycle_to_cycle(tiny: Tiny) -> None:
    names = {"strategy": "margin", "experiment": "deep_head"}
    for n_cycles in (1, 2):
        given = f"model.head:mlp,training.learning_rate:auto,training.min_steps:20,n_cycles:{n_cycles}"
        done = tiny.run(f"strategy:margin,experiment:deep_head,{given}")
        assert done.exit_code == 0, done.output
    checkpoint = tiny.load("checkpoint", **names)
    assert checkpoint.settings["log"]["learning_rate"] > 0
    weights = {name: found for name, found in checkpoint.members["0"].items() if name.startswith("head.")}
    assert sum(found.ndim == 2 for found in weights.values()) == 3
    assert len(tiny.load("metrics", **names)) == 2
