"""Assets over timeframes or days: a range of partitions in one step, one bad partition spoils no other.

An asset of this kind gives a function that makes one partition and returns what Dagster shows of it, or None where
there is nothing to make it from. Around it, here: progress, one materialisation for each partition that was made,
failures collected and named at the end.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from fvg_platform.pipeline import progress
from fvg_platform.pipeline.partial_ranges import let_downstream_run
from fvg_platform.pipeline.series_assets import OWNERS, said, table_metadata
from fvg_platform.storage.database import Database


@dataclass(frozen=True)
class Work:
    """What a partition is made with: the run, its log, and the resources that the asset asked for."""

    run_id: str
    log: logging.Logger
    given: Mapping[str, Any]

    @property
    def database(self) -> Database:
        """The database."""
        database: Database = self.given["database"]
        return database


MakePartition = Callable[[str, Work], Mapping[str, Any] | None]


@dataclass(frozen=True)
class RangeAsset:
    """The definition of one asset over timeframes or days.

    `make` gets a partition's key and makes it; None says that there is nothing to make it from, which `nothing`
    puts into words for the log. `begin` is called once, before the first partition, and may replace what is given.
    """

    name: str
    partitions: dg.PartitionsDefinition
    deps: Sequence[dg.AssetDep | str]
    description: str
    code_version: str
    kinds: frozenset[str]
    group: str
    table: str
    make: MakePartition
    nothing: str
    resources: frozenset[str] = frozenset()
    begin: Callable[[Work], Mapping[str, Any]] | None = None
    automation_condition: dg.AutomationCondition | None = None

    def definition(self) -> dg.AssetsDefinition:
        """The Dagster asset: range-aware, skippable."""
        spec = dg.AssetSpec(
            self.name,
            deps=self.deps,
            description=self.description,
            group_name=self.group,
            kinds=set(self.kinds),
            owners=OWNERS,
            code_version=self.code_version,
            automation_condition=self.automation_condition,
            metadata=table_metadata(self.table),
            skippable=True,
        )

        @dg.multi_asset(
            name=self.name,
            specs=[spec],
            partitions_def=self.partitions,
            required_resource_keys={"database", *self.resources},
            backfill_policy=dg.BackfillPolicy.single_run(),
        )
        def materialise(context: dg.AssetExecutionContext) -> Iterator[dg.Output[None]]:
            self._run_range(context)
            yield let_downstream_run(self.name)

        return materialise

    def _run_range(self, context: dg.AssetExecutionContext) -> None:
        given = {name: getattr(context.resources, name) for name in ("database", *sorted(self.resources))}
        work = Work(context.run.run_id, context.log, given)
        work.database.require_ready()
        if self.begin is not None:
            work = Work(work.run_id, work.log, {**given, **self.begin(work)})
        failures: dict[str, str] = {}
        for position, key in enumerate(context.partition_keys):
            progress.report(self.name, position, len(context.partition_keys))
            try:
                metadata = self.make(key, work)
            except Exception as error:  # the boundary: collected here, raised by name below
                failures[key] = said(error)
                context.log.error(f"{self.name} of {key} failed: {failures[key]}")
                work.database.require_ready()  # a database that is gone ends the step, in its own words
                continue
            if metadata is None:
                context.log.info(f"{key}: {self.nothing}")
                continue
            context.log_event(dg.AssetMaterialization(self.name, partition=key, metadata=metadata))
        if failures:
            raise dg.Failure(
                description=_message(self.name, failures.items()),
                metadata={"failed_partitions": dg.MetadataValue.json(failures)},
                allow_retries=False,
            )


def _message(asset: str, failures: Iterable[tuple[str, str]]) -> str:
    lines = [f"  {key}: {reason}" for key, reason in failures]
    head = f"{asset}: {len(lines)} partition(s) failed, the others are kept."
    return "\n".join([head, *lines, "Mend them and materialise again."])
