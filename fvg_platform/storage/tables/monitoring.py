"""Whether models are still true, and the line of those that are to be trained again."""

import sqlalchemy as sa

from fvg_platform.storage.tables.columns import (
    JSON,
    Time,
    lineage_of,
    metadata,
    now,
    primary,
    refers,
    text,
    time,
)

_DRIFT_KEY = ("timeframe", "model_version", "window_start")

drift_reports = sa.Table(
    "drift_reports",
    metadata,
    text("timeframe"),
    sa.Column("model_version", sa.Integer, nullable=False),
    sa.Column(
        "window_start", Time, nullable=False, comment="windows follow each other from the model's cut on"
    ),
    time("window_end"),
    sa.Column(
        "complete", sa.Boolean, nullable=False, comment="whether bars reach its end: only then it may alarm"
    ),
    sa.Column("setups", sa.Integer, nullable=False, comment="that became known in the window"),
    sa.Column("reference_setups", sa.Integer, nullable=False, comment="of the model's training period"),
    sa.Column("state", sa.Text, nullable=False, comment="ok, drifted or too_little"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("p_value", sa.Double, comment="of all parts together; NULL where nothing could be judged"),
    sa.Column("share_dissimilar", sa.Double, comment="setups farther from training than 95 % of training is"),
    sa.Column("calibration", JSON, comment="per reading: mean outcome less p_target_1, with interval"),
    sa.Column("fingerprint", sa.Text, nullable=False, comment="of what it was made from"),
    now("made_at"),
    lineage_of(),
    primary(*_DRIFT_KEY),
    sa.ForeignKeyConstraint(["timeframe", "model_version"], ["models.timeframe", "models.version"]),
    sa.CheckConstraint("state IN ('ok', 'drifted', 'too_little')", name="state"),
    comment="Window after window: whether setups are still those that the model was trained on.",
)

drift_metrics = sa.Table(
    "drift_metrics",
    metadata,
    text("timeframe"),
    sa.Column("model_version", sa.Integer, nullable=False),
    time("window_start"),
    sa.Column("kind", sa.Text, nullable=False, comment="feature or score"),
    text("name"),
    sa.Column("psi", sa.Double, comment="population stability index against the training period"),
    sa.Column("ks", sa.Double, comment="largest distance of the distribution functions"),
    sa.Column("p_value", sa.Double, comment="of the index, from stretches of the training period"),
    sa.Column("adjusted_p", sa.Double, comment="corrected for all features that were looked at"),
    sa.Column("drifted", sa.Boolean, nullable=False),
    primary(*_DRIFT_KEY, "kind", "name"),
    refers(_DRIFT_KEY, "drift_reports", ondelete="CASCADE"),
    comment="How far each feature and the scores have moved away from the model's training period.",
)

TRIGGERS = ("hand", "drift", "skill", "revision", "labels", "age")

retrain_queue = sa.Table(
    "retrain_queue",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("signal_id", sa.BigInteger, comment="predictions.id: train the model that said this"),
    sa.Column("timeframe", sa.Text, comment="of the model; found by the signal where that is named"),
    sa.Column("model_version", sa.Integer, comment="the version that gave reason to train again"),
    sa.Column("trigger", sa.Text, nullable=False, comment=", ".join(TRIGGERS)),
    text("reason"),
    sa.Column("priority", sa.SmallInteger, nullable=False, comment="1 first, 5 last"),
    sa.Column("status", sa.Text, nullable=False, server_default="pending"),
    sa.Column("attempts", sa.SmallInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("run_id", sa.Text, comment="the Dagster run that trains"),
    sa.Column("result", sa.Text, comment="what came of it"),
    sa.Column("error_message", sa.Text, comment="why the last attempt failed"),
    now("inserted_at"),
    time("started_at", nullable=True),
    time("completed_at", nullable=True),
    sa.Column("not_before", Time, comment="an entry that came back waits until then"),
    sa.CheckConstraint("priority BETWEEN 1 AND 5", name="priority"),
    sa.CheckConstraint("status IN ('pending', 'processing', 'completed', 'failed')", name="status"),
    sa.CheckConstraint(f"trigger IN ({', '.join(repr(name) for name in TRIGGERS)})", name="trigger"),
    # Whoever writes rows here: what would stop the queue for everybody else is refused.
    sa.CheckConstraint("status <> 'processing' OR started_at IS NOT NULL", name="started"),
    sa.CheckConstraint("attempts BETWEEN 0 AND 100", name="attempts"),
    sa.CheckConstraint(
        "isfinite(inserted_at) AND isfinite(started_at) AND isfinite(completed_at) AND isfinite(not_before)",
        name="finite",
    ),
    # Never two trainings of one model, whatever two daemons do at once.
    sa.Index(
        "ix_retrain_queue_processing",
        "timeframe",
        unique=True,
        postgresql_where=sa.text("status = 'processing'"),
    ),
    sa.Index(
        "ix_retrain_queue_pending",
        "timeframe",
        "trigger",
        unique=True,
        postgresql_where=sa.text("status = 'pending'"),
    ),
    sa.Index(None, "status", "priority", "inserted_at"),
    sa.Index(None, "timeframe", "started_at"),
    comment="Which models are to be trained again, why, and what came of it.",
)
