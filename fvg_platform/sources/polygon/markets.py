"""The vendor's markets and timeframes: what they are called there, and which of its bars make the platform's.

The vendor makes minute and hour bars from its minutes, day bars from its days. Its hours lie on the clock and mix in
pre- and post-market, so hours of the regular session are made from its half hours. Its days of currencies are UTC
days, those of the market begin at 17:00 New York, so they are made from its hours.
"""

from dataclasses import dataclass
from typing import Literal

from fvg_platform.market.basis import AssetClass, Session

MarketName = Literal["stocks", "crypto", "fx"]
FETCHED: tuple[str, ...] = ("1m", "5m", "15m", "1h", "1d")
"""The timeframes that are read from the vendor; the others are resampled from these."""


@dataclass(frozen=True)
class Market:
    """One market of the vendor.

    `locale`: of its grouped daily bars; `prefix`: what its tickers begin with; `minutes_per_day`: how many one-minute
    bars a day has at most (stocks trade from 04:00 to 20:00).
    """

    name: MarketName
    asset_class: AssetClass
    locale: Literal["us", "global"]
    prefix: str
    minutes_per_day: int


MARKETS: dict[str, Market] = {
    "stocks": Market("stocks", "equity", "us", "", 960),
    "crypto": Market("crypto", "crypto", "global", "X:", 1440),
    "fx": Market("fx", "fx", "global", "C:", 1440),
}


@dataclass(frozen=True)
class VendorBars:
    """Which of the vendor's bars a series is read from: `multiplier` times `timespan`.

    `are_parts`: the platform's bars are made from several of them.
    """

    multiplier: int
    timespan: Literal["minute", "hour", "day"]
    are_parts: bool = False


_OWN: dict[str, VendorBars] = {
    "1m": VendorBars(1, "minute"),
    "5m": VendorBars(5, "minute"),
    "15m": VendorBars(15, "minute"),
    "1h": VendorBars(1, "hour"),
    "1d": VendorBars(1, "day"),
}


def vendor_bars(asset_class: AssetClass, session: Session, timeframe: str) -> VendorBars:
    """The vendor's bars for a timeframe of :data:`FETCHED`; KeyError for another one."""
    if timeframe == "1h" and asset_class == "equity" and session == "regular":
        return VendorBars(30, "minute", are_parts=True)
    if timeframe == "1d" and asset_class == "fx":
        return VendorBars(1, "hour", are_parts=True)
    return _OWN[timeframe]
