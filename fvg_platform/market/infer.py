"""What market a series comes from and how its bars are anchored, read off its bar times and ticker.

For files that do not state their basis. Each candidate is judged by the share of bars that lie on its grid; the
simpler one wins unless another explains clearly more bars, for a few stray bars are dirt and not a session.
"""

import re

import numpy as np

from fvg_platform.market.basis import Anchor, AssetClass, Session
from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.grids import Times, microseconds, timestamps
from fvg_platform.market.sessions import NEW_YORK
from fvg_platform.market.timeframes import INTRADAY, require_timeframe

_CANDIDATES: tuple[tuple[Anchor, Session], ...] = (
    ("session", "regular"),
    ("clock", "regular"),
    ("clock", "extended"),
)
_CLEARLY_MORE = 0.01

_CURRENCY = (
    r"USD|EUR|GBP|JPY|CHF|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|TRY|ZAR|MXN|BRL|CNH|CNY|HKD|SGD|INR|KRW|THB|ILS"
    r"|XAU|XAG"
)
_COIN = r"BTC|XBT|ETH|SOL|XRP|ADA|DOGE|LTC|BCH|DOT|AVAX|LINK|BNB|TRX|UNI|ATOM|ETC|XLM|SHIB"
_QUOTE = r"USDT|USDC|USD|EUR|GBP|BTC|ETH"


def infer_anchor(ts: Times, timeframe: str, asset_class: AssetClass) -> tuple[Anchor, Session]:
    """Anchor and session of a series.

    Parameters
    ----------
    ts
        Open times with a zone, any order, shape (n,).

    Returns
    -------
    (anchor, session)
        Of equities' intraday bars the candidate with most bars on its grid, of those that are within 1 % the
        first of session-anchored, clock-aligned and extended hours. Days, weeks and months have sessions; crypto
        and currencies lie on the clock.
    """
    if require_timeframe(timeframe) not in INTRADAY:
        return "session", "regular"
    if asset_class != "equity":
        return "clock", "regular"
    us = microseconds(ts)
    best, best_share = _CANDIDATES[0], -1.0
    for anchor, session in _CANDIDATES:
        calendar = trading_calendar("equity", anchor=anchor, session=session)
        on_grid = calendar.grid_over(us, timeframe).locate(us) >= 0
        share = float(on_grid.mean()) if len(us) else 0.0
        if best_share < 0 or share > best_share + _CLEARLY_MORE:
            best, best_share = (anchor, session), share
    return best


def infer_asset_class(ticker: str, ts: Times, timeframe: str) -> AssetClass:
    """Asset class of a series, by when it trades and, where that leaves it open, by its ticker.

    Bars on Saturdays are crypto's; bars all night long on five days are currencies'. Days, weeks and months of
    five-day markets look alike: there a pair of currencies (`EURUSD`, `EUR-USD`, `C:EURUSD`) is fx and a coin's pair
    (`BTC-USD`, `X:ETHUSD`) crypto. Everything else is an equity.
    """
    by_name = _by_ticker(ticker)
    us = microseconds(ts)
    if not len(us) or require_timeframe(timeframe) in ("1w", "1mo"):
        return by_name
    if timeframe == "1d":
        # A day may be stamped at midnight in any zone: its weekday by UTC and by New York must both be Saturday.
        shares = [
            float((timestamps(us).tz_convert(zone).day_of_week == 5).mean()) for zone in ("UTC", NEW_YORK)
        ]
        return "crypto" if min(shares) > 0.05 else by_name
    local = timestamps(us).tz_convert(NEW_YORK)
    saturday = float((local.day_of_week == 5).mean())
    if saturday > 0.05:
        return "crypto"
    night = float(np.isin(local.hour, (21, 22, 23, 0, 1, 2)).mean())
    if night > 0.05:
        return "fx" if by_name == "equity" else by_name
    return by_name if len(us) < 100 else "equity"


def _by_ticker(ticker: str) -> AssetClass:
    prefix, plain = "", ticker.upper()
    if re.match(r"[XC][:\-]\w{6,}", plain):
        prefix, plain = plain[0], plain[2:]
    plain = re.sub(r"[^A-Z0-9]", "", plain)
    if prefix == "C" or re.fullmatch(rf"({_CURRENCY})({_CURRENCY})", plain):
        return "fx"
    if prefix == "X" or re.fullmatch(rf"({_COIN})({_QUOTE})", plain):
        return "crypto"
    return "equity"
