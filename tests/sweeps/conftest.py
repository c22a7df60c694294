from __future__ import annotations

from pathlib import Path

import pytest

from ..shell.tiny import Tiny


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """A project in which nothing has run."""
    return Tiny.create(tmp_path / "project")
