"""Greedy selection against the slow way: a sorted list of all boxes, one tested against all accepted."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from queryloop.boxes.box import Box
from queryloop.boxes.candidates import Leaders, candidates
from queryloop.boxes.grid import BoxGrid, grid_of
from queryloop.boxes.pool import Pool
from queryloop.boxes.resolution import resolve
from queryloop.boxes.scored import Scored
from queryloop.boxes.selection import free_positions, greedy
from queryloop.boxes.sums import Sums
from queryloop.errors import InputError
from tests.boxes.made_up import THREE, pool, softmax

lengths = st.integers(min_value=1, max_value=7)
triples = st.tuples(lengths, lengths, lengths)


def listed(scores: np.ndarray, grid: BoxGrid, taken: list[Box], n: int) -> list[tuple[Box, float]]:
    windows = [(grid.box("a", at), scores[at]) for at in np.ndindex(*grid.positions)]
    windows.sort(key=lambda window: -window[1])
    accepted: list[tuple[Box, float]] = []
    while windows and len(accepted) < n:
        box, score = windows.pop(0)
        if not any(box.overlaps(other) for other in [*taken, *(b for b, _ in accepted)]):
            accepted.append((box, score))
    return accepted


def selected(
    scores: np.ndarray, grid: BoxGrid, taken: list[Box], n: int, seed: int = 0
) -> list[tuple[Box, float]]:
    masked = np.where(free_positions(grid, taken), scores, -np.inf)
    found = greedy(masked, grid, "a", n=n, seed=seed)
    return list(zip(found.boxes, found.scores.tolist(), strict=True))


@settings(max_examples=60)
@given(triples, triples, triples, st.integers(1, 12), st.integers(0, 99))
def test_greedy_is_the_sorted_list(shape: tuple, size: tuple, stride: tuple, n: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    grid = grid_of(shape, size, stride)
    scores = draw.permutation(int(np.prod(grid.positions))).reshape(grid.positions).astype(np.float32)
    taken = [Box("a", tuple(int(draw.integers(m)) for m in shape), (1, 2, 3)) for _ in range(seed % 3)]
    assert selected(scores, grid, taken, n) == listed(scores, grid, taken, n)


def test_equal_scores_are_drawn() -> None:
    grid = grid_of((6, 6, 6), (3, 3, 3))
    flat = np.zeros(grid.positions, dtype=np.float32)
    first = {selected(flat, grid, [], 1, seed)[0][0].corner for seed in range(60)}
    assert len(first) > 20
    assert selected(flat, grid, [], 1, 7) == selected(flat, grid, [], 1, 7)


def test_a_full_case_gives_nothing() -> None:
    grid = grid_of((6, 6, 6), (3, 3, 3))
    full = [Box("a", (0, 0, 0), (6, 6, 6))]
    assert selected(np.ones(grid.positions, dtype=np.float32), grid, full, 5) == []


@pytest.mark.parametrize("keep", [1, 4, 100, None])
def test_leaders_are_the_best_of_all_cases_in_any_order(keep: int | None) -> None:
    draw = np.random.default_rng(0)
    parts = [
        candidates([Box(f"c{i}", (z, 0, 0), (1, 1, 1)) for z in range(5)], draw.integers(6, size=5).tolist())
        for i in range(4)
    ]
    found = []
    for order in itertools.permutations(parts):
        leaders = Leaders(keep, seed=3)
        for part in order:
            leaders.add(part)
        assert len(leaders.found.boxes) == (20 if keep is None else min(keep, 20))
        found.append(leaders.found.best(keep or 20, 3).ids.tolist())
    assert all(ids == found[0] for ids in found)


def asked(name: str, given: Pool, k: int, seed: int = 0, **options: object) -> list[str]:
    strategy = resolve(name, options)
    found = strategy.candidates(given, k=k, seed=seed)
    return strategy.choose(found, given, k=k, seed=seed).ids.tolist()


def test_a_query_is_the_best_of_all_cases_by_the_slow_way() -> None:
    given = pool(THREE, per_case=4)
    scores, windows = resolve("bald"), []
    assert isinstance(scores, Scored)
    for case, shape in THREE.items():
        sums = Sums(4, shape, scores.scorer.each)
        for member in softmax(case, shape):
            sums.add(member)
        volume, grid = scores.scorer.map(sums), given.grid(case)
        means = np.reshape(
            [volume[grid.box(case, at).slices].mean() for at in np.ndindex(*grid.positions)], grid.positions
        )
        windows += [(Box(case, b.corner, b.size).id, s) for b, s in listed(means, grid, [], 4)]
    expected = [name for name, _ in sorted(windows, key=lambda window: -window[1])]
    assert asked("bald", given, 7) == expected[:7]


@pytest.mark.parametrize("name", ["entropy", "power_bald", "softrank_bald", "clasp_entropy", "bald+core_set"])
def test_queries_overlap_nothing_and_repeat_for_the_same_seed(name: str) -> None:
    first = asked(name, pool(THREE), 6)
    boxes = [
        Box(text.split("@")[0], tuple(map(int, text.split("@")[1].split(","))), (4, 5, 6)) for text in first
    ]
    taken = {case: [box for box in boxes if box.case == case] for case in THREE}
    second = asked(name, pool(THREE, taken=taken), 6)
    boxes += [Box(t.split("@")[0], tuple(map(int, t.split("@")[1].split(","))), (4, 5, 6)) for t in second]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert len(set(first + second)) == 12
    assert asked(name, pool(THREE), 6) == first


@pytest.mark.parametrize("name", ["power_bald", "power_entropy", "softrank_bald", "softmax_entropy"])
def test_noise_follows_seed_and_box_alone(name: str) -> None:
    """Neither the order of the cases, nor slabs, nor how many candidates a case has, nor a second run."""
    back = dict(reversed(THREE.items()))
    first = asked(name, pool(THREE), 6)
    assert first == asked(name, pool(back, slab=3), 6)
    assert {tuple(asked(name, pool(THREE), 6, seed)) for seed in range(8)} > {tuple(first)}


def test_noise_is_drawn_once_a_candidate_and_not_once_a_position() -> None:
    """A single case whose best box stands out: a stride does not change how often it comes first."""
    shape = (12, 12, 12)

    def slabs(case: str, scorer: object) -> list[Sums]:
        probs = torch.zeros(2, *shape)
        probs[1, 4:8, 4:8, 4:8] = 0.5
        probs[0] = 1 - probs[1]
        sums = Sums(2, shape, None)
        sums.add(probs)
        return [sums]

    hits = []
    for stride in ((1, 1, 1), (4, 4, 4)):
        given = Pool(shapes={"a": shape}, size=(4, 4, 4), stride=stride, per_case=1, sums=slabs)
        hits.append([asked("power_entropy", given, 1, seed)[0] for seed in range(20)])
    assert hits[0] == hits[1] == ["a@4,4,4"] * 20


def test_strong_power_noise_off_gives_the_ranking() -> None:
    assert asked("power_bald", pool(THREE), 6, beta=1e9) == asked("bald", pool(THREE), 6)
    assert asked("softrank_bald", pool(THREE), 6, beta=1e9) == asked("bald", pool(THREE), 6)


@pytest.mark.parametrize("name", ["entropy", "power_bald", "clasp_entropy", "margin+core_set"])
def test_fewer_than_asked_are_all_taken_and_told(name: str, caplog: pytest.LogCaptureFixture) -> None:
    given, strategy = pool(THREE, per_case=1), resolve(name)
    found = strategy.candidates(given, k=40, seed=0)
    chosen = strategy.choose(found, given, k=40, seed=0)
    assert sorted(chosen.ids) == sorted(found.ids)
    (said,) = (record.getMessage() for record in caplog.records)
    assert f"40 boxes were asked for, but only {len(found.boxes)} can be had" in said
    assert "at most 1 of each (query.per_case)" in said
    assert "voxels apart (query.stride)" in said


@pytest.mark.parametrize("name", ["entropy", "power_bald", "clasp_entropy", "margin+core_set"])
def test_room_between_the_strides_is_no_candidate(name: str, caplog: pytest.LogCaptureFixture) -> None:
    taken = [Box("one", (z, 0, 0), (1, 5, 6)) for z in (3, 8)]
    given = pool({"one": (12, 5, 6)}, stride=(8, 1, 1), taken={"one": taken})
    assert given.has_room("one")
    assert asked(name, given, 2) == []
    assert "2 boxes were asked for, but only 0 can be had" in caplog.text


def test_a_full_case_is_not_predicted() -> None:
    given = pool(THREE, taken={"one": [Box("one", (0, 0, 0), THREE["one"])]})
    seen: list[str] = []
    assert given.sums is not None
    watched = pool(
        THREE, taken=given.taken, sums=lambda case, scorer: (seen.append(case), given.sums(case, scorer))[1]
    )
    assert all(not text.startswith("one@") for text in asked("entropy", watched, 5))
    assert seen == ["two", "empty"]


@pytest.mark.parametrize("size", ["whole", (1, 99, 99)])
def test_whole_cases_and_slices_are_boxes(size: object) -> None:
    found = resolve("entropy").candidates(pool(THREE, size=size, per_case=3), k=3, seed=0)
    assert all(box.size[1:] == THREE[box.case][1:] for box in found.boxes)
    if size == "whole":
        assert sorted(found.ids) == ["empty@0,0,0", "one@0,0,0", "two@0,0,0"]


def test_boxes_that_are_mostly_known_are_left_out() -> None:
    known = np.zeros(THREE["one"], dtype=bool)
    known[:, :, :9] = True
    given = pool({"one": THREE["one"]}, known=lambda case: known)
    found = resolve("entropy").candidates(given, k=20, seed=0)
    drawn = resolve("random").candidates(given, k=20, seed=0)
    assert found.boxes
    assert all(known[box.slices].mean() <= 0.4 for box in (*found.boxes, *drawn.boxes))


def test_a_pool_that_cannot_tell_is_refused() -> None:
    bare = Pool(shapes=THREE, size=(4, 5, 6))
    with pytest.raises(InputError, match="`entropy` asks the networks"):
        resolve("entropy").candidates(bare, k=2, seed=0)
    with pytest.raises(InputError, match="`core_set` compares embeddings"):
        asked("core_set", bare, 2)
    with pytest.raises(InputError, match="`random_66fg` reads labels"):
        asked("random_66fg", bare, 20)


def test_core_set_is_that_of_the_embeddings_of_the_candidates() -> None:
    taken = {"one": [Box("one", (0, 0, 0), (4, 5, 6))]}
    given = pool(THREE, taken=taken)
    assert given.embeddings is not None
    found = resolve("bald").candidates(given, k=12, seed=0)
    vectors = given.embeddings(found.boxes).numpy()
    nearest = np.linalg.norm(vectors - given.embeddings(taken["one"]).numpy(), axis=1)
    expected = []
    for _ in range(3):
        expected.append(found.ids[nearest.argmax()])
        nearest = np.minimum(nearest, np.linalg.norm(vectors - vectors[nearest.argmax()], axis=1))
    assert asked("bald+core_set", given, 3) == expected
