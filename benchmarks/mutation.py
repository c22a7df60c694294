"""How many small faults in the strategies their tests find: python benchmarks/mutation.py --sample=1000

The tests run once and tell which functions each of them enters. Then each fault gets a process of its own,
forked from this one, where all is imported already: the fault is put in, and the tests that enter the
faulty function run, those of the module's own file first, then the quickest, until one fails. A fault outside
of all functions, and one in a function that runs while tests are collected, takes a fork that imports the
strategies anew. A test that takes ten times as long as it should is stopped: an endless loop is found, too.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable

import hypothesis
import pytest
import torch
from _pytest.runner import runtestprotocol
from faulty import (
    KILLED,
    ROOT,
    STRATEGIES,
    SURVIVED,
    TIMED_OUT,
    Entered,
    Faulty,
    Watch,
    forget,
    forked,
    functions,
    quiet,
    swap,
)
from mutants import Mutant, mutants
from speed_only import is_speed_only, stale

LISTED = (str(STRATEGIES / "registry.py"), "definitions")  # who enters it looks at all that is declared
TESTS = ("tests/strategies", "tests/adapters")
PATIENCE, SPARE = 10, 3.0  # times the usual seconds of a test, and seconds more, until it is stopped
SPEED_ONLY = "speed only"


class Trials:
    """A plugin of pytest: instead of one run of the tests, a run for each fault."""

    def __init__(self, chosen: list[Mutant], budget: float, imported: Entered) -> None:
        self.chosen, self.budget, self.imported = chosen, budget, imported
        self.seconds: dict[str, float] = {}
        self.users: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.outcomes: list[tuple[Mutant, str]] = []

    @pytest.hookimpl
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        with quiet():
            for item in session.items:
                self.measured(item)
        self.items = {item.nodeid: item for item in session.items}
        self.functions = functions()
        for done, mutant in enumerate(self.chosen, 1):
            self.outcomes.append((mutant, self.outcome(mutant)))
            if done % 50 == 0:
                print(f"{done} of {len(self.chosen)}", file=sys.stderr, flush=True)
        return True

    def measured(self, item: pytest.Item) -> None:
        """Run a test on the sound code; keep its seconds and the functions that it enters."""
        started = time.process_time()
        with Watch().on() as entered:
            if failed(item):
                raise pytest.UsageError(f"{item.nodeid} fails without any fault")
        self.seconds[item.nodeid] = time.process_time() - started
        for function in entered:
            self.users[function].add(item.nodeid)

    def outcome(self, mutant: Mutant) -> str:
        found = SURVIVED
        if mutant.function is not None and self.users[key(mutant)]:
            found = forked(lambda: self.warm(mutant))
        if found == SURVIVED and (mutant.function is None or key(mutant) in self.imported):
            found = forked(lambda: self.cold(mutant))
        return SPEED_ONLY if found == SURVIVED and is_speed_only(mutant) else found

    def warm(self, mutant: Mutant) -> bool:
        """Whether a test fails once the fault is in the functions that are there."""
        swap(mutant, self.functions[str(mutant.path)])
        names = self.in_order(self.users[key(mutant)], mutant)
        return self.any_fails(self.items[name] for name in names)

    def cold(self, mutant: Mutant) -> bool:
        """Whether a test fails, or cannot be collected, once the strategies are imported anew."""
        forget()
        sys.meta_path.insert(0, Faulty(mutant))
        users = [names for (path, _), names in self.users.items() if path == str(mutant.path)]
        names = self.in_order(self.users[LISTED].union(*users), mutant, self.users[LISTED])
        again = Again(lambda items: self.any_fails(items[name] for name in names if name in items))
        files = dict.fromkeys(name.partition("::")[0] for name in names)
        ended = pytest.main([*OPTIONS, *files], plugins=[again])
        if ended in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
            raise RuntimeError(f"pytest ended with {ended}")
        return ended != pytest.ExitCode.OK

    def in_order(self, names: Iterable[str], mutant: Mutant, early: Container[str] = ()) -> list[str]:
        """Early ones and the module's own first, then quick ones and few cases of a test; in budget."""
        own, cases = f"/test_{mutant.path.stem}.py::", Counter[str]()
        ranked: list[tuple[bool, float, str]] = []
        for name in sorted(names, key=lambda name: self.seconds[name]):
            test = name.partition("[")[0]
            cases[test] += 1
            ranked.append((own not in name and name not in early, cases[test] * self.seconds[name], name))
        ordered = [name for *_, name in sorted(ranked)]
        spent = itertools.accumulate(self.seconds[name] for name in ordered)
        return [name for name, sum_ in zip(ordered, spent, strict=True) if sum_ <= self.budget]

    def any_fails(self, items: Iterable[pytest.Item]) -> bool:
        for item in items:
            signal.setitimer(signal.ITIMER_PROF, SPARE + PATIENCE * self.seconds[item.nodeid])
            if failed(item):
                return True
        return False


class Again:
    """A plugin that asks whether any of the tests just collected fails."""

    def __init__(self, any_fails: Callable[[dict[str, pytest.Item]], bool]) -> None:
        self.any_fails = any_fails

    @pytest.hookimpl
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed or self.any_fails({item.nodeid: item for item in session.items}):
            raise session.Failed("found")
        return True


def key(mutant: Mutant) -> tuple[str, str]:
    return str(mutant.path), str(mutant.function)


def failed(item: pytest.Item) -> bool:
    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def report(outcomes: list[tuple[Mutant, str]]) -> None:
    columns = (KILLED, TIMED_OUT, SURVIVED, SPEED_ONLY)
    files: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant, outcome in outcomes:
        files[str(mutant.path.relative_to(STRATEGIES))][outcome] += 1
    files["all"] = sum(files.values(), Counter())
    print(f"| file | mutants | {' | '.join(columns)} | found |\n| --- |{' --- |' * (len(columns) + 2)}")
    for name, counts in files.items():
        found, counted = counts[KILLED] + counts[TIMED_OUT], counts.total() - counts[SPEED_ONLY]
        share = f"{found / counted:.1%}" if counted else ""
        cells = " | ".join(str(counts[column]) for column in columns)
        print(f"| {name} | {counts.total()} | {cells} | {share} |")
    for mutant, outcome in outcomes:
        if outcome == SURVIVED:
            print(f"{mutant.path.relative_to(ROOT)}:{mutant.line}: {mutant.told}")


PLAIN = "-o addopts= -s -p no:cacheprovider -p no:terminal"
OPTIONS = [*PLAIN.split(), "-m", "not slow", f"--rootdir={ROOT}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sample", type=int, help="how many faults, drawn by the seed (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="names of modules, such as geometry/kmeans.py")
    parser.add_argument("--budget", type=float, default=6.0, help="seconds of tests for each fault")
    arguments = parser.parse_args()
    paths = [STRATEGIES / name for name in arguments.only or ()] or sorted(STRATEGIES.rglob("*.py"))
    if gone := stale(paths):
        raise SystemExit("speed_only.py marks lines that are gone:\n" + "\n".join(gone))
    chosen = [mutant for path in paths for mutant in mutants(path)]
    if arguments.sample and arguments.sample < len(chosen):
        places = random.Random(arguments.seed).sample(range(len(chosen)), arguments.sample)
        chosen = [chosen[place] for place in sorted(places)]
    os.chdir(ROOT)
    torch.set_num_threads(1)
    hypothesis.settings.register_profile("plain", database=None, phases=[hypothesis.Phase.generate])
    hypothesis.settings.load_profile("plain")
    with Watch().on() as imported:
        trials = Trials(chosen, arguments.budget, imported)
        pytest.main([*OPTIONS, *TESTS], plugins=[trials])
    report(trials.outcomes)


if __name__ == "__main__":
    main()
