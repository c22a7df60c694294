from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from queryloop.storage.lock import locked


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """The folder of an experiment whose lock this test holds."""
    with locked(tmp_path / "home"):
        yield tmp_path / "home"
