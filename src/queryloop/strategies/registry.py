"""The table of strategies, filled by a decorator that reads each function's signature."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from importlib import import_module
from inspect import Parameter
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from queryloop.errors import OptionsError, unknown
from queryloop.strategies.needs import NEEDS, Members

Bounds = tuple[float | None, float | None]
Options = Mapping[str, Parameter]
"""Keyword-only parameters with type and default, by name."""
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Definition:
    """What is known of a strategy before its options are settled.

    `batch`: the function takes `k` and picks by itself. `draws`: it takes a `generator`.
    `diverse`: it never takes a copy of a chosen row while others are left. `bounds`: least and largest
    score, None where there is none. `members`: what fills `mc_probs`. `auxiliary`: what must be trained
    beside the network.
    """

    name: str
    function: Callable[..., Any]
    needs: frozenset[str]
    options: Options
    batch: bool
    draws: bool
    family: str = "custom"
    source: str = ""
    bounds: Bounds = (None, None)
    members: Members = "dropout"
    diverse: bool = False
    auxiliary: str = "none"
    summary: str = ""
    alias_of: str | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)

    def settled(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All options with their values. Raises OptionsError as the function `settled` does."""
        return settled(self.name, self.options, given)


_DEFINITIONS: dict[str, Definition] = {}


def strategy(
    *,
    family: str,
    source: str,
    bounds: Bounds = (None, None),
    members: Members = "dropout",
    diverse: bool = False,
    auxiliary: str = "none",
    aliases: Mapping[str, Mapping[str, Any]] | None = None,
) -> Callable[[Function], Function]:
    """Register a function as a strategy under its own name; the function itself stays as it is.

    Its parameters are its needs (`needs.NEEDS`), `k` if it picks the batch itself and returns Picks,
    `generator` (a torch.Generator on the CPU) if it draws; its options are keyword-only, with type and
    default. `aliases`: other names, each with the options that it fixes, or with `members` of its own.
    Raises TypeError for any other parameter, ValueError for a name that is taken.
    """

    def register(function: Function) -> Function:
        definition = replace(
            read(function),
            family=family,
            source=source,
            bounds=bounds,
            members=members,
            diverse=diverse,
            auxiliary=auxiliary,
        )
        _add(definition)
        for alias, fixed in (aliases or {}).items():
            _add(_alias(definition, alias, fixed))
        return function

    return register


def read(function: Callable[..., Any]) -> Definition:
    """The definition of a function, from its signature alone. Raises TypeError as `strategy` does."""
    name = getattr(function, "__name__", type(function).__name__)
    parameters, options = _parameters(function), options_of(function)
    asked = [key for key, parameter in parameters.items() if _is_asked(parameter)]
    for key in parameters:
        if key not in options and key not in asked:
            raise _bad_parameter(name, key)
    return Definition(
        name=name,
        function=function,
        needs=frozenset(asked) & NEEDS.keys(),
        options=options,
        batch="k" in asked,
        draws="generator" in asked,
        summary=(inspect.getdoc(function) or "").partition("\n")[0],
    )


def options_of(function: Callable[..., Any]) -> Options:
    """The options of a function, a strategy's or what is built around strategies."""
    return {key: parameter for key, parameter in _parameters(function).items() if _is_option(parameter)}


def settled(name: str, options: Options, given: Mapping[str, Any]) -> dict[str, Any]:
    """All options with their values. name: whose they are. Raises OptionsError for one that is wrong."""
    for option in given:
        if option not in options:
            raise _unknown_option(name, option, options)
    defaults = {key: parameter.default for key, parameter in options.items()}
    return defaults | {key: _checked(name, key, options[key], value) for key, value in given.items()}


def definitions() -> list[Definition]:
    """Every strategy and alias, sorted by name."""
    _load_families()
    return [_DEFINITIONS[name] for name in sorted(_DEFINITIONS)]


def find(name: str) -> Definition:
    """The strategy of that name. Raises OptionsError with the nearest names."""
    _load_families()
    if name not in _DEFINITIONS:
        raise unknown("strategy", name, _DEFINITIONS, "; power_NAME and others around them, and NAME+NAME")
    return _DEFINITIONS[name]


def is_registered(name: str) -> bool:
    """Whether a strategy or alias has exactly this name."""
    _load_families()
    return name in _DEFINITIONS


def definition_of(function: Callable[..., Any]) -> Definition:
    """The definition of a function: as registered, or else read now."""
    known = (definition for definition in _DEFINITIONS.values() if definition.function is function)
    return next(known, None) or read(function)


def _add(definition: Definition) -> None:
    if definition.name in _DEFINITIONS:
        raise ValueError(f"a strategy named {definition.name!r} is registered already: choose another name")
    _DEFINITIONS[definition.name] = definition


def _alias(definition: Definition, alias: str, fixed: Mapping[str, Any]) -> Definition:
    options = {key: value for key, value in fixed.items() if key != "members"}
    definition.settled(options)
    return replace(
        definition,
        name=alias,
        alias_of=definition.name,
        fixed=fixed,
        function=partial(definition.function, **options),
        options={key: option for key, option in definition.options.items() if key not in options},
        members=fixed.get("members", definition.members),
    )


@cache
def _load_families() -> None:
    """Import each module beside this one: a new family needs no list to be edited."""
    package = import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{__package__}.{module.name}")


def _parameters(function: Callable[..., Any]) -> Options:
    return inspect.signature(function, eval_str=True).parameters


def _checked(name: str, option: str, parameter: Parameter, value: object) -> Any:
    try:
        return TypeAdapter(parameter.annotation).validate_python(value, strict=True)
    except ValidationError as error:
        rule = error.errors()[0]["msg"]
        rule = rule[0].lower() + rule[1:]
        raise OptionsError(f"option {option!r} of `{name}` is {value!r}: {rule}.") from None


def _is_asked(parameter: Parameter) -> bool:
    known = parameter.name in NEEDS or parameter.name in ("k", "generator")
    return (
        known and parameter.kind is Parameter.POSITIONAL_OR_KEYWORD and parameter.default is Parameter.empty
    )


def _is_option(parameter: Parameter) -> bool:
    typed = parameter.default is not Parameter.empty and parameter.annotation is not Parameter.empty
    free = parameter.name not in (*NEEDS, "k", "seed", "generator")
    return typed and free and parameter.kind is Parameter.KEYWORD_ONLY


def _bad_parameter(strategy_name: str, parameter: str) -> TypeError:
    return TypeError(
        f"strategy {strategy_name!r}: parameter {parameter!r} is none of these: a need without default "
        f"({', '.join(NEEDS)}), `k` or `generator`, a keyword-only option with a type and a default"
    )


def _unknown_option(strategy_name: str, option: str, options: Iterable[str]) -> OptionsError:
    if not options:
        return OptionsError(f"`{strategy_name}` has no options, but {option!r} was given.")
    return unknown(f"option of `{strategy_name}`", option, options)
