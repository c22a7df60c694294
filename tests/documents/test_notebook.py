"""The notebook runs from top to bottom on the experiment that the README makes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ..projects import ROOT, kedro, make_project


@pytest.mark.slow
def test_the_quickstart_runs_on_the_experiment_of_the_readme(tmp_path: Path) -> None:
    import nbformat  # here: both take seconds, in every process that only looks for tests
    from nbclient import NotebookClient

    project = make_project(tmp_path)
    shutil.copytree(ROOT / "notebooks", project / "notebooks")
    run = kedro(project, "run", "--pipeline=al_cycle", "--params=strategy:entropy,training.epochs:10")
    assert run.returncode == 0, run.stderr
    notebook = nbformat.read(project / "notebooks" / "quickstart.ipynb", as_version=4)
    folder = {"metadata": {"path": str(project / "notebooks")}}

    NotebookClient(notebook, timeout=300, resources=folder).execute()

    assert all(not output.get("ename") for cell in notebook.cells for output in cell.get("outputs", []))
    texts = "".join(str(output) for cell in notebook.cells for output in cell.get("outputs", []))
    assert "as in the last row of metrics" in texts
