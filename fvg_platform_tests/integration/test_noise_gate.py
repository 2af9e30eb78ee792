"""The whole pipeline on bars whose truth is known: no edge is reported in noise, and a planted one is found.

Both series go through files, cleaning, detection, context, labels, statistics and training as any other.
"""

from typing import Any

import pandas as pd
import pytest

from fvg_platform.storage import model_registry
from fvg_platform.storage.database import Database
from fvg_platform.storage.statistics_tables import statistics_of
from fvg_platform_tests.integration.made_up_bars import noise, planted
from fvg_platform_tests.platforms import Workplace

Judged = tuple[pd.DataFrame, dict[str, dict[str, Any]]]

NOISE, PLANTED = "NOISE", "PLANTED"


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
