"""From a name and options to a strategy for boxes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from queryloop.boxes import stratified
from queryloop.boxes.drawn import Drawn
from queryloop.boxes.kinds import BoxStrategy
from queryloop.boxes.replay import Replay
from queryloop.boxes.scored import Scored
from queryloop.boxes.spread import Spread
from queryloop.boxes.stratified import Stratified
from queryloop.boxes.voxels import VoxelScorer, scores_voxels, voxel_names, voxel_scorer
from queryloop.errors import OptionsError, unknown
from queryloop.strategies import chain, noise
from queryloop.strategies import resolve as resolve_any
from queryloop.strategies.kinds import Batch, Scorer, Strategy
from queryloop.strategies.registry import definitions, is_registered, read, settled
from queryloop.strategies.resolution import SKACTIVEML, WRAPPERS, said
from queryloop.strategies.resolution import canonical as canonical_of_any

CLASP = "clasp_"
_CORE_SET = "random+core_set"  # which core_set is for boxes
GRADIENT = {"grand_expected": "expected_squared", "grand_bound": "expected", "grand_pseudo": "pseudo"}
"""`grand` with these labels: E|G|^2 of a box times its size exactly, bounds of |G| with two guesses."""

_SPREADING = {"embeddings", "labeled_embeddings"}


def random() -> Drawn:
    """Any free box, each case in turn."""
    return _drawn("random", 0.0)


def random_33fg() -> Drawn:
    """A third of the draws aims at foreground. READS THE TRUTH of the pool: a baseline only."""
    return _drawn("random_33fg", 1 / 3, needs={"truth"})


def random_66fg() -> Drawn:
    """Two thirds of the draws aim at foreground. READS THE TRUTH of the pool: a baseline only."""
    return _drawn("random_66fg", 2 / 3, needs={"truth"})


def random_predicted_fg(*, foreground: Annotated[float, Field(ge=0, le=1)] = 2 / 3) -> Drawn:
    """A share of the draws aims at what the networks take for foreground: for real annotation."""
    return replace(
        _drawn("random_predicted_fg", foreground, needs={"prediction"}), options={"foreground": foreground}
    )


def core_set(*, presample: Annotated[int, Field(ge=1)] = 4) -> Spread:
    """k-centre on embeddings of presample * k boxes drawn at random."""
    return replace(_spread(_CORE_SET, {"presample": presample}), name="core_set")


def replay() -> Replay:
    """The boxes of nnActive's loop files in the folder query.loops, a loop in each cycle."""
    return Replay(name="replay", source="Lüth et al. 2025", options={}, needs=frozenset({"loops"}))


NAMED: dict[str, Callable[..., BoxStrategy]] = {
    function.__name__: function
    for function in (random, random_33fg, random_66fg, random_predicted_fg, core_set, replay)
}
"""Strategies that only boxes have, or that mean something else for them."""


def resolve(name: str, options: Mapping[str, Any] | None = None) -> BoxStrategy:
    """The strategy for boxes of that name with these options.

    A registered scorer of the softmax scores voxels under its own name, as do `power_X`, `softmax_X` and
    `softrank_X`; `clasp_X` is class-stratified; `X+core_set` spreads what leads by X. Raises OptionsError
    for an unknown name or option, and for a strategy that only images can have, naming those for boxes.
    """
    given = options or {}
    if name in NAMED:
        return NAMED[name](**read(NAMED[name]).settled(given))
    if "+" in name:
        return _spread(name, given)
    found = _stratified(name, given) if name.startswith(CLASP) else _scored(name, given)
    _refuse_unknown(name, given, found.options)
    return found


def canonical(name: str, options: Mapping[str, Any]) -> str:
    """One text for all names of a strategy for boxes. Raises OptionsError for an option that it lacks."""
    if name == _CORE_SET:
        name = "core_set"
    if name in NAMED:
        return said(name, read(NAMED[name]).settled(options))
    if "+" in name:
        inner, _, last = name.rpartition("+")
        own, rest = _apart(options, chain.OPTIONS)
        return said(f"{canonical(inner, rest)}+{last}", settled(name, chain.OPTIONS, own))
    if name.startswith(CLASP):
        own, rest = _apart(options, stratified.OPTIONS)
        inner = canonical(name.removeprefix(CLASP), rest)
        return said(f"{CLASP}{inner}", settled(name, stratified.OPTIONS, own))
    gradient = next((each for each in GRADIENT if name.endswith(each)), None)
    if gradient:
        plain = f"{name.removesuffix(gradient)}grand"
        return canonical_of_any(plain, {**options, "label": GRADIENT[gradient]})
    return canonical_of_any(name, options)


def _apart(options: Mapping[str, Any], names: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Those of these names, and the others."""
    own = {key: value for key, value in options.items() if key in names}
    return own, {key: value for key, value in options.items() if key not in names}


def names() -> list[str]:
    """Every name for boxes that stands alone, sorted; wrappers and chains apart."""
    return sorted({*NAMED, *GRADIENT, *voxel_names(), f"{CLASP}entropy"})


def _drawn(name: str, foreground: float, needs: Iterable[str] = ()) -> Drawn:
    source = "Lüth et al. 2025" if foreground else "simple random sampling"
    return Drawn(name=name, source=source, options={}, needs=frozenset(needs), foreground=foreground)


def _scored(name: str, given: Mapping[str, Any]) -> Scored:
    found = _of_images(name, given)
    noisy = found if isinstance(found, noise.Noisy) else None
    voxels = _voxels(name, noisy.scorer if noisy else found)
    of_noise = found.options.keys() - noisy.scorer.options.keys() if noisy else set()
    return Scored(
        name=name,
        source=found.source,
        options={**voxels.options, **{key: found.options[key] for key in sorted(of_noise)}},
        needs=frozenset({*voxels.needs, *(found.needs & {"progress"})}),
        compares=voxels.compares,
        scorer=voxels,
        noise=noisy,
    )


def _stratified(name: str, given: Mapping[str, Any]) -> Stratified:
    inner = name.removeprefix(CLASP)
    own, rest = _apart(given, stratified.OPTIONS)
    _refuse_unknown(name, given, {*stratified.OPTIONS, *_voxels(name, _of_images(inner, {})).options})
    found = _of_images(inner, rest)
    voxels = _voxels(name, found)
    if voxels.bounds[0] != 0:
        raise OptionsError(
            f"`{name}` needs scores from 0 on, which those of `{inner}` are not: take entropy."
        )
    chosen = settled(name, stratified.OPTIONS, own)
    of_power = {key: value for key, value in chosen.items() if key != "ratio"}
    noisy = noise.wrapped(name, "power", found, of_power)
    return Stratified(
        name=name,
        source=f"arXiv 2601.13677; {found.source}",
        options={**voxels.options, **chosen},
        needs=frozenset({*voxels.needs, *(noisy.needs & {"progress"})}),
        compares=voxels.compares,
        scorer=voxels,
        noise=noisy,
        ratio=chosen["ratio"],
    )


def _spread(name: str, given: Mapping[str, Any]) -> Spread:
    inner, _, last_name = name.rpartition("+")
    own = settled(name, chain.OPTIONS, {key: v for key, v in given.items() if key == "presample"})
    last = resolve_any(last_name)
    if not isinstance(last, Batch) or not last.needs <= _SPREADING:
        raise _for_images(last_name, "as the last stage of a chain")
    first = resolve(inner, {key: value for key, value in given.items() if key != "presample"})
    if isinstance(first, Replay):
        raise OptionsError(f"`{inner}` asks for whole loops, of which nothing can choose: {inner!r} alone.")
    if isinstance(first, Scored) and first.noise:
        raise OptionsError(f"`{inner}` draws noise, which may stand only last in a chain: {name!r}.")
    return Spread(
        name=name,
        source=f"{first.source}; {last.source}",
        options={**first.options, **own},
        needs=first.needs | {"embeddings"},
        compares=first.compares,
        first=first,
        last=last,
        presample=own["presample"],
    )


def _of_images(name: str, given: Mapping[str, Any]) -> Strategy:
    """What the name means for images; `grand_bound` and its like are `grand` with a label."""
    base = name
    for prefix in WRAPPERS:
        base = base.removeprefix(f"{prefix}_")
    if base.startswith(CLASP):
        raise OptionsError(f"`{name}` puts noise over `{base}`, which draws its own: take `{base}`.")
    if base in GRADIENT:
        return resolve_any(name.removesuffix(base) + "grand", {**given, "label": GRADIENT[base]})
    if not is_registered(base) and not base.startswith(SKACTIVEML):
        raise unknown("strategy for boxes", base, names())
    return resolve_any(name, given)


def _voxels(name: str, found: Strategy) -> VoxelScorer:
    if not isinstance(found, Scorer) or not scores_voxels(found):
        raise _for_images(name, "for boxes")
    scorer = voxel_scorer(found)
    fixed = {"label"} if name.endswith(tuple(GRADIENT)) else set()
    return replace(scorer, options={key: v for key, v in scorer.options.items() if key not in fixed})


def _refuse_unknown(name: str, given: Iterable[str], known: Collection[str]) -> None:
    for option in given:
        if option not in known:
            raise unknown(f"option of `{name}`", option, known)


def _for_images(name: str, where: str) -> OptionsError:
    spreading = [d.name for d in definitions() if d.batch and d.needs <= _SPREADING]
    return OptionsError(
        f"`{name}` works on images only, not {where}. For boxes there are: {', '.join(names())}; "
        f"one of power_X, softmax_X, softrank_X and clasp_X around those that score; "
        f"X+{', X+'.join(spreading)}."
    )
