"""Which names boxes know, what they mean, and what is said of the others."""

from __future__ import annotations

import pytest

from queryloop.boxes.resolution import canonical, names, resolve
from queryloop.boxes.scored import Scored
from queryloop.boxes.spread import Spread
from queryloop.errors import OptionsError
from queryloop.strategies import definitions
from tests.boxes.made_up import THREE, pool

NNACTIVE = [
    "random", "random_33fg", "random_66fg", "entropy", "bald", "power_bald", "power_entropy", "softrank_bald",
]  # fmt: skip
BUILT = ["power_grand_bound", "clasp_bald", "softmax_margin", "bald+core_set", "random_66fg+k_means"]


@pytest.mark.parametrize("name", sorted({*names(), *NNACTIVE, *BUILT}))
def test_every_name_gives_a_query(name: str) -> None:
    strategy, given = resolve(name), pool(THREE)
    found = strategy.candidates(given, k=4, seed=0)
    chosen = strategy.choose(found, given, k=4, seed=0)
    assert len({*chosen.ids}) == 4
    assert {*chosen.ids} <= {*found.ids}
    assert strategy.name == name
    assert strategy.source


def test_the_names_of_the_field_are_known() -> None:
    wanted = {
        "expected_entropy",
        "clasp_entropy",
        "grand_expected",
        "grand_bound",
        "grand_pseudo",
        "core_set",
    }
    assert wanted | {"random_predicted_fg"} < {*names()}


def test_needs_are_told() -> None:
    assert {resolve(name).needs for name in ("entropy", "bald", "power_bald", "expected_entropy")} == {
        frozenset({"probs"})
    }
    assert resolve("grand_bound").needs == {"probs", "energy"}
    assert resolve("bald+core_set").needs == {"probs", "embeddings"}
    assert resolve("power_bald", {"schedule": "exponential"}).needs == {"probs", "progress"}


def test_options_reach_where_they_belong() -> None:
    found = resolve("power_grand", {"beta": 5.0, "label": "pseudo"})
    assert isinstance(found, Scored)
    assert found.options == {"label": "pseudo", "beta": 5.0, "schedule": "constant", "final_beta": 100.0}
    assert resolve("grand_bound").options == {}
    chained = resolve("grand+core_set", {"presample": 2, "label": "max"})
    assert isinstance(chained, Spread)
    assert chained.options == {"label": "max", "presample": 2}
    assert resolve("random_predicted_fg", {"foreground": 0.25}).options == {"foreground": 0.25}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("entropy", {"beta": 1.0}, "`entropy` has no options"),
        ("grand_bound", {"label": "max"}, "'label'"),
        ("grand", {"draws": 3}, "unknown option of `grand` 'draws'. .*Available: label"),
        ("power_bald", {"betta": 1.0}, "Did you mean 'beta'"),
        ("clasp_entropy", {"rato": 0.3}, "unknown option of `clasp_entropy` 'rato'. Did you mean 'ratio'"),
        ("clasp_grand", {"lable": "max"}, "unknown option of `clasp_grand` 'lable'. Did you mean 'label'"),
        ("random", {"foreground": 0.5}, "`random` has no options"),
        ("replay", {"folder": "loops"}, "`replay` has no options"),
        ("random_predicted_fg", {"foreground": 2.0}, "less than or equal to 1"),
        ("core_set", {"presample": 0}, "greater than or equal to 1"),
    ],
)
def test_options_without_effect_are_refused(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        resolve(name, options)


@pytest.mark.parametrize("name", [d.name for d in definitions() if d.name not in names()])
def test_a_strategy_for_images_is_refused_with_those_for_boxes(name: str) -> None:
    with pytest.raises(
        OptionsError, match=rf"`{name}` works on images only, not for boxes.*random_66fg.*core_set"
    ):
        resolve(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("entropi", "unknown strategy for boxes 'entropi'. Did you mean 'entropy'"),
        ("power_entropi", "unknown strategy for boxes 'entropi'. Did you mean 'entropy'"),
        ("clasp_entropi", "unknown strategy for boxes 'entropi'. Did you mean 'entropy'"),
        ("class_balanced_entropy", "`class_balanced_entropy` works on images only"),
        ("entropy+badge", "`badge` works on images only, not as the last stage"),
        ("entropy+power_bald", "`power_bald` works on images only, not as the last stage"),
        ("power_bald+core_set", "`power_bald` draws noise, which may stand only last"),
        ("power_random", "works on images only"),
        ("replay+core_set", "`replay` asks for whole loops, of which nothing can choose"),
        ("power_clasp_bald", "`power_clasp_bald` puts noise over `clasp_bald`, which draws its own"),
        ("clasp_power_bald", "`clasp_power_bald` works on images only"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(name: str, message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        resolve(name)


def test_what_only_boxes_have_is_told_apart_by_its_own_options() -> None:
    assert canonical("core_set", {}) == canonical("core_set", {"presample": 4}) == "core_set,presample:4"
    assert canonical("core_set", {"presample": 2}) != canonical("core_set", {})
    assert canonical("clasp_entropy", {"ratio": 0.5}) != canonical("clasp_entropy", {})
    assert canonical("clasp_entropy", {"ratio": 0.66}) == canonical("clasp_entropy", {})
    assert canonical("random+core_set", {}) == canonical("core_set", {})
    assert canonical("bald+core_set", {"presample": 4}) == canonical("bald+core_set", {})
    assert canonical("grand_bound", {}) == canonical("egl", {}) != canonical("grand_pseudo", {})
    assert canonical("power_grand_bound", {}) == canonical("power_egl", {"beta": 1.0})
    with pytest.raises(OptionsError, match="presamples"):
        canonical("core_set", {"presamples": 2})


@pytest.mark.parametrize("name", sorted({*names(), *NNACTIVE, *BUILT}))
def test_every_name_has_its_text(name: str) -> None:
    assert canonical(name, {}) == canonical(name, dict(resolve(name).options))
