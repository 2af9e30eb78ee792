"""What must be true of the tables at every moment, whoever is at work or was killed: one query, one snapshot.

The bars that a platform must have lie in a table of their own beside its tables, where the query finds them.
"""

import pandas as pd
import psycopg

from fvg_platform.storage.connections import libpq_url

_TABLE = """
    CREATE SCHEMA campaign
    CREATE TABLE bars_to_have (ticker text, timeframe text, ts timestamptz, PRIMARY KEY (ticker, timeframe, ts))
"""

_BROKEN = """
    SELECT 'missing before the watermark', e.ticker, e.timeframe, e.ts
    FROM campaign.bars_to_have e JOIN ingestion_state s USING (ticker, timeframe)
    WHERE e.ts >= s.from_ts AND e.ts < s.watermark
      AND NOT EXISTS (SELECT FROM raw_bars r WHERE (r.ticker, r.timeframe, r.ts) = (e.ticker, e.timeframe, e.ts))
    UNION ALL
    SELECT 'nothing that the vendor has', ticker, timeframe, ts FROM raw_bars r
    WHERE NOT EXISTS (
        SELECT FROM campaign.bars_to_have e WHERE (r.ticker, r.timeframe, r.ts) = (e.ticker, e.timeframe, e.ts))
    UNION ALL
    SELECT 'there twice', ticker, timeframe, ts FROM raw_bars WHERE seq > 0
    UNION ALL
    SELECT 'not closed yet', ticker, timeframe, ts FROM raw_bars WHERE ts >= %(now)s
    UNION ALL
    SELECT 'a watermark beyond now', ticker, timeframe, watermark FROM ingestion_state WHERE watermark > %(now)s
    LIMIT 5
"""


def note_bars_to_have(url: str, bars: pd.DataFrame) -> None:
    """Put `ticker, timeframe, ts` beside the platform's tables."""
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute(_TABLE)
        with connection.cursor().copy("COPY campaign.bars_to_have FROM STDIN") as copy:
            for row in bars.itertuples(index=False):
                copy.write_row((row.ticker, row.timeframe, row.ts.to_pydatetime()))


def broken(connection: psycopg.Connection, now: pd.Timestamp) -> list[str]:
    """What is not as it must be, at most five of it."""
    rows = connection.execute(_BROKEN, {"now": now.to_pydatetime()}).fetchall()
    return [f"{ticker} {timeframe} {ts:%Y-%m-%d %H:%M} {what}" for what, ticker, timeframe, ts in rows]
