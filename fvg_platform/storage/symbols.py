"""The universe of tickers: what the source offers now, and what it offered once."""

from collections.abc import Sequence
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from fvg_platform.storage.schema import lineage, symbols


class Symbol(Protocol):
    """What is stored of a ticker."""

    @property
    def ticker(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def asset_class(self) -> str: ...


def active_tickers(connection: sa.Connection) -> set[str]:
    """The tickers that the source offered when `symbols` was last materialised."""
    return set(connection.execute(sa.select(symbols.c.ticker).where(symbols.c.active)).scalars())


def store_symbols(connection: sa.Connection, found: Sequence[Symbol], source: str, run_id: str) -> list[str]:
    """Make the universe what the source offers and return the tickers retired by that; none is ever removed."""
    known = {row.ticker: row for row in connection.execute(sa.select(symbols))}
    offered = {s.ticker: {"name": s.name, "asset_class": s.asset_class, "source": source} for s in found}
    retired = sorted(t for t, row in known.items() if row.active and t not in offered)
    changed = [
        {"ticker": ticker, **values, "active": True}
        for ticker, values in offered.items()
        if ticker not in known
        or any(
            getattr(known[ticker], column) != value for column, value in {**values, "active": True}.items()
        )
    ]
    if not changed and not retired:
        return []
    record = {"run_id": run_id, "asset": "symbols", "code_version": "1", "data_revision": 1}
    lineage_id = connection.execute(lineage.insert().values(record).returning(lineage.c.id)).scalar_one()
    if changed:
        statement = insert(symbols).values([{**row, "lineage_id": lineage_id} for row in changed])
        update = {
            name: statement.excluded[name]
            for name in ("name", "asset_class", "source", "active", "lineage_id")
        }
        connection.execute(statement.on_conflict_do_update(index_elements=["ticker"], set_=update))
    if retired:
        connection.execute(
            symbols.update().where(symbols.c.ticker.in_(retired)).values(active=False, lineage_id=lineage_id)
        )
    return retired
