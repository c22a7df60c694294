"""A folder of trained networks against the data set they are to look at."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from queryloop.boxes.resolution import resolve
from queryloop.errors import OptionsError
from queryloop.options import ExperimentOptions, NnUNetOptions
from queryloop.tasks.registry import task_of
from queryloop.tasks.segmentation import nnunet
from queryloop.training.folds import Fold
from queryloop.training.nnunet.trained import Trained

SCANS = SimpleNamespace(classes=("background", "left", "right"), channels=("T1", "T2"))
CHOSEN = NnUNetOptions(trained="folder", folds="3+all")


def described(classes: list[str], channels: list[str]) -> Trained:
    labels = {name: number for number, name in enumerate([*classes, "ignore"])}
    return Trained({}, {"labels": labels, "channel_names": dict(enumerate(channels))}, "3d_fullres", ())


def taken(monkeypatch: pytest.MonkeyPatch, found: Trained, fold: Fold | None = None) -> list[object]:
    """The folds that are read where the folder holds what was found."""
    seen: list[object] = []
    monkeypatch.setattr(nnunet, "folds_in", lambda _folder, _checkpoint, wanted: wanted)
    monkeypatch.setattr(nnunet, "read", lambda _folder, folds, _checkpoint: seen.extend(folds) or found)
    assert nnunet._taken(CHOSEN, SCANS, fold) is found
    return seen


@pytest.mark.parametrize(("fold", "name"), [(None, 3), (Fold(0, 2, 0), 3), (Fold(1, 2, 0), "all")])
def test_members_are_the_folds_in_their_order(
    monkeypatch: pytest.MonkeyPatch, fold: Fold | None, name: object
) -> None:
    found = described(["background", "links", "rechts"], ["T1w", "T2w"])
    assert taken(monkeypatch, found, fold) == [name]


@pytest.mark.parametrize(
    ("classes", "channels", "words"),
    [
        (["background", "left"], ["T1", "T2"], "classes background, left, but .* background, left, right"),
        (["background", "right", "left"], ["T1", "T2"], "classes background, right, left, but"),
        (["background", "left", "right"], ["T1"], "channels T1, but the data set has T1, T2"),
        (["background", "left", "right"], ["T2", "T1"], "channels T2, T1"),
    ],
)
def test_other_data_are_refused(
    monkeypatch: pytest.MonkeyPatch, classes: list[str], channels: list[str], words: str
) -> None:
    with pytest.raises(OptionsError, match=words):
        taken(monkeypatch, described(classes, channels))


def options(chosen: str | None, members: int = 3, **training: object) -> ExperimentOptions:
    return ExperimentOptions(
        experiment="main",
        dataset="phantom",
        strategy="bald",
        seed=0,
        n_cycles=5,
        raw_root=".",
        model={"name": "nnunet", "nnunet": {"trained": chosen}},
        training=training,
        scoring={"members": "ensemble", "ensemble_size": members},
    )


@pytest.mark.parametrize(("chosen", "members", "expected"), [(None, 3, 3), ("folder", 3, 0)])
def test_a_trained_folder_counts_as_no_training(chosen: str | None, members: int, expected: int) -> None:
    assert task_of("phantom").n_trained(options(chosen, members)) == expected


@pytest.mark.parametrize("chosen", [None, "folder"])
def test_a_full_training_is_as_long_as_one_of_a_cycle_as_each_begins_anew(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    monkeypatch.setattr(nnunet, "folds_in", lambda _folder, _checkpoint, _wanted: [0, 1])
    environment = options(chosen, reinit="warm", min_steps=1000)
    found = nnunet.NnUNets().settled(environment, resolve("bald")).training
    assert found.in_one(5).min_steps == 1000
    assert found.reinit == "cold"  # so that no checkpoint of the cycle before is looked at
