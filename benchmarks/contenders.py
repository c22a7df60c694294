"""Contenders side by side: each in a process of its own, what they found as a Markdown table. Linux only."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
WARM = 0.001
PREPARE = "prepare"
Row = dict[str, Any]
Options = argparse.Namespace
Find = Callable[[Options], list[Any]]


def parser(about: str | None) -> argparse.ArgumentParser:
    """The arguments of every comparison."""
    found = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--only", nargs="+", metavar="CASE", default=[])
    found.add_argument("--scale", type=float, default=1.0, help="shrinks what is made up")
    found.add_argument("--limit", type=float, default=300, help="seconds a process may take")
    found.add_argument("--memory", type=float, default=16, help="GB a process may take")
    found.add_argument("--threads", type=int, default=2)
    for own in ("--case", "--contender", "--folder"):
        found.add_argument(own, default="", help=argparse.SUPPRESS)
    return found


def main(options: Options, cases: Find, show: Callable[[Options, Find], None] | None = None) -> None:
    """Print the table, or be one contender in a process of its own."""
    if options.contender:
        print("\n" + json.dumps(_child(options, cases)))
        return
    with tempfile.TemporaryDirectory() as folder:
        options.folder = Path(folder)
        load = os.getloadavg()[0]
        print(
            f"{options.threads} threads of {os.cpu_count()}, load before {load:.2f}, scale {options.scale}\n"
        )
        (show or print_cases)(options, cases)


def print_cases(options: Options, cases: Find) -> None:
    """Every case: seconds, memory, how many times ours, and what is said of the result."""
    print(
        "| case | contender | seconds | CPU seconds | MB beyond inputs | ratio to ours | note |\n| --- "
        + "| --- " * 6
        + "|"
    )
    for case in wanted(options, cases):
        if case.raw and not raw_root(options):
            print(f"| {case.name} | | | | | | not run: needs --raw-root with {case.raw} |", flush=True)
            continue
        if case.raw == "cifar10" and not (options.folder / "cifar10.pt").exists():
            run(case.name, PREPARE, options)
        rows = {contender: run(case.name, contender, options) for contender in case.contenders}
        ours = next(iter(rows.values())).get("seconds")
        for contender, row in rows.items():
            note = "; ".join(filter(None, [row["note"], _agreement(case.reference, contender, rows)]))
            ratio = f"{row['seconds'] / ours:.2f}" if ours and "seconds" in row else "-"
            print(
                f"| {case.name} ({case.about}) | {contender} | {seconds(row)} | {seconds(row, 'cpu')} "
                f"| {megabytes(row)} | {ratio} | {note} |",
                flush=True,
            )


def wanted(options: Options, cases: Find) -> list[Any]:
    """The cases that were asked for."""
    found = cases(options)
    unknown = set(options.only) - {case.name for case in found}
    if unknown:
        raise SystemExit(f"no case {sorted(unknown)}; there are: {', '.join(case.name for case in found)}")
    return [case for case in found if not options.only or case.name in options.only]


def _agreement(reference: str, contender: str, rows: dict[str, Row]) -> str:
    """Which share of the picks the reference has too."""
    own, other = rows[contender].get("picks"), rows.get(reference, {}).get("picks")
    if not own or not other or contender == reference:
        return ""
    return f"{len(set(own) & set(other)) / len(own):.1%} of picks are {reference}'s"


def seconds(row: Row, kind: str = "seconds") -> str:
    """For the table: by the clock, or of the processors (`cpu`), which other work changes less."""
    if kind not in row:
        return "-"
    return f"{'est. ' if row['estimated'] else ''}{row[kind]:.3g}"


def megabytes(row: Row) -> str:
    """For the table."""
    if "seconds" not in row:
        return "-"
    return f"{'est. ' if row['memory_estimated'] else ''}{row['megabytes']:,.0f}"


def run(case: str, contender: str, options: Options) -> Row:
    """One contender in a process of its own: what it found, or a note on why it did not finish."""
    command = [sys.executable, *sys.argv, "--case", case, "--contender", contender]
    command += [f"--folder={options.folder}"]
    environment = os.environ | dict.fromkeys(THREADS, str(options.threads)) | {"PYTHONWARNINGS": "ignore"}
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.DEVNULL)
        stopped = _watched(child, options)
        out.seek(0)
        lines = out.read().splitlines()
    if stopped:
        return {"note": stopped}
    return json.loads(lines[-1]) if child.returncode == 0 else {"note": f"ended with {child.returncode}"}


def _watched(child: subprocess.Popen[Any], options: argparse.Namespace) -> str:
    """Wait for the end, or bring it about: why, or nothing."""
    began = time.monotonic()
    while child.poll() is None:
        reason = ""
        if time.monotonic() - began > options.limit:
            reason = f"stopped at {options.limit:g} s"
        elif _gigabytes(child.pid) > options.memory:
            reason = f"stopped at {options.memory:g} GB"
        if reason:
            child.kill()
            child.wait()
            return reason
        time.sleep(0.1)
    return ""


def _gigabytes(process: int) -> float:
    pages = Path(f"/proc/{process}/statm").read_text().split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") / 1e9


def raw_root(options: Options) -> Path | None:
    """The folder of downloaded data sets, where a comparison has some."""
    found: Path | None = getattr(options, "raw_root", None)
    return found


def _child(options: Options, cases: Find) -> Row:
    """What one contender found. An error of a contender is a finding."""
    import torch
    from measure import Setup, measure

    torch.set_num_threads(options.threads)
    case = next(case for case in cases(options) if case.name == options.case)
    setup = Setup(options.scale, options.threads, raw_root(options), Path(options.folder))
    try:
        if options.contender == PREPARE:
            case.make(setup)
            return {"note": ""}
        return measure(case, options.contender, setup, replace(setup, scale=WARM))
    except Exception as error:
        traceback.print_exc()
        return {"note": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
