"""Percentiles against scipy's, one neuron and one row at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import percentileofscore

from queryloop.errors import InputError
from queryloop.strategies import blocks, resolve
from queryloop.strategies.activations import model_outliers_max, model_outliers_mean

Layers = dict[str, np.ndarray]


def layers(n: int = 30, labelled: int = 11) -> tuple[Layers, Layers]:
    """Whole numbers, so that many activations are equal, and two layers of different size and scale."""
    draw = np.random.default_rng(0)

    def numbers(rows: int) -> Layers:
        small = draw.integers(-3, 4, size=(rows, 5)).astype(float)
        return {"trunk": small, "head": 100.0 * draw.integers(-3, 4, size=(rows, 3))}

    return numbers(n), numbers(labelled)


def slow_shares(pool: Layers, known: Layers) -> Layers:
    return {
        layer: np.array(
            [
                [percentileofscore(known[layer][:, d], row[d], kind="mean") / 100 for d in range(len(row))]
                for row in rows
            ]
        )
        for layer, rows in pool.items()
    }


def tensors(arrays: Layers) -> dict[str, torch.Tensor]:
    return {layer: torch.from_numpy(array) for layer, array in arrays.items()}


def test_mean_is_over_neurons_and_then_over_layers() -> None:
    pool, known = layers()
    shares = slow_shares(pool, known)
    expected = [-(trunk.mean() + head.mean()) / 2 for trunk, head in zip(*shares.values(), strict=True)]
    np.testing.assert_allclose(model_outliers_mean(tensors(pool), tensors(known)), expected, atol=1e-12)


def test_max_is_over_all_neurons_of_all_layers() -> None:
    pool, known = layers()
    shares = slow_shares(pool, known)
    expected = [-max(trunk.max(), head.max()) for trunk, head in zip(*shares.values(), strict=True)]
    np.testing.assert_allclose(model_outliers_max(tensors(pool), tensors(known)), expected, atol=1e-12)


def test_without_percentiles_raw_activations_are_put_together() -> None:
    pool, known = layers()
    for labelled in (tensors(known), tensors(layers(labelled=0)[1])):
        means = model_outliers_mean(tensors(pool), labelled, normalise="none")
        np.testing.assert_allclose(means, -(pool["trunk"].mean(axis=1) + pool["head"].mean(axis=1)) / 2)
        largest = model_outliers_max(tensors(pool), labelled, normalise="none")
        np.testing.assert_array_equal(
            largest, -np.maximum(pool["trunk"].max(axis=1), pool["head"].max(axis=1))
        )


@pytest.mark.parametrize("score", [model_outliers_mean, model_outliers_max])
def test_both_ends_and_ties_are_exact(score: object) -> None:
    known = {"only": torch.tensor([[1.0], [2.0], [3.0], [3.0]])}
    pool = {"only": torch.tensor([[0.0], [4.0], [3.0], [1.0], [2.5]])}
    assert score(pool, known).tolist() == [0, -1, -0.75, -0.125, -0.5]


@pytest.mark.parametrize("score", [model_outliers_mean, model_outliers_max])
def test_percentiles_without_labelled_rows_are_refused(score: object) -> None:
    pool, none = map(tensors, layers(labelled=0))
    with pytest.raises(InputError, match=r"'trunk'.*label some rows first"):
        score(pool, none)
    with pytest.raises(InputError, match=r"'head'.*labeled_activations"):
        score(pool, {"trunk": pool["trunk"]})
    assert score(pool, {layer: rows[:1] for layer, rows in pool.items()})[0] == -0.5


@pytest.mark.parametrize("score", [model_outliers_mean, model_outliers_max])
def test_blocks_change_no_bit(score: object, monkeypatch: pytest.MonkeyPatch) -> None:
    pool, known = map(tensors, layers(n=101))
    whole = score(pool, known)
    monkeypatch.setattr(blocks, "_BLOCK", 12)
    assert torch.equal(score(pool, known), whole)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_float_type_stays(dtype: torch.dtype) -> None:
    pool, known = ({key: part.to(dtype) for key, part in tensors(side).items()} for side in layers())
    assert model_outliers_mean(pool, known).dtype == dtype
    assert model_outliers_max(pool, known).dtype == dtype


def test_the_scale_of_a_layer_matters_only_without_percentiles() -> None:
    pool, known = map(tensors, layers())
    louder = [{"trunk": side["trunk"] * 1000, "head": side["head"]} for side in (pool, known)]
    torch.testing.assert_close(model_outliers_mean(*louder), model_outliers_mean(pool, known))
    raw = model_outliers_mean(pool, known, normalise="none")
    assert not torch.allclose(model_outliers_mean(*louder, normalise="none"), raw)


def test_percentiles_are_the_default_and_have_no_registered_ends() -> None:
    for name in ("model_outliers_mean", "model_outliers_max"):
        assert resolve(name).options == {"normalise": "percentile"}
        assert resolve(name).bounds == (None, None)  # raw activations have none
