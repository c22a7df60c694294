"""How often the verdict is wrong where the truth is known: simulated sweeps of five seeds.

    python benchmarks/false_verdicts.py --sweeps 1000

Of sweeps without a true difference, the share with any verdict; of sweeps with a true saving, the share of
95% intervals that hold it. What is true comes from the curves without noise, by the functions that judge.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from queryloop.statistics.curves import areas
from queryloop.statistics.verdict import common_level, contrasts, savings

SEEDS = 5
BUDGETS = np.arange(100, 1001, 100.0)
NOISE = 0.07  # beside the error
NOISES = ("normal", "heavy", "skewed")
Draw = Callable[[tuple[int, ...]], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sweeps", type=int, default=1000)
    n_sweeps = parser.parse_args().sweeps
    print("any false verdict, of sweeps without a true difference\n")
    print("| strategies beside random | noise | sweeps with one |\n| --- | --- | --- |")
    for n_strategies in (1, 3, 7):
        for noise in NOISES:
            print(f"| {n_strategies} | {noise} | {false_verdicts(n_sweeps, n_strategies, noise):.1%} |")
    print("\n95% intervals of labels saved that hold the true saving\n")
    print(
        "| true saving | noise | level | sweeps with an interval | hold it |\n| --- | --- | --- | --- | --- |"
    )
    for speed in (1.25, 1.6, 2.5):
        for noise in NOISES:
            for level in (None, 0.92):
                told, given, held = coverage(n_sweeps, speed, noise, level)
                print(f"| {told} | {noise} | {level or 'found'} | {given:.1%} | {held:.1%} |")


def false_verdicts(n_sweeps: int, n_strategies: int, noise: str) -> float:
    """Share of sweeps without a true difference in which any strategy is called better or worse."""
    names = ["random", *(f"s{i}" for i in range(n_strategies))]
    controls = dict.fromkeys(names[1:], "random")
    wrong = 0
    for sweep in range(n_sweeps):
        drawn = simulated(dict.fromkeys(names, 1.0), drawing(noise, sweep))
        wrong += contrasts(areas(drawn), controls)["verdict"].isin(["better", "worse"]).any()
    return wrong / n_sweeps


def coverage(n_sweeps: int, speed: float, noise: str, level: float | None) -> tuple[str, float, float]:
    """The true saving, the share of sweeps with an interval, and the share of those that hold it.

    level: accuracy that savings are told for; None for the one that is found from the curves.
    """
    speeds = {"random": 1.0, "ours": speed}
    truth = partial(savings, expected(speeds), {"ours": "random"})
    found = []
    for sweep in range(n_sweeps):
        drawn = simulated(speeds, drawing(noise, sweep))
        at = level or common_level(drawn, "random")
        assert at is not None
        said = savings(drawn, {"ours": "random"}, at).iloc[0]
        found.append((said["ratio_low"], truth(at)["ratio"].item(), said["ratio_high"]))
    low, true, high = np.array(found).T
    given = np.isfinite(low)
    held = (low <= true) & (true <= high)
    return f"{1 - 1 / np.nanmean(true):.0%}", given.mean(), held[given].mean()


def drawing(noise: str, sweep: int) -> Draw:
    """Draws of mean 0 and deviation 1."""
    draw = np.random.default_rng(sweep)
    return {
        "normal": lambda shape: draw.normal(size=shape),
        "heavy": lambda shape: draw.standard_t(5, size=shape) / np.sqrt(5 / 3),
        "skewed": lambda shape: 1 - draw.exponential(size=shape),
    }[noise]


def expected(speeds: dict[str, float]) -> pd.DataFrame:
    """Curves without noise: error falls as a power of the labels, `speed` times as fast after the start."""
    labels = {name: BUDGETS[0] + speed * (BUDGETS - BUDGETS[0]) for name, speed in speeds.items()}
    index = pd.MultiIndex.from_product([speeds, [0]], names=["strategy", "seed"])
    heights = [1 - 0.25 * (n / BUDGETS[0]) ** -0.6 for n in labels.values()]
    return pd.DataFrame(heights, index=index, columns=pd.Index(BUDGETS, name="n_labeled"))


def simulated(speeds: dict[str, float], draw: Draw) -> pd.DataFrame:
    """One sweep: levels of the seeds, of the runs, and noise of each cycle; all fall with the error."""
    true = expected(speeds).to_numpy()[:, None, :]
    n = len(speeds)
    noise = 0.5 * draw((1, SEEDS, 1)) + 0.7 * draw((n, SEEDS, 1)) + 0.7 * draw((n, SEEDS, len(BUDGETS)))
    noise[..., 0] = draw((1, SEEDS))  # one starting set and one first network
    heights = true + NOISE * (1 - true) * noise
    index = pd.MultiIndex.from_product([speeds, range(SEEDS)], names=["strategy", "seed"])
    return pd.DataFrame(heights.reshape(n * SEEDS, -1), index, pd.Index(BUDGETS, name="n_labeled"))


if __name__ == "__main__":
    main()
