"""From a vendor into `raw_bars`: one series at a time, window by window, each committed with its watermark.

Whatever stops the work, the state says how far it came and the next call goes on from there. Every reading begins
before the watermark and is compared with what is stored: adjusted history that has changed is read anew as a whole,
and as long as that lasts the series is held back from everything downstream.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from fvg_platform.market.revisions import SecondReading, compare_readings
from fvg_platform.market.timeframes import nominal_duration
from fvg_platform.pipeline.partitions import Series
from fvg_platform.sources.base import (
    Fetched,
    SeriesInfo,
    VendorError,
    VendorPlanError,
    VendorSource,
    Window,
)
from fvg_platform.storage import ingestion as store
from fvg_platform.storage import schema, series_status
from fvg_platform.storage.bulk import Written, series_transaction
from fvg_platform.storage.database import Database
from fvg_platform.storage.ingestion import IngestionState
from fvg_platform.storage.locks import held_lock
from fvg_platform.storage.series_tables import read_series_rows, replace_series_rows

ASSET = "raw_bars"
# Holds bars of five sessions, whatever holidays fall into it; of days it holds twenty.
OVERLAP = pd.Timedelta(days=8)
OVERLAP_BARS = 30
# A history that changes again while it is read is read again; one that never rests is an error.
MOST_READINGS = 4

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Span:
    """What a person asks for: from and until when (open times, UTC), and whether to read the whole history anew.

    `holes`: first and last missing bar of each hole; then only the windows in which one lies are read, once more.
    """

    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None
    full: bool = False
    holes: tuple[tuple[pd.Timestamp, pd.Timestamp], ...] = ()


@dataclass(frozen=True)
class Ingested:
    """What the reading of one series did."""

    state: IngestionState
    written: Written
    fetched: int
    calls: int
    windows: int
    waited: float


@dataclass(frozen=True)
class Plan:
    """What a reading would ask for: the windows, and the bars that the calendar expects in them at most."""

    series: Series
    windows: tuple[Window, ...]
    reason: str


def plan_series(
    database: Database,
    source: VendorSource,
    info: SeriesInfo,
    splits: str,
    span: Span,
    keep_from: pd.Timestamp | None = None,
) -> Plan:
    """What :func:`ingest_series` would read now, without asking the vendor for bars."""
    series, span = Series(info.ticker, info.timeframe), _kept(span, keep_from)
    with database.bulk() as connection:
        state = store.read_state(connection, *series)
    end = _end(source, series, span)
    reason = _reason_to_start_anew(state, info, splits, span)
    if state is None or reason:
        windows = source.windows(*series, _history_start(source, series, state, span, keep_from), end)
        return Plan(series, tuple(windows), reason or "first reading")
    return Plan(series, tuple(_windows(source, state, span, end)), "from before the watermark on")


def ingest_series(
    database: Database,
    source: VendorSource,
    info: SeriesInfo,
    splits: str,
    run_id: str,
    *,
    span: Span | None = None,
    keep_from: pd.Timestamp | None = None,
    report: Report | None = None,
    say: Callable[[str], None] | None = None,
) -> Ingested:
    """Bring the raw bars of one series up to what the vendor has.

    Parameters
    ----------
    splits
        The splits that the vendor's adjusted history contains by now, as `store.splits_in_force` gives them.
    span
        By default from the watermark, or the start of the history, up to the last complete bar.
    keep_from
        Nothing older is asked for: retention would remove it again.
    report
        Told after each window how many are done, and of how many.

    Raises
    ------
    VendorError
        What keeps the series from being whole; the windows before it are kept.
    """
    series = Series(info.ticker, info.timeframe)

    def waiting() -> None:
        if say is not None:
            say(f"{series} is being read by another run: waiting for it")

    with held_lock(database.url, f"ingest {series}", on_wait=waiting) as waited:
        asked = _kept(span or Span(), keep_from)
        work = _Work(database, source, info, splits, run_id, asked, keep_from, report)
        try:
            return work.run(waited)
        except Exception as error:
            work.log_failure(error)
            raise


class _Work:
    """One reading of one series; its lock is held."""

    def __init__(
        self,
        database: Database,
        source: VendorSource,
        info: SeriesInfo,
        splits: str,
        run_id: str,
        span: Span,
        keep_from: pd.Timestamp | None,
        report: Report | None,
    ) -> None:
        self.database, self.source, self.info = database, source, info
        self.series = Series(info.ticker, info.timeframe)
        self.splits, self.run_id, self.span, self.keep_from = splits, run_id, span, keep_from
        self.report = report or (lambda _done, _total: None)
        self.end = _end(source, self.series, span)
        self.written, self.fetched, self.calls, self.done, self.total = Written(), 0, 0, 0, 0
        self.window: Window | None = None
        self.window_began = time.perf_counter()

    def run(self, waited: float) -> Ingested:
        state = self._begin()
        for _reading in range(MOST_READINGS):
            try:
                finished = self._read_all(state)
            except VendorPlanError as error:
                state = self._without_the_oldest(error)
                continue
            if finished is not None:
                settled = state.verified and self.fetched > 0
                state = finished if settled else self._finish(finished)
                break
            state = self._start_anew("its adjusted history changed while it was read")
        else:
            raise VendorError(
                f"{self.series}: its adjusted history changed {MOST_READINGS} times while it was read; what was "
                "read is held back. Read it again later: fvg ingest --full"
            )
        return Ingested(state, self.written, self.fetched, self.calls, self.done, waited)

    def _begin(self) -> IngestionState:
        # Under the series' lock: the last commit of a reading that was killed may still be on its way.
        with series_transaction(self.database.url, lock_key=f"series {self.series}") as connection:
            state = store.read_state(connection, *self.series)
        reason = _reason_to_start_anew(state, self.info, self.splits, self.span)
        if state is None or reason:
            return self._start_anew(reason)
        return state

    def _without_the_oldest(self, error: VendorPlanError) -> IngestionState:
        """Plans reach back a number of years: what was read long ago may be out of reach when it is to be read anew.

        Then the history begins where it usually does. A refusal of anything younger is the caller's to mend.
        """
        usual = self.source.history_start(self.series.timeframe)
        if self.window is None or self.span.start is not None or self.window.start >= usual:
            raise error
        self.log_failure(error)
        return self._start_anew(f"the plan no longer reaches back to {self.window.start:%Y-%m-%d}", usual)

    def _start_anew(self, reason: str | None, first: pd.Timestamp | None = None) -> IngestionState:
        """Forget how far the series was; until it is whole again nothing downstream may use it."""
        with series_transaction(self.database.url, lock_key=f"series {self.series}") as connection:
            before = store.read_state(connection, *self.series)
            status = series_status.statuses_of_ticker(connection, self.series.ticker).get(
                (self.series.timeframe, ASSET)
            )
            start = _history_start(self.source, self.series, before, self.span, self.keep_from)
            first = min(first or start, self.end)
            revision = max(before.data_revision if before else 0, status.revision if status else 0)
            state = IngestionState(
                *self.series,
                source=self.source.name,
                configuration=repr(self.info.basis),
                from_ts=first,
                watermark=first,
                data_revision=revision + 1,
                splits_applied=self.splits,
                verified=False,
            )
            store.write_state(connection, state)
            if status is not None:
                held = f"its history is read anew ({reason}) and is not whole yet"
                series_status.write_status(
                    connection, replace(status, state="failed", reason=held, run_id=self.run_id)
                )
        return state

    def _read_all(self, state: IngestionState) -> IngestionState | None:
        """Read every window that is missing; None when the history turned out to be another one."""
        windows = _windows(self.source, state, self.span, self.end)
        self.total = self.done + len(windows)
        self.report(self.done, self.total)
        if len(windows) > 1:
            # A split that comes into force between two of them shows in neither's overlap.
            state = replace(state, verified=False)
        for window in windows:
            moved = self._read_window(window, state)
            if moved is None:
                return None
            state = moved
            self.done += 1
            self.report(self.done, self.total)
        at_once = len(windows) == 1 and windows[0].start <= state.from_ts
        if not (state.verified or at_once) and self._has_other_beginning(state):
            return None
        return self._mark_verified(state)

    def _read_window(self, window: Window, state: IngestionState) -> IngestionState | None:
        self.window, self.window_began = window, time.perf_counter()
        fetched = self._fetch(window)
        rows = fetched.bars.assign(seq=fetched.bars.groupby("ts").cumcount().astype("int32"))
        with series_transaction(self.database.url, lock_key=f"series {self.series}") as connection:
            second = self._compare(connection, state, window, fetched)
            if second.rescaled:
                self._log(connection, window, fetched, Written(), state, "PARTIAL", _rescaled(second))
                return None
            if second.stored and fetched.bars.empty:
                raise VendorError(
                    f"{self.series}: {self.source.name} gave no bar from {window.start:%Y-%m-%d %H:%M} to "
                    f"{window.end:%Y-%m-%d %H:%M} UTC, where it gave {second.stored} before: nothing was removed. Try "
                    "again later; if they are gone for good, fvg ingest --full takes the vendor's word for it"
                )
            lineage_id = series_status.open_lineage(
                connection,
                run_id=self.run_id,
                asset=ASSET,
                code_version="1",
                data_revision=state.data_revision,
                ticker=self.series.ticker,
                timeframe=self.series.timeframe,
            )
            written = replace_series_rows(
                connection,
                schema.raw_bars,
                *self.series,
                rows,
                lineage_id,
                since=window.start,
                until=window.end,
            )
            if written.changed:
                self._outdate_status(connection)
            else:
                series_status.drop_lineage(connection, lineage_id)
            state = _moved(state, window, changed=bool(written.changed))
            store.write_state(connection, state)
            self._log(connection, window, fetched, written, state, "SUCCESS", None)
        self.window = None
        self.written += written
        return state

    def _outdate_status(self, connection: Any) -> None:
        """The status speaks of other rows from now on: it is to be stated anew, though no bar has closed since."""
        statuses = series_status.statuses_of_ticker(connection, self.series.ticker)
        status = statuses.get((self.series.timeframe, ASSET))
        if status is not None and status.fingerprint:
            series_status.write_status(connection, replace(status, fingerprint=""))

    def _compare(
        self, connection: Any, state: IngestionState, window: Window, fetched: Fetched
    ) -> SecondReading:
        """What was committed of the window before, beside what the vendor says of it now."""
        since, until = max(window.start, state.from_ts), min(window.end, state.watermark)
        columns = ["ts", "open", "high", "low", "close"]
        stored = read_series_rows(
            connection, schema.raw_bars, *self.series, columns, since=since, until=until
        )
        return compare_readings(stored, fetched.bars)

    def _has_other_beginning(self, state: IngestionState) -> bool:
        """After a reading in several parts: are the history's first bars no longer those that were stored?

        A split that came into force between two windows has changed them, wherever the reading was at that moment.
        """
        with self.database.bulk() as connection:
            _, first, _ = store.raw_summary(connection, *self.series, since=state.from_ts)
        if first is None:
            return False
        span = max(OVERLAP, OVERLAP_BARS * nominal_duration(self.series.timeframe))
        self.window = Window(first, min(first + span, state.watermark))
        self.window_began = time.perf_counter()
        fetched = self._fetch(self.window)
        with series_transaction(self.database.url, lock_key=f"series {self.series}") as connection:
            second = self._compare(connection, state, self.window, fetched)
            if second.rescaled:
                self._log(connection, self.window, fetched, Written(), state, "PARTIAL", _rescaled(second))
        self.window = None
        return second.rescaled

    def _mark_verified(self, state: IngestionState) -> IngestionState:
        if state.verified:
            return state
        verified = replace(state, verified=True)
        with series_transaction(self.database.url, lock_key=f"series {self.series}") as connection:
            store.write_state(connection, verified)
        return verified

    def _finish(self, state: IngestionState) -> IngestionState:
        """Remove what an earlier reading left outside of this one; say so when the vendor has no bar at all."""
        with series_transaction(self.database.url, lock_key=f"series {self.series}") as connection:
            gone = store.delete_rows_outside(connection, *self.series, state.from_ts, state.watermark)
            if gone:
                state = replace(state, data_revision=state.data_revision + 1)
                store.write_state(connection, state)
                self.written += Written(deleted=gone)
            rows, _, _ = store.raw_summary(connection, *self.series)
        if not rows:
            raise VendorError(
                f"{self.source.name} has no {self.series.ticker} {self.series.timeframe} bars from "
                f"{state.from_ts:%Y-%m-%d} to {state.watermark:%Y-%m-%d}: the ticker is unknown, delisted before or "
                "listed after that, or the plan lacks it. Look at the ticker in `symbols`, or ask for another span "
                "with fvg ingest --from --to"
            )
        return state

    def _fetch(self, window: Window) -> Fetched:
        fetched = self.source.fetch(*self.series, window)
        self.calls += fetched.calls
        self.fetched += len(fetched.bars)
        return fetched

    def _log(
        self,
        connection: Any,
        window: Window,
        fetched: Fetched,
        written: Written,
        state: IngestionState,
        status: str,
        error: str | None,
    ) -> None:
        store.log_read(
            connection,
            {
                **self._log_head(window, state.data_revision),
                "rows_fetched": len(fetched.bars),
                "rows_new": written.inserted,
                "rows_changed": written.updated,
                "rows_removed": written.deleted,
                "out_of_order": fetched.out_of_order,
                "calls": fetched.calls,
                "status": status,
                "error": error,
            },
        )

    def log_failure(self, error: Exception) -> None:
        """Note the window that could not be read; its rows are not there, and the watermark stands before it."""
        if self.window is None:
            return
        with series_transaction(self.database.url, lock_key=f"series {self.series}") as connection:
            state = store.read_state(connection, *self.series)
            head = self._log_head(self.window, state.data_revision if state else 1)
            store.log_read(connection, {**head, "status": "FAILED", "error": str(error)})

    def _log_head(self, window: Window, data_revision: int) -> dict[str, object]:
        return {
            "ticker": self.series.ticker,
            "timeframe": self.series.timeframe,
            "source": self.source.name,
            "run_id": self.run_id,
            "from_ts": window.start,
            "to_ts": window.end,
            "data_revision": data_revision,
            "seconds": round(time.perf_counter() - self.window_began, 3),
        }


def _end(source: VendorSource, series: Series, span: Span) -> pd.Timestamp:
    closed = source.closed_until(*series)
    return closed if span.end is None else min(span.end, closed)


def _kept(span: Span, keep_from: pd.Timestamp | None) -> Span:
    """The span without what retention would remove."""
    if keep_from is None or span.start is None or span.start >= keep_from:
        return span
    return replace(span, start=keep_from)


def _history_start(
    source: VendorSource,
    series: Series,
    state: IngestionState | None,
    span: Span,
    keep_from: pd.Timestamp | None,
) -> pd.Timestamp:
    """As far back as the series was ever read or is asked for, and is kept."""
    first = span.start or source.history_start(series.timeframe)
    if state is not None:
        first = min(first, state.from_ts)
    return first if keep_from is None else max(first, keep_from)


def _reason_to_start_anew(
    state: IngestionState | None, info: SeriesInfo, splits: str, span: Span
) -> str | None:
    if state is None:
        return None
    if span.full:
        return "asked for"
    if state.configuration != repr(info.basis):
        return f"its basis is now {info.basis}"
    if info.basis.adjustment != "raw" and state.splits_applied != splits:
        return f"splits in force are now {splits or 'none'}, not {state.splits_applied or 'none'}"
    return None


def _windows(source: VendorSource, state: IngestionState, span: Span, end: pd.Timestamp) -> list[Window]:
    """What is to be read: history before the state's, from its newest window back, then from the watermark on.

    Backwards, so that what is committed has no hole at any moment. The second part begins before the watermark, by
    bars that are there already.
    """
    series = Series(state.ticker, state.timeframe)
    if span.holes:
        whole = source.windows(*series, state.from_ts, state.watermark)
        return [w for w in whole if any(first < w.end and last >= w.start for first, last in span.holes)]
    windows: list[Window] = []
    if span.start is not None and span.start < state.from_ts:
        windows += reversed(source.windows(*series, span.start, state.from_ts))
    overlap = max(OVERLAP, OVERLAP_BARS * nominal_duration(state.timeframe))
    again = min(state.watermark, end) - overlap
    if span.start is not None:
        again = min(again, span.start)
    again = max(state.from_ts, again)
    if again < end:
        windows += source.windows(*series, again, end)
    return windows


def _moved(state: IngestionState, window: Window, *, changed: bool) -> IngestionState:
    return replace(
        state,
        from_ts=min(state.from_ts, window.start),
        watermark=max(state.watermark, window.end),
        data_revision=state.data_revision + changed,
    )


def _rescaled(second: SecondReading) -> str:
    return (
        f"the stored history has other prices now (its oldest bar that was read again by {second.ratio:g}): it was "
        "adjusted for a split, and is read anew as a whole"
    )
