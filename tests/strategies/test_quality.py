from __future__ import annotations

import logging

import pytest

from queryloop.strategies.quality import qualities, report_quality


def test_what_is_reported_inside_is_kept_in_order_and_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="queryloop"), qualities() as found:
        report_quality("first", 0.75, 40)
        report_quality("second", 0.5, 8)
    assert found == [0.75, 0.5]
    assert "first: AUROC 0.750 on 40 held-out rows." in caplog.text


def test_nothing_is_kept_outside_nor_after_an_error() -> None:
    report_quality("nobody", 0.5, 1)
    with pytest.raises(ValueError, match="stop"), qualities() as found:
        raise ValueError("stop")
    report_quality("nobody", 0.5, 1)
    assert found == []


def test_each_keeper_has_its_own() -> None:
    with qualities() as outer:
        with qualities() as inner:
            report_quality("x", 0.9, 1)
        report_quality("x", 0.8, 1)
    assert (outer, inner) == ([0.8], [0.9])
