"""What is exported of an experiment with boxes."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pandas as pd

from queryloop.boxes.box import Box
from queryloop.handover.ask import ask
from queryloop.handover.export import export
from queryloop.handover.tell import tell
from queryloop.oracles.given import by_itself
from queryloop.readers.grid import is_resampled
from queryloop.readers.nifti import file
from queryloop.storage.lock import locked
from queryloop.storage.volumes import Volumes
from queryloop.tasks.segmentation.replay import read_loops
from queryloop.voxels import IGNORE, TRUTH

from .drawn import EARLIER, OPEN, Begun, draw


def answer_to(box: Box, label: str) -> pd.DataFrame:
    """What a simulated oracle said of a box."""
    asked = pd.DataFrame({"sample_id": [box.id], "cycle": 1})
    return by_itself(asked, np.array([label]), "simulated", "simulated-000001")


def test_an_export_holds_labels_loops_and_cycles(begun: Begun, volumes: Volumes, tmp_path: Path) -> None:
    with locked(begun.home):
        begun.catalog.save("answers", answer_to(EARLIER, TRUTH))
    assert "1 labelled boxes and 3 of the open query" in export(begun, tmp_path / "out")
    loops = read_loops(tmp_path / "out" / "loops", volumes.cases)
    assert [len(loop) for loop in loops] == [1, 3]
    if not is_resampled(volumes.cases["turned"]):
        assert loops == [[EARLIER], OPEN]
    cycles = np.asanyarray(nibabel.load(tmp_path / "out" / "queried" / "turned.nii.gz").dataobj)
    assert np.unique(cycles).tolist() == [0, 1, 2]
    labels = file.labels(tmp_path / "out" / "labels" / "labelsTr" / "turned.nii.gz", volumes.classes, [3])
    assert 0 < (labels != IGNORE).sum() < 4 * np.prod(EARLIER.size)


def test_an_export_holds_what_was_told_since(begun: Begun, volumes: Volumes, tmp_path: Path) -> None:
    with locked(begun.home):
        begun.catalog.save("answers", answer_to(EARLIER, TRUTH))
    ask(begun, tmp_path / "asked")
    draw(tmp_path / "asked", volumes, OPEN[2])
    tell(begun, tmp_path / "asked", "ann")
    assert "2 labelled boxes and 3 of the open query" in export(begun, tmp_path / "out")
    labels = file.labels(tmp_path / "out" / "labels" / "labelsTr" / "plain.nii.gz", volumes.classes, [3])
    assert (labels != IGNORE).any()


def test_an_export_before_the_first_cycle_has_no_labels(begun: Begun, tmp_path: Path) -> None:
    begun.labeled = begun.labeled[:0]
    begun.n_committed = 0
    export(begun, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["loops", "queried"]
