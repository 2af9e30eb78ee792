"""The environment, read once into one typed object.

Every setting is an environment variable with the prefix `FVG_`; the README's table lists them. Only
`definitions`, `cli`, `research` and `pipeline.resources` read settings; everything else is given what it needs.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


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


class Settings(BaseSettings):
    """What the environment says; see the README's configuration table."""

    model_config = SettingsConfigDict(env_prefix="FVG_", extra="ignore", frozen=True)

    home: Path = Field(default_factory=lambda: project_folder() / ".fvg")
    database_url: SecretStr | None = None
    dagster_database_url: SecretStr | None = None
    postgres_user: str | None = None
    bar_source: Literal["sample", "files"] = "sample"
    files_dir: Path | None = None
    seed: int = 20260101
    retention_days: int = Field(default=90, ge=1)

    @field_validator("database_url", "dagster_database_url", "files_dir", "postgres_user", mode="before")
    @classmethod
    def _blank_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("home", "files_dir")
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
    def model_store(self) -> Path:
        """Where the models' artifacts lie."""
        return self.home / "models"

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
            f"FVG_{str(fault['loc'][0]).upper()}: {fault['msg']}"
            for fault in error.errors(include_input=False)
        )
        raise SettingsError(f"the environment cannot be used: {faults}") from None
    if settings.bar_source == "files" and settings.files_dir is None:
        raise SettingsError(
            "FVG_BAR_SOURCE=files needs FVG_FILES_DIR: the folder that holds TICKER_TIMEFRAME.parquet or .csv files"
        )
    return settings
