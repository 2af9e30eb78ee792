"""Fixtures that every test may ask for."""

from fvg_platform_tests.database import empty_database, postgres_server

__all__ = ["empty_database", "postgres_server"]
