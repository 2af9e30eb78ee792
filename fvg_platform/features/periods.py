"""Coarser timeframes inside a series: the New York day, week and month of the bar so far, and those before it.

A day is New York's date of the bar's open, a week begins on Sunday (when currencies open), a month on its first. A
period is complete when a bar of a later one has come; until one is, and where the last one lies further back than
12 days, 2 weeks or 1 month, the value is the neutral one that the formula names. The first period of a series counts
for nothing later, because the data may begin in the middle of it; `days` reaches past every period that can count.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fvg_platform.features.engines import Engine
from fvg_platform.features.feature import Feature, Values, group_of
from fvg_platform.features.series import BarSeries, earlier, ratio

_f = group_of("periods")
_windows = Engine("fvg_platform.features.window_kernels")

Period = Literal["day", "week", "month"]

# How many periods back one may lie that still counts: holidays, a missing week, the month before.
_WITHIN: dict[Period, int] = {"day": 12, "week": 2, "month": 1}
# Days from a bar back to before all of those, so that the first period of a tail is none of them.
_DAYS: dict[Period, int] = {"day": 14, "week": 22, "month": 64}
# Twenty trading days and eight weeks, holidays included.
_WITHIN_20_DAYS, _DAYS_20_DAYS = 35, 37
_WITHIN_8_WEEKS, _DAYS_8_WEEKS = 9, 71
_MOST_RANGES = 5.0

_OF_PERIOD = ("start", "number", "open", "high", "low", "close")
_OF_EARLIER = ("count", "last_close", "mean_close", "mean_range")


def period_numbers(series: BarSeries, period: Period) -> NDArray[np.int64]:
    """Number the day, week or month of New York in which each bar opens."""
    day = series.wall_seconds // 86_400
    if period == "day":
        return day
    if period == "week":
        return (day + 4) // 7  # 1970 began on a Thursday, four days after a Sunday
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def periods(series: BarSeries, period: Period) -> Values:
    """One column for each period: position of its first bar, number, open, high, low and close."""

    def compute() -> Values:
        numbers = period_numbers(series, period)
        starts = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1))
        ends = np.append(starts[1:], len(series)) - 1
        high, low = np.maximum.reduceat(series.high, starts), np.minimum.reduceat(series.low, starts)
        return np.stack([starts, numbers[starts], series.open[starts], high, low, series.close[ends]]).astype(
            np.float64
        )

    return series._keep(f"{period}s", 0, compute)


def per_bar(series: BarSeries, period: Period, values: Values) -> Values:
    """Give each bar the value of its period."""
    starts = periods(series, period)[0].astype(np.int64)
    return np.repeat(values, np.diff(starts, append=len(series)))


def own(series: BarSeries, period: Period, figure: str) -> Values:
    """A figure of each bar's own period. Only `open` is known before the period's last bar."""
    return per_bar(series, period, periods(series, period)[_OF_PERIOD.index(figure)])


def prior(series: BarSeries, period: Period, figure: str) -> Values:
    """A figure of the complete period before each bar's; NaN where there is none, or too far back."""
    table = periods(series, period)
    number = table[1]
    known = number - earlier(number, 1) <= _WITHIN[period]
    known[:2] = False
    return per_bar(series, period, np.where(known, earlier(table[_OF_PERIOD.index(figure)], 1), np.nan))


def before(series: BarSeries, period: Period, figure: str, most: int, within: int) -> Values:
    """A figure of the last `most` complete periods before each bar's, at most `within` back; NaN without any."""

    def compute() -> Values:
        _, number, _, high, low, close = periods(series, period)
        return np.stack(
            _windows.earlier_periods(number.astype(np.int64), high, low, close, most, within)
        ).astype(np.float64)

    table = series._keep(f"{period}s_before", most, compute)
    return per_bar(series, period, table[_OF_EARLIER.index(figure)])


def extreme_so_far(series: BarSeries, period: Period, side: Literal["high", "low"]) -> Values:
    """Highest high or lowest low of each bar's period up to the bar itself."""

    def compute() -> Values:
        starts = periods(series, period)[0].astype(np.int64)
        if side == "high":
            return _windows.running_highest(series.high, starts)
        return -_windows.running_highest(-series.low, starts)

    return series._keep(f"{period}_{side}", 0, compute)


def change(start: Values, end: Values) -> Values:
    """ln(end / start); 0 where one of them is unknown."""
    moved = np.log(end / start)
    return np.where(np.isnan(moved), 0.0, moved)


def place(value: Values, low: Values, high: Values) -> Values:
    """Where a value lies between low (0) and high (1), within -2..3; 0.5 without range or where unknown."""
    inside = ratio(value - low, high - low, 0.5)
    return np.where(np.isnan(inside), 0.5, np.clip(inside, -2.0, 3.0))


def place_so_far(series: BarSeries, period: Period) -> Values:
    """Where the close lies in what its period has traded so far."""
    return place(series.close, extreme_so_far(series, period, "low"), extreme_so_far(series, period, "high"))


def place_in_prior(series: BarSeries, period: Period) -> Values:
    """Where the close lies beside the range of the complete period before."""
    return place(series.close, prior(series, period, "low"), prior(series, period, "high"))


def completed_trend(series: BarSeries, period: Period, most: int, within: int) -> Values:
    """How far the last complete close lies above the mean of the last ones, in their mean range, at most 5."""
    count = before(series, period, "count", most, within)
    above = before(series, period, "last_close", most, within) - before(
        series, period, "mean_close", most, within
    )
    trend = ratio(above, before(series, period, "mean_range", most, within), 0.0)
    return np.where(count == most, np.clip(trend, -_MOST_RANGES, _MOST_RANGES), 0.0)


def day_range_used(series: BarSeries) -> Values:
    """The range of the day so far beside the mean range of the last five."""
    so_far = extreme_so_far(series, "day", "high") - extreme_so_far(series, "day", "low")
    used = ratio(so_far, before(series, "day", "mean_range", 5, _WITHIN["day"]), 1.0)
    return np.where(np.isnan(used), 1.0, np.minimum(used, _MOST_RANGES))


def alignment(series: BarSeries) -> Values:
    """Whether days, weeks and the last month point the same way."""
    days = np.sign(completed_trend(series, "day", 5, _WITHIN["day"]))
    weeks = np.sign(completed_trend(series, "week", 8, _WITHIN_8_WEEKS))
    month = np.sign(change(prior(series, "month", "open"), prior(series, "month", "close")))
    return (days + weeks + month) / 3.0


def _return_so_far(period: Period) -> Feature:
    return _f(
        f"{period}_return",
        f"ln(C / open of the {period} so far), New York",
        "log return",
        0,
        lambda s: change(own(s, period, "open"), s.close),
        days=_DAYS[period],
    )


def _position_so_far(period: Period) -> Feature:
    return _f(
        f"{period}_position",
        f"(C - low) / (high - low) of the {period} so far, New York; 0.5 without range",
        "0..1",
        0,
        lambda s: place_so_far(s, period),
        days=_DAYS[period],
    )


def _prior_position(period: Period) -> Feature:
    return _f(
        f"prior_{period}_position",
        f"(C - low) / (high - low) of the last complete {period}, within -2..3; 0.5 without range or {period}",
        "ratio",
        0,
        lambda s: place_in_prior(s, period),
        days=_DAYS[period],
    )


def _prior_return(period: Period) -> Feature:
    return _f(
        f"prior_{period}_return",
        f"ln(close / open) of the last complete {period}; 0 without one",
        "log return",
        0,
        lambda s: change(prior(s, period, "open"), prior(s, period, "close")),
        days=_DAYS[period],
    )


FEATURES: tuple[Feature, ...] = (
    _return_so_far("day"),
    _position_so_far("day"),
    _prior_position("day"),
    _prior_return("day"),
    _f(
        "day_gap",
        "ln(open of the day / close of the last complete day); 0 without one",
        "log return",
        0,
        lambda s: change(prior(s, "day", "close"), own(s, "day", "open")),
        days=_DAYS["day"],
    ),
    _f(
        "day_range_used",
        "(high - low) of the day so far / mean range of the last 5 complete days in 12, at most 5; 1 without",
        "ratio",
        0,
        day_range_used,
        days=_DAYS["day"],
    ),
    _f(
        "daily_trend_5",
        "(last complete daily close - mean of 5) / mean range of the 5 days, at most 5; 0 if not 5 in 12 days",
        "ratio",
        0,
        lambda s: completed_trend(s, "day", 5, _WITHIN["day"]),
        days=_DAYS["day"],
    ),
    _f(
        "daily_trend_20",
        "(last complete daily close - mean of 20) / mean range of the 20 days, at most 5; 0 if not 20 in 35 days",
        "ratio",
        0,
        lambda s: completed_trend(s, "day", 20, _WITHIN_20_DAYS),
        days=_DAYS_20_DAYS,
    ),
    _return_so_far("week"),
    _position_so_far("week"),
    _prior_position("week"),
    _prior_return("week"),
    _f(
        "weekly_trend_8",
        "(last complete weekly close - mean of 8) / mean range of the 8 weeks, at most 5; 0 if not 8 in 9 weeks",
        "ratio",
        0,
        lambda s: completed_trend(s, "week", 8, _WITHIN_8_WEEKS),
        days=_DAYS_8_WEEKS,
    ),
    _position_so_far("month"),
    _prior_position("month"),
    _prior_return("month"),
    _f(
        "period_alignment",
        "mean of the signs of daily_trend_5, weekly_trend_8 and prior_month_return",
        "-1..1",
        0,
        alignment,
        days=max(_DAYS_8_WEEKS, _DAYS["month"]),
    ),
)
