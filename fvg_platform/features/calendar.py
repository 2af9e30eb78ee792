"""Calendar: when a bar opens on the clocks of New York, as points on circles.

On a circle midnight and Sunday have no edge. Bars of a day and longer open with the session; their time of
day is nearly constant, and harmless.
"""

import math

import numpy as np

from fvg_platform.features.feature import Feature, Values, group_of
from fvg_platform.features.series import BarSeries

_f = group_of("calendar")


def week_angle(series: BarSeries) -> Values:
    """Monday 0, a seventh of a turn a day; 1970 began on a Thursday."""
    weekday = (series.wall_seconds // 86_400 + 3) % 7
    return weekday.astype(np.float64) * (2.0 * math.pi / 7.0)


def day_angle(series: BarSeries) -> Values:
    """Midnight 0, a full turn in 24 hours, to the minute."""
    minute = series.wall_seconds // 60 % 1440
    return minute.astype(np.float64) * (2.0 * math.pi / 1440.0)


FEATURES: tuple[Feature, ...] = (
    _f(
        "day_of_week_sin",
        "sin(2π weekday / 7), Monday 0, New York",
        "-1..1",
        0,
        lambda s: np.sin(week_angle(s)),
    ),
    _f(
        "day_of_week_cos",
        "cos(2π weekday / 7), Monday 0, New York",
        "-1..1",
        0,
        lambda s: np.cos(week_angle(s)),
    ),
    _f(
        "time_of_day_sin",
        "sin(2π minute of the day / 1440), New York",
        "-1..1",
        0,
        lambda s: np.sin(day_angle(s)),
    ),
    _f(
        "time_of_day_cos",
        "cos(2π minute of the day / 1440), New York",
        "-1..1",
        0,
        lambda s: np.cos(day_angle(s)),
    ),
)
