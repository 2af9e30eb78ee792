"""What every source of bars offers, and what it says about its symbols and series.

A source lists cheaply and reads one series at a time. It raises :class:`SourceError` for what a person has to mend,
and hands on rows as they are: ordering and judging them is the business of :mod:`fvg_platform.market.bars`.
"""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from fvg_platform.market.basis import AssetClass, Basis

_TICKER = re.compile(r"[A-Z0-9.\-_/:]{1,20}")


class SourceError(ValueError):
    """Bars cannot be had; the message names the file or symbol, the place, the value and the way out."""


class VendorError(SourceError):
    """What a vendor says or does that keeps bars from coming; the message holds the vendor's own words."""


class VendorKeyError(VendorError):
    """The vendor does not know the key."""


class VendorPlanError(VendorError):
    """The plan behind the key does not include the data."""


class VendorUnavailableError(VendorError):
    """The vendor did not give a sound answer, however often it was asked."""


@dataclass(frozen=True)
class SymbolInfo:
    """One instrument: `ticker`, a `name` for people (the ticker where none is known), its asset class."""

    ticker: str
    name: str
    asset_class: AssetClass


@dataclass(frozen=True)
class SeriesInfo:
    """One series that a source has: a ticker's bars of a timeframe, and what their prices and times mean."""

    ticker: str
    timeframe: str
    basis: Basis
    asset_class: AssetClass


class BarSource(Protocol):
    """Where bars come from."""

    @property
    def name(self) -> str:
        """Name of the source: `sample`, `files`, …"""

    def symbols(self) -> list[SymbolInfo]:
        """The instruments that have a series, by ticker."""

    def series(self) -> list[SeriesInfo]:
        """The series that can be read, by ticker and timeframe; what cannot be listed is left to `problems`."""

    def problems(self) -> list[tuple[str, str]]:
        """What is there but cannot be listed: name of the thing, and what is wrong with it and the way out."""

    def fingerprint(self, ticker: str, timeframe: str) -> str:
        """A text that changes when the series' data or their meaning change."""

    def read(self, ticker: str, timeframe: str, since: pd.Timestamp | None = None) -> pd.DataFrame:
        """Rows of one series in order of arrival, uncleaned.

        Parameters
        ----------
        since
            With a zone; only rows with `ts >= since`.

        Returns
        -------
        DataFrame
            `ts` (open time, datetime64[us, UTC]), `open, high, low, close, volume` and perhaps `vwap, transactions,
            taker_buy_volume` (float64, NaN where there is no value).

        Raises
        ------
        SourceError
            The source lacks the series or cannot read it.
        """


@dataclass(frozen=True)
class Listing:
    """One instrument of a vendor's market.

    `dollar_volume`: of the last day that the vendor ranks by, None where it did not trade; `volume_rank`: 1 for the
    most; `chosen`: it belongs to the configured universe.
    """

    ticker: str
    name: str
    asset_class: AssetClass
    dollar_volume: float | None
    volume_rank: int | None
    chosen: bool


@dataclass(frozen=True)
class Split:
    """A share split: `split_from` shares became `split_to` before the open of `execution_date`."""

    ticker: str
    execution_date: dt.date
    split_from: float
    split_to: float


@dataclass(frozen=True)
class Window:
    """A span of bars by their open times (UTC): `start` belongs to it, `end` does not."""

    start: pd.Timestamp
    end: pd.Timestamp


@dataclass(frozen=True)
class Fetched:
    """What one window gave.

    `bars` as :meth:`BarSource.read` gives them, in order of time; rows that repeat another in every value are left
    out and counted in `duplicates`; `out_of_order`: rows that came later than a younger one; `calls`: requests made.
    """

    bars: pd.DataFrame
    calls: int
    duplicates: int = 0
    out_of_order: int = 0


class VendorSource(BarSource, Protocol):
    """A source that is asked over the network, window by window, and whose history grows and is adjusted anew."""

    @property
    def wanted_tickers(self) -> tuple[str, ...]:
        """The tickers that the configuration names, whether the vendor has them or not."""

    def universe(self) -> list[Listing]:
        """Every instrument of the market, by ticker."""

    def splits(self, since: dt.date) -> list[Split]:
        """The splits of all tickers of the market with `execution_date >= since` that are in force by now."""

    def history_start(self, timeframe: str) -> pd.Timestamp:
        """The first open time that is asked for when nothing else is said (UTC)."""

    def closed_until(self, ticker: str, timeframe: str) -> pd.Timestamp:
        """Every bar that opens before this time (UTC) is complete at the vendor by now."""

    def windows(self, ticker: str, timeframe: str, start: pd.Timestamp, end: pd.Timestamp) -> list[Window]:
        """The span cut into windows that one call each should answer in full, in order of time."""

    def fetch(self, ticker: str, timeframe: str, window: Window) -> Fetched:
        """All complete bars of a window.

        Raises
        ------
        VendorError
            naming ticker, timeframe, window and the vendor's own message.
        """


class CallLimiter(Protocol):
    """What allows one more call to a vendor."""

    def acquire(self, what: str) -> float:
        """Wait until one more call is allowed, made for `what`; returns the seconds waited."""


def require_ticker(ticker: str) -> str:
    """Return a ticker of 1 to 20 of `A-Z 0-9 . - _ / :`; raise SourceError that names the value if it is none."""
    if not _TICKER.fullmatch(ticker):
        raise SourceError(
            f"strange ticker {ticker!r}: use 1 to 20 of the characters A-Z 0-9 . - _ / : (capitals), such as BRK.B"
        )
    return ticker


def require_series(source: BarSource, ticker: str, timeframe: str) -> SeriesInfo:
    """The series of a source, or SourceError saying what it has of that ticker."""
    of_ticker = [info for info in source.series() if info.ticker == ticker]
    for info in of_ticker:
        if info.timeframe == timeframe:
            return info
    has = (
        f"of {ticker} it has {', '.join(i.timeframe for i in of_ticker)}"
        if of_ticker
        else f"it has no {ticker}"
    )
    raise SourceError(f"source {source.name} has no series {ticker} {timeframe}: {has}")
