"""A checkpoint of another model or of other classes in place of the last one is refused; nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from queryloop.storage.checkpoints import read_checkpoint, write_checkpoint
from queryloop.storage.files import seal_of, whole_file
from queryloop.training.checkpoint import Checkpoint

from .test_refusals import refusal
from .tiny import Tiny

WARM = "strategy:margin,training.reinit:warm"
FROM = "cycle 3, training, from the checkpoint of cycle 2: "


@pytest.fixture
def last(tiny: Tiny) -> Path:
    """The last checkpoint of two warm cycles."""
    assert tiny.run(WARM).exit_code == 0
    return tiny.versions("checkpoint", strategy="margin")[-1]


def put(path: Path, checkpoint: Checkpoint) -> None:
    """Write it whole and sealed, as someone who copies folders between experiments would."""
    path.unlink()
    seal_of(path).unlink()
    with whole_file(path) as file:
        write_checkpoint(checkpoint, file)


def of_another_network(made: Checkpoint) -> Checkpoint:
    first, *others = made.members["0"]
    kept = {name: made.members["0"][name] for name in others}
    return replace(made, members={"0": {**kept, "stem.weight": made.members["0"][first]}})


def of_other_members(made: Checkpoint) -> Checkpoint:
    return replace(made, members={"1": made.members["0"]})


def of_two_classes(made: Checkpoint) -> Checkpoint:
    return replace(made, settings={**made.settings, "classes": ["a", "b"]})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            of_other_members,
            "training.reinit:warm begins with network 0 of the checkpoint before, which has 1:",
        ),
        (of_another_network, f"{FROM}the checkpoint is one of another network: 2 of its arrays do not fit"),
        (of_two_classes, f"{FROM}the checkpoint was trained with the classes ['a', 'b']"),
    ],
)
def test_training_does_not_go_on_from_another_checkpoint(
    tiny: Tiny, last: Path, change: Callable[[Checkpoint], Checkpoint], words: str
) -> None:
    put(last, change(read_checkpoint(last)))
    before = tiny.tree()
    message = refusal(tiny.run(f"{WARM},n_cycles:3"))
    assert words in message
    assert before.items() <= tiny.tree().items()
    assert len(tiny.load("metrics", strategy="margin")) == 2


def test_another_file_in_its_place_is_named(tiny: Tiny, last: Path) -> None:
    assert tiny.run("experiment:other,model.width:9").exit_code == 0
    last.write_bytes(tiny.versions("checkpoint", experiment="other")[-1].read_bytes())
    message = refusal(tiny.run(f"{WARM},n_cycles:3"))
    assert f"{last} is not what was written" in message
    assert len(tiny.load("metrics", strategy="margin")) == 2
