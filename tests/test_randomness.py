from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from queryloop.randomness import bits_by_id, derived_seed, generator, uniform_by_id

IDS = ["train/000000", "train/000001", "straße/ü.png", ""]
TEXT_BITS = [13329808887527098000, 15580315018609815137, 17107229794518347675, 3000710944945175277]
NUMBER_BITS = [709431690988573748, 2432881893868627433, 6216595133611891414, 3630007998146056647]


def test_a_seed_for_each_purpose_and_cycle() -> None:
    seeds = {
        derived_seed(seed, cycle, purpose)
        for seed in (0, 1)
        for cycle in (0, 1, 10)
        for purpose in ("a", "b")
    }
    assert len(seeds) == 12
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_generators_of_one_purpose_draw_the_same() -> None:
    assert generator(1, 2, "a").random() == generator(1, 2, "a").random() != generator(1, 3, "a").random()


def test_bits_are_the_same_on_every_machine_and_version() -> None:
    texts = bits_by_id(0, 0, "test", IDS)
    numbers = bits_by_id(0, 0, "test", [0, 1, -1, 2**40])
    assert texts.dtype == numbers.dtype == np.uint64
    assert texts.tolist() == TEXT_BITS
    assert numbers.tolist() == NUMBER_BITS


@pytest.mark.parametrize(
    "ids", [np.array(IDS), np.array(IDS, dtype=object), tuple(IDS)], ids=["fixed width", "objects", "tuple"]
)
def test_the_container_does_not_matter(ids: np.ndarray) -> None:
    assert bits_by_id(3, 1, "test", ids).tolist() == bits_by_id(3, 1, "test", IDS).tolist()


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.uint16])
def test_the_width_of_a_number_does_not_matter(dtype: type) -> None:
    ids = np.array([0, 5, 7], dtype=dtype)
    assert bits_by_id(3, 1, "test", ids).tolist() == bits_by_id(3, 1, "test", [0, 5, 7]).tolist()


def test_neither_order_nor_company_matters() -> None:
    alone = [uniform_by_id(5, 2, "test", [name])[0] for name in reversed(IDS)]
    assert alone[::-1] == uniform_by_id(5, 2, "test", IDS).tolist()


def test_ids_are_not_written_to() -> None:
    ids = np.arange(10)
    ids.setflags(write=False)
    bits_by_id(0, 0, "test", ids)
    assert ids.tolist() == list(range(10))


def test_no_ids_no_numbers() -> None:
    assert uniform_by_id(0, 0, "test", []).tolist() == []


@pytest.mark.parametrize("ids", [range(20_000), [f"train/{row:06d}" for row in range(20_000)]])
def test_numbers_are_uniform_and_seeds_independent(ids: list) -> None:
    first, second = (uniform_by_id(seed, 0, "test", ids) for seed in (0, 1))
    assert scipy.stats.kstest(first, "uniform").pvalue > 0.001
    assert abs(scipy.stats.spearmanr(first, second).statistic) < 0.03
    assert abs(scipy.stats.spearmanr(first[:-1], first[1:]).statistic) < 0.03
