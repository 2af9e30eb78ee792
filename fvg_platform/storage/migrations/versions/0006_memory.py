"""Predictions with memory: what they say more, outcomes, track record, forecasts, drift, and the line for retraining."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006_memory"
down_revision = "0005_models"
branch_labels = None
depends_on = None

_FEATURES_OF_A_BAR = "to_jsonb(f) - ARRAY['ticker', 'timeframe', 'ts', 'custom', 'lineage_id']"

_VIEWS = {
    "signals": """
        SELECT p.id, p.signal AS label, p.direction AS pred, p.p_target_1 AS proba, p.ts, p.known_at,
               p.ticker AS symbol, p.timeframe AS tf, p.features, m.name || '/' || p.model_version AS model_id,
               m.feature_set_version,
               CASE WHEN o.superseded THEN 'superseded' WHEN o.status <> 'entered' THEN o.status
                    WHEN o.outcome_1_lo = o.outcome_1_hi THEN o.outcome_1_lo
                    WHEN o.outcome_1_lo IS NOT NULL THEN o.outcome_1_lo || ' or ' || o.outcome_1_hi END AS outcome,
               o.r_1_lo AS realized_rr, o.r_1_hi AS realized_rr_at_best, p.latency_ms,
               p.entry, p.stop, p.target_1, p.target_2, p.target_3, p.p_entered, p.expected_r, p.predicted_price,
               p.predicted_change, p.confidence, p.hold_until, p.reasons, p.origin, p.predicted_at
        FROM predictions p
        LEFT JOIN prediction_outcomes o USING (ticker, timeframe, ts, side, config_id, model_version)
        JOIN models m ON (m.timeframe, m.version) = (p.timeframe, p.model_version)
    """,
    "candles": f"""
        SELECT b.ticker AS symbol, b.timeframe AS tf, b.ts, b.open AS o, b.high AS h, b.low AS l, b.close AS c,
               b.volume AS v, b.vwap, b.taker_buy_volume AS taker_buy_vol,
               jsonb_strip_nulls({_FEATURES_OF_A_BAR} || coalesce(f.custom, '{{}}'::jsonb)) AS features
        FROM market_data b LEFT JOIN features f USING (ticker, timeframe, ts)
    """,
}

_MEANINGS = {
    "signals": {
        "id": "names the signal, as in retrain_queue.signal_id",
        "label": "BUY, SELL, or HOLD below the model's threshold",
        "pred": "UP or DOWN: where the setup goes if it works",
        "proba": "probability of target 1 before the stop, if entered",
        "ts": "open time of the setup's bar; known_at is when anyone could know of it",
        "symbol": "ticker",
        "tf": "timeframe",
        "features": "the values that it was said from; empty once retention has taken them",
        "model_id": "name of the model / version",
        "outcome": "of target 1: target, stop, timeout or censored, both where bars leave it open; else the status",
        "realized_rr": "R of the first target's order after costs, worse path",
        "realized_rr_at_best": "the same, better path",
        "latency_ms": "time that the model took",
        "origin": "live, backfilled or reconstructed, see predictions",
    },
    "candles": {
        "symbol": "ticker",
        "tf": "timeframe",
        "ts": "open time of the bar",
        "o": "open", "h": "high", "l": "low", "c": "close", "v": "volume",
        "taker_buy_vol": "volume that takers bought; NULL where the source does not tell",
        "features": "what was known when the bar closed, a user's own features among it",
    },
}  # fmt: skip
# A column of a view that has no words of its own has those of the column that it shows.
_DESCRIBE_VIEWS = """
    DO $$
    DECLARE shown record;
    BEGIN
        FOR shown IN
            SELECT v.attrelid, v.attnum, v.attname, v.attrelid::regclass AS view, min(d.description) AS said
            FROM pg_attribute v
            JOIN pg_attribute c USING (attname)
            JOIN pg_description d ON (d.objoid, d.objsubid) = (c.attrelid, c.attnum)
            WHERE v.attrelid IN ('signals'::regclass, 'candles'::regclass, 'prediction_results'::regclass)
              AND v.attnum > 0 AND col_description(v.attrelid, v.attnum) IS NULL
              AND c.attrelid IN ('predictions'::regclass, 'prediction_outcomes'::regclass, 'models'::regclass,
                                 'market_data'::regclass)
            GROUP BY 1, 2, 3, 4
        LOOP
            EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', shown.view, shown.attname, shown.said);
        END LOOP;
    END $$
"""
# Of 0004: everything else in the database is described.
_STATISTICS = {
    "dimension": "what setups are grouped by",
    "value": "the group",
    "target": "1 to 3",
}


def upgrade() -> None:
    op.create_table(
        "price_forecasts",
        sa.Column("ticker", sa.Text(), nullable=False, comment="symbol of the instrument"),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="1m is a minute, 1mo a month"),
        sa.Column(
            "made_from",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="open time of the newest bar that was known",
        ),
        sa.Column(
            "model", sa.Text(), nullable=False, comment="block_bootstrap is the baseline, a random walk"
        ),
        sa.Column(
            "served",
            sa.Boolean(),
            nullable=False,
            comment="the one to look at: proven better, or the baseline",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="why it is served or not, with the figures"),
        sa.Column(
            "last_close",
            sa.Double(),
            nullable=False,
            comment="close of the bar that the forecast starts from",
        ),
        sa.Column("origins", sa.Integer(), nullable=False, comment="past forecasts that it was judged on"),
        sa.Column(
            "pinball", sa.Double(), nullable=True, comment="mean pinball loss in typical moves of one bar"
        ),
        sa.Column(
            "coverage_50", sa.Double(), nullable=True, comment="share of past closes between q25 and q75"
        ),
        sa.Column(
            "coverage_90", sa.Double(), nullable=True, comment="share of past closes between q05 and q95"
        ),
        sa.Column(
            "difference",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="pinball less the baseline's, with interval; NULL of the baseline",
        ),
        sa.Column(
            "made_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when it was made",
        ),
        sa.Column(
            "lineage_id",
            sa.BigInteger(),
            nullable=False,
            comment="which run last changed the row, see lineage",
        ),
        sa.PrimaryKeyConstraint("ticker", "timeframe", "made_from", "model", name=op.f("pk_price_forecasts")),
        comment="Forecasts of the next 30 bars of each series, by model: which one is served, and why.",
    )
    op.create_table(
        "retrain_queue",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="number of the row"
        ),
        sa.Column(
            "signal_id",
            sa.BigInteger(),
            nullable=True,
            comment="predictions.id: train the model that said this",
        ),
        sa.Column(
            "timeframe",
            sa.Text(),
            nullable=True,
            comment="of the model; found by the signal where that is named",
        ),
        sa.Column(
            "model_version",
            sa.Integer(),
            nullable=True,
            comment="the version that gave reason to train again",
        ),
        sa.Column("trigger", sa.Text(), nullable=False, comment="hand, drift, skill, revision, labels, age"),
        sa.Column("reason", sa.Text(), nullable=False, comment="why"),
        sa.Column("priority", sa.SmallInteger(), nullable=False, comment="1 first, 5 last"),
        sa.Column(
            "status",
            sa.Text(),
            server_default="pending",
            nullable=False,
            comment="of a setup: entered, gap_invalid, ran_away, expired or pending",
        ),
        sa.Column(
            "attempts",
            sa.SmallInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="how many trainings were started for it",
        ),
        sa.Column("run_id", sa.Text(), nullable=True, comment="the Dagster run that trains"),
        sa.Column("result", sa.Text(), nullable=True, comment="what came of it"),
        sa.Column("error_message", sa.Text(), nullable=True, comment="why the last attempt failed"),
        sa.Column(
            "inserted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when it was put in line",
        ),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when its last training was asked for",
        ),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True, comment="when it was done with"),
        sa.Column(
            "not_before",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="an entry that came back waits until then",
        ),
        sa.CheckConstraint(
            "status <> 'processing' OR started_at IS NOT NULL", name=op.f("ck_retrain_queue_started")
        ),
        sa.CheckConstraint("attempts BETWEEN 0 AND 100", name=op.f("ck_retrain_queue_attempts")),
        sa.CheckConstraint(
            "isfinite(inserted_at) AND isfinite(started_at) AND isfinite(completed_at) AND isfinite(not_before)",
            name=op.f("ck_retrain_queue_finite"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'processing', 'completed', 'failed')", name=op.f("ck_retrain_queue_status")
        ),
        sa.CheckConstraint(
            "trigger IN ('hand', 'drift', 'skill', 'revision', 'labels', 'age')",
            name=op.f("ck_retrain_queue_trigger"),
        ),
        sa.CheckConstraint("priority BETWEEN 1 AND 5", name=op.f("ck_retrain_queue_priority")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retrain_queue")),
        comment="Which models are to be trained again, why, and what came of it.",
    )
    op.create_index(
        "ix_retrain_queue_pending",
        "retrain_queue",
        ["timeframe", "trigger"],
        unique=True,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_retrain_queue_processing",
        "retrain_queue",
        ["timeframe"],
        unique=True,
        postgresql_where=sa.text("status = 'processing'"),
    )
    op.create_index(
        op.f("ix_retrain_queue_status_priority_inserted_at"),
        "retrain_queue",
        ["status", "priority", "inserted_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_retrain_queue_timeframe_started_at"),
        "retrain_queue",
        ["timeframe", "started_at"],
        unique=False,
    )
    op.create_table(
        "model_performance",
        sa.Column("as_of", sa.Date(), nullable=False, comment="the window's last day, exchange time"),
        sa.Column(
            "window_days",
            sa.Integer(),
            nullable=False,
            comment="days in which horizons passed; 0: everything",
        ),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="1m is a minute, 1mo a month"),
        sa.Column("model_version", sa.Integer(), nullable=False, comment="0: whatever served"),
        sa.Column("mode", sa.Text(), nullable=False, comment="how the setups trade: see engine_configs"),
        sa.Column("origin", sa.Text(), nullable=False, comment="see predictions; *: any"),
        sa.Column("ticker", sa.Text(), nullable=False, comment="*: all"),
        sa.Column(
            "predictions",
            sa.BigInteger(),
            nullable=False,
            comment="setups predicted whose whole horizon has passed",
        ),
        sa.Column("entered", sa.BigInteger(), nullable=False, comment="of these, filled"),
        sa.Column(
            "correct", sa.BigInteger(), nullable=False, comment="the price went where it was predicted to"
        ),
        sa.Column("incorrect", sa.BigInteger(), nullable=False, comment="it did not"),
        sa.Column("undecided", sa.BigInteger(), nullable=False, comment="bars cannot tell"),
        sa.Column(
            "accuracy_lo",
            sa.Double(),
            nullable=True,
            comment="correct / decided, the undecided counted against (lo) or for it (hi)",
        ),
        sa.Column(
            "accuracy_hi",
            sa.Double(),
            nullable=True,
            comment="correct / decided, the undecided counted against (lo) or for it (hi)",
        ),
        sa.Column("brier_lo", sa.Double(), nullable=True, comment="mean (p_target_1 - outcome)^2"),
        sa.Column("brier_hi", sa.Double(), nullable=True, comment="mean (p_target_1 - outcome)^2"),
        sa.Column(
            "skill_lo", sa.Double(), nullable=True, comment="1 - Brier / Brier of the window's own base rate"
        ),
        sa.Column(
            "skill_hi", sa.Double(), nullable=True, comment="1 - Brier / Brier of the window's own base rate"
        ),
        sa.Column(
            "calibration_error_lo",
            sa.Double(),
            nullable=True,
            comment="mean distance of said and observed rates over deciles, weighted",
        ),
        sa.Column(
            "calibration_error_hi",
            sa.Double(),
            nullable=True,
            comment="mean distance of said and observed rates over deciles, weighted",
        ),
        sa.Column("win_rate_lo", sa.Double(), nullable=True, comment="first targets / entered and settled"),
        sa.Column("win_rate_hi", sa.Double(), nullable=True, comment="first targets / entered and settled"),
        sa.Column(
            "mean_r_lo", sa.Double(), nullable=True, comment="mean R of the first target's order, after costs"
        ),
        sa.Column(
            "mean_r_hi", sa.Double(), nullable=True, comment="mean R of the first target's order, after costs"
        ),
        sa.Column("profit_factor_lo", sa.Double(), nullable=True, comment="gains / losses in R"),
        sa.Column("profit_factor_hi", sa.Double(), nullable=True, comment="gains / losses in R"),
        sa.Column(
            "acted_win_rate_lo", sa.Double(), nullable=True, comment="of signals that said BUY or SELL"
        ),
        sa.Column(
            "acted_win_rate_hi", sa.Double(), nullable=True, comment="of signals that said BUY or SELL"
        ),
        sa.Column("acted_mean_r_lo", sa.Double(), nullable=True, comment="of signals that said BUY or SELL"),
        sa.Column("acted_mean_r_hi", sa.Double(), nullable=True, comment="of signals that said BUY or SELL"),
        sa.Column(
            "acted_profit_factor_lo", sa.Double(), nullable=True, comment="of signals that said BUY or SELL"
        ),
        sa.Column(
            "acted_profit_factor_hi", sa.Double(), nullable=True, comment="of signals that said BUY or SELL"
        ),
        sa.Column(
            "win_rate_low",
            sa.Double(),
            nullable=True,
            comment="95 % of block bootstraps; NULL where there are too few",
        ),
        sa.Column(
            "win_rate_high",
            sa.Double(),
            nullable=True,
            comment="95 % of block bootstraps; NULL where there are too few",
        ),
        sa.Column("mean_p", sa.Double(), nullable=True, comment="mean p_target_1 of the entered"),
        sa.Column("acted", sa.BigInteger(), nullable=False, comment="predictions that said BUY or SELL"),
        sa.Column(
            "latency_ms_mean",
            sa.Double(),
            nullable=True,
            comment="milliseconds that a prediction took on average",
        ),
        sa.Column(
            "latency_ms_max",
            sa.Double(),
            nullable=True,
            comment="milliseconds that the slowest prediction took",
        ),
        sa.Column(
            "lineage_id",
            sa.BigInteger(),
            nullable=False,
            comment="which run last changed the row, see lineage",
        ),
        sa.ForeignKeyConstraint(["lineage_id"], ["lineage.id"], name=op.f("fk_model_performance_lineage_id")),
        sa.PrimaryKeyConstraint(
            "timeframe",
            "mode",
            "model_version",
            "origin",
            "ticker",
            "window_days",
            "as_of",
            name=op.f("pk_model_performance"),
        ),
        comment="How predictions came out, over rolling windows of full-horizon cohorts, as intervals.",
    )
    op.create_table(
        "prediction_steps",
        sa.Column("ticker", sa.Text(), nullable=False, comment="symbol of the instrument"),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="1m is a minute, 1mo a month"),
        sa.Column(
            "made_from",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="open time of the newest bar that was known",
        ),
        sa.Column("model", sa.Text(), nullable=False, comment="what it was made by"),
        sa.Column("step", sa.SmallInteger(), nullable=False, comment="1 to 30 bars ahead"),
        sa.Column(
            "ts", sa.DateTime(timezone=True), nullable=False, comment="open time of the bar that is forecast"
        ),
        sa.Column("close_at", sa.DateTime(timezone=True), nullable=False, comment="when it closes"),
        sa.Column("open", sa.Double(), nullable=False, comment="median over the simulated paths"),
        sa.Column("high", sa.Double(), nullable=False, comment="median over the simulated paths"),
        sa.Column("low", sa.Double(), nullable=False, comment="median over the simulated paths"),
        sa.Column("close", sa.Double(), nullable=False, comment="median over the simulated paths"),
        sa.Column(
            "confidence",
            sa.Double(),
            nullable=True,
            comment="share of past forecasts of this step whose q05..q95 held the close",
        ),
        sa.Column("q05", sa.Double(), nullable=False, comment="5 % of simulated closes lie below"),
        sa.Column("q10", sa.Double(), nullable=False, comment="10 % of simulated closes lie below"),
        sa.Column("q25", sa.Double(), nullable=False, comment="25 % of simulated closes lie below"),
        sa.Column("q50", sa.Double(), nullable=False, comment="50 % of simulated closes lie below"),
        sa.Column("q75", sa.Double(), nullable=False, comment="75 % of simulated closes lie below"),
        sa.Column("q90", sa.Double(), nullable=False, comment="90 % of simulated closes lie below"),
        sa.Column("q95", sa.Double(), nullable=False, comment="95 % of simulated closes lie below"),
        sa.Column(
            "lineage_id",
            sa.BigInteger(),
            nullable=False,
            comment="which run last changed the row, see lineage",
        ),
        sa.ForeignKeyConstraint(
            ["ticker", "timeframe", "made_from", "model"],
            [
                "price_forecasts.ticker",
                "price_forecasts.timeframe",
                "price_forecasts.made_from",
                "price_forecasts.model",
            ],
            name=op.f("fk_prediction_steps_ticker_timeframe_made_from_model"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "ticker", "timeframe", "made_from", "model", "step", name=op.f("pk_prediction_steps")
        ),
        comment="The forecast candles: 30 steps of each forecast, with the fan of their closes.",
    )
    op.create_table(
        "drift_reports",
        sa.Column("timeframe", sa.Text(), nullable=False, comment="1m is a minute, 1mo a month"),
        sa.Column(
            "model_version",
            sa.Integer(),
            nullable=False,
            comment="version of the timeframe's model that spoke",
        ),
        sa.Column(
            "window_start",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="windows follow each other from the model's cut on",
        ),
        sa.Column(
            "window_end",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="the window ends before this time",
        ),
        sa.Column(
            "complete",
            sa.Boolean(),
            nullable=False,
            comment="whether bars reach its end: only then it may alarm",
        ),
        sa.Column("setups", sa.Integer(), nullable=False, comment="that became known in the window"),
        sa.Column("reference_setups", sa.Integer(), nullable=False, comment="of the model's training period"),
        sa.Column("state", sa.Text(), nullable=False, comment="ok, drifted or too_little"),
        sa.Column("reason", sa.Text(), nullable=False, comment="why"),
        sa.Column(
            "p_value",
            sa.Double(),
            nullable=True,
            comment="of all parts together; NULL where nothing could be judged",
        ),
        sa.Column(
            "share_dissimilar",
            sa.Double(),
            nullable=True,
            comment="setups farther from training than 95 % of training is",
        ),
        sa.Column(
            "calibration",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="per reading: mean outcome less p_target_1, with interval",
        ),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="of what it was made from"),
        sa.Column(
            "made_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when it was made",
        ),
        sa.Column(
            "lineage_id",
            sa.BigInteger(),
            nullable=False,
            comment="which run last changed the row, see lineage",
        ),
        sa.CheckConstraint("state IN ('ok', 'drifted', 'too_little')", name=op.f("ck_drift_reports_state")),
        sa.ForeignKeyConstraint(["lineage_id"], ["lineage.id"], name=op.f("fk_drift_reports_lineage_id")),
        sa.ForeignKeyConstraint(
            ["timeframe", "model_version"],
            ["models.timeframe", "models.version"],
            name=op.f("fk_drift_reports_timeframe_model_version"),
        ),
        sa.PrimaryKeyConstraint("timeframe", "model_version", "window_start", name=op.f("pk_drift_reports")),
        comment="Window after window: whether setups are still those that the model was trained on.",
    )
    op.create_table(
        "model_deployments",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="number of the row"
        ),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="1m is a minute, 1mo a month"),
        sa.Column("version", sa.Integer(), nullable=False, comment="of the timeframe's model, counting up"),
        sa.Column(
            "served_from", sa.DateTime(timezone=True), nullable=False, comment="when it began to serve"
        ),
        sa.Column(
            "served_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it ceased to; NULL: it serves",
        ),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it began to serve"),
        sa.ForeignKeyConstraint(
            ["timeframe", "version"],
            ["models.timeframe", "models.version"],
            name=op.f("fk_model_deployments_timeframe_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_deployments")),
        comment="Which version served a timeframe from when to when: a past day is predicted by the one of that day.",
    )
    op.create_index(
        "ix_model_deployments_serving",
        "model_deployments",
        ["timeframe"],
        unique=True,
        postgresql_where=sa.text("served_until IS NULL"),
    )
    op.create_index(
        op.f("ix_model_deployments_timeframe_served_from"),
        "model_deployments",
        ["timeframe", "served_from"],
        unique=False,
    )
    op.create_table(
        "drift_metrics",
        sa.Column("timeframe", sa.Text(), nullable=False, comment="1m is a minute, 1mo a month"),
        sa.Column(
            "model_version",
            sa.Integer(),
            nullable=False,
            comment="version of the timeframe's model that spoke",
        ),
        sa.Column(
            "window_start",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="the window begins at this time",
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="feature or score"),
        sa.Column("name", sa.Text(), nullable=False, comment="name of the instrument"),
        sa.Column(
            "psi",
            sa.Double(),
            nullable=True,
            comment="population stability index against the training period",
        ),
        sa.Column("ks", sa.Double(), nullable=True, comment="largest distance of the distribution functions"),
        sa.Column(
            "p_value",
            sa.Double(),
            nullable=True,
            comment="of the index, from stretches of the training period",
        ),
        sa.Column(
            "adjusted_p", sa.Double(), nullable=True, comment="corrected for all features that were looked at"
        ),
        sa.Column(
            "drifted",
            sa.Boolean(),
            nullable=False,
            comment="whether it has moved beyond what chance explains",
        ),
        sa.ForeignKeyConstraint(
            ["timeframe", "model_version", "window_start"],
            ["drift_reports.timeframe", "drift_reports.model_version", "drift_reports.window_start"],
            name=op.f("fk_drift_metrics_timeframe_model_version_window_start"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "timeframe", "model_version", "window_start", "kind", "name", name=op.f("pk_drift_metrics")
        ),
        comment="How far each feature and the scores have moved away from the model's training period.",
    )
    op.add_column(
        "models",
        sa.Column(
            "data_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="close of the newest bar when it was trained",
        ),
    )
    # Rows of outcomes are derived; the next run fills them again, with what they say more.
    op.execute("DELETE FROM prediction_outcomes")
    op.add_column(
        "prediction_outcomes",
        sa.Column("prediction_id", sa.BigInteger(), nullable=False, comment="the prediction's id"),
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column("day", sa.Date(), nullable=False, comment="exchange day on which the setup became known"),
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column(
            "known_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="close of the bar: nobody can know the row earlier",
        ),
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column(
            "life_end",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the setup's whole horizon has passed",
        ),
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column("mode", sa.Text(), nullable=False, comment="how the setup trades: see engine_configs"),
    )
    op.add_column(
        "prediction_outcomes", sa.Column("origin", sa.Text(), nullable=False, comment="see predictions")
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column(
            "in_sample", sa.Boolean(), nullable=False, comment="known before the cut of its model's split"
        ),
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column(
            "p_target_1",
            sa.Double(),
            nullable=True,
            comment="probability of target 1 before the stop, if entered",
        ),
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column(
            "signal", sa.Text(), nullable=True, comment="BUY, SELL, or HOLD below the model's threshold"
        ),
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column(
            "expected_r",
            sa.Double(),
            nullable=True,
            comment="mean R of the order that signals act on, if entered, after costs",
        ),
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column("latency_ms", sa.Double(), nullable=False, comment="time that the model took, per setup"),
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column(
            "actual_price_lo", sa.Double(), nullable=True, comment="where the first target's order left"
        ),
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column(
            "actual_price_hi", sa.Double(), nullable=True, comment="where the first target's order left"
        ),
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column("actual_change_lo", sa.Double(), nullable=True, comment="actual price / fill price - 1"),
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column("actual_change_hi", sa.Double(), nullable=True, comment="actual price / fill price - 1"),
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column(
            "actual_direction",
            sa.Text(),
            nullable=True,
            comment="UP or DOWN from the fill to the exit; NULL where paths disagree",
        ),
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column(
            "correct",
            sa.Boolean(),
            nullable=True,
            comment="whether the price went where it was predicted to; NULL where bars cannot tell",
        ),
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column(
            "horizon_passed",
            sa.Boolean(),
            nullable=False,
            comment="whether the setup's whole life lies within its ticker's bars: only then it is counted",
        ),
    )
    op.add_column(
        "prediction_outcomes",
        sa.Column(
            "superseded",
            sa.Boolean(),
            nullable=False,
            comment="its setup is gone or planned otherwise since, as bars were corrected: never counted",
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "direction", sa.Text(), nullable=True, comment="UP or DOWN: where the setup goes if it works"
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "expected_r",
            sa.Double(),
            nullable=True,
            comment="mean R of the order that signals act on, if entered: first target or stop, after costs",
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "expected_r_low", sa.Double(), nullable=True, comment="expected_r at the end of the 90 % interval"
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "expected_r_high",
            sa.Double(),
            nullable=True,
            comment="expected_r at the end of the 90 % interval",
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "predicted_price",
            sa.Double(),
            nullable=True,
            comment="mean exit price, a third leaving at each target with its probability, else at the stop",
        ),
    )
    op.add_column(
        "predictions",
        sa.Column("predicted_change", sa.Double(), nullable=True, comment="predicted_price / entry - 1"),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "confidence", sa.Double(), nullable=True, comment="1 - width of the 90 % interval of p_target_1"
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "hold_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when a position filled at once is expected to have left",
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "reasons",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="what moved p_target_1, in sentences; of signals that are shown",
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "origin",
            sa.Text(),
            nullable=True,
            comment="live, backfilled (later, by the version that served then) or reconstructed (no version served then: by the one that knew most of the time before)",
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(always=False),
            nullable=False,
            comment="names the signal in other tables",
        ),
    )
    op.create_index(
        "ix_predictions_features",
        "predictions",
        ["features"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"features": "jsonb_path_ops"},
    )
    op.create_index(op.f("ix_predictions_id"), "predictions", ["id"], unique=True)
    op.create_index(op.f("ix_predictions_ticker_ts"), "predictions", ["ticker", "ts"], unique=False)
    op.create_check_constraint(
        op.f("ck_predictions_origin"), "predictions", "origin IN ('live', 'backfilled', 'reconstructed')"
    )
    op.create_check_constraint(op.f("ck_predictions_direction"), "predictions", "direction IN ('UP', 'DOWN')")
    op.create_check_constraint(
        op.f("ck_prediction_outcomes_actual_direction"),
        "prediction_outcomes",
        "actual_direction IN ('UP', 'DOWN')",
    )
    op.execute(
        """
        INSERT INTO model_deployments (timeframe, version, served_from, served_until, reason)
        SELECT timeframe, version, deployed_at, CASE WHEN status = 'active' THEN NULL ELSE retired_at END, status_reason
        FROM models WHERE deployed_at IS NOT NULL AND (status = 'active' OR retired_at IS NOT NULL)
        ORDER BY deployed_at
        """
    )
    for name, query in _VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")
    for view, columns in _MEANINGS.items():
        for column, meaning in columns.items():
            op.execute(
                sa.text(f"COMMENT ON COLUMN {view}.{column} IS '{meaning.replace(chr(39), chr(39) * 2)}'")
            )
    op.execute(_DESCRIBE_VIEWS)
    for column, meaning in _STATISTICS.items():
        op.execute(f"COMMENT ON COLUMN fvg_statistics.{column} IS '{meaning}'")


def downgrade() -> None:
    for name in _VIEWS:
        op.execute(f"DROP VIEW {name}")
    for column in _STATISTICS:
        op.execute(f"COMMENT ON COLUMN fvg_statistics.{column} IS NULL")
    op.drop_index(op.f("ix_predictions_ticker_ts"), table_name="predictions")
    op.drop_index(op.f("ix_predictions_id"), table_name="predictions")
    op.drop_index(
        "ix_predictions_features",
        table_name="predictions",
        postgresql_using="gin",
        postgresql_ops={"features": "jsonb_path_ops"},
    )
    op.drop_column("predictions", "id")
    op.drop_column("predictions", "origin")
    op.drop_column("predictions", "reasons")
    op.drop_column("predictions", "hold_until")
    op.drop_column("predictions", "confidence")
    op.drop_column("predictions", "predicted_change")
    op.drop_column("predictions", "predicted_price")
    op.drop_column("predictions", "expected_r_high")
    op.drop_column("predictions", "expected_r_low")
    op.drop_column("predictions", "expected_r")
    op.drop_column("predictions", "direction")
    op.drop_column("prediction_outcomes", "superseded")
    op.drop_column("prediction_outcomes", "horizon_passed")
    op.drop_column("prediction_outcomes", "correct")
    op.drop_column("prediction_outcomes", "actual_direction")
    op.drop_column("prediction_outcomes", "actual_change_hi")
    op.drop_column("prediction_outcomes", "actual_change_lo")
    op.drop_column("prediction_outcomes", "actual_price_hi")
    op.drop_column("prediction_outcomes", "actual_price_lo")
    op.drop_column("prediction_outcomes", "latency_ms")
    op.drop_column("prediction_outcomes", "expected_r")
    op.drop_column("prediction_outcomes", "signal")
    op.drop_column("prediction_outcomes", "p_target_1")
    op.drop_column("prediction_outcomes", "in_sample")
    op.drop_column("prediction_outcomes", "origin")
    op.drop_column("prediction_outcomes", "mode")
    op.drop_column("prediction_outcomes", "life_end")
    op.drop_column("prediction_outcomes", "known_at")
    op.drop_column("prediction_outcomes", "day")
    op.drop_column("prediction_outcomes", "prediction_id")
    op.drop_column("models", "data_until")
    op.drop_table("drift_metrics")
    op.drop_index(op.f("ix_model_deployments_timeframe_served_from"), table_name="model_deployments")
    op.drop_index(
        "ix_model_deployments_serving",
        table_name="model_deployments",
        postgresql_where=sa.text("served_until IS NULL"),
    )
    op.drop_table("model_deployments")
    op.drop_table("drift_reports")
    op.drop_table("prediction_steps")
    op.drop_table("model_performance")
    op.drop_index(op.f("ix_retrain_queue_timeframe_started_at"), table_name="retrain_queue")
    op.drop_index(op.f("ix_retrain_queue_status_priority_inserted_at"), table_name="retrain_queue")
    op.drop_index(
        "ix_retrain_queue_processing",
        table_name="retrain_queue",
        postgresql_where=sa.text("status = 'processing'"),
    )
    op.drop_index(
        "ix_retrain_queue_pending", table_name="retrain_queue", postgresql_where=sa.text("status = 'pending'")
    )
    op.drop_table("retrain_queue")
    op.drop_table("price_forecasts")
