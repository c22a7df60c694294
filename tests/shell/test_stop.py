"""Stop rules: the run says which one ended it, and ends the same way when it is given again."""

from __future__ import annotations

import pandas as pd
import pytest

from .test_refusals import refusal
from .tiny import Tiny

MARGIN = {"strategy": "margin"}
RULES = {
    "stop.budget:50": (2, "stop.budget: 40 labels, and 20 more would be over 50"),
    "stop.target:0.01": (1, "has reached 0.01"),
    "stop.plateau:1,stop.gain:1.0": (2, "has not risen by more than 1.0 for 1 cycles"),
    "stop.agreement:0.001,stop.window:1,training.min_steps:60": (2, "predictions change no more, kappa 0."),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_run_ends_at_the_rule_and_says_so_again(
    tiny: Tiny, rule: str, caplog: pytest.LogCaptureFixture
) -> None:
    n_cycles, said = RULES[rule]
    command = f"strategy:margin,n_cycles:3,{rule}"
    after = []
    for _ in range(2):
        caplog.clear()
        result = tiny.run(command)
        assert result.exit_code == 0, result.output
        assert len(tiny.versions("labeled_index", **MARGIN)) == n_cycles
        assert f"stopped by {rule.partition(':')[0]}" in caplog.text
        assert said in caplog.text
        assert "All" not in result.stdout
        assert "More cycles" not in result.stdout  # the same command would end at the rule again
        after.append(tiny.tree())
    assert after[0] == after[1]


@pytest.mark.slow
def test_a_rule_changes_no_cycle_and_can_be_taken_back(tiny: Tiny, finished: Tiny) -> None:
    assert tiny.run("strategy:entropy,n_cycles:3,stop.budget:40").exit_code == 0
    assert tiny.run("strategy:entropy,n_cycles:3").exit_code == 0
    for name in ("metrics", "query"):
        ours, theirs = tiny.history(name, strategy="entropy"), finished.history(name, strategy="entropy")
        for a, b in zip(ours, theirs, strict=True):
            pd.testing.assert_frame_equal(a, b)


def test_a_sweep_takes_what_a_rule_ended_as_complete(tiny: Tiny) -> None:
    assert tiny.run("strategy:margin,n_cycles:3,stop.budget:20").exit_code == 0
    params = "--params=n_cycles:3,stop.budget:20"
    result = tiny.al("sweep", "--strategies=margin", "--seeds=1", params)
    assert "All 1 experiments are complete" in result.stdout


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ("stop.target:0.9,data.validation:0", "add data.validation:0.1"),
        ("stop.plateau:2,data.validation:0", "add data.validation:0.1"),
        ("stop.target:1.5", "'stop.target'"),
        ("stop.plateu:2", "'stop.plateau'"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused(tiny: Tiny, params: str, said: str) -> None:
    assert said in refusal(tiny.run(f"strategy:margin,{params}"))
    assert not (tiny.folder / "data").exists()


@pytest.mark.parametrize(("size", "n"), [("20", 20), ("0.1", 28)])
def test_a_start_beyond_the_budget_is_refused(tiny: Tiny, size: str, n: int) -> None:
    said = refusal(tiny.run(f"strategy:margin,n_cycles:1,start.size:{size},stop.budget:19"))
    assert f"stop.budget is 19, which is less than the start of {n} labels" in said
    assert tiny.run(f"strategy:margin,n_cycles:1,start.size:{size},stop.budget:{n}").exit_code == 0
