from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from queryloop.errors import BrokenFileError, MissingFilesError

from .formats import digits_csv
from .reading import pixels, read

Write = Callable[[np.ndarray | bytes], Path]


def table() -> np.ndarray:
    values = np.arange(5 * 64).reshape(5, 64) % 17
    return np.column_stack([values, np.arange(5)]).astype(float)


def changed(row: int, column: int, value: float) -> np.ndarray:
    values = table()
    values[row, column] = value
    return values


def test_same_as_scikit_learn_gives(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    theirs, ours = load_digits(), read("digits", tmp_path)
    assert ours.shape == (8, 8, 1)
    np.testing.assert_array_equal(pixels(ours)[..., 0], np.rint(theirs.images * 255 / 16))
    assert ours.samples.label.tolist() == [str(label) for label in theirs.target]
    assert ours.samples.sample_id.iloc[-1] == "train/001796"
    assert set(ours.samples.split) == {"train"}


def test_reading_imports_neither_scikit_learn_nor_torch() -> None:
    code = (
        "import sys; from pathlib import Path; from queryloop.options import DataOptions;"
        "from queryloop.readers.registry import find, fingerprint; d = find('digits');"
        "files = d.source(Path('.')); d.read(files, DataOptions());"
        "print([m for m in ('sklearn', 'torch', 'PIL', 'pyarrow.parquet') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


BROKEN: dict[str, tuple[np.ndarray | bytes, list[str]]] = {
    "value above": (changed(3, 5, 17), ["record 3", "17", "0..16"]),
    "value not finite": (changed(2, 5, np.nan), ["record 2", "nan"]),
    "label outside": (changed(4, 64, 10), ["record 4 has 10", "0..9"]),
    "label between": (changed(4, 64, 1.5), ["record 4 has 1.5"]),
    "columns": (table()[:, 1:], ["64 columns", "expected 65"]),
    "one record short": (digits_csv(table())[:-30], ["damaged gzip"]),
    "empty": (b"", ["is empty"]),
    "no records": (b"\n", ["no records"]),
    "comment": (b"# 1,2\n", ["not a table of numbers"]),
    "no numbers": (b"a,b,c\n", ["not a table of numbers", "row 0"]),
    "no text": (b"\xff\xfe\x00", ["not a table of numbers"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_file_is_refused_by_name(own_digits: Write, tmp_path: Path, case: str) -> None:
    content, told = BROKEN[case]
    path = own_digits(content)
    with pytest.raises(BrokenFileError) as caught:
        read("digits", tmp_path)
    for fragment in [str(path), *told]:
        assert fragment in str(caught.value)


@pytest.mark.usefixtures("own_digits")
def test_missing_file_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(MissingFilesError, match=r"digits\.csv\.gz.*pip install") as caught:
        read("digits", tmp_path)
    assert str(tmp_path / "sklearn" / "datasets" / "data") in str(caught.value)


def test_missing_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queryloop.readers.digits.find_spec", lambda _name: None)
    with pytest.raises(MissingFilesError, match="pip install"):
        read("digits", tmp_path)
