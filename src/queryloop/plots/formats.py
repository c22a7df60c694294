"""Tables as a person reads them."""

from __future__ import annotations

import numpy as np
import pandas as pd

_SHARES = {"saved", "saved_low", "saved_high", "level", "evenness", "redundancy"}


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """The table as text: shares in percent, whole numbers with separators, nothing where there is none."""
    return pd.DataFrame({name: [_text(name, value) for value in table[name]] for name in table.columns})


def _text(name: str, value: object) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA:
        return ""
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        return str(value)
    number = float(value)
    if name in _SHARES:
        return f"{100 * number:.4g}%"
    if number.is_integer() and abs(number) >= 1:
        return f"{number:,.0f}"
    return f"{number:,.1f}" if abs(number) >= 100 else f"{number:.4g}"
