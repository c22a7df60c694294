"""Tables of made-up samples, and the answers to those asked for."""

from __future__ import annotations

import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st

from queryloop import samples as tables
from queryloop.options import DataOptions

seeds = st.integers(min_value=0, max_value=2**40)
quick = settings(max_examples=30)


def samples(n_train: int = 60, n_test: int = 0, n_classes: int = 4) -> pd.DataFrame:
    train = [(f"train/{i:06d}", f"c{i % n_classes}", "train") for i in range(n_train)]
    test = [(f"test/{i:06d}", f"c{i % n_classes}", "test") for i in range(n_test)]
    return tables.table("samples", train + test)


def ids(table: pd.DataFrame) -> list[str]:
    return table["sample_id"].tolist()


def members(splits: pd.DataFrame, name: str) -> set[str]:
    return set(tables.ids_in(splits, name))


def split(n: int = 60, n_test: int = 0, *, seed: int = 0, **options: object) -> pd.DataFrame:
    return tables.split(samples(n, n_test), DataOptions.model_validate(options), seed)


def answers(*rows: tuple[str, str]) -> pd.DataFrame:
    given_ = pd.DataFrame(rows, columns=["sample_id", "label"])
    return tables.table(
        "answers",
        given_.assign(annotator="me", labeled_at=pd.Timestamp.now("UTC")).reindex(
            columns=list(tables.COLUMNS["answers"])
        ),
    )


def asked(*names: str) -> pd.DataFrame:
    return tables.asked(tables.table("labeled_index"), tables.query(names), "entropy")
