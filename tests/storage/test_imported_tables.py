"""Tables of results from elsewhere, as spreadsheets save them."""

from __future__ import annotations

from pathlib import Path

import pytest

from queryloop.errors import BrokenFileError
from queryloop.storage.results import read_imported

HEADER = "strategy,seed,n_labeled,metric"


def test_cells_are_text_without_spaces_around_them(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("strategy , seed,n_labeled,metric\nentropy, 0,100,0.9\n")
    expected = {"strategy": "entropy", "seed": "0", "n_labeled": "100", "metric": "0.9"}
    assert read_imported(str(tmp_path / "a.csv")).to_dict("records") == [expected]


@pytest.mark.parametrize("row", ["entropy,0,100,0.9,", "1,entropy,0,100,0.9"])
def test_more_cells_than_columns_are_refused(tmp_path: Path, row: str) -> None:
    """The first cell would become the name of the row, and each other one move by a column."""
    (tmp_path / "a.csv").write_text(f"{HEADER}\n{row}\n")
    with pytest.raises(BrokenFileError, match=r"a\.csv: rows have more cells than the first line names"):
        read_imported(str(tmp_path / "a.csv"))
