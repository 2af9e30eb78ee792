"""Polygon as a VendorSource: the universe, splits, and bars window by window.

Which bars there should be is the calendar's business; what the vendor sends outside of the session is left out. A
window that holds no expected bar costs no call.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fvg_platform.market.calendars import TradingCalendar
from fvg_platform.market.grids import microseconds, timestamps
from fvg_platform.sources.base import (
    Fetched,
    Listing,
    SeriesInfo,
    Split,
    SymbolInfo,
    VendorError,
    VendorPlanError,
    Window,
    require_series,
    require_ticker,
)
from fvg_platform.sources.polygon.aggregates import BarRequest, decode_bars, fetch_rows
from fvg_platform.sources.polygon.config import SOURCE_NAME, PolygonConfig
from fvg_platform.sources.polygon.markets import VendorBars
from fvg_platform.sources.polygon.reference import (
    dollar_volumes,
    listed_tickers,
    splits_between,
    why_not_listed,
)
from fvg_platform.sources.polygon.session_bars import build_bars
from fvg_platform.sources.polygon.transport import PolygonClient
from fvg_platform.sources.polygon.windows import cut_windows

__all__ = ["PolygonConfig", "PolygonSource"]

# How many trading days back the newest one that the vendor has is looked for.
_RANKING_DAYS = 7
# Some bar of every market has closed within that time.
_RECENTLY = pd.Timedelta(days=14)
_NEW_YORK = "America/New_York"


def _utc_now() -> pd.Timestamp:
    return pd.Timestamp.now(tz="UTC")


@dataclass(frozen=True)
class _Expected:
    """The bars that the calendar expects in a window: when the first one opens, the last one opens and closes."""

    first_opens: pd.Timestamp
    last_opens: pd.Timestamp
    last_closes: pd.Timestamp


class PolygonSource:
    """The vendor's bars of one market.

    Parameters
    ----------
    chosen
        The instruments that belong to the universe, as they were stored after the last :meth:`universe`.
    now
        The clock.
    """

    name = SOURCE_NAME

    def __init__(
        self,
        client: PolygonClient,
        config: PolygonConfig,
        chosen: Callable[[], Sequence[SymbolInfo]],
        now: Callable[[], pd.Timestamp] = _utc_now,
    ) -> None:
        self.client, self.config = client, config
        self._chosen, self._now = chosen, now
        self._calendar: TradingCalendar = config.calendar
        self._problems: list[tuple[str, str]] = []

    @property
    def wanted_tickers(self) -> tuple[str, ...]:
        """The tickers that the configuration names."""
        return self.config.tickers

    def symbols(self) -> list[SymbolInfo]:
        """The instruments of the universe, by ticker."""
        asset_class = self.config.kind.asset_class
        return sorted((s for s in self._chosen() if s.asset_class == asset_class), key=lambda s: s.ticker)

    def series(self) -> list[SeriesInfo]:
        """Every instrument of the universe in every configured timeframe."""
        basis, asset_class = self.config.basis, self.config.kind.asset_class
        return [
            SeriesInfo(symbol.ticker, timeframe, basis, asset_class)
            for symbol in self.symbols()
            for timeframe in self.config.timeframes
        ]

    def problems(self) -> list[tuple[str, str]]:
        """Configured tickers that the vendor did not list when the universe was read last, each with the reason."""
        return list(self._problems)

    def fingerprint(self, ticker: str, timeframe: str) -> str:
        """What the bars mean, what they are read from, and until when they are complete."""
        bars = self.config.bars_of(timeframe)
        return (
            f"{ticker} {timeframe} {self.config.basis} {self.config.kind.asset_class} from {bars.multiplier} "
            f"{bars.timespan} until {self.closed_until(ticker, timeframe).isoformat()}"
        )

    def universe(self) -> list[Listing]:
        """Every ticker of the market that is traded now, ranked by the dollar volume of the newest day with trade.

        Raises
        ------
        VendorError
            What keeps the market from being read; no day to rank by although the top N are wanted.
        """
        kind = self.config.kind
        listed = listed_tickers(self.client, kind.name)
        if listed.strange:
            examples = ", ".join(sorted(listed.strange)[:3])
            self.client.say(f"{len(listed.strange)} tickers such as {examples} are left out: strange names")
        volumes = {t: dollars for t, dollars in self._dollar_volumes().items() if t in listed.names}
        ranked = sorted(volumes, key=lambda ticker: (-volumes[ticker], ticker))
        ranks = {ticker: rank for rank, ticker in enumerate(ranked, 1)}
        chosen = {*self.config.tickers, *ranked[: self.config.top_n]}
        self._problems = [
            (ticker, why_not_listed(self.client, kind.name, ticker, kind.prefix))
            for ticker in dict.fromkeys(self.config.tickers)
            if ticker not in listed.names
        ]
        return [
            Listing(
                ticker=ticker,
                name=listed.names[ticker],
                asset_class=kind.asset_class,
                dollar_volume=volumes.get(ticker),
                volume_rank=ranks.get(ticker),
                chosen=ticker in chosen,
            )
            for ticker in sorted(listed.names)
        ]

    def splits(self, since: dt.date) -> list[Split]:
        """The splits of all shares since a day that are in force by now in New York, by date and ticker.

        Raises
        ------
        VendorError
            A split of the universe whose date or ratio makes no sense; those of other tickers are left out.
        """
        if self.config.market != "stocks":
            return []
        today = self._time().tz_convert(_NEW_YORK).date()
        found = splits_between(self.client, since, today)
        followed = {*self.config.tickers, *(symbol.ticker for symbol in self.symbols())}
        wrong = [said for ticker, said in sorted(found.nonsense.items()) if ticker in followed]
        if wrong:
            raise VendorError(
                f"polygon: splits since {since}: {'; '.join(wrong)}. Adjusted bars cannot be judged by that: tell the "
                "vendor, or take the ticker out of the universe until it is mended"
            )
        if found.nonsense:
            said = "; ".join(sorted(found.nonsense.values())[:3])
            self.client.say(f"{len(found.nonsense)} tickers' splits are left out as senseless: {said}")
        return found.splits

    def history_start(self, timeframe: str) -> pd.Timestamp:
        """Midnight of the exchange day that the configured history begins on (UTC)."""
        return self.config.history_start(timeframe, self._time())

    def closed_until(self, ticker: str, timeframe: str) -> pd.Timestamp:
        """The close of the last bar that is complete at the vendor by now; it stays while the market is closed."""
        self.config.bars_of(timeframe)
        complete = self._time() - self.config.delay
        opens = self._calendar.expected_opens(timeframe, complete - _RECENTLY, complete)
        closes = self._calendar.bar_closes(opens, timeframe)
        closed = closes[closes <= complete]
        if not len(closed):
            raise VendorError(
                f"polygon: {ticker} {timeframe}: no bar closed in the two weeks before {complete}: set the clock"
            )
        return closed[-1]

    def windows(self, ticker: str, timeframe: str, start: pd.Timestamp, end: pd.Timestamp) -> list[Window]:
        """The span cut between exchange days into windows that one call each answers in full."""
        require_ticker(ticker)
        return cut_windows(
            start.tz_convert("UTC"),
            end.tz_convert("UTC"),
            self._calendar,
            bars_per_day=self.config.base_bars_per_day(timeframe),
            limit=self.config.limit,
        )

    def fetch(self, ticker: str, timeframe: str, window: Window) -> Fetched:
        """All complete bars of a window; none for a ticker that the vendor does not know or did not list yet."""
        bars = self.config.bars_of(timeframe)
        what = f"{ticker} {timeframe} {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"
        complete = Window(window.start, min(window.end, self.closed_until(ticker, timeframe)))
        expected = self._expected(timeframe, complete)
        if expected is None:
            return Fetched(decode_bars([], what), calls=0)
        first, last = self._asked(expected, bars)
        request = BarRequest(ticker, bars, first, last, self.config.adjusted, what, self.config.limit)
        rows = fetch_rows(self.client, request)
        found = self._of_the_platform(rows.bars, timeframe, complete)
        return Fetched(found, rows.calls, rows.duplicates, rows.out_of_order)

    def read(self, ticker: str, timeframe: str, since: pd.Timestamp | None = None) -> pd.DataFrame:
        """Every complete bar since a time, or since the beginning of the history; asks the vendor for all of them."""
        require_series(self, ticker, timeframe)
        start = self.history_start(timeframe) if since is None else since.tz_convert("UTC")
        windows = self.windows(ticker, timeframe, start, self.closed_until(ticker, timeframe))
        parts = [self.fetch(ticker, timeframe, window).bars for window in windows]
        return pd.concat(parts, ignore_index=True) if parts else decode_bars([], f"{ticker} {timeframe}")

    def _time(self) -> pd.Timestamp:
        now = self._now()
        if now.tzinfo is None:
            raise VendorError(f"polygon: the clock says {now} without a zone: give it in UTC")
        return now.tz_convert("UTC")

    def _dollar_volumes(self) -> dict[str, float]:
        """Dollar volume by ticker of the newest day that the vendor has, at most seven trading days back."""
        kind, refusal = self.config.kind, None
        opens = self._calendar.expected_opens("1d", self._time() - _RECENTLY, self._time())
        opens = opens[opens < self.closed_until("grouped daily bars", "1d")]
        days = [day.date() for day in self._calendar.session_date(opens)[::-1][:_RANKING_DAYS]]
        for day in days:
            try:
                volumes = dollar_volumes(
                    self.client, day, locale=kind.locale, market=kind.name, adjusted=self.config.adjusted
                )
            except VendorPlanError as error:
                # Some plans refuse a day until it is over.
                refusal = error
                continue
            if volumes:
                return volumes
        if refusal is not None and self.config.top_n:
            raise refusal
        told = f"no grouped daily bars of the market {kind.name} from {days[-1]} to {days[0]}"
        if self.config.top_n:
            raise VendorError(
                f"polygon: {told}: the {self.config.top_n} tickers with the most dollar volume cannot be told. Try "
                "again later, or configure tickers by name alone"
            )
        self.client.say(f"{told}: tickers have no volume rank")
        return {}

    def _expected(self, timeframe: str, window: Window) -> _Expected | None:
        """The expected bars of a window; None where it holds none."""
        if window.start >= window.end:
            return None
        start, end = (int(us) for us in microseconds([window.start, window.end]))
        grid = self._calendar.grid(timeframe, start, end)
        first, last = grid.count_before(start), grid.count_before(end) - 1
        if first > last:
            return None
        opens, closes = (timestamps(times(np.array([first, last]))) for times in (grid.opens, grid.closes))
        return _Expected(opens[0], opens[1], closes[1])

    def _asked(self, expected: _Expected, bars: VendorBars) -> tuple[int, int]:
        """The times, first and last, between which the vendor's bars for the expected ones open, in milliseconds."""
        if bars.timespan != "day":
            return _milliseconds(expected.first_opens), _milliseconds(expected.last_closes) - 1
        days = self._calendar.session_date([expected.first_opens, expected.last_opens])
        midnights = (days + np.array([0, 1], "timedelta64[D]")).tz_localize(self._calendar.timezone)
        return _milliseconds(midnights[0]), _milliseconds(midnights[1]) - 1

    def _of_the_platform(self, rows: pd.DataFrame, timeframe: str, window: Window) -> pd.DataFrame:
        """The vendor's rows as the platform's bars of the session and the window."""
        bars = self.config.bars_of(timeframe)
        if bars.are_parts:
            rows = build_bars(rows, timeframe, self._calendar)
        elif bars.timespan == "day":
            # The vendor's day is dated by its midnight in the market's zone.
            midnights = pd.DatetimeIndex(rows["ts"]).tz_convert(self._calendar.timezone)
            rows = rows.assign(ts=self._calendar.opens_on(midnights.tz_localize(None).normalize(), timeframe))
        us = microseconds(rows["ts"])
        in_session = self._calendar.grid_over(us, timeframe).containing(us) >= 0
        in_window = (rows["ts"] >= window.start) & (rows["ts"] < window.end)
        return rows[in_session & in_window].reset_index(drop=True)


def _milliseconds(time: pd.Timestamp) -> int:
    return int(microseconds([time])[0]) // 1000
