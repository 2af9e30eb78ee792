"""The partitions of the graph: tickers x timeframes make a series; models go by timeframe, predictions by day."""

from collections.abc import Iterable
from typing import NamedTuple

import dagster as dg

from fvg_platform.market.timeframes import TIMEFRAMES, finer_timeframes

EXCHANGE_TIMEZONE = "America/New_York"
# Early enough for every sample; the graph holds no rows for days that nobody materialised.
FIRST_DAY = "2000-01-01"

tickers = dg.DynamicPartitionsDefinition(name="ticker")
timeframes = dg.StaticPartitionsDefinition(TIMEFRAMES)
series_partitions = dg.MultiPartitionsDefinition({"ticker": tickers, "timeframe": timeframes})
# end_offset: today's partition exists today, so that it can be filled after the close.
days = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone=EXCHANGE_TIMEZONE, end_offset=1)

# Bars of a timeframe are the source's own or come from clean bars of any finer one that it may be made of.
_finer_and_own = dg.StaticPartitionMapping(
    {
        fine: [coarse for coarse in TIMEFRAMES if fine == coarse or fine in finer_timeframes(coarse)]
        for fine in TIMEFRAMES
    }
)
own_and_finer_series = dg.MultiPartitionMapping(
    {
        "ticker": dg.DimensionPartitionMapping("ticker", dg.IdentityPartitionMapping()),
        "timeframe": dg.DimensionPartitionMapping("timeframe", _finer_and_own),
    }
)


class Series(NamedTuple):
    """One ticker in one timeframe; `str()` gives the partition key."""

    ticker: str
    timeframe: str

    @classmethod
    def from_key(cls, key: str) -> "Series":
        """Parse a partition key `TICKER|TIMEFRAME`."""
        ticker, timeframe = key.split("|")
        return cls(ticker, timeframe)

    def __str__(self) -> str:
        return f"{self.ticker}|{self.timeframe}"


def in_working_order(keys: Iterable[str]) -> list[Series]:
    """The series of these partition keys, ticker by ticker, the finest timeframe first."""
    return sorted(map(Series.from_key, keys), key=lambda s: (s.ticker, TIMEFRAMES.index(s.timeframe)))
