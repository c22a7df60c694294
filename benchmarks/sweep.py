"""What a sweep saves by making once what experiments have in common, and what kills change in it.

    python benchmarks/sweep.py                           # 8 strategies, 5 seeds, on digits
    python benchmarks/sweep.py --strategies=random,margin --seeds=2 --kills=3

Three projects run the same sweep: as it is; with content and trainings that no other experiment sees;
and as it is, but killed at random moments and begun again. Told are the times, the trainings, and
whether all tables of the three are the same.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd

PROJECT = Path(__file__).resolve().parents[1]
STRATEGIES = "random,margin,entropy,least_confidence,badge,core_set,typiclust,bald"
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: processes whose parent has ended become ours, with their CPU time
SHARED = {  # every dataset that experiments share, by its type, below data/
    "samples": ("content.SamplesTable", "03_primary"),
    "images": ("samples.SampleStore", "03_primary"),
    "features": ("content.FeatureStore", "04_feature"),
    "training_cache": ("checkpoints.TrainingCacheDataset", "06_models/training_cache"),
}


def project(folder: Path, *, shares: bool) -> Path:
    """This project with data of its own; without sharing, each experiment has its own content and cache."""
    folder.mkdir(parents=True)
    for name in ("conf", "src"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / name, folder / name)
    if not shares:
        place = "${_dataset}/${_name}/${_strategy}/seed_${_seed}"
        lines = [
            f"{key}:\n  type: queryloop.storage.{kind}\n  path: data/{where}/{place}/shared\n"
            for key, (kind, where) in SHARED.items()
        ]
        parameters = {"dataset": "dataset", "name": "experiment", "strategy": "strategy", "seed": "seed"}
        names = [f"_{k}: ${{runtime_params:{v}, ${{globals:{v}}}}}\n" for k, v in parameters.items()]
        (folder / "conf" / "local" / "catalog.yml").write_text("".join([*names, *lines]))
    return folder


def start(folder: Path, options: argparse.Namespace, log: Path) -> subprocess.Popen[bytes]:
    """`kedro al sweep` in a project."""
    params = f"experiment:swept{',' + options.params if options.params else ''}"
    command = ["al", "sweep", f"--strategies={options.strategies}", f"--seeds={options.seeds}"]
    arguments = [*command, f"--workers={options.workers}", f"--params={params}"]
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "kedro", *arguments],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
        )


def swept(folder: Path, options: argparse.Namespace) -> tuple[float, float]:
    """Seconds, and CPU seconds of all its processes, of a sweep that nothing disturbs. Raises SystemExit."""
    began, used = time.perf_counter(), _cpu_of_children()
    if start(folder, options, folder / "said").wait():
        raise SystemExit((folder / "said").read_text())
    seconds = time.perf_counter() - began
    return seconds, _cpu_of_children() - used


def _cpu_of_children() -> float:
    """CPU seconds of all that has ended, the processes of ended processes too (Linux)."""
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def killed(folder: Path, options: argparse.Namespace, n_cycles: int) -> int:
    """Run a sweep that is killed at random moments, and to its end; returns how many kills hit it."""
    draw = random.Random(options.seed)
    hits = 0
    for moment in sorted(draw.uniform(0, n_cycles) for _ in range(options.kills)):
        process = start(folder, options, folder / "said")
        while process.poll() is None and n_committed(folder) < int(moment):
            time.sleep(0.1)
        with suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(0, 10))
        hits += process.poll() is None
        process.kill()
        process.wait()
    swept(folder, options)
    return hits


def n_committed(folder: Path) -> int:
    """Cycles that are committed, of all experiments."""
    return len([*folder.glob("data/05_model_input/digits/swept/*/*/labeled_index.parquet/*/*.parquet")])


def tables(folder: Path) -> dict[str, str]:
    """A digest of every table of an experiment, versions numbered, without what a clock wrote."""
    found = {}
    for home in sorted(folder.glob("data/0[5-8]_*/digits/swept/*/seed_*")):
        for path in sorted(home.rglob("*.parquet")):
            if path.is_file() and "timings.parquet" not in path.parts:
                at = path.relative_to(folder).parts
                version = sorted(path.parent.parent.iterdir()).index(path.parent)
                name = "/".join([*at[:-2], str(version)] if path.name == path.parent.parent.name else at)
                frame = pd.read_parquet(path).drop(columns="labeled_at", errors="ignore")
                found[name] = hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()
    return found


def n_trained(folder: Path) -> int:
    """Networks that were trained."""
    return len([*folder.glob("data/06_models/training_cache/**/*.safetensors")])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--strategies", default=STRATEGIES)
    parser.add_argument("--seeds", default="5")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--params", default="", help="more parameters, as after --params")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(_SUBREAPER, 1)
    with tempfile.TemporaryDirectory() as folder:
        ours, alone, struck = (
            project(Path(folder) / name, shares=name != "alone") for name in ("ours", "alone", "struck")
        )
        seconds, cpu = swept(ours, options)
        print(f"with sharing:    {seconds:7.1f} s, {cpu:7.1f} s CPU, {n_trained(ours)} trainings", flush=True)
        wanted = tables(ours)
        if options.kills:
            hits = killed(struck, options, n_committed(ours))
            same = "the same" if tables(struck) == wanted else "OTHER"
            print(f"killed {hits} times and begun again: {len(wanted)} tables, {same}", flush=True)
        slower, more = swept(alone, options)
        print(f"without sharing: {slower:7.1f} s, {more:7.1f} s CPU, {n_trained(alone)} trainings")
        trainings = n_trained(alone) / n_trained(ours)
        print(f"ratio of times {slower / seconds:.2f}, of CPU {more / cpu:.2f}, of trainings {trainings:.2f}")
        print(f"without sharing tables are {'the same' if tables(alone) == wanted else 'OTHER'}")


if __name__ == "__main__":
    main()
