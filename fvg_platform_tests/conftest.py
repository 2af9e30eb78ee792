"""Fixtures that every test may ask for, and the order of the files: those that take long begin first.

With two workers the last file to begin decides when the suite ends, and the longest ones have few tests.
"""

import os

import pytest
from hypothesis import settings

from fvg_platform_tests.database import empty_database, postgres_server
from fvg_platform_tests.platforms import empty_platform_home, module_workplace, sample, sample_home, workplace

__all__ = [
    "empty_database",
    "empty_platform_home",
    "module_workplace",
    "postgres_server",
    "sample",
    "sample_home",
    "workplace",
]

# A build is red for its change, not for its luck: there every run draws the same examples, elsewhere new ones.
settings.register_profile("build", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("build")

LONG = ("integration/", "test_up.py", "storage/test_backup.py", "test_cli.py", "pipeline/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take long in front; within a file nothing moves."""
    items.sort(key=lambda item: not any(part in item.nodeid for part in LONG))
