"""What a strategy is given: converted, checked, and cut to rows at one door."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from queryloop.errors import InputError
from queryloop.strategies.checks import Leaf, check_ids, check_numbers, check_sizes
from queryloop.strategies.needs import NEEDS, Meaning


class Head(NamedTuple):
    """The last linear layer. weight: (C, D), bias: (C,)."""

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class Evidence:
    """Checked input of a strategy: ids (N,) and one value for each need, on one device, in one float type."""

    ids: np.ndarray
    values: Mapping[str, Any]

    def rows(self, positions: np.ndarray) -> Evidence:
        """The same evidence for these pool rows only, in this order."""

        ids = self.ids[positions]

        def cut(name: str, value: Any) -> Any:
            if name == "ids":
                return ids
            return _each(lambda part: part[positions], value) if NEEDS[name].axes[:1] == "N" else value

        return Evidence(ids, {name: cut(name, value) for name, value in self.values.items()})


def gathered(given: Mapping[str, Any], needs: Iterable[str], asker: str) -> Evidence:
    """What `asker` needs out of all that is given; what it does not need is not looked at.

    Without `ids` the rows are called 0..N-1. Floats below 32 bits become float32; nothing is written to.
    Raises InputError for a missing need or arrays that do not fit, NonFiniteError for NaN or infinity.
    """
    asked = sorted(needs)
    refuse_missing(given, asked, asker)
    values = _unified({name: _converted(name, given[name]) for name in asked if name != "ids"})
    leaves = [leaf for name, value in values.items() for leaf in _leaves(name, value)]
    ids = ids_of(given, next((leaf.shape[0] for leaf in leaves if leaf.axes[:1] == ("N",) and leaf.shape), 0))
    sizes = check_sizes([Leaf("ids", ("N",), "id", ids.shape), *leaves])
    if given.get("ids") is not None:
        check_ids(ids)
    for leaf in leaves:
        check_numbers(leaf, ids, sizes.get("C"))
    return Evidence(ids, values | ({"ids": ids} if "ids" in asked else {}))


def ids_of(given: Mapping[str, Any], n: int) -> np.ndarray:
    """The ids as (N,) int64 or as (N,) objects that are all str; 0..n-1 where none are given.

    Raises InputError for ids of another or of mixed type.
    """
    ids = given.get("ids")
    if ids is None:
        return np.arange(n)
    source = ids.cpu() if isinstance(ids, Tensor) else ids
    array = np.asarray(source, dtype=None if hasattr(ids, "dtype") else object)
    kinds = {array.dtype.type} if array.dtype.kind in "iu" else set(map(type, array.ravel().tolist()))
    if all(issubclass(kind, str) for kind in kinds):
        return array.astype(object, copy=False)
    if all(issubclass(kind, (int, np.integer)) and kind is not bool for kind in kinds):
        return array.astype(np.int64, copy=False)
    found = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise InputError(f"`ids` must be all whole numbers or all texts, not {found}.")


def as_tensor(label: str, value: Any) -> Tensor:
    """A view of an array or tensor of numbers; a copy only where torch cannot read the memory layout."""
    if isinstance(value, Tensor):
        return value.detach()
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"`{label}` is no array: {error}.") from None
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise InputError(f"`{label}` must hold numbers of at most 64 bits, not {array.dtype}.")
    if not array.dtype.isnative or any(step < 0 for step in array.strides):
        array = array.astype(array.dtype.newbyteorder("="))
    return torch.from_dlpack(array)  # unlike from_numpy it takes read-only memory without a warning


def refuse_missing(given: Mapping[str, Any], needs: Iterable[str], asker: str) -> None:
    """Raise InputError where something that is needed was not given."""
    missing = [name for name in needs if given.get(name) is None]
    if missing:
        arguments = ", ".join(f"{name}=..." for name in missing)
        raise InputError(f"`{asker}` needs {' and '.join(missing)}; pass {arguments}")


def _converted(name: str, value: Any) -> Any:
    need = NEEDS[name]
    if need.meaning == "count":
        return _whole_number(name, value)
    if need.meaning == "share":
        return share(name, value)
    if need.meaning == "head":
        return _head(value)
    if need.layered:
        return _layers(name, value)
    tensor = as_tensor(name, value)
    return _integral(name, tensor, need.meaning) if need.meaning in ("class", "truth") else tensor


def _whole_number(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise InputError(f"`{name}` must be a whole number, not {value!r}.") from None


def share(name: str, value: Any) -> float:
    """A number from 0 to 1. Raises InputError for anything else."""
    if isinstance(value, int | float) and 0 <= value <= 1:
        return float(value)
    raise InputError(f"`{name}` must be a number from 0 to 1, not {value!r}.")


def _head(value: Any) -> Head:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise InputError("`head` must be a pair: weight (C, D) and bias (C,).")
    return Head(as_tensor("head.weight", value[0]), as_tensor("head.bias", value[1]))


def _layers(name: str, value: Any) -> dict[str, Tensor]:
    if not isinstance(value, Mapping) or not value:
        raise InputError(f"`{name}` must be a mapping from the name of a layer to its array.")
    return {layer: as_tensor(f"{name}[{layer!r}]", part) for layer, part in value.items()}


def _integral(name: str, tensor: Tensor, meaning: Meaning) -> Tensor:
    if tensor.is_floating_point() or tensor.is_complex():
        raise InputError(f"`{name}` must hold whole numbers, not {str(tensor.dtype).removeprefix('torch.')}.")
    whole = tensor.long()
    if meaning == "class":
        return whole
    if ((whole != 0) & (whole != 1)).any():
        raise InputError(f"`{name}` must hold only true and false (1 and 0).")
    return whole.bool()


def _unified(values: Mapping[str, Any]) -> dict[str, Any]:
    """All parts on one device (the first that is no CPU), all measured ones in the widest float type."""
    parts = [part for value in values.values() for part in _parts(value)]
    device = next((part.device for part in parts if part.device.type != "cpu"), torch.device("cpu"))
    widest = reduce(torch.promote_types, (part.dtype for part in parts), torch.float32)

    def moved(part: Tensor) -> Tensor:
        return part.to(device, widest)

    def placed(part: Tensor) -> Tensor:
        return part.to(device)

    return {
        name: _each(placed if NEEDS[name].meaning in ("class", "truth") else moved, value)
        for name, value in values.items()
    }


def _each(function: Callable[[Any], Any], value: Any) -> Any:
    """A function applied to every part of one need."""
    if isinstance(value, Mapping):
        return {layer: function(part) for layer, part in value.items()}
    if isinstance(value, Head):
        return Head(*map(function, value))
    return value if isinstance(value, int | float) else function(value)


def _parts(value: Any) -> list[Tensor]:
    found: list[Tensor] = []
    _each(found.append, value)
    return found


def _leaves(name: str, value: Any) -> Iterator[Leaf]:
    """Every array of one need, with its axes; the width of a layer is a length of its own."""
    need = NEEDS[name]
    if need.meaning == "count":
        yield Leaf(name, tuple(need.axes), need.meaning, (value,))
    elif need.meaning == "head":
        yield Leaf("head.weight", ("C", "D"), "number", tuple(value.weight.shape), value.weight)
        yield Leaf("head.bias", ("C",), "number", tuple(value.bias.shape), value.bias)
    elif need.layered:
        for layer, part in value.items():
            axes = (need.axes[0], f"D of {layer!r}")
            yield Leaf(f"{name}[{layer!r}]", axes, need.meaning, tuple(part.shape), part)
    elif need.meaning != "share":
        yield Leaf(name, tuple(need.axes), need.meaning, tuple(value.shape), value)
