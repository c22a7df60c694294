"""An oracle of people: their answers come between runs, through `kedro al ask` and `kedro al tell`."""

from __future__ import annotations

import pandas as pd

from queryloop.errors import StateError, examples


def answer(asked: pd.DataFrame, *_: object) -> pd.DataFrame:
    """Never gives answers of its own. Raises StateError naming what has none."""
    raise StateError(
        f"{len(asked)} samples wait for the answers of people: {examples(asked['sample_id'].tolist())}. "
        "Write them out with `kedro al ask`, and take the answers in with `kedro al tell`."
    )


def import_id(number: int, digest: str) -> str:
    """The name of an import, which sorts in the order in which imports came. digest: of what was told."""
    return f"{number:06d}-{digest[:16]}"


def are_given(answers: pd.DataFrame) -> bool:
    """Whether some of the answers are from people."""
    return bool(answers["import_id"].str.fullmatch(r"\d{6,}-[0-9a-f]{16}").any())
