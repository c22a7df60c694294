"""A copy of the project whose data lie in a folder of the test's own, and its commands as processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def make_project(folder: Path) -> Path:
    """Copy what makes the project into `folder`; the package stays the installed one."""
    shutil.copytree(ROOT / "conf", folder / "conf", ignore=_nothing_local)
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(ROOT / name, folder)
    (folder / "src").mkdir()
    return folder


def _nothing_local(folder: str, names: list[str]) -> list[str]:
    return names if Path(folder).name == "local" else []


def kedro(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `kedro` with these arguments in `project` to its end, whatever its exit code."""
    with start_kedro(project, *arguments, **environment) as process:
        out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def start_kedro(project: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start `kedro` in `project`; its output can be read from pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=project,
        env={**os.environ, "COLUMNS": "200", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
