"""What starts by itself: exactly what changed upstream, once, and never training.

Conditions are evaluated as the daemon does it, tick by tick, on an instance without any storage of its own.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from fvg_platform.definitions import build_definitions
from fvg_platform.pipeline.automation.conditions import on_change_upstream
from fvg_platform.pipeline.partitions import days, tickers
from fvg_platform.pipeline.stages import RANGE_END, RANGE_START
from fvg_platform_tests.pipeline.small_graphs import series_asset

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

DEFINITIONS = build_definitions()
AUTOMATED = (
    "clean_bars",
    "bars",
    "fvg_detections",
    "fvg_setups",
    "fvg_labels",
    "bar_features",
    "setup_features",
)
SERIES = {f"{t}|{f}" for t in ("AAPL", "IBM") for f in ("1m", "5m", "15m", "1h", "4h", "1d", "1w", "1mo")}


class Daemon:
    """Ticks of the automation sensor over one graph."""

    def __init__(self, definitions: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self.definitions, self.instance = definitions, instance
        self._cursor: Any = None

    def tick(self) -> dict[str, set[str | None]]:
        """The requested partitions by asset; an asset without partitions has the partition None."""
        result = dg.evaluate_automation_conditions(self.definitions, self.instance, cursor=self._cursor)
        self._cursor = result.cursor
        return {
            found.key.to_user_string(): {
                p.partition_key for p in found.true_subset.expensively_compute_asset_partitions()
            }
            for found in result.results
            if isinstance(found.key, dg.AssetKey) and not found.true_subset.is_empty
        }

    def made(self, asset: str, partition: str | None = None) -> None:
        """Tell Dagster that a partition was made, outside of any run."""
        self.instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=partition))

    def checked(self, asset: str, check: str, *, passed: bool) -> None:
        """Tell Dagster how a check of the asset's newest materialisation went."""
        self.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(dg.AssetKey(asset), check, passed, metadata={}, blocking=True)
        )


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(tickers.name), ["AAPL", "IBM"])
        yield instance


@pytest.fixture
def daemon(instance: dg.DagsterInstance) -> Daemon:
    """The platform's own graph, seen once by the daemon before anything happens."""
    daemon = Daemon(DEFINITIONS, instance)
    assert daemon.tick() == {}, "nothing was made yet: nothing is missing enough to be asked for"
    return daemon


def test_a_changed_series_alone_goes_all_the_way_down(daemon: Daemon) -> None:
    daemon.made("raw_bars", "AAPL|1h")
    assert daemon.tick() == {"clean_bars": {"AAPL|1h"}}
    daemon.made("clean_bars", "AAPL|1h")
    # What 1h bars may be resampled to follows, in one go; other tickers and timeframes do not.
    assert daemon.tick() == {asset: {"AAPL|1h", "AAPL|4h"} for asset in (*AUTOMATED[1:], "price_forecasts")}


def test_bars_of_a_day_reach_weeks_and_months_and_no_hours(daemon: Daemon) -> None:
    daemon.made("clean_bars", "IBM|1d")
    assert daemon.tick()["bars"] == {"IBM|1d", "IBM|1w", "IBM|1mo"}


def test_the_picture_of_coverage_follows_when_bars_are_made(daemon: Daemon) -> None:
    daemon.made("bars", "IBM|1d")
    assert daemon.tick()["coverage"] == {None}


def test_nothing_is_requested_twice_and_nothing_when_nothing_changed(daemon: Daemon) -> None:
    daemon.made("clean_bars", "AAPL|4h")
    assert daemon.tick()["setup_features"] == {"AAPL|4h"}
    assert daemon.tick() == {}
    assert daemon.tick() == {}


def test_training_and_reading_the_source_are_never_requested(daemon: Daemon) -> None:
    asked_for: set[str] = set()
    daemon.checked("daily_predictions", "probabilities_are_sound", passed=True)
    made = [("symbols", None), ("train_test_split", "1d"), ("win_rate_model", "1d")]
    made += [(asset, "AAPL|1d") for asset in ("raw_bars", *AUTOMATED)]
    for asset, partition in made:
        daemon.made(asset, partition)
        asked_for |= daemon.tick().keys()
    after = {"coverage", "daily_predictions", "prediction_outcomes", "model_performance", "price_forecasts"}
    assert asked_for == {*AUTOMATED[1:], "clean_bars", *after}
    assert not asked_for & {"symbols", "raw_bars", "train_test_split", "win_rate_model"}


@pytest.mark.parametrize(("upstream", "partition"), [("win_rate_model", "1d"), ("setup_features", "AAPL|1d")])
def test_predictions_are_requested_for_the_newest_day_only(
    daemon: Daemon, upstream: str, partition: str
) -> None:
    daemon.made(upstream, partition)
    assert daemon.tick()["daily_predictions"] == {days.get_last_partition_key()}


@pytest.mark.parametrize("passed", [True, False])
def test_a_failed_blocking_check_holds_back_what_follows(daemon: Daemon, passed: bool) -> None:
    day = days.get_last_partition_key()
    daemon.made("daily_predictions", day)
    daemon.checked("daily_predictions", "probabilities_are_sound", passed=passed)
    follows = {"prediction_outcomes": {None}, "model_performance": {None}}
    assert daemon.tick() == (follows if passed else {})
    if not passed:  # mended: predicted again, and sound this time
        daemon.made("daily_predictions", day)
        daemon.checked("daily_predictions", "probabilities_are_sound", passed=True)
        assert daemon.tick() == follows


CHAIN = ("first", "second", "third")


def chain(instance: dg.DagsterInstance, *, failing: tuple[str, ...] = ()) -> tuple[Daemon, list[dict]]:
    """A graph with the platform's condition, and what the daemon requests while its middle is at work."""
    meanwhile: list[dict] = []
    assets = [
        series_asset("first"),
        series_asset("second", ["first"], failing=failing, condition=on_change_upstream()),
        series_asset(
            "third",
            ["second", "first"],
            condition=on_change_upstream(),
            at_work=lambda: meanwhile.append(daemon.tick()),
        ),
    ]
    jobs = [dg.define_asset_job("all", selection=dg.AssetSelection.assets(*CHAIN))]
    daemon = Daemon(dg.Definitions(assets=assets, jobs=jobs), instance)
    daemon.tick()
    return daemon, meanwhile


def run_all(daemon: Daemon, *, selected: bool) -> None:
    daemon.definitions.resolve_job_def("all").execute_in_process(
        instance=daemon.instance,
        asset_selection=[dg.AssetKey(asset) for asset in CHAIN] if selected else None,
        tags={RANGE_START: "AAPL|1m", RANGE_END: "IBM|1mo"},
        raise_on_error=False,
    )


@pytest.mark.parametrize("selected", [True, False], ids=["started by a person", "started by the schedule"])
def test_a_run_of_the_whole_chain_leaves_nothing_to_do(instance: dg.DagsterInstance, selected: bool) -> None:
    daemon, meanwhile = chain(instance)
    run_all(daemon, selected=selected)
    assert daemon.tick() == {}
    assert daemon.tick() == {}
    assert meanwhile == [{}], "what a run at work is about to make is not requested"


def test_after_a_failed_step_all_sound_series_go_on(instance: dg.DagsterInstance) -> None:
    daemon, _ = chain(instance, failing=("AAPL|1d",))
    run_all(daemon, selected=True)
    requested = daemon.tick()
    # The failed series is tried once more, by itself; every sound one goes on, the last of the range included.
    assert requested == {"second": {"AAPL|1d"}, "third": SERIES}
    assert daemon.tick() == {}
