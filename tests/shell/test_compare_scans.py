"""`kedro al compare` on runs whose samples are boxes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from .test_scans import Scans

FOLDER = "data/08_reporting/phantom/comparison/main"


@pytest.mark.slow
def test_scans_are_compared_over_voxels_with_what_was_annotated(tmp_path: Path) -> None:
    scans = Scans.create(tmp_path / "project")
    for strategy in ("random", "entropy"):
        for seed in (0, 1):
            assert scans.run(f"strategy:{strategy},seed:{seed}").exit_code == 0
    result = scans.al("compare", "--env=phantom")
    assert result.exit_code == 0, result.output
    assert "4 runs on 2 common budgets" in result.stdout
    assert "voxels." in result.stdout
    effort = pd.read_csv(scans.folder / FOLDER / "effort.csv").set_index("strategy")
    assert effort["boxes"].to_dict() == {"random": 10, "entropy": 10}
    assert effort["voxels_share"].between(0, 1).all()
    classes = pd.read_csv(scans.folder / FOLDER / "classes.csv")
    assert classes.columns.tolist() == ["strategy", "0", "1", "2"]
    page = (scans.folder / FOLDER / "index.html").read_text(encoding="utf-8")
    assert "What was annotated, and how far it led" in page
    assert "<h2>Calibration</h2>" not in page
    assert not (scans.folder / FOLDER / "calibration.png").exists()
