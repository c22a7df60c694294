"""The strategies for boxes as the documentation tells them."""

from __future__ import annotations

from queryloop.boxes.resolution import NAMED, names, resolve
from queryloop.strategies.registry import definitions

_HEAD = """\

## Boxes of 3D scans

A strategy for boxes gives each voxel a score, or none; the score of a box is the mean of its voxels'. The
boxes of a query overlap neither each other nor a labelled one. What scores the softmax of an image scores
voxels by the same function. What compares or averages draws (`bald`, `expected_entropy`, `consensus_entropy`,
`bayesian_entropy` and the like) gets sums over the members, never their maps; they are an ensemble of
networks unless `scoring.members` says otherwise. Of each scan at most `query.per_case` boxes are candidates
(under `clasp` at least one of each class; under `softrank` nnActive keeps twice as many); a query that asks
for more than there are takes all of them, and the run says so.

| name | reads | does | source |
| --- | --- | --- | --- |
"""
_BUILT = """
`power_X`, `softmax_X` and `softrank_X` add noise once a candidate box; `clasp_X` takes `ratio` of a query by
the foreground classes in turn, each by the score times the class's mean probability, under power noise whose
beta grows (as ClaSP PE, arXiv 2601.13677, with entropy); `X+core_set` and the like spread what leads by X,
by the encoder's features around each box.
"""

_TOLD = {
    "grand_expected": "Expected square of the last layer's gradient, labels following the softmax.",
    "grand_bound": "Bound of that length: voxel by voxel, each expected where its label follows the softmax.",
    "grand_pseudo": "The same bound with the likeliest class of each voxel for its label.",
    "clasp_entropy": "Entropy, a part of the query for each foreground class (ClaSP PE).",
}


def section() -> str:
    """The part of docs/strategies.md on boxes, in Markdown."""
    rows = (f"| {' | '.join(row)} |\n" for row in overview())
    return _HEAD + "".join(rows) + _BUILT


def overview() -> list[list[str]]:
    """Name, what it reads, what it does and its source, of each strategy for boxes that stands alone."""
    found = [resolve(name) for name in names()]
    return [[s.name, ", ".join(sorted(s.needs)) or "nothing", _summary(s.name), s.source] for s in found]


def _summary(name: str) -> str:
    """What it does, in a line."""
    if name in _TOLD:
        return _TOLD[name]
    if name in NAMED:
        return (NAMED[name].__doc__ or "").partition("\n")[0]
    of_images = {definition.name: definition for definition in definitions()}
    return of_images[of_images[name].alias_of or name].summary
