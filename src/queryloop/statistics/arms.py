"""Which runs may stand in one comparison, what an arm is, and what each arm is compared with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from queryloop.errors import InputError, examples
from queryloop.options import TrainingOptions
from queryloop.options.beside import AUXILIARY, OPTIONS, learned_beside
from queryloop.options.measuring import measuring
from queryloop.values import flat

CONTROL = "random"
_TRAINED = ("data.transfer", "model.dropout")
_DEMANDED = ("scoring.", *_TRAINED)  # by the needs of a strategy, unless set by hand
_OWN = ("strategy", "strategy_options.", "experiment", "seed", "arm.", *_DEMANDED)
_BESIDE = (AUXILIARY, *OPTIONS)
_SHOWN = 4  # differing settings in a sentence


@dataclass(frozen=True)
class Candidate:
    """A run that might be compared: its identity, its settings, and how many cycles it has.

    strategy: as it was typed; same_as: one text for all names of the same strategy with its options.
    """

    experiment: str
    strategy: str
    seed: int
    settings: Mapping[str, Any]
    n_cycles: int
    same_as: str

    @property
    def is_control(self) -> bool:
        """Whether it asked for samples at random."""
        return self.strategy == CONTROL

    @property
    def is_alias(self) -> bool:
        """Whether the strategy has another name, by which it goes where both were run."""
        return not self.same_as.startswith(self.strategy)

    @property
    def shared(self) -> dict[str, Any]:
        """What all runs of a comparison must have in common."""
        common = {k: v for k, v in flat(self.settings).items() if not k.startswith((*_OWN, *_BESIDE))}
        return common | measuring(self.settings)

    @property
    def beside(self) -> tuple:
        """What is trained beside the network, with its settings; none if it leaves the network alone."""
        return learned_beside(self.settings)

    @property
    def arm(self) -> tuple:
        """What makes a run belong to the same arm as another. One at random reads no scores and no judge."""
        own = _TRAINED if self.is_control else (*_DEMANDED, *self._judge)
        return self.same_as, self.beside, *sorted(self._among(own).items())

    @property
    def _judge(self) -> tuple[str, str]:
        """What is trained beside the network, whether that learns from it or not."""
        return AUXILIARY, f"training.{flat(self.settings).get(AUXILIARY)}."

    def _among(self, prefixes: tuple[str, ...]) -> dict[str, Any]:
        return {k: str(v) for k, v in flat(self.settings).items() if k.startswith(prefixes)}

    def __str__(self) -> str:
        return f"{self.experiment}/{self.strategy}/seed_{self.seed}"


@dataclass
class Field:
    """The runs that are compared, by the name of their arm, and why others are not."""

    runs: dict[str, list[Candidate]] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    @property
    def controls(self) -> dict[str, str]:
        """Each arm that is no control itself, with the random arm under the same auxiliary training."""
        found = {name: self._control(name) for name in self.runs if not self.is_control(name)}
        return {name: control for name, control in found.items() if control is not None}

    def is_control(self, name: str) -> bool:
        """Whether an arm asks for samples at random."""
        return self.runs[name][0].is_control

    def _control(self, name: str) -> str | None:
        run = self.runs[name][0]
        fitting = [other for other in self.runs if self.is_control(other)]
        fitting = [other for other in fitting if self.runs[other][0].beside == run.beside]
        # of several, the one that was trained most alike
        alike = {other: len(set(self.runs[other][0].arm) & set(run.arm)) for other in fitting}
        return max(alike, key=lambda other: alike[other]) if alike else None

    @property
    def notes(self) -> list[str]:
        """What a reader must know of the controls, one sentence each."""
        controls = self.controls
        lonely = [name for name in self.runs if not self.is_control(name) and name not in controls]
        said = [self._no_control(name) for name in lonely]
        for name, control in controls.items():
            ours, theirs = (flat(self.runs[arm][0].settings).get("model.dropout") for arm in (name, control))
            if ours != theirs:
                said.append(
                    f"{name} was trained with model.dropout {ours}, {control} with {theirs}: "
                    "their difference is that of both, strategy and dropout."
                )
        return said

    def _no_control(self, name: str) -> str:
        """Why an arm has no verdict, and what makes its control."""
        runs = self.runs[name]
        auxiliary, *chosen = runs[0].beside
        others = {one[0].beside[0] for arm, one in self.runs.items() if self.is_control(arm)}
        if auxiliary == "none":
            return f"{name} has no random arm to be compared with: run {_sweep(runs, runs[0].experiment)}."
        usual = flat({"training": TrainingOptions().model_dump(mode="json")})
        settings = [(AUXILIARY, auxiliary), *(one for one in chosen if one[1] != str(usual.get(one[0])))]
        why = "the random arm was so with other settings" if auxiliary in others else "no random arm was"
        command = _sweep(runs, f"{auxiliary}_control", settings)
        return (
            f"{name} was trained with {auxiliary} beside the network, and {why}: no verdict. Run {command}."
        )


def _sweep(runs: list[Candidate], experiment: str, settings: Iterable[tuple[str, str]] = ()) -> str:
    """The command that makes the random arm beside these runs."""
    seeds = ",".join(str(seed) for seed in sorted({run.seed for run in runs}))
    params = ",".join(f"{key}:{value}" for key, value in (("experiment", experiment), *settings))
    return (
        f"kedro al sweep --strategies={CONTROL} --seeds={seeds}, --params={params} "
        "with the --env and the other --params of these runs"
    )


def gathered(candidates: Iterable[Candidate], name: str) -> Field:
    """The runs with the settings that most runs of experiment `name` have, as arms.

    Left out, each with the reason, are runs with other settings, with one cycle only, with another number of
    cycles than the longest of that name in their arm (of all, where it has none), the second of two runs
    of one strategy and seed, and arms of other names alone that are shorter than every arm of that name.
    Raises InputError where no run has the name.
    """
    every = sorted(candidates, key=lambda run: (run.experiment != name, not run.is_control, run.is_alias))
    named = [run for run in every if run.experiment == name]
    if not named:
        there = examples(sorted({run.experiment for run in every})) or "none"
        raise InputError(
            f"no experiment named {name!r} has a committed cycle on this data set; there are: {there}. "
            "Run some, or choose with --params=experiment:NAME."
        )
    usual = Counter(repr(sorted(run.shared.items())) for run in named).most_common(1)[0][0]
    reference = next(run for run in named if repr(sorted(run.shared.items())) == usual)
    return _sorted_into_arms(every, reference)


def _sorted_into_arms(runs: list[Candidate], reference: Candidate) -> Field:
    arms: dict[tuple, list[Candidate]] = {}
    found = Field()
    for run in runs:
        reason = _reason(run, reference)
        if reason:
            found.left_out.append((str(run), reason))
        else:
            arms.setdefault(run.arm, []).append(run)
    for key, members in arms.items():
        named = [run for run in members if run.experiment == reference.experiment]
        arms[key] = _each_seed_once(_of_full_length(members, named or members, found), found)
    arms = _without_trials(arms, reference.experiment, found)
    names = Counter(members[0].strategy for members in arms.values())
    for members in arms.values():
        first = members[0]
        label = first.strategy if names[first.strategy] == 1 else f"{first.strategy} ({first.experiment})"
        found.runs[label if label not in found.runs else f"{label} {len(found.runs)}"] = members
    return found


def _of_full_length(arm: list[Candidate], usual: list[Candidate], found: Field) -> list[Candidate]:
    """The runs as long as the usual ones: shorter ones would cut all others to their own budgets."""
    longest = max(usual, key=lambda run: run.n_cycles)
    for run in arm:
        if run.n_cycles != longest.n_cycles:
            found.left_out.append((str(run), _other_length(run, longest)))
    return [run for run in arm if run.n_cycles == longest.n_cycles]


def _without_trials(
    arms: dict[tuple, list[Candidate]], name: str, found: Field
) -> dict[tuple, list[Candidate]]:
    """The arms but for those of other experiments that end before the shortest arm of this one."""
    own = [members[0] for members in arms.values() if any(run.experiment == name for run in members)]
    shortest = min(own, key=lambda run: run.n_cycles, default=None)
    kept = {}
    for key, members in arms.items():
        if shortest is None or members[0].n_cycles >= shortest.n_cycles:
            kept[key] = members
        else:
            found.left_out += [(str(run), _other_length(run, shortest)) for run in members]
    return kept


def _other_length(run: Candidate, usual: Candidate) -> str:
    remedy = ": run it to the end" if run.n_cycles < usual.n_cycles else ""
    return f"it has {run.n_cycles} cycles, but {usual} has {usual.n_cycles}{remedy}"


def _each_seed_once(arm: list[Candidate], found: Field) -> list[Candidate]:
    """The first run of each seed."""
    first: dict[int, Candidate] = {}
    for run in arm:
        if (other := first.setdefault(run.seed, run)) is not run:
            found.left_out.append((str(run), f"the same strategy and seed as {other}"))
    return [*first.values()]


def _reason(run: Candidate, reference: Candidate) -> str | None:
    ours, usual = run.shared, reference.shared
    keys = sorted(ours | usual, key=lambda key: (key != "samples", key))  # other images say the most
    differing = [key for key in keys if ours.get(key) != usual.get(key)]
    if differing:
        told = [_told(key, ours.get(key), usual.get(key)) for key in differing[:_SHOWN]]
        rest = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
        return f"other settings: {'; '.join(told)}{rest}"
    return "one cycle only: no curve" if run.n_cycles < 2 else None


def _told(key: str, ours: Any, usual: Any) -> str:
    if key == "samples":
        return f"other samples were read (content {ours}, not {usual})"
    return f"{key} is {ours}, not {usual}"
