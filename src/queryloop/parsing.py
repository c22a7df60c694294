"""From what a person typed to options, or to a sentence on each wrong key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from queryloop.errors import OptionsError, unknown
from queryloop.options import ExperimentOptions

M = TypeVar("M", bound=BaseModel)


def parse(parameters: Mapping[str, Any]) -> ExperimentOptions:
    """The validated options. Raises OptionsError naming each wrong key, its value and the rule."""
    return validated(ExperimentOptions, parameters, "parameter")


def validated(model: type[M], values: Mapping[str, Any], what: str, within: str = "") -> M:
    """`values` as a model. what: what one of its keys is called in an error; within: what it is a part of.

    Raises OptionsError naming each wrong key, its value and the rule.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise OptionsError(" ".join(_sentences(model, error, what, within))) from None


def _sentences(root: type[BaseModel], error: ValidationError, what: str, within: str) -> list[str]:
    """One sentence for each wrong key (a union reports each of its members: the last one is kept)."""
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        model, path = _walk(root, [str(p) for p in problem["loc"]])
        names = [within, *path] if within else path
        key = ".".join(names)
        found[key] = _sentence(problem, model, names, f"{what} {key!r}")
    return list(found.values())


def _sentence(problem: Any, model: type[BaseModel], names: list[str], key: str) -> str:
    kind, given = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        what = key.removesuffix(f" {'.'.join(names)!r}")
        return str(unknown(what, ".".join(names), [".".join([*names[:-1], f]) for f in model.model_fields]))
    if kind in ("model_type", "dict_type"):
        keys = list(model.model_fields) if kind == "model_type" else []
        return f"{key} is a group, not a single value: write {_typed('.'.join(names), keys, given)}."
    if kind == "missing":
        return f"{key} is missing."
    rule = problem["msg"].removeprefix("Value error, ")
    if kind == "string_pattern_mismatch":
        rule = _allowed(problem["ctx"]["pattern"])
    rule = rule[0].lower() + rule[1:]
    return f"{key}: {rule}." if isinstance(given, Mapping) else f"{key} is {given!r}: {rule}."


def _allowed(pattern: str) -> str:
    """What a name may hold, of a pattern that ends with its characters in brackets."""
    inside = pattern[pattern.rindex("[") + 1 : pattern.rindex("]")]
    letters = "letters" if "A-Z" in inside else "small letters"
    signs = " ".join(inside.replace("A-Z", "").replace("a-z", "").replace("0-9", ""))
    return f"it may hold {letters}, digits and {signs} and begins with a letter or digit"


def _typed(group: str, keys: list[str], given: Any) -> str:
    """What stands for a value that was given to a whole group."""
    if own := next((key for key in ("name", "size") if key in keys), None):
        return f"{group}.{own}:{given}, or another of its keys: {', '.join(keys)}"
    return f"{group}.KEY:VALUE" + (f" with one of its keys: {', '.join(keys)}" if keys else "")


def _walk(root: type[BaseModel], path: list[str]) -> tuple[type[BaseModel], list[str]]:
    """The group a wrong key lies in, and the key's path without pydantic's own words for union members."""
    model, inside = root, False
    for depth, part in enumerate(path):
        if inside:  # the name of one of several groups of a kind
            inside = False
            continue
        inner = model.model_fields[part].annotation if part in model.model_fields else None
        if get_origin(inner) is dict:
            inside, inner = True, get_args(inner)[1]
            inner = get_args(inner)[0] if get_args(inner) else inner
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return model, path[: depth + 1]
        model = inner
    return model, path
