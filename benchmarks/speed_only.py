"""Lines of the strategies where a fault costs time or memory and changes no result."""

from __future__ import annotations

from pathlib import Path

from mutants import Mutant

_SIZE = "how many rows go through a formula at once"
_WHEN = "when outdated distances are brought up to date; outdated ones are bounds, so the picks are the same"
_DRAWN = "how many candidates are drawn at once, and when distances are brought up to date"

SPEED_ONLY: dict[str, dict[str, str]] = {
    "activations.py": {
        "below = torch.searchsorted(known, neurons, out_int32=True)": "int32 halves the memory",
        "twice = torch.searchsorted(known, neurons, out_int32=True": "int32, as above",
        "shares = twice.T.to(block.dtype, memory_format": "rows are put together faster in this layout",
    },
    "batch_bald.py": {
        "_BLOCK = 2**18": _SIZE,
        "best, size = -1.0, _rows_at_once(mc_probs, known)": "a lower best looks at more rows again",
        "best = max(best, float(bounds[rows].max()))": "a lower best looks at more rows again",
        "return max(1, _BLOCK // (mc_probs.shape[2] * max(known.draws.shape)))": _SIZE,
    },
    "bayesian.py": {
        "_BLOCK = 2**19": _SIZE,
        "joint = sum(": _SIZE,
        "size = max(1, _BLOCK // (mc_probs.shape[2] * columns.shape[1]))": _SIZE,
    },
    "blocks.py": {
        "_BLOCK = 2**21": _SIZE,
        "size = size or max(1, _BLOCK // max(1, rows.shape[1:].numel()))": _SIZE,
    },
    "copies.py": {"is_repeat = torch.ones_like(order, dtype=torch.bool)": "one byte a row, not eight"},
    "cover.py": {
        "_HELD = 2**23": _SIZE,
        "suspects = (ball & (self.counts > 0)).nonzero()[0]": "which rows are worth a comparison",
    },
    "coverage.py": {
        "_COLUMNS = 32": "how many leading rows are looked at again at once",
        "bar = float(bounds[_COLUMNS]) if len(rows) > _COLUMNS else -math.inf": "as above",
    },
    "density.py": {
        'options = {"min_samples": 1, "algorithm": "prims_kdtree", "core_dist_n_jobs": 1}': "number of jobs",
    },
    "discriminative.py": {
        "optimizer = AdamW(network.parameters, _RATE, fused=True)": "one kernel for all parameters",
    },
    "farthest.py": {
        "_LEADERS = 512": _WHEN,
        "spent = 0": _WHEN,
        "spent += _take_leaders(reach, k) * (len(reach.chosen) - reach.updated + 1)": _WHEN,
        "if spent >= len(reach.distances) * (len(reach.chosen) - reach.updated) / 2:": _WHEN,
        "reach.update()": _WHEN,
        "bounds, leaders = reach.distances.topk(min(_LEADERS + 1, len(reach.distances)))": _WHEN,
        "bar = max(0.0, float(bounds[_LEADERS])) if len(leaders) > _LEADERS else 0.0": _WHEN,
        "leaders = leaders[:_LEADERS]": _WHEN,
    },
    "kmeans.py": {"_HELD = 2**24": _SIZE},
    "mixed.py": {
        "_BLOCK = 2**21": _SIZE,
        "size = max(1, _BLOCK // probs.shape[1])": _SIZE,
    },
    "neighbours.py": {
        "_BLOCK = 2**20": _SIZE,
        "size = max(1, (held or _BLOCK) // max(1, width))": _SIZE,
    },
    "perturbation.py": {
        "_BLOCK = 2**21": _SIZE,
        "size = max(1, _BLOCK // max(widths))": _SIZE,
    },
    "picks.py": {"lowest = scores.topk(k, sorted=False).values.min()": "the least of k needs no order"},
    "seeding.py": {
        "_BATCH = 128": _DRAWN,
        "_CANDIDATE = 8": _DRAWN,
        "self.vain = 0": _DRAWN,
        "self.update()": _DRAWN,
        "before, size = len(chosen), min(_BATCH, 4 * (k - len(chosen)))": _DRAWN,
        "kept, wanted, tried = len(chosen) - before, k - len(chosen), self.vain + size": _DRAWN,
        "self.vain = 0 if kept else tried": _DRAWN,
        "if wanted * tried * _CANDIDATE > max(1, kept) * len(self.weights):": _DRAWN,
    },
}
"""File, how the line begins, reason. Only a fault that no test finds is counted under it."""


def is_speed_only(mutant: Mutant) -> bool:
    """Whether what the fault stands on is marked."""
    return _lines(mutant.path)[mutant.line - 1].startswith((*SPEED_ONLY.get(mutant.path.name, {}),))


def stale(paths: list[Path]) -> list[str]:
    """Marks of these modules whose line is no longer there."""
    return [
        f"{path.name}: {mark}"
        for path in paths
        for mark in SPEED_ONLY.get(path.name, {})
        if not any(line.startswith(mark) for line in _lines(path))
    ]


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text().splitlines()]
