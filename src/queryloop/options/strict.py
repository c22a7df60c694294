"""What all groups of parameters have in common: they are frozen, and what they do not know is refused."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Base of all groups: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
