from __future__ import annotations

from collections.abc import Callable

import pytest

from queryloop.strategies import Strategy, definitions
from queryloop.strategies.registry import Definition, read
from queryloop.strategies.resolution import from_definition

from .battery import CHECKS
from .examples import UNREGISTERED


@pytest.mark.parametrize("definition", [*definitions(), *map(read, UNREGISTERED)], ids=lambda found: found.name)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_strategy_keeps_every_promise(
    definition: Definition, check: Callable[[Strategy], None]
) -> None:
    check(from_definition(definition, {}))
