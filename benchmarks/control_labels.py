"""What control labels say of networks, beside the truth that only a data set with all labels knows.

    kedro al sweep --strategies=margin --seeds=6 \
      --params=experiment:control,n_cycles:9,query.size:100,query.control_share:0.3,data.test:0.3
    python benchmarks/control_labels.py --strategy=margin --seeds=6 --experiment=control

Of each network but the last: whether the two intervals hold the true accuracy, and how far the estimates are
from it; by cycle also how much easier the pool has become than the test set.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.framework.startup import bootstrap_project

from queryloop import samples as tables
from queryloop.options import TrainingOptions
from queryloop.session import CycleSession
from queryloop.storage.checkpoints import read_checkpoint
from queryloop.tasks.classification.prediction import predicted

EXACT = 1e-9  # what rounding may cost


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--strategy", default="margin")
    parser.add_argument("--experiment", default="control")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--env", default=None)
    options = parser.parse_args()
    bootstrap_project(Path.cwd())
    found = pd.concat(of_seed(options, seed) for seed in range(options.seeds))
    for name in ("control", "pool"):
        true, low, high = (found[f"{name}_{part}"] for part in ("true", "low", "high"))
        held = true.between(low - EXACT, high + EXACT)
        error = 100 * (found[f"{name}_accuracy"] - true).mean()
        print(f"{name}: {held.sum()} of {len(held)} intervals hold the truth, mean error {error:+.2f} points")
    columns = ["accuracy", "pool_true", "pool_accuracy", "pool_low", "pool_high"]
    print(found.groupby("n_labeled")[columns].mean().round(3))


def of_seed(options: argparse.Namespace, seed: int) -> pd.DataFrame:
    """The metrics of one experiment with the true accuracies of its networks."""
    identity = {"experiment": options.experiment, "strategy": options.strategy, "seed": seed}
    session = CycleSession.create(project_path=Path.cwd(), env=options.env, runtime_params=identity)
    catalog = session.load_context().catalog
    checkpoints = sorted(catalog["checkpoint"].folder.glob("*/*.safetensors"))
    metrics = catalog.load("metrics").iloc[:-1]
    true = [true_accuracies(catalog, path, n) for n, path in enumerate(checkpoints[:-1], 1)]
    return metrics.assign(**pd.DataFrame(true, index=metrics.index))


def true_accuracies(catalog: Any, path: Path, cycle: int) -> dict[str, float]:
    """Of what the strategy left in the pool, and of the whole pool of a network."""
    samples, labeled = catalog.load("samples"), catalog.load("labeled_index")
    ids = tables.ids_in(catalog.load("splits"), "train")
    rows = tables.rows_of(samples, ids.tolist())
    names = predicted(read_checkpoint(path), catalog.load("images"), rows, TrainingOptions(threads=1))
    right = pd.Series(names == samples["label"].to_numpy()[rows], index=ids)
    before = labeled.loc[labeled["cycle"] <= cycle, "sample_id"]
    chosen = labeled.loc[(labeled["cycle"] == cycle + 1) & ~labeled["control"], "sample_id"]
    return {"control_true": right.drop([*before, *chosen]).mean(), "pool_true": right.drop(before).mean()}


if __name__ == "__main__":
    main()
