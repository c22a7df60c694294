from __future__ import annotations

import gc
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor

from queryloop.boxes.box import Box
from queryloop.boxes.pool import Pool
from queryloop.boxes.resolution import resolve
from queryloop.boxes.starting import starting_set
from queryloop.boxes.sums import Sums, nats_of
from queryloop.errors import InputError, NonFiniteError, StateError
from queryloop.options import (
    DataOptions,
    ModelOptions,
    QueryOptions,
    ScoringOptions,
    TrainingOptions,
)
from queryloop.readers.registry import find
from queryloop.storage.volumes import Volumes, VolumeStore
from queryloop.tasks.segmentation import networks
from queryloop.tasks.segmentation.held_out import held_out_dice
from queryloop.tasks.segmentation.labels import tell_of_unlabelled
from queryloop.tasks.segmentation.metrics import dice, pairs
from queryloop.tasks.segmentation.observer import Observer, measured
from queryloop.tasks.segmentation.unet import UNetObserver, UNets
from queryloop.tasks.task import Looking, Recipe
from queryloop.training.checkpoint import HELD_OUT, Checkpoint
from queryloop.training.folds import Fold
from queryloop.training.volumes.cases import Annotated, LabelledPart
from queryloop.training.volumes.members import dropout, mirrors, views
from queryloop.training.volumes.tiles import Tiling
from queryloop.voxels import IGNORE
from tests.training.volumes.scans import CPU

MODEL = ModelOptions(name="unet3d", width=8, dropout=0.1, patch=(16, 16, 16))
TRAINING = TrainingOptions(
    epochs=1, min_steps=60, batch_size=2, learning_rate=3e-3, threads=1, precision="32", device="cpu"
)
BOX = (12, 12, 12)
STRATEGIES = ["random", "random_66fg", "random_predicted_fg", "entropy", "bald", "power_bald"]
STRATEGIES += ["clasp_entropy", "grand_expected", "margin+core_set"]


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Volumes:
    options, dataset = DataOptions(), find("phantom")
    store = VolumeStore(path=str(tmp_path_factory.mktemp("store")))
    store.locate(lambda: "0123")
    store.save(dataset.read(dataset.source(tmp_path_factory.getbasetemp()), options))
    return store.load()


def test_boxes_without_any_label_are_told(caplog: pytest.LogCaptureFixture) -> None:
    known, unknown = np.zeros((2, 2, 2), np.uint8), np.full((2, 2, 2), IGNORE, np.uint8)
    boxes = {Box("a", (0, 0, 0), (2, 2, 2)): known, Box("b", (0, 0, 2), (2, 2, 2)): unknown}
    tell_of_unlabelled(boxes)
    assert "1 labelled boxes hold no label, and teach nothing: b@0,0,2." in caplog.text


def test_a_diverged_network_is_told_with_the_scan_and_a_remedy(scans: Volumes) -> None:
    class Diverged(Observer):
        def sums(self, case: str, each: object = None) -> Sums:
            sums = Sums(2, (1, 1, 1), None)
            sums.add(torch.full((2, 1, 1, 1), torch.nan), torch.zeros(1, 1, 1), start=0)
            return sums

        embeddings = None  # type: ignore[assignment]

    with pytest.raises(NonFiniteError, match=r"scan case_7: .* Lower training\.learning_rate"):
        Diverged(scans).labels("case_7")


@pytest.fixture(scope="module")
def pool(scans: Volumes) -> Pool:
    train = list(scans.cases)[:8]
    shapes = {case: scans.cases[case].shape for case in train}
    return Pool(shapes=shapes, size=BOX, stride=(2, 2, 2), per_case=4, labels=scans.labels)


@pytest.fixture(scope="module")
def start(pool: Pool) -> list[Box]:
    return starting_set("foreground_66", pool, k=12, seed=0, all_classes=True)


@pytest.fixture(scope="module")
def checkpoint(scans: Volumes, start: list[Box]) -> Checkpoint:
    return trained(scans, start)


def trained(
    scans: Volumes, boxes: list[Box], seed: int = 0, previous: Checkpoint | None = None, **options: object
) -> Checkpoint:
    labels = {box: scans.labels(box.case)[box.slices] for box in boxes}
    training = TRAINING.model_copy(update=options)
    return networks.train(scans, list(scans.cases), labels, Recipe(MODEL, training, seed, previous=previous))


def held(labels: dict[Box, np.ndarray]) -> dict[str, set[int]]:
    """The classes that are labelled in each scan."""
    found: dict[str, set[int]] = {}
    for box, mask in labels.items():
        found.setdefault(box.case, set()).update(np.unique(mask).tolist())
    return found


def observer(scans: Volumes, checkpoint: Checkpoint) -> UNetObserver:
    seen = views(networks.restore(checkpoint), [(), (0,)])
    return UNetObserver(scans, seen, MODEL.patch, Tiling(MODEL.patch, 0.75), TRAINING)


def test_what_is_labelled_is_learnt(scans: Volumes, start: list[Box], checkpoint: Checkpoint) -> None:
    test = list(scans.cases)[-3:]
    found = measured(observer(scans, checkpoint), test)
    before = measured(observer(scans, trained(scans, start, min_steps=1)), test)
    assert found["dice"] > before["dice"] + 0.15
    assert found.keys() == {
        f"{m}{c}" for m in ("dice", "surface_distance") for c in ("", "_ellipsoid", "_tube")
    }


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"classes": ["background", "a"]}, "with the classes .'background', 'a'., but here they are"),
        ({"channels": ["one", "two"]}, "with the channels .'one', 'two'., but here they are"),
    ],
)
def test_a_network_of_other_scans_is_refused(
    settings: dict[str, object], words: str, scans: Volumes, start: list[Box], checkpoint: Checkpoint
) -> None:
    other = replace(checkpoint, settings={**checkpoint.settings, **settings})
    looking = Looking(QueryOptions(), ScoringOptions(members="ensemble"), TRAINING)
    with pytest.raises(StateError, match="arrays do not fit"):
        networks.restore(other)
    with pytest.raises(StateError, match=words):
        UNets().observer(replace(checkpoint, settings=other.settings), scans, looking, 0)
    with pytest.raises(StateError, match=words):
        trained(scans, start, previous=other, reinit="warm")


@pytest.mark.parametrize("reinit", ["warm", "shrink_perturb"])
def test_weights_of_another_width_are_refused(
    reinit: str, scans: Volumes, start: list[Box], checkpoint: Checkpoint
) -> None:
    narrow = {name: array[:1] for name, array in checkpoint.members["0"].items()}
    with pytest.raises(StateError, match="one of another network"):
        trained(scans, start, previous=replace(checkpoint, members={"0": narrow}), reinit=reinit)


def test_a_training_is_a_function_of_its_seed(scans: Volumes, start: list[Box]) -> None:
    first, again, other = (trained(scans, start[:4], seed, min_steps=3) for seed in (0, 0, 1))
    weights = [next(iter(found.members["0"].values())) for found in (first, again, other)]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_labels_outside_of_the_boxes_are_never_read(scans: Volumes, start: list[Box]) -> None:
    box = start[0]
    whole = np.full(scans.cases[box.case].shape, IGNORE, np.uint8)
    whole[box.slices] = scans.labels(box.case)[box.slices]
    few = TRAINING.model_copy(update={"min_steps": 3})
    cut = networks.train(scans, [box.case], {box: whole[box.slices]}, Recipe(MODEL, few, 0))
    assert cut.settings["log"] == trained(scans, [box], min_steps=3).settings["log"]


def test_a_member_does_not_learn_from_its_fold(scans: Volumes, start: list[Box]) -> None:
    """Its weights are those of a training on the other scans; the log tells how good they are in the fold."""
    fold, few = Fold(1, 3, seed=0), TRAINING.model_copy(update={"min_steps": 3})
    labels = {box: scans.labels(box.case)[box.slices] for box in start}
    apart = fold.of(held(labels))
    found = networks.train(scans, list(scans.cases), labels, Recipe(MODEL, few, 0, fold))
    kept = {box: mask for box, mask in labels.items() if box.case not in apart}
    expected = networks.train(scans, list(scans.cases), kept, Recipe(MODEL, few, 0))
    for name, weights in expected.members["0"].items():
        np.testing.assert_array_equal(found.members["0"][name], weights)
    assert 0 < len(apart) < len(held(labels))
    assert 0 <= found.settings["log"][HELD_OUT] <= 1
    assert HELD_OUT not in expected.settings["log"]


def test_the_dice_of_a_fold_is_that_of_its_labelled_voxels(
    scans: Volumes, start: list[Box], checkpoint: Checkpoint
) -> None:
    """A network that was trained on these very boxes knows them; with nothing but air nobody can tell."""
    (network,) = networks.restore(checkpoint)
    whole = [
        Annotated(scans.image(c), [LabelledPart((0, 0, 0), scans.labels(c))]) for c in list(scans.cases)[-2:]
    ]
    found = held_out_dice(network, whole, 3, MODEL.patch, CPU)
    look = UNetObserver(scans, views([network]), MODEL.patch, Tiling(MODEL.patch), TRAINING)
    voxels = sum(pairs(look.labels(c), scans.labels(c), 3) for c in list(scans.cases)[-2:])
    assert found == pytest.approx(np.nanmean(dice(voxels)))
    unknown = [
        Annotated(scans.image(start[0].case), [LabelledPart((0, 0, 0), np.full((4, 4, 4), IGNORE, np.uint8))])
    ]
    assert held_out_dice(network, unknown, 3, MODEL.patch, CPU) is None


def test_voxels_of_two_parts_count_once(scans: Volumes, checkpoint: Checkpoint) -> None:
    """By the labels of the last part, which training learns."""
    (network,), case = networks.restore(checkpoint), list(scans.cases)[-1]
    image, truth = scans.image(case), scans.labels(case)
    wrong = LabelledPart((2, 3, 4), np.full((9, 8, 7), 1, np.uint8))
    once, twice = (Annotated(image, [*more, LabelledPart((0, 0, 0), truth)]) for more in ([], [wrong, wrong]))
    alone, again = (held_out_dice(network, [of], 3, MODEL.patch, CPU) for of in (once, twice))
    assert alone == again


def test_fewer_scans_with_labels_than_folds_are_refused(scans: Volumes, start: list[Box]) -> None:
    labels = {box: scans.labels(box.case)[box.slices] for box in start[:1]}
    with pytest.raises(InputError, match="3 folds need labels in as many scans, but 1 have some"):
        networks.train(scans, list(scans.cases), labels, Recipe(MODEL, TRAINING, 0, Fold(0, 3, 0)))


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_kind_of_strategy_finds_free_boxes(
    scans: Volumes, pool: Pool, start: list[Box], checkpoint: Checkpoint, name: str
) -> None:
    strategy, seen = resolve(name), observer(scans, checkpoint)
    taken = {case: [box for box in start if box.case == case] for case in pool.shapes}
    labels = seen.labels if "prediction" in strategy.needs else scans.labels
    now = replace(pool, taken=taken, sums=seen.slabs, labels=labels, embeddings=seen.embeddings)
    found = strategy.choose(strategy.candidates(now, k=3, seed=1), now, k=3, seed=1)
    assert len(found.boxes) == 3
    assert not any(a.overlaps(b) for a, b in combinations([*found.boxes, *start], 2))


def test_members_say_what_a_single_pass_says(scans: Volumes, checkpoint: Checkpoint) -> None:
    (network,) = networks.restore(checkpoint)
    case = next(case for case, found in scans.cases.items() if found.shape)
    alone = UNetObserver(scans, views([network]), MODEL.patch, Tiling(scans.cases[case].shape, 1.0), TRAINING)
    with torch.inference_mode():
        probs = network(torch.from_numpy(np.array(scans.image(case)))[None]).softmax(dim=1)[0]
    torch.testing.assert_close(alone.sums(case).mean, probs, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("masks", [False, True])
def test_memory_for_a_case_does_not_grow_with_the_members(
    scans: Volumes, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch, masks: bool
) -> None:
    """Bytes of all tensors that live when planes of a member are added, the sums among them."""
    (network,), add, case = networks.restore(checkpoint), Sums.add, next(iter(scans.cases))
    living: list[int] = []

    def watched(sums: Sums, *given: Tensor, start: int) -> None:
        add(sums, *given, start=start)
        tensors = [found for found in gc.get_objects() if isinstance(found, Tensor)]
        living.append(
            sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())
        )

    def most(n: int) -> int:
        seen = dropout(network, n, seed=0) if masks else views([network], mirrors()[:n])
        look = UNetObserver(scans, seen, MODEL.patch, Tiling(MODEL.patch, 1.0), TRAINING)
        living.clear()
        gc.freeze()  # what lives before is not counted
        try:
            look.sums(case, nats_of)
        finally:
            gc.unfreeze()
        assert len(living) % n == 0
        return max(living)

    monkeypatch.setattr(Sums, "add", watched)
    assert most(6) == pytest.approx(most(2), rel=1e-3)  # a mask has a few numbers
