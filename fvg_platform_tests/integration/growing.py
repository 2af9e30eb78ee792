"""A ticker whose bars arrive in parts, and the assets that follow: what tests of refreshes work with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from fvg_platform.features.feature import Feature
from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.resampling import resample_bars
from fvg_platform.pipeline.assets import gaps, labels, setups
from fvg_platform.pipeline.market_source import MarketSource
from fvg_platform.pipeline.partitions import Series
from fvg_platform.pipeline.series_assets import SeriesAsset
from fvg_platform.storage import schema, series_status
from fvg_platform.storage.bulk import series_transaction
from fvg_platform.storage.changes import log_change
from fvg_platform.storage.database import Database
from fvg_platform.storage.records import execute
from fvg_platform.storage.series_status import Status
from fvg_platform.storage.series_tables import replace_series_rows
from fvg_platform_tests.platforms import Workplace

ASSETS = (gaps.fvg_detections, setups.fvg_setups, labels.fvg_labels)
TABLES = ("fvg_detections", "fvg_zones", "fvg_context", "fvg_setups", "fvg_labels")
CALENDAR = trading_calendar("crypto")
BASIS = {
    "asset_class": "crypto",
    "adjustment": "raw",
    "anchor": "clock",
    "session": "regular",
    "source": "test",
}
MINUTES = 2400


def minutes(count: int = MINUTES, frequency: str = "min") -> pd.DataFrame:
    """Minutes of a market that never closes, over two ends of its day; or hours."""
    random = np.random.default_rng(11)
    path = 100 * np.exp(np.cumsum(random.normal(0, 2e-4, (count, 8)).ravel())).reshape(count, 8)
    return pd.DataFrame(
        {
            "ts": pd.date_range("2024-03-05 08:00", periods=count, freq=frequency, tz="UTC").as_unit("us"),
            "open": path[:, 0],
            "high": path.max(axis=1),
            "low": path.min(axis=1),
            "close": path[:, -1],
            "volume": random.integers(1, 1000, count).astype(float),
        }
    )


@dataclass
class Growing:
    """One ticker whose bars arrive in parts."""

    database: Database
    source: MarketSource
    ticker: str
    assets: Sequence[SeriesAsset] = ASSETS
    own_features: tuple[Feature, ...] = field(default=())

    def add(self, bars: pd.DataFrame, timeframe: str) -> None:
        """Make these the bars of a timeframe, as the asset `bars` does."""
        series = Series(self.ticker, timeframe)
        with series_transaction(self.database.url, lock_key=f"series {series}") as connection:
            execute(connection, "SET LOCAL session_replication_role = replica")  # no symbol is needed here
            series_status.write_series(connection, {"ticker": self.ticker, "timeframe": timeframe, **BASIS})
            own = series_status.statuses_of_ticker(connection, self.ticker).get((timeframe, "bars"))
            revision = 1 if own is None else own.revision + 1
            written = replace_series_rows(connection, schema.market_data, *series, bars, 1)
            if not written.changed:
                return
            series_status.write_status(
                connection,
                Status(
                    *series, "bars", "ok", "run", fingerprint=str(revision), revision=revision, rows=len(bars),
                    first_ts=bars["ts"].iloc[0], last_ts=bars["ts"].iloc[-1],
                ),
            )  # fmt: skip
            log_change(connection, *series, "bars", revision, written.first_changed)

    def arrive(self, bars: pd.DataFrame) -> None:
        """Minutes, and what they make."""
        self.add(bars, "1m")
        for coarse in ("5m", "15m"):
            self.add(resample_bars(bars, "1m", coarse, CALENDAR), coarse)

    def derive(self, timeframes: Sequence[str] = ("1m", "5m", "15m")) -> dict[str, dict[str, Any]]:
        """Bring every asset up to date; what each says of itself."""
        said = {}
        for asset in self.assets:
            for timeframe in timeframes:
                status, metadata = asset.run_one(
                    self.database,
                    self.source,
                    Series(self.ticker, timeframe),
                    "run",
                    own_features=self.own_features,
                )
                if status is None:
                    continue  # two minutes make no bar of fifteen
                assert status.state == "ok"
                said[f"{asset.name} {timeframe}"] = dict(metadata)
        return said

    def rows(self, place: Workplace) -> dict[str, list[Any]]:
        """All rows that are derived, without what names the ticker and the run."""
        return {
            table: place.rows(
                f"SELECT (to_jsonb(t) - '{{ticker,lineage_id}}'::text[])::text AS row FROM {table} t "
                f"WHERE ticker = '{self.ticker}' ORDER BY row"
            )
            for table in TABLES
        } | {
            "counts": place.rows(
                "SELECT timeframe, asset, rows, first_ts, last_ts FROM series_status "
                f"WHERE ticker = '{self.ticker}' AND asset LIKE 'fvg%' ORDER BY 1, 2"
            )
        }
