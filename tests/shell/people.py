"""An experiment whose labels come from people: what they are asked, and what they answer."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .tiny import Tiny

PEOPLE = "strategy:entropy,oracle.name:people"
PARAMS = "--params=strategy:entropy"
ENTROPY = {"strategy": "entropy"}


def ask(tiny: Tiny, folder: Path) -> pd.DataFrame:
    result = tiny.al("ask", f"--out={folder}", PARAMS)
    assert result.exit_code == 0, result.output
    return pd.read_csv(folder / "query.csv", dtype=str, keep_default_na=False)


def truth(tiny: Tiny) -> dict[str, str]:
    samples = tiny.load("samples", **ENTROPY)
    return dict(zip(samples["sample_id"], samples["label"], strict=True))


def fill(tiny: Tiny, folder: Path, n: int | None = None) -> pd.DataFrame:
    """The table of `folder` with the first n labels filled in."""
    asked = pd.read_csv(folder / "query.csv", dtype=str, keep_default_na=False)
    known = [truth(tiny)[sample] for sample in asked["sample_id"]]
    asked["label"] = [label if n is None or i < n else "" for i, label in enumerate(known)]
    asked.to_csv(folder / "query.csv", index=False)
    return asked


def tell(tiny: Tiny, given: Path, *more: str) -> str:
    result = tiny.al("tell", str(given), PARAMS, *more)
    assert result.exit_code == 0, result.output
    return result.stdout


def table(path: Path, *rows: tuple[str, str]) -> Path:
    path.write_text("sample_id,label\n" + "".join(f"{sample},{label}\n" for sample, label in rows))
    return path


def asked_ids(tiny: Tiny) -> list[str]:
    return tiny.load("starting_set", **ENTROPY)["sample_id"].tolist()
