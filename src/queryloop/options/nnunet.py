"""Parameters of nnU-Net in place of our own U-Net."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, model_validator

from queryloop.options.strict import Options
from queryloop.values import Count

FINAL = "checkpoint_final.pth"


def _folds(value: Any) -> Any:
    """On a command line commas separate parameters, so that folds are written `0+1+2` there."""
    names = value if isinstance(value, list | tuple) else str(value).split("+")
    if not names or not all(str(name).isdecimal() or name == "all" for name in names):
        raise ValueError("folds are numbers, such as 0+1+2, or all")
    return [name if name == "all" else int(name) for name in names]


class NnUNetOptions(Options):
    """What is asked of nnU-Net, which plans the rest; for `model.name:nnunet`."""

    width: Count | None = None
    """Channels of the finest resolution; null: 32, as nnU-Net plans it."""
    trained: str | None = None
    """A folder TRAINER__PLANS__CONFIGURATION of networks that nnU-Net trained before: nothing is trained, and
    they are the checkpoint of every cycle."""
    folds: Annotated[list[int | str], BeforeValidator(_folds)] | None = None
    """Of `trained`; null: all numbers that are there, else `all`."""
    checkpoint: str = FINAL
    """File in the folder of each fold of `trained`."""

    @model_validator(mode="after")
    def _of_what(self) -> NnUNetOptions:
        if self.trained is None and (self.folds is not None or self.checkpoint != FINAL):
            raise ValueError("folds and checkpoint are those of `trained`, which names no folder")
        if self.trained is not None and self.width is not None:
            raise ValueError("width is of what is trained, but `trained` holds networks already")
        return self
