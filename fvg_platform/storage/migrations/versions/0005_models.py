"""Features by the dozen, a user's own beside them; the registry of models and its comparisons; what predictions say more."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005_models"
down_revision = "0004_engine"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model_comparisons",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="number of the row"
        ),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="1m is a minute, 1mo a month"),
        sa.Column("challenger", sa.Integer(), nullable=False, comment="the version that wanted to serve"),
        sa.Column(
            "champion",
            sa.Integer(),
            nullable=True,
            comment="the version that served; NULL where none could be compared with",
        ),
        sa.Column("promoted", sa.Boolean(), nullable=False, comment="whether the challenger serves now"),
        sa.Column("reason", sa.Text(), nullable=False, comment="why"),
        sa.Column("setups", sa.Integer(), nullable=False, comment="setups newer than both models' training"),
        sa.Column(
            "difference",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="Brier of challenger less champion over the targets, interval: what decided",
        ),
        sa.Column(
            "differences",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="per target: Brier of challenger less champion, interval",
        ),
        sa.Column(
            "calibration",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="per target: the challenger's calibration error, interval",
        ),
        sa.Column(
            "compared_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when it was compared",
        ),
        sa.Column(
            "lineage_id",
            sa.BigInteger(),
            nullable=False,
            comment="which run last changed the row, see lineage",
        ),
        sa.ForeignKeyConstraint(["lineage_id"], ["lineage.id"], name=op.f("fk_model_comparisons_lineage_id")),
        sa.ForeignKeyConstraint(
            ["timeframe", "challenger"],
            ["models.timeframe", "models.version"],
            name=op.f("fk_model_comparisons_timeframe_challenger"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_comparisons")),
        comment="Each time a challenger was held against the champion: the verdict, its figures, and why.",
    )
    op.create_index(
        op.f("ix_model_comparisons_timeframe_challenger"),
        "model_comparisons",
        ["timeframe", "challenger"],
        unique=False,
    )
    op.add_column(
        "features",
        sa.Column(
            "vhf_28",
            sa.Double(),
            nullable=True,
            comment="pandas_ta_classic.vhf(28): (highest - lowest close) / path of the closes; 0 without a move [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "candle_engulfing", sa.Double(), nullable=True, comment="sign of talib.CDLENGULFING [-1..1]"
        ),
    )
    op.add_column(
        "features",
        sa.Column("candle_harami", sa.Double(), nullable=True, comment="sign of talib.CDLHARAMI [-1..1]"),
    )
    op.add_column(
        "features",
        sa.Column(
            "candle_hammer",
            sa.Double(),
            nullable=True,
            comment="1 talib.CDLHAMMER (after a fall), -1 talib.CDLHANGINGMAN (after a rise) [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "candle_shooting_star",
            sa.Double(),
            nullable=True,
            comment="1 talib.CDLINVERTEDHAMMER (after a fall), -1 talib.CDLSHOOTINGSTAR (after a rise) [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "candle_star",
            sa.Double(),
            nullable=True,
            comment="1 talib.CDLMORNINGSTAR, -1 talib.CDLEVENINGSTAR, penetration 0.3 [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "candle_piercing",
            sa.Double(),
            nullable=True,
            comment="1 talib.CDLPIERCING, -1 talib.CDLDARKCLOUDCOVER, penetration 0.5 [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column("candle_marubozu", sa.Double(), nullable=True, comment="sign of talib.CDLMARUBOZU [-1..1]"),
    )
    op.add_column(
        "features",
        sa.Column(
            "candle_belt_hold", sa.Double(), nullable=True, comment="sign of talib.CDLBELTHOLD [-1..1]"
        ),
    )
    op.add_column(
        "features",
        sa.Column("candle_doji", sa.Double(), nullable=True, comment="1 talib.CDLDOJI, else 0 [0..1]"),
    )
    op.add_column(
        "features",
        sa.Column(
            "candle_dragonfly",
            sa.Double(),
            nullable=True,
            comment="1 talib.CDLDRAGONFLYDOJI, -1 talib.CDLGRAVESTONEDOJI; 0 where both [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "candle_inside_three", sa.Double(), nullable=True, comment="sign of talib.CDL3INSIDE [-1..1]"
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "candle_outside_three", sa.Double(), nullable=True, comment="sign of talib.CDL3OUTSIDE [-1..1]"
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "structure_trend",
            sa.Double(),
            nullable=True,
            comment="direction of the last break of a 3-bar swing; 0 without one in 500 bars [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "structure_change",
            sa.Double(),
            nullable=True,
            comment="direction of the last break where it was a change of character, else 0 [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "structure_break_age",
            sa.Double(),
            nullable=True,
            comment="bars since the last break of a swing; 500 without one [bars]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "structure_position",
            sa.Double(),
            nullable=True,
            comment="(C - low) / (high - low) of the dealing range; 0.5 without one [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "swing_high_atr",
            sa.Double(),
            nullable=True,
            comment="(last confirmed swing high - C) / atr_14, at most 20 in size; 0 without one [ATR]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "swing_low_atr",
            sa.Double(),
            nullable=True,
            comment="(C - last confirmed swing low) / atr_14, at most 20 in size; 0 without one [ATR]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "sweep_20",
            sa.Double(),
            nullable=True,
            comment="1 if L < lowest low of the 20 bars before < C, -1 if H > their highest high > C, 0 else or both [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "channel_trend_20",
            sa.Double(),
            nullable=True,
            comment="direction of the last close beyond the extremes of its 20 bars before; 0 without one in 100 bars [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "extreme_order_100",
            sa.Double(),
            nullable=True,
            comment="(bars since the lowest low - bars since the highest high of 100 bars) / 99 [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "range_position_200",
            sa.Double(),
            nullable=True,
            comment="(C - lowest low) / (highest high - lowest low) of 200 bars; 0.5 without range [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "staircase_10",
            sa.Double(),
            nullable=True,
            comment="(bars with higher H and L - bars with lower H and L) / 10 over 10 bars [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "profile_poc_atr",
            sa.Double(),
            nullable=True,
            comment="(C - point of control of 60 bars) / atr_14, at most 20 in size; 0 without volume [ATR]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "profile_poc_move_atr",
            sa.Double(),
            nullable=True,
            comment="(point of control of 60 bars - that 20 bars ago) / atr_14, at most 20 in size; 0 without volume [ATR]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "profile_poc_position",
            sa.Double(),
            nullable=True,
            comment="(point of control - lowest low) / (highest high - lowest low) of 60 bars; 0.5 without range or volume [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "profile_value_position",
            sa.Double(),
            nullable=True,
            comment="(C - low) / (high - low) of the 70 % value area of 60 bars, within -2..3; 0.5 without width or volume [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "profile_value_share",
            sa.Double(),
            nullable=True,
            comment="height of the 70 % value area / range of 60 bars; 1 without range or volume [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "profile_balanced",
            sa.Double(),
            nullable=True,
            comment="1 if the profile of 60 bars is balanced (market.volume_profile), else or unknown 0 [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "taker_delta",
            sa.Double(),
            nullable=True,
            comment="(2 taker-buy volume - V) / V; 0 without volume [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "taker_delta_20",
            sa.Double(),
            nullable=True,
            comment="sum(2 taker-buy volume - V) / sum(V) over 20 bars; 0 without volume [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "taker_shift_5_20",
            sa.Double(),
            nullable=True,
            comment="half of: the taker delta of 5 bars - that of 20 bars [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "taker_move_corr_20",
            sa.Double(),
            nullable=True,
            comment="correlation of (2 taker-buy volume - V) and C - C[-1] over 20 bars; 0 if one does not vary [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "taker_absorption",
            sa.Double(),
            nullable=True,
            comment="(taker_delta - (2C-H-L)/(H-L)) / 2; the second term 0 without range [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "transactions_ratio_20",
            sa.Double(),
            nullable=True,
            comment="transactions / their mean over 20 bars; 1 without any [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "trade_size_ratio_20",
            sa.Double(),
            nullable=True,
            comment="(V / transactions) / (the same of the sums over 20 bars); 1 without trades [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "vwap_close_position",
            sa.Double(),
            nullable=True,
            comment="(C - bar's vwap) / (H - L), the vwap held within L..H; 0 without range [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "vwap_traded_20_atr",
            sa.Double(),
            nullable=True,
            comment="(C - sum(vwap V) / sum(V) over 20 bars) / atr_14, at most 20 in size; 0 without volume [ATR]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "day_return",
            sa.Double(),
            nullable=True,
            comment="ln(C / open of the day so far), New York [log return]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "day_position",
            sa.Double(),
            nullable=True,
            comment="(C - low) / (high - low) of the day so far, New York; 0.5 without range [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "prior_day_position",
            sa.Double(),
            nullable=True,
            comment="(C - low) / (high - low) of the last complete day, within -2..3; 0.5 without range or day [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "prior_day_return",
            sa.Double(),
            nullable=True,
            comment="ln(close / open) of the last complete day; 0 without one [log return]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "day_gap",
            sa.Double(),
            nullable=True,
            comment="ln(open of the day / close of the last complete day); 0 without one [log return]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "day_range_used",
            sa.Double(),
            nullable=True,
            comment="(high - low) of the day so far / mean range of the last 5 complete days in 12, at most 5; 1 without [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "daily_trend_5",
            sa.Double(),
            nullable=True,
            comment="(last complete daily close - mean of 5) / mean range of the 5 days, at most 5; 0 if not 5 in 12 days [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "daily_trend_20",
            sa.Double(),
            nullable=True,
            comment="(last complete daily close - mean of 20) / mean range of the 20 days, at most 5; 0 if not 20 in 35 days [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "week_return",
            sa.Double(),
            nullable=True,
            comment="ln(C / open of the week so far), New York [log return]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "week_position",
            sa.Double(),
            nullable=True,
            comment="(C - low) / (high - low) of the week so far, New York; 0.5 without range [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "prior_week_position",
            sa.Double(),
            nullable=True,
            comment="(C - low) / (high - low) of the last complete week, within -2..3; 0.5 without range or week [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "prior_week_return",
            sa.Double(),
            nullable=True,
            comment="ln(close / open) of the last complete week; 0 without one [log return]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "weekly_trend_8",
            sa.Double(),
            nullable=True,
            comment="(last complete weekly close - mean of 8) / mean range of the 8 weeks, at most 5; 0 if not 8 in 9 weeks [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "month_position",
            sa.Double(),
            nullable=True,
            comment="(C - low) / (high - low) of the month so far, New York; 0.5 without range [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "prior_month_position",
            sa.Double(),
            nullable=True,
            comment="(C - low) / (high - low) of the last complete month, within -2..3; 0.5 without range or month [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "prior_month_return",
            sa.Double(),
            nullable=True,
            comment="ln(close / open) of the last complete month; 0 without one [log return]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "period_alignment",
            sa.Double(),
            nullable=True,
            comment="mean of the signs of daily_trend_5, weekly_trend_8 and prior_month_return [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "chande_momentum_14",
            sa.Double(),
            nullable=True,
            comment="100 (C - C[-14]) / sum of |C - C[-1]| over 14 bars; 0 if motionless [-100..100]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "vortex_14",
            sa.Double(),
            nullable=True,
            comment="sum(|H - L[-1]| - |L - H[-1]|) / sum(true range) over 14 bars; 0 without range [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "ultimate_oscillator",
            sa.Double(),
            nullable=True,
            comment="100 (4 u7 + 2 u14 + u28) / 7, un = sum(C - min(L, C[-1])) / sum(true range) over n bars; 0.5 without range [0..100]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "ichimoku_cloud_atr",
            sa.Double(),
            nullable=True,
            comment="from C to the nearer edge of the Ichimoku cloud (9, 26, 52) / atr_14; 0 inside it [ATR]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "ichimoku_cross_atr",
            sa.Double(),
            nullable=True,
            comment="(mid-range of 9 bars - mid-range of 26 bars) / atr_14 [ATR]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "close_streak",
            sa.Double(),
            nullable=True,
            comment="number of closes in a row above (below: negative) the close before, at most 10 [bars]",
        ),
    )
    op.add_column(
        "features", sa.Column("return_60", sa.Double(), nullable=True, comment="ln(C / C[-60]) [log return]")
    )
    op.add_column(
        "features",
        sa.Column(
            "yang_zhang_vol_20",
            sa.Double(),
            nullable=True,
            comment="sqrt(var(ln O/C[-1]) + k var(ln C/O) + (1-k) mean(ln H/C ln H/O + ln L/C ln L/O)) over 20 bars, k = 0.34 / (1.34 + 21/19) [log return]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "opening_share_20",
            sa.Double(),
            nullable=True,
            comment="sum of ln(O/C[-1])^2 / sum of (ln(O/C[-1])^2 + ln(C/O)^2) over 20 bars; 0 if motionless [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "jump_share_50",
            sa.Double(),
            nullable=True,
            comment="1 - (π/2) mean |return_1 return_1[-1]| / mean return_1^2 over 50 bars, at least 0; 0 if motionless [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "range_change_20_100",
            sa.Double(),
            nullable=True,
            comment="mean true range of 20 bars / of 100 bars; 1 without range [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "squeeze_20",
            sa.Double(),
            nullable=True,
            comment="2 standard deviations of the last 20 closes / 1.5 mean true range of 20 bars; 1 without range [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "max_drawdown_50",
            sa.Double(),
            nullable=True,
            comment="largest ln(earlier close / later close) among 50 closes, at least 0 [log return]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "range_rank_20",
            sa.Double(),
            nullable=True,
            comment="share of the 20 bars before with a smaller H - L, equal ones half [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "variance_ratio_5_50",
            sa.Double(),
            nullable=True,
            comment="Lo-MacKinlay variance ratio of 5-bar returns in 50; 1 if return_1 does not vary [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "hurst_100",
            sa.Double(),
            nullable=True,
            comment="slope of ln(mean |ln C/C[-k]|) on ln k, k = 1, 2, 4, 8, 16, over 100 bars, within 0..1; 0.5 if motionless [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "ordinal_entropy_50",
            sa.Double(),
            nullable=True,
            comment="permutation entropy of the last 50 triples of closes / ln 6, equal closes in order; 0 if motionless [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "linreg_fit_50",
            sa.Double(),
            nullable=True,
            comment="R² of the least-squares line through the last 50 closes; 0 if motionless [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "fractal_dimension_30",
            sa.Double(),
            nullable=True,
            comment="log2((range of each half / 15, added) / (range of 30 bars / 30)), within 1..2; 1.5 without range [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "abs_autocorr_1_50",
            sa.Double(),
            nullable=True,
            comment="correlation of |return_1| and |return_1[-1]| over 50 bars; 0 if one does not vary [-1..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "persistence_20",
            sa.Double(),
            nullable=True,
            comment="share of closes that moved as the bar before did, of those that moved in both, 20 bars; 0.5 without [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "largest_move_share_20",
            sa.Double(),
            nullable=True,
            comment="largest |return_1| / sum of |return_1| over 20 bars; 0 if motionless [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "volume_change_20_100",
            sa.Double(),
            nullable=True,
            comment="mean volume of 20 bars / of 100 bars; 1 without volume [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "volume_concentration_20",
            sa.Double(),
            nullable=True,
            comment="largest V / sum of V over 20 bars; 0 without volume [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "illiquidity_5_50",
            sa.Double(),
            nullable=True,
            comment="a5 / (a5 + a50), an = sum of |return_1| / sum of V over n bars (0 without volume); 0.5 without either [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "effort_share_20",
            sa.Double(),
            nullable=True,
            comment="v / (v + r), v = V / sum of V, r = true range / sum of true ranges over 20 bars, either 1/20 at a sum of 0 [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "quiet_share_50",
            sa.Double(),
            nullable=True,
            comment="share of the last 50 bars without volume or without range [0..1]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "spread_estimate_20",
            sa.Double(),
            nullable=True,
            comment="Corwin-Schultz spread from H and L of two bars, at least 0, mean of 20 bars [ratio]",
        ),
    )
    op.add_column(
        "features",
        sa.Column(
            "custom",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="a user's own features by name, see FVG_FEATURES",
        ),
    )
    op.alter_column(
        "features",
        "sma_20",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="mean of the last 20 closes [price]",
        existing_comment="talib.SMA(close, 20) [price]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "sma_50",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="mean of the last 50 closes [price]",
        existing_comment="talib.SMA(close, 50) [price]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "sma_200",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="mean of the last 200 closes [price]",
        existing_comment="talib.SMA(close, 200) [price]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "macd",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="ema_12 - ema_26, both seeded at bar 25, as talib.MACD [price]",
        existing_comment="talib.MACD(close, 12, 26, 9)[0] [price]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "macd_signal",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="EMA 9 of macd, as talib.MACD [price]",
        existing_comment="talib.MACD(close, 12, 26, 9)[1] [price]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "macd_hist",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="macd - macd_signal [price]",
        existing_comment="talib.MACD(close, 12, 26, 9)[2] [price]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "adx_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="Wilder's average directional index; 0 after 100 bars without directional movement [0..100]",
        existing_comment="talib.ADX(H, L, C, 14) [0..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "plus_di_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="Wilder's plus DI; 0 after 100 bars without directional movement [0..100]",
        existing_comment="talib.PLUS_DI(H, L, C, 14) [0..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "minus_di_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="Wilder's minus DI; 0 after 100 bars without directional movement [0..100]",
        existing_comment="talib.MINUS_DI(H, L, C, 14) [0..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "linreg_slope_20_atr",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="slope of the least-squares line through the last 20 closes / atr_14 [ATR a bar]",
        existing_comment="talib.LINEARREG_SLOPE(close, 20) / atr_14 [ATR a bar]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "chop_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="100 log(sum of true ranges / (highest high - lowest low)) / log 14 over 14 bars; 100 in a range of 0 [percent]",
        existing_comment="pandas_ta_classic.chop(14); 100 in a range of 0 [percent]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "rsi_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.RSI(close, 14); 50 after 100 bars without a move [0..100]",
        existing_comment="talib.RSI(close, 14); 50 where the close has not moved [0..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "cci_20",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.CCI(H, L, C, 20); 0 where the typical price stands still [CCI]",
        existing_comment="talib.CCI(H, L, C, 20); 0 in a range of 0 [CCI]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "tsi_25_13",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="100 EMA13(EMA25(C - C[-1])) / EMA13(EMA25(|C - C[-1]|)); 0 after 100 bars without a move [-100..100]",
        existing_comment="pandas_ta_classic.tsi(13, 25); 0 where the close has never moved [-100..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "ulcer_index_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="root mean square over 14 bars of 100 (C / highest close of 14 bars - 1) [percent]",
        existing_comment="pandas_ta_classic.ui(14) [percent]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "force_index_13",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="EMA13((C - C[-1]) V) / EMA13(true range × V); 0 after 100 bars without either [-1..1]",
        existing_comment="EMA13((C - C[-1]) V) / EMA13(true range × V); 0 without either [-1..1]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "autocorr_1_50",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="correlation of return_1 and return_1[-1] over 50 bars; 0 if motionless [-1..1]",
        existing_comment="talib.CORREL(return_1, return_1[-1], 50) [-1..1]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "volume_move_corr_20",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="correlation of |return_1| and V over 20 bars; 0 where one is constant [-1..1]",
        existing_comment="talib.CORREL(|return_1|, V, 20) [-1..1]",
        existing_nullable=True,
    )
    op.create_index(
        "ix_features_custom",
        "features",
        ["custom"],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("custom IS NOT NULL"),
    )
    op.add_column(
        "models",
        sa.Column(
            "semantic_version",
            sa.Text(),
            nullable=True,
            comment="major: other features or setups; minor: other data; patch: other seed, settings or code",
        ),
    )
    op.add_column("models", sa.Column("name", sa.Text(), nullable=True, comment="what the model is called"))
    op.add_column(
        "models",
        sa.Column(
            "scope", sa.Text(), nullable=True, comment="pooled over all tickers, or the one ticker it is for"
        ),
    )
    op.add_column(
        "models",
        sa.Column("status", sa.Text(), nullable=True, comment="candidate, active (it serves) or retired"),
    )
    op.add_column(
        "models",
        sa.Column(
            "status_reason",
            sa.Text(),
            nullable=True,
            comment="why it has that status: what the comparison said, or who decided",
        ),
    )
    op.add_column(
        "models",
        sa.Column("deployed_at", sa.DateTime(timezone=True), nullable=True, comment="when it began to serve"),
    )
    op.add_column(
        "models",
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True, comment="when it ceased to serve"),
    )
    op.add_column(
        "models",
        sa.Column(
            "entry_algorithm", sa.Text(), nullable=True, comment="what the probability of the fill comes from"
        ),
    )
    op.add_column(
        "models",
        sa.Column(
            "notes",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="what training had to say of its data",
        ),
    )
    op.add_column(
        "models",
        sa.Column(
            "trained_from",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the first setup that it learnt from became known",
        ),
    )
    op.add_column(
        "models",
        sa.Column(
            "trained_to",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the last setup that it learnt from became known",
        ),
    )
    op.add_column(
        "models",
        sa.Column(
            "trials",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="every trial of the tuning: parameters, folds, value",
        ),
    )
    op.add_column(
        "models",
        sa.Column(
            "walk_forward",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="skill of the served algorithm, fold after fold",
        ),
    )
    op.add_column(
        "models",
        sa.Column(
            "tried",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="out-of-fold skill of every algorithm compared, served or not, with interval",
        ),
    )
    op.add_column(
        "models",
        sa.Column(
            "combinatorial",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="skill over combinatorial purged splits of the training period",
        ),
    )
    op.add_column(
        "models",
        sa.Column(
            "calibration",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="per target the method that was chosen on folds, and the scores",
        ),
    )
    op.add_column(
        "models",
        sa.Column(
            "threshold",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="the probability from which signals are acted on, chosen on folds",
        ),
    )
    op.add_column(
        "models",
        sa.Column(
            "calibration_curve",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="per target: predicted against observed rates on the test period",
        ),
    )
    op.add_column(
        "models",
        sa.Column(
            "backtest",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="what acting on the signals of the test period would have brought",
        ),
    )
    op.add_column(
        "models",
        sa.Column(
            "contributions",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="per target and feature the mean size of its contribution, log odds",
        ),
    )
    op.add_column(
        "models",
        sa.Column("card", sa.Text(), nullable=True, comment="name of the model card in the model store"),
    )
    op.add_column(
        "models",
        sa.Column(
            "git_commit",
            sa.Text(),
            nullable=True,
            comment="of the code that trained it; + where files had changed since",
        ),
    )
    op.add_column(
        "models", sa.Column("run_id", sa.Text(), nullable=True, comment="the Dagster run that trained it")
    )
    op.alter_column(
        "models",
        "algorithm",
        existing_type=sa.TEXT(),
        comment="what the probabilities of the targets come from",
        existing_comment="base_rate, logistic_regression or lightgbm",
        existing_nullable=False,
    )
    op.alter_column(
        "models",
        "importances",
        existing_type=postgresql.JSONB(astext_type=sa.Text()),
        comment="per target and feature the gain",
        existing_comment="weight of each feature, per target",
        existing_nullable=False,
    )
    op.alter_column(
        "models",
        "artifact",
        existing_type=sa.TEXT(),
        comment="name of the model's file in the model store",
        existing_comment="name of the file in the model store",
        existing_nullable=False,
    )
    # Models that were trained before there were versions and status: the newest of a timeframe served.
    op.execute(
        """
        UPDATE models m SET semantic_version = '1.' || (version - 1) || '.0', name = 'win_rate_' || timeframe,
            scope = 'pooled', run_id = (SELECT run_id FROM lineage WHERE id = lineage_id), deployed_at = trained_at,
            status = CASE WHEN version = (SELECT max(version) FROM models n WHERE n.timeframe = m.timeframe)
                     THEN 'active' ELSE 'retired' END,
            status_reason = 'trained before challengers were held against champions: the newest served'
        """
    )
    op.alter_column("models", "semantic_version", nullable=False)
    op.alter_column("models", "name", nullable=False)
    op.alter_column("models", "scope", nullable=False)
    op.alter_column("models", "status", nullable=False)
    op.create_check_constraint(
        op.f("ck_models_status"), "models", "status IN ('candidate', 'active', 'retired')"
    )
    op.create_index(
        "ix_models_one_active",
        "models",
        ["timeframe"],
        unique=True,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_table_comment(
        "models",
        "Every model that was trained; the active version of a timeframe is the one that is served.",
        existing_comment="Every model that was trained; the newest version of a timeframe is the one that is served.",
        schema=None,
    )
    op.add_column(
        "predictions",
        sa.Column(
            "p_entered_low", sa.Double(), nullable=True, comment="lower end of the 90 % interval of p_entered"
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "p_entered_high",
            sa.Double(),
            nullable=True,
            comment="upper end of the 90 % interval of p_entered",
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "p_target_1_low",
            sa.Double(),
            nullable=True,
            comment="lower end of the 90 % interval of p_target_1",
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "p_target_1_high",
            sa.Double(),
            nullable=True,
            comment="upper end of the 90 % interval of p_target_1",
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "p_target_2_low",
            sa.Double(),
            nullable=True,
            comment="lower end of the 90 % interval of p_target_2",
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "p_target_2_high",
            sa.Double(),
            nullable=True,
            comment="upper end of the 90 % interval of p_target_2",
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "p_target_3_low",
            sa.Double(),
            nullable=True,
            comment="lower end of the 90 % interval of p_target_3",
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "p_target_3_high",
            sa.Double(),
            nullable=True,
            comment="upper end of the 90 % interval of p_target_3",
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "bars_to_exit",
            sa.Double(),
            nullable=True,
            comment="expected bars from the fill to the first target's exit, if entered",
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "signal", sa.Text(), nullable=True, comment="BUY, SELL, or HOLD below the model's threshold"
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "vhf_28",
            sa.Double(),
            nullable=True,
            comment="pandas_ta_classic.vhf(28): (highest - lowest close) / path of the closes; 0 without a move [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "candle_engulfing", sa.Double(), nullable=True, comment="sign of talib.CDLENGULFING [-1..1]"
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column("candle_harami", sa.Double(), nullable=True, comment="sign of talib.CDLHARAMI [-1..1]"),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "candle_hammer",
            sa.Double(),
            nullable=True,
            comment="1 talib.CDLHAMMER (after a fall), -1 talib.CDLHANGINGMAN (after a rise) [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "candle_shooting_star",
            sa.Double(),
            nullable=True,
            comment="1 talib.CDLINVERTEDHAMMER (after a fall), -1 talib.CDLSHOOTINGSTAR (after a rise) [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "candle_star",
            sa.Double(),
            nullable=True,
            comment="1 talib.CDLMORNINGSTAR, -1 talib.CDLEVENINGSTAR, penetration 0.3 [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "candle_piercing",
            sa.Double(),
            nullable=True,
            comment="1 talib.CDLPIERCING, -1 talib.CDLDARKCLOUDCOVER, penetration 0.5 [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column("candle_marubozu", sa.Double(), nullable=True, comment="sign of talib.CDLMARUBOZU [-1..1]"),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "candle_belt_hold", sa.Double(), nullable=True, comment="sign of talib.CDLBELTHOLD [-1..1]"
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column("candle_doji", sa.Double(), nullable=True, comment="1 talib.CDLDOJI, else 0 [0..1]"),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "candle_dragonfly",
            sa.Double(),
            nullable=True,
            comment="1 talib.CDLDRAGONFLYDOJI, -1 talib.CDLGRAVESTONEDOJI; 0 where both [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "candle_inside_three", sa.Double(), nullable=True, comment="sign of talib.CDL3INSIDE [-1..1]"
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "candle_outside_three", sa.Double(), nullable=True, comment="sign of talib.CDL3OUTSIDE [-1..1]"
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "structure_trend",
            sa.Double(),
            nullable=True,
            comment="direction of the last break of a 3-bar swing; 0 without one in 500 bars [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "structure_change",
            sa.Double(),
            nullable=True,
            comment="direction of the last break where it was a change of character, else 0 [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "structure_break_age",
            sa.Double(),
            nullable=True,
            comment="bars since the last break of a swing; 500 without one [bars]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "structure_position",
            sa.Double(),
            nullable=True,
            comment="(C - low) / (high - low) of the dealing range; 0.5 without one [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "swing_high_atr",
            sa.Double(),
            nullable=True,
            comment="(last confirmed swing high - C) / atr_14, at most 20 in size; 0 without one [ATR]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "swing_low_atr",
            sa.Double(),
            nullable=True,
            comment="(C - last confirmed swing low) / atr_14, at most 20 in size; 0 without one [ATR]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "sweep_20",
            sa.Double(),
            nullable=True,
            comment="1 if L < lowest low of the 20 bars before < C, -1 if H > their highest high > C, 0 else or both [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "channel_trend_20",
            sa.Double(),
            nullable=True,
            comment="direction of the last close beyond the extremes of its 20 bars before; 0 without one in 100 bars [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "extreme_order_100",
            sa.Double(),
            nullable=True,
            comment="(bars since the lowest low - bars since the highest high of 100 bars) / 99 [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "range_position_200",
            sa.Double(),
            nullable=True,
            comment="(C - lowest low) / (highest high - lowest low) of 200 bars; 0.5 without range [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "staircase_10",
            sa.Double(),
            nullable=True,
            comment="(bars with higher H and L - bars with lower H and L) / 10 over 10 bars [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "profile_poc_atr",
            sa.Double(),
            nullable=True,
            comment="(C - point of control of 60 bars) / atr_14, at most 20 in size; 0 without volume [ATR]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "profile_poc_move_atr",
            sa.Double(),
            nullable=True,
            comment="(point of control of 60 bars - that 20 bars ago) / atr_14, at most 20 in size; 0 without volume [ATR]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "profile_poc_position",
            sa.Double(),
            nullable=True,
            comment="(point of control - lowest low) / (highest high - lowest low) of 60 bars; 0.5 without range or volume [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "profile_value_position",
            sa.Double(),
            nullable=True,
            comment="(C - low) / (high - low) of the 70 % value area of 60 bars, within -2..3; 0.5 without width or volume [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "profile_value_share",
            sa.Double(),
            nullable=True,
            comment="height of the 70 % value area / range of 60 bars; 1 without range or volume [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "profile_balanced",
            sa.Double(),
            nullable=True,
            comment="1 if the profile of 60 bars is balanced (market.volume_profile), else or unknown 0 [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "taker_delta",
            sa.Double(),
            nullable=True,
            comment="(2 taker-buy volume - V) / V; 0 without volume [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "taker_delta_20",
            sa.Double(),
            nullable=True,
            comment="sum(2 taker-buy volume - V) / sum(V) over 20 bars; 0 without volume [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "taker_shift_5_20",
            sa.Double(),
            nullable=True,
            comment="half of: the taker delta of 5 bars - that of 20 bars [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "taker_move_corr_20",
            sa.Double(),
            nullable=True,
            comment="correlation of (2 taker-buy volume - V) and C - C[-1] over 20 bars; 0 if one does not vary [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "taker_absorption",
            sa.Double(),
            nullable=True,
            comment="(taker_delta - (2C-H-L)/(H-L)) / 2; the second term 0 without range [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "transactions_ratio_20",
            sa.Double(),
            nullable=True,
            comment="transactions / their mean over 20 bars; 1 without any [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "trade_size_ratio_20",
            sa.Double(),
            nullable=True,
            comment="(V / transactions) / (the same of the sums over 20 bars); 1 without trades [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "vwap_close_position",
            sa.Double(),
            nullable=True,
            comment="(C - bar's vwap) / (H - L), the vwap held within L..H; 0 without range [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "vwap_traded_20_atr",
            sa.Double(),
            nullable=True,
            comment="(C - sum(vwap V) / sum(V) over 20 bars) / atr_14, at most 20 in size; 0 without volume [ATR]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "day_return",
            sa.Double(),
            nullable=True,
            comment="ln(C / open of the day so far), New York [log return]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "day_position",
            sa.Double(),
            nullable=True,
            comment="(C - low) / (high - low) of the day so far, New York; 0.5 without range [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "prior_day_position",
            sa.Double(),
            nullable=True,
            comment="(C - low) / (high - low) of the last complete day, within -2..3; 0.5 without range or day [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "prior_day_return",
            sa.Double(),
            nullable=True,
            comment="ln(close / open) of the last complete day; 0 without one [log return]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "day_gap",
            sa.Double(),
            nullable=True,
            comment="ln(open of the day / close of the last complete day); 0 without one [log return]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "day_range_used",
            sa.Double(),
            nullable=True,
            comment="(high - low) of the day so far / mean range of the last 5 complete days in 12, at most 5; 1 without [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "daily_trend_5",
            sa.Double(),
            nullable=True,
            comment="(last complete daily close - mean of 5) / mean range of the 5 days, at most 5; 0 if not 5 in 12 days [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "daily_trend_20",
            sa.Double(),
            nullable=True,
            comment="(last complete daily close - mean of 20) / mean range of the 20 days, at most 5; 0 if not 20 in 35 days [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "week_return",
            sa.Double(),
            nullable=True,
            comment="ln(C / open of the week so far), New York [log return]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "week_position",
            sa.Double(),
            nullable=True,
            comment="(C - low) / (high - low) of the week so far, New York; 0.5 without range [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "prior_week_position",
            sa.Double(),
            nullable=True,
            comment="(C - low) / (high - low) of the last complete week, within -2..3; 0.5 without range or week [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "prior_week_return",
            sa.Double(),
            nullable=True,
            comment="ln(close / open) of the last complete week; 0 without one [log return]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "weekly_trend_8",
            sa.Double(),
            nullable=True,
            comment="(last complete weekly close - mean of 8) / mean range of the 8 weeks, at most 5; 0 if not 8 in 9 weeks [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "month_position",
            sa.Double(),
            nullable=True,
            comment="(C - low) / (high - low) of the month so far, New York; 0.5 without range [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "prior_month_position",
            sa.Double(),
            nullable=True,
            comment="(C - low) / (high - low) of the last complete month, within -2..3; 0.5 without range or month [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "prior_month_return",
            sa.Double(),
            nullable=True,
            comment="ln(close / open) of the last complete month; 0 without one [log return]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "period_alignment",
            sa.Double(),
            nullable=True,
            comment="mean of the signs of daily_trend_5, weekly_trend_8 and prior_month_return [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "chande_momentum_14",
            sa.Double(),
            nullable=True,
            comment="100 (C - C[-14]) / sum of |C - C[-1]| over 14 bars; 0 if motionless [-100..100]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "vortex_14",
            sa.Double(),
            nullable=True,
            comment="sum(|H - L[-1]| - |L - H[-1]|) / sum(true range) over 14 bars; 0 without range [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "ultimate_oscillator",
            sa.Double(),
            nullable=True,
            comment="100 (4 u7 + 2 u14 + u28) / 7, un = sum(C - min(L, C[-1])) / sum(true range) over n bars; 0.5 without range [0..100]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "ichimoku_cloud_atr",
            sa.Double(),
            nullable=True,
            comment="from C to the nearer edge of the Ichimoku cloud (9, 26, 52) / atr_14; 0 inside it [ATR]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "ichimoku_cross_atr",
            sa.Double(),
            nullable=True,
            comment="(mid-range of 9 bars - mid-range of 26 bars) / atr_14 [ATR]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "close_streak",
            sa.Double(),
            nullable=True,
            comment="number of closes in a row above (below: negative) the close before, at most 10 [bars]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column("return_60", sa.Double(), nullable=True, comment="ln(C / C[-60]) [log return]"),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "yang_zhang_vol_20",
            sa.Double(),
            nullable=True,
            comment="sqrt(var(ln O/C[-1]) + k var(ln C/O) + (1-k) mean(ln H/C ln H/O + ln L/C ln L/O)) over 20 bars, k = 0.34 / (1.34 + 21/19) [log return]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "opening_share_20",
            sa.Double(),
            nullable=True,
            comment="sum of ln(O/C[-1])^2 / sum of (ln(O/C[-1])^2 + ln(C/O)^2) over 20 bars; 0 if motionless [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "jump_share_50",
            sa.Double(),
            nullable=True,
            comment="1 - (π/2) mean |return_1 return_1[-1]| / mean return_1^2 over 50 bars, at least 0; 0 if motionless [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "range_change_20_100",
            sa.Double(),
            nullable=True,
            comment="mean true range of 20 bars / of 100 bars; 1 without range [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "squeeze_20",
            sa.Double(),
            nullable=True,
            comment="2 standard deviations of the last 20 closes / 1.5 mean true range of 20 bars; 1 without range [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "max_drawdown_50",
            sa.Double(),
            nullable=True,
            comment="largest ln(earlier close / later close) among 50 closes, at least 0 [log return]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "range_rank_20",
            sa.Double(),
            nullable=True,
            comment="share of the 20 bars before with a smaller H - L, equal ones half [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "variance_ratio_5_50",
            sa.Double(),
            nullable=True,
            comment="Lo-MacKinlay variance ratio of 5-bar returns in 50; 1 if return_1 does not vary [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "hurst_100",
            sa.Double(),
            nullable=True,
            comment="slope of ln(mean |ln C/C[-k]|) on ln k, k = 1, 2, 4, 8, 16, over 100 bars, within 0..1; 0.5 if motionless [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "ordinal_entropy_50",
            sa.Double(),
            nullable=True,
            comment="permutation entropy of the last 50 triples of closes / ln 6, equal closes in order; 0 if motionless [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "linreg_fit_50",
            sa.Double(),
            nullable=True,
            comment="R² of the least-squares line through the last 50 closes; 0 if motionless [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "fractal_dimension_30",
            sa.Double(),
            nullable=True,
            comment="log2((range of each half / 15, added) / (range of 30 bars / 30)), within 1..2; 1.5 without range [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "abs_autocorr_1_50",
            sa.Double(),
            nullable=True,
            comment="correlation of |return_1| and |return_1[-1]| over 50 bars; 0 if one does not vary [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "persistence_20",
            sa.Double(),
            nullable=True,
            comment="share of closes that moved as the bar before did, of those that moved in both, 20 bars; 0.5 without [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "largest_move_share_20",
            sa.Double(),
            nullable=True,
            comment="largest |return_1| / sum of |return_1| over 20 bars; 0 if motionless [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "volume_change_20_100",
            sa.Double(),
            nullable=True,
            comment="mean volume of 20 bars / of 100 bars; 1 without volume [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "volume_concentration_20",
            sa.Double(),
            nullable=True,
            comment="largest V / sum of V over 20 bars; 0 without volume [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "illiquidity_5_50",
            sa.Double(),
            nullable=True,
            comment="a5 / (a5 + a50), an = sum of |return_1| / sum of V over n bars (0 without volume); 0.5 without either [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "effort_share_20",
            sa.Double(),
            nullable=True,
            comment="v / (v + r), v = V / sum of V, r = true range / sum of true ranges over 20 bars, either 1/20 at a sum of 0 [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "quiet_share_50",
            sa.Double(),
            nullable=True,
            comment="share of the last 50 bars without volume or without range [0..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "spread_estimate_20",
            sa.Double(),
            nullable=True,
            comment="Corwin-Schultz spread from H and L of two bars, at least 0, mean of 20 bars [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "custom",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="a user's own features by name, see FVG_FEATURES",
        ),
    )
    op.alter_column(
        "setup_features",
        "adx_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="Wilder's average directional index; 0 after 100 bars without directional movement [0..100]",
        existing_comment="talib.ADX(H, L, C, 14) [0..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "plus_di_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="Wilder's plus DI; 0 after 100 bars without directional movement [0..100]",
        existing_comment="talib.PLUS_DI(H, L, C, 14) [0..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "minus_di_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="Wilder's minus DI; 0 after 100 bars without directional movement [0..100]",
        existing_comment="talib.MINUS_DI(H, L, C, 14) [0..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "linreg_slope_20_atr",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="slope of the least-squares line through the last 20 closes / atr_14 [ATR a bar]",
        existing_comment="talib.LINEARREG_SLOPE(close, 20) / atr_14 [ATR a bar]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "chop_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="100 log(sum of true ranges / (highest high - lowest low)) / log 14 over 14 bars; 100 in a range of 0 [percent]",
        existing_comment="pandas_ta_classic.chop(14); 100 in a range of 0 [percent]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "rsi_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.RSI(close, 14); 50 after 100 bars without a move [0..100]",
        existing_comment="talib.RSI(close, 14); 50 where the close has not moved [0..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "cci_20",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.CCI(H, L, C, 20); 0 where the typical price stands still [CCI]",
        existing_comment="talib.CCI(H, L, C, 20); 0 in a range of 0 [CCI]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "tsi_25_13",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="100 EMA13(EMA25(C - C[-1])) / EMA13(EMA25(|C - C[-1]|)); 0 after 100 bars without a move [-100..100]",
        existing_comment="pandas_ta_classic.tsi(13, 25); 0 where the close has never moved [-100..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "ulcer_index_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="root mean square over 14 bars of 100 (C / highest close of 14 bars - 1) [percent]",
        existing_comment="pandas_ta_classic.ui(14) [percent]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "force_index_13",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="EMA13((C - C[-1]) V) / EMA13(true range × V); 0 after 100 bars without either [-1..1]",
        existing_comment="EMA13((C - C[-1]) V) / EMA13(true range × V); 0 without either [-1..1]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "autocorr_1_50",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="correlation of return_1 and return_1[-1] over 50 bars; 0 if motionless [-1..1]",
        existing_comment="talib.CORREL(return_1, return_1[-1], 50) [-1..1]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "volume_move_corr_20",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="correlation of |return_1| and V over 20 bars; 0 where one is constant [-1..1]",
        existing_comment="talib.CORREL(|return_1|, V, 20) [-1..1]",
        existing_nullable=True,
    )
    op.create_index(
        "ix_setup_features_custom",
        "setup_features",
        ["custom"],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("custom IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_setup_features_custom",
        table_name="setup_features",
        postgresql_using="gin",
        postgresql_where=sa.text("custom IS NOT NULL"),
    )
    op.alter_column(
        "setup_features",
        "volume_move_corr_20",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.CORREL(|return_1|, V, 20) [-1..1]",
        existing_comment="correlation of |return_1| and V over 20 bars; 0 where one is constant [-1..1]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "autocorr_1_50",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.CORREL(return_1, return_1[-1], 50) [-1..1]",
        existing_comment="correlation of return_1 and return_1[-1] over 50 bars; 0 if motionless [-1..1]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "force_index_13",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="EMA13((C - C[-1]) V) / EMA13(true range × V); 0 without either [-1..1]",
        existing_comment="EMA13((C - C[-1]) V) / EMA13(true range × V); 0 after 100 bars without either [-1..1]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "ulcer_index_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="pandas_ta_classic.ui(14) [percent]",
        existing_comment="root mean square over 14 bars of 100 (C / highest close of 14 bars - 1) [percent]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "tsi_25_13",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="pandas_ta_classic.tsi(13, 25); 0 where the close has never moved [-100..100]",
        existing_comment="100 EMA13(EMA25(C - C[-1])) / EMA13(EMA25(|C - C[-1]|)); 0 after 100 bars without a move [-100..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "cci_20",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.CCI(H, L, C, 20); 0 in a range of 0 [CCI]",
        existing_comment="talib.CCI(H, L, C, 20); 0 where the typical price stands still [CCI]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "rsi_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.RSI(close, 14); 50 where the close has not moved [0..100]",
        existing_comment="talib.RSI(close, 14); 50 after 100 bars without a move [0..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "chop_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="pandas_ta_classic.chop(14); 100 in a range of 0 [percent]",
        existing_comment="100 log(sum of true ranges / (highest high - lowest low)) / log 14 over 14 bars; 100 in a range of 0 [percent]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "linreg_slope_20_atr",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.LINEARREG_SLOPE(close, 20) / atr_14 [ATR a bar]",
        existing_comment="slope of the least-squares line through the last 20 closes / atr_14 [ATR a bar]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "minus_di_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.MINUS_DI(H, L, C, 14) [0..100]",
        existing_comment="Wilder's minus DI; 0 after 100 bars without directional movement [0..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "plus_di_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.PLUS_DI(H, L, C, 14) [0..100]",
        existing_comment="Wilder's plus DI; 0 after 100 bars without directional movement [0..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "setup_features",
        "adx_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.ADX(H, L, C, 14) [0..100]",
        existing_comment="Wilder's average directional index; 0 after 100 bars without directional movement [0..100]",
        existing_nullable=True,
    )
    op.drop_column("setup_features", "custom")
    op.drop_column("setup_features", "spread_estimate_20")
    op.drop_column("setup_features", "quiet_share_50")
    op.drop_column("setup_features", "effort_share_20")
    op.drop_column("setup_features", "illiquidity_5_50")
    op.drop_column("setup_features", "volume_concentration_20")
    op.drop_column("setup_features", "volume_change_20_100")
    op.drop_column("setup_features", "largest_move_share_20")
    op.drop_column("setup_features", "persistence_20")
    op.drop_column("setup_features", "abs_autocorr_1_50")
    op.drop_column("setup_features", "fractal_dimension_30")
    op.drop_column("setup_features", "linreg_fit_50")
    op.drop_column("setup_features", "ordinal_entropy_50")
    op.drop_column("setup_features", "hurst_100")
    op.drop_column("setup_features", "variance_ratio_5_50")
    op.drop_column("setup_features", "range_rank_20")
    op.drop_column("setup_features", "max_drawdown_50")
    op.drop_column("setup_features", "squeeze_20")
    op.drop_column("setup_features", "range_change_20_100")
    op.drop_column("setup_features", "jump_share_50")
    op.drop_column("setup_features", "opening_share_20")
    op.drop_column("setup_features", "yang_zhang_vol_20")
    op.drop_column("setup_features", "return_60")
    op.drop_column("setup_features", "close_streak")
    op.drop_column("setup_features", "ichimoku_cross_atr")
    op.drop_column("setup_features", "ichimoku_cloud_atr")
    op.drop_column("setup_features", "ultimate_oscillator")
    op.drop_column("setup_features", "vortex_14")
    op.drop_column("setup_features", "chande_momentum_14")
    op.drop_column("setup_features", "period_alignment")
    op.drop_column("setup_features", "prior_month_return")
    op.drop_column("setup_features", "prior_month_position")
    op.drop_column("setup_features", "month_position")
    op.drop_column("setup_features", "weekly_trend_8")
    op.drop_column("setup_features", "prior_week_return")
    op.drop_column("setup_features", "prior_week_position")
    op.drop_column("setup_features", "week_position")
    op.drop_column("setup_features", "week_return")
    op.drop_column("setup_features", "daily_trend_20")
    op.drop_column("setup_features", "daily_trend_5")
    op.drop_column("setup_features", "day_range_used")
    op.drop_column("setup_features", "day_gap")
    op.drop_column("setup_features", "prior_day_return")
    op.drop_column("setup_features", "prior_day_position")
    op.drop_column("setup_features", "day_position")
    op.drop_column("setup_features", "day_return")
    op.drop_column("setup_features", "vwap_traded_20_atr")
    op.drop_column("setup_features", "vwap_close_position")
    op.drop_column("setup_features", "trade_size_ratio_20")
    op.drop_column("setup_features", "transactions_ratio_20")
    op.drop_column("setup_features", "taker_absorption")
    op.drop_column("setup_features", "taker_move_corr_20")
    op.drop_column("setup_features", "taker_shift_5_20")
    op.drop_column("setup_features", "taker_delta_20")
    op.drop_column("setup_features", "taker_delta")
    op.drop_column("setup_features", "profile_balanced")
    op.drop_column("setup_features", "profile_value_share")
    op.drop_column("setup_features", "profile_value_position")
    op.drop_column("setup_features", "profile_poc_position")
    op.drop_column("setup_features", "profile_poc_move_atr")
    op.drop_column("setup_features", "profile_poc_atr")
    op.drop_column("setup_features", "staircase_10")
    op.drop_column("setup_features", "range_position_200")
    op.drop_column("setup_features", "extreme_order_100")
    op.drop_column("setup_features", "channel_trend_20")
    op.drop_column("setup_features", "sweep_20")
    op.drop_column("setup_features", "swing_low_atr")
    op.drop_column("setup_features", "swing_high_atr")
    op.drop_column("setup_features", "structure_position")
    op.drop_column("setup_features", "structure_break_age")
    op.drop_column("setup_features", "structure_change")
    op.drop_column("setup_features", "structure_trend")
    op.drop_column("setup_features", "candle_outside_three")
    op.drop_column("setup_features", "candle_inside_three")
    op.drop_column("setup_features", "candle_dragonfly")
    op.drop_column("setup_features", "candle_doji")
    op.drop_column("setup_features", "candle_belt_hold")
    op.drop_column("setup_features", "candle_marubozu")
    op.drop_column("setup_features", "candle_piercing")
    op.drop_column("setup_features", "candle_star")
    op.drop_column("setup_features", "candle_shooting_star")
    op.drop_column("setup_features", "candle_hammer")
    op.drop_column("setup_features", "candle_harami")
    op.drop_column("setup_features", "candle_engulfing")
    op.drop_column("setup_features", "vhf_28")
    op.drop_column("predictions", "signal")
    op.drop_column("predictions", "bars_to_exit")
    op.drop_column("predictions", "p_target_3_high")
    op.drop_column("predictions", "p_target_3_low")
    op.drop_column("predictions", "p_target_2_high")
    op.drop_column("predictions", "p_target_2_low")
    op.drop_column("predictions", "p_target_1_high")
    op.drop_column("predictions", "p_target_1_low")
    op.drop_column("predictions", "p_entered_high")
    op.drop_column("predictions", "p_entered_low")
    op.create_table_comment(
        "models",
        "Every model that was trained; the newest version of a timeframe is the one that is served.",
        existing_comment="Every model that was trained; the active version of a timeframe is the one that is served.",
        schema=None,
    )
    op.drop_constraint(op.f("ck_models_status"), "models", type_="check")
    op.drop_index("ix_models_one_active", table_name="models", postgresql_where=sa.text("status = 'active'"))
    op.alter_column(
        "models",
        "artifact",
        existing_type=sa.TEXT(),
        comment="name of the file in the model store",
        existing_comment="name of the model's file in the model store",
        existing_nullable=False,
    )
    op.alter_column(
        "models",
        "importances",
        existing_type=postgresql.JSONB(astext_type=sa.Text()),
        comment="weight of each feature, per target",
        existing_comment="per target and feature the gain",
        existing_nullable=False,
    )
    op.alter_column(
        "models",
        "algorithm",
        existing_type=sa.TEXT(),
        comment="base_rate, logistic_regression or lightgbm",
        existing_comment="what the probabilities of the targets come from",
        existing_nullable=False,
    )
    op.drop_column("models", "run_id")
    op.drop_column("models", "git_commit")
    op.drop_column("models", "card")
    op.drop_column("models", "contributions")
    op.drop_column("models", "backtest")
    op.drop_column("models", "calibration_curve")
    op.drop_column("models", "threshold")
    op.drop_column("models", "calibration")
    op.drop_column("models", "combinatorial")
    op.drop_column("models", "tried")
    op.drop_column("models", "walk_forward")
    op.drop_column("models", "trials")
    op.drop_column("models", "trained_to")
    op.drop_column("models", "trained_from")
    op.drop_column("models", "notes")
    op.drop_column("models", "entry_algorithm")
    op.drop_column("models", "retired_at")
    op.drop_column("models", "deployed_at")
    op.drop_column("models", "status_reason")
    op.drop_column("models", "status")
    op.drop_column("models", "scope")
    op.drop_column("models", "name")
    op.drop_column("models", "semantic_version")
    op.drop_index(
        "ix_features_custom",
        table_name="features",
        postgresql_using="gin",
        postgresql_where=sa.text("custom IS NOT NULL"),
    )
    op.alter_column(
        "features",
        "volume_move_corr_20",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.CORREL(|return_1|, V, 20) [-1..1]",
        existing_comment="correlation of |return_1| and V over 20 bars; 0 where one is constant [-1..1]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "autocorr_1_50",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.CORREL(return_1, return_1[-1], 50) [-1..1]",
        existing_comment="correlation of return_1 and return_1[-1] over 50 bars; 0 if motionless [-1..1]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "force_index_13",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="EMA13((C - C[-1]) V) / EMA13(true range × V); 0 without either [-1..1]",
        existing_comment="EMA13((C - C[-1]) V) / EMA13(true range × V); 0 after 100 bars without either [-1..1]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "ulcer_index_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="pandas_ta_classic.ui(14) [percent]",
        existing_comment="root mean square over 14 bars of 100 (C / highest close of 14 bars - 1) [percent]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "tsi_25_13",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="pandas_ta_classic.tsi(13, 25); 0 where the close has never moved [-100..100]",
        existing_comment="100 EMA13(EMA25(C - C[-1])) / EMA13(EMA25(|C - C[-1]|)); 0 after 100 bars without a move [-100..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "cci_20",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.CCI(H, L, C, 20); 0 in a range of 0 [CCI]",
        existing_comment="talib.CCI(H, L, C, 20); 0 where the typical price stands still [CCI]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "rsi_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.RSI(close, 14); 50 where the close has not moved [0..100]",
        existing_comment="talib.RSI(close, 14); 50 after 100 bars without a move [0..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "chop_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="pandas_ta_classic.chop(14); 100 in a range of 0 [percent]",
        existing_comment="100 log(sum of true ranges / (highest high - lowest low)) / log 14 over 14 bars; 100 in a range of 0 [percent]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "linreg_slope_20_atr",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.LINEARREG_SLOPE(close, 20) / atr_14 [ATR a bar]",
        existing_comment="slope of the least-squares line through the last 20 closes / atr_14 [ATR a bar]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "minus_di_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.MINUS_DI(H, L, C, 14) [0..100]",
        existing_comment="Wilder's minus DI; 0 after 100 bars without directional movement [0..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "plus_di_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.PLUS_DI(H, L, C, 14) [0..100]",
        existing_comment="Wilder's plus DI; 0 after 100 bars without directional movement [0..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "adx_14",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.ADX(H, L, C, 14) [0..100]",
        existing_comment="Wilder's average directional index; 0 after 100 bars without directional movement [0..100]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "macd_hist",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.MACD(close, 12, 26, 9)[2] [price]",
        existing_comment="macd - macd_signal [price]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "macd_signal",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.MACD(close, 12, 26, 9)[1] [price]",
        existing_comment="EMA 9 of macd, as talib.MACD [price]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "macd",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.MACD(close, 12, 26, 9)[0] [price]",
        existing_comment="ema_12 - ema_26, both seeded at bar 25, as talib.MACD [price]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "sma_200",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.SMA(close, 200) [price]",
        existing_comment="mean of the last 200 closes [price]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "sma_50",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.SMA(close, 50) [price]",
        existing_comment="mean of the last 50 closes [price]",
        existing_nullable=True,
    )
    op.alter_column(
        "features",
        "sma_20",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="talib.SMA(close, 20) [price]",
        existing_comment="mean of the last 20 closes [price]",
        existing_nullable=True,
    )
    op.drop_column("features", "custom")
    op.drop_column("features", "spread_estimate_20")
    op.drop_column("features", "quiet_share_50")
    op.drop_column("features", "effort_share_20")
    op.drop_column("features", "illiquidity_5_50")
    op.drop_column("features", "volume_concentration_20")
    op.drop_column("features", "volume_change_20_100")
    op.drop_column("features", "largest_move_share_20")
    op.drop_column("features", "persistence_20")
    op.drop_column("features", "abs_autocorr_1_50")
    op.drop_column("features", "fractal_dimension_30")
    op.drop_column("features", "linreg_fit_50")
    op.drop_column("features", "ordinal_entropy_50")
    op.drop_column("features", "hurst_100")
    op.drop_column("features", "variance_ratio_5_50")
    op.drop_column("features", "range_rank_20")
    op.drop_column("features", "max_drawdown_50")
    op.drop_column("features", "squeeze_20")
    op.drop_column("features", "range_change_20_100")
    op.drop_column("features", "jump_share_50")
    op.drop_column("features", "opening_share_20")
    op.drop_column("features", "yang_zhang_vol_20")
    op.drop_column("features", "return_60")
    op.drop_column("features", "close_streak")
    op.drop_column("features", "ichimoku_cross_atr")
    op.drop_column("features", "ichimoku_cloud_atr")
    op.drop_column("features", "ultimate_oscillator")
    op.drop_column("features", "vortex_14")
    op.drop_column("features", "chande_momentum_14")
    op.drop_column("features", "period_alignment")
    op.drop_column("features", "prior_month_return")
    op.drop_column("features", "prior_month_position")
    op.drop_column("features", "month_position")
    op.drop_column("features", "weekly_trend_8")
    op.drop_column("features", "prior_week_return")
    op.drop_column("features", "prior_week_position")
    op.drop_column("features", "week_position")
    op.drop_column("features", "week_return")
    op.drop_column("features", "daily_trend_20")
    op.drop_column("features", "daily_trend_5")
    op.drop_column("features", "day_range_used")
    op.drop_column("features", "day_gap")
    op.drop_column("features", "prior_day_return")
    op.drop_column("features", "prior_day_position")
    op.drop_column("features", "day_position")
    op.drop_column("features", "day_return")
    op.drop_column("features", "vwap_traded_20_atr")
    op.drop_column("features", "vwap_close_position")
    op.drop_column("features", "trade_size_ratio_20")
    op.drop_column("features", "transactions_ratio_20")
    op.drop_column("features", "taker_absorption")
    op.drop_column("features", "taker_move_corr_20")
    op.drop_column("features", "taker_shift_5_20")
    op.drop_column("features", "taker_delta_20")
    op.drop_column("features", "taker_delta")
    op.drop_column("features", "profile_balanced")
    op.drop_column("features", "profile_value_share")
    op.drop_column("features", "profile_value_position")
    op.drop_column("features", "profile_poc_position")
    op.drop_column("features", "profile_poc_move_atr")
    op.drop_column("features", "profile_poc_atr")
    op.drop_column("features", "staircase_10")
    op.drop_column("features", "range_position_200")
    op.drop_column("features", "extreme_order_100")
    op.drop_column("features", "channel_trend_20")
    op.drop_column("features", "sweep_20")
    op.drop_column("features", "swing_low_atr")
    op.drop_column("features", "swing_high_atr")
    op.drop_column("features", "structure_position")
    op.drop_column("features", "structure_break_age")
    op.drop_column("features", "structure_change")
    op.drop_column("features", "structure_trend")
    op.drop_column("features", "candle_outside_three")
    op.drop_column("features", "candle_inside_three")
    op.drop_column("features", "candle_dragonfly")
    op.drop_column("features", "candle_doji")
    op.drop_column("features", "candle_belt_hold")
    op.drop_column("features", "candle_marubozu")
    op.drop_column("features", "candle_piercing")
    op.drop_column("features", "candle_star")
    op.drop_column("features", "candle_shooting_star")
    op.drop_column("features", "candle_hammer")
    op.drop_column("features", "candle_harami")
    op.drop_column("features", "candle_engulfing")
    op.drop_column("features", "vhf_28")
    op.drop_index(op.f("ix_model_comparisons_timeframe_challenger"), table_name="model_comparisons")
    op.drop_table("model_comparisons")
