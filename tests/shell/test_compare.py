"""`kedro al compare`: which strategy is better, from all experiments of a data set."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from queryloop.pipelines.compare import PICTURES, TABLES

from .test_refusals import refusal
from .tiny import Tiny, flip

FOLDER = "data/08_reporting/digits/comparison/main"


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Two seeds of random and margin, and runs that do not fit: to be read only."""
    tiny = Tiny.create(tmp_path_factory.mktemp("swept") / "project")
    for seed in (0, 1):
        assert tiny.run(f"strategy:random,seed:{seed},n_cycles:3").exit_code == 0
        assert tiny.run(f"strategy:margin,seed:{seed},n_cycles:2").exit_code == 0
    assert tiny.run("strategy:entropy,n_cycles:1").exit_code == 0
    assert tiny.run("strategy:entropy,query.size:10,experiment:small").exit_code == 0
    return tiny


@pytest.fixture
def copied(swept: Tiny, tmp_path: Path) -> Tiny:
    """A copy, to be changed."""
    return Tiny(shutil.copytree(swept.folder, tmp_path / "project"))


def table(tiny: Tiny, name: str) -> pd.DataFrame:
    return pd.read_csv(tiny.folder / FOLDER / f"{name}.csv")


def test_the_comparison_counts_only_what_fits_and_writes_nothing_else(copied: Tiny) -> None:
    before = copied.tree()
    result = copied.al("compare", "--target=0.3")
    assert result.exit_code == 0, result.output
    assert (
        "4 runs on 2 common budgets, 20 to 40 labels; margin/seed_0, margin/seed_1 have 2 cycles"
        in result.stdout
    )
    assert "Left out: main/entropy/seed_0: one cycle only" in result.stdout
    assert "Left out: small/entropy/seed_0: other settings: query.size is 10, not 20" in result.stdout
    assert f"{FOLDER}/index.html" in result.stdout

    after = copied.tree()
    new = {name.removeprefix(f"{FOLDER}/") for name in after.keys() - before.keys()}
    files = {f"{name}.csv" for name in TABLES} | {f"{name}.png" for name in PICTURES}
    assert new == files | {"verdict.txt", "index.html"}
    assert all(after[name] == digest for name, digest in before.items())

    verdict = table(copied, "verdict")
    assert verdict[["strategy", "control", "level"]].to_numpy().tolist() == [["margin", "random", 0.3]]
    assert verdict["difference"].item() == pytest.approx(
        mean_height(copied, "margin") - mean_height(copied, "random")
    )
    assert set(table(copied, "classes")["strategy"]) == {"random", "margin"}
    assert (table(copied, "times")[["asking", "training"]] > 0).all(axis=None)


def mean_height(tiny: Tiny, strategy: str) -> float:
    """Of both seeds, between 20 and 40 labels."""
    curves = [tiny.load("metrics", strategy=strategy, seed=seed)["accuracy"] for seed in (0, 1)]
    return sum(curve[:2].mean() for curve in curves) / 2


@pytest.mark.slow
def test_a_later_comparison_takes_its_place_without_runs_that_are_gone(copied: Tiny) -> None:
    place = copied.folder / FOLDER
    place.mkdir(parents=True)
    (place / "index.html").write_text("before")
    lost = copied.versions("metrics", strategy="margin", seed=1)[-1]
    lost.unlink()
    assert copied.run(pipeline="compare").exit_code == 0
    said = (place / "verdict.txt").read_text()
    assert "margin and random share one seed only" in said
    assert f"Left out: main/margin/seed_1: {lost} is missing" in said
    assert said.splitlines()[0] in (place / "index.html").read_text()


@pytest.mark.slow
def test_what_is_damaged_is_left_out_with_the_file_and_a_lost_picture_or_time_is_no_harm(
    copied: Tiny,
) -> None:
    changed = copied.versions("labeled_index", strategy="margin", seed=1)[-1]
    flip(changed)
    settings = copied.catalog(strategy="random", seed=1)["labeled_index"].home / "settings.json"
    settings.unlink()
    copied.versions("labeled_index", strategy="random", seed=0)[1].unlink()
    copied.versions("query_gallery", strategy="margin", seed=0)[0].unlink()
    flip(
        next(
            (copied.folder / "data/08_reporting/digits/main/margin/seed_0/timings.parquet").glob("*.parquet")
        )
    )
    result = copied.al("compare")
    assert result.exit_code == 0, result.output
    assert f"Left out: main/margin/seed_1: {changed} is not what was written" in result.stdout
    assert f"Left out: main/random/seed_1: {settings} is missing" in result.stdout
    assert "main/random/seed_0: it has labelled sets of 2 cycles, but metrics of 3" in result.stdout
    assert "1 run on 2 common budgets" in result.stdout
    assert "There is nothing to compare: no strategy has a random arm beside it" in result.stdout


@pytest.mark.slow
def test_copied_folders_and_lost_pixels_keep_nobody_from_the_verdict(
    copied: Tiny, caplog: pytest.LogCaptureFixture
) -> None:
    home = copied.folder / "data/05_model_input/digits/main/margin/seed_0"
    shutil.copytree(home, home.with_name("seed_0_old"))
    flip(next((copied.folder / "data/03_primary/digits").rglob("images.npy")))
    result = copied.al("compare")
    assert result.exit_code == 0, result.output
    assert "4 runs on 2 common budgets" in result.stdout
    assert "How redundant the queries are is left out" in caplog.text
    found = table(copied, "classes")
    assert found["redundancy"].isna().all()
    assert found["redundancy_in"].tolist() == ["nothing", "nothing"]


@pytest.mark.slow
def test_another_experiment_name_is_another_comparison(copied: Tiny) -> None:
    assert copied.al("compare").exit_code == 0
    before = copied.tree()
    said = copied.al("compare", "--params=experiment:small").stdout
    assert "entropy has no random arm" in said
    assert "There is nothing to compare" in said
    assert "data/08_reporting/digits/comparison/small/index.html" in said
    assert before.items() <= copied.tree().items()


def test_nothing_committed_is_refused(tiny: Tiny) -> None:
    assert "no experiment named 'main' has a committed cycle on this data set; there are: none" in refusal(
        tiny.al("compare")
    )
    assert not (tiny.folder / FOLDER).exists()


@pytest.mark.slow
def test_results_from_elsewhere_stand_in_the_same_report(copied: Tiny, tmp_path: Path) -> None:
    file = tmp_path / "theirs.csv"
    rows = [
        (name, seed, n, 0.1 + n / 100 + seed / 50 + ahead * (1 + seed))
        for name, ahead in (("random", 0.0), ("theirs", 0.01))
        for seed in (5, 6, 7)
        for n in (20, 40)
    ]
    pd.DataFrame(rows, columns=["strategy", "seed", "n_labeled", "metric"]).to_csv(file, index=False)
    assert copied.al("compare", f"--import={file}").exit_code == 0
    verdict = table(copied, "verdict").set_index("strategy")
    assert verdict["control"].to_dict() == {"margin": "random", "theirs": "random (imported)"}
    assert verdict.loc["theirs", "difference"] == pytest.approx(0.07)
    randoms = {"random", "random (imported)"}
    for name in ("theirs", "margin"):
        assert copied.al("compare", f"--import={file}", f"--strategies={name}").exit_code == 0
        assert set(table(copied, "curves")["strategy"]) == {*randoms, name}
    alone = copied.al("compare", f"--import={file}", "--params=experiment:theirs")
    assert alone.exit_code == 0, alone.output
    place = copied.folder / Path(FOLDER).parent / "theirs" / "curves.csv"
    assert set(pd.read_csv(place)["strategy"]) == {"random", "theirs"}


def test_results_from_elsewhere_need_none_of_our_own(tiny: Tiny, tmp_path: Path) -> None:
    file = tmp_path / "theirs.csv"
    runs = [
        f" {name} , {seed}, {n}, 0.{n}{seed}" for name in ("random", "1") for seed in (0, 1) for n in (10, 20)
    ]
    file.write_text("\n".join(["strategy , seed, n_labeled, metric", *runs]))
    for chosen in ([], ["--strategies=1"]):
        result = tiny.al("compare", f"--import={file}", *chosen)
        assert result.exit_code == 0, result.output
        assert table(tiny, "verdict")["p"].item() == 1.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--import=nowhere.csv"], "nowhere.csv to import results from"),
        (["--params=comparison.measure:acuracy"], "Did you mean 'accuracy'"),
        (["--target=97"], "comparison.target"),
        (
            ["--params=comparison.measure:pool_accuracy"],
            "only after the next one: no curve of it is complete",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(copied: Tiny, options: list[str], words: str) -> None:
    assert words in refusal(copied.al("compare", *options))
    assert not (copied.folder / FOLDER).exists()


def test_runs_of_one_cycle_are_told_as_the_reason_for_no_comparison(tiny: Tiny) -> None:
    assert tiny.run("strategy:random,n_cycles:1").exit_code == 0
    told = refusal(tiny.al("compare"))
    assert "no run of 'main' can be compared: main/random/seed_0: one cycle only: no curve. Run more" in told


def test_chosen_strategies_stand_beside_random_only(copied: Tiny) -> None:
    result = copied.al("compare", "--strategies=margin")
    assert result.exit_code == 0, result.output
    assert "entropy" not in result.stdout
    assert set(table(copied, "curves")["strategy"]) == {"random", "margin"}
    result = copied.al("compare", "--strategies=margni")
    assert result.exit_code == 1
    assert "margni" in result.output
