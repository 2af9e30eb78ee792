"""What all series assets have in common: a range of series, one transaction each, one bad one spoils no other.

A series asset gives a function from one series' inputs to the rows it stored. Around it, here: find the inputs,
skip what is missing, blocked or unchanged, hold the lock, write rows and status in one transaction, log one
materialisation per series, and at the end fail the step by naming the series that failed.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import dagster as dg
import pandas as pd

from fvg_platform.features.feature import Feature
from fvg_platform.fvg.modes import DEFAULT_ENGINE, EngineConfig
from fvg_platform.pipeline import progress
from fvg_platform.pipeline.inputs import Changes, FindInputs, Inputs, Surroundings
from fvg_platform.pipeline.partial_ranges import let_downstream_run
from fvg_platform.pipeline.partitions import Series, in_working_order, series_partitions
from fvg_platform.pipeline.resources import MarketSource
from fvg_platform.storage import schema, series_status
from fvg_platform.storage.bulk import Written, series_transaction
from fvg_platform.storage.changes import log_change
from fvg_platform.storage.database import Database
from fvg_platform.storage.series_status import Status

REBUILD_TAG = "fvg/rebuild"
OWNERS = ["team:data-engineering"]
SERIES_AT_ONCE = 2
# Whoever asks the vendor stands in one line, whatever run he belongs to.
VENDOR_POOL = "vendor"


@dataclass(frozen=True)
class Task:
    """One series at work: its connection is inside the series' transaction.

    `new_inputs`: the inputs are not those that the stored rows came from; `changes`: from when on they differ, None
    where everything may; `before`: how the series stood; `prepared`: what `prepare` gave.
    """

    series: Series
    connection: Any
    lineage_id: int
    inputs: Inputs
    new_inputs: bool
    around: Surroundings
    run_id: str
    prepared: object = None
    changes: Changes | None = None
    before: Status | None = None

    @property
    def source(self) -> MarketSource:
        """Where bars come from."""
        return self.around.source

    @cached_property
    def basis(self) -> Mapping[str, Any]:
        """The series' row in `series`, as it was when first asked for.

        Raises
        ------
        LookupError
            There is none yet.
        """
        found = series_status.read_series(self.connection, *self.series)
        if found is None:
            raise LookupError(f"{self.series} has no row in series: materialise raw_bars first")
        return found


@dataclass(frozen=True)
class Stored:
    """What a task stored.

    `reason` set: rows are there, but broke a rule, and nothing downstream may use them. `changed`: whether
    what downstream reads is not what it was, by default whether any row was written. `revision` and `fingerprint`
    take the place of those that are counted here, where the rows were written in transactions of their own.
    `changed_from`: what downstream reads is as it was before this time, by default the first row that was written.
    `memory`: given to the next task of the series.
    """

    written: Written
    rows: int
    first_ts: pd.Timestamp | None
    last_ts: pd.Timestamp | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    changed: bool | None = None
    revision: int | None = None
    fingerprint: str | None = None
    changed_from: pd.Timestamp | None = None
    memory: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class SeriesAsset:
    """The definition of one series asset.

    `find_inputs` gets the series, the ticker's statuses and its surroundings, and gives what the series is made of,
    or None where there is nothing to make it from; `prepare` works before the series' transaction begins, in
    transactions of its own; `compute` stores the rows.
    """

    name: str
    deps: Sequence[dg.AssetDep | str]
    description: str
    code_version: str
    find_inputs: FindInputs
    compute: Callable[[Task], Stored]
    kinds: frozenset[str]
    group: str
    table: str
    automation_condition: dg.AutomationCondition | None = None
    on_failure: Callable[[Any, Series, str, MarketSource, str], None] | None = None
    prepare: Callable[[Database, MarketSource, Series, str, bool], object] | None = None
    pool: str | None = None

    def run_one(
        self,
        database: Database,
        source: MarketSource,
        series: Series,
        run_id: str,
        *,
        engine: EngineConfig = DEFAULT_ENGINE,
        own_features: tuple[Feature, ...] = (),
        rebuild: bool = False,
        prepared: object = None,
    ) -> tuple[Status | None, Mapping[str, Any]]:
        """Bring one series up to date in one transaction: its status, None where there is nothing to make it from.

        With it comes what Dagster shows of the work. `prepared`: what `prepare` is to give, when it was done before.
        """
        if prepared is None and self.prepare is not None:
            prepared = self.prepare(database, source, series, run_id, rebuild)
        around = Surroundings(source, engine, own_features)
        with series_transaction(database.url, lock_key=f"series {series}") as connection:
            statuses = series_status.statuses_of_ticker(connection, series.ticker)
            inputs = self.find_inputs(series, statuses, around)
            if inputs is None:
                _settle(connection, statuses.get((series.timeframe, self.name)))
                return None, {}
            own = statuses.get((series.timeframe, self.name)) or Status(*series, self.name, "ok", run_id)
            obstacle = inputs.obstacle()
            if obstacle:
                blocked = replace(own, state="blocked", reason=obstacle, run_id=run_id)
                series_status.write_status(connection, blocked)
                return blocked, {}
            fingerprint = inputs.fingerprint(self.code_version)
            if own.fingerprint == fingerprint and own.state == "ok" and not rebuild:
                return own, {"unchanged": True}
            task = Task(
                series,
                connection,
                lineage_id=self._open_lineage(connection, series, run_id, inputs, own),
                inputs=inputs,
                new_inputs=own.fingerprint != fingerprint,
                around=around,
                run_id=run_id,
                prepared=prepared,
                changes=None if rebuild else inputs.changes_since(connection, own, self.code_version),
                before=own,
            )
            return self._compute_and_record(task, own, fingerprint)

    def _open_lineage(self, connection: Any, series: Series, run_id: str, inputs: Inputs, own: Status) -> int:
        return series_status.open_lineage(
            connection,
            run_id=run_id,
            asset=self.name,
            code_version=self.code_version,
            data_revision=own.revision + 1,
            ticker=series.ticker,
            timeframe=series.timeframe,
            configuration={"versions": list(inputs.versions)},
        )

    def _compute_and_record(
        self, task: Task, own: Status, fingerprint: str
    ) -> tuple[Status, Mapping[str, Any]]:
        began = time.perf_counter()
        connection, series = task.connection, task.series
        stored = self.compute(task)
        if not stored.written.changed:
            series_status.drop_lineage(connection, task.lineage_id)
        changed = stored.written.changed if stored.changed is None else stored.changed
        status = Status(
            *series,
            asset=self.name,
            state="blocked" if stored.reason else "ok",
            run_id=task.run_id,
            reason=stored.reason,
            fingerprint=stored.fingerprint or fingerprint,
            revision=own.revision + bool(changed) if stored.revision is None else stored.revision,
            rows=stored.rows,
            first_ts=stored.first_ts,
            last_ts=stored.last_ts,
            inputs=task.inputs.as_record(self.code_version),
            memory=stored.memory,
        )
        series_status.write_status(connection, status)
        if status.revision != own.revision:
            changed_from = stored.changed_from or stored.written.first_changed
            log_change(connection, *series, self.name, status.revision, changed_from)
        metadata = {
            **stored.metadata,
            "rows_inserted": stored.written.inserted,
            "rows_updated": stored.written.updated,
            "rows_deleted": stored.written.deleted,
            "seconds": round(time.perf_counter() - began, 3),
        }
        return status, metadata

    def record_failure(
        self, database: Database, source: MarketSource, series: Series, run_id: str, reason: str
    ) -> None:
        """Note a failure beside what was there before, so that downstream and `fvg status` know of it."""
        with series_transaction(database.url, lock_key=f"series {series}") as connection:
            known = series_status.statuses_of_ticker(connection, series.ticker)
            own = known.get((series.timeframe, self.name)) or Status(*series, self.name, "failed", run_id)
            # The fingerprint stays: it is that of the rows that are still there.
            series_status.write_status(connection, replace(own, state="failed", reason=reason, run_id=run_id))
            if self.on_failure:
                self.on_failure(connection, series, reason, source, run_id)

    def definition(self) -> dg.AssetsDefinition:
        """The Dagster asset: partitioned by series, range-aware, skippable."""
        spec = dg.AssetSpec(
            self.name,
            deps=self.deps,
            description=self.description,
            code_version=self.code_version,
            kinds=set(self.kinds),
            group_name=self.group,
            owners=OWNERS,
            metadata=table_metadata(self.table),
            automation_condition=self.automation_condition,
            skippable=True,
        )

        @dg.multi_asset(
            name=self.name,
            specs=[spec],
            partitions_def=series_partitions,
            pool=self.pool,
            backfill_policy=dg.BackfillPolicy.single_run(),
        )
        def materialise(
            context: dg.AssetExecutionContext,
            database: dg.ResourceParam[Database],
            market_source: dg.ResourceParam[MarketSource],
            engine: dg.ResourceParam[EngineConfig],
            own_features: dg.ResourceParam[tuple[Feature, ...]],
        ) -> Iterator[dg.Output[None]]:
            self._run_range(context, database, market_source, engine=engine, own_features=own_features)
            yield let_downstream_run(self.name)

        return materialise

    def _run_range(
        self,
        context: dg.AssetExecutionContext,
        database: Database,
        source: MarketSource,
        **described: Any,
    ) -> None:
        run_id, rebuild = context.run.run_id, context.run.tags.get(REBUILD_TAG) == "true"
        database.require_ready()
        wanted = in_working_order(context.partition_keys)
        failures: dict[Series, str] = {}
        # While one series waits for Postgres, which works on another core, the next one is computed.
        with progress.told_to(context.log.info), ThreadPoolExecutor(SERIES_AT_ONCE) as pool:
            futures = [
                pool.submit(self.run_one, database, source, s, run_id, rebuild=rebuild, **described)
                for s in wanted
            ]
            try:
                for position, (series, future) in enumerate(zip(wanted, futures, strict=True)):
                    progress.report(self.name, position, len(wanted))
                    try:
                        self.log_outcome(context, series, *future.result())
                    except Exception as error:  # the boundary: collected here, recorded, raised by name below
                        failures[series] = said(error)
                        context.log.error(f"{self.name} of {series} failed: {failures[series]}")
                        database.require_ready()  # a database that is gone ends the step, in its own words
                        self.record_failure(database, source, series, run_id, failures[series])
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        if failures:
            raise dg.Failure(
                description=failure_message(self.name, failures),
                metadata={"failed_series": dg.MetadataValue.json({str(s): r for s, r in failures.items()})},
                allow_retries=False,
            )

    def log_outcome(
        self,
        context: dg.AssetExecutionContext | dg.OpExecutionContext,
        series: Series,
        status: Status | None,
        metadata: Mapping[str, Any],
    ) -> None:
        """Show one series' outcome in Dagster."""
        if status is None:
            return
        if status.state == "blocked":
            context.log.warning(f"{self.name} of {series} is held back: {status.reason}")
        shown = _shown(status, metadata)
        if status.state == "ok":
            context.log_event(dg.AssetMaterialization(self.name, partition=str(series), metadata=shown))
        elif metadata:  # looked at, and held back here: seen in Dagster, but not as made
            context.log_event(dg.AssetObservation(self.name, partition=str(series), metadata=shown))


def failure_message(asset: str, failures: Mapping[Series, str]) -> str:
    """One message for the whole range: how many failed, and each one's reason."""
    lines = [f"{asset}: {len(failures)} series failed, the others are kept."]
    lines += [f"  {series.ticker} {series.timeframe}: {reason}" for series, reason in failures.items()]
    lines.append("Mend them and materialise again: what is up to date is not computed twice.")
    return "\n".join(lines)


def _settle(connection: Any, own: Status | None) -> None:
    """A fault whose input is gone is no fault any more: what was stored before stands, what never was is forgotten."""
    if own is None or own.state == "ok":
        return
    if own.fingerprint is None:
        series_status.remove_status(connection, own)
    else:
        series_status.write_status(connection, replace(own, state="ok", reason=None))


def said(error: Exception) -> str:
    """What an error says, in one line; of a database's, its own words without the statement."""
    words = str(getattr(error, "orig", None) or error).partition("Query was:")[0]
    return " ".join(f"{type(error).__name__}: {words}".split())


def _shown(status: Status, metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "dagster/partition_row_count": status.rows,
        "first_bar": str(status.first_ts) if status.first_ts is not None else "none",
        "last_bar": str(status.last_ts) if status.last_ts is not None else "none",
        "data_revision": status.revision,
        **({"held_back": status.reason} if status.reason else {}),
        **metadata,
    }


def table_metadata(table: str) -> dict[str, Any]:
    """An asset's metadata that shows its table: name, columns, types, what each column is."""
    columns = [
        dg.TableColumn(
            column.name,
            str(column.type.compile(dialect=schema.DIALECT)).lower(),
            description=column.comment,
            constraints=dg.TableColumnConstraints(nullable=bool(column.nullable)),
        )
        for column in schema.metadata.tables[table].columns
    ]
    return {
        "dagster/column_schema": dg.TableSchema(
            columns, constraints=dg.TableConstraints(other=[f"table {table}"])
        ),
        "dagster/table_name": table,
    }
