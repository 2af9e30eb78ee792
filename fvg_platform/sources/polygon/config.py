"""What is wanted of the vendor: market, tickers, timeframes, how adjusted, how far back."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from fvg_platform.market.basis import Adjustment, Anchor, Basis, Session
from fvg_platform.market.calendars import TradingCalendar, trading_calendar
from fvg_platform.sources.base import SourceError, require_ticker
from fvg_platform.sources.polygon.aggregates import MOST_BASE_BARS
from fvg_platform.sources.polygon.markets import FETCHED, MARKETS, Market, MarketName, VendorBars, vendor_bars

SOURCE_NAME = "polygon"
_YEARS: dict[str, float] = {"1m": 2, "5m": 2, "15m": 2, "1h": 2, "1d": 10}
_DELAY = pd.Timedelta(minutes=15)
_YEAR = pd.Timedelta(days=365.25)


@dataclass(frozen=True)
class PolygonConfig:
    """What is wanted of the vendor.

    Parameters
    ----------
    market
        `stocks`, `crypto` (tickers such as `X:BTCUSD`) or `fx` (`C:EURUSD`).
    tickers, top_n
        The universe: these, and the N with the most dollar volume.
    timeframes
        Of 1m, 5m, 15m, 1h, 1d.
    adjusted, session
        Whether prices are adjusted for splits, and which hours of stocks are wanted.
    history
        By timeframe how many years back, or the first day; two years, ten of days, where it says nothing.
    delay
        How long after its close a bar is complete at the vendor.
    limit
        From how many base bars (minutes, days) an answer is made at most.

    Raises
    ------
    SourceError
        naming the value that cannot be used.
    """

    market: MarketName = "stocks"
    tickers: tuple[str, ...] = ("SPY", "QQQ", "IWM", "UVXY")
    top_n: int = 0
    timeframes: tuple[str, ...] = ("1h", "1d")
    adjusted: bool = True
    session: Session = "regular"
    history: Mapping[str, float | dt.date] = field(default_factory=dict)
    delay: pd.Timedelta = _DELAY
    limit: int = MOST_BASE_BARS

    def __post_init__(self) -> None:
        if self.market not in MARKETS:
            raise SourceError(f"polygon: unknown market {self.market!r}: use one of {', '.join(MARKETS)}")
        if self.session not in ("regular", "extended"):
            raise SourceError(f"polygon: unknown session {self.session!r}: use regular or extended")
        for ticker in self.tickers:
            require_ticker(ticker)
        for timeframe in (*self.timeframes, *self.history):
            if timeframe not in FETCHED:
                raise SourceError(
                    f"polygon: {timeframe!r} is not fetched: use some of {', '.join(FETCHED)}; others are made of them"
                )
        if self.top_n < 0 or self.delay < pd.Timedelta(0):
            raise SourceError(f"polygon: top N {self.top_n} and delay {self.delay} must not be negative")
        for timeframe, reach in self.history.items():
            if not isinstance(reach, dt.date) and not 0 < reach <= 100:
                raise SourceError(f"polygon: {reach} years of {timeframe} history: use a number up to 100")
        if not self.kind.minutes_per_day < self.limit <= MOST_BASE_BARS:
            raise SourceError(
                f"polygon: a limit of {self.limit} base bars cannot be used: use more than those of a day, "
                f"{self.kind.minutes_per_day}, and at most {MOST_BASE_BARS}"
            )

    @property
    def kind(self) -> Market:
        """The facts about the market."""
        return MARKETS[self.market]

    @property
    def basis(self) -> Basis:
        """What prices and times of the series mean: hours of the regular session begin with it, others on the clock."""
        adjustment: Adjustment = "split" if self.adjusted and self.market == "stocks" else "raw"
        calendar = self.calendar
        return Basis(adjustment, calendar.anchor, calendar.session, SOURCE_NAME)

    @property
    def calendar(self) -> TradingCalendar:
        """The calendar of all series."""
        anchor: Anchor = "clock" if self.session == "extended" else "session"
        return trading_calendar(self.kind.asset_class, anchor=anchor, session=self.session)

    def bars_of(self, timeframe: str) -> VendorBars:
        """The vendor's bars that a timeframe is read from; SourceError for one that is not fetched."""
        if timeframe not in FETCHED:
            raise SourceError(f"source polygon has no {timeframe} bars: it has {', '.join(FETCHED)}")
        return vendor_bars(self.kind.asset_class, self.calendar.session, timeframe)

    def base_bars_per_day(self, timeframe: str) -> int:
        """How many of the bars that the vendor's limit counts a day has at most."""
        return 1 if self.bars_of(timeframe).timespan == "day" else self.kind.minutes_per_day

    def history_start(self, timeframe: str, now: pd.Timestamp) -> pd.Timestamp:
        """The beginning (UTC) of the exchange day that the history begins on."""
        self.bars_of(timeframe)
        reach = self.history.get(timeframe, _YEARS[timeframe])
        zone = self.calendar.timezone
        if isinstance(reach, dt.date):
            return pd.Timestamp(reach).tz_localize(zone).tz_convert("UTC")
        return (now - reach * _YEAR).tz_convert(zone).normalize().tz_convert("UTC")
