"""Fixtures that every test may ask for."""

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
