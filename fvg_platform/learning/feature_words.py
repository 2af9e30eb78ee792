"""What a feature's value says, in words: `RSI over 14 bars is 71.2`, `In a killzone (no)`.

The catalogue's formulas say exactly what each number is; here stands what a trader would call it. A feature without
words of its own is called by its name and formula, a user's own by its name.
"""

import math

from fvg_platform.features.catalogue import FEATURES, SETUP_FEATURES

__all__ = ["WORDS", "describe", "shortened"]

_ENTRIES = {feature.name: feature for feature in (*FEATURES, *SETUP_FEATURES)}

# What follows the number, by the catalogue's unit. A log return is shown in hundredths, a ratio to the bar's own
# price as a change: three digits of 1.0012 would say nothing.
_SUFFIXES = {
    "ATR": " ATR",
    "ATR a bar": " ATR a bar",
    "R": " R",
    "percent": " %",
    "bars": " bars",
    "minutes": " minutes",
    "log return": " % (log)",
}

_UP_DOWN = {1.0: "up", -1.0: "down", 0.0: "undecided"}
_BULLISH = {1.0: "bullish", -1.0: "bearish", 0.0: "absent"}
_AS_CHANGE = frozenset({"high_low_ratio", "close_open_ratio"})

# Whole values that have a word of their own; of everything else that is 0 or 1 "yes" and "no" are said.
_STATES: dict[str, dict[float, str]] = {
    "direction": {1.0: "long", -1.0: "short"},
    "structure_trend": _UP_DOWN,
    "channel_trend_20": _UP_DOWN,
    "structure_change": _BULLISH,
    "sweep_20": _BULLISH,
    "context_trend_alignment": {1.0: "with the setup", -1.0: "against the setup", 0.0: "undecided"},
    "context_profile_location": {1.0: "beyond it", -1.0: "short of it", 0.0: "inside it or unknown"},
}
_FLAGS = frozenset({"candle_doji", "profile_balanced"})

WORDS: dict[str, str] = {
    "dist_sma_20_atr": "close minus the 20-bar SMA",
    "dist_sma_50_atr": "close minus the 50-bar SMA",
    "dist_sma_200_atr": "close minus the 200-bar SMA",
    "dist_ema_12_atr": "close minus the 12-bar EMA",
    "dist_ema_26_atr": "close minus the 26-bar EMA",
    "sma_50_200_atr": "50-bar minus 200-bar SMA",
    "macd_atr": "MACD",
    "macd_hist_atr": "MACD histogram",
    "adx_14": "ADX over 14 bars",
    "plus_di_14": "+DI over 14 bars",
    "minus_di_14": "-DI over 14 bars",
    "aroon_osc_25": "Aroon oscillator over 25 bars",
    "linreg_slope_20_atr": "slope of the line through 20 closes",
    "chop_14": "choppiness over 14 bars",
    "efficiency_ratio_20": "efficiency ratio over 20 bars",
    "vhf_28": "vertical horizontal filter over 28 bars",
    "rsi_14": "RSI over 14 bars",
    "stoch_k": "stochastic %K (14, 3, 3)",
    "stoch_d": "stochastic %D (14, 3, 3)",
    "williams_r_14": "Williams %R over 14 bars",
    "cci_20": "CCI over 20 bars",
    "roc_10": "rate of change over 10 bars",
    "tsi_25_13": "true strength index (25, 13)",
    "return_1": "return of the last bar",
    "return_5": "return over 5 bars",
    "return_20": "return over 20 bars",
    "return_60": "return over 60 bars",
    "bb_position": "position in the Bollinger bands",
    "bb_width": "relative width of the Bollinger bands",
    "atr_pct": "14-bar ATR as a share of the close",
    "true_range_atr": "true range of the last bar",
    "atr_rank_100": "share of 100 bars with a lower ATR",
    "keltner_position": "position in the Keltner channel",
    "donchian_width_20_atr": "range of the last 20 bars",
    "realised_vol_20": "volatility over 20 bars",
    "vol_ratio_5_20": "volatility of 5 bars against 20",
    "parkinson_vol_20": "Parkinson volatility over 20 bars",
    "ulcer_index_14": "ulcer index over 14 bars",
    "volume_ratio_20": "volume against its 20-bar mean",
    "volume_zscore_20": "z-score of volume over 20 bars",
    "obv_slope_20": "slope of on-balance volume over 20 bars",
    "cmf_20": "Chaikin money flow over 20 bars",
    "mfi_14": "money flow index over 14 bars",
    "vwap_dist_20_atr": "close minus the 20-bar VWAP",
    "force_index_13": "force index over 13 bars",
    "high_low_ratio": "high above low of the last bar",
    "close_open_ratio": "close above open of the last bar",
    "body_share": "last bar's signed body as a share of its range",
    "upper_wick_share": "last bar's upper wick as a share of its range",
    "lower_wick_share": "last bar's lower wick as a share of its range",
    "open_gap_atr": "open minus the close before",
    "displacement_3_atr": "move of the last 3 bars",
    "range_position_20": "position of the close in the 20-bar range",
    "range_position_50": "position of the close in the 50-bar range",
    "range_position_200": "position of the close in the 200-bar range",
    "dist_high_20_atr": "20-bar high minus close",
    "dist_low_20_atr": "close minus the 20-bar low",
    "up_bar_share_10": "share of rising closes in 10 bars",
    "zscore_50": "z-score of the close over 50 bars",
    "autocorr_1_50": "autocorrelation of returns over 50 bars",
    "skew_50": "skewness of returns over 50 bars",
    "kurtosis_50": "excess kurtosis of returns over 50 bars",
    "downside_share_20": "share of falls in the squared returns of 20 bars",
    "volume_move_corr_20": "correlation of volume and move size over 20 bars",
    "day_of_week_sin": "weekday (sine)",
    "day_of_week_cos": "weekday (cosine)",
    "time_of_day_sin": "time of day (sine)",
    "time_of_day_cos": "time of day (cosine)",
    "candle_engulfing": "engulfing candle",
    "candle_harami": "harami candle",
    "candle_hammer": "hammer or hanging man",
    "candle_shooting_star": "inverted hammer or shooting star",
    "candle_star": "morning or evening star",
    "candle_piercing": "piercing line or dark cloud cover",
    "candle_marubozu": "marubozu candle",
    "candle_belt_hold": "belt hold candle",
    "candle_doji": "doji candle",
    "candle_dragonfly": "dragonfly or gravestone doji",
    "candle_inside_three": "three inside pattern",
    "candle_outside_three": "three outside pattern",
    "structure_trend": "trend of market structure",
    "structure_change": "change of character",
    "structure_break_age": "age of the last break of a swing",
    "structure_position": "position of the close in the dealing range",
    "swing_high_atr": "last swing high minus close",
    "swing_low_atr": "close minus the last swing low",
    "sweep_20": "sweep of the 20-bar extremes",
    "channel_trend_20": "last break of the 20-bar channel",
    "extreme_order_100": "lead of the 100-bar high over the low in recency",
    "staircase_10": "share of steps up minus steps down in 10 bars",
    "profile_poc_atr": "close minus the 60-bar point of control",
    "profile_poc_move_atr": "move of the point of control in 20 bars",
    "profile_poc_position": "position of the point of control in 60 bars",
    "profile_value_position": "position of the close in the 60-bar value area",
    "profile_value_share": "value area's share of the 60-bar range",
    "profile_balanced": "balanced volume profile of 60 bars",
    "taker_delta": "taker delta of the last bar",
    "taker_delta_20": "taker delta over 20 bars",
    "taker_shift_5_20": "taker delta of 5 bars against 20",
    "taker_move_corr_20": "correlation of taker delta and moves over 20 bars",
    "taker_absorption": "taker delta against where the bar closed",
    "transactions_ratio_20": "trades against their 20-bar mean",
    "trade_size_ratio_20": "trade size against that of 20 bars",
    "vwap_close_position": "close against the bar's own VWAP",
    "vwap_traded_20_atr": "close minus the 20-bar VWAP of trades",
    "day_return": "return of the day so far",
    "day_position": "position in the range of the day so far",
    "prior_day_position": "position in the prior day's range",
    "prior_day_return": "return of the prior day",
    "day_gap": "gap at the day's open",
    "day_range_used": "day's range against the mean of 5 days",
    "daily_trend_5": "last daily close against its mean of 5 days",
    "daily_trend_20": "last daily close against its mean of 20 days",
    "week_return": "return of the week so far",
    "week_position": "position in the range of the week so far",
    "prior_week_position": "position in the prior week's range",
    "prior_week_return": "return of the prior week",
    "weekly_trend_8": "last weekly close against its mean of 8 weeks",
    "month_position": "position in the range of the month so far",
    "prior_month_position": "position in the prior month's range",
    "prior_month_return": "return of the prior month",
    "period_alignment": "mean direction of day, week and month",
    "chande_momentum_14": "Chande momentum over 14 bars",
    "vortex_14": "vortex difference over 14 bars",
    "ultimate_oscillator": "ultimate oscillator (7, 14, 28)",
    "ichimoku_cloud_atr": "close beyond the Ichimoku cloud",
    "ichimoku_cross_atr": "9-bar minus 26-bar mid-range",
    "close_streak": "signed streak of rising or falling closes",
    "yang_zhang_vol_20": "Yang-Zhang volatility over 20 bars",
    "opening_share_20": "share of opening gaps in the variance of 20 bars",
    "jump_share_50": "share of jumps in the variance of 50 bars",
    "range_change_20_100": "true range of 20 bars against 100",
    "squeeze_20": "Bollinger against Keltner width over 20 bars",
    "max_drawdown_50": "largest fall among 50 closes",
    "range_rank_20": "share of 20 bars with a smaller range",
    "variance_ratio_5_50": "variance ratio of 5-bar returns in 50 bars",
    "hurst_100": "Hurst exponent over 100 bars",
    "ordinal_entropy_50": "ordinal entropy of 50 bars",
    "linreg_fit_50": "fit (R²) of the line through 50 closes",
    "fractal_dimension_30": "fractal dimension of 30 bars",
    "abs_autocorr_1_50": "autocorrelation of move sizes over 50 bars",
    "persistence_20": "share of moves that went on in 20 bars",
    "largest_move_share_20": "largest move's share of the path of 20 bars",
    "volume_change_20_100": "volume of 20 bars against 100",
    "volume_concentration_20": "largest bar's share of the volume of 20 bars",
    "illiquidity_5_50": "illiquidity of 5 bars against 50",
    "effort_share_20": "last bar's volume against its range",
    "quiet_share_50": "share of bars without trade or range in 50",
    "spread_estimate_20": "estimated spread over 20 bars",
    "gap_size_atr": "size of the gap",
    "gap_size_pct": "size of the gap as a share of its price",
    "gap_body_ratio": "body's share of the gap's middle bar",
    "gap_volume_ratio": "volume of the gap against the bars before",
    "gap_spans_break": "missing bar or session break in the gap",
    "direction": "side of the setup",
    "risk_pct": "risk as a share of the entry",
    "risk_atr": "risk",
    "entry_distance_r": "way back to the entry",
    "trend_alignment_50": "close beyond the 50-bar SMA, the setup's way,",
    "trend_alignment_200": "close beyond the 200-bar SMA, the setup's way,",
    "momentum_alignment": "momentum by RSI, the setup's way,",
    "macd_alignment": "MACD histogram, the setup's way,",
    "di_alignment": "directional movement, the setup's way,",
    "range_alignment_20": "place in the 20-bar range, the setup's way,",
    "same_side_gaps_20": "number of gaps of the same side in 20 bars",
    "opposite_side_gaps_20": "number of gaps of the other side in 20 bars",
    "same_side_gaps_50": "number of gaps of the same side in 50 bars",
    "opposite_side_gaps_50": "number of gaps of the other side in 50 bars",
    "bars_since_same_side_gap": "time since a gap of the same side",
    "context_trend_alignment": "market structure around the gap",
    "context_character_changed": "last break changed the market's character",
    "context_bars_since_break": "time from the last break of a swing to the gap",
    "context_impulse_broke_structure": "impulse broke the swing before it",
    "context_discount": "discount of the zone in the dealing range",
    "context_liquidity_swept": "liquidity swept before the gap",
    "context_bars_since_sweep": "time since liquidity was swept",
    "context_order_block_distance_atr": "distance of the order block",
    "context_displacement_range_atr": "range of the gap's middle bar",
    "context_displacement_body_atr": "body of the gap's middle bar, the setup's way,",
    "context_leg_bars": "length of the impulse leg",
    "context_leg_atr": "height of the impulse leg",
    "context_leg_poc_atr": "zone beyond the leg's point of control",
    "context_leg_zone_density": "density of volume in the zone against its leg",
    "context_taker_pressure": "taker pressure in the leg, the setup's way,",
    "context_profile_poc_atr": "zone beyond the sessions' point of control",
    "context_profile_location": "zone's place at the sessions' value area",
    "context_profile_balanced": "balanced profile of the last sessions",
    "context_profile_d_shaped": "D-shaped profile of the last sessions",
    "context_in_london": "in London hours",
    "context_in_new_york": "in New York hours",
    "context_in_killzone": "in a killzone",
    "context_minutes_since_open": "time since the session's open",
    "context_vwap_distance_atr": "zone beyond the session's VWAP",
    "context_beyond_prior_day_atr": "zone past the prior session's far end",
    "context_above_prior_day_atr": "zone past the prior session's near end",
    "context_coarser_discount": "discount of the zone on the next timeframe",
    "context_coarser_alignment": "trend of coarser timeframes, the setup's way,",
    "context_rule_score": "share of the rules passed",
}


def describe(name: str, value: float, room: int) -> str:
    """What a feature's value says, in at most `room` characters: a clause without a full stop.

    A NaN is "unknown". Words that leave no room for the value are cut short.
    """
    known = _ENTRIES.get(name)
    if known is None:
        return _fitted(name, f" is {_value_in_words(name, '', value)}", room)
    words = _capitalised(WORDS[name]) if name in WORDS else name
    if known.unit == "0/1" or name in _FLAGS:
        return _fitted(words, f" ({_answer(value)})", room)
    said = f" is {_value_in_words(name, known.unit, value)}"
    if name not in WORDS:
        formula = f"{name} ({known.formula.split(';')[0]})"
        words = formula if len(formula) + len(said) <= room else name
    return _fitted(words, said, room)


def shortened(value: float) -> str:
    """A number in three digits, thousands in full up to a million: `71.2`, `0.0123`, `12,346`, `1.2e+09`."""
    if 999.5 <= abs(value) < 1e6:
        return f"{value:,.0f}"
    return f"{value + 0.0:.3g}"


def _value_in_words(name: str, unit: str, value: float) -> str:
    if math.isnan(value):
        return "unknown"
    states = _BULLISH if unit and name.startswith("candle_") else _STATES.get(name, {})
    if value in states:
        return states[value]
    if name in _AS_CHANGE:
        return f"{shortened(100.0 * (value - 1.0))} %"
    said = shortened(100.0 * value if unit == "log return" else value)
    return said + (_SUFFIXES.get(unit, "").removesuffix("s") if said == "1" else _SUFFIXES.get(unit, ""))


def _answer(value: float) -> str:
    return "unknown" if math.isnan(value) else "yes" if value else "no"


def _fitted(words: str, said: str, room: int) -> str:
    left = room - len(said)
    return (words if len(words) <= left else f"{words[: left - 1]}…") + said


def _capitalised(words: str) -> str:
    return words[:1].upper() + words[1:]
