from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from monai.losses import DiceLoss
from torch import Tensor

from queryloop.training.volumes.losses import partial, supervised
from queryloop.voxels import IGNORE


def example(seed: int = 0, classes: int = 4) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, classes, 4, 5, 6, generator=draws, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(0, classes, (2, 4, 5, 6), generator=draws, dtype=torch.uint8)
    return logits, labels


def one_hot(labels: Tensor, classes: int = 4) -> Tensor:
    return F.one_hot(labels.long(), classes).movedim(-1, 1).double()


def test_with_all_labels_it_is_the_plain_loss() -> None:
    logits, labels = example()
    found = partial(logits, labels)
    dice = DiceLoss(include_background=False, softmax=True, batch=True, smooth_nr=1e-5, smooth_dr=1e-5)
    torch.testing.assert_close(found.cross_entropy, F.cross_entropy(logits, labels.long()))
    torch.testing.assert_close(found.dice, dice(logits, one_hot(labels)), rtol=1e-6, atol=1e-6)


def test_unlabelled_voxels_are_neither_seen_nor_changed() -> None:
    logits, labels = example()
    labels[:, :, 2:] = IGNORE
    cut = partial(logits[:, :, :, :2], labels[:, :, :2])
    sum(partial(logits, labels)).backward()
    assert not logits.grad[:, :, :, 2:].any()
    assert logits.grad[:, :, :, :2].all()
    other = torch.where((labels == IGNORE).unsqueeze(1), torch.tensor(9.0), logits)
    torch.testing.assert_close(partial(other, labels), cut)


def test_the_gradient_is_that_of_the_formula() -> None:
    logits, labels = (part[:, ..., :3, :2, :2].detach() for part in example(classes=3))
    labels[0, :2] = IGNORE
    for part in (0, 1):
        assert torch.autograd.gradcheck(
            lambda z, i=part: partial(z, labels)[i], logits.requires_grad_(), atol=1e-6
        )


def test_a_class_that_does_not_occur_is_left_out_of_dice() -> None:
    logits, labels = example()
    labels[labels == 2] = 0
    dice = DiceLoss(include_background=False, softmax=True, batch=True, reduction="none")
    expected = dice(logits, one_hot(labels)).flatten()[[0, 2]].mean()
    torch.testing.assert_close(partial(logits, labels).dice, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("label", [0, IGNORE])
def test_nothing_to_learn_from_is_zero_and_not_nan(label: int) -> None:
    logits, labels = example()
    found = partial(logits, torch.full_like(labels, label))
    sum(found).backward()
    assert found.dice == 0
    assert torch.isfinite(logits.grad).all()
    assert bool(logits.grad.any()) is (label == 0)


def test_coarser_resolutions_count_half_as_much_each() -> None:
    _, labels = example()
    outputs = [torch.randn(2, 4, 4, 5, 6), torch.randn(2, 4, 2, 3, 3), torch.randn(2, 4, 1, 2, 2)]
    strides = [(1, 1, 1), (2, 2, 2), (4, 4, 4)]
    coarse = [labels, labels[:, ::2, ::2, ::2], labels[:, ::4, ::4, ::4]]
    single = [partial(logits, seen) for logits, seen in zip(outputs, coarse, strict=True)]
    found = supervised(outputs, labels, strides)
    for name in ("cross_entropy", "dice"):
        losses = [getattr(loss, name) for loss in single]
        expected = (4 * losses[0] + 2 * losses[1] + losses[2]) / 7
        torch.testing.assert_close(getattr(found, name), expected)


def test_an_axis_that_was_not_halved_keeps_its_labels() -> None:
    _, labels = example()
    logits = torch.randn(2, 4, 4, 3, 3)
    assert supervised([logits], labels, [(1, 2, 2)]) == partial(logits, labels[:, :, ::2, ::2])
