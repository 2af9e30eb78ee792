"""How far each series of a vendor is committed, which splits its history is adjusted for, and every read of it.

The state moves in the transaction of the rows that it speaks of: there is no moment at which it promises bars that
are not there.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from fvg_platform.storage import schema
from fvg_platform.storage.records import execute, insert_record


@dataclass(frozen=True)
class IngestionState:
    """How a series stands: every complete bar that opens in `[from_ts, watermark)` is in `raw_bars`.

    `configuration`: what its prices and bars mean; `data_revision` rises with every change of its rows;
    `splits_applied` as :func:`splits_in_force` gives them; `verified`: the whole history has been seen to be of one
    adjustment.
    """

    ticker: str
    timeframe: str
    source: str
    configuration: str
    from_ts: pd.Timestamp
    watermark: pd.Timestamp
    data_revision: int
    splits_applied: str
    verified: bool


_BEFORE_ALL_BARS = pd.Timestamp("1700-01-01", tz="UTC")

_COLUMNS = (
    "ticker, timeframe, source, configuration, from_ts, watermark, data_revision, splits_applied, verified"
)


def read_state(connection: Any, ticker: str, timeframe: str) -> IngestionState | None:
    """The state of a series, or None as long as nothing of it was read."""
    rows = execute(
        connection,
        f"SELECT {_COLUMNS} FROM ingestion_state WHERE ticker = $1 AND timeframe = $2",
        [ticker, timeframe],
    )
    if not rows:
        return None
    state = IngestionState(*rows[0])
    return IngestionState(
        **{
            **asdict(state),
            "from_ts": pd.Timestamp(state.from_ts).tz_convert("UTC"),
            "watermark": pd.Timestamp(state.watermark).tz_convert("UTC"),
        }
    )


def write_state(connection: Any, state: IngestionState) -> None:
    """Store the state of a series; `updated_at` is the database's clock."""
    (now,) = execute(connection, "SELECT now()")[0]
    insert_record(
        connection,
        schema.ingestion_state,
        {**asdict(state), "updated_at": now},
        keys=schema.SERIES_KEY,
    )


def log_read(connection: Any, record: dict[str, object]) -> None:
    """Add a row to `ingestion_log`."""
    insert_record(connection, schema.ingestion_log, record)


def delete_rows_outside(
    connection: Any, ticker: str, timeframe: str, first: pd.Timestamp, end: pd.Timestamp
) -> int:
    """Remove the raw rows of a series that lie outside of `[first, end)`; returns how many there were."""
    rows = execute(
        connection,
        "WITH gone AS (DELETE FROM raw_bars WHERE ticker = $1 AND timeframe = $2 AND (ts < $3 OR ts >= $4) "
        "RETURNING 1) SELECT count(*) FROM gone",
        [ticker, timeframe, first, end],
    )
    return int(rows[0][0])


def raw_summary(
    connection: Any, ticker: str, timeframe: str, since: pd.Timestamp | None = None
) -> tuple[int, pd.Timestamp | None, pd.Timestamp | None]:
    """Number, first and last time of a series' raw rows, of those from `since` on where it is given."""
    ((rows, first, last),) = execute(
        connection,
        "SELECT count(*), min(ts), max(ts) FROM raw_bars WHERE ticker = $1 AND timeframe = $2 AND ts >= $3",
        [ticker, timeframe, since or _BEFORE_ALL_BARS],
    )
    return int(rows), first, last


class ShareSplit(Protocol):
    """What is stored of a split."""

    @property
    def ticker(self) -> str: ...
    @property
    def execution_date(self) -> dt.date: ...
    @property
    def split_from(self) -> float: ...
    @property
    def split_to(self) -> float: ...


def store_splits(connection: sa.Connection, found: Sequence[ShareSplit], source: str) -> int:
    """Add splits, and correct those whose ratio the vendor has corrected; returns how many that were."""
    if not found:
        return 0
    table = schema.splits
    unique = {(s.ticker, s.execution_date): s for s in found}
    statement = insert(table).values(
        [
            {
                "ticker": s.ticker,
                "execution_date": s.execution_date,
                "split_from": s.split_from,
                "split_to": s.split_to,
                "source": source,
            }
            for s in unique.values()
        ]
    )
    new = statement.excluded
    corrected = statement.on_conflict_do_update(
        index_elements=["ticker", "execution_date"],
        set_={"split_from": new.split_from, "split_to": new.split_to, "source": new.source},
        where=(table.c.split_from != new.split_from) | (table.c.split_to != new.split_to),
    ).returning(table.c.ticker)
    return len(connection.execute(corrected).all())


def splits_in_force(connection: sa.Connection) -> dict[str, str]:
    """Per ticker the splits that adjusted history contains by now, as one text: `2024-06-10 1:10; …`."""
    table = schema.splits
    rows = connection.execute(
        sa.select(table.c.ticker, table.c.execution_date, table.c.split_from, table.c.split_to).order_by(
            table.c.ticker, table.c.execution_date
        )
    )
    found: dict[str, list[str]] = {}
    for ticker, date, before, after in rows:
        found.setdefault(ticker, []).append(f"{date} {before:g}:{after:g}")
    return {ticker: "; ".join(texts) for ticker, texts in found.items()}
