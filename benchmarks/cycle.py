"""What the frame costs: `kedro --help` beside an empty Kedro project, and a cycle beyond its work.

    python benchmarks/cycle.py                        # digits
    python benchmarks/cycle.py --raw-root=PATH        # and MNIST's 60,000, from PATH/mnist

The help of both projects is timed in turns, as whole processes, and compared by the median. The cost
of a cycle is its wall-clock time less the nodes that train, score and evaluate, from `timings`.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

PROJECT = Path(__file__).resolve().parents[1]
KEDRO = Path(sys.executable).with_name("kedro")
WORK = {"train", "collect_evidence", "score", "evaluate"}

PYPROJECT = """\
[tool.kedro]
package_name = "empty"
project_name = "empty"
kedro_init_version = "1.7.0"
source_dir = "src"
"""
REGISTRY = """\
from kedro.pipeline import Pipeline


def register_pipelines():
    return {"__default__": Pipeline([])}
"""


def empty_project(folder: Path) -> Path:
    """The least that Kedro calls a project."""
    package = folder / "src" / "empty"
    package.mkdir(parents=True)
    (folder / "conf" / "base").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / ".telemetry").write_text("consent: false\n")
    for name, text in {"__init__": "", "settings": "", "pipeline_registry": REGISTRY}.items():
        (package / f"{name}.py").write_text(text)
    return folder


def own_project(folder: Path) -> Path:
    """This project with data of its own."""
    folder.mkdir()
    for name in ("conf", "src"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / name, folder / name)
    return folder


def seconds(project: Path, *arguments: str) -> float:
    """Wall-clock time of one kedro command."""
    began = time.perf_counter()
    subprocess.run([KEDRO, *arguments], cwd=project, check=True, capture_output=True)
    return time.perf_counter() - began


def compare_help(ours: Path, empty: Path, runs: int) -> None:
    """Print the medians and their ratio."""
    pairs = [(seconds(ours, "--help"), seconds(empty, "--help")) for _ in range(runs + 1)][1:]
    a, b = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"kedro --help: {a:.2f} s here, {b:.2f} s in an empty project, ratio {a / b:.2f} ({runs} runs)")


def cost_of_cycles(project: Path, name: str, *arguments: str) -> None:
    """Print what each cycle cost beyond training, scoring and evaluation."""
    total = seconds(project, "run", "--pipeline=al_cycle", *arguments)
    timings = pd.concat(
        map(pd.read_parquet, sorted(project.glob(f"data/08_reporting/{name}/**/timings.parquet/*.parquet")))
    )
    table = timings.pivot_table(index="cycle", columns="stage", values="seconds")
    frame = table["cycle"] - table[list(WORK)].sum(axis=1)
    listed = ", ".join(f"{value:.2f}" for value in frame)
    print(
        f"{name}: whole process {total:.1f} s; beyond training, scoring and evaluation, by cycle: {listed} s"
    )
    print(f"{name}: median from the second cycle on {frame.iloc[1:].median():.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--raw-root", type=Path, help="folder that holds mnist/")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours, empty = own_project(Path(folder) / "ours"), empty_project(Path(folder) / "empty")
        compare_help(ours, empty, options.runs)
        cost_of_cycles(ours, "digits", "--params=strategy:margin")
        if options.raw_root:
            short = "strategy:margin,n_cycles:5,training.epochs:1,training.min_steps:20"
            cost_of_cycles(
                ours, "mnist", "--env=mnist", f"--params={short},raw_root:{options.raw_root.resolve()}"
            )


if __name__ == "__main__":
    main()
