"""The columns that describe the context of a gap: name, kind and meaning. No calculation, no numerical engine.

Conventions: every column was known at the gap's `known_at`; ATR is the gap's own `atr` (before the pattern); a
distance `*_atr` is (the zone's mid - the level) / ATR, positive when the zone lies above the level; where a figure
is unknown it is NaN or NULL. A gap's leg is the move it belongs to: see :mod:`fvg_platform.fvg.context_pattern`.
"""

from typing import Literal, NamedTuple

from fvg_platform.market.killzones import KILLZONES, SESSIONS

LOCATIONS: tuple[str, ...] = ("below", "inside", "above")
LOW_VOLUME_DENSITY = 0.5
"""A zone traded at most this densely, beside its leg's mean, is a low-volume node."""


class ContextColumn(NamedTuple):
    """One column: its name, what it holds (number: float64; flag: boolean; text: categorical), and its meaning."""

    name: str
    kind: Literal["number", "flag", "text"]
    meaning: str


CONTEXT_COLUMNS: tuple[ContextColumn, ...] = tuple(
    ContextColumn(*row)
    for row in (
        ("trend", "number", "direction of the last break of a swing within 500 bars: +1, -1, 0 without one"),
        (
            "structure_break",
            "text",
            "kind of that break: bos (with the trend before it) or choch (against it)",
        ),
        ("bars_since_break", "number", "bars since that break"),
        (
            "impulse_broke_structure",
            "flag",
            "a close of bars i-2..i lies beyond the swing (of the gap's direction) standing at the close of i-3",
        ),
        ("range_position", "number", "the zone's mid in the dealing range as of i: 0 its low, 1 its high"),
        (
            "liquidity_swept",
            "flag",
            "in bars i-11..i-2 a swing of the other side was traded beyond, the bar closing back inside",
        ),
        ("bars_since_sweep", "number", "bars since the last such sweep"),
        (
            "order_block_bottom",
            "number",
            "low of the last candle of opposite colour in bars i-11..i-2; price",
        ),
        ("order_block_top", "number", "high of that candle; price"),
        ("order_block_bars", "number", "bars since that candle"),
        (
            "order_block_distance_atr",
            "number",
            "from the zone's far edge on to the near edge of that candle, below 0 where it reaches back; ATR",
        ),
        ("displacement_range_atr", "number", "high - low of the middle bar; ATR"),
        (
            "displacement_body_atr",
            "number",
            "close - open of the middle bar, positive in the gap's direction; ATR",
        ),
        ("leg_bars", "number", "bars of the leg, bar i included"),
        ("leg_atr", "number", "height of the leg, from its lowest low to its highest high; ATR"),
        ("leg_poc_atr", "number", "distance from the leg's point of control; ATR"),
        ("leg_value_high_atr", "number", "distance from the upper end of the leg's value area; ATR"),
        ("leg_value_low_atr", "number", "distance from the lower end of the leg's value area; ATR"),
        ("leg_zone_density", "number", "volume per unit of price in the zone, beside the leg's mean of 1"),
        (
            "zone_is_low_volume_node",
            "flag",
            f"leg_zone_density is at most {LOW_VOLUME_DENSITY}",
        ),
        (
            "taker_buy_share",
            "number",
            "taker-buy volume of the leg / its volume, 0..1; only where the source has it",
        ),
        ("profile_poc_atr", "number", "distance from the point of control of the last sessions; ATR"),
        ("profile_value_high_atr", "number", "distance from the upper end of their value area; ATR"),
        ("profile_value_low_atr", "number", "distance from the lower end of their value area; ATR"),
        (
            "profile_location",
            "text",
            "where the zone's mid lies beside that value area: below, inside, above",
        ),
        (
            "profile_balanced",
            "flag",
            "the profile is balanced: point of control in the middle third, little skew",
        ),
        ("profile_d_shaped", "flag", "balanced, with one mode and a value area of 25 to 75 % of the range"),
        ("session", "text", "part of New York's day in which bar i closed; intraday only"),
        ("killzone", "text", "killzone in which bar i closed; intraday only, NULL outside every one"),
        (
            "minutes_since_open",
            "number",
            "minutes from the open of bar i's session to known_at, below 0 before it; intraday only",
        ),
        (
            "vwap_distance_atr",
            "number",
            "distance from the VWAP of the session so far, from 1d on of bars i-19..i; ATR",
        ),
        (
            "prior_day_high_atr",
            "number",
            "distance from the high of the session before, from 1d on of bar i-1; ATR",
        ),
        (
            "prior_day_low_atr",
            "number",
            "distance from the low of the session before, from 1d on of bar i-1; ATR",
        ),
        ("coarser_1_trend", "number", "trend of the next coarser timeframe given, as of its last closed bar"),
        (
            "coarser_1_range_position",
            "number",
            "the zone's mid in that timeframe's dealing range; may leave 0..1",
        ),
        ("coarser_2_trend", "number", "trend of the coarser timeframe after that"),
        ("coarser_alignment", "number", "mean of side × trend over the coarser timeframes known, -1..1"),
    )
)

CONTEXT_TEXTS: dict[str, tuple[str, ...]] = {
    "structure_break": ("bos", "choch"),  # structure's codes BOS and CHOCH, less one
    "profile_location": LOCATIONS,
    "session": SESSIONS,
    "killzone": KILLZONES,
}
"""The values that each text column may have."""
