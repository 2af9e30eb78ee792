"""A vendor in memory, for the logic of ingestion: its history can be split or corrected, its answers can fail.

The real client against the look-alike over HTTP is tested in `integration`.
"""

import datetime as dt
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from fvg_platform.market.basis import Basis
from fvg_platform.sources.base import (
    Fetched,
    Listing,
    SeriesInfo,
    SourceError,
    Split,
    SymbolInfo,
    VendorError,
    VendorPlanError,
    Window,
)
from fvg_platform_tests.market_bars import random_bars

START = pd.Timestamp("2024-01-01", tz="UTC")
END = pd.Timestamp("2024-04-01", tz="UTC")
BASIS = Basis("split", "session", "regular", "made_up")
INFO = SeriesInfo("UVXY", "1h", BASIS, "equity")


@dataclass
class MadeUpVendor:
    """One hourly series in windows of ten days; `before_call` hears the number of each call before it is answered."""

    bars: pd.DataFrame = field(default_factory=lambda: random_bars("1h", "2024-01-01", "2024-04-01", seed=5))
    now: pd.Timestamp = END
    first: pd.Timestamp = START
    market: list[Listing] = field(
        default_factory=lambda: [Listing("UVXY", "Fear", "equity", 1e9, 1, chosen=True)]
    )
    before_call: Callable[[int], None] = lambda _number: None
    calls: list[Window] = field(default_factory=list)
    name: str = "made_up"

    def split(self, at: pd.Timestamp, ratio: float) -> None:
        """From now on the history before `at` is adjusted by `ratio`."""
        old = self.bars["ts"] < at
        self.bars = self.bars.copy()
        for column in ("open", "high", "low", "close"):
            self.bars.loc[old, column] *= ratio
        self.bars.loc[old, "volume"] /= ratio

    def known(self) -> pd.DataFrame:
        """What a reading that nothing disturbs would give."""
        return self.bars[self.bars["ts"] < self.now].reset_index(drop=True)

    def closed_until(self, ticker: str, timeframe: str) -> pd.Timestamp:
        return self.now

    def history_start(self, timeframe: str) -> pd.Timestamp:
        return self.first

    def windows(self, ticker: str, timeframe: str, start: pd.Timestamp, end: pd.Timestamp) -> list[Window]:
        edges = [*pd.date_range(start, end, freq="10D", inclusive="left"), end]
        return [Window(a, b) for a, b in itertools.pairwise(edges)]

    def fetch(self, ticker: str, timeframe: str, window: Window) -> Fetched:
        self.calls.append(window)
        self.before_call(len(self.calls))
        if window.start < self.first:
            raise VendorPlanError(f"the plan does not reach back to {window.start}")
        known = self.known()
        inside = known[(known["ts"] >= window.start) & (known["ts"] < window.end)]
        return Fetched(inside.reset_index(drop=True), calls=1)

    def fail_at(self, *numbers: int) -> None:
        """Let these calls fail."""

        def check(number: int) -> None:
            if number in numbers:
                raise VendorError(f"call {number} was not answered")

        self.before_call = check

    @property
    def wanted_tickers(self) -> tuple[str, ...]:
        return ("UVXY",)

    def universe(self) -> list[Listing]:
        return self.market

    def splits(self, since: dt.date) -> list[Split]:
        return []

    def symbols(self) -> list[SymbolInfo]:
        return [SymbolInfo("UVXY", "Fear", "equity")]

    def series(self) -> list[SeriesInfo]:
        return [INFO]

    def problems(self) -> list[tuple[str, str]]:
        return []

    def fingerprint(self, ticker: str, timeframe: str) -> str:
        return self.now.isoformat()

    def read(self, ticker: str, timeframe: str, since: pd.Timestamp | None = None) -> pd.DataFrame:
        raise SourceError("it is fetched by windows")
