"""What every source of bars offers, and what it says about its symbols and series.

A source lists cheaply and reads one series at a time. It raises :class:`SourceError` for what a person has to mend,
and hands on rows as they are: ordering and judging them is the business of :mod:`fvg_platform.market.bars`.
"""

import re
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from fvg_platform.market.basis import AssetClass, Basis

_TICKER = re.compile(r"[A-Z0-9.\-_/:]{1,20}")


class SourceError(ValueError):
    """Bars cannot be had; the message names the file or symbol, the place, the value and the way out."""


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
