"""What experiments have in common, so that one of them makes it and the others find it."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Sequence

from queryloop.sweeps.plan import Planned

_FIRST_TRAINING = ("dataset", "seed", "data", "start", "oracle", "model", "training", "computing", "samples")
"""Settings that decide the labels of the first cycle and the training on them."""


def networks(planned: Planned) -> int:
    """Networks that each of its cycles trains."""
    return planned.settings["arm"]["networks"]


def first_networks(planned: Planned) -> set[Hashable]:
    """The networks of its first cycle: equal ones are the same training."""
    said = json.dumps({key: planned.settings[key] for key in _FIRST_TRAINING}, sort_keys=True)
    return {(said, member) for member in range(networks(planned))}


def shared(planned: Planned) -> set[Hashable]:
    """All that its first cycle makes and other experiments use: content, features, networks."""
    content, model = planned.settings["samples"], planned.options.model
    found = first_networks(planned) | (set() if planned.has_content else {content})
    if model.freeze == "trunk":
        seed = None if model.pretrained else planned.options.seed
        found.add((content, model.trunk.model_dump_json(), seed))
    return found


def made_by(planned: Iterable[Planned]) -> set[Hashable]:
    """What experiments have in common that was made, because their first cycle is committed."""
    return {thing for experiment in planned if experiment.n_committed for thing in shared(experiment)}


def next_of(waiting: Sequence[Planned], running: Sequence[Planned], made: set[Hashable]) -> Planned | None:
    """The first that needs nothing which one of the running is making at this moment, if any."""
    being_made = {thing for experiment in running for thing in shared(experiment)} - made
    return next((experiment for experiment in waiting if not being_made & shared(experiment)), None)


def n_trainings(planned: Sequence[Planned]) -> int:
    """Networks that are left to train, those in common counted once."""
    first: set[Hashable] = set()
    later = 0
    for experiment in planned:
        if n_left := experiment.n_left:
            begins = experiment.n_committed == 0
            first |= first_networks(experiment) if begins else set()
            later += (n_left - begins) * networks(experiment)
    return len(first - made_by(planned)) + later
