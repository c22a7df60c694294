"""Where and how exactly networks compute: resolved once, recorded with the experiment."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache

import torch

from queryloop.errors import OptionsError
from queryloop.options import TrainingOptions

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_KEPT = 1 << 28  # bytes of one tensor; larger ones go back to the system at once
_NATIVE_BF16 = ("avx512_bf16", "amx_bf16", "bf16")  # x86 with and without tiles, ARM


@dataclass(frozen=True)
class Compute:
    """What `resolve` found.

    device: a torch device name. precision: `32`, or `bf16` for bfloat16 autocast (weights and
    softmax stay fp32). threads: for operations on the CPU, those of strategies, too; sums may round
    differently with another number, so it belongs to what identifies a result.
    """

    device: str
    precision: str
    threads: int

    def autocast(self) -> torch.autocast:
        """Context in which a network runs in this precision."""
        kind = torch.device(self.device).type
        return torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bf16")


def resolve(options: TrainingOptions) -> Compute:
    """Device, precision and threads of a training with these options on this machine; trains nothing.

    Raises OptionsError for a device that is not there.
    """
    device = _device(options.device)
    asked = options.precision
    is_exact = asked == "32" or (asked == "auto" and not _native_bf16(device))
    precision = "32" if is_exact else "bf16"
    threads = torch.get_num_threads() if options.threads == "auto" else options.threads
    return Compute(device=device, precision=precision, threads=threads)


def resolve_scoring(options: TrainingOptions) -> Compute:
    """As `resolve`, for the scoring pass: fp32 there, unless all is to be bf16.

    bfloat16 is 1.7 times as fast, but exchanges the closest margins: of the top 100 of 60,000 MNIST
    images 62 to 91 stay, of the top 6,000 99 %.
    """
    exact = "bf16" if options.precision == "bf16" else "32"
    return resolve(options.model_copy(update={"precision": exact}))


def precisions(options: TrainingOptions) -> dict[str, str]:
    """How exactly a training with these options computes, and all that scores or measures; as recorded."""
    training, scoring = resolve(options), resolve_scoring(options)
    return {"precision": training.precision, "scoring_precision": scoring.precision}


@contextmanager
def isolated(threads: int) -> Iterator[None]:
    """Leave torch's random state and number of threads as they were, whatever happens inside."""
    _keep_freed_memory()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            yield
    finally:
        torch.set_num_threads(before)


@cache
def _keep_freed_memory() -> None:
    """Let glibc use the memory of activations again, which it gives back to the system above 32 MB.

    The system would clear each page anew: a fifth of the time of a network of wide and cheap layers.
    """
    with suppress(AttributeError, OSError, TypeError):  # another C library has no mallopt, or none is loaded
        mallopt = ctypes.CDLL(None).mallopt
        if mallopt(_M_MMAP_THRESHOLD, _KEPT):  # the other alone, where it is refused, would make things worse
            mallopt(_M_TRIM_THRESHOLD, 2 * _KEPT)


def _device(name: str) -> str:
    available = [kind for kind, present in _present().items() if present]
    if name == "auto":
        return available[0]
    kind, colon, number = name.partition(":")
    if kind not in available or (colon and number not in _numbers(kind)):
        raise OptionsError(f"device {name!r} is not available here. Available: auto, {', '.join(available)}.")
    return name


def _numbers(kind: str) -> list[str]:
    """Processors are chosen by threads, and of the others only cuda has more than one."""
    return [str(number) for number in range(torch.cuda.device_count() if kind == "cuda" else 0)]


def _present() -> dict[str, bool]:
    """Best first."""
    return {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}


def _native_bf16(device: str) -> bool:
    """Emulated bfloat16 is slower than fp32."""
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return kind == "cpu" and any(torch.cpu.get_capabilities().get(flag, False) for flag in _NATIVE_BF16)
