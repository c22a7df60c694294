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

from pathlib import Path
from typing import Any

import contenders
from contenders import Find, Options, megabytes, run, seconds, wanted


def main() -> None:
    parser = contenders.parser(__doc__)
    parser.add_argument("--raw-root", type=Path, help="folder that holds cifar10/ and mnist/")
    parser.add_argument("--million", action="store_true", help="every strategy on 1,000,000 samples")
    options = parser.parse_args()
    contenders.main(options, _cases, _print_million if options.million else None)


def _print_million(options: Options, cases: Find) -> None:
    print("| strategy | seconds | MB beyond inputs | times its inputs | note |\n| --- " + "| --- " * 4 + "|")
    for case in wanted(options, cases):
        row = run(case.name, "queryloop", options)
        times = f"{row['megabytes'] / row['inputs']:.2f}" if "seconds" in row else "-"
        print(f"| {case.name} | {seconds(row)} | {megabytes(row)} | {times} | {row['note']} |", flush=True)


def _cases(options: Options) -> list[Any]:
    if options.million:
        import million

        return million.cases()
    import choices

    return choices.CASES


if __name__ == "__main__":
    main()
