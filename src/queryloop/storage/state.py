"""The state of an experiment as a whole: what is committed, what a crash left over, what is damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kedro.io.core import generate_timestamp

from queryloop.errors import QueryloopError, StateError
from queryloop.storage.experiment import VERSION, committed, versions_of
from queryloop.storage.files import (
    SEAL,
    TEMPORARY,
    check_seal,
    is_unfinished,
    remove_abandoned,
    seal_of,
    sealed_by,
    whole_file,
)
from queryloop.values import flat

SETTINGS = "settings.json"
_THREADS = "computing.threads"  # as training.threads resolved
_PRECISION, _SCORING = "computing.precision", "computing.scoring_precision"  # as training.precision did
ASKED_PRECISION = {("32", "32"): "32", ("bf16", "32"): "mixed", ("bf16", "bf16"): "bf16"}
"""`training.precision` by how training and scoring computed."""


def next_version(folders: Iterable[Path]) -> str:
    """A version id above all that are there, whatever the clock says."""
    now = generate_timestamp()
    last = max((v for f in folders for v in versions_of(f)), default="")
    return now if now > last else _one_later(last)


def _one_later(version: str) -> str:
    moment = datetime.strptime(version.removesuffix("Z"), _CLOCK) + timedelta(milliseconds=1)
    return moment.strftime(_CLOCK)[:-3] + "Z"


_CLOCK = "%Y-%m-%dT%H.%M.%S.%f"


def check_parts(home: Path, folders: Sequence[Path], timings: Path) -> None:
    """Every committed cycle must have all its parts, and no others may lie about.

    timings: folder of a file for each cycle, written after its commit. Raises StateError where a committed
    cycle lacks a part, or where the labelled set itself was lost: the last cycles have times and no set, or
    more is uncommitted than one interrupted cycle can have left.
    """
    marks = committed(home)
    for folder in folders:
        lost = sorted(set(marks) - set(versions_of(folder)))
        if lost:
            raise StateError(f"{folder} lacks version {lost[0]}, which is committed: restore it from a copy.")
    names = (path.stem for path in timings.glob("*.parquet"))
    timed = max((int(name) for name in names if name.isdecimal()), default=0)  # a copy beside them is none
    if timed > len(marks):
        raise StateError(
            f"{home} has labelled sets of {len(marks)} cycles, although {timed} are committed: restore "
            "labeled_index.parquet from a copy, or give another experiment name."
        )
    leftover = sorted({v for f in folders for v in versions_of(f)} - set(marks))
    if len(leftover) > 1 or (leftover and marks and leftover[0] < marks[-1]):
        raise StateError(
            f"{home} has no labelled set for {', '.join(leftover)}, although other files of these cycles are "
            "there: restore labeled_index.parquet from a copy, or give another experiment name."
        )


def check_origins(home: Path, written_once: Iterable[Path]) -> None:
    """Raise StateError where a file that the committed cycles were made from is not there."""
    for path in written_once:
        if committed(home) and not path.exists():
            raise StateError(f"{path} is missing, although cycles are committed: restore it from a copy.")


def remove_leftovers(home: Path, folders: Iterable[Path], timings: Path) -> None:
    """Delete what an interrupted run left: temporary files, and what it never committed. Under the lock only.

    Raises StateError as `check_parts` does, and then deletes nothing.
    """
    folders = list(folders)
    check_parts(home, folders, timings)
    for place in sorted({folder.parent for folder in folders}):
        remove_abandoned(place.rglob(TEMPORARY))
    for folder in folders:
        for version in _unfinished(folder, committed(home)):
            shutil.rmtree(version)


def _unfinished(folder: Path, marks: list[str]) -> list[Path]:
    return [path for path in folder.glob("*") if VERSION.fullmatch(path.name) and path.name not in marks]


def read_settings(home: Path) -> dict[str, Any] | None:
    """What the experiment was begun with, or None where it was not begun."""
    path = home / SETTINGS
    if not path.exists():
        return None
    check_seal(path)
    return json.loads(path.read_bytes())


def record_settings(
    home: Path, settings: dict[str, Any], made_from_them: Iterable[Path], *, keep: bool = False
) -> None:
    """Write the settings before anything is made from them; once a cycle is committed they stay.

    made_from_them: files written once, which other settings before the first commit make stale. keep: people
    were asked, so they stay with the settings even before. Raises StateError showing each difference.
    """
    before = read_settings(home)
    if before == settings:
        return
    if committed(home) or keep:
        raise StateError(
            f"{home / SETTINGS} is missing, although cycles or answers are there: restore it from a copy."
            if before is None
            else _differences(home, before, settings)
        )
    for path in (*made_from_them, home / SETTINGS):
        _remove(path)
    with whole_file(home / SETTINGS) as file:
        file.write(json.dumps(settings, indent=1, sort_keys=True).encode())


def forget_settings(home: Path) -> None:
    """Remove the settings of an experiment that nothing was made from. Under the lock only."""
    _remove(home / SETTINGS)


def check_settings(home: Path, settings: dict[str, Any]) -> None:
    """Raise StateError showing each difference to what the experiment was begun with."""
    before = read_settings(home)
    if before is not None and before != settings:
        raise StateError(_differences(home, before, settings))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    seal_of(path).unlink(missing_ok=True)


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """What differs, by dotted names, as "name: before -> now"."""
    old, new = flat(before), flat(now)
    return {k: f"{k}: {old.get(k)} -> {new.get(k)}" for k in sorted(old | new) if old.get(k) != new.get(k)}


def _differences(home: Path, before: dict[str, Any], now: dict[str, Any]) -> str:
    old, found = flat(before), changed(before, now)
    hints = {
        "samples": " `samples` changes with the source files (raw_root) and with the options in `data`.",
        "experiment": " Its folders were copied or renamed: use the first name.",
        _THREADS: f" `{_THREADS}` is set with --params=training.threads:{old.get(_THREADS)}.",
    }
    if precision := ASKED_PRECISION.get((str(old.get(_PRECISION)), str(old.get(_SCORING)))):
        told = f" Precision is set with --params=training.precision:{precision}."
        hints |= {_PRECISION: told} if _PRECISION in found else {_SCORING: told}
    return (
        f"the experiment at {home} {_done(home)} with other settings "
        f"({'; '.join(found.values())}).{''.join(hints[key] for key in hints if key in found)} "
        "Results of different settings do not belong in one curve: set them back, "
        "or give another name, such as --params=experiment:second."
    )


def _done(home: Path) -> str:
    return f"has {n} cycles made" if (n := len(committed(home))) else "has asked people"


def damaged(root: Path) -> tuple[int, list[str]]:
    """Check every sealed file below `root`: their number, and a sentence for each that is damaged."""
    seals = sorted(root.rglob(f"*{SEAL}"))
    problems = [problem for seal in seals if (problem := _problem(sealed_by(seal)))]
    return len(seals), problems


def _problem(path: Path) -> str | None:
    if is_unfinished(path):
        return None
    try:
        check_seal(path)
    except QueryloopError as error:
        return str(error)
    return None
