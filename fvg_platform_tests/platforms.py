"""Whole platforms for tests: a database of their own, a home of their own, bars in files or the sample's.

Making the tables of both schemas takes seconds and the demo more, so each is made once per session, by whichever
worker comes first, and every test gets a copy of the database.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import dagster as dg
import pandas as pd
import psycopg
import pytest

from fvg_platform import research
from fvg_platform.definitions import build_definitions
from fvg_platform.pipeline import resources
from fvg_platform.pipeline.platform import Platform, open_platform
from fvg_platform.pipeline.refresh import bring_up_to_date
from fvg_platform.pipeline.stages import StageRun
from fvg_platform.settings import Settings, load_settings
from fvg_platform.storage.bulk_connections import close_idle_connections
from fvg_platform.storage.connections import database_url, libpq_url
from fvg_platform.storage.embedded import EmbeddedPostgres
from fvg_platform_tests.database import drop_database, make_database

EMPTY = "template_of_an_empty_platform"
SAMPLE = "template_of_the_sample"


@contextmanager
def _variables(variables: Mapping[str, str]) -> Iterator[None]:
    """The environment with these variables; what it was before is put back at the end."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@dataclass(frozen=True)
class Workplace:
    """A platform that a test may do anything with: its home, its folder of bar files, its database.

    `variables`: what else its processes find in their environment.
    """

    home: Path
    files: Path
    url: str
    bar_source: str = "files"
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a process at this platform."""
        return {
            "FVG_HOME": str(self.home),
            "FVG_DATABASE_URL": self.url,
            "FVG_BAR_SOURCE": self.bar_source,
            "FVG_FILES_DIR": str(self.files),
            # Tuning has tests of its own, and the sample is tuned as users' bars are.
            **({} if self.bar_source == "sample" else {"FVG_TUNING_TRIALS": "2"}),
            **self.variables,
        }

    @property
    def settings(self) -> Settings:
        """The same as settings."""
        with _variables(self.environment):
            return load_settings()

    @contextmanager
    def open(self) -> Iterator[tuple[Platform, dg.Definitions]]:
        """The platform and its graph, with the environment put back at the end."""
        with _variables(self.environment), open_platform(self.settings) as platform:
            yield platform, build_definitions(resources=platform.resources)

    def of_vendor(self, url: str, key: str, **variables: str) -> "Workplace":
        """The same platform with a vendor at `url` as its source, without a limit of calls."""
        own = {"POLYGON_API_KEY": key, "FVG_POLYGON_URL": url, "FVG_CALLS_PER_MINUTE": "0"}
        return replace(self, bar_source="polygon", variables={**own, **variables})

    def bring_up_to_date(self) -> list[StageRun]:
        """What `fvg demo` does before it prints."""
        with self.open() as (platform, definitions):
            return bring_up_to_date(platform, definitions, say=lambda _message: None)

    def add_bars(self, ticker: str, timeframe: str, bars: pd.DataFrame) -> Path:
        """Put a series into the folder of files."""
        path = self.files / f"{ticker}_{timeframe}.csv"
        bars.to_csv(path, index=False)
        return path

    def rows(self, query: str) -> list[tuple]:
        """What a query gives."""
        with psycopg.connect(libpq_url(self.url)) as connection:
            return connection.execute(query).fetchall()

    def execute(self, statement: str) -> int:
        """Change the database by hand; how many rows that were."""
        with psycopg.connect(libpq_url(self.url)) as database:
            return database.execute(statement).rowcount

    def contents(self) -> dict[str, list[tuple]]:
        """All rows of every table that is derived from the bars, without what names a run or a clock."""
        return {table: self.rows(query) for table, query in _CONTENTS.items()}


def stop_clock(monkeypatch: pytest.MonkeyPatch, now: pd.Timestamp) -> None:
    """Let the vendor's clock show `now` for the platforms of this process; that of the database goes on."""
    monkeypatch.setattr(resources, "market_source", partial(resources.market_source, now=lambda: now))


_CONTENTS: Mapping[str, str] = {
    table: f"SELECT (to_jsonb(t) - '{{lineage_id,run_id,updated_at,at,predicted_at,latency_ms,trained_at}}'::text[])"
    f"::text AS row FROM {table} t ORDER BY row"
    for table in (
        "raw_bars",
        "market_data",
        "bar_quarantine",
        "bar_gaps",
        "series",
        "fvg_detections",
        "fvg_zones",
        "fvg_context",
        "fvg_setups",
        "fvg_labels",
        "features",
        "setup_features",
    )
}


def _make_once(folder: Path, server: EmbeddedPostgres, name: str, make: Callable[[str, Path], None]) -> Path:
    """Make a database called `name` and its home once per session; `make` gets its URL and the home."""
    home = folder / name
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            with psycopg.connect(libpq_url(server.url), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
            partial = folder / f"{name}.partial"
            partial.mkdir()
            make(database_url(server.url, name), partial)
            close_idle_connections()
            partial.rename(home)
    return home


def _shared_folder(factory: pytest.TempPathFactory) -> Path:
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def empty_platform_home(postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home that belongs to the database template with all tables and no rows."""

    def make(url: str, home: Path) -> None:
        with Workplace(home, home, url).open():
            pass

    return _make_once(_shared_folder(tmp_path_factory), postgres_server, EMPTY, make)


@pytest.fixture(scope="session")
def sample_home(postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home that belongs to the database template on which the demo has run."""

    def make(url: str, home: Path) -> None:
        runs = Workplace(home, home, url, "sample").bring_up_to_date()
        assert [run.failures for run in runs if not run.success] == []

    return _make_once(_shared_folder(tmp_path_factory), postgres_server, SAMPLE, make)


@pytest.fixture
def workplace(
    postgres_server: EmbeddedPostgres, empty_platform_home: Path, tmp_path: Path
) -> Iterator[Workplace]:
    """An empty platform whose source is a folder of files."""
    yield from _copy(postgres_server, EMPTY, empty_platform_home, tmp_path, "files")


@pytest.fixture(scope="module")
def module_workplace(
    postgres_server: EmbeddedPostgres, empty_platform_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workplace]:
    """An empty platform on files that the tests of a module share: one of them fills it, all read it."""
    folder = tmp_path_factory.mktemp("module")
    yield from _copy(postgres_server, EMPTY, empty_platform_home, folder, "files")


@pytest.fixture
def sample(postgres_server: EmbeddedPostgres, sample_home: Path, tmp_path: Path) -> Iterator[Workplace]:
    """A platform on which the demo has run."""
    yield from _copy(postgres_server, SAMPLE, sample_home, tmp_path, "sample")


def _copy(
    server: EmbeddedPostgres, template: str, home: Path, folder: Path, bar_source: str
) -> Iterator[Workplace]:
    url = make_database(server, template)
    own = folder / "home"
    shutil.copytree(home, own)
    files = folder / "files"
    files.mkdir()
    yield Workplace(own, files, url, bar_source)
    drop_database(url)


@pytest.fixture
def door(sample: Workplace, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The notebook's door on the sample."""
    for name, value in sample.environment.items():
        monkeypatch.setenv(name, value)
    research._database.cache_clear()
    yield
    research._database().close()
    research._database.cache_clear()
