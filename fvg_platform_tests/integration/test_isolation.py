"""One bad series never spoils the others: poisoned, held back, strangely named and sparse ones beside sound ones.

A single folder holds all of them. It is run as it is, mended and run again, and held against a folder that was never
disturbed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import pytest
from click.testing import Result

from fvg_platform.pipeline.checks.tables import series_held_back
from fvg_platform.pipeline.stages import StageRun
from fvg_platform_tests.integration.operations import (
    checks_that_fail,
    failures,
    fvg_in_process,
    materialise_assets,
    row_places,
    shown_partitions,
    statuses,
)
from fvg_platform_tests.market_bars import random_bars
from fvg_platform_tests.platforms import Workplace

DERIVED = ("clean_bars", "bars", "fvg_detections", "fvg_labels", "bar_features", "setup_features")
POISONED_LINE = 100

SERIES = {
    ("ALL", "1m"): random_bars("1m", "2024-03-04", "2024-03-05", seed=1),
    ("ALL", "1h"): random_bars("1h", "2024-01-02", "2024-03-06", seed=2),
    ("ALL", "1d"): random_bars("1d", "2023-06-01", "2024-03-06", seed=3),
    ("BAD", "1h"): random_bars("1h", "2024-01-02", "2024-03-06", seed=4),
    ("DAILY", "1d"): random_bars("1d", "2023-06-01", "2024-03-06", seed=5),
    ("GATED", "1d"): random_bars("1d", "2023-06-01", "2024-03-06", seed=6),
}
OF_ALL = {f"ALL|{timeframe}" for timeframe in ("1m", "5m", "15m", "1h", "4h", "1d", "1w", "1mo")}
OF_DAILY = {f"DAILY|{timeframe}" for timeframe in ("1d", "1w", "1mo")}
GOOD = OF_ALL | OF_DAILY
BAD = {"BAD|1h", "BAD|4h", "BAD|1d", "BAD|1w", "BAD|1mo"}
GATED = {"GATED|1d", "GATED|1w", "GATED|1mo"}


@dataclass(frozen=True)
class Look:
    """A platform after a run, so that later runs change nothing about it."""

    runs: list[StageRun]
    contents: dict[str, list[tuple]]
    shown: dict[str, set[str]]
    checks: dict
    statuses: dict[tuple[str, str], tuple[str, str | None]]
    places: dict[str, list[tuple]]

    @classmethod
    def at(cls, workplace: Workplace, runs: list[StageRun]) -> "Look":
        return cls(
            runs,
            workplace.contents(),
            shown_partitions(workplace),
            checks_that_fail(workplace),
            statuses(workplace),
            row_places(workplace),
        )


def write(workplace: Workplace, *tickers: str) -> None:
    for (ticker, timeframe), bars in SERIES.items():
        if ticker in tickers:
            workplace.add_bars(ticker, timeframe, bars)


def poison(workplace: Workplace) -> None:
    """Text in a price of BAD."""
    lines = (workplace.files / "BAD_1h.csv").read_text().splitlines()
    cells = lines[POISONED_LINE - 1].split(",")
    cells[2] = "12o.5"
    lines[POISONED_LINE - 1] = ",".join(cells)
    (workplace.files / "BAD_1h.csv").write_text("\n".join(lines) + "\n")


def upside_down(bars: pd.DataFrame, count: int) -> pd.DataFrame:
    """The first `count` bars have their highs below their lows."""
    turned = bars.copy()
    turned.loc[: count - 1, "high"] = bars["low"] - 1.0
    return turned


@pytest.fixture(scope="module")
def disturbed_place(new_workplace: Callable[[], Workplace]) -> Workplace:
    workplace = new_workplace()
    write(workplace, "ALL", "BAD", "DAILY")
    poison(workplace)
    workplace.add_bars("BAD", "1d", SERIES["ALL", "1d"].head(0))
    gated = SERIES["GATED", "1d"]
    workplace.add_bars("GATED", "1d", upside_down(gated, len(gated) // 10))
    workplace.add_bars("ALL", "7h", SERIES["ALL", "1h"])
    workplace.add_bars("WHAT$", "1d", SERIES["DAILY", "1d"])
    return workplace


@pytest.fixture(scope="module")
def disturbed(disturbed_place: Workplace) -> Look:
    return Look.at(disturbed_place, materialise_assets(disturbed_place))


@pytest.fixture(scope="module")
def repeated(disturbed_place: Workplace, disturbed: Look) -> tuple[Result, Look]:
    """The same once more from the command line, with nothing mended."""
    finished = fvg_in_process(disturbed_place, "demo")
    return finished, Look.at(disturbed_place, [])


@pytest.fixture(scope="module")
def mended(disturbed_place: Workplace, repeated: object) -> Look:
    write(disturbed_place, "BAD", "GATED")
    for name in ("BAD_1d.csv", "ALL_7h.csv", "WHAT$_1d.csv"):
        (disturbed_place.files / name).unlink()
    return Look.at(disturbed_place, materialise_assets(disturbed_place))


@pytest.fixture(scope="module")
def undisturbed(new_workplace: Callable[[], Workplace]) -> Look:
    workplace = new_workplace()
    write(workplace, *{ticker for ticker, _ in SERIES})
    return Look.at(workplace, materialise_assets(workplace))


def test_a_poisoned_series_is_named_with_its_file_line_value_and_the_way_out(disturbed: Look) -> None:
    message = failures(disturbed.runs)["raw_bars"]
    assert "2 series failed, the others are kept" in message
    for part in (
        "BAD 1h",
        "BAD_1h.csv",
        f"line {POISONED_LINE}",
        "high",
        "'12o.5'",
        "write it like",
        "BAD_1d.csv",
    ):
        assert part in message, (part, message)


def test_files_with_strange_names_are_told_by_the_symbols_run_and_the_others_go_on(disturbed: Look) -> None:
    message = failures(disturbed.runs)["symbols"]
    for part in ("2 of the source's files", "ALL_7h.csv", "'7h'", "1h, 4h", "WHAT$_1d.csv", "'WHAT$'"):
        assert part in message, (part, message)
    assert not {key for key, _ in disturbed.statuses if key.startswith("WHAT$") or key.endswith("7h")}


def test_all_others_reach_labels_and_features(disturbed: Look, undisturbed: Look) -> None:
    def of_the_good(look: Look, table: str) -> list[tuple]:
        return [row for row in look.contents[table] if not ('"BAD"' in row[0] or '"GATED"' in row[0])]

    for table in disturbed.contents:
        assert of_the_good(disturbed, table) == of_the_good(undisturbed, table), table
    for table in ("market_data", "fvg_labels", "features", "setup_features"):
        assert of_the_good(disturbed, table), table


def test_dagster_shows_what_was_made_and_nothing_else(disturbed: Look) -> None:
    """Series are sparse: what does not exist is no more shown than what failed or is held back."""
    native = {f"{ticker}|{timeframe}" for ticker, timeframe in SERIES}
    assert disturbed.shown["raw_bars"] == native - {"BAD|1h"}
    assert disturbed.shown["clean_bars"] == native - {"BAD|1h", "GATED|1d"}
    for asset in DERIVED[1:]:
        assert disturbed.shown[asset] == GOOD, asset


def test_a_broken_rule_holds_a_series_back_and_no_other(disturbed: Look) -> None:
    state, reason = disturbed.statuses["GATED|1d", "clean_bars"]
    assert state == "blocked"
    refused = len(SERIES["GATED", "1d"]) // 10
    for part in (
        f"{refused} of {len(SERIES['GATED', '1d'])} rows",
        f"high_below_low {refused}",
        "5%",
        "mend",
    ):
        assert part in str(reason), (part, reason)
    assert len([row for row in disturbed.contents["bar_quarantine"] if '"GATED"' in row[0]]) == refused
    for series in GATED:
        for asset in DERIVED[1:]:
            state, why = disturbed.statuses.get((series, asset), ("absent", None))
            assert state in ("blocked", "absent"), (series, asset)
            assert state == "absent" or "clean_bars of 1d is blocked" in str(why)
    assert {key for (key, _), (state, _) in disturbed.statuses.items() if state != "ok"} == BAD | GATED


def test_the_check_names_what_is_held_back_as_an_error_that_does_not_block(disturbed: Look) -> None:
    check = disturbed.checks["clean_bars:series_held_back"]
    assert check["severity"] == "ERROR"
    assert "GATED 1d: clean_bars blocked" in check["description"]
    assert "BAD 1h: raw_bars failed" in check["description"]
    assert not any(spec.blocking for spec in series_held_back.check_specs)


def test_what_is_not_mended_is_told_again_in_one_message_and_nothing_is_written(
    disturbed: Look, repeated: tuple[Result, Look]
) -> None:
    finished, look = repeated
    assert finished.exit_code == 1
    assert finished.stderr.count("'12o.5'") == 1
    assert finished.stderr.count("'7h'") == 1
    assert "Traceback" not in finished.stderr
    assert "Stack Trace" not in finished.stderr
    assert "ALL" in finished.stdout  # the report of all others
    assert look.places == disturbed.places


def test_mended_and_run_again_the_rows_are_those_of_an_undisturbed_run(
    mended: Look, undisturbed: Look
) -> None:
    assert failures(mended.runs) == {}
    assert mended.contents == undisturbed.contents
    assert mended.shown == undisturbed.shown
    assert mended.statuses == undisturbed.statuses
    assert "clean_bars:series_held_back" not in mended.checks


def test_what_was_up_to_date_is_not_written_again(disturbed: Look, mended: Look) -> None:
    for table, rows in disturbed.places.items():
        of_the_good = {row for row in rows if row[0] not in ("BAD", "GATED")}
        assert of_the_good
        assert of_the_good <= set(mended.places[table]), table
