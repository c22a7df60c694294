from __future__ import annotations

import pytest

from queryloop import samples as tables


@pytest.mark.parametrize("name", tables.COLUMNS)
def test_an_empty_table_has_its_columns_and_types(name: str) -> None:
    found = tables.table(name)
    assert found.dtypes.astype(str).to_dict() == tables.COLUMNS[name]
    assert found.empty


def test_a_table_ignores_other_columns_and_order() -> None:
    found = tables.table("query", {"score": [0.5], "other": [1], "rank": ["1"], "sample_id": ["a"]})
    assert found.dtypes.astype(str).to_dict() == tables.COLUMNS["query"]
    assert found.to_numpy().tolist() == [["a", 1, 0.5]]


def test_a_table_without_a_column_it_needs_is_refused() -> None:
    with pytest.raises((ValueError, TypeError)):
        tables.table("query", {"sample_id": ["a"], "score": [0.5]})
