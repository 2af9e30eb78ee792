"""Minutes and hours during the session: when runs are asked for, when not, and what is said of a slow plan."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pandas as pd
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData
from dagster._core.test_utils import create_run_for_test

from fvg_platform.definitions import defs
from fvg_platform.pipeline.automation.vendor_schedules import market_is_open, too_slow
from fvg_platform.pipeline.market_source import MarketSource
from fvg_platform.pipeline.partitions import tickers
from fvg_platform.pipeline.stages import RANGE_END, RANGE_START
from fvg_platform.sources.sample import SampleSource
from fvg_platform.storage.database import Database
from fvg_platform_tests.pipeline.made_up_vendor import INFO, MadeUpVendor

NEW_YORK = ZoneInfo("America/New_York")
IN_SESSION = dt.datetime(2024, 3, 12, 10, 50, tzinfo=NEW_YORK)  # a Tuesday, two days after the clocks changed


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions(str(tickers.name), ["UVXY"])
        yield instance


def source_of(vendor: MadeUpVendor | None, folder: Path) -> MarketSource:
    return MarketSource(
        Database(folder),
        open_archive=SampleSource,
        open_vendor=None if vendor is None else lambda _chosen: vendor,
    )


def tick(
    name: str, instance: dg.DagsterInstance, source: MarketSource, at: dt.datetime, calls_per_minute: int = 5
) -> ScheduleExecutionData:
    resources: dict[str, Any] = {"market_source": source, "calls_per_minute": calls_per_minute}
    with dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=at,
        repository_def=defs.get_repository_def(),
        resources=resources,
    ) as context:
        return defs.resolve_schedule_def(name).evaluate_tick(context)


def test_hours_are_refreshed_while_the_market_is_open(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    source = source_of(MadeUpVendor(), tmp_path)
    (request,) = tick("refresh_hours", instance, source, IN_SESSION).run_requests
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("UVXY|1h", "UVXY|4h")


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (dt.datetime(2024, 3, 12, 3, 50, tzinfo=NEW_YORK), "the market is closed"),
        (dt.datetime(2024, 3, 10, 10, 50, tzinfo=NEW_YORK), "the market is closed"),  # a Sunday
        (dt.datetime(2024, 3, 29, 10, 50, tzinfo=NEW_YORK), "the market is closed"),  # Good Friday
    ],
)
def test_a_closed_market_is_left_alone(
    at: dt.datetime, why: str, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    assert tick("refresh_hours", instance, source_of(MadeUpVendor(), tmp_path), at).skip_message == why


def test_timeframes_that_are_not_followed_and_archives_are_left_alone(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    said = tick("refresh_minutes", instance, source_of(MadeUpVendor(), tmp_path), IN_SESSION).skip_message
    assert said == "no series of 1m, 5m, 15m is followed (FVG_TIMEFRAMES)"
    said = tick("refresh_hours", instance, source_of(None, tmp_path), IN_SESSION).skip_message
    assert said == "bars come from an archive: there is nothing to fetch"


def test_a_round_that_is_still_at_work_is_not_doubled(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    run = create_run_for_test(
        instance, status=dg.DagsterRunStatus.STARTED, tags={"dagster/schedule_name": "refresh_hours"}
    )
    said = tick("refresh_hours", instance, source_of(MadeUpVendor(), tmp_path), IN_SESSION).skip_message
    assert said == f"the round before (run {run.run_id[:8]}) is still at work"


def test_a_plan_that_is_too_small_is_said() -> None:
    hour = pd.Timedelta(hours=1)
    said = too_slow("refresh_hours", 500, 5, hour)
    assert said is not None
    assert "500 series at 5 calls a minute take 100 minutes, and it comes every 60" in said
    assert too_slow("refresh_hours", 300, 5, hour) is None
    assert too_slow("refresh_hours", 500, 0, hour) is None, "without a limit nothing is too slow"


def test_a_market_that_never_closes_is_always_open() -> None:
    sunday = pd.Timestamp("2024-03-10 03:00", tz="UTC")
    crypto = INFO.__class__(
        "X:BTCUSD", "1h", INFO.basis.__class__("raw", "clock", "regular", "polygon"), "crypto"
    )
    assert market_is_open([INFO, crypto], sunday)
    assert not market_is_open([INFO], sunday)
    assert market_is_open([INFO], pd.Timestamp("2024-03-11 20:30", tz="UTC")), (
        "its last bars come after the close"
    )
