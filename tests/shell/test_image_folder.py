"""A person's own images, from their folder to the gallery, in the environment as it is delivered."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from PIL import Image

from queryloop.readers import registry

from ..readers.formats import noise
from ..readers.photographs import save
from .test_refusals import refusal
from .tiny import Tiny

N = 60
FAST = (
    "strategy:entropy,n_cycles:2,start.size:12,query.size:8,data.image_size:12,"
    "model.name:mlp,model.width:8,training.epochs:1,training.min_steps:0,training.threads:1"
)
PLACE = Path("data/08_reporting/image_folder/main/entropy/seed_0")


def run(tiny: Tiny, root: Path, more: str = "") -> Result:
    return tiny.run(f"raw_root:{root},{FAST}{more}", "--env=image_folder", pipeline=None)


def stored(tiny: Tiny) -> np.ndarray:
    (path,) = (tiny.folder / "data/03_primary/image_folder").glob("*/images.npy")
    return np.load(path)


def write_images(root: Path, *, grey: bool = False) -> None:
    """Two classes and two sizes; no two images are the same."""
    for i in range(N):
        shape = (14 + i % 2, 10) if grey else (14 + i % 2, 10, 3)
        save(root / ("bright", "dark")[i % 2] / f"{i}.png", noise(*shape, seed=i) // (1 + i % 2))


@pytest.mark.parametrize("grey", [True, False])
def test_own_images_run_to_the_gallery(tiny: Tiny, tmp_path: Path, grey: bool) -> None:
    write_images(tmp_path / "mine", grey=grey)
    result = run(tiny, tmp_path / "mine")
    assert result.exit_code == 0, result.output
    assert stored(tiny).shape == (N, 12, 12, 1 if grey else 3)
    galleries = sorted((tiny.folder / PLACE).glob("query_gallery.png/*/query_gallery.png"))
    assert len(galleries) == 2
    assert min(Image.open(galleries[-1]).size) > 96
    assert "kedro al why" in result.stdout


def test_images_without_labels_are_labelled_by_people(tiny: Tiny, tmp_path: Path) -> None:
    mine, out = tmp_path / "mine", tmp_path / "out"
    write_images(mine)
    names = sorted(path.relative_to(mine).as_posix() for path in mine.rglob("*.png"))
    rows = [
        f"{name},{name.split('/')[0] if i % 3 == 0 else ''},{'train' if i % 3 else 'test'}"
        for i, name in enumerate(names)
    ]
    (mine / "labels.csv").write_text("\n".join(["file,label,split", *rows]))
    people = f"--params=raw_root:{mine},{FAST},oracle.name:people,data.validation:0"
    for _ in range(2):
        assert run(tiny, mine, ",oracle.name:people,data.validation:0").exit_code == 0
        assert tiny.al("ask", f"--out={out}", "--env=image_folder", people).exit_code == 0
        assert (out / "classes.txt").read_text().split() == ["bright", "dark"]
        asked = pd.read_csv(out / "query.csv")
        asked.assign(label=[name.split("/")[0] for name in asked["sample_id"]]).to_csv(
            out / "query.csv", index=False
        )
        told = tiny.al("tell", str(out), "--env=image_folder", people)
        assert told.exit_code == 0, told.output
        shutil.rmtree(out)
    result = run(tiny, mine, ",oracle.name:people,data.validation:0")
    assert result.exit_code == 0, result.output
    assert "kedro al why" in result.stdout
    message = refusal(run(tiny, mine, ",data.validation:0,experiment:simulated"))
    assert "12 of 12 samples have no label that the oracle could give" in message


LABELLED = ",oracle.name:people,data.validation:0,start.sampler:labelled"


def some_labelled(root: Path) -> set[str]:
    """Of `write_images` a third are test images; of the rest the first eight have a label."""
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    train = [name for i, name in enumerate(names) if i % 3]
    known = {*train[:4], *train[-4:]}
    rows = [
        f"{name},{name.split('/')[0] if name in known or i % 3 == 0 else ''},{'train' if i % 3 else 'test'}"
        for i, name in enumerate(names)
    ]
    (root / "labels.csv").write_text("\n".join(["file,label,split", *rows]))
    return known


def test_labels_that_are_there_begin_and_people_go_on(
    tiny: Tiny, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mine, out = tmp_path / "mine", tmp_path / "out"
    write_images(mine)
    known = some_labelled(mine)
    fast = FAST.replace("start.size:12,", "")
    params = f"raw_root:{mine},{fast}{LABELLED}"
    identity = {"dataset": "image_folder", "strategy": "entropy"}
    first = tiny.run(params, "--env=image_folder", pipeline=None)
    assert first.exit_code == 0, first.output
    assert "waiting for 8 answers, 0 are in" in caplog.text
    labeled = tiny.load("labeled_index", **identity)
    assert set(labeled["sample_id"]) == known
    assert set(labeled["annotator"]) == {"dataset"}
    assert labeled["label"].tolist() == [name.split("/")[0] for name in labeled["sample_id"]]
    people = ("--env=image_folder", f"--params={params}")
    assert tiny.al("ask", f"--out={out}", *people).exit_code == 0
    asked = pd.read_csv(out / "query.csv")
    assert not known & set(asked["sample_id"])
    answered = asked.assign(label=[name.split("/")[0] for name in asked["sample_id"]])
    corrected = min(known)
    answered.loc[len(answered), ["sample_id", "label"]] = corrected, "dark"
    answered.to_csv(out / "query.csv", index=False)
    told = tiny.al("tell", str(out), "--annotator=ann", *people)
    assert told.exit_code == 0, told.output
    second = tiny.run(params, "--env=image_folder", pipeline=None)
    assert second.exit_code == 0, second.output
    labeled = tiny.load("labeled_index", **identity).set_index("sample_id")
    assert labeled["annotator"].value_counts().to_dict() == {"dataset": 7, "ann": 9}
    assert labeled.loc[corrected, ["label", "annotator"]].tolist() == ["dark", "ann"]


def test_what_status_tells_to_type_reads_the_images_as_the_experiment_did(tiny: Tiny, tmp_path: Path) -> None:
    mine, out = tmp_path / "mine", tmp_path / "out"
    write_images(mine)
    params = f"raw_root:{mine},{FAST},oracle.name:people"
    assert tiny.run(params, "--env=image_folder").exit_code == 0
    told = tiny.al("status", "--env=image_folder", f"--params=raw_root:{mine}").stdout.splitlines()
    (command,) = (line.split("`")[1] for line in told if line.startswith("`kedro al ask"))
    wrong = refusal(tiny.command(*shlex.split(f"{command},data.image_size=13")[1:]))
    assert "was begun with other options (data.image_size: 12 -> 13)" in wrong
    asked = tiny.command(*shlex.split(command)[1:], f"--out={out}")
    assert asked.exit_code == 0, asked.output


def test_some_of_the_labels_that_are_there_validate(tiny: Tiny, tmp_path: Path) -> None:
    write_images(tmp_path)
    known = some_labelled(tmp_path)
    validated = LABELLED.replace("data.validation:0", "data.validation:0.25")
    params = f"raw_root:{tmp_path},{FAST.replace('start.size:12,', '')}{validated}"
    result = tiny.run(params, "--env=image_folder", pipeline=None)
    assert result.exit_code == 0, result.output
    identity = {"dataset": "image_folder", "strategy": "entropy"}
    assert set(tiny.load("labeled_index", **identity)["sample_id"]) < known
    metrics = tiny.load("metrics", **identity).iloc[0]
    assert metrics[["n_labeled", "n_validation"]].tolist() == [6, 2]
    assert 0 <= metrics["val_accuracy"] <= 1


def test_nothing_is_asked_before_the_labels_that_are_there_are_taken_in(tiny: Tiny, tmp_path: Path) -> None:
    write_images(tmp_path)
    some_labelled(tmp_path)
    params = f"raw_root:{tmp_path},{FAST.replace('start.size:12,', '')}{LABELLED}"
    assert tiny.run(params, "--env=image_folder", "--to-nodes=split").exit_code == 0
    people = ("--env=image_folder", f"--params={params}")
    message = refusal(tiny.al("ask", "--env=image_folder", f"--params=raw_root:{tmp_path},strategy:entropy"))
    assert "has not finished its first cycle" in message
    assert "go on with the `kedro run` that began it" in message
    assert "size" not in tiny.settings(dataset="image_folder", strategy="entropy")["start"]
    assert "at rest" in tiny.al("status", *people).stdout


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", "start.size has no effect on start.sampler:labelled"),
        (
            ",oracle.name:simulated",
            "oracle.name:simulated has none for the other samples: set oracle",
        ),
    ],
)
def test_a_start_of_labels_that_are_there_needs_people(
    tiny: Tiny, tmp_path: Path, more: str, said: str
) -> None:
    write_images(tmp_path)
    some_labelled(tmp_path)
    assert said in refusal(run(tiny, tmp_path, LABELLED + more))


@pytest.mark.parametrize(
    ("split", "more", "said"),
    [
        ("train", ",data.validation:0", "test set cannot be drawn"),
        ("test", ",data.validation:4", "data.validation:4 cannot be drawn from the others: make it smaller"),
        (
            "test",
            ",data.validation:0,start.sampler:balanced,start.size:1,query.size:1",
            "set start.sampler:random",
        ),
    ],
)
def test_nothing_is_measured_on_images_without_labels(
    tiny: Tiny, tmp_path: Path, split: str, more: str, said: str
) -> None:
    write_images(tmp_path)
    rows = ["bright/0.png,bright,train", f"dark/1.png,dark,{split}", "bright/2.png,,train"]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label,split", *rows]))
    stored = ",data.validation:0,start.sampler:random,n_cycles:1,oracle.name:people,experiment:first"
    run(tiny, tmp_path, stored)  # what is in the store already is checked again
    message = refusal(run(tiny, tmp_path, more))
    assert "samples have no label (bright/2.png)" in message
    assert said in message


def test_own_test_folder_is_the_test_set_and_else_a_fifth(tiny: Tiny, tmp_path: Path) -> None:
    write_images(tmp_path / "one" / "train")
    save(tmp_path / "one" / "test" / "dark" / "0.png", noise(14, 10, 3))
    write_images(tmp_path / "two")
    for name, n_test in (("one", 1), ("two", N // 5)):
        assert run(tiny, tmp_path / name, f",n_cycles:1,experiment:{name}").exit_code == 0
        identity = {"dataset": "image_folder", "strategy": "entropy", "experiment": name}
        splits = tiny.load("splits", **identity)["split"].value_counts()
        assert splits["test"] == n_test
        assert splits.sum() == N + (name == "one")


def test_files_are_hashed_once_a_run(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_images(tmp_path / "mine")
    hashed: list[Path] = []
    digest = registry.digest
    monkeypatch.setattr(registry, "digest", lambda path: hashed.append(path) or digest(path))
    for _ in range(2):
        hashed.clear()
        assert run(tiny, tmp_path / "mine").exit_code == 0
        assert len(hashed) == N


def breaking(path: Path) -> None:
    path.write_bytes(b"<html>")


def leading_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("gone.png")


@pytest.mark.parametrize("spoil", [breaking, leading_nowhere])
def test_broken_image_stops_the_run_and_can_be_left_out(
    tiny: Tiny, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    write_images(tmp_path / "mine")
    spoil(tmp_path / "mine" / "dark" / "1.png")
    message = refusal(run(tiny, tmp_path / "mine"))
    assert "1 of 60 images cannot be read" in message
    assert "data.on_error:skip" in message
    assert not list((tiny.folder / "data/03_primary").rglob("images.npy"))
    assert run(tiny, tmp_path / "mine", ",data.on_error:skip").exit_code == 0
    assert len(stored(tiny)) == N - 1


def test_mixed_sizes_are_refused_with_what_to_set(tiny: Tiny, tmp_path: Path) -> None:
    write_images(tmp_path / "mine")
    assert "data.image_size:64" in refusal(run(tiny, tmp_path / "mine", ",data.image_size:null"))


def test_folder_that_is_not_there_is_told_how_to_be_given(tiny: Tiny, tmp_path: Path) -> None:
    message = refusal(run(tiny, tmp_path / "nowhere"))
    assert str(tmp_path / "nowhere") in message
    assert "--params=raw_root:PATH" in message
    assert not (tiny.folder / "data").exists()


def test_option_of_folders_is_refused_elsewhere(tiny: Tiny) -> None:
    assert "data.image_size" in refusal(tiny.run("data.image_size:8"))
