"""The universe: which tickers there are, and which of them the platform follows."""

import datetime as dt

import dagster as dg

from fvg_platform.pipeline.partitions import tickers
from fvg_platform.pipeline.resources import MarketSource
from fvg_platform.pipeline.series_assets import OWNERS, VENDOR_POOL, table_metadata
from fvg_platform.storage.bulk import series_transaction
from fvg_platform.storage.database import Database
from fvg_platform.storage.symbols import Symbol, store_symbols

# Before this no history begins, so that no earlier split matters.
FIRST_SPLITS = dt.date(2000, 1, 1)


@dg.asset(
    group_name="bars",
    kinds={"python", "postgres"},
    owners=OWNERS,
    code_version="2",
    pool=VENDOR_POOL,
    metadata=table_metadata("symbols"),
)
def symbols(
    context: dg.AssetExecutionContext,
    database: dg.ResourceParam[Database],
    market_source: dg.ResourceParam[MarketSource],
) -> dg.MaterializeResult:
    """Every ticker of the source's market; those of the universe become the partitions of all that follows.

    Of a vendor's market all tickers are stored with the rank of their dollar volume, and its splits are read. A ticker
    that the source no longer offers, or that left the universe, is retired, never removed.
    """
    database.require_ready()
    market_source.forget()
    found = _market(market_source)
    name = market_source.source.name
    problems = market_source.source.problems()
    with series_transaction(database.url, lock_key="symbols") as connection:
        change = store_symbols(connection, found, name, context.run.run_id)
    market_source.forget()
    splits = market_source.refresh_splits(since=FIRST_SPLITS)
    chosen = sorted(symbol.ticker for symbol in found if symbol.active)
    context.instance.add_dynamic_partitions(tickers.name or "ticker", chosen)
    if problems:
        lines = "\n".join(f"  {name}: {message}" for name, message in problems)
        what = "files" if market_source.vendor is None else "tickers"
        raise dg.Failure(
            f"symbols: {len(problems)} of the source's {what} cannot be used, the others are kept.\n{lines}",
            allow_retries=False,
        )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(found),
            "tickers": dg.MetadataValue.json(chosen),
            "added": dg.MetadataValue.json(change.added),
            "retired": dg.MetadataValue.json(change.retired),
            "new_splits": splits,
        }
    )


def _market(market_source: MarketSource) -> list[Symbol]:
    """The vendor's market, and what archives and imports hold."""
    vendor, source = market_source.vendor, market_source.source
    listed = [] if vendor is None else vendor.universe()
    found = {
        each.ticker: Symbol(
            each.ticker,
            each.name,
            each.asset_class,
            source="" if vendor is None else vendor.name,
            active=each.chosen,
            dollar_volume=each.dollar_volume,
            volume_rank=each.volume_rank,
        )
        for each in listed
    }
    if vendor is None or source is not vendor:
        origin = {info.ticker: info.basis.source for info in source.series()}
        for info in source.symbols():
            if vendor is None or origin.get(info.ticker) != vendor.name:
                found[info.ticker] = Symbol(info.ticker, info.name, info.asset_class, source.name)
    return list(found.values())
