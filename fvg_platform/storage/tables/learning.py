"""Features, splits, models."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from fvg_platform.features.catalogue import FEATURES, SETUP_FEATURES
from fvg_platform.storage.tables.columns import (
    BAR_KEY,
    JSON,
    SETUP_KEY,
    Time,
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


def _own_features() -> sa.Column[Any]:
    return sa.Column("custom", JSON, comment="a user's own features by name, see FVG_FEATURES")


def _find_own_features(table: str) -> sa.Index:
    # Rows without features of a user's own, by far the most, cost nothing.
    return sa.Index(
        f"ix_{table}_custom", "custom", postgresql_using="gin", postgresql_where=sa.text("custom IS NOT NULL")
    )


features = sa.Table(
    "features",
    metadata,
    *series_columns(),
    time("ts"),
    *[sa.Column(f.name, sa.Double, comment=f"{f.formula} [{f.unit}]") for f in FEATURES],
    _own_features(),
    bulk_lineage(),
    primary(*BAR_KEY),
    _find_own_features("features"),
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
    _own_features(),
    bulk_lineage(),
    primary(*SETUP_KEY),
    _find_own_features("setup_features"),
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
    text("semantic_version"),
    sa.Column("name", sa.Text, nullable=False, comment="what the model is called"),
    sa.Column(
        "scope", sa.Text, nullable=False, comment="pooled over all tickers, or the one ticker it is for"
    ),
    sa.Column("status", sa.Text, nullable=False, comment="candidate, active (it serves) or retired"),
    sa.Column(
        "status_reason", sa.Text, comment="why it has that status: what the comparison said, or who decided"
    ),
    time("deployed_at", nullable=True),
    time("retired_at", nullable=True),
    sa.Column("split_version", sa.Integer, nullable=False),
    sa.Column(
        "algorithm", sa.Text, nullable=False, comment="what the probabilities of the targets come from"
    ),
    sa.Column("entry_algorithm", sa.Text, comment="what the probability of the fill comes from"),
    sa.Column("flag", sa.Text, comment="why the base rate is served where no model could be trained"),
    sa.Column("notes", JSON, comment="what training had to say of its data"),
    time("trained_from", nullable=True),
    time("trained_to", nullable=True),
    sa.Column("data_until", Time, comment="close of the newest bar when it was trained"),
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
    sa.Column("trials", JSON, comment="every trial of the tuning: parameters, folds, value"),
    sa.Column("fold_scores", JSONB, nullable=False),
    sa.Column("walk_forward", JSON, comment="skill of the served algorithm, fold after fold"),
    sa.Column(
        "tried", JSON, comment="out-of-fold skill of every algorithm compared, served or not, with interval"
    ),
    sa.Column("combinatorial", JSON, comment="skill over combinatorial purged splits of the training period"),
    sa.Column("calibration", JSON, comment="per target the method that was chosen on folds, and the scores"),
    sa.Column("threshold", JSON, comment="the probability from which signals are acted on, chosen on folds"),
    sa.Column(
        "test_metrics",
        JSON,
        comment="NULL where the split version's test period had been used before",
    ),
    sa.Column(
        "calibration_curve", JSON, comment="per target: predicted against observed rates on the test period"
    ),
    sa.Column("backtest", JSON, comment="what acting on the signals of the test period would have brought"),
    sa.Column("importances", JSONB, nullable=False, comment="per target and feature the gain"),
    sa.Column(
        "contributions", JSON, comment="per target and feature the mean size of its contribution, log odds"
    ),
    sa.Column("artifact", sa.Text, nullable=False, comment="name of the model's file in the model store"),
    sa.Column("card", sa.Text, comment="name of the model card in the model store"),
    text("sha256"),
    sa.Column("git_commit", sa.Text, comment="of the code that trained it; + where files had changed since"),
    sa.Column("run_id", sa.Text, comment="the Dagster run that trained it"),
    now("trained_at"),
    lineage_of(),
    primary("timeframe", "version"),
    refers(("timeframe", "split_version"), "train_test_splits"),
    sa.CheckConstraint("status IN ('candidate', 'active', 'retired')", name="status"),
    sa.Index(None, "timeframe", "split_version", "sha256"),
    # At most one model serves a timeframe, whatever two runs do at once.
    sa.Index("ix_models_one_active", "timeframe", unique=True, postgresql_where=sa.text("status = 'active'")),
    comment="Every model that was trained; the active version of a timeframe is the one that is served.",
)

model_comparisons = sa.Table(
    "model_comparisons",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    text("timeframe"),
    sa.Column("challenger", sa.Integer, nullable=False, comment="the version that wanted to serve"),
    sa.Column(
        "champion", sa.Integer, comment="the version that served; NULL where none could be compared with"
    ),
    sa.Column("promoted", sa.Boolean, nullable=False, comment="whether the challenger serves now"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("setups", sa.Integer, nullable=False, comment="setups newer than both models' training"),
    sa.Column(
        "difference",
        JSON,
        comment="Brier of challenger less champion over the targets, interval: what decided",
    ),
    sa.Column(
        "differences",
        JSONB,
        nullable=False,
        comment="per target: Brier of challenger less champion, interval",
    ),
    sa.Column(
        "calibration",
        JSONB,
        nullable=False,
        comment="per target: the challenger's calibration error, interval",
    ),
    now("compared_at"),
    lineage_of(),
    sa.ForeignKeyConstraint(["timeframe", "challenger"], ["models.timeframe", "models.version"]),
    sa.Index(None, "timeframe", "challenger"),
    comment="Each time a challenger was held against the champion: the verdict, its figures, and why.",
)
