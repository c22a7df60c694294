"""A project in which a cycle takes a second: commands and sessions in this very process."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import chdir
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from click.testing import CliRunner, Result
from kedro.framework.project import configure_project

from queryloop.cli import cli
from queryloop.session import CycleSession
from queryloop.storage.state import SETTINGS as SETTINGS_FILE

from ..projects import make_project

N_DIGITS, N_TEST, N_VALIDATION = 1797, 1500, 20
N_TRAIN = N_DIGITS - N_TEST - N_VALIDATION
SETTINGS = {
    "n_cycles": 2,
    "data": {"test": N_TEST, "validation": N_VALIDATION},
    "model": {"name": "mlp", "width": 8},
    "start": {"size": 20},
    "query": {"size": 20},
    "training": {"epochs": 2, "min_steps": 0, "augmentation": "none", "threads": 1},
}


class Tiny:
    """The project at `folder`, with SETTINGS in conf/local."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._catalogs: dict[str, Any] = {}
        _configure()

    @classmethod
    def create(cls, folder: Path) -> Tiny:
        make_project(folder)
        (folder / "conf" / "local").mkdir(exist_ok=True)
        tiny = cls(folder)
        tiny.configure("local", "parameters", SETTINGS)
        return tiny

    def configure(self, env: str, name: str, values: dict[str, Any]) -> None:
        """Write conf/<env>/<name>.yml."""
        (self.folder / "conf" / env / f"{name}.yml").write_text(yaml.safe_dump(values))

    def run(self, params: str = "", *options: str, pipeline: str | None = "al_cycle") -> Result:
        """`kedro run --pipeline=... --params=...`."""
        chosen = [f"--pipeline={pipeline}"] if pipeline else []
        return self.command("run", *chosen, f"--params={params}", *options)

    def al(self, name: str, *arguments: str) -> Result:
        """`kedro al name ...`."""
        return self.command("al", name, *arguments)

    def command(self, *arguments: str, columns: int = 200) -> Result:
        with chdir(self.folder):
            return CliRunner(env={"COLUMNS": str(columns)}).invoke(cli, arguments)

    def session(self, **params: Any) -> CycleSession:
        return CycleSession.create(project_path=self.folder, runtime_params=params)

    def catalog(self, **identity: Any) -> Any:
        """The catalog of an experiment, as a session would make it."""
        key = repr(sorted(identity.items()))
        if key not in self._catalogs:
            self._catalogs[key] = self.session(**identity).load_context().catalog
        return self._catalogs[key]

    def load(self, name: str, **identity: Any) -> Any:
        """A dataset as it was committed last."""
        return self.catalog(**identity).load(name)

    def settings(self, **identity: Any) -> dict[str, Any]:
        """What is recorded of an experiment."""
        home = self.catalog(**identity)["labeled_index"].home
        return json.loads((home / SETTINGS_FILE).read_text())

    def versions(self, name: str, **identity: Any) -> list[Path]:
        """The files of a versioned dataset, oldest first."""
        folder = self.catalog(**identity)[name].folder
        return sorted(folder.glob(f"*/{folder.name}"))

    def history(self, name: str, **identity: Any) -> list[pd.DataFrame]:
        """A versioned table, one for each cycle."""
        return [pd.read_parquet(path) for path in self.versions(name, **identity)]

    def tree(self) -> dict[str, str]:
        """Hash of every file in data/, but for the lock's own."""
        paths = [path for path in (self.folder / "data").rglob("*") if path.is_file()]
        return {
            path.relative_to(self.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in paths
            if path.name != "lock"
        }


@cache
def _configure() -> None:
    """Once a process: what Kedro reads then looks through the whole stack for where it was called."""
    configure_project("queryloop")


def flip(path: Path, at: int = -20) -> None:
    """Change one byte, as a failing disk does: size and name stay."""
    raw = bytearray(path.read_bytes())
    raw[at] ^= 0xFF
    path.write_bytes(raw)
    os.utime(path)
