"""Where the graph's bars come from: an archive or a vendor, and beside it what `fvg import` brought in.

A vendor's universe and splits are read from the database, where the assets put them: asking what is offered makes no
call. The vendor itself is opened when it is first needed, as is everything else here.
"""

import datetime as dt
import time
from collections.abc import Callable
from functools import cached_property
from threading import Lock

import pandas as pd

from fvg_platform.sources.base import BarSource, SeriesInfo, SymbolInfo, VendorSource
from fvg_platform.storage import ingestion
from fvg_platform.storage.database import Database
from fvg_platform.storage.retention_rules import RetentionRules, oldest_kept
from fvg_platform.storage.symbols import active_symbols

SPLITS_ARE_FRESH_FOR = 3600.0  # seconds
# Vendors correct what they said of a split for a while.
SPLITS_READ_AGAIN = dt.timedelta(days=45)

OpenVendor = Callable[[Callable[[], list[SymbolInfo]]], VendorSource]


class MarketSource:
    """The configured source of bars.

    Parameters
    ----------
    database
        Holds the universe and the splits of a vendor.
    open_archive
        Opens the source of a platform without a vendor.
    open_vendor
        Opens the vendor, given what tells the chosen symbols; None for a platform without one.
    beside
        Puts what was imported beside the source that it is given.
    retention
        How long bars are kept; by default for ever.
    now
        The clock.
    """

    def __init__(
        self,
        database: Database,
        *,
        open_archive: Callable[[], BarSource],
        open_vendor: OpenVendor | None = None,
        beside: Callable[[BarSource], BarSource] = lambda source: source,
        retention: RetentionRules | None = None,
        now: Callable[[], pd.Timestamp] = lambda: pd.Timestamp.now(tz="UTC"),
    ) -> None:
        self._database = database
        self._retention, self._now = retention or RetentionRules({}), now
        self._open_archive, self._open_vendor, self._beside = open_archive, open_vendor, beside
        self._splits: dict[str, str] | None = None
        self._splits_read_at = float("-inf")
        self._lock = Lock()

    @cached_property
    def source(self) -> BarSource:
        """The source itself, imports included."""
        return self._beside(self.vendor or self._open_archive())

    @cached_property
    def vendor(self) -> VendorSource | None:
        """The vendor that bars are fetched from, or None where they come from an archive."""
        return None if self._open_vendor is None else self._open_vendor(self._chosen)

    @cached_property
    def _series(self) -> dict[tuple[str, str], SeriesInfo]:
        return {(info.ticker, info.timeframe): info for info in self.source.series()}

    def offers(self, ticker: str, timeframe: str) -> SeriesInfo | None:
        """What the source says of a series, or None where it does not have it."""
        return self._series.get((ticker, timeframe))

    def vendor_of(self, ticker: str, timeframe: str) -> VendorSource | None:
        """The vendor that a series comes from, or None where it comes from elsewhere."""
        info = self.offers(ticker, timeframe)
        if self.vendor is None or info is None or info.basis.source != self.vendor.name:
            return None
        return self.vendor

    def splits_of(self, ticker: str) -> str:
        """The splits that a vendor's adjusted history of a ticker contains by now, as one text."""
        with self._lock:
            if self._splits is None:
                with self._database.engine.connect() as connection:
                    self._splits = ingestion.splits_in_force(connection)
            return self._splits.get(ticker, "")

    def refresh_splits(self, *, since: dt.date | None = None) -> int:
        """Ask the vendor for its splits, unless that was done within the hour; returns how many were news."""
        if self.vendor is None:
            return 0
        if since is None:
            if time.monotonic() - self._splits_read_at < SPLITS_ARE_FRESH_FOR:
                return 0
            since = self._now().date() - SPLITS_READ_AGAIN
        found = self.vendor.splits(since)
        with self._database.engine.begin() as connection:
            news = ingestion.store_splits(connection, found, self.vendor.name)
        with self._lock:
            self._splits, self._splits_read_at = None, time.monotonic()
        return news

    def oldest_kept(self, timeframe: str, last: pd.Timestamp | None = None) -> pd.Timestamp | None:
        """The first bar of a timeframe that is kept, see :func:`fvg_platform.storage.retention_rules.oldest_kept`."""
        return oldest_kept(self._retention, timeframe, self._now(), last)

    def forget(self) -> None:
        """Look at the source anew: files may have come or gone since, or the universe may have changed."""
        for name in ("_series", "source"):
            self.__dict__.pop(name, None)
        with self._lock:
            self._splits = None

    def _chosen(self) -> list[SymbolInfo]:
        with self._database.engine.connect() as connection:
            return [
                SymbolInfo(row.ticker, row.name, row.asset_class)
                for row in active_symbols(connection)
                if self.vendor is not None and row.source == self.vendor.name
            ]
