"""The store itself: addresses, and the report of a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from queryloop.errors import OptionsError
from queryloop.tracking.mirror import tell_comparison
from queryloop.tracking.store import Store, without_password

from .made_up import runs_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("address", ["localhost:5000", "ftp://me:secret@host/store"])
def test_an_address_that_mlflow_does_not_take_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(OptionsError, match=r"tracking\.mlflow:") as caught:
        Store(address)
    assert "secret" not in str(caught.value)


def test_users_and_passwords_are_hidden_and_nothing_else() -> None:
    said = "no postgresql://me:secret@host:5432/db, nor http://host/a@b or https://token@host"
    hidden = "no postgresql://***@host:5432/db, nor http://host/a@b or https://***@host"
    assert without_password(said) == hidden


def test_a_later_report_takes_the_place_of_the_one_before(address: str, client: Any, tmp_path: Path) -> None:
    folder = tmp_path / "comparison"
    folder.mkdir()
    (folder / "curves.csv").write_text("a,b\n")
    for verdict in ("no difference", "margin is ahead"):
        (folder / "index.html").write_text(verdict)
        tell_comparison(Store(address), "digits", "main", folder, verdict)
    (run,) = runs_of(client, "digits/main")
    assert run.info.run_name == "comparison"
    assert run.data.tags["mlflow.note.content"] == "margin is ahead"
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {"curves.csv", "index.html"}
    page = client.download_artifacts(run.info.run_id, "index.html", str(tmp_path))
    assert Path(page).read_text() == "margin is ahead"
