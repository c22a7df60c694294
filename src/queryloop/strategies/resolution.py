"""From a name and options to a strategy: plain, wrapped, chained, or of another library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from queryloop.errors import unknown
from queryloop.strategies import balance, chain, noise
from queryloop.strategies.kinds import Strategy, from_definition
from queryloop.strategies.registry import Options, find, is_registered, settled

SKACTIVEML = "skactiveml."
WRAPPERS = {**dict.fromkeys(noise.NOISES, noise), "class_balanced": balance}
"""What may stand before the name of a scorer: `power_bald`, `class_balanced_margin`."""


def resolve(name: str, options: Mapping[str, Any] | None = None) -> Strategy:
    """The strategy of that name with these options.

    `a+b` is a chain, `power_a` a wrapper around a scorer, `skactiveml.A` a strategy of scikit-activeml.
    Options of a chain go to every stage that has them. Raises OptionsError for an unknown name, an
    unknown option, an option of the wrong type (but for scikit-activeml's, which looks at values when it is
    first asked) or parts that do not go together.
    """
    given = options or {}
    if "+" in name:
        return _chained(name, given)
    if name.startswith(SKACTIVEML):
        from queryloop.strategies.skactiveml import skactiveml

        return skactiveml(name.removeprefix(SKACTIVEML), given)
    prefix = next((word for word in WRAPPERS if name.startswith(f"{word}_")), None)
    if prefix and not is_registered(name):
        return _wrapped(name, prefix, given)
    return from_definition(find(name), given)


def _chained(name: str, given: Mapping[str, Any]) -> Strategy:
    names = name.split("+")
    known = [set(resolve(stage).options) for stage in names]
    _refuse_unknown(name, given, {*chain.OPTIONS, *(option for has in known for option in has)})
    stages = [resolve(stage, _among(given, has)) for stage, has in zip(names, known, strict=True)]
    return chain.chained(name, stages, _own(name, chain.OPTIONS, given))


def _wrapped(name: str, prefix: str, given: Mapping[str, Any]) -> Strategy:
    wrapper, inner = WRAPPERS[prefix], name.removeprefix(f"{prefix}_")
    known = resolve(inner).options
    _refuse_unknown(name, given, {*wrapper.OPTIONS, *known})
    own = _own(name, wrapper.OPTIONS, given)
    return wrapper.wrapped(name, prefix, resolve(inner, _among(given, known)), own)


def _among(given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: given[name] for name in names if name in given}


def _refuse_unknown(name: str, given: Iterable[str], valid: Iterable[str]) -> None:
    for option in given:
        if option not in valid:
            raise unknown(f"option of `{name}`", option, valid)


def canonical(name: str, options: Mapping[str, Any] | None = None) -> str:
    """One text for all names of a strategy with these options: an alias is what it stands for.

    All options are in it, those that nobody gave with their defaults. A strategy that is not registered, as
    those of scikit-activeml, keeps its name and what was given. Raises OptionsError for a wrong option of one
    that is, and for parts that are not registered.
    """
    given = options or {}
    prefix = next((word for word in WRAPPERS if name.startswith(f"{word}_")), None)
    if "+" in name:
        stages = [_part(stage, given) for stage in name.split("+")]
        return said("+".join(stages), _own(name, chain.OPTIONS, given))
    if is_registered(name):
        definition = find(name)
        every = {**definition.fixed, **definition.settled(given)}
        every.pop("members", None)  # of the networks that are compared: a setting of the scoring
        return said(definition.alias_of or name, every)
    if prefix:
        inner = _part(name.removeprefix(f"{prefix}_"), given)
        return said(f"{prefix}_{inner}", _own(name, WRAPPERS[prefix].OPTIONS, given))
    return said(name, given)


def _part(name: str, given: Mapping[str, Any]) -> str:
    return canonical(name, _among(given, resolve(name).options))


def _own(name: str, options: Options, given: Mapping[str, Any]) -> dict[str, Any]:
    return settled(name, options, _among(given, options))


def said(name: str, options: Mapping[str, Any]) -> str:
    """A strategy with its options as one text, whatever their order."""
    return name + "".join(f",{key}:{options[key]}" for key in sorted(options))
