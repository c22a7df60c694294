"""An oracle of people: their answers come between runs, through `kedro al ask` and `kedro al tell`."""

from __future__ import annotations

import pandas as pd

from queryloop.errors import StateError, examples

_IMPORT = r"^(\d{6,})-[0-9a-f]{16}$"


def answer(asked: pd.DataFrame, *_: object) -> pd.DataFrame:
    """Never gives answers of its own. Raises StateError naming what has none."""
    raise StateError(
        f"{len(asked)} samples wait for the answers of people: {examples(asked['sample_id'].tolist())}. "
        "Write them out with `kedro al ask`, and take the answers in with `kedro al tell`."
    )


def unanswered(asked: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """The part of a query that has no answer yet."""
    return asked[~asked["sample_id"].isin(answers["sample_id"])]


def standing(asked: pd.DataFrame, answers: pd.DataFrame) -> str:
    """How far people have come with a query."""
    n, n_open = len(asked), len(unanswered(asked, answers))
    return f"waiting for {n} answers, {n - n_open} are in" if n_open else f"all {n} answers are in"


def next_step(asked: pd.DataFrame, answers: pd.DataFrame, flags: str) -> str:
    """How far people have come, and how it goes on. flags: what names the experiment.

    They need not hold all settings, without which `kedro run` would be refused.
    """
    told = standing(asked, answers)
    if unanswered(asked, answers).empty:
        return (
            f"{told}: go on with the `kedro run` that began the experiment, word for word, or with a larger "
            "n_cycles where all its cycles are done."
        )
    return (
        f"{told}:\n`kedro al ask {flags}` writes out what is asked,\n"
        f"`kedro al tell FILE {flags}` takes answers in."
    )


def run_of(flags: str) -> str:
    """The command that begins an experiment whose answers come from people."""
    people = "" if "oracle.name=people" in flags else ",oracle.name=people"
    return f"`kedro run --pipeline=al_cycle {flags}{people}`"


def import_id(number: int, digest: str) -> str:
    """The name of an import, which sorts in the order in which imports came. digest: of what was told."""
    return f"{number:06d}-{digest[:16]}"


def last_import(answers: pd.DataFrame) -> int:
    """The number of the last import; 0 where there is none, and for answers that nobody was waited for."""
    found = answers["import_id"].str.extract(_IMPORT, expand=False).dropna()
    return int(found.astype(int).max()) if len(found) else 0


def check_kept(unanswered: pd.DataFrame, labeled: pd.DataFrame) -> None:
    """Raise StateError where samples of the labelled set have no answer any more."""
    lost = unanswered.loc[unanswered["sample_id"].isin(labeled["sample_id"]), "sample_id"]
    if len(lost):
        raise StateError(
            f"answers.parquet has no answer any more to {len(lost)} samples of the labelled set "
            f"({examples(lost.tolist())}): restore its files from a copy."
        )


def are_given(answers: pd.DataFrame) -> bool:
    """Whether some of the answers are from people."""
    return last_import(answers) > 0
