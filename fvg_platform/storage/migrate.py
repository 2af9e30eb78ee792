"""Bring a database's tables up to date with Alembic; processes that do so at once wait for each other."""

from pathlib import Path

import sqlalchemy as sa

from fvg_platform.storage import connections

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x66766721


def migrate(url: str) -> None:
    """Apply every migration that the database lacks; one that lacks none is left alone after one small query.

    Raises
    ------
    alembic.util.CommandError
        The database is newer than this code.
    """
    if is_current(url):
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    engine = connections.engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def newest_revision() -> str:
    """The revision that the code expects: the name of the last migration."""
    return max(path.stem for path in (_FOLDER / "versions").glob("[0-9]*.py"))


def is_current(url: str) -> bool:
    """Whether the database is at the code's revision."""
    engine = connections.engine(url)
    try:
        with engine.connect() as connection:
            if connection.execute(sa.text("SELECT to_regclass('alembic_version')")).scalar() is None:
                return False
            found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
            return bool(found == newest_revision())
    finally:
        engine.dispose()
