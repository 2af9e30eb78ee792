"""The partitions of the graph: tickers x timeframes make a series; models go by timeframe, predictions by day."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import dagster as dg

from fvg_platform.market.timeframes import TIMEFRAMES, coarser_than, finer_than, finer_timeframes

EXCHANGE_TIMEZONE = "America/New_York"
# Early enough for every sample; the graph holds no rows for days that nobody materialised.
FIRST_DAY = "2000-01-01"

tickers = dg.DynamicPartitionsDefinition(name="ticker")
timeframes = dg.StaticPartitionsDefinition(TIMEFRAMES)
series_partitions = dg.MultiPartitionsDefinition({"ticker": tickers, "timeframe": timeframes})
# end_offset: today's partition exists today, so that it can be filled after the close.
days = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone=EXCHANGE_TIMEZONE, end_offset=1)


def _series_from(upstream_of: Callable[[str], Iterable[str]]) -> dg.MultiPartitionMapping:
    """A series depends on its own ticker in the timeframes that `upstream_of` gives for its own."""
    by_timeframe = dg.StaticPartitionMapping(
        {up: [down for down in TIMEFRAMES if up in upstream_of(down)] for up in TIMEFRAMES}
    )
    return dg.MultiPartitionMapping(
        {
            "ticker": dg.DimensionPartitionMapping("ticker", dg.IdentityPartitionMapping()),
            "timeframe": dg.DimensionPartitionMapping("timeframe", by_timeframe),
        }
    )


COARSER_CONTEXT = 2
# Bars of a timeframe are the source's own or come from clean bars of any finer one that it may be made of.
own_and_finer_series = _series_from(lambda timeframe: (timeframe, *finer_timeframes(timeframe)))
# Outcomes are read off all finer bars, the context of a gap off the next coarser ones.
own_and_all_finer_series = _series_from(lambda timeframe: (timeframe, *finer_than(timeframe)))
own_and_coarser_series = _series_from(
    lambda timeframe: (timeframe, *coarser_than(timeframe, COARSER_CONTEXT))
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
