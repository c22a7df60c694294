from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# a busy machine is slow, and that is no fault of what is tested
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def _empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from queryloop.tracking.store import Store

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    Store(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["files", "database"])
def address(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of an MLflow store that knows nothing: files, or a database, which MLflow lays out in many seconds."""
    if request.param == "database":
        monkeypatch.chdir(tmp_path)  # beside it lie the artifacts
        return f"sqlite:///{shutil.copy(request.getfixturevalue('_empty_database'), tmp_path)}"
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return f"file://{tmp_path}/mlruns"


@pytest.fixture
def client(address: str) -> Any:
    """MLflow's own client of that store."""
    from mlflow import MlflowClient

    return MlflowClient(address)
