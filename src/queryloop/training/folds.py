"""Cases dealt into folds, one of which each member of an ensemble does not learn from."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from queryloop.errors import InputError, examples
from queryloop.randomness import bits_by_id

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fold:
    """What a member leaves out of its training. number: from 0 on, of `n`. seed: the same for all of them."""

    number: int
    n: int
    seed: int

    def of(self, held: Mapping[str, Set[int]]) -> list[str]:
        """The cases in this fold, sorted; the folds of a seed share no case and hold all of them.

        held: classes that are labelled in each case. Cases are dealt out rarest class first, in an order
        drawn from (seed, case), each to the fold with fewest of its classes, so that a class in two cases is
        in the training part of every fold, as in nnActive (Lüth et al. 2025); where that cannot be, a warning
        says so. Folds differ by one case at most. Raises InputError for fewer cases than folds.
        """
        if len(held) < self.n:
            raise InputError(
                f"{self.n} folds need labels in as many scans, but {len(held)} have some: label more, take "
                "fewer networks (scoring.ensemble_size) or training.ensemble:seeds."
            )
        counts = Counter(c for classes in held.values() for c in classes)
        apart = _dealt(held, counts, self._order(held, counts), self.n)[self.number]
        inside = Counter(c for name in apart for c in held[name])
        if missed := [c for c in sorted(counts) if 1 < counts[c] == inside[c]]:
            logger.warning(
                "Network %d does not learn label %s: all scans with it lie in the part that it leaves out.",
                self.number,
                examples([str(c) for c in missed]),
            )
        return sorted(apart)

    def _order(self, held: Mapping[str, Set[int]], counts: Counter[int]) -> list[str]:
        names = list(held)
        drawn = bits_by_id(self.seed, 0, "folds", np.array(names, dtype=object))
        rarest = [min((counts[c], c) for c in held[name]) for name in names]
        return [names[i] for i in sorted(range(len(names)), key=lambda i: (rarest[i], drawn[i]))]


def _dealt(
    held: Mapping[str, Set[int]], counts: Counter[int], order: Sequence[str], n: int
) -> list[list[str]]:
    """n folds: each case goes where there is room and fewest of its classes are, rarest class first."""
    least, longer = divmod(len(order), n)
    folds: list[list[str]] = [[] for _ in range(n)]
    inside: list[Counter[int]] = [Counter() for _ in range(n)]
    for name in order:
        classes = sorted(held[name], key=lambda c: (counts[c], c))
        may_grow = sum(len(fold) > least for fold in folds) < longer
        room = [i for i in range(n) if len(folds[i]) < least + may_grow]
        best = min(room, key=lambda i: (*(inside[i][c] for c in classes), len(folds[i]), i))
        folds[best].append(name)
        inside[best].update(held[name])
    return folds
