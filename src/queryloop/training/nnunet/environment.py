"""The variables by which nnU-Net is told where to work and how."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from queryloop.errors import OptionsError

_TRAINERS = Path(__file__).parent / "trainers"
PARTS = ("raw", "preprocessed", "results")

_LOG = "nnunet.log"
_ELSEWHERE = "nnUNet_extTrainer"  # folders of trainers that are not in the package


def check_installed() -> None:
    """Raise OptionsError where nnU-Net is not there."""
    if find_spec("nnunetv2") is None:
        raise OptionsError(
            "model.name:nnunet needs nnunetv2, which is not installed: pip install 'queryloop[nnunet]'."
        )


@contextmanager
def workspace(folder: Path, seed: int) -> Iterator[None]:
    """nnU-Net works in this folder, and what it prints goes to a log there.

    Afterwards the environment and the random states are as before. Raises as `prepared` does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = {f"nnUNet_{part}": str(folder / part) for part in PARTS}
    with prepared(folder / _LOG), _variables(told), _seeded(seed):
        yield


@contextmanager
def loaders(n: int) -> Iterator[None]:
    """So many processes load data; with 0 this one does, and draws depend on nothing but the seed."""
    with _variables({"nnUNet_n_proc_DA": str(n)}):
        yield


@contextmanager
def prepared(log: Path = Path(os.devnull)) -> Iterator[None]:
    """nnU-Net finds our trainer, works in one process where it may, and prints to the log.

    Raises OptionsError where it is not installed.
    """
    check_installed()
    trainers = os.pathsep.join([str(_TRAINERS), *filter(None, [os.environ.get(_ELSEWHERE)])])
    told = {_ELSEWHERE: trainers, "nnUNet_compile": "f", "nnUNet_def_n_proc": "1"}
    with _variables(told), log.open("a") as file, redirect_stdout(file), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of torch, about what nnU-Net imports
        yield


@contextmanager
def _variables(told: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """All states that nnU-Net draws from; torch's are left to `isolated`."""
    torch.manual_seed(seed)
    numpy, python = np.random.get_state(), random.getstate()  # noqa: NPY002
    np.random.seed(seed % 2**32)  # noqa: NPY002
    random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(numpy)  # noqa: NPY002
        random.setstate(python)
