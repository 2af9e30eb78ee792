"""What the clock starts: the runs that each schedule asks for, and that their jobs accept them."""

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from fvg_platform.definitions import defs
from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.pipeline.partitions import days, series_partitions, tickers
from fvg_platform.pipeline.stages import RANGE_END, RANGE_START

# A Monday after the close in New York: the next day already in Europe, and winter time since the day before.
MONDAY = dt.datetime(2026, 11, 2, 17, 15, tzinfo=ZoneInfo("America/New_York"))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with (
        dg.instance_for_test() as instance
    ):  # a schedule's context takes no instance that lives in memory only
        yield instance


def tick(name: str, instance: dg.DagsterInstance, at: dt.datetime = MONDAY) -> ScheduleExecutionData:
    schedule = defs.resolve_schedule_def(name)
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=at, repository_def=defs.get_repository_def()
    )
    return schedule.evaluate_tick(context)


def test_the_refresh_is_one_run_over_every_series(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions(str(tickers.name), ["MSFT", "AAPL", "IBM"])
    (request,) = tick("refresh_series_after_close", instance).run_requests
    assert request.partition_key is None
    keys = series_partitions.get_partition_keys_in_range(
        dg.PartitionKeyRange(request.tags[RANGE_START], request.tags[RANGE_END]),
        dynamic_partitions_store=instance,
    )
    assert sorted(keys) == sorted(f"{t}|{f}" for t in ("MSFT", "AAPL", "IBM") for f in TIMEFRAMES)


def test_without_tickers_the_refresh_says_what_to_do(instance: dg.DagsterInstance) -> None:
    outcome = tick("refresh_series_after_close", instance)
    assert not outcome.run_requests
    assert outcome.skip_message == "no tickers yet: materialise symbols"


def test_predictions_are_for_the_exchanges_day(instance: dg.DagsterInstance) -> None:
    (request,) = tick("predict_after_refresh", instance).run_requests
    assert request.partition_key == "2026-11-02"
    assert days.get_partition_keys(current_time=MONDAY)[-1] == "2026-11-02", "today exists today"


def test_one_tick_is_one_run_however_often_it_is_evaluated(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions(str(tickers.name), ["AAPL"])
    for name in ("refresh_series_after_close", "predict_after_refresh", "refresh_universe_weekly"):
        (first,), (again,) = (tick(name, instance).run_requests for _ in range(2))
        (later,) = tick(name, instance, MONDAY + dt.timedelta(days=1)).run_requests
        assert first.run_key == again.run_key != later.run_key


def test_every_schedule_runs_by_itself_on_new_york_time() -> None:
    for schedule in defs.get_repository_def().schedule_defs:
        assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
        assert schedule.execution_timezone == "America/New_York"
