"""Clock-aligned bars out of finer ones, and how far an answer reaches: the arithmetic behind the vendor's aggregates.

Every bar belongs to a span with a number that counts along the market's clock; bars of one number make one
aggregate. Times are milliseconds since 1970 UTC. Nothing here knows files, requests or splits.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Milliseconds = NDArray[np.int64]
Timespan = Literal["minute", "hour", "day", "week", "month"]

TIMESPANS: tuple[Timespan, ...] = ("minute", "hour", "day", "week", "month")
INTRADAY_TIMESPANS: frozenset[Timespan] = frozenset({"minute", "hour"})

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_LONGEST_DAY = 25 * _HOUR  # on which daylight saving time ends
_FIRST_SUNDAY = 3  # 1970-01-04, counted in days


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars in order of time, without two of one time.

    Parameters
    ----------
    t
        The time that the vendor states, shape (n,): a bar's open, of a day its midnight.
    opened
        When trading in the bar began, shape (n,): before it the bar does not exist.
    values
        `o, h, l, c, v` and, where they are known, `vw` and `n`; float64, NaN for no value, shape (n,) each.
    """

    t: Milliseconds
    opened: Milliseconds
    values: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.t)

    def part(self, first: int, last: int) -> "Bars":
        """The bars at the positions `first` (included) to `last` (excluded)."""
        values = {name: column[first:last] for name, column in self.values.items()}
        return Bars(self.t[first:last], self.opened[first:last], values)


@dataclass(frozen=True)
class Spans:
    """The spans of `multiplier` times `timespan` on the clock of a zone.

    Minutes and hours are counted from midnight in hours that pass, and end at the next one at the latest; weeks
    begin on Sunday, months on the first; several days or weeks are counted from 1970, several months from January
    of year 0.
    """

    multiplier: int
    timespan: Timespan
    zone: str

    def numbers(self, t: Milliseconds) -> NDArray[np.int64]:
        """The number of the span that holds each time, shape (n,)."""
        if self._ignores_zone:
            return t // self._step
        days = _to_wall(t, self.zone) // _DAY
        if self.timespan in INTRADAY_TIMESPANS:
            return days * self._per_day + (t - _midnights(days, self.zone)) // self._step
        if self.timespan == "day":
            return days // self.multiplier
        if self.timespan == "week":
            return (days - _FIRST_SUNDAY) // 7 // self.multiplier
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1970 * 12
        return months // self.multiplier

    def starts(self, numbers: NDArray[np.int64]) -> Milliseconds:
        """When each span begins, shape (n,)."""
        if self._ignores_zone:
            return numbers * self._step
        if self.timespan in INTRADAY_TIMESPANS:
            days, position = np.divmod(numbers, self._per_day)
            past_midnight = _midnights(days, self.zone) + position * self._step
            return np.minimum(past_midnight, _midnights(days + 1, self.zone))
        if self.timespan == "day":
            days = numbers * self.multiplier
        elif self.timespan == "week":
            days = numbers * self.multiplier * 7 + _FIRST_SUNDAY
        else:
            months = numbers * self.multiplier - 1970 * 12
            days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        return _midnights(days, self.zone)

    def number(self, t: int) -> int:
        """The number of the span that holds one time."""
        return int(self.numbers(np.array([t], dtype=np.int64))[0])

    def start(self, number: int) -> int:
        """When one span begins."""
        return int(self.starts(np.array([number], dtype=np.int64))[0])

    @property
    def _step(self) -> int:
        return self.multiplier * (_MINUTE if self.timespan == "minute" else _HOUR)

    @property
    def _per_day(self) -> int:
        return -(-_LONGEST_DAY // self._step)

    @property
    def _ignores_zone(self) -> bool:
        """Whether the spans divide an hour: those lie alike on every clock, and need no conversion."""
        return self.timespan in INTRADAY_TIMESPANS and _HOUR % self._step == 0


@dataclass(frozen=True, eq=False)
class Page:
    """One answer's bars, oldest first, how many base bars were read for it, and the span to go on with, if any."""

    bars: Bars
    base_bars: int
    next_number: int | None


def aggregate(base: Bars, spans: Spans) -> Bars:
    """One bar for each span that holds a base bar: first open, highest high, lowest low, last close, sums.

    `vw` is weighted by volume (NaN where there is none), `opened` is that of the first base bar.
    """
    numbers = spans.numbers(base.t)
    first = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1))
    if len(first) == 0:
        return base
    values = base.values
    last = np.append(first[1:], len(base)) - 1
    volume = np.add.reduceat(values["v"], first)
    made = {
        "o": values["o"][first],
        "h": np.maximum.reduceat(values["h"], first),
        "l": np.minimum.reduceat(values["l"], first),
        "c": values["c"][last],
        "v": volume,
    }
    if "vw" in values:
        traded = np.where(values["v"] > 0, values["vw"] * values["v"], 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            made["vw"] = np.where(volume > 0, np.add.reduceat(traded, first) / volume, np.nan)
        alone = first == last
        made["vw"][alone] = values["vw"][first[alone]]  # one bar's own, not rounded by the division
    if "n" in values:
        made["n"] = np.add.reduceat(values["n"], first)
    return Bars(spans.starts(numbers[first]), base.opened[first], made)


def read_page(base: Bars, spans: Spans, first: int, last: int, *, limit: int, newest_first: bool) -> Page:
    """The aggregates of the spans that hold `first` to `last`, as far as `limit` base bars reach.

    Both ends are stretched to whole spans. A span that the limit cuts is left to the next page whole; only where it
    would be the page's single one is it read to its end, for a page must lead on. Base bars that were read for a
    span that is left out count as read.

    Parameters
    ----------
    first, last
        Milliseconds, both included.
    newest_first
        The limit counts from `last` backwards.
    """
    low = int(np.searchsorted(base.t, spans.start(spans.number(first))))
    high = int(np.searchsorted(base.t, spans.start(spans.number(last) + 1)))
    if high - low <= limit:
        return Page(aggregate(base.part(low, high), spans), max(0, high - low), None)
    if newest_first:
        return _newest_page(base, spans, low, high, limit)
    return _oldest_page(base, spans, low, high, limit)


def _oldest_page(base: Bars, spans: Spans, low: int, high: int, limit: int) -> Page:
    cut = spans.number(int(base.t[low + limit]))
    end = int(np.searchsorted(base.t, spans.start(cut)))
    if end > low:
        return Page(aggregate(base.part(low, end), spans), limit, cut)
    end = int(np.searchsorted(base.t, spans.start(cut + 1)))
    follows = spans.number(int(base.t[end])) if end < high else None
    return Page(aggregate(base.part(low, end), spans), end - low, follows)


def _newest_page(base: Bars, spans: Spans, low: int, high: int, limit: int) -> Page:
    cut = spans.number(int(base.t[high - limit - 1]))
    begin = int(np.searchsorted(base.t, spans.start(cut + 1)))
    if begin < high:
        return Page(aggregate(base.part(begin, high), spans), limit, cut)
    begin = int(np.searchsorted(base.t, spans.start(cut)))
    follows = spans.number(int(base.t[begin - 1])) if begin > low else None
    return Page(aggregate(base.part(begin, high), spans), high - begin, follows)


def _to_wall(t: Milliseconds, zone: str) -> Milliseconds:
    """What the zone's clocks show, as milliseconds since its 1970-01-01 00:00."""
    if zone == "UTC":
        return t
    local = pd.DatetimeIndex(t.astype("datetime64[ms]")).tz_localize("UTC").tz_convert(zone)
    return local.tz_localize(None).as_unit("ms").asi8


def _midnights(days: NDArray[np.int64], zone: str) -> Milliseconds:
    """When the zone's days, counted from 1970-01-01, begin."""
    if zone == "UTC":
        return days * _DAY
    # Each day once: a page of minutes holds few, and time zones are slow.
    each, back = np.unique(days, return_inverse=True)
    local = pd.DatetimeIndex((each * _DAY).astype("datetime64[ms]")).tz_localize(zone)
    return local.tz_convert("UTC").as_unit("ms").asi8[back]
