"""The context of the setup's gap as a model reads it: signed by the side, in ATR and shares, never undefined.

What :mod:`fvg_platform.fvg.context` does not know gets the neutral value that the formula names. Directional
figures are positive where they speak for the setup, so that longs and shorts look alike.
"""

import numpy as np

from fvg_platform.features.feature import Feature, Values, group_of
from fvg_platform.features.setup_measures import SetupSeries, aligned

_f = group_of("context", kind="setup")

_LONGEST_BREAK = 500.0
_LONGEST_SWEEP = 12.0

# What the features read of a gap's context and of its verdicts.
CONTEXT_NUMBERS: tuple[str, ...] = (
    "trend",
    "bars_since_break",
    "impulse_broke_structure",
    "range_position",
    "liquidity_swept",
    "bars_since_sweep",
    "order_block_distance_atr",
    "displacement_range_atr",
    "displacement_body_atr",
    "leg_bars",
    "leg_atr",
    "leg_poc_atr",
    "leg_zone_density",
    "taker_buy_share",
    "profile_poc_atr",
    "profile_balanced",
    "profile_d_shaped",
    "minutes_since_open",
    "vwap_distance_atr",
    "prior_day_high_atr",
    "prior_day_low_atr",
    "coarser_1_range_position",
    "coarser_alignment",
    "rule_score",
)
CONTEXT_TEXTS: tuple[str, ...] = ("structure_break", "profile_location", "session", "killzone")


def known(setup: SetupSeries, column: str, neutral: float) -> Values:
    """A number or flag of the gap's context, with a neutral value where it is unknown."""
    values = setup.context(column)
    return np.where(np.isnan(values), neutral, values)


def discount(setup: SetupSeries, column: str) -> Values:
    """How deep the zone lies on the cheap side of a range, for the setup: 1 at the far end, -1 at the near one."""
    return aligned(setup, 1.0 - 2.0 * known(setup, column, 0.5))


def beyond_prior_day(setup: SetupSeries) -> Values:
    """How far the zone lies beyond the extreme of the session before that is ahead of the setup."""
    ahead = np.where(
        setup.side > 0, known(setup, "prior_day_high_atr", 0.0), known(setup, "prior_day_low_atr", 0.0)
    )
    return aligned(setup, ahead)


def above_prior_day(setup: SetupSeries) -> Values:
    """How far the zone lies on this side of the extreme of the session before that is behind the setup."""
    behind = np.where(
        setup.side > 0, known(setup, "prior_day_low_atr", 0.0), known(setup, "prior_day_high_atr", 0.0)
    )
    return aligned(setup, behind)


def location(setup: SetupSeries) -> Values:
    """+1 where the zone lies beyond the value area the setup's way, -1 on the other side, 0 inside or unknown."""
    return aligned(
        setup, setup.context_is("profile_location", "above") - setup.context_is("profile_location", "below")
    )


FEATURES: tuple[Feature, ...] = (
    _f(
        "context_trend_alignment",
        "direction × trend of market structure; 0 without a break",
        "-1..1",
        0,
        lambda s: aligned(s, known(s, "trend", 0.0)),
    ),
    _f(
        "context_character_changed",
        "1 if the last break was a change of character, else 0",
        "0/1",
        0,
        lambda s: s.context_is("structure_break", "choch"),
    ),
    _f(
        "context_bars_since_break",
        "bars since the last break of a swing; 500 without one",
        "bars",
        0,
        lambda s: known(s, "bars_since_break", _LONGEST_BREAK),
    ),
    _f(
        "context_impulse_broke_structure",
        "1 if a close of i-2..i broke the swing before it; 0 without a swing",
        "0/1",
        0,
        lambda s: known(s, "impulse_broke_structure", 0.0),
    ),
    _f(
        "context_discount",
        "direction (1 - 2 range_position); 0 without a dealing range",
        "-1..1",
        0,
        lambda s: discount(s, "range_position"),
    ),
    _f(
        "context_liquidity_swept",
        "1 if a swing of the other side was swept in i-11..i-2, else 0",
        "0/1",
        0,
        lambda s: known(s, "liquidity_swept", 0.0),
    ),
    _f(
        "context_bars_since_sweep",
        "bars since that sweep; 12 without one",
        "bars",
        0,
        lambda s: known(s, "bars_since_sweep", _LONGEST_SWEEP),
    ),
    _f(
        "context_order_block_distance_atr",
        "from the zone's far edge to the order block; 0 without one",
        "ATR",
        0,
        lambda s: known(s, "order_block_distance_atr", 0.0),
    ),
    _f(
        "context_displacement_range_atr",
        "range of the middle bar / the gap's ATR; 0 without ATR",
        "ATR",
        0,
        lambda s: known(s, "displacement_range_atr", 0.0),
    ),
    _f(
        "context_displacement_body_atr",
        "direction (C - O) of the middle bar / the gap's ATR; 0 without ATR",
        "ATR",
        0,
        lambda s: known(s, "displacement_body_atr", 0.0),
    ),
    _f(
        "context_leg_bars",
        "bars of the impulse leg; 50, its longest, where unknown",
        "bars",
        0,
        lambda s: known(s, "leg_bars", 50.0),
    ),
    _f(
        "context_leg_atr",
        "height of the impulse leg / the gap's ATR; 0 where unknown",
        "ATR",
        0,
        lambda s: known(s, "leg_atr", 0.0),
    ),
    _f(
        "context_leg_poc_atr",
        "direction (mid - point of control of the leg) / ATR; 0 where unknown",
        "ATR",
        0,
        lambda s: aligned(s, known(s, "leg_poc_atr", 0.0)),
    ),
    _f(
        "context_leg_zone_density",
        "volume per price in the zone / in the leg; 1 without volume",
        "ratio",
        0,
        lambda s: known(s, "leg_zone_density", 1.0),
    ),
    _f(
        "context_taker_pressure",
        "direction (2 taker_buy_share - 1) of the leg; 0 without taker volume",
        "-1..1",
        0,
        lambda s: aligned(s, 2.0 * known(s, "taker_buy_share", 0.5) - 1.0),
    ),
    _f(
        "context_profile_poc_atr",
        "direction (mid - point of control of the last sessions) / ATR; 0 where unknown",
        "ATR",
        0,
        lambda s: aligned(s, known(s, "profile_poc_atr", 0.0)),
    ),
    _f(
        "context_profile_location",
        "direction × (1 above, -1 below the value area); 0 inside or unknown",
        "-1..1",
        0,
        location,
    ),
    _f(
        "context_profile_balanced",
        "1 if the last sessions' profile is balanced; 0 where unknown",
        "0/1",
        0,
        lambda s: known(s, "profile_balanced", 0.0),
    ),
    _f(
        "context_profile_d_shaped",
        "1 if the last sessions' profile is D-shaped; 0 where unknown",
        "0/1",
        0,
        lambda s: known(s, "profile_d_shaped", 0.0),
    ),
    _f(
        "context_in_london",
        "1 if bar i closed from 02:00 to 09:30 New York; 0 from 1d on",
        "0/1",
        0,
        lambda s: s.context_is("session", "london"),
    ),
    _f(
        "context_in_new_york",
        "1 if bar i closed from 09:30 to 16:00 New York; 0 from 1d on",
        "0/1",
        0,
        lambda s: s.context_is("session", "new_york_am", "new_york_lunch", "new_york_pm"),
    ),
    _f(
        "context_in_killzone",
        "1 if bar i closed in a killzone; 0 from 1d on",
        "0/1",
        0,
        lambda s: s.context_is("killzone", "london_open", "new_york_am", "london_close", "new_york_pm"),
    ),
    _f(
        "context_minutes_since_open",
        "minutes from the session's open to known_at; 0 from 1d on",
        "minutes",
        0,
        lambda s: known(s, "minutes_since_open", 0.0),
    ),
    _f(
        "context_vwap_distance_atr",
        "direction (mid - VWAP of the session) / ATR; 0 without volume",
        "ATR",
        0,
        lambda s: aligned(s, known(s, "vwap_distance_atr", 0.0)),
    ),
    _f(
        "context_beyond_prior_day_atr",
        "long: (mid - high of the session before) / ATR, short: (its low - mid) / ATR; 0 where unknown",
        "ATR",
        0,
        beyond_prior_day,
    ),
    _f(
        "context_above_prior_day_atr",
        "long: (mid - low of the session before) / ATR, short: (its high - mid) / ATR; 0 where unknown",
        "ATR",
        0,
        above_prior_day,
    ),
    _f(
        "context_coarser_discount",
        "direction (1 - 2 range_position) of the next coarser timeframe; 0 without",
        "ratio",
        0,
        lambda s: discount(s, "coarser_1_range_position"),
    ),
    _f(
        "context_coarser_alignment",
        "mean of direction × trend of the next coarser timeframes; 0 without",
        "-1..1",
        0,
        lambda s: known(s, "coarser_alignment", 0.0),
    ),
    _f(
        "context_rule_score",
        "rules passed / rules known; 0.5 where none is known",
        "0..1",
        0,
        lambda s: known(s, "rule_score", 0.5),
    ),
)
