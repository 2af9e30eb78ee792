"""What is older than its rule goes: old bars with what was made of them, features of old predictions, old log rows.

A series is cut in one transaction under its locks, so that it is whole before and after, whenever it is killed. With
the rows its revisions rise: what lies downstream is made again from what is left. How long what is kept, and where a
series is cut, is told in :mod:`fvg_platform.storage.retention_rules`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.storage.bulk import series_transaction
from fvg_platform.storage.bulk_connections import bulk_connection
from fvg_platform.storage.bulk_merge import change, rows
from fvg_platform.storage.locks import held_lock
from fvg_platform.storage.retention_rules import (
    FORECASTS,
    INGESTION_LOG,
    PREDICTION_FEATURES,
    RetentionRules,
    oldest_kept,
)

# In a fingerprint's place: the rows are no longer those that the inputs give.
CUT = "cut by the retention"


# What goes by its age alone: the table, which rows, the rule. A forecast's steps go with it; the newest of a series
# stays, for it may have ended.
_OLD_ROWS = (
    ("ingestion_log", "at < $1", INGESTION_LOG),
    (
        "price_forecasts",
        "made_from < $1 AND EXISTS (SELECT 1 FROM price_forecasts n WHERE (n.ticker, n.timeframe) = "
        "(price_forecasts.ticker, price_forecasts.timeframe) AND n.made_from > price_forecasts.made_from)",
        FORECASTS,
    ),
)


@dataclass(frozen=True)
class Pruned:
    """Rows of one table that go, or are gone: of which series or kind, how many, and the moment they are before."""

    table: str
    what: str
    rows: int
    before: pd.Timestamp


@dataclass(frozen=True)
class _Cut:
    """One series and the open time of the oldest bar that it keeps."""

    ticker: str
    timeframe: str
    before: pd.Timestamp

    @property
    def what(self) -> str:
        return f"{self.ticker} {self.timeframe}"


# Of a cut series the rows that go, children before parents: table, time column, the bound that they lie before.
_GONE = (
    ("setup_features", "ts", "third"),
    ("fvg_labels", "ts", "third"),
    ("fvg_setups", "ts", "third"),
    ("fvg_context", "ts", "third"),
    ("fvg_zones", "ts", "third"),
    ("fvg_detections", "ts", "third"),
    ("features", "ts", "cut"),
    ("bar_flags", "ts", "cut"),
    ("bar_gaps", "from_ts", "first"),
    ("bar_quarantine", "ts", "cut"),
    ("market_data", "ts", "cut"),
    ("raw_bars", "ts", "cut"),
)
_STATUS_OF = {
    "raw_bars": "raw_bars",
    "clean_bars": "market_data",
    "bars": "market_data",
    "fvg_detections": "fvg_detections",
    "fvg_setups": "fvg_setups",
    "fvg_labels": "fvg_labels",
    "bar_features": "features",
    "setup_features": "setup_features",
}
_BARS = ("raw_bars", "clean_bars", "bars")
_NEVER = pd.Timestamp("9999-12-31", tz="UTC")


def plan_retention(connection: Any, rules: RetentionRules, now: pd.Timestamp) -> list[Pruned]:
    """What :func:`apply_retention` would remove now; nothing is changed.

    Parameters
    ----------
    connection
        An ADBC connection.

    Returns
    -------
    One entry for each series and table, each month of predictions and each log that something would go from.
    """
    found: list[Pruned] = []
    for cut in _cuts(connection, rules, now):
        bounds = _bounds(connection, cut)
        for table, column, bound in _GONE:
            query = f"SELECT count(*) {_old_rows(table, column)}"
            ((count,),) = rows(connection, query, [cut.ticker, cut.timeframe, bounds[bound]])
            found.append(Pruned(table, cut.what, count, cut.before))
    found += _old_predictions(connection, rules, now)
    for table, old, name in _OLD_ROWS:
        before = rules.cut(name, now)
        if before is not None:
            ((count,),) = rows(connection, f"SELECT count(*) FROM {table} WHERE {old}", [before])
            found.append(Pruned(table, "all series", count, before))
    return [entry for entry in found if entry.rows]


def apply_retention(
    url: str,
    rules: RetentionRules,
    now: pd.Timestamp,
    *,
    report: Callable[[int, int], None] = lambda _done, _total: None,
    on_wait: Callable[[str], None] = lambda _series: None,
) -> list[Pruned]:
    """Remove what is older than its rule; what is gone already costs a look.

    Each series, each month of predictions and each log is one transaction. It can be killed at any moment and run
    again: nothing is ever half cut.

    Parameters
    ----------
    report
        Told after each series how many are done, and of how many.
    on_wait
        Told of a series that is being read from its vendor: it is cut when that is finished.

    Returns
    -------
    What went, as :func:`plan_retention` would have said just before.
    """
    gone: list[Pruned] = []
    with bulk_connection(url) as connection:
        cuts = list(_cuts(connection, rules, now))
    for position, cut in enumerate(cuts):
        gone += _cut_series(url, cut, on_wait)
        report(position + 1, len(cuts))
    with bulk_connection(url) as connection:
        for month in _old_predictions(connection, rules, now):
            gone.append(_thin(connection, month))
            connection.commit()
        for table, old, name in _OLD_ROWS:
            before = rules.cut(name, now)
            if before is not None:
                count = change(connection, f"DELETE FROM {table} WHERE {old}", [before])
                gone.append(Pruned(table, "all series", count, before))
                connection.commit()
    return [entry for entry in gone if entry.rows]


def _cuts(connection: Any, rules: RetentionRules, now: pd.Timestamp) -> Iterator[_Cut]:
    """Every series that a rule speaks of and that has something from before its cut."""
    for timeframe in TIMEFRAMES:
        if oldest_kept(rules, timeframe, now) is None:
            continue
        tickers = rows(connection, "SELECT ticker FROM series WHERE timeframe = $1 ORDER BY 1", [timeframe])
        for (ticker,) in tickers:
            ((first, last),) = rows(connection, _RANGE, [ticker, timeframe])
            if first is None:
                continue
            before = oldest_kept(rules, timeframe, now, pd.Timestamp(last))
            if before is not None and pd.Timestamp(first) < before:
                yield _Cut(ticker, timeframe, before)


# By the primary keys: two looks into each index, however long the series.
_RANGE = """
    SELECT least(r.first, m.first), greatest(r.last, m.last) FROM
    (SELECT min(ts) AS first, max(ts) AS last FROM raw_bars WHERE ticker = $1 AND timeframe = $2) r,
    (SELECT min(ts) AS first, max(ts) AS last FROM market_data WHERE ticker = $1 AND timeframe = $2) m
"""


def _bounds(connection: Any, cut: _Cut) -> dict[str, pd.Timestamp]:
    """The cut, and the first and third bar that stay: a hole ends at a bar that is there, a gap needs three of them."""
    left = rows(
        connection,
        "SELECT ts FROM market_data WHERE ticker = $1 AND timeframe = $2 AND ts >= $3 ORDER BY ts LIMIT 3",
        [cut.ticker, cut.timeframe, cut.before],
    )
    times = [pd.Timestamp(ts) for (ts,) in left]
    times += [_NEVER] * (3 - len(times))
    return {"cut": cut.before, "first": times[0], "third": times[2]}


def _old_rows(table: str, column: str) -> str:
    return f"FROM {table} WHERE ticker = $1 AND timeframe = $2 AND {column} < $3"


def _cut_series(url: str, cut: _Cut, on_wait: Callable[[str], None]) -> list[Pruned]:
    """Cut one series under both of its locks: a reading of it under way holds its state in memory."""
    series = f"{cut.ticker}|{cut.timeframe}"
    with (
        held_lock(url, f"ingest {series}", on_wait=lambda: on_wait(series)),
        series_transaction(url, lock_key=f"series {series}") as connection,
    ):
        bounds = _bounds(connection, cut)
        gone = []
        for table, column, bound in _GONE:
            statement = f"DELETE {_old_rows(table, column)}"
            count = change(connection, statement, [cut.ticker, cut.timeframe, bounds[bound]])
            gone.append(Pruned(table, cut.what, count, cut.before))
        changed = sum(entry.rows for entry in gone)
        _move_ingestion_start(connection, cut, raised=bool(changed))
        if changed:
            _raise_revisions(connection, cut)
    return gone


def _move_ingestion_start(connection: Any, cut: _Cut, *, raised: bool) -> None:
    """What the state promises begins at the cut."""
    rows(
        connection,
        "UPDATE ingestion_state SET from_ts = least(greatest(from_ts, $3), watermark), "
        "data_revision = data_revision + $4, updated_at = now() "
        "WHERE ticker = $1 AND timeframe = $2 AND (from_ts < $3 OR $4 > 0) RETURNING 1",
        [cut.ticker, cut.timeframe, cut.before, int(raised)],
    )


def _raise_revisions(connection: Any, cut: _Cut) -> None:
    """Let every status say what its table holds now, and that the bars are not what they were."""
    for asset, table in _STATUS_OF.items():
        change(
            connection,
            f"""
            UPDATE series_status s SET
                (rows, first_ts, last_ts) =
                    (SELECT count(*), min(ts), max(ts) FROM {table} WHERE ticker = $1 AND timeframe = $2),
                revision = revision + $4,
                fingerprint = CASE WHEN $5 AND fingerprint IS NOT NULL THEN $6 ELSE fingerprint END,
                updated_at = now()
            WHERE s.ticker = $1 AND s.timeframe = $2 AND s.asset = $3
            """,
            # The raw bars' fingerprint is the source's: with another one they would only be read again.
            [cut.ticker, cut.timeframe, asset, int(asset in _BARS), asset in ("clean_bars", "bars"), CUT],
        )


def _old_predictions(connection: Any, rules: RetentionRules, now: pd.Timestamp) -> Sequence[Pruned]:
    """The months of old predictions that still hold their features."""
    cut = rules.cut(PREDICTION_FEATURES, now)
    if cut is None:
        return []
    found = rows(
        connection,
        "SELECT to_char(day, 'YYYY-MM') AS month, count(*) FROM predictions "
        "WHERE day < $1 AND features <> '{}'::jsonb GROUP BY 1 ORDER BY 1",
        [cut.date()],
    )
    return [Pruned("predictions.features", f"made for {month}", count, cut) for month, count in found]


def _thin(connection: Any, month: Pruned) -> Pruned:
    """Empty the features of one month's predictions: what was said of each stays as it was said.

    The table is append-only but for this, and for this only in a transaction that says so.
    """
    start = pd.Timestamp(f"{month.what[-7:]}-01")
    end = min(start + pd.DateOffset(months=1), month.before.tz_localize(None))
    rows(connection, "SELECT set_config('fvg.thin_predictions', 'on', true)")
    count = change(
        connection,
        "UPDATE predictions SET features = '{}'::jsonb "
        "WHERE day >= $1 AND day < $2 AND features <> '{}'::jsonb",
        [start.date(), end.date()],
    )
    return Pruned(month.table, month.what, count, month.before)
