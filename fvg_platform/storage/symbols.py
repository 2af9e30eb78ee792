"""The universe of tickers: what the source offers now, and what it offered once."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa

from fvg_platform.storage import schema
from fvg_platform.storage.bulk import read_frame, upsert
from fvg_platform.storage.records import execute, insert_record
from fvg_platform.storage.schema import symbols
from fvg_platform.storage.series_status import drop_lineage, open_lineage


@dataclass(frozen=True)
class Symbol:
    """One ticker as it is stored; `active`: it belongs to the universe; `listed`: the market has it."""

    ticker: str
    name: str
    asset_class: str
    source: str
    active: bool = True
    listed: bool = True
    dollar_volume: float | None = None
    volume_rank: int | None = None


@dataclass(frozen=True)
class UniverseChange:
    """Tickers that came into the universe, and tickers that left it; by name."""

    added: list[str]
    retired: list[str]


def active_symbols(connection: sa.Connection) -> list[sa.Row]:
    """The rows of the universe that are active, by ticker."""
    return list(connection.execute(sa.select(symbols).where(symbols.c.active).order_by(symbols.c.ticker)))


def active_tickers(connection: sa.Connection) -> set[str]:
    """The tickers of the universe when `symbols` was last materialised."""
    return set(connection.execute(sa.select(symbols.c.ticker).where(symbols.c.active)).scalars())


def universe_read_at(connection: sa.Connection, source: str) -> pd.Timestamp | None:
    """When the universe of a source was last read, or None."""
    table = schema.universe_log
    found = connection.execute(sa.select(sa.func.max(table.c.at)).where(table.c.source == source)).scalar()
    return None if found is None else pd.Timestamp(found)


def store_symbols(connection: Any, found: Sequence[Symbol], source: str, run_id: str) -> UniverseChange:
    """Make the market and its universe what was found, and log the reading; a ticker that is gone is retired.

    Parameters
    ----------
    connection
        An ADBC connection, in a transaction that the caller ends.
    found
        All tickers of the market.
    source
        Name of what was read, for the log.
    """
    known = read_frame(connection, "SELECT ticker, active FROM symbols")
    before = set(known.loc[known["active"], "ticker"]) if len(known) else set()
    now = {symbol.ticker for symbol in found if symbol.active}
    change = UniverseChange(sorted(now - before), sorted(before - now))
    lineage_id = open_lineage(connection, run_id=run_id, asset="symbols", code_version="2", data_revision=1)
    gone = execute(
        connection,
        "WITH gone AS (UPDATE symbols SET active = false, listed = false, volume_rank = NULL, lineage_id = $2 "
        "WHERE (active OR listed) AND NOT ticker = ANY($1) RETURNING 1) SELECT count(*) FROM gone",
        [[symbol.ticker for symbol in found], lineage_id],
    )[0][0]
    changed = 0
    if found:
        frame = pd.DataFrame([asdict(symbol) for symbol in found])
        frame["volume_rank"] = frame["volume_rank"].astype("Int32")
        frame["dollar_volume"] = frame["dollar_volume"].astype("float64")
        changed = upsert(connection, "symbols", frame.assign(lineage_id=lineage_id), ["ticker"]).changed
    if not gone and not changed:
        drop_lineage(connection, lineage_id)
    insert_record(
        connection,
        schema.universe_log,
        {
            "source": source,
            "run_id": run_id,
            "listed": len(found),
            "chosen": len(now),
            "added": change.added,
            "retired": change.retired,
        },
    )
    return change
