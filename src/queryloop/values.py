"""What single parameters may be: counts, sizes, spacings, patterns."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

_SIDES = re.compile(r"\d+(\.\d+)?(\+\d+(\.\d+)?)+")
Count = Annotated[int, Field(ge=1)]


def _text(value: Any) -> str:
    """A whole number is a name as it stands; of 1.10, on and 1e3 nobody knows how they were written."""
    if isinstance(value, float | bool | None):
        raise ValueError(f"it is a name, and was read as the value {value}: write it in quotes")
    return str(value)


def _size(value: float) -> float:
    if not (0 < value < 1 or (value >= 1 and float(value).is_integer())):
        raise ValueError("a size is a count (1, 2, ...) or a fraction between 0 and 1")
    return value if value < 1 else int(value)


def _rule(value: str) -> str:
    try:
        groups = re.compile(value).groups
    except re.error as error:
        raise ValueError(f"it is no regular expression ({error})") from None
    if groups != 1:
        raise ValueError(f"it has {groups} groups, but one says which part of an id is the patient")
    return value


def _spacing(value: Any) -> Any:
    sides = _sides(value)
    if len(sides) != 3 or not all(isinstance(side, int | float) and 0 < side < math.inf for side in sides):
        raise ValueError(
            "a spacing is a number of millimetres above 0, or three of them for z, y and x, such as 5+1.5+1.5"
        )
    return sides


def _lengths(value: Any) -> Any:
    sides = _sides(value)
    if len(sides) != 3 or not all(isinstance(side, int) and side >= 1 for side in sides):
        raise ValueError(
            "it is a number of voxels from 1 on, or three of them for z, y and x, such as 8+32+32"
        )
    return sides


def _sides(value: Any) -> Sequence[Any]:
    """On a command line commas separate parameters, so that three sides are written `8+32+32` there."""
    if isinstance(value, str) and _SIDES.fullmatch(value):
        return [float(side) if "." in side else int(side) for side in value.split("+")]
    return value if isinstance(value, list | tuple) else [value] * 3


Text = Annotated[str, BeforeValidator(_text)]
Size = Annotated[int | float, AfterValidator(_size)]
Rule = Annotated[str, AfterValidator(_rule)]
Spacing = Annotated[tuple[float, float, float], BeforeValidator(_spacing)]
Lengths = Annotated[tuple[int, int, int], BeforeValidator(_lengths)]


def unless_auto(value: Any, found: Any) -> Any:
    """What is set by hand, or what was found in the place of `auto`."""
    return found if value == "auto" else value


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their dotted names."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        nested = isinstance(value, Mapping)
        found |= flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return found


def over(settings: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings with the values of others in place of their own."""
    both = {
        key: over(settings[key], value)
        for key, value in others.items()
        if isinstance(value, Mapping) and isinstance(settings.get(key), Mapping)
    }
    return {**settings, **others, **both}
