"""An asset that fills only part of its range: exactly what it logged is green, and downstream still runs.

These hold Dagster's private mark that `let_downstream_run` uses: should it mean something else in another
version, they fail.
"""

import dagster as dg

from fvg_platform.pipeline.partitions import tickers
from fvg_platform.pipeline.stages import RANGE_END, RANGE_START
from fvg_platform_tests.pipeline.small_graphs import materialised, series_asset

SERIES = {f"AAPL|{timeframe}" for timeframe in ("1m", "5m", "15m", "1h", "4h", "1d", "1w", "1mo")}


def run(instance: dg.DagsterInstance, *assets: dg.AssetsDefinition) -> dg.ExecuteInProcessResult:
    instance.add_dynamic_partitions(str(tickers.name), ["AAPL"])
    definitions = dg.Definitions(
        assets=assets, jobs=[dg.define_asset_job("all", selection=dg.AssetSelection.all())]
    )
    return definitions.resolve_job_def("all").execute_in_process(
        instance=instance, tags={RANGE_START: "AAPL|1m", RANGE_END: "AAPL|1mo"}, raise_on_error=False
    )


def test_exactly_the_logged_partitions_are_green_and_downstream_runs() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        outcome = run(
            instance,
            series_asset("upstream", absent={"AAPL|1m", "AAPL|1w"}),
            series_asset("downstream", ["upstream"], absent={"AAPL|1m"}),
        )
        assert outcome.success
        assert materialised(instance, "upstream") == SERIES - {"AAPL|1m", "AAPL|1w"}
        assert materialised(instance, "downstream") == SERIES - {"AAPL|1m"}
        logged = [
            e
            for e in outcome.all_events
            if e.is_step_materialization and e.asset_key == dg.AssetKey("upstream")
        ]
        assert len(logged) == 6, "one event for each partition that was logged, and none beside them"
        assert instance.fetch_observations(dg.AssetKey("upstream"), limit=1).records == []


def test_nothing_logged_leaves_nothing_green_and_downstream_still_runs() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        outcome = run(
            instance, series_asset("upstream", absent=SERIES), series_asset("downstream", ["upstream"])
        )
        assert outcome.success
        assert materialised(instance, "upstream") == set()
        assert materialised(instance, "downstream") == SERIES


def test_a_failure_keeps_the_logged_ones_green_and_turns_nothing_else_green() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        outcome = run(
            instance,
            series_asset("upstream", failing={"AAPL|1d"}, absent={"AAPL|1m"}),
            series_asset("downstream", ["upstream"]),
        )
        assert not outcome.success
        assert materialised(instance, "upstream") == SERIES - {"AAPL|1d", "AAPL|1m"}
        assert materialised(instance, "downstream") == set()
