"""The tables of the platform: the single description of the schema.

Alembic migrations create exactly this; a test holds the two against each other. Prices and volumes are double
precision, times are `timestamptz`. A series is one ticker in one timeframe; a bar, gap, setup or label is keyed
by its series and the open time of its bar (`ts`), never by a position. `lineage_id` says which run last changed
a row. Bars carry no foreign keys, which a bulk load would check row by row; the one transaction
that writes a series writes its row in `series` too.
"""

from fvg_platform.storage.column_meanings import MEANINGS
from fvg_platform.storage.tables.columns import (
    BAR_KEY,
    DIALECT,
    GAP_KEY,
    PATHS,
    SERIES_KEY,
    SETUP_KEY,
    TARGETS,
    Time,
    metadata,
)
from fvg_platform.storage.tables.gaps import (
    engine_configs,
    fvg_context,
    fvg_detections,
    fvg_labels,
    fvg_setups,
    fvg_statistics,
    fvg_zones,
)
from fvg_platform.storage.tables.learning import (
    features,
    model_comparisons,
    models,
    setup_features,
    train_test_config,
    train_test_splits,
)
from fvg_platform.storage.tables.market import (
    bar_flags,
    bar_gaps,
    bar_quarantine,
    ingestion_log,
    ingestion_state,
    lineage,
    market_data,
    raw_bars,
    series,
    series_changes,
    series_comparisons,
    series_status,
    splits,
    symbols,
    universe_log,
    vendor_calls,
)
from fvg_platform.storage.tables.monitoring import drift_metrics, drift_reports, retrain_queue
from fvg_platform.storage.tables.signals import (
    model_deployments,
    model_performance,
    prediction_outcomes,
    prediction_steps,
    predictions,
    price_forecasts,
)

__all__ = [
    "BAR_KEY",
    "DIALECT",
    "GAP_KEY",
    "PATHS",
    "SERIES_KEY",
    "SETUP_KEY",
    "TARGETS",
    "Time",
    "bar_flags",
    "bar_gaps",
    "bar_quarantine",
    "drift_metrics",
    "drift_reports",
    "engine_configs",
    "features",
    "fvg_context",
    "fvg_detections",
    "fvg_labels",
    "fvg_setups",
    "fvg_statistics",
    "fvg_zones",
    "ingestion_log",
    "ingestion_state",
    "lineage",
    "market_data",
    "metadata",
    "model_comparisons",
    "model_deployments",
    "model_performance",
    "models",
    "prediction_outcomes",
    "prediction_steps",
    "predictions",
    "price_forecasts",
    "raw_bars",
    "retrain_queue",
    "series",
    "series_changes",
    "series_comparisons",
    "series_status",
    "setup_features",
    "splits",
    "symbols",
    "train_test_config",
    "train_test_splits",
    "universe_log",
    "vendor_calls",
]

for _table in metadata.tables.values():
    for _column in _table.columns:
        _column.comment = _column.comment or MEANINGS.get(_column.name)
