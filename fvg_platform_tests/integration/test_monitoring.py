"""What people see of predictions, drift, forecasts and retraining: the commands, the notebook's door, the tables."""

import re

import pandas as pd
import pytest

from fvg_platform import research
from fvg_platform.pipeline.assets.forecasts import FORECAST_TIMEFRAMES
from fvg_platform_tests.command_line import Fvg
from fvg_platform_tests.integration.operations import failures, materialise_assets
from fvg_platform_tests.platforms import Workplace


@pytest.fixture
def fvg(sample: Workplace, capsys: pytest.CaptureFixture[str]) -> Fvg:
    return Fvg(sample, capsys)


def test_performance_shows_calibration(fvg: Fvg) -> None:
    values = fvg("performance", "--json").values
    rows = {(row["timeframe"], row["window_days"]): row for row in values["performance"]}
    assert rows["1m", 0]["predictions"] >= rows["1m", 0]["entered"] > 20
    assert {row["as_of"] for row in values["performance"]} == {"2026-08-06"}
    told = [row for row in values["calibration"] if row["timeframe"] == "1m"]
    assert sum(row["n"] for row in told) <= rows["1m", 0]["entered"]
    assert all(0 <= row["rate_lo"] <= row["rate_hi"] <= 1 and row["low"] <= row["mean_p"] for row in told)
    shown = fvg("performance", "--timeframe", "1m", "--window", "0").out
    assert "Said against seen" in shown and max(map(len, shown.splitlines())) <= 190
    assert "No track record yet" in fvg("performance", "--timeframe", "1mo").out
    for wrong in (["--origin", "lve"], ["--ticker", "NOPE"], ["--window", "77"], ["--mode", "none"]):
        assert re.search(
            rf"fvg: the track record has no \w+ '{wrong[1]}': there is ", fvg("performance", *wrong).err
        )
    assert fvg("performance", "--timeframe", "2h").err.startswith("fvg: unknown timeframe '2h'")


def test_drift_is_told_window_by_window(fvg: Fvg) -> None:
    windows = fvg("drift", "--json").values["drift"]
    daily = [row for row in windows if row["timeframe"] == "1d"]
    assert [row["complete"] for row in daily] == [False] + [True] * (len(daily) - 1), "newest first"
    assert all(row["state"] in ("ok", "drifted", "too_little") and row["reason"] for row in windows)
    assert any(row["state"] == "ok" and row["p_value"] > 0.05 and len(row["worst"]) == 3 for row in daily)
    shown = fvg("drift", "--timeframe", "1d").out
    assert daily[1]["worst"][0]["name"][:20] in shown and max(map(len, shown.splitlines())) <= 190


def test_forecasts_are_shown_beside_their_record(sample: Workplace, fvg: Fvg) -> None:
    made = sample.rows("SELECT DISTINCT timeframe FROM price_forecasts")
    assert {timeframe for (timeframe,) in made} <= set(FORECAST_TIMEFRAMES) and len(made) >= 4
    values = fvg("forecast", "AAPL", "1d", "--json").values["forecast"]
    assert {model["model"]: model["served"] for model in values["models"]}.keys() == {
        "block_bootstrap",
        "filtered_bootstrap",
    }
    assert len(values["steps"]) == 30
    opens = [pd.Timestamp(step["ts"]) for step in values["steps"]]
    assert opens[0] > pd.Timestamp(values["made_from"]) and opens == sorted(opens)
    fan = sample.home / "fan.png"
    assert "The next 30 bars" in fvg("forecast", "AAPL", "1d", "-o", str(fan)).out
    assert fan.read_bytes().startswith(b"\x89PNG")
    assert fvg("forecast", "AAPL", "1m").err.startswith(
        "fvg: no forecasts are made of '1m': use one of 1h, 4h"
    )
    assert fvg("forecast", "NOPE", "1d").err.startswith("fvg: there is no ticker 'NOPE': there is AAPL")


def test_a_forecast_is_made_once_for_a_bar_and_served_by_one_model(sample: Workplace) -> None:
    before = sample.rows("SELECT to_jsonb(p) FROM prediction_steps p ORDER BY 1")
    assert sample.rows(
        "SELECT count(*) FROM (SELECT count(*) FILTER (WHERE served) AS served FROM price_forecasts "
        "GROUP BY ticker, timeframe, made_from) s WHERE served <> 1"
    ) == [(0,)]
    # One that was made from bars which have gone since.
    sample.execute(
        "INSERT INTO price_forecasts SELECT (jsonb_populate_record(p, jsonb_build_object('made_from', "
        "made_from + interval '9 days'))).* FROM price_forecasts p WHERE (ticker, timeframe) = ('IBM', '1d')"
    )
    made = sample.rows("SELECT count(*) FROM price_forecasts")
    with sample.open() as (platform, definitions):
        from fvg_platform.pipeline.refresh import materialise

        runs = materialise(
            platform,
            definitions,
            assets=["price_forecasts"],
            only_tickers=["IBM"],
            rebuild=True,
            say=lambda _: None,
        )
    assert failures(runs) == {}
    assert sample.rows("SELECT count(*) FROM price_forecasts") == [(made[0][0] - 2,)]
    assert sample.rows("SELECT to_jsonb(p) FROM prediction_steps p ORDER BY 1") == before


def test_a_person_asks_for_a_training_and_is_told_what_came_of_it(sample: Workplace, fvg: Fvg) -> None:
    ((signal,),) = sample.rows("SELECT id FROM predictions WHERE timeframe = '1m' LIMIT 1")
    said = fvg("retrain", "1mo", "--reason", "a look", "--signal", str(signal))
    assert said.out.splitlines() == [
        "the model of 1mo waits as entry 1",
        f"the model that said signal {signal} waits as entry 2",
    ]
    day = fvg("status", "--json").values["day"]
    assert [(e["timeframe"], e["trigger"], e["reason"]) for e in day["waiting"]] == [
        ("1mo", "hand", "a look"),
        ("1m", "hand", "a look"),
    ]
    asked = fvg("retrain", "1mo", "--now", FVG_TUNING_TRIALS="0")
    assert "is asked for already" in asked.out and "entry 1: completed: " in asked.err
    day = fvg("status", "--json").values["day"]
    assert day["waiting"] == []
    done = {entry["timeframe"]: entry for entry in day["trained"]}
    assert done.keys() == {"1mo", "1m"}
    assert all(entry["run_id"] and "version" in entry["result"] for entry in done.values())
    assert {entry["reason"] for entry in done.values()} == {"a look"}, (
        "asking again without a reason keeps it"
    )
    shown = fvg("status").out
    assert "a look" in shown and "Waits: nothing" in shown
    assert fvg("retrain").code == 2
    assert fvg("retrain", "--signal", "987654321").err.startswith("fvg: there is no signal 987654321")
    assert sample.rows("SELECT count(*) FROM retrain_queue") == [(2,)]


def test_status_tells_what_is_stale_with_the_command_that_mends_it(sample: Workplace, fvg: Fvg) -> None:
    assert fvg("status", "--json").values["day"]["stale"] == []
    sample.execute("DELETE FROM prediction_outcomes WHERE timeframe = '1h'")
    sample.execute("UPDATE drift_reports SET fingerprint = 'other' WHERE timeframe = '1d'")
    # Windows of another grid, as from before a ticker came and made them shorter.
    cut_otherwise = "window_start = date_trunc('year', window_start)"
    sample.execute(
        "INSERT INTO drift_reports SELECT (jsonb_populate_record(d, jsonb_build_object('window_start', "
        "date_trunc('year', window_start)))).* FROM drift_reports d WHERE timeframe = '1d' AND NOT complete"
    )
    assert sample.rows(f"SELECT count(*) FROM drift_reports WHERE {cut_otherwise}") == [(1,)]
    stale = fvg("status", "--json").values["day"]["stale"]
    assert stale == [
        "outcomes: `fvg materialize --select prediction_outcomes,model_performance`",
        "drift of 1d: `fvg materialize --select model_drift`",
    ]
    assert (
        failures(materialise_assets(sample, ["prediction_outcomes", "model_performance", "model_drift"]))
        == {}
    )
    assert fvg("status", "--json").values["day"]["stale"] == []
    assert sample.rows(f"SELECT count(*) FROM drift_reports WHERE {cut_otherwise}") == [(0,)]


@pytest.mark.usefixtures("door")
def test_a_notebook_reads_the_same(sample: Workplace) -> None:
    said = research.signals("AAPL", "1m")
    assert (
        len(said)
        == sample.rows("SELECT count(*) FROM predictions WHERE (ticker, timeframe) = ('AAPL', '1m')")[0][0]
    )
    assert isinstance(said["features"].iloc[0], dict)
    assert set(research.performance("1m")["timeframe"]) == {"1m"} < set(research.performance()["timeframe"])
    assert set(research.drift("1d")["kind"]) == {"feature", "score"}
    forecast = research.forecast("AAPL", "1w")
    assert list(forecast["step"]) == list(range(1, 31))
    assert research.forecast("NOPE", "1d").empty
