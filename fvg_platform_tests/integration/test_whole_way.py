"""From bars to signals through Dagster into a real Postgres: the demo, and what disturbs it."""

from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform_tests.platforms import Workplace


def test_the_demo_fills_every_table(sample: Workplace) -> None:
    tables = [
        "symbols", "series", "ingestion_log", "raw_bars", "market_data", "bar_gaps",
        "fvg_detections", "fvg_setups", "fvg_labels", "features", "setup_features", "train_test_splits",
        "train_test_config", "models", "predictions", "prediction_outcomes", "prediction_results",
    ]  # fmt: skip
    counts = {table: sample.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables}
    assert all(counts.values()), counts
    assert {row[0] for row in sample.rows("SELECT timeframe FROM models")} == set(TIMEFRAMES)
    assert sample.rows("SELECT * FROM series_status WHERE state <> 'ok'") == []


def test_a_second_demo_does_nothing(sample: Workplace) -> None:
    assert sample.bring_up_to_date() == []
