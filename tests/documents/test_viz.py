"""kedro-viz draws the project, with the curve and the query as previews."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..projects import kedro, make_project

TINY = "strategy:margin,n_cycles:2,training.epochs:2"


@pytest.mark.slow
def test_a_static_build_holds_lineage_and_previews(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    run = kedro(project, "run", "--pipeline=al_cycle", f"--params={TINY}")
    assert run.returncode == 0, run.stderr
    compared = kedro(project, "al", "compare")
    assert compared.returncode == 0, compared.stderr
    # kedro viz build takes no parameters: the strategy becomes the project's default
    names = project / "conf" / "base" / "globals.yml"
    names.write_text(names.read_text().replace("strategy: random", "strategy: margin"))

    built = kedro(project, "viz", "build", "--include-previews")

    assert built.returncode == 0, built.stderr
    api = project / "build" / "api"
    graphs = [json.loads(file.read_text()) for file in (api / "pipelines").iterdir()]
    found = {node["name"]: node["id"] for graph in graphs for node in graph["nodes"]}
    previews = {name: json.loads((api / "nodes" / found[name]).read_text())["preview"] for name in FIGURES}
    assert previews["learning_curve"]["data"][-1]["y"] == pytest.approx(previews_of(project))
    assert previews["query_gallery"].startswith("iVBOR")  # a PNG in base64
    assert previews["metrics"]["columns"][:3] == ["strategy", "seed", "cycle"]
    assert previews["comparison_curves_picture"].startswith("iVBOR")
    assert previews["comparison_ranks_table"]["data"][0][0] == "margin"


FIGURES = (
    *("learning_curve", "query_gallery", "metrics"),
    *("comparison_curves_picture", "comparison_ranks_table"),
)


def previews_of(project: Path) -> list[float]:
    """Test accuracy of each cycle, as stored."""
    import pandas as pd

    newest = max(project.glob("data/08_reporting/**/metrics.parquet/*/metrics.parquet"))
    return pd.read_parquet(newest)["accuracy"].tolist()
