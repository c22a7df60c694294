"""Queries beside those of other packages, or every strategy on a million samples, as a Markdown table.

    python benchmarks/strategies.py --scale=0.02                # a quick trial of everything
    python benchmarks/strategies.py --raw-root=PATH             # with CIFAR-10 and MNIST from there
    python benchmarks/strategies.py --only core_set badge
    python benchmarks/strategies.py --million

Each contender has a process of its own. Only its query is timed: once, or the median of five calls where
one takes under a second, after a call on little data. MB are those at the peak of the call beyond the
memory just before it, the arrays being there by then. Runs on Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
WARM = 0.001
PREPARE = "prepare"
Row = dict[str, Any]


def main() -> None:
    options = _options()
    if options.contender:
        print("\n" + json.dumps(_child(options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        options.folder = Path(folder)
        load = os.getloadavg()[0]
        print(
            f"{options.threads} threads of {os.cpu_count()}, load before {load:.2f}, scale {options.scale}\n"
        )
        _print_million(options) if options.million else _print_cases(options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", metavar="CASE", default=[])
    parser.add_argument("--scale", type=float, default=1.0, help="shrinks pools, labelled rows and k")
    parser.add_argument("--raw-root", type=Path, help="folder that holds cifar10/ and mnist/")
    parser.add_argument("--million", action="store_true", help="every strategy on 1,000,000 samples")
    parser.add_argument("--limit", type=float, default=300, help="seconds a process may take")
    parser.add_argument("--memory", type=float, default=16, help="GB a process may take")
    parser.add_argument("--threads", type=int, default=2)
    for own in ("--case", "--contender", "--folder"):
        parser.add_argument(own, default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def _print_cases(options: argparse.Namespace) -> None:
    print(
        "| case | contender | seconds | MB beyond inputs | ratio to ours | note |\n| --- "
        + "| --- " * 5
        + "|"
    )
    for case in _wanted(options):
        if case.raw and not options.raw_root:
            print(f"| {case.name} | | | | | not run: needs --raw-root with {case.raw} |", flush=True)
            continue
        if case.raw == "cifar10" and not (options.folder / "cifar10.pt").exists():
            _run(case.name, PREPARE, options)
        rows = {contender: _run(case.name, contender, options) for contender in case.contenders}
        ours = next(iter(rows.values())).get("seconds")
        for contender, row in rows.items():
            note = "; ".join(filter(None, [row["note"], _agreement(case.reference, contender, rows)]))
            ratio = f"{row['seconds'] / ours:.2f}" if ours and "seconds" in row else "-"
            print(
                f"| {case.name} ({case.about}) | {contender} | {_seconds(row)} | {_megabytes(row)} "
                f"| {ratio} | {note} |",
                flush=True,
            )


def _print_million(options: argparse.Namespace) -> None:
    print("| strategy | seconds | MB beyond inputs | times its inputs | note |\n| --- " + "| --- " * 4 + "|")
    for case in _wanted(options):
        row = _run(case.name, "queryloop", options)
        times = f"{row['megabytes'] / row['inputs']:.2f}" if "seconds" in row else "-"
        print(f"| {case.name} | {_seconds(row)} | {_megabytes(row)} | {times} | {row['note']} |", flush=True)


def _wanted(options: argparse.Namespace) -> list[Any]:
    found = _cases(options)
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


def _seconds(row: Row) -> str:
    if "seconds" not in row:
        return "-"
    return f"{'est. ' if row['estimated'] else ''}{row['seconds']:.3g}"


def _megabytes(row: Row) -> str:
    return f"{row['megabytes']:,.0f}" if "seconds" in row else "-"


def _run(case: str, contender: str, options: argparse.Namespace) -> Row:
    """One contender in a process of its own: what it found, or a note on why it did not finish."""
    command = [sys.executable, __file__, "--case", case, "--contender", contender]
    command += [f"--{name}={getattr(options, name)}" for name in ("scale", "threads", "folder")]
    command += [f"--raw-root={options.raw_root}"] if options.raw_root else []
    command += ["--million"] if options.million else []
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


def _cases(options: argparse.Namespace) -> list[Any]:
    if options.million:
        import million

        return million.cases()
    import choices

    return choices.CASES


def _child(options: argparse.Namespace) -> Row:
    """What one contender found. An error of a contender is a finding."""
    import torch
    from measure import Setup, measure

    torch.set_num_threads(options.threads)
    case = next(case for case in _cases(options) if case.name == options.case)
    setup = Setup(options.scale, options.threads, options.raw_root, Path(options.folder))
    try:
        if options.contender == PREPARE:
            case.make(setup)
            return {"note": ""}
        return measure(case, options.contender, setup, replace(setup, scale=WARM))
    except Exception as error:
        traceback.print_exc()
        return {"note": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}


if __name__ == "__main__":
    main()
