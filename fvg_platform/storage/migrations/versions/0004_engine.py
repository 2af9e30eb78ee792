"""The engine's zones, context, verdicts and statistics; what each series was made from, and from when on it changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004_engine"
down_revision = "0003_ingestion"
branch_labels = None
depends_on = None

# Rows that are there already are derived anew: their code version has changed.
_UNTIL_DERIVED_ANEW = {"smc": "false", "luxalgo": "false", "config_id": ""}


def upgrade() -> None:
    op.create_table(
        "fvg_context",
        sa.Column("ticker", sa.Text(), nullable=False, comment="symbol of the instrument"),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="1m is a minute, 1mo a month"),
        sa.Column(
            "ts",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="open time of the bar; of a gap, its third bar",
        ),
        sa.Column("side", sa.SmallInteger(), nullable=False, comment="+1 bullish (long), -1 bearish (short)"),
        sa.Column(
            "known_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="close of the bar: nobody can know the row earlier",
        ),
        sa.Column(
            "trend",
            sa.Double(),
            nullable=True,
            comment="direction of the last break of a swing within 500 bars: +1, -1, 0 without one",
        ),
        sa.Column(
            "structure_break",
            sa.Text(),
            nullable=True,
            comment="kind of that break: bos (with the trend before it) or choch (against it)",
        ),
        sa.Column("bars_since_break", sa.Double(), nullable=True, comment="bars since that break"),
        sa.Column(
            "impulse_broke_structure",
            sa.Boolean(),
            nullable=True,
            comment="a close of bars i-2..i lies beyond the swing (of the gap's direction) standing at the close of i-3",
        ),
        sa.Column(
            "range_position",
            sa.Double(),
            nullable=True,
            comment="the zone's mid in the dealing range as of i: 0 its low, 1 its high",
        ),
        sa.Column(
            "liquidity_swept",
            sa.Boolean(),
            nullable=True,
            comment="in bars i-11..i-2 a swing of the other side was traded beyond, the bar closing back inside",
        ),
        sa.Column("bars_since_sweep", sa.Double(), nullable=True, comment="bars since the last such sweep"),
        sa.Column(
            "order_block_bottom",
            sa.Double(),
            nullable=True,
            comment="low of the last candle of opposite colour in bars i-11..i-2; price",
        ),
        sa.Column("order_block_top", sa.Double(), nullable=True, comment="high of that candle; price"),
        sa.Column("order_block_bars", sa.Double(), nullable=True, comment="bars since that candle"),
        sa.Column(
            "order_block_distance_atr",
            sa.Double(),
            nullable=True,
            comment="from the zone's far edge on to the near edge of that candle, below 0 where it reaches back; ATR",
        ),
        sa.Column(
            "displacement_range_atr", sa.Double(), nullable=True, comment="high - low of the middle bar; ATR"
        ),
        sa.Column(
            "displacement_body_atr",
            sa.Double(),
            nullable=True,
            comment="close - open of the middle bar, positive in the gap's direction; ATR",
        ),
        sa.Column("leg_bars", sa.Double(), nullable=True, comment="bars of the leg, bar i included"),
        sa.Column(
            "leg_atr",
            sa.Double(),
            nullable=True,
            comment="height of the leg, from its lowest low to its highest high; ATR",
        ),
        sa.Column(
            "leg_poc_atr", sa.Double(), nullable=True, comment="distance from the leg's point of control; ATR"
        ),
        sa.Column(
            "leg_value_high_atr",
            sa.Double(),
            nullable=True,
            comment="distance from the upper end of the leg's value area; ATR",
        ),
        sa.Column(
            "leg_value_low_atr",
            sa.Double(),
            nullable=True,
            comment="distance from the lower end of the leg's value area; ATR",
        ),
        sa.Column(
            "leg_zone_density",
            sa.Double(),
            nullable=True,
            comment="volume per unit of price in the zone, beside the leg's mean of 1",
        ),
        sa.Column(
            "zone_is_low_volume_node", sa.Boolean(), nullable=True, comment="leg_zone_density is at most 0.5"
        ),
        sa.Column(
            "taker_buy_share",
            sa.Double(),
            nullable=True,
            comment="taker-buy volume of the leg / its volume, 0..1; only where the source has it",
        ),
        sa.Column(
            "profile_poc_atr",
            sa.Double(),
            nullable=True,
            comment="distance from the point of control of the last sessions; ATR",
        ),
        sa.Column(
            "profile_value_high_atr",
            sa.Double(),
            nullable=True,
            comment="distance from the upper end of their value area; ATR",
        ),
        sa.Column(
            "profile_value_low_atr",
            sa.Double(),
            nullable=True,
            comment="distance from the lower end of their value area; ATR",
        ),
        sa.Column(
            "profile_location",
            sa.Text(),
            nullable=True,
            comment="where the zone's mid lies beside that value area: below, inside, above",
        ),
        sa.Column(
            "profile_balanced",
            sa.Boolean(),
            nullable=True,
            comment="the profile is balanced: point of control in the middle third, little skew",
        ),
        sa.Column(
            "profile_d_shaped",
            sa.Boolean(),
            nullable=True,
            comment="balanced, with one mode and a value area of 25 to 75 % of the range",
        ),
        sa.Column(
            "session",
            sa.Text(),
            nullable=True,
            comment="part of New York's day in which bar i closed; intraday only",
        ),
        sa.Column(
            "killzone",
            sa.Text(),
            nullable=True,
            comment="killzone in which bar i closed; intraday only, NULL outside every one",
        ),
        sa.Column(
            "minutes_since_open",
            sa.Double(),
            nullable=True,
            comment="minutes from the open of bar i's session to known_at, below 0 before it; intraday only",
        ),
        sa.Column(
            "vwap_distance_atr",
            sa.Double(),
            nullable=True,
            comment="distance from the VWAP of the session so far, from 1d on of bars i-19..i; ATR",
        ),
        sa.Column(
            "prior_day_high_atr",
            sa.Double(),
            nullable=True,
            comment="distance from the high of the session before, from 1d on of bar i-1; ATR",
        ),
        sa.Column(
            "prior_day_low_atr",
            sa.Double(),
            nullable=True,
            comment="distance from the low of the session before, from 1d on of bar i-1; ATR",
        ),
        sa.Column(
            "coarser_1_trend",
            sa.Double(),
            nullable=True,
            comment="trend of the next coarser timeframe given, as of its last closed bar",
        ),
        sa.Column(
            "coarser_1_range_position",
            sa.Double(),
            nullable=True,
            comment="the zone's mid in that timeframe's dealing range; may leave 0..1",
        ),
        sa.Column(
            "coarser_2_trend", sa.Double(), nullable=True, comment="trend of the coarser timeframe after that"
        ),
        sa.Column(
            "coarser_alignment",
            sa.Double(),
            nullable=True,
            comment="mean of side × trend over the coarser timeframes known, -1..1",
        ),
        sa.Column(
            "rule_out_of_balance",
            sa.Boolean(),
            nullable=True,
            comment="verdict of the rule: true pass, false fail, NULL unknown",
        ),
        sa.Column(
            "rule_impulse_broke_structure",
            sa.Boolean(),
            nullable=True,
            comment="verdict of the rule: true pass, false fail, NULL unknown",
        ),
        sa.Column(
            "rule_zone_at_low_volume_node",
            sa.Boolean(),
            nullable=True,
            comment="verdict of the rule: true pass, false fail, NULL unknown",
        ),
        sa.Column(
            "rule_discount",
            sa.Boolean(),
            nullable=True,
            comment="verdict of the rule: true pass, false fail, NULL unknown",
        ),
        sa.Column(
            "rule_new_york_session",
            sa.Boolean(),
            nullable=True,
            comment="verdict of the rule: true pass, false fail, NULL unknown",
        ),
        sa.Column(
            "rule_volume_confirmed",
            sa.Boolean(),
            nullable=True,
            comment="verdict of the rule: true pass, false fail, NULL unknown",
        ),
        sa.Column(
            "rule_order_flow_aggressive",
            sa.Boolean(),
            nullable=True,
            comment="verdict of the rule: true pass, false fail, NULL unknown",
        ),
        sa.Column("rules_passed", sa.SmallInteger(), nullable=False, comment="rules that the gap passes"),
        sa.Column("rules_failed", sa.SmallInteger(), nullable=False, comment="rules that it fails"),
        sa.Column(
            "rules_unknown", sa.SmallInteger(), nullable=False, comment="rules that its bars cannot answer"
        ),
        sa.Column(
            "rule_score",
            sa.Double(),
            nullable=True,
            comment="rules passed / rules passed or failed; NULL where none is known",
        ),
        sa.Column(
            "lineage_id",
            sa.BigInteger(),
            nullable=False,
            comment="which run last changed the row, see lineage",
        ),
        sa.PrimaryKeyConstraint("ticker", "timeframe", "ts", "side", name=op.f("pk_fvg_context")),
        comment="What surrounded each gap when it became known, and what the named rules say of it.",
    )
    op.create_table(
        "fvg_zones",
        sa.Column("ticker", sa.Text(), nullable=False, comment="symbol of the instrument"),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="1m is a minute, 1mo a month"),
        sa.Column(
            "ts",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="open time of the bar at whose close the zone is known",
        ),
        sa.Column("side", sa.SmallInteger(), nullable=False, comment="+1 bullish (long), -1 bearish (short)"),
        sa.Column("kind", sa.Text(), nullable=False, comment="joined, inversion or balanced"),
        sa.Column(
            "origin_ts",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="the gap it began with: first of the run, the inverted one, the older of the two",
        ),
        sa.Column("bottom", sa.Double(), nullable=False, comment="lower edge of the zone"),
        sa.Column("top", sa.Double(), nullable=False, comment="upper edge of the zone"),
        sa.Column("mid", sa.Double(), nullable=False, comment="centre of the zone (consequent encroachment)"),
        sa.Column("size", sa.Double(), nullable=False, comment="top - bottom"),
        sa.Column("members", sa.Integer(), nullable=False, comment="gaps that it is made of"),
        sa.Column(
            "known_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="close of the bar: nobody can know the row earlier",
        ),
        sa.Column(
            "touched_ts",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="first later bar that reached the near edge",
        ),
        sa.Column(
            "half_filled_ts",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="first later bar that reached the centre",
        ),
        sa.Column(
            "filled_ts",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="first later bar that reached the far edge",
        ),
        sa.Column(
            "inverted_ts",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="first later bar that closed beyond the far edge",
        ),
        sa.Column(
            "depth",
            sa.Double(),
            nullable=False,
            comment="largest share of the zone that was penetrated so far",
        ),
        sa.Column(
            "lineage_id",
            sa.BigInteger(),
            nullable=False,
            comment="which run last changed the row, see lineage",
        ),
        sa.CheckConstraint("kind IN ('joined', 'inversion', 'balanced')", name=op.f("ck_fvg_zones_kind")),
        sa.CheckConstraint("side IN (-1, 1)", name=op.f("ck_fvg_zones_side")),
        sa.PrimaryKeyConstraint(
            "ticker", "timeframe", "ts", "side", "kind", "origin_ts", name=op.f("pk_fvg_zones")
        ),
        comment="Zones made of gaps: joined neighbours, inverted gaps, overlaps of opposing ones (balanced price ranges).",
    )
    op.create_index(
        "ix_fvg_zones_open",
        "fvg_zones",
        ["ticker", "timeframe", "ts"],
        unique=False,
        postgresql_where=sa.text("inverted_ts IS NULL"),
    )
    op.create_table(
        "series_changes",
        sa.Column("ticker", sa.Text(), nullable=False, comment="symbol of the instrument"),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="1m is a minute, 1mo a month"),
        sa.Column("asset", sa.Text(), nullable=False, comment="asset that it is about"),
        sa.Column(
            "revision",
            sa.BigInteger(),
            nullable=False,
            comment="rises whenever the series' rows in the asset change",
        ),
        sa.Column(
            "changed_from",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="no row before it differs from the revision before; NULL: any may",
        ),
        sa.PrimaryKeyConstraint("ticker", "timeframe", "asset", "revision", name=op.f("pk_series_changes")),
        comment="From when on each of the newest revisions of a series differs: what follows goes on from there.",
    )
    op.create_table(
        "fvg_statistics",
        sa.Column(
            "mode", sa.Text(), nullable=False, comment="scalping, intraday, swing, daily, weekly or monthly"
        ),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="1m is a minute, 1mo a month"),
        sa.Column("target", sa.SmallInteger(), nullable=False),
        sa.Column("setups", sa.BigInteger(), nullable=True, comment="planned setups of the group"),
        sa.Column("entered", sa.BigInteger(), nullable=True, comment="setups whose order was filled"),
        sa.Column(
            "gap_invalid", sa.BigInteger(), nullable=True, comment="setups filled and stopped at one opening"
        ),
        sa.Column(
            "ran_away",
            sa.BigInteger(),
            nullable=True,
            comment="setups whose price reached the first target without them",
        ),
        sa.Column("expired", sa.BigInteger(), nullable=True, comment="setups whose order lived out its time"),
        sa.Column("pending", sa.BigInteger(), nullable=True, comment="setups whose order is still open"),
        sa.Column(
            "targets_lo",
            sa.BigInteger(),
            nullable=True,
            comment="entered setups that reached the target, worse reading of the bars",
        ),
        sa.Column(
            "targets_hi",
            sa.BigInteger(),
            nullable=True,
            comment="entered setups that reached the target, better reading of the bars",
        ),
        sa.Column(
            "settled_lo",
            sa.BigInteger(),
            nullable=True,
            comment="entered setups that ended at target, stop or time exit, worse reading of the bars",
        ),
        sa.Column(
            "settled_hi",
            sa.BigInteger(),
            nullable=True,
            comment="entered setups that ended at target, stop or time exit, better reading of the bars",
        ),
        sa.Column(
            "censored_lo",
            sa.BigInteger(),
            nullable=True,
            comment="entered setups still open when the data end, worse reading of the bars",
        ),
        sa.Column(
            "censored_hi",
            sa.BigInteger(),
            nullable=True,
            comment="entered setups still open when the data end, better reading of the bars",
        ),
        sa.Column(
            "r_count_lo",
            sa.BigInteger(),
            nullable=True,
            comment="setups with a known R, gap_invalid included, worse reading of the bars",
        ),
        sa.Column(
            "r_count_hi",
            sa.BigInteger(),
            nullable=True,
            comment="setups with a known R, gap_invalid included, better reading of the bars",
        ),
        sa.Column(
            "identified",
            sa.BigInteger(),
            nullable=True,
            comment="entered setups whose outcome both readings share",
        ),
        sa.Column(
            "blocks",
            sa.BigInteger(),
            nullable=True,
            comment="blocks of time that hold any setup; fewer than ten give no sampling interval",
        ),
        sa.Column("fill_rate", sa.Double(), nullable=True, comment="entered / setups that are not pending"),
        sa.Column(
            "fill_rate_low",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of fill_rate",
        ),
        sa.Column(
            "fill_rate_high",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of fill_rate",
        ),
        sa.Column(
            "win_lo",
            sa.Double(),
            nullable=True,
            comment="win rate: target reached / settled, worse reading of the bars",
        ),
        sa.Column(
            "win_lo_low",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of win_lo",
        ),
        sa.Column(
            "win_lo_high",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of win_lo",
        ),
        sa.Column(
            "win_hi",
            sa.Double(),
            nullable=True,
            comment="win rate: target reached / settled, better reading of the bars",
        ),
        sa.Column(
            "win_hi_low",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of win_hi",
        ),
        sa.Column(
            "win_hi_high",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of win_hi",
        ),
        sa.Column(
            "identified_share",
            sa.Double(),
            nullable=True,
            comment="identified / settled on the worse reading",
        ),
        sa.Column(
            "mean_r_lo", sa.Double(), nullable=True, comment="mean R after costs, worse reading of the bars"
        ),
        sa.Column(
            "mean_r_lo_low",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of mean_r_lo",
        ),
        sa.Column(
            "mean_r_lo_high",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of mean_r_lo",
        ),
        sa.Column(
            "mean_r_hi", sa.Double(), nullable=True, comment="mean R after costs, better reading of the bars"
        ),
        sa.Column(
            "mean_r_hi_low",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of mean_r_hi",
        ),
        sa.Column(
            "mean_r_hi_high",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of mean_r_hi",
        ),
        sa.Column(
            "mean_r_before_costs_lo",
            sa.Double(),
            nullable=True,
            comment="mean R before costs, worse reading of the bars",
        ),
        sa.Column(
            "mean_r_before_costs_lo_low",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of mean_r_before_costs_lo",
        ),
        sa.Column(
            "mean_r_before_costs_lo_high",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of mean_r_before_costs_lo",
        ),
        sa.Column(
            "mean_r_before_costs_hi",
            sa.Double(),
            nullable=True,
            comment="mean R before costs, better reading of the bars",
        ),
        sa.Column(
            "mean_r_before_costs_hi_low",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of mean_r_before_costs_hi",
        ),
        sa.Column(
            "mean_r_before_costs_hi_high",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of mean_r_before_costs_hi",
        ),
        sa.Column(
            "expectancy_lo",
            sa.Double(),
            nullable=True,
            comment="R after costs per order placed whose fate is known; orders never filled count 0, worse reading of the bars",
        ),
        sa.Column(
            "expectancy_lo_low",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of expectancy_lo",
        ),
        sa.Column(
            "expectancy_lo_high",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of expectancy_lo",
        ),
        sa.Column(
            "expectancy_hi",
            sa.Double(),
            nullable=True,
            comment="R after costs per order placed whose fate is known; orders never filled count 0, better reading of the bars",
        ),
        sa.Column(
            "expectancy_hi_low",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of expectancy_hi",
        ),
        sa.Column(
            "expectancy_hi_high",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of expectancy_hi",
        ),
        sa.Column(
            "profit_factor_lo",
            sa.Double(),
            nullable=True,
            comment="sum of gains / sum of losses in R after costs; NULL without losses, worse reading of the bars",
        ),
        sa.Column(
            "profit_factor_lo_low",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of profit_factor_lo",
        ),
        sa.Column(
            "profit_factor_lo_high",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of profit_factor_lo",
        ),
        sa.Column(
            "profit_factor_hi",
            sa.Double(),
            nullable=True,
            comment="sum of gains / sum of losses in R after costs; NULL without losses, better reading of the bars",
        ),
        sa.Column(
            "profit_factor_hi_low",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of profit_factor_hi",
        ),
        sa.Column(
            "profit_factor_hi_high",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of profit_factor_hi",
        ),
        sa.Column(
            "bars_to_entry_median",
            sa.Double(),
            nullable=True,
            comment="median bars from the gap to the entry",
        ),
        sa.Column(
            "bars_to_exit_median",
            sa.Double(),
            nullable=True,
            comment="median bars from the entry to the exit, worse reading",
        ),
        sa.Column(
            "mae_r_q10",
            sa.Double(),
            nullable=True,
            comment="10 % quantile of the worst excursion in R, worse reading, target 3",
        ),
        sa.Column(
            "mae_r_q50",
            sa.Double(),
            nullable=True,
            comment="50 % quantile of the worst excursion in R, worse reading, target 3",
        ),
        sa.Column(
            "mae_r_q90",
            sa.Double(),
            nullable=True,
            comment="90 % quantile of the worst excursion in R, worse reading, target 3",
        ),
        sa.Column(
            "mfe_r_q10",
            sa.Double(),
            nullable=True,
            comment="10 % quantile of the best excursion in R, worse reading, target 3",
        ),
        sa.Column(
            "mfe_r_q50",
            sa.Double(),
            nullable=True,
            comment="50 % quantile of the best excursion in R, worse reading, target 3",
        ),
        sa.Column(
            "mfe_r_q90",
            sa.Double(),
            nullable=True,
            comment="90 % quantile of the best excursion in R, worse reading, target 3",
        ),
        sa.Column(
            "p_value",
            sa.Double(),
            nullable=True,
            comment="chance of such a mean_r_lo or a greater one if the true one were 0",
        ),
        sa.Column(
            "p_adjusted",
            sa.Double(),
            nullable=True,
            comment="p_value corrected for all rows of the dimension (single-step maximum)",
        ),
        sa.Column(
            "mean_r_lo_deflated",
            sa.Double(),
            nullable=True,
            comment="lower bound of mean_r_lo that holds for all rows of the dimension at once with 95 %",
        ),
        sa.Column(
            "setups_surrogate",
            sa.BigInteger(),
            nullable=True,
            comment="planned setups of the group; on surrogate bars",
        ),
        sa.Column(
            "entered_surrogate",
            sa.BigInteger(),
            nullable=True,
            comment="setups whose order was filled; on surrogate bars",
        ),
        sa.Column(
            "gap_invalid_surrogate",
            sa.BigInteger(),
            nullable=True,
            comment="setups filled and stopped at one opening; on surrogate bars",
        ),
        sa.Column(
            "ran_away_surrogate",
            sa.BigInteger(),
            nullable=True,
            comment="setups whose price reached the first target without them; on surrogate bars",
        ),
        sa.Column(
            "expired_surrogate",
            sa.BigInteger(),
            nullable=True,
            comment="setups whose order lived out its time; on surrogate bars",
        ),
        sa.Column(
            "pending_surrogate",
            sa.BigInteger(),
            nullable=True,
            comment="setups whose order is still open; on surrogate bars",
        ),
        sa.Column(
            "targets_lo_surrogate",
            sa.BigInteger(),
            nullable=True,
            comment="entered setups that reached the target, worse reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "targets_hi_surrogate",
            sa.BigInteger(),
            nullable=True,
            comment="entered setups that reached the target, better reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "settled_lo_surrogate",
            sa.BigInteger(),
            nullable=True,
            comment="entered setups that ended at target, stop or time exit, worse reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "settled_hi_surrogate",
            sa.BigInteger(),
            nullable=True,
            comment="entered setups that ended at target, stop or time exit, better reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "censored_lo_surrogate",
            sa.BigInteger(),
            nullable=True,
            comment="entered setups still open when the data end, worse reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "censored_hi_surrogate",
            sa.BigInteger(),
            nullable=True,
            comment="entered setups still open when the data end, better reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "r_count_lo_surrogate",
            sa.BigInteger(),
            nullable=True,
            comment="setups with a known R, gap_invalid included, worse reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "r_count_hi_surrogate",
            sa.BigInteger(),
            nullable=True,
            comment="setups with a known R, gap_invalid included, better reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "identified_surrogate",
            sa.BigInteger(),
            nullable=True,
            comment="entered setups whose outcome both readings share; on surrogate bars",
        ),
        sa.Column(
            "blocks_surrogate",
            sa.BigInteger(),
            nullable=True,
            comment="blocks of time that hold any setup; fewer than ten give no sampling interval; on surrogate bars",
        ),
        sa.Column(
            "fill_rate_surrogate",
            sa.Double(),
            nullable=True,
            comment="entered / setups that are not pending; on surrogate bars",
        ),
        sa.Column(
            "fill_rate_low_surrogate",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of fill_rate; on surrogate bars",
        ),
        sa.Column(
            "fill_rate_high_surrogate",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of fill_rate; on surrogate bars",
        ),
        sa.Column(
            "win_lo_surrogate",
            sa.Double(),
            nullable=True,
            comment="win rate: target reached / settled, worse reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "win_lo_low_surrogate",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of win_lo; on surrogate bars",
        ),
        sa.Column(
            "win_lo_high_surrogate",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of win_lo; on surrogate bars",
        ),
        sa.Column(
            "win_hi_surrogate",
            sa.Double(),
            nullable=True,
            comment="win rate: target reached / settled, better reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "win_hi_low_surrogate",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of win_hi; on surrogate bars",
        ),
        sa.Column(
            "win_hi_high_surrogate",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of win_hi; on surrogate bars",
        ),
        sa.Column(
            "identified_share_surrogate",
            sa.Double(),
            nullable=True,
            comment="identified / settled on the worse reading; on surrogate bars",
        ),
        sa.Column(
            "mean_r_lo_surrogate",
            sa.Double(),
            nullable=True,
            comment="mean R after costs, worse reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "mean_r_lo_low_surrogate",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of mean_r_lo; on surrogate bars",
        ),
        sa.Column(
            "mean_r_lo_high_surrogate",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of mean_r_lo; on surrogate bars",
        ),
        sa.Column(
            "mean_r_hi_surrogate",
            sa.Double(),
            nullable=True,
            comment="mean R after costs, better reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "mean_r_hi_low_surrogate",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of mean_r_hi; on surrogate bars",
        ),
        sa.Column(
            "mean_r_hi_high_surrogate",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of mean_r_hi; on surrogate bars",
        ),
        sa.Column(
            "mean_r_before_costs_lo_surrogate",
            sa.Double(),
            nullable=True,
            comment="mean R before costs, worse reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "mean_r_before_costs_lo_low_surrogate",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of mean_r_before_costs_lo; on surrogate bars",
        ),
        sa.Column(
            "mean_r_before_costs_lo_high_surrogate",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of mean_r_before_costs_lo; on surrogate bars",
        ),
        sa.Column(
            "mean_r_before_costs_hi_surrogate",
            sa.Double(),
            nullable=True,
            comment="mean R before costs, better reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "mean_r_before_costs_hi_low_surrogate",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of mean_r_before_costs_hi; on surrogate bars",
        ),
        sa.Column(
            "mean_r_before_costs_hi_high_surrogate",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of mean_r_before_costs_hi; on surrogate bars",
        ),
        sa.Column(
            "expectancy_lo_surrogate",
            sa.Double(),
            nullable=True,
            comment="R after costs per order placed whose fate is known; orders never filled count 0, worse reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "expectancy_lo_low_surrogate",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of expectancy_lo; on surrogate bars",
        ),
        sa.Column(
            "expectancy_lo_high_surrogate",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of expectancy_lo; on surrogate bars",
        ),
        sa.Column(
            "expectancy_hi_surrogate",
            sa.Double(),
            nullable=True,
            comment="R after costs per order placed whose fate is known; orders never filled count 0, better reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "expectancy_hi_low_surrogate",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of expectancy_hi; on surrogate bars",
        ),
        sa.Column(
            "expectancy_hi_high_surrogate",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of expectancy_hi; on surrogate bars",
        ),
        sa.Column(
            "profit_factor_lo_surrogate",
            sa.Double(),
            nullable=True,
            comment="sum of gains / sum of losses in R after costs; NULL without losses, worse reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "profit_factor_lo_low_surrogate",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of profit_factor_lo; on surrogate bars",
        ),
        sa.Column(
            "profit_factor_lo_high_surrogate",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of profit_factor_lo; on surrogate bars",
        ),
        sa.Column(
            "profit_factor_hi_surrogate",
            sa.Double(),
            nullable=True,
            comment="sum of gains / sum of losses in R after costs; NULL without losses, better reading of the bars; on surrogate bars",
        ),
        sa.Column(
            "profit_factor_hi_low_surrogate",
            sa.Double(),
            nullable=True,
            comment="lower end of the 95 % sampling interval of profit_factor_hi; on surrogate bars",
        ),
        sa.Column(
            "profit_factor_hi_high_surrogate",
            sa.Double(),
            nullable=True,
            comment="upper end of the 95 % sampling interval of profit_factor_hi; on surrogate bars",
        ),
        sa.Column(
            "bars_to_entry_median_surrogate",
            sa.Double(),
            nullable=True,
            comment="median bars from the gap to the entry; on surrogate bars",
        ),
        sa.Column(
            "bars_to_exit_median_surrogate",
            sa.Double(),
            nullable=True,
            comment="median bars from the entry to the exit, worse reading; on surrogate bars",
        ),
        sa.Column(
            "mae_r_q10_surrogate",
            sa.Double(),
            nullable=True,
            comment="10 % quantile of the worst excursion in R, worse reading, target 3; on surrogate bars",
        ),
        sa.Column(
            "mae_r_q50_surrogate",
            sa.Double(),
            nullable=True,
            comment="50 % quantile of the worst excursion in R, worse reading, target 3; on surrogate bars",
        ),
        sa.Column(
            "mae_r_q90_surrogate",
            sa.Double(),
            nullable=True,
            comment="90 % quantile of the worst excursion in R, worse reading, target 3; on surrogate bars",
        ),
        sa.Column(
            "mfe_r_q10_surrogate",
            sa.Double(),
            nullable=True,
            comment="10 % quantile of the best excursion in R, worse reading, target 3; on surrogate bars",
        ),
        sa.Column(
            "mfe_r_q50_surrogate",
            sa.Double(),
            nullable=True,
            comment="50 % quantile of the best excursion in R, worse reading, target 3; on surrogate bars",
        ),
        sa.Column(
            "mfe_r_q90_surrogate",
            sa.Double(),
            nullable=True,
            comment="90 % quantile of the best excursion in R, worse reading, target 3; on surrogate bars",
        ),
        sa.Column(
            "p_value_surrogate",
            sa.Double(),
            nullable=True,
            comment="chance of such a mean_r_lo or a greater one if the true one were 0; on surrogate bars",
        ),
        sa.Column(
            "p_adjusted_surrogate",
            sa.Double(),
            nullable=True,
            comment="p_value corrected for all rows of the dimension (single-step maximum); on surrogate bars",
        ),
        sa.Column(
            "mean_r_lo_deflated_surrogate",
            sa.Double(),
            nullable=True,
            comment="lower bound of mean_r_lo that holds for all rows of the dimension at once with 95 %; on surrogate bars",
        ),
        sa.Column("surrogates", sa.Integer(), nullable=False, comment="draws of surrogate bars beside"),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="of what it was made from"),
        sa.Column(
            "lineage_id",
            sa.BigInteger(),
            nullable=False,
            comment="which run last changed the row, see lineage",
        ),
        sa.ForeignKeyConstraint(["lineage_id"], ["lineage.id"], name=op.f("fk_fvg_statistics_lineage_id")),
        sa.PrimaryKeyConstraint("dimension", "value", "timeframe", "target", name=op.f("pk_fvg_statistics")),
        comment="What setups did, group by group, and beside it the same on surrogate bars, where there is no edge.",
    )
    op.create_index(op.f("ix_fvg_statistics_mode"), "fvg_statistics", ["mode"], unique=False)
    op.add_column(
        "fvg_detections",
        sa.Column(
            "smc",
            sa.Boolean(),
            nullable=False,
            server_default=_UNTIL_DERIVED_ANEW["smc"],
            comment="also a gap by the rule of smartmoneyconcepts: the middle bar closed in its direction",
        ),
    )
    op.add_column(
        "fvg_detections",
        sa.Column(
            "luxalgo",
            sa.Boolean(),
            nullable=False,
            server_default=_UNTIL_DERIVED_ANEW["luxalgo"],
            comment="also a gap by LuxAlgo's rule: the middle bar closed beyond the first, size above the mean range",
        ),
    )
    op.add_column(
        "fvg_detections",
        sa.Column(
            "config_id",
            sa.Text(),
            nullable=False,
            server_default=_UNTIL_DERIVED_ANEW["config_id"],
            comment="hash of the configuration of setups, see engine_configs",
        ),
    )
    for column in _UNTIL_DERIVED_ANEW:
        op.alter_column("fvg_detections", column, server_default=None)
    op.create_index(
        "ix_fvg_detections_open",
        "fvg_detections",
        ["ticker", "timeframe", "ts"],
        unique=False,
        postgresql_where=sa.text("inverted_ts IS NULL"),
    )
    op.add_column(
        "fvg_labels",
        sa.Column(
            "identified_before_1",
            sa.Boolean(),
            nullable=True,
            comment="identified_1 by the series' own bars alone",
        ),
    )
    op.add_column(
        "fvg_labels",
        sa.Column(
            "identified_before_2",
            sa.Boolean(),
            nullable=True,
            comment="identified_2 by the series' own bars alone",
        ),
    )
    op.add_column(
        "fvg_labels",
        sa.Column(
            "identified_before_3",
            sa.Boolean(),
            nullable=True,
            comment="identified_3 by the series' own bars alone",
        ),
    )
    op.add_column(
        "fvg_labels",
        sa.Column(
            "unresolved", sa.Text(), nullable=True, comment="why an outcome stays open: what finer bars lack"
        ),
    )
    op.add_column(
        "fvg_labels",
        sa.Column(
            "bars_to_exit_1",
            sa.Integer(),
            nullable=True,
            comment="bars from the fill to the exit, worse path",
        ),
    )
    op.add_column(
        "fvg_labels",
        sa.Column(
            "bars_to_exit_2",
            sa.Integer(),
            nullable=True,
            comment="bars from the fill to the exit, worse path",
        ),
    )
    op.add_column(
        "fvg_labels",
        sa.Column(
            "bars_to_exit_3",
            sa.Integer(),
            nullable=True,
            comment="bars from the fill to the exit, worse path",
        ),
    )
    op.add_column(
        "models",
        sa.Column(
            "config_ids",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="the configurations of setups that its labels were made with, see engine_configs",
        ),
    )
    op.drop_constraint(op.f("uq_models_timeframe_split_version_sha256"), "models", type_="unique")
    op.create_index(
        op.f("ix_models_timeframe_split_version_sha256"),
        "models",
        ["timeframe", "split_version", "sha256"],
        unique=False,
    )
    op.add_column(
        "series_status",
        sa.Column(
            "inputs",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="what the fingerprint was made from, and the revisions upstream",
        ),
    )
    op.add_column(
        "series_status",
        sa.Column(
            "memory",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="what the asset must know of earlier rows to go on after the last",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_trend_alignment",
            sa.Double(),
            nullable=True,
            comment="direction × trend of market structure; 0 without a break [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_character_changed",
            sa.Double(),
            nullable=True,
            comment="1 if the last break was a change of character, else 0 [0/1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_bars_since_break",
            sa.Double(),
            nullable=True,
            comment="bars since the last break of a swing; 500 without one [bars]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_impulse_broke_structure",
            sa.Double(),
            nullable=True,
            comment="1 if a close of i-2..i broke the swing before it; 0 without a swing [0/1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_discount",
            sa.Double(),
            nullable=True,
            comment="direction (1 - 2 range_position); 0 without a dealing range [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_liquidity_swept",
            sa.Double(),
            nullable=True,
            comment="1 if a swing of the other side was swept in i-11..i-2, else 0 [0/1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_bars_since_sweep",
            sa.Double(),
            nullable=True,
            comment="bars since that sweep; 12 without one [bars]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_order_block_distance_atr",
            sa.Double(),
            nullable=True,
            comment="from the zone's far edge to the order block; 0 without one [ATR]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_displacement_range_atr",
            sa.Double(),
            nullable=True,
            comment="range of the middle bar / the gap's ATR; 0 without ATR [ATR]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_displacement_body_atr",
            sa.Double(),
            nullable=True,
            comment="direction (C - O) of the middle bar / the gap's ATR; 0 without ATR [ATR]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_leg_bars",
            sa.Double(),
            nullable=True,
            comment="bars of the impulse leg; 50, its longest, where unknown [bars]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_leg_atr",
            sa.Double(),
            nullable=True,
            comment="height of the impulse leg / the gap's ATR; 0 where unknown [ATR]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_leg_poc_atr",
            sa.Double(),
            nullable=True,
            comment="direction (mid - point of control of the leg) / ATR; 0 where unknown [ATR]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_leg_zone_density",
            sa.Double(),
            nullable=True,
            comment="volume per price in the zone / in the leg; 1 without volume [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_taker_pressure",
            sa.Double(),
            nullable=True,
            comment="direction (2 taker_buy_share - 1) of the leg; 0 without taker volume [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_profile_poc_atr",
            sa.Double(),
            nullable=True,
            comment="direction (mid - point of control of the last sessions) / ATR; 0 where unknown [ATR]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_profile_location",
            sa.Double(),
            nullable=True,
            comment="direction × (1 above, -1 below the value area); 0 inside or unknown [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_profile_balanced",
            sa.Double(),
            nullable=True,
            comment="1 if the last sessions' profile is balanced; 0 where unknown [0/1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_profile_d_shaped",
            sa.Double(),
            nullable=True,
            comment="1 if the last sessions' profile is D-shaped; 0 where unknown [0/1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_in_london",
            sa.Double(),
            nullable=True,
            comment="1 if bar i closed from 02:00 to 09:30 New York; 0 from 1d on [0/1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_in_new_york",
            sa.Double(),
            nullable=True,
            comment="1 if bar i closed from 09:30 to 16:00 New York; 0 from 1d on [0/1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_in_killzone",
            sa.Double(),
            nullable=True,
            comment="1 if bar i closed in a killzone; 0 from 1d on [0/1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_minutes_since_open",
            sa.Double(),
            nullable=True,
            comment="minutes from the session's open to known_at; 0 from 1d on [minutes]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_vwap_distance_atr",
            sa.Double(),
            nullable=True,
            comment="direction (mid - VWAP of the session) / ATR; 0 without volume [ATR]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_beyond_prior_day_atr",
            sa.Double(),
            nullable=True,
            comment="long: (mid - high of the session before) / ATR, short: (its low - mid) / ATR; 0 where unknown [ATR]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_above_prior_day_atr",
            sa.Double(),
            nullable=True,
            comment="long: (mid - low of the session before) / ATR, short: (its high - mid) / ATR; 0 where unknown [ATR]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_coarser_discount",
            sa.Double(),
            nullable=True,
            comment="direction (1 - 2 range_position) of the next coarser timeframe; 0 without [ratio]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_coarser_alignment",
            sa.Double(),
            nullable=True,
            comment="mean of direction × trend of the next coarser timeframes; 0 without [-1..1]",
        ),
    )
    op.add_column(
        "setup_features",
        sa.Column(
            "context_rule_score",
            sa.Double(),
            nullable=True,
            comment="rules passed / rules known; 0.5 where none is known [0..1]",
        ),
    )


def downgrade() -> None:
    op.drop_column("setup_features", "context_rule_score")
    op.drop_column("setup_features", "context_coarser_alignment")
    op.drop_column("setup_features", "context_coarser_discount")
    op.drop_column("setup_features", "context_above_prior_day_atr")
    op.drop_column("setup_features", "context_beyond_prior_day_atr")
    op.drop_column("setup_features", "context_vwap_distance_atr")
    op.drop_column("setup_features", "context_minutes_since_open")
    op.drop_column("setup_features", "context_in_killzone")
    op.drop_column("setup_features", "context_in_new_york")
    op.drop_column("setup_features", "context_in_london")
    op.drop_column("setup_features", "context_profile_d_shaped")
    op.drop_column("setup_features", "context_profile_balanced")
    op.drop_column("setup_features", "context_profile_location")
    op.drop_column("setup_features", "context_profile_poc_atr")
    op.drop_column("setup_features", "context_taker_pressure")
    op.drop_column("setup_features", "context_leg_zone_density")
    op.drop_column("setup_features", "context_leg_poc_atr")
    op.drop_column("setup_features", "context_leg_atr")
    op.drop_column("setup_features", "context_leg_bars")
    op.drop_column("setup_features", "context_displacement_body_atr")
    op.drop_column("setup_features", "context_displacement_range_atr")
    op.drop_column("setup_features", "context_order_block_distance_atr")
    op.drop_column("setup_features", "context_bars_since_sweep")
    op.drop_column("setup_features", "context_liquidity_swept")
    op.drop_column("setup_features", "context_discount")
    op.drop_column("setup_features", "context_impulse_broke_structure")
    op.drop_column("setup_features", "context_bars_since_break")
    op.drop_column("setup_features", "context_character_changed")
    op.drop_column("setup_features", "context_trend_alignment")
    op.drop_column("series_status", "memory")
    op.drop_column("series_status", "inputs")
    op.drop_index(op.f("ix_models_timeframe_split_version_sha256"), table_name="models")
    op.create_unique_constraint(
        op.f("uq_models_timeframe_split_version_sha256"),
        "models",
        ["timeframe", "split_version", "sha256"],
        postgresql_nulls_not_distinct=False,
    )
    op.drop_column("models", "config_ids")
    op.drop_column("fvg_labels", "bars_to_exit_3")
    op.drop_column("fvg_labels", "bars_to_exit_2")
    op.drop_column("fvg_labels", "bars_to_exit_1")
    op.drop_column("fvg_labels", "unresolved")
    op.drop_column("fvg_labels", "identified_before_3")
    op.drop_column("fvg_labels", "identified_before_2")
    op.drop_column("fvg_labels", "identified_before_1")
    op.drop_index(
        "ix_fvg_detections_open", table_name="fvg_detections", postgresql_where=sa.text("inverted_ts IS NULL")
    )
    op.drop_column("fvg_detections", "config_id")
    op.drop_column("fvg_detections", "luxalgo")
    op.drop_column("fvg_detections", "smc")
    op.drop_index(op.f("ix_fvg_statistics_mode"), table_name="fvg_statistics")
    op.drop_table("fvg_statistics")
    op.drop_table("series_changes")
    op.drop_index(
        "ix_fvg_zones_open", table_name="fvg_zones", postgresql_where=sa.text("inverted_ts IS NULL")
    )
    op.drop_table("fvg_zones")
    op.drop_table("fvg_context")
