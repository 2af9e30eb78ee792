"""The environment, read once into one typed object.

Every setting is an environment variable with the prefix `FVG_`; the README's table lists them. Only
`definitions`, `cli`, `research` and `pipeline.resources` read settings; everything else is given what it needs.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from fvg_platform.market.timeframes import TIMEFRAMES


class SettingsError(ValueError):
    """An environment variable has a value that cannot be used; the message names it and the way out."""


def project_folder() -> Path:
    """The folder of the project: the nearest one upwards of here that holds `workspace.yaml`.

    Falls back on the checkout that the package lies in, then on the working folder.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if (folder / "workspace.yaml").is_file() and (folder / "dagster_home").is_dir():
            return folder
    return here


# Named in one variable, separated by commas.
Names = Annotated[tuple[str, ...], NoDecode]
VENDOR_TIMEFRAMES = ("1m", "5m", "15m", "1h", "1d")


class Settings(BaseSettings):
    """What the environment says; see the README's configuration table."""

    model_config = SettingsConfigDict(
        env_prefix="FVG_", extra="ignore", frozen=True, populate_by_name=True, hide_input_in_errors=True
    )

    home: Path = Field(default_factory=lambda: project_folder() / ".fvg")
    database_url: SecretStr | None = None
    dagster_database_url: SecretStr | None = None
    postgres_user: str | None = None
    bar_source: Literal["sample", "files", "polygon"] = "sample"
    files_dir: Path | None = None
    polygon_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("POLYGON_API_KEY", "FVG_POLYGON_API_KEY")
    )
    polygon_url: str = "https://api.polygon.io"
    market: Literal["stocks", "crypto", "fx"] = "stocks"
    tickers: Names = ("SPY", "QQQ", "IWM", "UVXY")
    top_n: int = Field(default=0, ge=0, le=10_000)
    timeframes: Names = ("1h", "1d")
    history_years: float = Field(default=2.0, gt=0, le=50)
    adjusted: bool = True
    session: Literal["regular", "extended"] = "regular"
    delay_minutes: float = Field(default=15.0, ge=0, le=1440)
    calls_per_minute: int = Field(default=5, ge=0)
    alert_webhook: SecretStr | None = None
    ui_url: str | None = None
    engine_config: Path | None = None
    features: str | None = None
    model_store: str | None = None
    tuning_trials: int = Field(default=10, ge=0, le=1_000)
    seed: int = 20260101
    retrain_cooldown_hours: float = Field(default=24.0, ge=0, le=8_760)
    retrain_per_day: int = Field(default=8, ge=0, le=1_000)
    retrain_after_days: float = Field(default=90.0, gt=0, le=3_650)
    retention_days: int = Field(default=90, ge=1)
    retention: str = "bars.1m=5y, prediction_features=1y, forecasts=90d"

    @field_validator(
        "database_url",
        "dagster_database_url",
        "files_dir",
        "engine_config",
        "features",
        "model_store",
        "postgres_user",
        "polygon_api_key",
        "alert_webhook",
        "ui_url",
        mode="before",
    )
    @classmethod
    def _blank_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("tickers", "timeframes", mode="before")
    @classmethod
    def _separated(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))

    @field_validator("timeframes")
    @classmethod
    def _fetched(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in VENDOR_TIMEFRAMES:
                others = ", ".join(t for t in TIMEFRAMES if t not in VENDOR_TIMEFRAMES)
                raise ValueError(
                    f"{name!r} is not fetched from a vendor: use some of {', '.join(VENDOR_TIMEFRAMES)}; "
                    f"{others} are made from these"
                )
        if not value:
            raise ValueError(f"name at least one of {', '.join(VENDOR_TIMEFRAMES)}")
        return tuple(t for t in VENDOR_TIMEFRAMES if t in value)

    @field_validator("polygon_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if not value.startswith(("https://", "http://127.0.0.1", "http://localhost", "http://[::1]")):
            raise ValueError("use https://…, or http:// to this machine: the key travels with every request")
        return value.rstrip("/")

    @field_validator("home", "files_dir", "engine_config")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value and value.expanduser().absolute()

    @property
    def database(self) -> dict[str, Any]:
        """The arguments of :class:`fvg_platform.storage.database.Database`."""
        return {
            "home": self.home,
            "url": self.database_url and self.database_url.get_secret_value(),
            "dagster_url": self.dagster_database_url and self.dagster_database_url.get_secret_value(),
            "server_user": self.postgres_user,
        }

    @property
    def imports_folder(self) -> Path:
        """Where `fvg import` keeps the bar files it was given."""
        return self.home / "imports"

    @property
    def models(self) -> str | Path:
        """Where the models' files lie: an address for fsspec, by default a folder of the home."""
        return self.model_store or self.home / "models"

    @property
    def snapshots(self) -> Path:
        """Where the tables lie as Parquet files."""
        return self.home / "snapshots"

    @property
    def dagster_files(self) -> Path:
        """Where Dagster keeps compute logs and its local artifacts."""
        return self.home / "dagster"


def load_settings() -> Settings:
    """Read the environment.

    Raises
    ------
    SettingsError
        naming each variable that cannot be used and why; secret values are never shown.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        faults = "; ".join(
            f"{_variable(str(fault['loc'][0]))}: {fault['msg']}"
            for fault in error.errors(include_input=False)
        )
        raise SettingsError(f"the environment cannot be used: {faults}") from None
    if settings.bar_source == "files" and settings.files_dir is None:
        raise SettingsError(
            "FVG_BAR_SOURCE=files needs FVG_FILES_DIR: the folder that holds TICKER_TIMEFRAME.parquet or .csv files"
        )
    if settings.bar_source == "polygon" and settings.polygon_api_key is None:
        raise SettingsError(
            "FVG_BAR_SOURCE=polygon needs POLYGON_API_KEY: the key of your account at the vendor (or of "
            "`fvg replay-server`, whatever was given to it)"
        )
    return settings


def _variable(name: str) -> str:
    return name if name.startswith("POLYGON_") else f"FVG_{name.upper()}"
