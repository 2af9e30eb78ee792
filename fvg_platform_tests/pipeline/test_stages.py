"""Stages: ranges that hold the wanted series and no other, and what happens after a step that failed."""

from collections.abc import Iterator, Sequence

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.pipeline import stages
from fvg_platform.pipeline.partitions import series_partitions, tickers, timeframes
from fvg_platform.pipeline.stages import RANGE_END, RANGE_START, STAGE_TAG, STAGES, Stage, StageRun, run_stage
from fvg_platform_tests.pipeline.small_graphs import materialised, series_asset

KNOWN = ("AAPL", "IBM", "A", "GOOG", "FB")
SUBSETS_OF_TIMEFRAMES = st.sets(st.sampled_from(TIMEFRAMES), min_size=1)
CHAIN = Stage("chain", ("first", "second", "third"))
WHOLE = ("AAPL|1m", "IBM|1mo")


@pytest.fixture(scope="module")
def partitions() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(tickers.name), list(KNOWN))
        yield instance


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(tickers.name), ["AAPL", "IBM"])
        yield instance


@given(wanted=st.sets(st.sampled_from(KNOWN), min_size=1), wanted_timeframes=SUBSETS_OF_TIMEFRAMES)
def test_series_ranges_cover_the_wanted_series_once_and_no_other(
    partitions: dg.DagsterInstance, wanted: set[str], wanted_timeframes: set[str]
) -> None:
    ranges = stages.series_ranges(stages.known_tickers(partitions), sorted(wanted), sorted(wanted_timeframes))
    covered = [
        key
        for first, last in ranges
        for key in series_partitions.get_partition_keys_in_range(
            dg.PartitionKeyRange(first, last), dynamic_partitions_store=partitions
        )
    ]
    assert sorted(covered) == sorted(f"{t}|{f}" for t in wanted for f in wanted_timeframes)


@given(wanted=SUBSETS_OF_TIMEFRAMES)
def test_timeframe_ranges_cover_the_wanted_timeframes_once_and_no_other(wanted: set[str]) -> None:
    ranges = stages.timeframe_ranges(sorted(wanted))
    covered = [
        key
        for first, last in ranges
        for key in timeframes.get_partition_keys_in_range(dg.PartitionKeyRange(first, last))
    ]
    assert sorted(covered) == sorted(wanted)


def test_neighbours_share_a_range() -> None:
    assert stages.series_ranges(KNOWN, ["GOOG", "AAPL", "A"], ["1w", "1d", "1m"]) == [
        ("AAPL|1m", "AAPL|1m"), ("AAPL|1d", "AAPL|1w"), ("A|1m", "GOOG|1m"), ("A|1d", "GOOG|1w"),
    ]  # fmt: skip
    assert stages.timeframe_ranges(TIMEFRAMES) == [("1m", "1mo")]
    assert stages.timeframe_ranges([]) == []


def test_an_unknown_ticker_is_named_with_the_way_out() -> None:
    with pytest.raises(
        LookupError, match=r"unknown ticker NOPE, ZZZ: .*materialize --select symbols.*Known: AAPL"
    ):
        stages.series_ranges(KNOWN, ["ZZZ", "AAPL", "NOPE"], TIMEFRAMES)


def test_the_stages_hold_every_asset_once() -> None:
    from fvg_platform.definitions import defs

    held = [asset for stage in STAGES for asset in stage.assets]
    assert sorted(held) == sorted(k.to_user_string() for k in defs.resolve_asset_graph().get_all_asset_keys())


def run_chain(
    instance: dg.DagsterInstance,
    *assets: dg.AssetsDefinition,
    checks: Sequence[dg.AssetChecksDefinition] = (),
    select: Sequence[str] | None = None,
    rebuild: bool = False,
) -> list[StageRun]:
    definitions = dg.Definitions(assets=assets, asset_checks=checks, jobs=[CHAIN.job])
    return list(
        run_stage(CHAIN, definitions, instance, partition_range=WHOLE, select=select, rebuild=rebuild)
    )


def test_a_sound_stage_is_one_run_over_its_range(instance: dg.DagsterInstance) -> None:
    chain = [series_asset("first"), series_asset("second", ["first"]), series_asset("third", ["second"])]
    (run,) = run_chain(instance, *chain, rebuild=True)
    assert (run.stage, run.success, run.failures) == ("chain", True, {})
    stored = instance.get_run_by_id(run.run_id)
    assert stored is not None
    tags = {STAGE_TAG: "chain", "fvg/rebuild": "true", RANGE_START: WHOLE[0], RANGE_END: WHOLE[1]}
    assert tags.items() <= stored.tags.items()
    assert len(materialised(instance, "third")) == 16


def test_after_a_failed_step_the_rest_of_the_stage_goes_on(instance: dg.DagsterInstance) -> None:
    chain = [
        series_asset("first", failing={"AAPL|1d"}),
        series_asset("second", ["first"]),
        series_asset("third", ["second"], failing={"IBM|1w"}),
    ]
    first, second = run_chain(instance, *chain)
    assert (first.success, first.failures) == (False, {"first": "first: AAPL|1d failed"})
    assert (second.success, second.failures) == (False, {"third": "third: IBM|1w failed"})
    assert len(materialised(instance, "first")) == 15
    assert len(materialised(instance, "third")) == 15


def test_only_what_is_selected_runs(instance: dg.DagsterInstance) -> None:
    chain = [series_asset("first"), series_asset("second", ["first"]), series_asset("third", ["second"])]
    (run,) = run_chain(instance, *chain, select=["second"])
    assert run.success
    assert [bool(materialised(instance, asset)) for asset in CHAIN.assets] == [False, True, False]


@pytest.mark.parametrize("blocking", [True, False])
def test_a_failed_check_holds_back_what_follows_only_if_it_blocks(
    instance: dg.DagsterInstance, blocking: bool
) -> None:
    @dg.asset_check(asset="first", name="sound", blocking=blocking)
    def sound() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, description="IBM 1d: upside_down 3")

    chain = [series_asset("first"), series_asset("second", ["first"]), series_asset("third", ["second"])]
    runs = run_chain(instance, *chain, checks=[sound])
    assert [run.success for run in runs] == [not blocking]
    assert bool(materialised(instance, "third")) is not blocking
    if blocking:
        (message,) = runs[0].failures.values()
        assert message.startswith("the check sound of first failed")
        assert "IBM 1d: upside_down 3" in message
