"""The whole pipeline on bars whose truth is known: no edge is reported in noise, and a planted one is found.

Both series go through files, cleaning, detection, context, labels, statistics and training as any other.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.storage import model_registry
from fvg_platform.storage.database import Database
from fvg_platform.storage.statistics_tables import statistics_of
from fvg_platform_tests.platforms import Workplace

Judged = tuple[pd.DataFrame, dict[str, dict[str, Any]]]

NOISE, PLANTED = "NOISE", "PLANTED"
NOISE_SAMPLES, PLANTED_SAMPLES = 2_000, 60  # inside a bar; discretisation fakes R where they are few
BUSY = 0.65  # share of bars with much volume
DRIFT_BARS, WITH, AGAINST = 20, 0.5, -0.3  # of a bar's standard deviation, each bar


def noise(bars: int, seed: int) -> pd.DataFrame:
    """Hours of a driftless random walk."""
    random = np.random.default_rng(seed)
    price, rows = 100.0, np.empty((bars, 4))
    for j in range(bars):
        path = price * np.exp(np.cumsum(random.normal(0, 0.004 / NOISE_SAMPLES**0.5, NOISE_SAMPLES)))
        rows[j] = price, max(price, path.max()), min(price, path.min()), path[-1]
        price = path[-1]
    return on_calendar("1h", rows, random.integers(1_000, 10_000, bars).astype(float))


def planted(bars: int, seed: int) -> pd.DataFrame:
    """Days on which a gap foretells, until the next: after much volume the price goes its way, after little not."""
    random = np.random.default_rng(seed)
    sigma = 0.01
    busy = random.random(bars) < BUSY
    volume = np.where(busy, 5.0, 1.0) * random.uniform(900, 1_100, bars)
    price, drift, left, rows = 100.0, 0.0, 0, np.empty((bars, 4))
    for j in range(bars):
        steps = random.normal(0, sigma / PLANTED_SAMPLES**0.5, PLANTED_SAMPLES)
        path = price * np.exp(np.cumsum(steps + drift * sigma / PLANTED_SAMPLES))
        rows[j] = price, max(price, path.max()), min(price, path.min()), path[-1]
        price = path[-1]
        left -= 1
        if left <= 0:
            drift = 0.0
        side = 0 if j < 2 else int(rows[j, 2] > rows[j - 2, 1]) - int(rows[j, 1] < rows[j - 2, 2])
        if side:
            drift, left = side * (WITH if busy[j - 1] else AGAINST), DRIFT_BARS
    return on_calendar("1d", rows, volume)


def on_calendar(timeframe: str, ohlc: np.ndarray, volume: np.ndarray) -> pd.DataFrame:
    """Bars at the newest times that New York's exchange had before 2026."""
    start = pd.Timestamp("1975-01-01" if timeframe == "1d" else "2018-01-01", tz="UTC")
    opens = trading_calendar("equity").expected_opens(timeframe, start, pd.Timestamp("2025-12-31", tz="UTC"))
    prices = dict(zip(("open", "high", "low", "close"), ohlc.T, strict=True))
    return pd.DataFrame({"ts": opens[-len(ohlc) :], **prices, "volume": volume})


@pytest.fixture(scope="module")
def judged(module_workplace: Workplace) -> Judged:
    """The statistics of all setups, and what the models' test periods said, after one run of everything."""
    workplace = module_workplace
    workplace.add_bars(NOISE, "1h", noise(6_000, seed=5))
    workplace.add_bars(PLANTED, "1d", planted(9_000, seed=6))
    assert [run.failures for run in workplace.bring_up_to_date() if not run.success] == []
    database = Database(workplace.home, workplace.url)
    with database.bulk() as connection:
        figures = statistics_of(connection, ["all", "rule"])
    models = {}
    with database.engine.connect() as connection:
        for timeframe in ("1h", "1d"):
            row = model_registry.active_model(connection, timeframe)
            assert row is not None
            models[timeframe] = {
                "algorithm": row.algorithm,
                "metrics": row.test_metrics,
                "tried": row.tried,
                "threshold": row.threshold["value"],
                "runs": row.backtest["runs"],
            }
    database.close()
    return figures, models


def of(
    figures: pd.DataFrame, timeframe: str, dimension: str = "all", value: str | None = None
) -> pd.DataFrame:
    rows = figures[(figures["timeframe"] == timeframe) & (figures["dimension"] == dimension)]
    return rows if value is None else rows[rows["value"] == value]


def test_noise_shows_no_edge_and_no_skill(judged: Judged) -> None:
    figures, models = judged
    noise_rows = of(figures, "1h")
    assert list(noise_rows["target"]) == [1, 2, 3] and (noise_rows["entered"] > 400).all()
    assert (noise_rows["mean_r_before_costs_lo_low"] < 0).all()
    assert (noise_rows["mean_r_before_costs_hi_high"] > 0).all()
    # Of all rules and targets tried, none stands out once the trying is counted.
    assert (of(figures, "1h", "rule")["p_adjusted"].dropna() > 0.05).all()
    skill = models["1h"]["metrics"]["target_1"]["skill"]
    assert models["1h"]["algorithm"] == "base_rate" or skill["low"] <= 0


def test_on_noise_nothing_that_was_tried_has_skill_and_nothing_is_acted_on(judged: Judged) -> None:
    _, models = judged
    noise_model = models["1h"]
    assert {each["algorithm"] for each in noise_model["tried"]} == {"logistic_regression", "lightgbm"}
    for each in noise_model["tried"]:
        if each["target"] != "entered":  # whether an order fills is told by how far away it is, on noise too
            assert each["skill"]["low"] <= 0, each
    assert noise_model["threshold"] is None
    runs = noise_model["runs"]
    assert runs["signals"]["lo"]["trades"] == 0
    # Acting on all of them: what the bars leave open is worth more than any edge, and costs are on top.
    assert runs["all setups"]["lo"]["mean_r"]["low"] < 0
    for path in ("lo", "hi"):  # and what it is worth, orders at random bars get as well
        ours, random = (runs[name][path]["mean_r"] for name in ("all setups", "random entries"))
        assert ours["low"] < random["high"] and random["low"] < ours["high"], path


def test_acting_on_the_planted_edge_beats_random_entries(judged: Judged) -> None:
    _, models = judged
    edge = models["1d"]
    assert edge["threshold"] is not None
    signals, random = edge["runs"]["signals"]["lo"], edge["runs"]["random entries"]["hi"]
    assert signals["trades"] >= 30
    assert signals["mean_r"]["low"] > 0
    # The worse path of the signals beside the better one of as many orders at random bars.
    assert signals["mean_r"]["value"] > random["mean_r"]["high"]
    assert signals["sharpe"]["low"] > 0
    assert signals["deflated_sharpe"] > 0.95


def test_a_planted_edge_is_found_by_both(judged: Judged) -> None:
    figures, models = judged
    rows = of(figures, "1d")
    assert (rows["mean_r_hi"] > rows["mean_r_hi_surrogate"]).all()
    busy, quiet = (of(figures, "1d", "rule", f"volume_confirmed: {v}") for v in ("pass", "fail"))
    assert (busy["p_adjusted"] < 0.01).all() and (busy["mean_r_lo_deflated"] > 0).all()
    assert (busy["mean_r_lo"] > busy["mean_r_hi_surrogate"]).all()
    assert (quiet["mean_r_lo"] < 0).all() and (quiet["p_adjusted"] > 0.5).all()
    assert models["1d"]["algorithm"] != "base_rate"
    assert models["1d"]["metrics"]["target_1"]["skill"]["low"] > 0


def test_the_same_bars_without_direction_have_none(judged: Judged) -> None:
    figures, _ = judged
    beside = of(figures, "1d")
    assert (beside["mean_r_before_costs_lo_low_surrogate"] < 0).all()
    assert (beside["p_adjusted_surrogate"] > 0.05).all()
