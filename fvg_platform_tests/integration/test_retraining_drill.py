"""The drill: the market's regime turns, and the platform notices, trains again and says why, without a hand.

Bars come in three parts: a planted edge to learn, more of the same, and the same turned round. What the daemon does,
ticks of the sensors and the runs that they ask for, is done here tick by tick.
"""

from dataclasses import dataclass, replace
from typing import Any

import dagster as dg
import pytest

from fvg_platform.pipeline.automation.retraining import queue_retraining, retrain_from_queue
from fvg_platform.pipeline.stages import TRAINING, run_stage
from fvg_platform_tests.integration.made_up_bars import planted
from fvg_platform_tests.integration.operations import failures, materialise_assets
from fvg_platform_tests.platforms import Workplace

# A window of drift lasts 237 bars; of the third part two of them begin and one ends.
LEARNT, SAME, TURNED = 6_300, 260, 400
TICKERS = {"ONE": 6, "TWO": 7}
WATCHED = [
    "raw_bars", "clean_bars", "bars", "fvg_detections", "fvg_setups", "fvg_labels", "bar_features", "setup_features",
    "daily_predictions", "prediction_outcomes", "model_performance", "model_drift",
]  # fmt: skip
ENTRY = "SELECT id, timeframe, trigger, status, attempts, reason, result FROM retrain_queue ORDER BY id"


@dataclass(frozen=True)
class Seen:
    """What lay in the tables after a part of the bars had come and the sensors had ticked."""

    entries: list[Any]
    versions: list[Any]
    windows: list[Any]
    started: list[str]


def arrive(place: Workplace, bars: int) -> None:
    for ticker, seed in TICKERS.items():
        every = planted(LEARNT + SAME + TURNED, seed, turn=LEARNT + SAME)
        place.add_bars(ticker, "1d", every.head(bars))


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
def drilled(module_workplace: Workplace) -> list[Seen]:
    place = replace(module_workplace, variables={"FVG_TUNING_TRIALS": "0"})
    arrive(place, LEARNT)
    assert failures(place.bring_up_to_date()) == {}
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
