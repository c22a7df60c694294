"""Rows that leave the network's neurons quiet, compared with what labelled rows do to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor

from queryloop.errors import InputError
from queryloop.strategies.blocks import in_blocks
from queryloop.strategies.registry import strategy

Layers = Mapping[str, Tensor]
Normalise = Literal["percentile", "none"]


@strategy(family="activations", source="Munro 2021")
def model_outliers_mean(
    activations: Layers, labeled_activations: Layers, *, normalise: Normalise = "percentile"
) -> Tensor:
    """Rows whose neurons are quiet on average, the quietest first.

    Formula: -mean over layers of the mean over neurons of r, r the share of labelled rows whose activation
    of that neuron is lower, equal ones counting half. normalise "none": r the raw activation.
    activations: layer -> (N, D). labeled_activations: layer -> (M, D), with "none" M may be 0.
    Returns (N,), in [-1, 0]; any number with "none".
    Cost: (N + M) D log M. Use: to find rows that the network has no features for. Dark, empty or broken
    samples come first, so by itself it is often worse than random: mix it with an uncertainty. With
    "none" a layer of large activations outvotes the others.
    """
    levels = _levels(activations, labeled_activations, normalise, lambda neurons: neurons.mean(dim=1))
    return -levels.mean(dim=0)


@strategy(family="activations", source="Munro 2021")
def model_outliers_max(
    activations: Layers, labeled_activations: Layers, *, normalise: Normalise = "percentile"
) -> Tensor:
    """Rows whose loudest neuron of all layers is quiet, the quietest first.

    Formula: -max over layers of the max over neurons of r, r the share of labelled rows whose activation
    of that neuron is lower, equal ones counting half. normalise "none": r the raw activation.
    activations: layer -> (N, D). labeled_activations: layer -> (M, D), with "none" M may be 0.
    Returns (N,), in [-1, 0]; any number with "none".
    Cost: (N + M) D log M. Use: with few neurons or many labelled rows. Otherwise nearly every row has some
    neuron above all labelled rows, the scores tie at -1, and the query is random. With "none" the layer of
    the largest activations decides alone.
    """
    levels = _levels(activations, labeled_activations, normalise, lambda neurons: neurons.amax(dim=1))
    return -levels.amax(dim=0)


def _levels(
    activations: Layers, labeled: Layers, normalise: Normalise, over_neurons: Callable[[Tensor], Tensor]
) -> Tensor:
    """How loud each row is in each layer, put together over its neurons. Returns (layers, N)."""
    if normalise == "none":
        return torch.stack([over_neurons(rows) for rows in activations.values()])
    return torch.stack(
        [_percentile(rows, _known(labeled, layer), over_neurons) for layer, rows in activations.items()]
    )


def _known(labeled: Layers, layer: str) -> Tensor:
    """The labelled activations of a layer: (D, M), each neuron's in rising order."""
    if layer not in labeled or len(labeled[layer]) == 0:
        raise InputError(
            f"percentiles of layer {layer!r} need labelled rows, and there are none: pass its "
            "labeled_activations, or label some rows first."
        )
    return labeled[layer].T.contiguous().sort(dim=1).values


def _percentile(rows: Tensor, known: Tensor, over_neurons: Callable[[Tensor], Tensor]) -> Tensor:
    """Share of the known activations below a row's, equal ones counting half, put together over neurons."""

    def share(block: Tensor) -> Tensor:
        neurons = block.T.contiguous()
        below = torch.searchsorted(known, neurons, out_int32=True)
        twice = torch.searchsorted(known, neurons, out_int32=True, right=True).add_(below)
        shares = twice.T.to(block.dtype, memory_format=torch.contiguous_format) / (2 * known.shape[1])
        return over_neurons(shares)

    return in_blocks(share, rows)
