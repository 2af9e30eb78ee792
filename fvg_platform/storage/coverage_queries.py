"""What the tables know of completeness: series with their missing bars by kind, holes, pairs of timeframes, flags.

Everything is read from `series`, `series_status`, `bar_gaps`, `bar_flags` and `series_comparisons`; no query here
reads a bar.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from fvg_platform.storage.bulk import read_frame
from fvg_platform.storage.records import execute

_TIMEFRAME_ORDER = "array_position(ARRAY['1m', '5m', '15m', '1h', '4h', '1d', '1w', '1mo'], {})"

# What stands in `market_data`: a resampled series by `bars`, the source's own by `clean_bars`, which wrote it.
_STATUS = """
    LEFT JOIN series_status t ON (t.ticker, t.timeframe, t.asset) =
        (s.ticker, s.timeframe, CASE WHEN s.resampled_from IS NULL THEN 'clean_bars' ELSE 'bars' END)
"""


def series_coverage(connection: Any) -> pd.DataFrame:
    """One row per series, by ticker and timeframe.

    Its columns of `series`, `lost` (bars in holes of that kind), `dollar_volume` of the ticker's day, and of what lies
    in `market_data`: `rows, first_ts, last_ts, revision, updated_at` (NULL before there was anything).
    """
    return read_frame(
        connection,
        f"""
        SELECT s.*, coalesce(g.lost, 0)::bigint AS lost, y.dollar_volume,
               t.rows, t.first_ts, t.last_ts, t.revision, t.updated_at
        FROM series s
        {_STATUS}
        LEFT JOIN symbols y ON y.ticker = s.ticker
        LEFT JOIN (SELECT ticker, timeframe, sum(missing) AS lost FROM bar_gaps WHERE kind = 'lost' GROUP BY 1, 2) g
            ON (g.ticker, g.timeframe) = (s.ticker, s.timeframe)
        ORDER BY s.ticker, {_TIMEFRAME_ORDER.format("s.timeframe")}
        """,
    )


def holes_by_month(connection: Any) -> pd.DataFrame:
    """`ticker, timeframe, kind, from_ts, to_ts, missing`: the holes of a kind in one month of the exchange as one row.

    A hole that reaches over the end of a month stands by itself. So a series gives a few rows per month, however many
    holes it has: thin minutes have a hole every other bar.
    """
    return read_frame(
        connection,
        """
        WITH holes AS (
            SELECT g.ticker, g.timeframe, g.kind, g.from_ts, g.to_ts, g.missing,
                   date_trunc('month', (g.from_ts AT TIME ZONE z.zone) + z.lead) AS first_month,
                   date_trunc('month', (g.to_ts AT TIME ZONE z.zone) + z.lead) AS last_month
            FROM bar_gaps g JOIN series s USING (ticker, timeframe)
            CROSS JOIN LATERAL (SELECT
                CASE WHEN s.asset_class = 'crypto' THEN 'UTC' ELSE 'America/New_York' END AS zone,
                CASE WHEN s.asset_class = 'fx' THEN interval '7 hours' ELSE interval '0' END AS lead) z
        )
        SELECT ticker, timeframe, kind, min(from_ts) AS from_ts, max(to_ts) AS to_ts, sum(missing)::bigint AS missing
        FROM holes
        GROUP BY ticker, timeframe, kind, first_month, last_month,
                 CASE WHEN first_month <> last_month THEN from_ts END
        ORDER BY ticker, timeframe, min(from_ts)
        """,
    )


def gaps(
    connection: Any,
    tickers: Sequence[str] | None = None,
    timeframes: Sequence[str] | None = None,
    kinds: Sequence[str] | None = None,
    since: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """The holes of the series that are asked for, the newest first, of holes of one time the longest.

    Parameters
    ----------
    tickers, timeframes, kinds
        Only these; None or nothing for all.
    since
        Only holes that end at or after this time (with a zone).

    Returns
    -------
    DataFrame
        `ticker, timeframe, from_ts, to_ts, missing, kind`.
    """
    values: list[object] = []
    conditions = []
    for column, wanted in (("ticker", tickers), ("timeframe", timeframes), ("kind", kinds)):
        if wanted:
            marks = ", ".join(f"${len(values) + n}" for n in range(1, len(wanted) + 1))
            conditions.append(f"{column} IN ({marks})")
            values += wanted
    if since is not None:
        values.append(since)
        conditions.append(f"to_ts >= ${len(values)}")
    return read_frame(
        connection,
        "SELECT ticker, timeframe, from_ts, to_ts, missing, kind FROM bar_gaps "
        f"WHERE {' AND '.join(conditions) or 'true'} "
        f"ORDER BY from_ts DESC, missing DESC, ticker, {_TIMEFRAME_ORDER.format('timeframe')}",
        values,
    )


def comparisons(connection: Any) -> pd.DataFrame:
    """All of `series_comparisons`, by ticker and timeframes."""
    fine, coarse = _TIMEFRAME_ORDER.format("fine"), _TIMEFRAME_ORDER.format("coarse")
    return read_frame(connection, f"SELECT * FROM series_comparisons ORDER BY ticker, {fine}, {coarse}")


def forget_comparison(connection: Any, ticker: str, fine: str, coarse: str) -> None:
    """Remove a pair that may no longer be compared."""
    execute(
        connection,
        "DELETE FROM series_comparisons WHERE (ticker, fine, coarse) = ($1, $2, $3)",
        [ticker, fine, coarse],
    )


def store_untraded(connection: Any, ticker: str, timeframe: str) -> None:
    """Make `series.untraded` the sum over the series' holes of that kind; an equal figure is not written again."""
    execute(
        connection,
        """
        UPDATE series s SET untraded = g.untraded
        FROM (SELECT coalesce(sum(missing), 0)::bigint AS untraded FROM bar_gaps
              WHERE (ticker, timeframe, kind) = ($1, $2, 'untraded')) g
        WHERE (s.ticker, s.timeframe) = ($1, $2) AND s.untraded <> g.untraded
        """,
        [ticker, timeframe],
    )


def flag_counts(connection: Any) -> pd.DataFrame:
    """Per series with bars: `ticker, timeframe, rows`, and how many bars are `outlier`, `stale`, `volume_spike`.

    A stale run is one row with its length as the score: all its bars count.
    """
    return read_frame(
        connection,
        f"""
        SELECT s.ticker, s.timeframe, coalesce(t.rows, 0)::bigint AS rows,
               coalesce(f.outlier, 0)::bigint AS outlier, coalesce(f.stale, 0)::bigint AS stale,
               coalesce(f.volume_spike, 0)::bigint AS volume_spike
        FROM series s
        {_STATUS}
        LEFT JOIN (
            SELECT ticker, timeframe,
                   count(*) FILTER (WHERE flag = 'outlier') AS outlier,
                   sum(score) FILTER (WHERE flag = 'stale') AS stale,
                   count(*) FILTER (WHERE flag = 'volume_spike') AS volume_spike
            FROM bar_flags GROUP BY 1, 2
        ) f ON (f.ticker, f.timeframe) = (s.ticker, s.timeframe)
        ORDER BY s.ticker, {_TIMEFRAME_ORDER.format("s.timeframe")}
        """,
    )


def newest_bars(connection: Any, sources: Sequence[str]) -> pd.DataFrame:
    """The series that these sources give for tickers of the universe: `ticker, timeframe, asset_class, anchor, session,
    last_ts`; what is resampled follows its source and is left out."""
    marks = ", ".join(f"${n}" for n in range(1, len(sources) + 1))
    return read_frame(
        connection,
        f"""
        SELECT s.ticker, s.timeframe, s.asset_class, s.anchor, s.session, t.last_ts
        FROM series s JOIN symbols y ON y.ticker = s.ticker AND y.active
        {_STATUS}
        WHERE s.resampled_from IS NULL AND t.last_ts IS NOT NULL AND s.source IN ({marks})
        ORDER BY s.ticker, {_TIMEFRAME_ORDER.format("s.timeframe")}
        """,
        list(sources),
    )


def now(connection: Any) -> pd.Timestamp:
    """When the transaction began, by the database's clock: the one that `updated_at` of a series' status comes from."""
    return pd.Timestamp(execute(connection, "SELECT now()")[0][0])
