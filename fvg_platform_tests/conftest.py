"""Fixtures that every test may ask for."""

import os

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
