"""Wrappers, balance and chains against what they are made of."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import scipy.stats
import torch

import queryloop
from queryloop.errors import InputError, OptionsError
from queryloop.strategies import noise, resolve
from queryloop.strategies.kinds import TopK
from queryloop.strategies.made_up import example
from queryloop.strategies.noise import strength
from queryloop.strategies.resolution import canonical

PROBS = np.array([[0.7, 0.2, 0.1], [0.4, 0.3, 0.3], [0.34, 0.33, 0.33], [0.9, 0.05, 0.05]])


DRAWS = 20_000


def first_picks(name: str, **options: float) -> np.ndarray:
    """How often each of the four rows comes first, in one call: each row has noise of its own."""
    noisy = resolve(name, options).score({"probs": np.tile(PROBS, (DRAWS, 1))}, 0)
    return np.bincount(noisy.reshape(DRAWS, 4).argmax(dim=1), minlength=4)


def scores(name: str) -> np.ndarray:
    return resolve(name).score({"probs": PROBS}, 0).numpy()


@pytest.mark.parametrize("beta", [1.0, 3.0])
def test_power_draws_rows_in_proportion_to_a_power_of_the_score_above_its_bound(beta: float) -> None:
    chances = (scores("margin") + 1) ** beta
    expected = DRAWS * chances / chances.sum()
    assert scipy.stats.chisquare(first_picks("power_margin", beta=beta), expected).pvalue > 1e-3


def test_softmax_draws_rows_in_proportion_to_the_exponential_of_the_score() -> None:
    chances = np.exp(2 * scores("entropy"))
    expected = DRAWS * chances / chances.sum()
    assert scipy.stats.chisquare(first_picks("softmax_entropy", beta=2.0), expected).pvalue > 1e-3


def test_softrank_draws_rows_in_proportion_to_a_power_of_their_rank() -> None:
    ranks = scipy.stats.rankdata(-scores("entropy"))
    picked = [queryloop.select("softrank_entropy", k=1, seed=seed, probs=PROBS)[0] for seed in range(500)]
    expected = 500 * (1 / ranks) / (1 / ranks).sum()
    assert scipy.stats.chisquare(np.bincount(picked, minlength=4), expected).pvalue > 1e-3


def test_noise_without_strength_is_a_uniform_draw_and_with_much_of_it_the_ranking() -> None:
    assert scipy.stats.chisquare(first_picks("power_entropy", beta=1e-9)).pvalue > 1e-3
    order = np.argsort(-scores("entropy")).tolist()
    assert queryloop.select("softmax_entropy", k=4, seed=0, probs=PROBS, beta=1e6) == order


def test_a_score_at_its_lower_bound_comes_last() -> None:
    probs = np.eye(3)[[0, 1, 2, 0, 1]]
    probs[2] = 1 / 3
    assert all(queryloop.select("power_entropy", k=5, seed=s, probs=probs)[0] == 2 for s in range(50))


def test_the_noise_of_a_row_depends_on_seed_and_id_only() -> None:
    evidence = example()
    some = {"ids": evidence["ids"][5:9], "probs": evidence["probs"][5:9]}
    noisy = resolve("softmax_margin")
    assert torch.equal(noisy.score(evidence, 7)[5:9], noisy.score(some, 7))
    assert not torch.equal(noisy.score(some, 8), noisy.score(some, 7))


@pytest.mark.parametrize(
    ("progress", "schedule", "expected"),
    [
        (0.0, "constant", 2.0),
        (1.0, "constant", 2.0),
        (0.0, "exponential", 2.0),
        (0.5, "exponential", math.sqrt(2 * 50)),
        (1.0, "exponential", 50.0),
        (0.0, "smooth_sigmoid", 2.0),
        (0.5, "smooth_sigmoid", 26.0),
        (1.0, "sharp_sigmoid", 50.0),
    ],
)
def test_schedules_go_from_beta_to_final_beta(progress: float, schedule: str, expected: float) -> None:
    found = strength(progress, beta=2.0, schedule=schedule, final_beta=50.0)  # type: ignore[arg-type]
    assert found == pytest.approx(expected)


def test_sigmoids_are_those_of_the_paper() -> None:
    for schedule, width in (("smooth_sigmoid", 2.0), ("sharp_sigmoid", 0.5)):
        curve = 1 / (1 + np.exp(-np.linspace(-6, 6, 9) / width))
        expected = 1 + 99 * (curve - curve.min()) / (curve.max() - curve.min())
        found = [strength(t / 8, schedule=schedule) for t in range(9)]  # type: ignore[arg-type]
        np.testing.assert_allclose(found, expected)


def test_a_schedule_needs_to_know_how_far_it_is() -> None:
    assert resolve("power_entropy").needs == {"probs"}
    assert resolve("power_entropy", {"schedule": "exponential"}).needs == {"probs", "progress"}
    with pytest.raises(InputError, match="`power_entropy` needs progress; pass progress="):
        queryloop.select("power_entropy", k=1, seed=0, probs=PROBS, schedule="exponential")
    chosen = {
        queryloop.select(
            "softmax_entropy", k=1, seed=s, probs=PROBS, schedule="exponential", final_beta=1e5, progress=1.0
        )[0]
        for s in range(30)
    }
    assert chosen == {2}


@pytest.mark.parametrize("progress", [-0.1, 1.1, "soon"])
def test_progress_is_a_share(progress: object) -> None:
    with pytest.raises(InputError, match="`progress` must be a number from 0 to 1"):
        resolve("power_entropy", {"schedule": "exponential"}).score({"probs": PROBS, "progress": progress}, 0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("power_badge", "'power' needs a scorer, but `badge` chooses a batch as a whole"),
        ("class_balanced_badge", "'class_balanced' needs a scorer, but `badge` chooses a batch"),
        ("softrank_entropy+margin", "`softrank_entropy` draws noise, which may stand only last in a chain"),
        ("class_balanced_power_bald+margin", "`class_balanced_power_bald` draws noise"),
        *(
            (
                f"{prefix}_class_balanced_margin",
                f"without regard to balance: take class_balanced_{prefix}_margin",
            )
            for prefix in ("power", "softmax", "softrank")
        ),
        ("power_power_entropy", "would add the same noise twice: take one of its words, as power_entropy"),
        ("softmax_softrank_bald", "would add the same noise twice: take one of its words, as softmax_bald"),
        ("power_alfa_mix+margin", "'power' needs a scorer, but `alfa_mix` chooses a batch as a whole"),
        ("power_entrpy", "unknown strategy 'entrpy'. Did you mean 'entropy'"),
        ("entropy+marign", "unknown strategy 'marign'. Did you mean 'margin'"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(name: str, message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        resolve(name)


def test_balance_takes_other_rows_than_the_highest_scores() -> None:
    assert isinstance(resolve("power_margin"), TopK)
    assert not isinstance(resolve("class_balanced_power_margin"), TopK)


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        ("power_entropy", {"beta": 0.0}, "greater than 0"),
        ("power_entropy", {"betta": 1.0}, "unknown option of `power_entropy` 'betta'. Did you mean 'beta'"),
        ("entropy+margin", {"presample": 0}, "greater than or equal to 1"),
        ("entropy+margin", {"presmple": 2}, "unknown option of `entropy.margin` 'presmple'"),
        ("class_balanced_margin", {"beta": 1.0}, "'beta'"),
    ],
)
def test_options_are_checked(name: str, option: dict[str, float], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        resolve(name, option)


def test_a_chain_narrows_the_pool_by_ids() -> None:
    evidence = example(n=40)
    entropy = queryloop.select("entropy", k=12, seed=0, **{n: evidence[n] for n in ("ids", "probs")})
    rows = [evidence["ids"].index(name) for name in entropy]
    inner = queryloop.select("margin", k=3, seed=0, ids=entropy, probs=evidence["probs"][rows])
    chained = queryloop.select("entropy+margin", k=3, seed=0, ids=evidence["ids"], probs=evidence["probs"])
    assert chained == inner
    whole = queryloop.select("margin", k=3, seed=0, ids=evidence["ids"], probs=evidence["probs"])
    assert whole != chained or set(whole) <= set(entropy)


def test_a_chain_of_three_keeps_the_square_of_presample_first() -> None:
    evidence = example(n=60)
    arrays = {name: evidence[name] for name in ("ids", "probs", "embeddings", "labeled_embeddings")}
    first = queryloop.select("entropy", k=18, seed=0, ids=arrays["ids"], probs=arrays["probs"])
    rows = [evidence["ids"].index(name) for name in first]
    second = queryloop.select("margin", k=6, seed=0, ids=first, probs=evidence["probs"][rows])
    rows = [evidence["ids"].index(name) for name in second]
    third = queryloop.select(
        "core_set",
        k=2,
        seed=0,
        ids=second,
        embeddings=evidence["embeddings"][rows],
        labeled_embeddings=evidence["labeled_embeddings"],
    )
    assert queryloop.select("entropy+margin+core_set", k=2, seed=0, presample=3, **arrays) == third


def test_options_of_a_chain_reach_every_stage_that_has_them() -> None:
    chain = resolve("power_entropy", {"beta": 3.0})
    assert chain.options["beta"] == 3.0
    both = resolve("margin+power_entropy", {"beta": 3.0, "presample": 2})
    assert (both.options["beta"], both.options["presample"]) == (3.0, 2)
    assert both.needs == {"probs"}


def test_a_chain_wants_an_ensemble_if_a_stage_does() -> None:
    assert resolve("entropy+vote_entropy").members == "ensemble"
    assert resolve("entropy+bald").members == "dropout"


def test_a_chain_is_as_diverse_as_all_of_its_stages() -> None:
    """The first one may keep copies alone, so that the last has no others."""
    assert resolve("core_set+typiclust").diverse
    assert not resolve("entropy+core_set").diverse
    assert not resolve("core_set+entropy").diverse


def test_a_last_strength_without_a_schedule_is_refused() -> None:
    with pytest.raises(
        OptionsError, match="final_beta has no effect on `power_bald` whose schedule is const"
    ):
        resolve("power_bald", {"final_beta": 50.0})
    with pytest.raises(OptionsError, match=r"option 'final_beta' of .* is 0\.0: "):
        resolve("power_bald", {"final_beta": 0.0, "schedule": "exponential"})
    assert resolve("power_bald", {"final_beta": 50.0, "schedule": "exponential"}).options["final_beta"] == 50


def slow_balance(order: list[int], classes: list[int], counts: list[int], k: int) -> list[int]:
    """The rule, one pick after the other."""
    left, counts, picks = list(order), list(counts), []
    while len(picks) < k:
        fewest = min(counts[classes[row]] for row in left)
        row = next(row for row in left if counts[classes[row]] == fewest)
        left.remove(row)
        counts[classes[row]] += 1
        picks.append(row)
    return picks


@pytest.mark.parametrize("k", [1, 7, 40])
def test_balance_takes_each_row_from_the_class_with_the_fewest(k: int) -> None:
    evidence = example(n=40)
    arrays = {name: evidence[name] for name in ("ids", "probs", "labels")}
    order = [
        evidence["ids"].index(name)
        for name in queryloop.select("margin", k=40, seed=0, ids=evidence["ids"], probs=evidence["probs"])
    ]
    classes = evidence["probs"].argmax(axis=1).tolist()
    counts = [Counter(evidence["labels"].tolist())[c] for c in range(4)]
    expected = [evidence["ids"][row] for row in slow_balance(order, classes, counts, k)]
    assert queryloop.select("class_balanced_margin", k=k, seed=0, **arrays) == expected


def test_balance_passes_options_and_scores_on() -> None:
    strategy = resolve("class_balanced_power_entropy", {"beta": 2.0})
    assert strategy.options["beta"] == 2.0
    assert strategy.needs == {"probs", "labels"}
    evidence = example()
    assert torch.equal(
        strategy.score(evidence, 1), resolve("power_entropy", {"beta": 2.0}).score(evidence, 1)
    )


@pytest.mark.parametrize("drawn", [0.0, 0.5, 1 - 2.0**-53])
def test_noise_is_a_number_whatever_is_drawn(drawn: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise, "uniform_by_id", lambda *_: np.full(4, drawn))
    for name in ("power_entropy", "softmax_entropy", "softrank_entropy"):
        noisy = resolve(name).score({"probs": PROBS}, 0)
        gumbel = -math.log(-math.log(max(drawn, 2.0**-53)))
        clean = {"power": np.log(scores("entropy")), "softmax": scores("entropy")}.get(name.split("_")[0])
        if clean is not None:
            np.testing.assert_allclose(noisy, clean + gumbel)
        assert noisy.isfinite().all()


def test_two_names_of_a_strategy_are_one_text() -> None:
    assert canonical("egl") == canonical("grand", {"label": "expected"})
    own = "beta:2.0,final_beta:100.0,schedule:constant"
    assert canonical("power_egl", {"beta": 2.0}) == f"power_{canonical('egl')},{own}"
    assert canonical("power_egl") == canonical("power_grand", {"label": "expected"})


@pytest.mark.parametrize(
    ("name", "usual"),
    [("power_margin", {"beta": 1.0}), ("margin+badge", {"presample": 4}), ("class_balanced_entropy", {})],
)
def test_an_option_that_is_given_its_default_changes_nothing(name: str, usual: dict[str, object]) -> None:
    assert canonical(name) == canonical(name, usual)


def test_what_differs_is_another_text() -> None:
    named = [("egl", {}), ("egl+badge", {}), ("badge+egl", {}), ("power_margin", {"beta": 2.0})]
    assert len({canonical(*one) for one in (*named, ("power_margin", {}), ("no_such_strategy", {}))}) == 6
