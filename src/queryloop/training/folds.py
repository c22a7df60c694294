"""Cases dealt into folds, one of which each member of an ensemble does not learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass

import numpy as np

from queryloop.errors import InputError
from queryloop.randomness import bits_by_id


@dataclass(frozen=True)
class Fold:
    """What a member leaves out of its training. number: from 0 on, of `n`. seed: the same for all of them."""

    number: int
    n: int
    seed: int

    def of(self, held: Mapping[str, Set[int]]) -> list[str]:
        """The cases in this fold, sorted; the folds of a seed share no case and hold all of them.

        held: classes that are labelled in each case. Cases are dealt out rarest class first, in an order
        drawn from (seed, case), so that a class in two cases is in the training part of every fold, as in
        nnActive (Lüth et al. 2025). Raises InputError for fewer cases than folds.
        """
        if len(held) < self.n:
            raise InputError(
                f"{self.n} folds need labels in as many scans, but {len(held)} have some: label more, take "
                "fewer networks (scoring.ensemble_size) or training.ensemble:seeds."
            )
        names, counts = list(held), Counter(c for classes in held.values() for c in classes)
        rarest = [min((counts[c], c) for c in held[name]) for name in names]
        drawn = bits_by_id(self.seed, 0, "folds", np.array(names, dtype=object))
        order = sorted(range(len(names)), key=lambda i: (rarest[i], drawn[i]))
        return sorted(names[i] for i in order[self.number :: self.n])
