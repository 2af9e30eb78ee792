"""What assets are given to work with: the database, the source of bars, the model store.

They are plain objects and not Dagster configuration, so that no URL ever shows in the UI or an event log.
`build_definitions(resources=...)` swaps any of them.
"""

import datetime as dt
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from fvg_platform.features.feature import Feature
from fvg_platform.fvg.modes import DEFAULT_ENGINE, ConfigurationError, EngineConfig
from fvg_platform.learning.retraining import RetrainRules
from fvg_platform.pipeline import progress
from fvg_platform.pipeline.market_source import MarketSource
from fvg_platform.pipeline.webhook import Webhook
from fvg_platform.settings import Settings, SettingsError, load_settings
from fvg_platform.sources.base import BarSource, SymbolInfo, VendorSource
from fvg_platform.storage.database import Database
from fvg_platform.storage.model_store import ModelStore
from fvg_platform.storage.retention_rules import RetentionRules

__all__ = ["MarketSource", "ModelStore", "default_resources", "market_source"]


def market_source(
    settings: Settings, database: Database, *, now: Callable[[], pd.Timestamp] | None = None
) -> MarketSource:
    """The source of bars that the settings describe; `now` replaces the clock."""
    clock = now or (lambda: pd.Timestamp.now(tz="UTC"))

    def open_vendor(chosen: Callable[[], list[SymbolInfo]]) -> VendorSource:
        return _open_polygon(settings, database, chosen, clock)

    return MarketSource(
        database,
        open_archive=partial(_open_archive, settings),
        open_vendor=open_vendor if settings.bar_source == "polygon" else None,
        beside=partial(_with_imports, settings=settings),
        retention=RetentionRules.parse(settings.retention),
        now=clock,
    )


def _open_archive(settings: Settings) -> BarSource:
    from fvg_platform.sources.files import FilesSource
    from fvg_platform.sources.sample import SampleSource

    if settings.bar_source == "files" and settings.files_dir is not None:
        return FilesSource(settings.files_dir)
    return SampleSource()


def _with_imports(primary: BarSource, settings: Settings) -> BarSource:
    from fvg_platform.sources.combined import CombinedSource
    from fvg_platform.sources.files import FilesSource

    if settings.imports_folder.is_dir():
        return CombinedSource(primary, FilesSource(settings.imports_folder))
    return primary


def _open_polygon(
    settings: Settings,
    database: Database,
    chosen: Callable[[], list[SymbolInfo]],
    now: Callable[[], pd.Timestamp],
) -> VendorSource:
    from fvg_platform.sources.polygon.source import PolygonConfig, PolygonSource
    from fvg_platform.sources.polygon.transport import PolygonClient
    from fvg_platform.storage.rate_limit import RateLimiter

    key = settings.polygon_api_key
    client = PolygonClient(
        key.get_secret_value() if key is not None else "",
        base_url=settings.polygon_url,
        limiter=RateLimiter(database.url, "polygon", settings.calls_per_minute, say=progress.tell)
        if settings.calls_per_minute
        else None,
        say=progress.tell,
    )
    years = {"1d": 5 * settings.history_years}
    config = PolygonConfig(
        market=settings.market,
        tickers=settings.tickers,
        top_n=settings.top_n,
        timeframes=settings.timeframes,
        adjusted=settings.adjusted,
        session=settings.session,
        history={t: years.get(t, settings.history_years) for t in settings.timeframes},
        delay=pd.Timedelta(minutes=settings.delay_minutes),
    )
    return PolygonSource(client, config, chosen, now)


def engine_config(path: Path | None) -> EngineConfig:
    """How gaps are traded: the defaults, and what a TOML file changes of them.

    Raises
    ------
    SettingsError
        naming the file, the mode and the field.
    """
    if path is None:
        return DEFAULT_ENGINE
    try:
        changes = tomllib.loads(path.read_text("utf-8"))
        for name, fields in changes.items():
            if not isinstance(fields, dict):
                raise ConfigurationError(
                    f"{name} stands outside of a section: put it under a mode ([scalping], …), or asset classes "
                    "under [costs]"
                )
        return EngineConfig(changes)
    except OSError as error:
        raise SettingsError(f"FVG_ENGINE_CONFIG={path} cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, ConfigurationError) as error:
        raise SettingsError(f"FVG_ENGINE_CONFIG={path} cannot be used: {error}") from None


def model_store(settings: Settings) -> ModelStore:
    """Where the settings say that the models' files lie: by default a folder of the platform's home."""
    return ModelStore(settings.models)


def own_features(spec: str | None) -> tuple[Feature, ...]:
    """The user's own features: those that a Python file or module gives, held to what the catalogue's are held to.

    Raises
    ------
    SettingsError
        naming the feature and what is wrong with it.
    """
    if spec is None:
        return ()
    from fvg_platform.features.plugin import load_features

    try:
        return load_features(spec)
    except (OSError, ImportError, ValueError) as error:
        raise SettingsError(f"FVG_FEATURES={spec} cannot be used: {error}") from error


def default_resources(settings: Settings | None = None, database: Database | None = None) -> dict[str, Any]:
    """The resources that the environment describes; `database` replaces one of them, the others use it too."""
    settings = settings or load_settings()
    database = database or Database(**settings.database)
    return {
        "database": database,
        "market_source": market_source(settings, database),
        "engine": engine_config(settings.engine_config),
        "model_store": model_store(settings),
        "seed": settings.seed,
        "trials": settings.tuning_trials,
        "retrain_rules": RetrainRules(
            cool_down=dt.timedelta(hours=settings.retrain_cooldown_hours),
            daily_cap=settings.retrain_per_day,
            max_age=dt.timedelta(days=settings.retrain_after_days),
        ),
        "own_features": own_features(settings.features),
        "calls_per_minute": settings.calls_per_minute,
        "feed_delay": pd.Timedelta(minutes=settings.delay_minutes),
        "alert_webhook": settings.alert_webhook and Webhook(settings.alert_webhook.get_secret_value()),
        "ui_url": settings.ui_url,
        "retention_days": settings.retention_days,
        "retention_rules": RetentionRules.parse(settings.retention),
        "snapshot_folder": settings.snapshots,
    }
