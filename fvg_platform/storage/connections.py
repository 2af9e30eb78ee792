"""Ways into a Postgres: one URL, as each of its four clients wants it, and a check that says what is wrong.

libpq's own parser reads the URL, so everything that psql understands is understood here, and no message
ever shows a password. Settings and environment are the caller's business.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import adbc_driver_manager
import sqlalchemy as sa

if TYPE_CHECKING:
    import adbc_driver_postgresql.dbapi
    import psycopg

_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2")
_OLDEST = 14
_SCHEMA_LOCK = 0x66766720  # any number that all processes of the platform share
_CONNECT_SECONDS = 10


class DatabaseUnavailable(RuntimeError):  # noqa: N818 - it is a state of the database, told to people
    """The database cannot be used as it is; the message says why and what helps, without any password."""


@dataclass(frozen=True)
class DatabaseFacts:
    """What :func:`check_database` found: the server's version ("18.6"), the database and the role."""

    version: str
    database: str
    role: str


def normalise_url(url: str) -> str:
    """The URL as `postgresql://…`, from any of the schemes that SQLAlchemy, Dagster and hosting services use.

    Raises
    ------
    DatabaseUnavailable
        It is not the URL of a Postgres, or libpq cannot read it.
    """
    return _rendered("postgresql", _parts(url))


def libpq_url(url: str) -> str:
    """For ADBC, psycopg and Postgres' own programs."""
    return normalise_url(url)


def sqlalchemy_url(url: str) -> str:
    """For SQLAlchemy with psycopg 3."""
    return _rendered("postgresql+psycopg", _parts(url))


def dagster_url(url: str, schema: str = "dagster") -> str:
    """For Dagster's storage, which needs psycopg2, with its tables in a schema of their own.

    Settings that the URL's `options` make already are kept; the search path is the last word.
    """
    parts = _parts(url)
    parts["options"] = f"{parts.get('options', '')} -csearch_path={schema}".strip()
    return _rendered("postgresql+psycopg2", parts)


def database_url(url: str, database: str) -> str:
    """The URL of another database on the same server, with the same account."""
    return _rendered("postgresql", _parts(url) | {"dbname": database})


def redacted(url: str) -> str:
    """The URL for messages and logs: without password; a text that cannot be read at all is not repeated."""
    try:
        parts = _parts(url)
    except DatabaseUnavailable:
        return "(unreadable URL)"
    for secret in ("password", "sslpassword"):
        if secret in parts:
            parts[secret] = "***"
    return _rendered("postgresql", parts)


def engine(url: str) -> sa.Engine:
    """An SQLAlchemy engine on psycopg 3; a connection that a restarted server has dropped is replaced unseen."""
    return sa.create_engine(sqlalchemy_url(url), pool_pre_ping=True)


def adbc_connect(url: str) -> "adbc_driver_postgresql.dbapi.Connection":
    """An ADBC connection (Arrow in and out); a transaction is open from the first statement to `commit()`.

    Raises
    ------
    DatabaseUnavailable
        The server is not there or does not let the role in.
    """
    import adbc_driver_postgresql.dbapi  # takes 0.3 s: it imports polars where that is installed

    try:
        return adbc_driver_postgresql.dbapi.connect(libpq_url(url))
    except adbc_driver_manager.OperationalError as error:
        raise DatabaseUnavailable(_explained(str(error), url, _parts(url))) from None


def ensure_schema(url: str, schema: str) -> None:
    """Create the schema unless it is there; processes that do so at once wait for each other."""
    import psycopg  # 0.2 s, which every process that loads the graph would pay

    with psycopg.connect(libpq_url(url)) as connection:
        # IF NOT EXISTS alone still fails when two sessions create it in the same moment.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_SCHEMA_LOCK])
        if not connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema]).fetchone():
            connection.execute(
                psycopg.sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(psycopg.sql.Identifier(schema))
            )


def check_database(url: str, schemas: Sequence[str] = ("public", "dagster")) -> DatabaseFacts:
    """Make sure that the platform can work in this database, before anything is written.

    Parameters
    ----------
    url : str
        Any URL that :func:`normalise_url` takes.
    schemas : sequence of str
        The schemas that tables go to: those that exist must let the role create tables, and if one does
        not exist the role must be allowed to create it.

    Raises
    ------
    DatabaseUnavailable
        With the reason and the way out, for an unreadable URL, an unknown host, a server that refuses or does
        not answer, a wrong password, a missing database or role, a version before 14, a read-only replica, an
        encoding other than UTF-8, missing rights (with the GRANT that helps).
    """
    import psycopg
    from psycopg.conninfo import make_conninfo

    parts = {"connect_timeout": str(_CONNECT_SECONDS), "client_encoding": "utf8"} | _parts(url)
    try:
        with psycopg.connect(make_conninfo("", **parts)) as connection:
            return _checked(connection, schemas)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(_explained(str(error), url, parts)) from None


def _checked(connection: "psycopg.Connection[tuple[object, ...]]", schemas: Sequence[str]) -> DatabaseFacts:
    row = connection.execute(
        "SELECT current_setting('server_version_num')::int, current_setting('server_version'), "
        "current_database(), current_user, current_setting('server_encoding'), pg_is_in_recovery(), "
        "has_database_privilege(current_database(), 'CREATE')"
    ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    number, version, database, role, encoding, standby, may_create = row
    if int(str(number)) < _OLDEST * 10_000:
        raise DatabaseUnavailable(
            f"the server of database {database!r} is Postgres {version}, and the platform needs {_OLDEST} or newer: "
            "upgrade it, or leave FVG_DATABASE_URL empty for the embedded one"
        )
    if standby:
        raise DatabaseUnavailable(
            f"the server of database {database!r} is a read-only replica: use its primary"
        )
    if encoding != "UTF8":
        raise DatabaseUnavailable(
            f"the database {database!r} has encoding {encoding}, and the platform needs UTF8: "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )
    found = connection.execute(
        "SELECT nspname, has_schema_privilege(oid, 'CREATE') AND has_schema_privilege(oid, 'USAGE') "
        "FROM pg_namespace WHERE nspname = ANY(%s)",
        [list(schemas)],
    ).fetchall()
    existing: dict[object, object] = {row[0]: row[1] for row in found}
    grants = [
        f"GRANT USAGE, CREATE ON SCHEMA {_name(s)} TO {_name(role)};"
        for s in schemas
        if not existing.get(s, 1)
    ]
    if not may_create and any(schema not in existing for schema in schemas):
        grants.insert(0, f"GRANT CREATE ON DATABASE {_name(database)} TO {_name(role)};")
    if grants:
        raise DatabaseUnavailable(
            f"the role {role!r} may not create the platform's schemas and tables in database {database!r}. "
            f"Its owner can allow it: {' '.join(grants)}"
        )
    return DatabaseFacts(str(version).split()[0], str(database), str(role))


def _explained(message: str, url: str, parts: dict[str, str]) -> str:
    said = " ".join(message.split())
    if password := parts.get("password"):
        said = said.replace(password, "***")
    host, role, database = parts.get("host", "the local socket"), parts.get("user"), parts.get("dbname")
    where = f"{host}:{parts.get('port', 5432)}"
    causes = (
        (("could not translate host name", "failed to resolve host", "Name or service not known", "getaddrinfo"),
         f"the host {host!r} is not known: check the name in the database URL"),
        (("password authentication failed", "no password supplied", "Peer authentication failed",
          "no pg_hba.conf entry", "Ident authentication failed", "empty password"),
         f"the server at {where} does not let role {role!r} in: check user and password in the database URL, "
         "and the server's pg_hba.conf"),
        (("Connection refused", "No such file or directory", "could not connect", "timeout expired", "timed out",
          "No route to host", "Network is unreachable"),
         f"no Postgres answers at {where}: check host and port, and that the server runs"),
        (("role ",), f"the role {role!r} does not exist on {where}: CREATE ROLE {_name(role)} LOGIN"),
        (("database ",), f"the database {database!r} does not exist on {where}: CREATE DATABASE {_name(database)}"),
        (("too many clients", "remaining connection slots"), f"the server at {where} has no connection left: raise "
         "max_connections, or end some of its clients"),
        (("starting up", "shutting down", "recovery mode"), f"the server at {where} is not ready: try again soon"),
    )  # fmt: skip
    cause = next(
        (text for signs, text in causes if any(sign in said for sign in signs)), f"no connection to {where}"
    )
    return f"{cause}. URL: {redacted(url)}. The server said: {said}"


def _parts(url: str) -> dict[str, str]:
    """libpq's reading of the URL: user, password, host, port, dbname, options, sslmode, …"""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    scheme, separator, rest = url.strip().partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        shown = repr(scheme) if separator else "no scheme"
        raise DatabaseUnavailable(
            f"the database URL begins with {shown}: it must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        )
    try:
        parts = conninfo_to_dict(f"postgresql://{rest}")
        if re.match("[^/@].*@", str(parts.get("host", ""))):  # a socket's folder may have one
            raise psycopg.ProgrammingError("an @ that does not end the password")
    except psycopg.ProgrammingError as error:
        reason = " ".join(str(error).split())
        for secret in (rest, rest.rpartition("@")[0], rest.rpartition("@")[0].partition(":")[2]):
            reason = reason.replace(secret, "…") if secret else reason
        raise DatabaseUnavailable(
            f"the database URL cannot be read ({reason}): it must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
            "with special characters in the password percent-encoded (@ is %40, / is %2F)"
        ) from None
    return {name: str(value) for name, value in parts.items() if value is not None}


def _rendered(scheme: str, parts: dict[str, str]) -> str:
    """A URL that libpq and SQLAlchemy read alike: a blank is %20, a plus %2B, sockets are in the query."""
    rest = dict(parts)
    user, password = quote(rest.pop("user", ""), safe=""), quote(rest.pop("password", ""), safe="*")
    account = f"{user}:{password}@" if password else f"{user}@" if user else ""
    host, database = rest.get("host", ""), quote(rest.pop("dbname", ""), safe="")
    place = ""
    if host and "/" not in host and "," not in host and "@" not in host:
        place = f"[{rest.pop('host')}]" if ":" in host else quote(rest.pop("host"), safe="")
        if port := rest.pop("port", ""):
            place += f":{port}"
    query = "&".join(f"{name}={quote(value, safe='/,*')}" for name, value in rest.items())
    return f"{scheme}://{account}{place}/{database}" + (f"?{query}" if query else "")


def _name(identifier: object) -> str:
    text = str(identifier).replace('"', '""')
    return f'"{text}"'
