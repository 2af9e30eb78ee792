"""The eight timeframes of the platform and how they relate.

A timeframe is its name, a plain string: `1m` is always a minute, `1mo` a month. What a bar of a timeframe
spans on a given day is the business of :mod:`fvg_platform.market.calendars`; here are only the fixed facts.
"""

import pandas as pd

TIMEFRAMES: tuple[str, ...] = ("1m", "5m", "15m", "1h", "4h", "1d", "1w", "1mo")

INTRADAY: frozenset[str] = frozenset({"1m", "5m", "15m", "1h", "4h"})

_NOMINAL: dict[str, pd.Timedelta] = {
    "1m": pd.Timedelta(minutes=1),
    "5m": pd.Timedelta(minutes=5),
    "15m": pd.Timedelta(minutes=15),
    "1h": pd.Timedelta(hours=1),
    "4h": pd.Timedelta(hours=4),
    "1d": pd.Timedelta(days=1),
    "1w": pd.Timedelta(days=7),
    "1mo": pd.Timedelta(days=30, hours=10, minutes=30),  # a twelfth of 365.25 days
}

# Intraday bars are never summed up to days: a vendor's day has its own auctions and adjustment.
_RESAMPLED_FROM: dict[str, tuple[str, ...]] = {
    "1m": (),
    "5m": ("1m",),
    "15m": ("5m", "1m"),
    "1h": ("15m", "5m", "1m"),
    "4h": ("1h", "15m", "5m", "1m"),
    "1d": (),
    "1w": ("1d",),
    "1mo": ("1d",),
}


class UnknownTimeframeError(ValueError):
    """A timeframe that the platform does not have."""


def require_timeframe(timeframe: str) -> str:
    """Return `timeframe` if it is one of :data:`TIMEFRAMES`; else raise UnknownTimeframeError naming the choices."""
    if timeframe not in TIMEFRAMES:
        raise UnknownTimeframeError(
            f"unknown timeframe {timeframe!r}: use one of {', '.join(TIMEFRAMES)} (1m is a minute, 1mo a month)"
        )
    return timeframe


def nominal_duration(timeframe: str) -> pd.Timedelta:
    """How long a full bar of the timeframe lasts on the clock; a month counts as a twelfth of 365.25 days."""
    return _NOMINAL[require_timeframe(timeframe)]


def coarser_than(timeframe: str, count: int | None = None) -> tuple[str, ...]:
    """The `count` next coarser timeframes, or all, from the finest on."""
    found = TIMEFRAMES[TIMEFRAMES.index(require_timeframe(timeframe)) + 1 :]
    return found if count is None else found[:count]


def finer_than(timeframe: str) -> tuple[str, ...]:
    """All finer timeframes, from the coarsest on."""
    return TIMEFRAMES[: TIMEFRAMES.index(require_timeframe(timeframe))][::-1]


def finer_timeframes(timeframe: str) -> tuple[str, ...]:
    """The timeframes that bars of this one may be resampled from, the coarsest (cheapest) first."""
    return _RESAMPLED_FROM[require_timeframe(timeframe)]
