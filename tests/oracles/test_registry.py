from __future__ import annotations

import pytest

from queryloop.errors import OptionsError
from queryloop.oracles import simulated
from queryloop.oracles.registry import find


def test_simulated_is_found_by_name() -> None:
    assert find("simulated") is simulated.answer


def test_unknown_oracle_is_refused_with_the_nearest() -> None:
    with pytest.raises(OptionsError, match="Did you mean 'simulated'"):
        find("simulate")
