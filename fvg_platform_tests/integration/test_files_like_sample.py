"""A folder of three hourly series that the platform has never seen works as the sample does."""

import json

import pytest

from fvg_platform_tests.integration.operations import fvg_in_process
from fvg_platform_tests.market_bars import random_bars
from fvg_platform_tests.platforms import Workplace

TICKERS = ("KIWI", "LIME", "PLUM")


@pytest.mark.long
def test_three_unseen_hourly_series_go_all_the_way(workplace: Workplace) -> None:
    for seed, ticker in enumerate(TICKERS, start=41):
        workplace.add_bars(ticker, "1h", random_bars("1h", "2022-03-01", "2024-03-01", seed=seed))

    finished = fvg_in_process(workplace, "demo")
    assert finished.exit_code == 0, finished.stderr
    assert "failed" not in finished.stderr

    told = fvg_in_process(workplace, "report", "--json")
    assert told.exit_code == 0, told.stderr
    report = json.loads(told.stdout)
    assert [row["timeframe"] for row in report["timeframes"]] == ["1h", "4h"]
    for row in report["timeframes"]:
        assert row["series"] == len(TICKERS)
        assert row["entered"] > 0
        for target in row["targets"]:
            lo, hi = target["win_rate_lo"], target["win_rate_hi"]
            assert 0 <= lo["low"] <= lo["value"] <= hi["value"] <= hi["high"] <= 1
        assert row["model"]["version"] == 1
        assert 0 < row["model"]["test_metrics"]["target_1"]["brier"]["value"] < 1
    hourly = report["timeframes"][0]
    assert hourly["bars"] > 3 * 3_400
    assert hourly["model"]["setups_entered"] > 200
    assert hourly["model"]["flag"] is None
    # How near the order lies tells how likely it is met, in noise too: that much there is to learn.
    assert hourly["model"]["test_metrics"]["entered"]["skill"]["low"] > 0.1
    brier = hourly["model"]["test_metrics"]["target_1"]["brier"]
    assert 0 < brier["low"] <= brier["value"] <= brier["high"] < 1
    assert {signal["ticker"] for signal in report["signals"]} <= set(TICKERS)
    assert report["signals"]

    state = json.loads(fvg_in_process(workplace, "status", "--json").stdout)
    assert {row["state"] for row in state["series"]} == {"ok"}
    assert [c for c in state["failing_checks"] if c["severity"] == "ERROR"] == []

    assert workplace.bring_up_to_date() == []

    (workplace.files / "LIME_1h.csv").unlink()
    assert [run.stage for run in workplace.bring_up_to_date()] == ["symbols_stage"]
    retired = workplace.rows(
        "SELECT ticker, (SELECT count(*) > 0 FROM market_data m WHERE m.ticker = s.ticker) "
        "FROM symbols s WHERE NOT active"
    )
    assert retired == [("LIME", True)], "what the source drops is retired, and kept"
    assert workplace.bring_up_to_date() == []
