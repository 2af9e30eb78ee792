"""The sheet of daily returns: figures by hand, what is refused, and that quantstats leaves no trace."""

import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from fvg_platform.reports.performance_sheet import DAYS_NEEDED, performance_sheet, sheet_records
from fvg_platform_tests.reports import made_up_model as made_up

UNTOUCHED = """
import socket, warnings
import matplotlib
def refuse(*_, **__):
    raise AssertionError("the sheet asked for the network")
socket.socket.connect = socket.getaddrinfo = refuse
before, filters = dict(matplotlib.rcParams), list(warnings.filters)
from fvg_platform.reports.performance_sheet import performance_sheet
from fvg_platform_tests.reports.made_up_model import daily_returns
performance_sheet(daily_returns(60), daily_returns(60, seed=2))
assert {k for k in before if before[k] != matplotlib.rcParams[k]} == set(), "matplotlib's style was changed"
assert warnings.filters == filters, "warnings were silenced for others"
"""


def figures(returns: pd.Series, benchmark: pd.Series | None = None) -> pd.Series:
    sheet = performance_sheet(returns, benchmark)
    return sheet.set_index("figure")["signals"]


def days(values: list[float]) -> pd.Series:
    return pd.Series(values, pd.date_range("2024-01-01", periods=len(values), freq="D"))


def test_the_figures_of_thirty_days_by_hand() -> None:
    values = [0.1, -0.5, 0.2, *[0.0] * 26, 1.0]  # 1.1, 0.55, 0.66, …, 1.32: under water from day 2 to day 29
    found = figures(days(values))
    assert found["Total return"] == pytest.approx(0.32)
    assert found["Largest drawdown"] == pytest.approx(-0.5)
    assert found["Longest drawdown, days"] == pytest.approx(28)
    assert found["Best day"] == 1.0
    assert found["Worst day"] == -0.5
    assert found["Days won, of those with a change"] == pytest.approx(0.75)
    assert found["Profit factor of days"] == pytest.approx(1.3 / 0.5)
    spread = np.std(values, ddof=1)
    assert found["Volatility a year"] == pytest.approx(spread * math.sqrt(365))
    assert found["Sharpe ratio"] == pytest.approx(np.mean(values) / spread * math.sqrt(365))


def test_against_itself_a_run_has_beta_one_and_no_alpha() -> None:
    found = figures(made_up.daily_returns(), made_up.daily_returns())
    assert found["Beta"] == pytest.approx(1.0)
    assert found["Correlation"] == pytest.approx(1.0)
    assert found["Alpha a year"] == pytest.approx(0.0, abs=1e-12)


def test_days_of_a_zone_and_days_without_one_are_the_same_days() -> None:
    returns, benchmark = made_up.daily_returns(200), made_up.daily_returns(200, seed=4)
    pd.testing.assert_series_equal(
        figures(returns.tz_localize("UTC"), benchmark), figures(returns, benchmark.tz_localize("UTC"))
    )


def test_runs_stand_side_by_side_with_the_benchmark() -> None:
    worse, better = made_up.daily_returns(100), made_up.daily_returns(100, seed=2)
    sheet = performance_sheet({"worse": worse, "better": better}, made_up.daily_returns(100, seed=3))
    assert list(sheet.columns) == ["group", "figure", "kind", "worse", "better", "buy and hold"]
    assert sheet.set_index("figure").loc["Beta", "worse":"better"].notna().all()
    assert sheet.set_index("figure").loc["Beta", "buy and hold":].isna().all()


@pytest.mark.parametrize("returns", [days([]), days([0.01] * (DAYS_NEEDED - 1))])
def test_too_few_days_have_no_figures(returns: pd.Series) -> None:
    assert figures(returns).isna().all()


def test_an_account_that_never_moved_has_no_ratios() -> None:
    found = figures(days([0.0] * 40))
    assert found["Total return"] == 0.0
    assert found["Largest drawdown"] == 0.0
    assert found[["Sharpe ratio", "Sortino ratio", "Calmar ratio"]].isna().all()


def test_the_caller_keeps_what_it_gave() -> None:
    returns = made_up.daily_returns(60).tz_localize("UTC")
    before = returns.copy()
    performance_sheet(returns, returns)
    pd.testing.assert_series_equal(returns, before)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1.5])
def test_returns_that_are_none_are_refused_by_day_and_value(wrong: float) -> None:
    with pytest.raises(ValueError, match=rf"signals: return {wrong} on 2024-01-02 is none"):
        performance_sheet(days([0.0, wrong, 0.0]))


def test_a_day_that_comes_twice_is_refused() -> None:
    twice = pd.concat([days([0.1]), days([0.1])])
    with pytest.raises(ValueError, match="2024-01-01 comes twice"):
        performance_sheet(twice)


def test_records_are_json_with_none_for_what_is_undefined() -> None:
    rows = sheet_records(performance_sheet(days([0.0] * 40)))
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    by_figure = {row["figure"]: row["values"]["signals"] for row in rows}
    assert by_figure["Total return"] == 0.0
    assert by_figure["Sharpe ratio"] is None


def test_quantstats_touches_neither_the_network_nor_anyones_pictures_or_warnings() -> None:
    done = subprocess.run([sys.executable, "-c", UNTOUCHED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
