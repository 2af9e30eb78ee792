"""The whole pipeline on bars whose truth is known: no edge is reported in noise, and a planted one is found.

All series go through files, cleaning, detection, context, labels, statistics and training as any other. Then the
drill: the planted bars go on, first as before, then turned round, and the platform notices, trains again and says why,
without a hand. What the daemon does, ticks of the sensors and the runs that they ask for, is done here tick by tick.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from fvg_platform.pipeline.automation.retraining import queue_retraining, retrain_from_queue
from fvg_platform.pipeline.stages import TRAINING, run_stage
from fvg_platform.storage import model_registry
from fvg_platform.storage.database import Database
from fvg_platform.storage.statistics_tables import statistics_of
from fvg_platform_tests.integration.made_up_bars import noise, planted
from fvg_platform_tests.integration.operations import failures, materialise_assets
from fvg_platform_tests.platforms import Workplace

Judged = tuple[pd.DataFrame, dict[str, dict[str, Any]]]

NOISE, PLANTED = "NOISE", {"PLANTED": 6, "PLANTED2": 7}
# A window of drift lasts 237 bars; of the third part two of them begin and one ends.
LEARNT, SAME, TURNED = 6_300, 260, 400
WATCHED = [
    "raw_bars", "clean_bars", "bars", "fvg_detections", "fvg_setups", "fvg_labels", "bar_features", "setup_features",
    "model_drift",
]  # fmt: skip
ENTRY = "SELECT id, timeframe, trigger, status, attempts, reason, result FROM retrain_queue ORDER BY id"


@dataclass(frozen=True)
class Seen:
    """What lay in the tables after a part of the bars had come and the sensors had ticked."""

    entries: list[Any]
    versions: list[Any]
    windows: list[Any]
    started: list[str]


@cache
def every_bar(seed: int) -> pd.DataFrame:
    return planted(LEARNT + SAME + TURNED, seed, turn=LEARNT + SAME)


def arrive(place: Workplace, bars: int) -> None:
    for ticker, seed in PLANTED.items():
        place.add_bars(ticker, "1d", every_bar(seed).head(bars))


def ticks(place: Workplace, times: int = 2) -> list[str]:
    """What the daemon does: tick, launch what is asked for, tick again; the reasons that runs were started for."""
    started = []
    with place.open() as (platform, definitions):
        for _ in range(times):
            for sensor in (queue_retraining, retrain_from_queue):
                context = dg.build_sensor_context(
                    instance=platform.instance,
                    resources={name: platform.resources[name] for name in ("database", "retrain_rules")},
                    definitions=definitions,
                )
                for request in sensor.evaluate_tick(context).run_requests or ():
                    key = str(request.partition_key)
                    tags = {name: said for name, said in request.tags.items() if name.startswith("fvg/")}
                    runs = run_stage(
                        TRAINING,
                        definitions,
                        platform.instance,
                        partition_range=(key, key),
                        tags=tags,
                    )
                    assert failures(list(runs)) == {}
                    started.append(f"{key}: {tags['fvg/reason']}")
    return started


def seen(place: Workplace, started: list[str]) -> Seen:
    return Seen(
        place.rows(ENTRY),
        place.rows(
            "SELECT version, status, status_reason FROM models WHERE timeframe = '1d' ORDER BY version"
        ),
        place.rows(
            "SELECT window_start, complete, state, reason FROM drift_reports "
            "WHERE timeframe = '1d' AND model_version = 1 ORDER BY 1"
        ),
        started,
    )


@pytest.fixture(scope="module")
def judged(module_workplace: Workplace) -> Judged:
    """The statistics of all setups, and what the models' test periods said, after one run of everything."""
    workplace = module_workplace
    workplace.add_bars(NOISE, "1h", noise(6_000, seed=5))
    arrive(workplace, LEARNT)
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


@pytest.fixture(scope="module")
def drilled(judged: Judged, module_workplace: Workplace) -> list[Seen]:
    """What was seen when the gate had been passed, after more of the same, after the turn, and at the end."""
    place = module_workplace
    found = [seen(place, ticks(place))]
    for bars in (LEARNT + SAME, LEARNT + SAME + TURNED):
        arrive(place, bars)
        assert failures(materialise_assets(place, WATCHED)) == {}
        found.append(seen(place, ticks(place)))
    found.append(seen(place, ticks(place)))
    return found


def test_more_of_the_same_starts_nothing(drilled: list[Seen]) -> None:
    learnt, same, *_ = drilled
    assert learnt.started == same.started == []
    assert [row for row in same.entries if row[1] == "1d"] == []
    assert any(complete and state == "ok" for _, complete, state, _ in same.windows)
    assert "drifted" not in [state for _, complete, state, _ in same.windows if complete]


def test_a_turn_of_the_regime_is_noticed_and_trained_on(drilled: list[Seen]) -> None:
    turned = drilled[2]
    drifted = [reason for _, complete, state, reason in turned.windows if complete and state == "drifted"]
    assert drifted, turned.windows
    entries = {row[2]: row for row in turned.entries if row[1] == "1d"}
    assert entries["drift"][3:6] == ("completed", 1, drifted[-1])
    assert any(why.startswith("1d: ") for why in turned.started)
    (first, second) = turned.versions
    assert first[1:2] + second[1:2] in (("active", "candidate"), ("retired", "active"))
    assert second[2] and second[2] in entries["drift"][6], "the entry tells what came of it, and why"


def test_once_is_enough(drilled: list[Seen]) -> None:
    assert drilled[3].started == []
    assert [row[:5] for row in drilled[3].entries] == [row[:5] for row in drilled[2].entries]
