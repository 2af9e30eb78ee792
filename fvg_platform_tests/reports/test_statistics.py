"""Statistics as they are read: what stands in the tables, and what is said in words."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from fvg_platform.fvg.statistics import statistics
from fvg_platform.reports.statistics import EDGE, HOW_TO_READ, WIDTH, statistics_table, statistics_values
from fvg_platform_tests.fvg.made_labels import diced, labels_from


def shown(frame: pd.DataFrame) -> str:
    console = Console(width=WIDTH, file=io.StringIO())
    for part in statistics_table(frame):
        console.print(part)
    return console.file.getvalue()  # type: ignore[attr-defined]


def line_of(text: str, *words: str) -> str:
    """The one line that holds all the words."""
    (line,) = [line for line in text.splitlines() if all(word in line for word in words)]
    return line


@pytest.fixture(scope="module")
def long_shot() -> str:
    labels = diced(3000, 1, days=3.0, win=0.7).assign(
        **{f"rule_{name}": pd.array([True] * 3000, dtype="boolean") for name in ("zone_at_low_volume_node",)}
    )
    table = statistics(
        labels, "1d", ("all", "rule"), surrogate=diced(3000, 2, days=3.0).assign(rule_discount=True)
    )
    return shown(table)


def test_rates_and_r_are_shown_as_intervals() -> None:
    labels = labels_from(
        ["entered"] * 4 + ["expired"], ["target", "stop", "stop", "timeout", None],
        ["target", "target", "stop", "timeout", None], days=1, cost_bps=10,
    )  # fmt: skip
    text = shown(statistics(labels, "1d", "side"))
    assert "1d, by side: orders and win rates" in text
    for cell in ("│ long", "│      5 │", "80.0% [too few]", "25.0…50.0% [too few]"):
        assert cell in line_of(text, "long", "80.0%")
    first = line_of(text, "long", "-0.12…+0.38")
    for cell in ("-0.22…+0.27 [too few]", "-0.18…+0.22", "0.59…2.00", "│ – │         – │"):
        assert cell in first
    assert "too little to tell edge from chance" in text


def test_a_reader_is_told_which_rows_hold_out(long_shot: str) -> None:
    assert "1d, all setups: R" in long_shot
    said = " ".join(long_shot.split())
    assert "Of 15 rows that could be tested, 15 (bold) have a mean R after costs that is above 0" in said
    assert " ".join(HOW_TO_READ.split()) in said
    assert " ".join(EDGE.split()) in said
    noise = shown(statistics(diced(3000, 3, days=3.0), "1d", "all"))
    assert "none has a mean R after costs" in noise


def test_an_edge_that_the_surrogate_shows_too_is_none() -> None:
    labels = diced(3000, 1, days=3.0, win=0.7)
    table = statistics(labels, "1d", "all", surrogate=labels)
    assert (table["p_adjusted"] < 0.05).all()
    assert "none has a mean R" in shown(table)


def test_tables_fit_the_terminal_and_long_names_wrap_at_words(long_shot: str) -> None:
    assert max(map(len, long_shot.splitlines())) <= WIDTH
    assert "…  " not in long_shot, "nothing is cut off"
    assert "zone at low" in long_shot


def test_values_are_plain_and_unknown_ones_are_none() -> None:
    table = statistics(labels_from(["ran_away"], [None], [None], days=1), "1d", "all")
    row = json.loads(json.dumps(statistics_values(table), allow_nan=False))[0]
    assert (row["dimension"], row["target"], row["setups"], row["fill_rate"]) == ("all", 1, 1, 0.0)
    assert row["win_lo"] is row["setups_surrogate"] is row["p_adjusted"] is None
    assert list(row) == list(table.columns)
    assert statistics_values(table.assign(win_lo=np.inf))[0]["win_lo"] is None


def test_nothing_to_show_is_said() -> None:
    assert "No statistics yet" in shown(statistics(diced(5, 1).iloc[:0], "1d"))
