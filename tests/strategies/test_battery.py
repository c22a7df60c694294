from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from queryloop.errors import QueryloopError
from queryloop.strategies import Definition, Strategy, definitions
from queryloop.strategies.registry import read
from queryloop.strategies.resolution import from_definition

from . import battery
from .examples import FAULTY, UNREGISTERED

SUBJECTS = [*definitions(), *map(read, UNREGISTERED)]


@pytest.mark.parametrize("definition", SUBJECTS, ids=lambda found: found.name)
@pytest.mark.parametrize("check", battery.CHECKS, ids=lambda check: check.__name__)
def test_every_strategy_keeps_every_promise(
    definition: Definition, check: Callable[[Strategy], None]
) -> None:
    check(from_definition(definition, {}))


@pytest.mark.parametrize(
    ("function", "check"), FAULTY.items(), ids=lambda case: getattr(case, "__name__", case)
)
def test_the_battery_finds_the_faults_of_others(function: Callable[..., Any], check: str) -> None:
    faulty = from_definition(replace(read(function), family="uncertainty"), {})
    with pytest.raises((AssertionError, QueryloopError)):
        getattr(battery, check)(faulty)
