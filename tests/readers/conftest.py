from __future__ import annotations

from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from .formats import digits_csv, write_batches, write_idx, write_pastures, write_shards


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    write_idx(tmp_path / "mnist")
    return tmp_path


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    write_shards(tmp_path / "cifar10")
    return tmp_path


@pytest.fixture
def batches(tmp_path: Path) -> Path:
    write_batches(tmp_path / "cifar10" / "cifar-10-batches-py")
    return tmp_path


@pytest.fixture
def pastures(tmp_path: Path) -> Path:
    write_pastures(tmp_path / "droughtwatch")
    return tmp_path


@pytest.fixture
def own_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[np.ndarray | bytes], Path]:
    """Puts a digits file of the test's own into the place of scikit-learn's."""
    path = tmp_path / "sklearn" / "datasets" / "data" / "digits.csv.gz"
    path.parent.mkdir(parents=True)
    spec = ModuleSpec("sklearn", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path / "sklearn")]
    monkeypatch.setattr("queryloop.readers.digits.find_spec", lambda _name: spec)

    def write(content: np.ndarray | bytes) -> Path:
        path.write_bytes(content if isinstance(content, bytes) else digits_csv(content))
        return path

    return write
