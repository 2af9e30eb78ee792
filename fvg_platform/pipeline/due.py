"""What is out of date: the inputs' fingerprints against what the tables and Dagster's log say was made of them.

Read-only. The demo asks this so as to run no stage that would change nothing.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import pandas as pd

from fvg_platform.features.feature import Feature
from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.pipeline.assets.drift import current_fingerprint as current_drift_fingerprint
from fvg_platform.pipeline.assets.models import split_fingerprint
from fvg_platform.pipeline.assets.statistics import current_fingerprint
from fvg_platform.pipeline.feature_sets import feature_set
from fvg_platform.pipeline.inputs import Surroundings
from fvg_platform.pipeline.partitions import Series
from fvg_platform.pipeline.resources import MarketSource
from fvg_platform.pipeline.series_assets import SeriesAsset
from fvg_platform.pipeline.serving import serves
from fvg_platform.storage import drift_tables, outcome_tables, prediction_tables, series_status
from fvg_platform.storage import learning_tables as tables
from fvg_platform.storage.database import Database
from fvg_platform.storage.model_registry import active_model, is_trained
from fvg_platform.storage.model_store import ModelStore
from fvg_platform.storage.statistics_tables import labelled_tickers, stored_fingerprint
from fvg_platform.storage.symbols import active_tickers, universe_read_at

UNIVERSE_IS_FRESH_FOR = pd.Timedelta(days=7)
# So many days before the newest are predicted by the first demo, so that there is a track record to look at.
TRACK_RECORD_DAYS = 30


def symbols_due(database: Database, source: MarketSource, known: Sequence[str]) -> bool:
    """Whether the source offers other tickers than are active, or has something that it cannot list.

    What it cannot list is told by every run until it is mended: nothing else would ever name it. A vendor's universe is
    read once a week, and when the configuration names a ticker that is not in it.
    """
    if source.vendor is not None:
        with database.engine.connect() as connection:
            read_at = universe_read_at(connection, source.source.name)
            active = active_tickers(connection)
        stale = read_at is None or pd.Timestamp.now(tz="UTC") - read_at > UNIVERSE_IS_FRESH_FOR
        return stale or not {*active, *source.vendor.wanted_tickers} <= active & set(known)
    if source.source.problems():
        return True
    offered = {info.ticker for info in source.source.symbols()}
    with database.engine.connect() as connection:
        return offered != active_tickers(connection) or not offered <= set(known)


def tickers_due(
    assets: Sequence[SeriesAsset],
    database: Database,
    around: Surroundings,
    instance: dg.DagsterInstance,
    known: Sequence[str],
) -> list[str]:
    """The tickers of which some series is out of date in some asset, or was never shown to Dagster as made."""
    shown = {asset.name: instance.get_materialized_partitions(dg.AssetKey(asset.name)) for asset in assets}
    with database.bulk() as connection:
        return [ticker for ticker in known if _ticker_due(connection, assets, around, shown, ticker)]


def _ticker_due(
    connection: Any,
    assets: Sequence[SeriesAsset],
    around: Surroundings,
    shown: dict[str, set[str]],
    ticker: str,
) -> bool:
    statuses = series_status.statuses_of_ticker(connection, ticker)
    for timeframe in TIMEFRAMES:
        series = Series(ticker, timeframe)
        for asset in assets:
            inputs = asset.find_inputs(series, statuses, around)
            own = statuses.get((timeframe, asset.name))
            if inputs is None:
                if own is not None and own.state != "ok":
                    return True
                continue
            if own is not None and own.state == "blocked" and inputs.obstacle():
                continue
            if own is None or own.state == "failed":
                return True
            if own.fingerprint != inputs.fingerprint(asset.code_version):
                return True
            if own.state == "ok" and str(series) not in shown[asset.name]:
                return True
    return False


def timeframes_due(
    database: Database,
    instance: dg.DagsterInstance,
    store: ModelStore,
    own_features: tuple[Feature, ...],
) -> list[str]:
    """The timeframes whose bars have changed since their last split, or whose split has no model that could serve."""
    shown = instance.get_materialized_partitions(dg.AssetKey("win_rate_model"))
    names, feature_set_version = feature_set(own_features)
    due = []
    with database.engine.connect() as connection:
        for timeframe in TIMEFRAMES:
            bars = tables.bar_revisions(connection, timeframe)
            if not bars:
                continue
            split = tables.newest_split(connection, timeframe)
            config_ids = tables.config_ids(connection, timeframe)
            current = (
                split is not None
                and split.fingerprint == split_fingerprint(bars)
                and is_trained(connection, timeframe, split.split_version, (feature_set_version, config_ids))
                and serves(connection, store, timeframe, names, config_ids)
                and timeframe in shown
            )
            if not current:
                due.append(timeframe)
    return due


def statistics_due(database: Database, seed: int) -> list[str]:
    """The timeframes whose statistics are not those of their labels as they are now."""
    due = []
    with database.bulk() as connection:
        for timeframe in TIMEFRAMES:
            stored = stored_fingerprint(connection, timeframe)
            if not labelled_tickers(connection, timeframe):
                if stored is not None:
                    due.append(timeframe)
            elif stored != current_fingerprint(connection, timeframe, seed):
                due.append(timeframe)
    return due


def first_day_due(database: Database, instance: dg.DagsterInstance, latest: str) -> str | None:
    """Of the newest days with setups the first that Dagster does not show as made; the latest if one was not judged.

    Older days are for people to ask for.
    """
    shown = instance.get_materialized_partitions(dg.AssetKey("daily_predictions"))
    first = pd.Timestamp(latest) - pd.Timedelta(days=TRACK_RECORD_DAYS - 1)
    with database.engine.connect() as connection:
        known = prediction_tables.days_with_setups(connection, f"{first:%Y-%m-%d}", latest)
        missing = [day for day in known if day not in shown]
        if missing:
            return missing[0]
        return latest if prediction_tables.unpredicted_setups(connection, latest) else None


def outcomes_due(database: Database) -> bool:
    """Whether a prediction whose setup has a label has no outcome yet."""
    with database.engine.connect() as connection:
        return outcome_tables.outcomes_missing(connection)


def drift_due(database: Database) -> list[str]:
    """The timeframes in which drift was not looked for since labels, features or the model changed."""
    due = []
    for timeframe in TIMEFRAMES:
        with database.engine.connect() as connection:
            served = active_model(connection, timeframe)
        if served is None or not served.setups_trained:
            continue
        with database.bulk() as bulk:
            fingerprint = current_drift_fingerprint(bulk, timeframe, served.sha256)
            known = drift_tables.known_windows(bulk, timeframe, served.version)
        if known.empty or known["fingerprint"].iloc[-1] != fingerprint:
            due.append(timeframe)
    return due
