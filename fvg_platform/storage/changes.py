"""From which time on each revision of a series differs from the one before: what is derived from it goes on there.

A row is written in the transaction of the rows that it speaks of. Without one (an older platform, a revision that
came about elsewhere, one that is too long ago) everything may have changed.
"""

from typing import Any

import pandas as pd

from fvg_platform.storage.records import execute

KEPT = 500  # revisions at least; a series of minutes makes 80 on a trading day
_CLEARED_EVERY = 50
_SERIES = "(ticker, timeframe, asset) = ($1, $2, $3)"


def log_change(
    connection: Any, ticker: str, timeframe: str, asset: str, revision: int, changed_from: pd.Timestamp | None
) -> None:
    """Note that a revision differs from the one before in rows from `changed_from` on; None: in any row."""
    execute(
        connection,
        "INSERT INTO series_changes (ticker, timeframe, asset, revision, changed_from) "
        "VALUES ($1, $2, $3, $4, $5::timestamptz) ON CONFLICT (ticker, timeframe, asset, revision) "
        "DO UPDATE SET changed_from = excluded.changed_from",
        [ticker, timeframe, asset, revision, changed_from.isoformat() if changed_from is not None else None],
    )
    if revision % _CLEARED_EVERY == 0:
        execute(
            connection,
            f"DELETE FROM series_changes WHERE {_SERIES} AND revision <= $4",
            [ticker, timeframe, asset, revision - KEPT],
        )


def changed_between(
    connection: Any, ticker: str, timeframe: str, asset: str, before: int, after: int
) -> pd.Timestamp | None:
    """The earliest row that differs between two revisions of a series; None where any row may."""
    found = execute(
        connection,
        "SELECT count(*), count(changed_from), min(changed_from) FROM series_changes "
        f"WHERE {_SERIES} AND revision > $4 AND revision <= $5",
        [ticker, timeframe, asset, before, after],
    )
    logged, known, first = found[0]
    return pd.Timestamp(first) if before < after == before + logged and known == logged else None
