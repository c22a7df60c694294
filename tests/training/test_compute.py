from __future__ import annotations

import platform
import resource

import pytest
import torch

from queryloop.errors import OptionsError
from queryloop.options import TrainingOptions
from queryloop.training import compute
from queryloop.training.compute import isolated, resolve, resolve_scoring


def test_what_is_set_is_taken() -> None:
    found = resolve(TrainingOptions(device="cpu", precision="bf16", threads=3))
    assert (found.device, found.precision, found.threads) == ("cpu", "bf16", 3)


def test_auto_threads_are_torchs_own() -> None:
    assert resolve(TrainingOptions()).threads == torch.get_num_threads()


@pytest.mark.parametrize(
    ("flags", "precision"), [({}, "32"), ({"avx512_f": True}, "32"), ({"avx512_bf16": True}, "bf16")]
)
def test_auto_precision_follows_the_processor(
    monkeypatch: pytest.MonkeyPatch, flags: dict[str, bool], precision: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags)
    assert resolve(TrainingOptions(device="cpu")).precision == precision
    assert resolve_scoring(TrainingOptions(device="cpu")).precision == "32"


@pytest.mark.parametrize(
    ("asked", "training", "scoring"), [("32", "32", "32"), ("mixed", "bf16", "32"), ("bf16", "bf16", "bf16")]
)
def test_scoring_is_exact_unless_asked_otherwise(asked: str, training: str, scoring: str) -> None:
    options = TrainingOptions(device="cpu", precision=asked)
    assert (resolve(options).precision, resolve_scoring(options).precision) == (training, scoring)


def test_auto_device_takes_the_fastest_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "_present", lambda: {"cuda": False, "mps": True, "cpu": True})
    assert resolve(TrainingOptions()).device == "mps"
    assert resolve(TrainingOptions(device="cpu")).device == "cpu"


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "gpu", "cpu:0", "cpu:"])
def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(compute, "_present", lambda: {"cuda": False, "mps": False, "cpu": True})
    with pytest.raises(OptionsError, match=f"device '{device}' is not available here. Available: auto, cpu"):
        resolve(TrainingOptions(device=device))


def test_random_state_and_threads_come_back_even_after_an_error() -> None:
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    with pytest.raises(ZeroDivisionError):
        _draw_and_fail(threads + 1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def _draw_and_fail(threads: int) -> None:
    with isolated(threads):
        assert torch.get_num_threads() == threads
        torch.manual_seed(5)
        torch.rand(1)
        raise ZeroDivisionError


def test_memory_of_activations_is_used_again() -> None:
    """After some rounds: a hole must be a little larger than the tensor that it is to take."""
    with isolated(1):
        cleared = [_cleared_for_a_tensor() for _ in range(20)]
    pages = _TENSOR // resource.getpagesize()
    assert sum(cleared[10:]) < 5 * pages or platform.libc_ver()[0] != "glibc"


_TENSOR = 64 * 2**20


def _cleared_for_a_tensor() -> int:
    """Pages that the system clears for a tensor, which is freed at once."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(_TENSOR // 4)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
