"""Small graphs that behave like the platform's series assets, for tests of what surrounds the assets."""

from collections.abc import Callable, Collection, Iterator, Sequence

import dagster as dg

from fvg_platform.pipeline.partial_ranges import let_downstream_run
from fvg_platform.pipeline.partitions import series_partitions


def series_asset(
    name: str,
    deps: Sequence[str] = (),
    *,
    absent: Collection[str] = (),
    failing: Collection[str] = (),
    condition: dg.AutomationCondition | None = None,
    at_work: Callable[[], None] = lambda: None,
) -> dg.AssetsDefinition:
    """An asset over series: it logs each series, skips the absent ones, and fails naming the failing ones."""

    @dg.multi_asset(
        name=name,
        specs=[dg.AssetSpec(name, deps=list(deps), skippable=True, automation_condition=condition)],
        partitions_def=series_partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def asset(context: dg.AssetExecutionContext) -> Iterator[dg.Output[None]]:
        at_work()
        failed = [key for key in context.partition_keys if key in failing]
        for key in context.partition_keys:
            if key not in failing and key not in absent:
                context.log_event(dg.AssetMaterialization(name, partition=key))
        if failed:
            raise dg.Failure(f"{name}: {', '.join(failed)} failed", allow_retries=False)
        yield let_downstream_run(name)

    return asset


def materialised(instance: dg.DagsterInstance, asset: str) -> set[str]:
    """The partitions of an asset that Dagster shows as made."""
    return set(instance.get_materialized_partitions(dg.AssetKey(asset)))
