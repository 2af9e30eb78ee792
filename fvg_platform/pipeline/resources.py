"""What assets are given to work with: the database, the source of bars, the model store.

They are plain objects and not Dagster configuration, so that no URL ever shows in the UI or an event log.
`build_definitions(resources=...)` swaps any of them.
"""

import os
from functools import cached_property
from pathlib import Path
from typing import Any

from fvg_platform.settings import Settings, load_settings
from fvg_platform.sources.base import BarSource, SeriesInfo
from fvg_platform.storage.database import Database


class MarketSource:
    """The configured source of bars, plus what `fvg import` brought in; opened when first asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def source(self) -> BarSource:
        """The source itself."""
        return _open_source(self._settings)

    @cached_property
    def _series(self) -> dict[tuple[str, str], SeriesInfo]:
        return {(info.ticker, info.timeframe): info for info in self.source.series()}

    def offers(self, ticker: str, timeframe: str) -> SeriesInfo | None:
        """What the source says of a series, or None where it does not have it."""
        return self._series.get((ticker, timeframe))

    def forget(self) -> None:
        """Look at the source anew: files may have come or gone since."""
        self.__dict__.pop("_series", None)
        self.__dict__.pop("source", None)


def _open_source(settings: Settings) -> BarSource:
    from fvg_platform.sources.combined import CombinedSource
    from fvg_platform.sources.files import FilesSource
    from fvg_platform.sources.sample import SampleSource

    if settings.bar_source == "files" and settings.files_dir is not None:
        primary: BarSource = FilesSource(settings.files_dir)
    else:
        primary = SampleSource()
    if settings.imports_folder.is_dir():
        return CombinedSource(primary, FilesSource(settings.imports_folder))
    return primary


class ModelStore:
    """The folder that holds the models' artifacts: text files, named by their SHA-256."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, content: bytes, sha256: str, timeframe: str) -> str:
        """Write an artifact, whole or not at all, and return its name; one that is there already is left alone."""
        name = f"{timeframe}-{sha256[:16]}.json"
        path = self.folder / name
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(f".{os.getpid()}.partial")
            partial.write_bytes(content)
            partial.replace(path)
        return name

    def load(self, name: str) -> bytes:
        """The bytes of an artifact.

        Raises
        ------
        FileNotFoundError
            saying which artifact is missing and that training again makes it.
        """
        path = self.folder / name
        if not path.is_file():
            raise FileNotFoundError(
                f"the model artifact {name} is not in {self.folder}: restore the folder, or train again with "
                "`fvg materialize --select train_test_split,win_rate_model`"
            )
        return path.read_bytes()


def default_resources(settings: Settings | None = None) -> dict[str, Any]:
    """The resources that the environment describes."""
    settings = settings or load_settings()
    return {
        "database": Database(**settings.database),
        "market_source": MarketSource(settings),
        "model_store": ModelStore(settings.model_store),
        "seed": settings.seed,
        "retention_days": settings.retention_days,
    }
