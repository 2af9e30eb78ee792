"""A series that grows: what can still change is touched, and the tables are those of the whole history."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.resampling import resample_bars
from fvg_platform.pipeline.assets import gaps, labels, setups
from fvg_platform.pipeline.market_source import MarketSource
from fvg_platform.pipeline.partitions import Series
from fvg_platform.sources.sample import SampleSource
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


def minutes(count: int = MINUTES) -> pd.DataFrame:
    """Minutes of a market that never closes, over two ends of its day."""
    random = np.random.default_rng(11)
    path = 100 * np.exp(np.cumsum(random.normal(0, 2e-4, (count, 8)).ravel())).reshape(count, 8)
    return pd.DataFrame(
        {
            "ts": pd.date_range("2024-03-05 08:00", periods=count, freq="min", tz="UTC").as_unit("us"),
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
        for asset in ASSETS:
            for timeframe in timeframes:
                status, metadata = asset.run_one(
                    self.database, self.source, Series(self.ticker, timeframe), "run"
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


@pytest.fixture
def two(workplace: Workplace) -> Iterator[tuple[Growing, Growing]]:
    database = Database(workplace.home, workplace.url)
    source = MarketSource(database, open_archive=SampleSource)
    yield Growing(database, source, "PARTS"), Growing(database, source, "WHOLE")
    database.close()


def test_parts_give_the_rows_of_the_whole(two: tuple[Growing, Growing], workplace: Workplace) -> None:
    parts, whole = two
    bars = minutes()
    for end in (2, 40, 1600, 1601, 1990, MINUTES):
        parts.arrive(bars.iloc[:end])
        said = parts.derive()
    assert said["fvg_detections 1m"]["made_from"] == f"{MINUTES - 1990} new bars"
    assert said["fvg_labels 1m"]["rows_made"] < said["fvg_labels 1m"]["rows_inserted"] + 200
    assert parts.derive() == {key: {"unchanged": True} for key in said}

    whole.arrive(bars)
    assert whole.derive()["fvg_detections 1m"]["made_from"] == "the whole history"
    assert parts.rows(workplace) == whole.rows(workplace)
    assert all(len(found) > 20 for table, found in whole.rows(workplace).items() if table != "counts")


def test_a_bar_that_is_corrected_is_felt_as_far_as_it_reaches(
    two: tuple[Growing, Growing], workplace: Workplace
) -> None:
    parts, whole = two
    bars = minutes(1200)
    parts.arrive(bars)
    parts.derive()
    corrected = bars.copy()
    corrected.loc[700, "high"] *= 1.01
    parts.arrive(corrected)
    said = parts.derive()
    assert said["fvg_detections 1m"]["made_from"] == "the whole history"
    whole.arrive(corrected)
    whole.derive()
    assert parts.rows(workplace) == whole.rows(workplace)


def test_bars_that_go_take_what_was_made_of_them_along(
    two: tuple[Growing, Growing], workplace: Workplace
) -> None:
    parts, whole = two
    bars = minutes(900)
    parts.arrive(bars)
    parts.derive()
    fewer = bars.drop(index=range(400, 420)).iloc[:-30].reset_index(drop=True)
    parts.arrive(fewer)
    parts.derive()
    whole.arrive(fewer)
    whole.derive()
    assert parts.rows(workplace) == whole.rows(workplace)


def test_the_only_bar_of_a_coarser_timeframe_is_not_overlooked(
    two: tuple[Growing, Growing], workplace: Workplace
) -> None:
    parts, whole = two
    bars = minutes(29)
    for end in (16, 29):  # one bar of 15 minutes before the refresh, and after it
        parts.arrive(bars.iloc[:end])
        parts.derive()
    whole.arrive(bars)
    whole.derive()
    assert parts.rows(workplace) == whole.rows(workplace)
