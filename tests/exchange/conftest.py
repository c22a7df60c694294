from __future__ import annotations

import pytest

from queryloop.storage.volumes import Volumes

from . import made_up

RESAMPLED = {"native": None, "finer": (1.1, 0.9, 0.7), "coarser": (4.0, 2.0, 2.3), "mixed": (1.5, 2.1, 1.3)}


@pytest.fixture(scope="session", params=RESAMPLED)
def scans(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Volumes:
    """Cases in their own grid, and in resampled ones."""
    return made_up.scans(tmp_path_factory.mktemp(request.param), RESAMPLED[request.param])


@pytest.fixture(scope="session")
def native(tmp_path_factory: pytest.TempPathFactory) -> Volumes:
    """Cases in their own grid."""
    return made_up.scans(tmp_path_factory.mktemp("native"), None)
