"""What boxes of labels hold, beside all that there is; and how far the labels lead."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import curve_fit

from queryloop.errors import InputError

_NO_PART = ("boxes", "background_boxes")  # whole cases have no such number


def annotated(boxes: pd.DataFrame, counts: np.ndarray, cases: np.ndarray) -> pd.DataFrame:
    """What is labelled after each cycle, in all and as a share of the whole training pool.

    boxes: one row a box with its `cycle` and `case`. counts: (n boxes, C) voxels of each class in it,
    background first. cases: (n cases, C) the same of all cases of the pool. Returns one row a cycle: cycle;
    boxes; cases (different ones), voxels, foreground_voxels; background_boxes (without foreground);
    boxes_c (that hold class c) and voxels_c for each class c. `*_share` is the part of the pool, boxes_c
    beside the cases that hold the class (it can exceed 1); mean_class_share is the mean of voxels_c_share
    over the foreground classes that the pool has. A share of what it does not have is NaN. Raises
    InputError for tables that do not fit. Source: nnActive (Lüth et al. 2025).
    """
    if counts.shape != (len(boxes), cases.shape[1]):
        raise InputError(
            f"counts have shape {counts.shape}, but there are {len(boxes)} boxes, {cases.shape[1]} classes."
        )
    whole = _held(cases, len(cases))
    rows = []
    for cycle in np.unique(boxes["cycle"]):
        so_far = (boxes["cycle"] <= cycle).to_numpy()
        held = _held(counts[so_far], boxes["case"][so_far].nunique())
        shares = {f"{name}_share": _share(held[name], whole[name]) for name in held if name not in _NO_PART}
        classes = pd.Series([shares[f"voxels_{c}_share"] for c in range(1, cases.shape[1])], dtype=float)
        rows.append({"cycle": cycle, **held, **shares, "mean_class_share": classes.mean()})
    return pd.DataFrame(rows)


def foreground_efficiency(metrics: pd.DataFrame, full: float) -> pd.DataFrame:
    """How fast each strategy nears the Dice of full labels with the foreground it has labelled.

    metrics: one row a cycle of each run of one setting: strategy, seed, foreground_voxels_share, dice.
    full: Dice of a training on all labels. Fitted by least squares, for each strategy the rate b of
    y(x) = full - (full - y0) exp(-b (x - x0)), x the share, y the Dice; (x0, y0) is the mean of all runs'
    first cycles. Returns strategy, efficiency (b, higher is better) and its standard_error, both NaN where
    nothing tells b: no foreground was added, or there are too few points. Raises InputError where the runs
    start no lower than `full`. Source: nnActive.
    """
    first = metrics.sort_values("foreground_voxels_share").groupby(["strategy", "seed"]).first()
    x0, y0 = first["foreground_voxels_share"].mean(), first["dice"].mean()
    if not y0 < full:
        raise InputError(f"the runs start with a Dice of {y0:.4g}, no lower than {full:.4g} of full labels.")

    def curve(share: np.ndarray, rate: float) -> np.ndarray:
        return full - (full - y0) * np.exp(-rate * (share - x0))

    return pd.DataFrame(
        {"strategy": strategy, **_fitted(curve, runs)}
        for strategy, runs in metrics.groupby("strategy", sort=False)
    )


def _fitted(curve: object, runs: pd.DataFrame) -> dict[str, float]:
    rates, covariance = curve_fit(curve, runs["foreground_voxels_share"], runs["dice"], p0=[1.0])
    error = float(np.sqrt(covariance[0, 0]))
    rate = float(rates[0]) if np.isfinite(error) else np.nan
    return {"efficiency": rate, "standard_error": error if np.isfinite(error) else np.nan}


def _held(counts: np.ndarray, n_cases: int) -> dict[str, int]:
    """The numbers of some boxes, or of whole cases taken as boxes. counts: (n, C)."""
    classes = range(counts.shape[1])
    foreground = counts[:, 1:].sum(axis=1)
    return {
        "boxes": len(counts),
        "cases": n_cases,
        "voxels": int(counts.sum()),
        "foreground_voxels": int(foreground.sum()),
        "background_boxes": int((foreground == 0).sum()),
        **{f"boxes_{c}": int((counts[:, c] > 0).sum()) for c in classes},
        **{f"voxels_{c}": int(counts[:, c].sum()) for c in classes},
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else np.nan
