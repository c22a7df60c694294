"""From what a person typed to options, or to a sentence on each wrong key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from queryloop.errors import OptionsError, unknown
from queryloop.options import ExperimentOptions


def parse(parameters: Mapping[str, Any]) -> ExperimentOptions:
    """The validated options. Raises OptionsError naming each wrong key, its value and the rule."""
    try:
        return ExperimentOptions.model_validate(dict(parameters))
    except ValidationError as error:
        raise OptionsError(" ".join(_sentences(error))) from None


def _sentences(error: ValidationError) -> list[str]:
    """One sentence for each wrong key (a union reports each of its members: the last one is kept)."""
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        path = [str(p) for p in problem["loc"]]
        model, path = _walk(path)
        key = ".".join(path)
        if problem["type"] == "extra_forbidden":
            found[key] = str(
                unknown("parameter", key, [".".join([*path[:-1], f]) for f in model.model_fields])
            )
        elif problem["type"] in ("model_type", "dict_type"):
            found[key] = (
                f"parameter {key!r} is a group, not a single value: "
                f"write {key}.name:{problem['input']} or another of its keys."
            )
        elif problem["type"] == "missing":
            found[key] = f"parameter {key!r} is missing."
        else:
            rule = problem["msg"].removeprefix("Value error, ")
            rule = rule[0].lower() + rule[1:]
            found[key] = f"parameter {key!r} is {problem['input']!r}: {rule}."
    return list(found.values())


def _walk(path: list[str]) -> tuple[type[BaseModel], list[str]]:
    """The group a wrong key lies in, and the key's path without pydantic's own words for union members."""
    model: type[BaseModel] = ExperimentOptions
    for depth, part in enumerate(path):
        inner = model.model_fields[part].annotation if part in model.model_fields else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return model, path[: depth + 1]
        model = inner
    return model, path
