"""The page of a comparison."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from queryloop.pipelines.compare import PICTURES
from queryloop.plots import comparison as plots
from queryloop.plots.formats import annotated_shown, contrasts_shown, led_shown
from queryloop.plots.page import notes, page, verdict_text

from .made_up import compared, field, results


class Reader(HTMLParser):
    """What a page links to, and the text outside of scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.links += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data


def made(hostile: str = "badge", n_seeds: int = 4) -> str:
    table = results(n_seeds, hostile)
    found, tables = compared(table)
    pictures = {name: getattr(plots, name)(table, found, tables) for name in PICTURES}
    settings = {"query": {"size": 20}}
    return page(
        "digits",
        found,
        field(table),
        tables=tables,
        pictures=pictures,
        galleries={"margin": b"x"},
        settings=settings,
    )


@pytest.fixture(scope="module")
def read() -> Reader:
    return Reader(made())


def test_the_page_needs_nothing_beside_it(read: Reader) -> None:
    assert read.links
    assert all(link.startswith("data:") for link in read.links)
    assert read.open == []


def test_it_says_the_verdict_its_uncertainty_and_the_definitions(read: Reader) -> None:
    for words in (
        "margin needs",
        "95% interval",
        "badge: no difference from random is shown",
        "12 runs on 4 common budgets, 100 to 400 labels.",
        "query.size is 10, not 20",
        "Holm's correction",
        "isotonic curve",
        "may see no difference where an interval leaves out 0",
        "never gets there, or starts there",
        "statsmodels",
    ):
        assert words in read.text


def test_a_name_is_text_and_never_a_part_of_the_page() -> None:
    html = made("<script>alert(1)</script>")
    assert "<script>alert" not in html
    assert "alert(1)" in Reader(html).text


def test_the_runs_that_end_first_are_named() -> None:
    table = results()
    short = table.drop(index=table.index[(table["strategy"] == "badge") & (table["n_labeled"] == 400)])
    found, _ = compared(short)
    assert notes(found, field(short))[0] == (
        "12 runs on 3 common budgets, 100 to 300 labels; "
        "badge/seed_0, badge/seed_1, badge/seed_2, badge/seed_3 have 3 cycles, others up to 4."
    )


def test_what_was_annotated_stands_beside_its_share_and_apart_from_results() -> None:
    effort = pd.DataFrame(
        {
            "strategy": ["random"], "n_seeds": [2], "final_dice": [0.5], "aubc_voxels": [0.4],
            "foreground_efficiency": [np.nan], "boxes": [8], "voxels": [13824.0], "voxels_share": [0.0123],
            "boxes_1": [7], "mean_class_share": [0.25],
        }
    )  # fmt: skip
    assert annotated_shown(effort).to_dict("records") == [
        {"strategy": "random", "boxes": "8", "voxels": "13,824 (1.2%)", "classes": "25%"}
    ]
    assert led_shown(effort).columns.tolist() == [
        *("strategy", "seeds", "final Dice", "AUBC voxels", "foreground_efficiency")
    ]


def test_one_seed_is_said_and_nothing_tested() -> None:
    text = Reader(made(n_seeds=1)).text
    assert "share one seed only" in text
    assert "no test was run" in text
    assert "Mean ranks" not in text


def test_curves_of_other_seeds_are_told_apart() -> None:
    table = results()
    fewer = table.drop(index=table.index[(table["strategy"] == "badge") & (table["seed"] > 0)])
    found, tables = compared(fewer)
    assert notes(found, field(fewer))[1].startswith("badge has 1 of 4 seeds: curves of other seeds")
    for picture in (plots.curves, plots.levels, plots.calibration):
        names = {trace.name for trace in picture(fewer, found, tables).data}
        assert names == {"badge, 1 of 4 seeds", "margin", "random"}


def test_no_sentence_is_said_twice() -> None:
    table = results(n_seeds=1)
    said = [line for line in verdict_text(compared(table)[0], field(table)).splitlines() if line]
    assert len(said) == len(set(said)) > 2


def test_the_text_holds_what_was_left_out() -> None:
    table = results()
    text = verdict_text(compared(table)[0], field(table))
    assert text.startswith("margin needs")
    assert text.endswith("Left out: main/other/seed_0: other settings: query.size is 10, not 20.")


def test_runs_of_one_name_that_are_left_out_alike_are_one_line() -> None:
    table, many = results(), field(results())
    many.left_out = [(f"{name}/margin/seed_{seed}", "too small") for seed in range(9) for name in ("a", "b")]
    said = verdict_text(compared(table)[0], many).splitlines()
    assert said[-2:] == ["Left out: 9 runs of a: too small.", "Left out: 9 runs of b: too small."]


@pytest.mark.parametrize(
    ("n_seeds", "shown"), [(5, []), (6, ["p by Wilcoxon"]), (20, ["p by Wilcoxon", "bootstrap interval"])]
)
def test_tests_that_take_many_seeds_are_shown_where_there_are_as_many(n_seeds: int, shown: list) -> None:
    columns = contrasts_shown(compared(results(n_seeds))[0]).columns
    assert [name for name in columns if name in ("p by Wilcoxon", "bootstrap interval")] == shown


def test_a_difference_that_is_the_same_in_all_seeds_has_no_interval() -> None:
    table = results(n_seeds=2)
    by_strategy = {name: rows["accuracy"].to_numpy() for name, rows in table.groupby("strategy")}
    table.loc[table["strategy"] == "margin", "accuracy"] = by_strategy["random"] + 0.02
    row = contrasts_shown(compared(table)[0]).set_index("strategy").loc["margin"]
    assert row[["verdict", "points", "95% interval"]].tolist() == ["not tested", "+2.0", "–"]


def test_a_chance_below_a_thousandth_is_not_called_zero() -> None:
    assert contrasts_shown(compared(results(n_seeds=10))[0])["p by Holm"][0] == "<0.001"


def test_the_versions_of_the_runs_are_told_and_where_they_differ() -> None:
    table = results()
    found, tables = compared(table)
    assert "12 runs made with queryloop 0.1, torch 2.0." in Reader(made()).text
    tables["runs"].loc[0, "software"] = "queryloop 0.2, torch 2.0"
    pieces = {"tables": tables, "pictures": {}, "galleries": {}, "settings": {}}
    text = Reader(page("digits", found, field(table), **pieces)).text
    assert "11 runs made with queryloop 0.1, torch 2.0." in text
    assert "1 run made with queryloop 0.2, torch 2.0." in text
    assert "The versions differ" in text
