"""What a case is, and how one call is measured: time, and memory beyond what was there before (Linux)."""

from __future__ import annotations

import ctypes
import gc
import logging
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CALLS = 5  # of a call that takes under a second


@dataclass(frozen=True)
class Setup:
    """What a run was asked for. folder: for what several processes share; gone after the run."""

    scale: float
    threads: int
    raw_root: Path | None
    folder: Path

    def size(self, full: int, least: int) -> int:
        """The size of something at this scale."""
        return min(full, max(least, round(full * self.scale)))


@dataclass(frozen=True)
class Job:
    """One query, ready to be called. share: how much of the case it does; the rest is estimated.

    grows: its memory grows with the share too.
    """

    call: Callable[[], Any]
    share: float = 1.0
    grows: bool = False
    told: str = ""


@dataclass(frozen=True)
class Case:
    """One thing to do, and who does it; the first contender is ours.

    make: the data. told: what is said of a result. picks: the rows that a result chose, to be compared
    with those of the contender `reference`. about: the sizes.
    """

    name: str
    about: str
    make: Callable[[Setup], Any]
    contenders: Mapping[str, Callable[[Any], Job]]
    told: Callable[[Any, Any], str] = lambda _data, _result: ""
    picks: Callable[[Any], list[int]] = lambda result: [int(row) for row in result]
    reference: str = ""
    raw: str = ""


def measure(case: Case, contender: str, setup: Setup, warm: Setup) -> dict[str, Any]:
    """Run one contender, after a call on little data that loads what is loaded late."""
    said = _Said()
    case.contenders[contender](case.make(warm)).call()
    said.lines.clear()
    data = case.make(setup)
    job = case.contenders[contender](data)
    seconds, cpu, megabytes, result = timed(job.call)
    notes = [job.told, case.told(data, result), *said.lines]
    return {
        "seconds": seconds / job.share,
        "cpu": cpu / job.share,
        "estimated": job.share < 1,
        "megabytes": megabytes / (job.share if job.grows else 1),
        "memory_estimated": job.grows and job.share < 1,
        "inputs": _inputs(data),
        "picks": case.picks(result) if case.reference else None,
        "note": "; ".join(dict.fromkeys(filter(None, notes))),
    }


def timed(call: Callable[[], Any]) -> tuple[float, float, float, Any]:
    """Median seconds and CPU seconds, MB at the peak beyond those before the first call, and its result."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # else the first call reuses what earlier work left behind
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    first = _once(call)
    megabytes = resident("VmHWM") - before
    more = [_once(call) for _ in range(CALLS - 1)] if first[0] < 1 else []
    seconds, cpu = (statistics.median(each[i] for each in (first, *more)) for i in (0, 1))
    return seconds, cpu, megabytes, first[2]


def resident(field: str, process: int | str = "self") -> float:
    """MB of memory: VmRSS now, VmHWM at the peak."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def _once(call: Callable[[], Any]) -> tuple[float, float, Any]:
    began, used = time.perf_counter(), time.process_time()
    result = call()
    return time.perf_counter() - began, time.process_time() - used, result


def _inputs(data: Any) -> float:
    """MB of the arrays of a pool."""
    return sum(part.nbytes for part in _arrays(getattr(data, "arrays", None))) / 1e6


def _arrays(value: Any) -> list[Any]:
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple):
        return [array for part in value for array in _arrays(part)]
    return [value] if hasattr(value, "nbytes") else []


class _Said(logging.Handler):
    """Keeps the warnings of this project, such as that a strategy looks at a part of the pool."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        logging.getLogger("queryloop").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage().removesuffix("."))
