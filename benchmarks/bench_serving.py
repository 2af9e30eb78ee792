"""Features into their table and out again: 100k bars computed and stored, a day of new ones, one prediction explained.

The features' rows go through the asset with its transaction, lineage and comparison with what is stored. Beside it
pandas' own `to_sql` writes the same columns of a tenth of the rows, times ten. The prediction is what the live path
does for one setup: its stored row is read, the model predicts, and each feature's contribution is told.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.bench_features import made_up_bars
from benchmarks.bench_refresh import store
from benchmarks.crypto_series import SERIES, database_with_series
from fvg_platform.features.catalogue import FEATURES, MODEL_FEATURES, compute_features
from fvg_platform.learning.out_of_fold import TrainingConfig
from fvg_platform.learning.trained_model import TrainedModel
from fvg_platform.learning.training import train
from fvg_platform.pipeline.assets.features import bar_features
from fvg_platform.pipeline.market_source import MarketSource
from fvg_platform.storage import schema
from fvg_platform.storage.bulk import series_transaction
from fvg_platform.storage.bulk_connections import bulk_connection
from fvg_platform.storage.database import Database
from fvg_platform.storage.prediction_tables import setups_known_within
from fvg_platform.storage.records import execute
from fvg_platform.storage.series_tables import update_series_rows

BARS, NEW, REPEATS = 100_000, 390, 8


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def stored_features(database: Database, source: MarketSource) -> None:
    """Bring the series' features up to date."""
    status, _ = bar_features.run_one(database, source, SERIES, "bench")
    assert status is not None and status.state == "ok", status


def store_a_setup(database: Database) -> pd.Timestamp:
    """One setup with its features; when it became known."""
    rng = np.random.default_rng(3)
    known_at = pd.Timestamp("2026-03-02 15:00", tz="UTC")
    key = {"ts": [known_at], "side": [1], "config_id": ["c"]}
    plan = {
        "entry": 100.0,
        "stop": 99.0,
        "risk": 1.0,
        "target_1": 101.0,
        "target_2": 102.0,
        "target_3": 103.0,
    }
    known = dict(zip(MODEL_FEATURES, rng.normal(size=(len(MODEL_FEATURES), 1)), strict=True))
    with series_transaction(database.url, "bench") as connection:
        execute(connection, "SET LOCAL session_replication_role = replica")  # there is no gap
        execute(
            connection,
            "INSERT INTO engine_configs (config_id, mode, configuration) VALUES ('c', 'scalping', '{\"cost_bps\": 1}')",
        )
        for table, values in (
            (schema.fvg_setups, {**plan, "known_at": known_at}),
            (schema.setup_features, known),
        ):
            update_series_rows(connection, table, *SERIES, pd.DataFrame({**key, **values}), 1)
    return known_at


def made_up_model() -> TrainedModel:
    """A LightGBM model of all features, on setups whose outcome two features tell together, which only trees see."""
    rng = np.random.default_rng(5)
    n = 20_000
    x = rng.normal(size=(n, len(MODEL_FEATURES)))
    known_at = pd.date_range("2015-01-01", periods=n, freq="3h", tz="UTC")
    won = rng.random(n) < 1.0 / (1.0 + np.exp(-1.5 * np.sign(x[:, 0] * x[:, 1]) - 0.5 * x[:, 2]))
    outcome = np.where(won, "target", "stop")
    keys = {"ticker": "MADE", "ts": known_at, "side": 1, "known_at": known_at, "status": "entered"}
    labels = {f"outcome_{k}_{path}": outcome for k in (1, 2, 3) for path in ("lo", "hi")}
    ends = {"life_end": known_at + pd.Timedelta(days=2)}
    rows = pd.DataFrame({**keys, **ends, **labels, **dict(zip(MODEL_FEATURES, x.T, strict=True))})
    cut = known_at[-1] + pd.Timedelta(days=5)
    config = TrainingConfig(trials=0)
    return train(
        rows, MODEL_FEATURES, timeframe="1m", cut=cut, embargo=pd.Timedelta(minutes=1), config=config
    )


def main() -> None:
    """Print the table."""
    with database_with_series() as (database, source):
        bars = made_up_bars(BARS + NEW * REPEATS)
        compute_features(bars.iloc[:5_000])  # compiles the kernels
        store(database, bars.iloc[:BARS], BARS, 1)
        report("compute + store, 100k bars", timed(lambda: stored_features(database, source)), "≤ 5")
        tenth = compute_features(bars.iloc[: BARS // 10])
        peer = 10 * timed(lambda: tenth.to_sql("bench_peer", database.engine, index=False, chunksize=1_000))
        report("pandas to_sql of the same columns, its tenth × 10", peer)
        again = []
        for day in range(REPEATS):
            done = BARS + NEW * day
            store(database, bars.iloc[done : done + NEW], done + NEW, day + 2)
            again.append(timed(lambda: stored_features(database, source)))
        report(f"compute + store, {NEW} new bars (median)", statistics.median(again))

        known_at, model = store_a_setup(database), made_up_model()

        def explained() -> None:
            with bulk_connection(database.url) as connection:
                row = setups_known_within(connection, "1m", known_at, known_at + pd.Timedelta(seconds=1))
            assert len(row) == 1
            assert model.predict(row)["p_target_1"].notna().all()
            assert (model.explain(row).abs().sum(axis=1) > 0).all()

        explained()
        one = statistics.median(timed(explained) for _ in range(21))
        report(f"one prediction with reasons from its stored row, ms ({model.algorithm})", one * 1000, "≤ 20")


def report(what: str, figure: float, goal: str = "") -> None:
    """Print one line."""
    print(f"{what:<72}{figure:>9.3f} {goal:>6}", flush=True)


if __name__ == "__main__":
    print(f"{len(FEATURES)} bar features, {len(MODEL_FEATURES)} of a model")
    main()
