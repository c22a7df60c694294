"""Closed forms against autograd of a real last layer, one row and one label at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

import queryloop
from queryloop.errors import InputError, OptionsError
from queryloop.strategies import blocks, resolve
from queryloop.strategies.gradient import el2n, grand, grand_labelled

LABELS = ["pseudo", "expected", "expected_squared", "max"]


def network(n: int = 12, classes: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    """Embeddings, probabilities, and (n, classes) gradient lengths by autograd, weight and bias together."""
    draw = torch.Generator().manual_seed(0)
    embeddings = torch.randn(n, 7, generator=draw, dtype=torch.float64)
    layer = torch.nn.Linear(7, classes).double()
    with torch.no_grad():
        layer.weight.copy_(torch.randn(classes, 7, generator=draw))
        layer.bias.copy_(torch.randn(classes, generator=draw))
    lengths = torch.empty(n, classes, dtype=torch.float64)
    for row in range(n):
        for label in range(classes):
            loss = torch.nn.functional.cross_entropy(layer(embeddings[row : row + 1]), torch.tensor([label]))
            parts = torch.autograd.grad(loss, [layer.weight, layer.bias])
            lengths[row, label] = torch.cat([part.flatten() for part in parts]).norm()
    return embeddings, layer(embeddings).softmax(dim=1).detach(), lengths


def put_together(label: str, probs: Tensor, lengths: Tensor) -> list[float]:
    rows = zip(probs.tolist(), lengths.tolist(), strict=True)
    if label == "pseudo":
        return [g[p.index(max(p))] for p, g in rows]
    if label == "max":
        return [max(g) for _, g in rows]
    power = 2 if label == "expected_squared" else 1
    return [sum(p_c * g_c**power for p_c, g_c in zip(p, g, strict=True)) for p, g in rows]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("classes", [2, 5])
def test_grand_is_the_length_by_autograd(label: str, classes: int) -> None:
    embeddings, probs, lengths = network(classes=classes)
    found = grand(probs, embeddings, seeded(), label=label)
    np.testing.assert_allclose(found, put_together(label, probs, lengths), rtol=1e-10)


@pytest.mark.parametrize("label", LABELS)
def test_el2n_is_the_same_without_the_embedding(label: str) -> None:
    _, probs, _ = network()
    lengths = torch.tensor(
        [[math.dist(row, np.eye(5)[label]) for label in range(5)] for row in probs.tolist()]
    )
    np.testing.assert_allclose(
        el2n(probs, seeded(), label=label), put_together(label, probs, lengths), rtol=1e-6
    )


def test_labelled_rows_need_no_guess() -> None:
    embeddings, probs, lengths = network()
    labels = torch.arange(12) % 5
    expected = [lengths[row, label].item() for row, label in enumerate(labels.tolist())]
    np.testing.assert_allclose(grand_labelled(probs, embeddings, labels), expected, rtol=1e-10)


def test_expected_is_the_default_and_has_a_name() -> None:
    embeddings, probs, _ = network()
    expected = grand(probs, embeddings, seeded(), label="expected")
    assert torch.equal(grand(probs, embeddings, seeded()), expected)
    assert torch.equal(el2n(probs, seeded()), el2n(probs, seeded(), label="expected"))
    arrays = {"probs": probs, "embeddings": embeddings}
    torch.testing.assert_close(resolve("egl").score(arrays, 0), expected)
    with pytest.raises(OptionsError):
        resolve("egl", {"label": "max"})


def test_sampled_labels_come_from_the_row_itself() -> None:
    embeddings, probs, lengths = network()
    found = grand(probs, embeddings, seeded(), label="sampled", draws=40_000)
    np.testing.assert_allclose(found, put_together("expected", probs, lengths), rtol=0.02)
    one = grand(probs, embeddings, seeded(), label="sampled", draws=1)
    assert ((one[:, None] - lengths).abs().amin(dim=1) < 1e-9).all()
    assert torch.equal(one, grand(probs, embeddings, seeded(), label="sampled", draws=1))
    assert not torch.equal(one, grand(probs, embeddings, seeded(1), label="sampled", draws=1))


def test_ten_labels_are_drawn_by_default() -> None:
    _, probs, _ = network()
    ten = el2n(probs, seeded(), label="sampled", draws=10)
    assert torch.equal(el2n(probs, seeded(), label="sampled"), ten)
    embeddings = torch.zeros(12, 3, dtype=torch.float64)
    assert torch.equal(grand(probs, embeddings, seeded(), label="sampled"), ten)


def test_only_sampled_draws() -> None:
    generator = seeded()
    before = generator.get_state()
    for label in LABELS:
        el2n(torch.full((3, 4), 0.25), generator, label=label)
    assert torch.equal(generator.get_state(), before)


def test_no_draws_are_refused() -> None:
    for name in ("grand", "el2n"):
        with pytest.raises(OptionsError, match="draws"):
            resolve(name, {"draws": 0})
        resolve(name, {"draws": 1})


@pytest.mark.parametrize(
    ("label", "certain", "uniform"),
    [
        ("pseudo", 0, math.sqrt(3) / 2),
        ("expected", 0, math.sqrt(3) / 2),
        ("expected_squared", 0, 3 / 4),
        ("sampled", 0, math.sqrt(3) / 2),
        ("max", math.sqrt(2), math.sqrt(3) / 2),
    ],
)
def test_ends_of_the_scale(label: str, certain: float, uniform: float) -> None:
    probs = torch.tensor([[0.0, 1, 0, 0], [0.25, 0.25, 0.25, 0.25]])
    torch.testing.assert_close(el2n(probs, seeded(), label=label), torch.tensor([certain, uniform]))
    assert resolve("el2n").bounds == (0, math.sqrt(2))


@pytest.mark.parametrize("label", LABELS)
def test_nearly_certain_rows_are_told_apart_in_single_precision(label: str) -> None:
    rest = torch.tensor([1e-6, 1e-5, 1e-4], dtype=torch.float64)
    probs = torch.stack([1 - rest, rest], dim=1)
    torch.testing.assert_close(
        el2n(probs.float(), seeded(), label=label).double(),
        el2n(probs, seeded(), label=label),
        rtol=0.05,  # single precision holds 1 - 1e-6 to within 3 percent of 1e-6
        atol=0,
    )
    exact = {"pseudo": math.sqrt(2) * rest, "expected": 2 * math.sqrt(2) * rest * (1 - rest)}
    if label in exact:
        torch.testing.assert_close(el2n(probs, seeded(), label=label), exact[label], rtol=1e-9, atol=0)


@pytest.mark.parametrize("label", [*LABELS, "sampled"])
def test_blocks_change_no_bit(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, probs, _ = network()
    whole = el2n(probs, seeded(), label=label)
    monkeypatch.setattr(blocks, "_BLOCK", 11)
    assert torch.equal(el2n(probs, seeded(), label=label), whole)


def test_a_cycle_cannot_use_what_needs_labels() -> None:
    embeddings, probs, _ = network()
    with pytest.raises(InputError, match="true_labels"):
        queryloop.select("grand_labelled", k=1, seed=0, probs=probs, embeddings=embeddings)
    wrong = probs.argmax(dim=1)
    wrong[4] = probs[4].argmin()
    found = queryloop.select(
        "grand_labelled", k=1, seed=0, probs=probs, embeddings=torch.zeros(12, 2), true_labels=wrong
    )
    assert found == [4]


def test_nothing_is_written() -> None:
    embeddings, probs, _ = network()
    before = probs.clone()
    grand_labelled(probs, embeddings, torch.zeros(12, dtype=torch.int64))
    grand(probs, embeddings, seeded())
    assert torch.equal(probs, before)
    assert resolve("grand").bounds == resolve("grand_labelled").bounds == (0, None)
