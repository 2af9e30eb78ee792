"""Bring a database's tables up to date with Alembic; processes that do so at once wait for each other."""

from pathlib import Path

import sqlalchemy as sa

from fvg_platform.storage import connections

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x66766721


class DatabaseTooNew(RuntimeError):  # noqa: N818  it names a state, as DatabaseUnavailable does
    """The database was migrated by a newer version of the platform; the message says to which revision."""


def migrate(url: str, to: str | None = None) -> None:
    """Apply every migration that the database lacks; one that lacks none is left alone after one small query.

    `to` names the revision to stop at, by default the newest.

    Raises
    ------
    DatabaseTooNew
        The database is at a revision that this code does not know.
    """
    found = _revision(url)
    if found == newest_revision():
        return
    if found is not None and not (_FOLDER / "versions" / f"{found}.py").is_file():
        raise DatabaseTooNew(
            f"the database is at revision {found}, which this version of the platform does not know (its newest "
            f"is {newest_revision()}): update the platform, or name another database in FVG_DATABASE_URL"
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    engine = connections.engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, to or "head")
    finally:
        engine.dispose()


def newest_revision() -> str:
    """The revision that the code expects: the name of the last migration."""
    return max(path.stem for path in (_FOLDER / "versions").glob("[0-9]*.py"))


def _revision(url: str) -> str | None:
    engine = connections.engine(url)
    try:
        with engine.connect() as connection:
            if connection.execute(sa.text("SELECT to_regclass('alembic_version')")).scalar() is None:
                return None
            return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    finally:
        engine.dispose()
