"""What models said and what became of it: predictions, outcomes, track record, deployments, forecast candles."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from fvg_platform.storage.tables.columns import (
    JSON,
    PATHS,
    SERIES_KEY,
    SETUP_KEY,
    TARGETS,
    Time,
    bulk_lineage,
    lineage_of,
    metadata,
    now,
    number,
    primary,
    refers,
    series_columns,
    text,
    time,
)

PROBABILITIES = ("p_entered", "p_target_1", "p_target_2", "p_target_3")

predictions = sa.Table(
    "predictions",
    metadata,
    *series_columns(),
    time("ts"),
    sa.Column("side", sa.SmallInteger, nullable=False),
    text("config_id"),
    sa.Column("model_version", sa.Integer, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    time("known_at"),
    *[number(name, nullable=False) for name in ("entry", "stop", "target_1", "target_2", "target_3")],
    *[number(name) for name in PROBABILITIES],
    *[number(f"{name}_{end}") for name in PROBABILITIES for end in ("low", "high")],
    sa.Column(
        "bars_to_exit",
        sa.Double,
        comment="expected bars from the fill to the first target's exit, if entered",
    ),
    sa.Column("signal", sa.Text, comment="BUY, SELL, or HOLD below the model's threshold"),
    sa.Column("direction", sa.Text, comment="UP or DOWN: where the setup goes if it works"),
    sa.Column(
        "expected_r",
        sa.Double,
        comment="mean R of the order that signals act on, if entered: first target or stop, after costs",
    ),
    *[
        sa.Column(f"expected_r_{end}", sa.Double, comment="expected_r at the end of the 90 % interval")
        for end in ("low", "high")
    ],
    sa.Column(
        "predicted_price",
        sa.Double,
        comment="mean exit price, a third leaving at each target with its probability, else at the stop",
    ),
    sa.Column("predicted_change", sa.Double, comment="predicted_price / entry - 1"),
    sa.Column("confidence", sa.Double, comment="1 - width of the 90 % interval of p_target_1"),
    sa.Column("hold_until", Time, comment="when a position filled at once is expected to have left"),
    sa.Column("reasons", JSON, comment="what moved p_target_1, in sentences; of signals that are shown"),
    sa.Column(
        "origin",
        sa.Text,
        comment="live, backfilled (later, by the version that served then) or reconstructed (no version served "
        "then: by the one that knew most of the time before)",
    ),
    sa.Column("in_sample", sa.Boolean, nullable=False),
    sa.Column("flag", sa.Text),
    sa.Column("features", JSONB, nullable=False),
    number("latency_ms", nullable=False),
    now("predicted_at"),
    lineage_of(),
    sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False, comment="names the signal in other tables"),
    primary(*SETUP_KEY, "model_version"),
    sa.ForeignKeyConstraint(["timeframe", "model_version"], ["models.timeframe", "models.version"]),
    refers(("config_id",), "engine_configs"),
    sa.CheckConstraint("direction IN ('UP', 'DOWN')", name="direction"),
    sa.CheckConstraint("origin IN ('live', 'backfilled', 'reconstructed')", name="origin"),
    sa.Index(None, "day"),
    sa.Index(None, "id", unique=True),
    sa.Index(None, "ticker", "ts"),
    # Finds values, as in features @> '{"engulfing": 1}'.
    sa.Index(
        "ix_predictions_features",
        "features",
        postgresql_using="gin",
        postgresql_ops={"features": "jsonb_path_ops"},
    ),
    comment="What was said of each setup, by which model, from which values. Append-only.",
)

prediction_outcomes = sa.Table(
    "prediction_outcomes",
    metadata,
    *series_columns(),
    time("ts"),
    sa.Column("side", sa.SmallInteger, nullable=False),
    text("config_id"),
    sa.Column("model_version", sa.Integer, nullable=False),
    # What was said, again: figures over a million predictions are one scan of this table.
    sa.Column("prediction_id", sa.BigInteger, nullable=False, comment="the prediction's id"),
    sa.Column("day", sa.Date, nullable=False),
    time("known_at"),
    sa.Column("life_end", Time, comment="when the setup's whole horizon has passed"),
    sa.Column("mode", sa.Text, nullable=False, comment="how the setup trades: see engine_configs"),
    sa.Column("origin", sa.Text, nullable=False, comment="see predictions"),
    sa.Column("in_sample", sa.Boolean, nullable=False),
    number("p_target_1"),
    sa.Column("signal", sa.Text),
    number("expected_r"),
    number("latency_ms", nullable=False),
    text("status"),
    *[sa.Column(f"outcome_{k}_{path}", sa.Text) for k in TARGETS for path in PATHS],
    *[number(f"r_{k}_{path}") for k in TARGETS for path in PATHS],
    *[
        sa.Column(f"actual_price_{path}", sa.Double, comment="where the first target's order left")
        for path in PATHS
    ],
    *[
        sa.Column(f"actual_change_{path}", sa.Double, comment="actual price / fill price - 1")
        for path in PATHS
    ],
    sa.Column(
        "actual_direction", sa.Text, comment="UP or DOWN from the fill to the exit; NULL where paths disagree"
    ),
    sa.Column(
        "correct",
        sa.Boolean,
        comment="whether the price went where it was predicted to; NULL where bars cannot tell",
    ),
    sa.Column(
        "horizon_passed",
        sa.Boolean,
        nullable=False,
        comment="whether the setup's whole life lies within its ticker's bars: only then it is counted",
    ),
    sa.Column(
        "superseded",
        sa.Boolean,
        nullable=False,
        comment="its setup is gone or planned otherwise since, as bars were corrected: never counted",
    ),
    time("resolved_at", nullable=True),
    lineage_of(),
    primary(*SETUP_KEY, "model_version"),
    refers((*SETUP_KEY, "model_version"), "predictions"),
    sa.CheckConstraint("actual_direction IN ('UP', 'DOWN')", name="actual_direction"),
    comment="What became of each prediction, as its label resolves, however late.",
)

_PERFORMANCE = {
    "predictions": "setups predicted whose whole horizon has passed",
    "entered": "of these, filled",
    "correct": "the price went where it was predicted to",
    "incorrect": "it did not",
    "undecided": "bars cannot tell",
}
_OF_ACTED = "of signals that said BUY or SELL"
_READINGS = {
    "accuracy": "correct / decided, the undecided counted against (lo) or for it (hi)",
    "brier": "mean (p_target_1 - outcome)^2",
    "skill": "1 - Brier / Brier of the window's own base rate",
    "calibration_error": "mean distance of said and observed rates over deciles, weighted",
    "win_rate": "first targets / entered and settled",
    "mean_r": "mean R of the first target's order, after costs",
    "profit_factor": "gains / losses in R",
    "acted_win_rate": _OF_ACTED,
    "acted_mean_r": _OF_ACTED,
    "acted_profit_factor": _OF_ACTED,
}

model_performance = sa.Table(
    "model_performance",
    metadata,
    sa.Column("as_of", sa.Date, nullable=False, comment="the window's last day, exchange time"),
    sa.Column(
        "window_days", sa.Integer, nullable=False, comment="days in which horizons passed; 0: everything"
    ),
    text("timeframe"),
    sa.Column("model_version", sa.Integer, nullable=False, comment="0: whatever served"),
    sa.Column("mode", sa.Text, nullable=False, comment="how the setups trade: see engine_configs"),
    sa.Column("origin", sa.Text, nullable=False, comment="see predictions; *: any"),
    sa.Column("ticker", sa.Text, nullable=False, comment="*: all"),
    *[sa.Column(name, sa.BigInteger, nullable=False, comment=said) for name, said in _PERFORMANCE.items()],
    *[
        sa.Column(f"{name}_{path}", sa.Double, comment=said)
        for name, said in _READINGS.items()
        for path in PATHS
    ],
    *[
        sa.Column(
            f"win_rate_{end}", sa.Double, comment="95 % of block bootstraps; NULL where there are too few"
        )
        for end in ("low", "high")
    ],
    sa.Column("mean_p", sa.Double, comment="mean p_target_1 of the entered"),
    sa.Column("acted", sa.BigInteger, nullable=False, comment="predictions that said BUY or SELL"),
    number("latency_ms_mean"),
    number("latency_ms_max"),
    lineage_of(),
    primary("timeframe", "mode", "model_version", "origin", "ticker", "window_days", "as_of"),
    comment="How predictions came out, over rolling windows of full-horizon cohorts, as intervals.",
)

model_deployments = sa.Table(
    "model_deployments",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    text("timeframe"),
    sa.Column("version", sa.Integer, nullable=False),
    time("served_from"),
    time("served_until", nullable=True),
    sa.Column("reason", sa.Text, comment="why it began to serve"),
    sa.ForeignKeyConstraint(["timeframe", "version"], ["models.timeframe", "models.version"]),
    sa.Index(None, "timeframe", "served_from"),
    sa.Index(
        "ix_model_deployments_serving",
        "timeframe",
        unique=True,
        postgresql_where=sa.text("served_until IS NULL"),
    ),
    comment="Which version served a timeframe from when to when: a past day is predicted by the one of that day.",
)

QUANTILES = ("q05", "q10", "q25", "q50", "q75", "q90", "q95")

price_forecasts = sa.Table(
    "price_forecasts",
    metadata,
    *series_columns(),
    sa.Column("made_from", Time, nullable=False, comment="open time of the newest bar that was known"),
    sa.Column("model", sa.Text, nullable=False, comment="block_bootstrap is the baseline, a random walk"),
    sa.Column(
        "served", sa.Boolean, nullable=False, comment="the one to look at: proven better, or the baseline"
    ),
    sa.Column("reason", sa.Text, nullable=False, comment="why it is served or not, with the figures"),
    number("last_close", nullable=False),
    sa.Column("origins", sa.Integer, nullable=False, comment="past forecasts that it was judged on"),
    sa.Column("pinball", sa.Double, comment="mean pinball loss in typical moves of one bar"),
    sa.Column("coverage_50", sa.Double, comment="share of past closes between q25 and q75"),
    sa.Column("coverage_90", sa.Double, comment="share of past closes between q05 and q95"),
    sa.Column("difference", JSON, comment="pinball less the baseline's, with interval; NULL of the baseline"),
    now("made_at"),
    bulk_lineage(),
    primary(*SERIES_KEY, "made_from", "model"),
    comment="Forecasts of the next 30 bars of each series, by model: which one is served, and why.",
)

prediction_steps = sa.Table(
    "prediction_steps",
    metadata,
    *series_columns(),
    time("made_from"),
    text("model"),
    sa.Column("step", sa.SmallInteger, nullable=False, comment="1 to 30 bars ahead"),
    sa.Column("ts", Time, nullable=False, comment="open time of the bar that is forecast"),
    sa.Column("close_at", Time, nullable=False, comment="when it closes"),
    *[
        sa.Column(name, sa.Double, nullable=False, comment="median over the simulated paths")
        for name in ("open", "high", "low", "close")
    ],
    sa.Column(
        "confidence", sa.Double, comment="share of past forecasts of this step whose q05..q95 held the close"
    ),
    *[
        sa.Column(name, sa.Double, nullable=False, comment=f"{int(name[1:])} % of simulated closes lie below")
        for name in QUANTILES
    ],
    bulk_lineage(),
    primary(*SERIES_KEY, "made_from", "model", "step"),
    refers((*SERIES_KEY, "made_from", "model"), "price_forecasts", ondelete="CASCADE"),
    comment="The forecast candles: 30 steps of each forecast, with the fan of their closes.",
)
