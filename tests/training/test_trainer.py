"""The trainer, as Lightning is asked for it."""

from __future__ import annotations

from typing import Any

import pytest

from queryloop.training import trainer


@pytest.mark.parametrize(
    ("device", "accelerator", "devices"),
    [("cpu", "cpu", 1), ("cuda", "cuda", 1), ("cuda:1", "cuda", [1]), ("mps", "mps", 1)],
)
def test_the_device_is_the_one_that_was_named(
    monkeypatch: pytest.MonkeyPatch, device: str, accelerator: str, devices: Any
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(trainer, "Trainer", lambda **how: asked.update(how))
    trainer.bare_trainer(device, [])
    assert (asked["accelerator"], asked["devices"]) == (accelerator, devices)
