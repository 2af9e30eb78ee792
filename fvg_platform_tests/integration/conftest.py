"""Platforms that the tests of one module share, beside the ones that each test has to itself."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fvg_platform.storage.embedded import EmbeddedPostgres
from fvg_platform_tests.database import drop_database, make_database
from fvg_platform_tests.platforms import EMPTY, Workplace


@pytest.fixture(scope="module")
def new_workplace(
    postgres_server: EmbeddedPostgres, empty_platform_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Workplace]]:
    """Makes empty platforms on folders of files; they live as long as the module's tests."""
    with ExitStack() as made:

        def make() -> Workplace:
            folder = tmp_path_factory.mktemp("workplace")
            url = make_database(postgres_server, EMPTY)
            made.callback(drop_database, url)
            shutil.copytree(empty_platform_home, folder / "home")
            (folder / "files").mkdir()
            return Workplace(folder / "home", folder / "files", url)

        yield make
