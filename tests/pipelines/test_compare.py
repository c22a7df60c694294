"""What is kept of a comparison."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from queryloop.pipelines.compare import keep


def test_a_picture_of_nothing_is_not_kept() -> None:
    table = pd.DataFrame()
    *_, picture, verdict, page = keep({"calibration": table}, {"calibration": go.Figure()}, "said", "<html>")
    assert (picture, verdict, page) == (b"", "said", "<html>")
