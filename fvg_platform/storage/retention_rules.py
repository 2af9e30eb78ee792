"""How long each kind of row is kept: the setting's text, and the moment before which a series is cut.

Pure: a text and a time in, a time out. What a cut removes from the tables is in :mod:`fvg_platform.storage.retention`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from fvg_platform.market.timeframes import TIMEFRAMES, require_timeframe

DEFAULT_RETENTION = "bars.1m=5y, prediction_features=1y, forecasts=90d"
PREDICTION_FEATURES = "prediction_features"
INGESTION_LOG = "ingestion_log"
FORECASTS = "forecasts"
FOREVER = "forever"
# More would be before the first bar of any market, and beyond what a Timestamp can say.
_MOST = {"y": 200, "mo": 2400, "d": 73_000}
_PERIOD = re.compile(r"([0-9]{1,6})(y|mo|d)")


class RetentionError(ValueError):
    """A retention that cannot be read; the message names the part, and what can be written there."""


def _bars(timeframe: str) -> str:
    return f"bars.{timeframe}"


# What may be named, coarsest idea first: the bars of a timeframe with all that is derived from them, and logs.
NAMES = (*map(_bars, TIMEFRAMES), PREDICTION_FEATURES, INGESTION_LOG, FORECASTS)


@dataclass(frozen=True)
class Period:
    """A stretch of the calendar: whole years, months or days."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"

    def cut(self, now: pd.Timestamp) -> pd.Timestamp:
        """The boundary that lies at least this long before `now`, in UTC.

        It is the first of a month where the period is of years or months, and midnight where it is of days: so it moves
        once a month (a day), and all that ran in between cut at the same bar.
        """
        utc = now.tz_convert("UTC")
        if self.unit == "d":
            return (utc - pd.Timedelta(days=self.count)).normalize()
        months = self.count * (12 if self.unit == "y" else 1)
        return _month(utc - pd.DateOffset(months=months))


@dataclass(frozen=True)
class RetentionRules:
    """How long what is kept, by the names of :data:`NAMES`; what has no rule is kept for ever."""

    periods: Mapping[str, Period]

    @classmethod
    def parse(cls, text: str) -> "RetentionRules":
        """Read a setting such as `bars.1m=5y, prediction_features=1y, bars.1h=forever`.

        Parameters
        ----------
        text
            `name=period` separated by commas; a period is a whole number of `y`, `mo` or `d`, or `forever`.

        Raises
        ------
        RetentionError
            naming the part that cannot be read and what is known.
        """
        periods: dict[str, Period] = {}
        seen: set[str] = set()
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, equals, period = (word.strip() for word in part.partition("="))
            if not equals:
                raise RetentionError(f"{part!r} is no rule: write name=period, such as {DEFAULT_RETENTION}")
            if name not in NAMES:
                raise RetentionError(f"nothing is called {name!r}: a rule is about one of {', '.join(NAMES)}")
            if name in seen:
                raise RetentionError(f"{name} has two rules: keep one")
            seen.add(name)
            if period != FOREVER:
                periods[name] = _period(name, period)
        return cls(periods)

    def __str__(self) -> str:
        return ", ".join(f"{name}={period}" for name, period in self.periods.items()) or "everything forever"

    def cut(self, name: str, now: pd.Timestamp) -> pd.Timestamp | None:
        """The moment before which rows of that name go; None where they are kept for ever."""
        period = self.periods.get(name)
        return None if period is None else period.cut(now)


def oldest_kept(
    rules: RetentionRules,
    timeframe: str,
    now: pd.Timestamp,
    last: pd.Timestamp | None = None,
) -> pd.Timestamp | None:
    """The open time of the oldest bar of a timeframe that is kept; None where all are.

    The first of a month (of a day's start, for a period in days), UTC: see :meth:`Period.cut`.

    Parameters
    ----------
    last
        The newest bar that the series has. The month of its last bar stays, however long ago: a series that ended would
        otherwise look like one of which nothing could be read.
    """
    cut = rules.cut(_bars(require_timeframe(timeframe)), now)
    if cut is None or last is None:
        return cut
    return min(cut, _month(last.tz_convert("UTC")))


def _month(time: pd.Timestamp) -> pd.Timestamp:
    return pd.Timestamp(year=time.year, month=time.month, day=1, tz="UTC")


def _period(name: str, text: str) -> Period:
    found = _PERIOD.fullmatch(text)
    if found is None or not 0 < int(found[1]) <= _MOST[found[2]]:
        limits = ", ".join(f"1{unit} to {most}{unit}" for unit, most in _MOST.items())
        raise RetentionError(f"{name}={text}: {text!r} is no period: write {limits}, or {FOREVER}")
    return Period(int(found[1]), found[2])
