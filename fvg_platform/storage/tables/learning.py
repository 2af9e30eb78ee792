"""Features, splits, models, predictions and their outcomes."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from fvg_platform.features.catalogue import FEATURES, SETUP_FEATURES
from fvg_platform.storage.tables.columns import (
    BAR_KEY,
    JSON,
    PATHS,
    SETUP_KEY,
    TARGETS,
    bulk_lineage,
    count,
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

features = sa.Table(
    "features",
    metadata,
    *series_columns(),
    time("ts"),
    *[sa.Column(f.name, sa.Double, comment=f"{f.formula} [{f.unit}]") for f in FEATURES],
    bulk_lineage(),
    primary(*BAR_KEY),
    comment="What was known about a series when a bar closed; the catalogue documents each column.",
)

setup_features = sa.Table(
    "setup_features",
    metadata,
    *series_columns(),
    time("ts"),
    sa.Column("side", sa.SmallInteger, nullable=False),
    text("config_id"),
    *[sa.Column(f.name, sa.Double, comment=f"{f.formula} [{f.unit}]") for f in SETUP_FEATURES],
    *[sa.Column(f.name, sa.Double, comment=f"{f.formula} [{f.unit}]") for f in FEATURES if f.scale_free],
    bulk_lineage(),
    primary(*SETUP_KEY),
    refers(SETUP_KEY, "fvg_setups", ondelete="CASCADE"),
    comment="What was known about a setup at its known_at: the gap's own facts and scale-free bar features.",
)

train_test_splits = sa.Table(
    "train_test_splits",
    metadata,
    text("timeframe"),
    sa.Column("split_version", sa.Integer, nullable=False),
    time("cut_ts"),
    number("train_share", nullable=False),
    sa.Column("embargo", sa.Interval, nullable=False),
    text("fingerprint"),
    now("created_at"),
    sa.Column(
        "tested_by", sa.Integer, comment="the model version that used the test period; it is used once"
    ),
    lineage_of(),
    primary("timeframe", "split_version"),
    comment="One chronological cut per timeframe and version, frozen once written.",
)

train_test_config = sa.Table(
    "train_test_config",
    metadata,
    text("timeframe"),
    sa.Column("split_version", sa.Integer, nullable=False),
    text("ticker"),
    *[count(name) for name in ("bars_train", "bars_test", "setups_train", "setups_purged", "setups_test")],
    time("last_train_life_end", nullable=True),
    time("first_test_known_at", nullable=True),
    primary("timeframe", "split_version", "ticker"),
    refers(("timeframe", "split_version"), "train_test_splits", ondelete="CASCADE"),
    comment="What a split gave each series: rows before and after the cut, and what was purged.",
)

models = sa.Table(
    "models",
    metadata,
    text("timeframe"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("split_version", sa.Integer, nullable=False),
    text("algorithm"),
    sa.Column("flag", sa.Text, comment="why the base rate is served where no model could be trained"),
    sa.Column("setups_trained", sa.Integer, nullable=False),
    sa.Column("setups_entered", sa.Integer, nullable=False),
    sa.Column(
        "setups_resolved", sa.BigInteger, nullable=False, comment="labels that existed when it was trained"
    ),
    text("feature_set_version"),
    sa.Column("features", JSONB, nullable=False),
    sa.Column(
        "config_ids",
        JSON,
        comment="the configurations of setups that its labels were made with, see engine_configs",
    ),
    sa.Column("hyperparameters", JSONB, nullable=False),
    sa.Column("fold_scores", JSONB, nullable=False),
    sa.Column(
        "test_metrics",
        JSONB(none_as_null=True),
        comment="NULL where the split version's test period had been used before",
    ),
    sa.Column("importances", JSONB, nullable=False),
    text("artifact"),
    text("sha256"),
    now("trained_at"),
    lineage_of(),
    primary("timeframe", "version"),
    refers(("timeframe", "split_version"), "train_test_splits"),
    sa.Index(None, "timeframe", "split_version", "sha256"),
    comment="Every model that was trained; the newest version of a timeframe is the one that is served.",
)

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
    *[number(name) for name in ("p_entered", "p_target_1", "p_target_2", "p_target_3")],
    sa.Column("in_sample", sa.Boolean, nullable=False),
    sa.Column("flag", sa.Text),
    sa.Column("features", JSONB, nullable=False),
    number("latency_ms", nullable=False),
    now("predicted_at"),
    lineage_of(),
    primary(*SETUP_KEY, "model_version"),
    sa.ForeignKeyConstraint(["timeframe", "model_version"], ["models.timeframe", "models.version"]),
    refers(("config_id",), "engine_configs"),
    sa.Index(None, "day"),
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
    text("status"),
    *[sa.Column(f"outcome_{k}_{path}", sa.Text) for k in TARGETS for path in PATHS],
    *[number(f"r_{k}_{path}") for k in TARGETS for path in PATHS],
    time("resolved_at", nullable=True),
    lineage_of(),
    primary(*SETUP_KEY, "model_version"),
    refers((*SETUP_KEY, "model_version"), "predictions"),
    comment="What became of each prediction, as its label resolves, however late.",
)
