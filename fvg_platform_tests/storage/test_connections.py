"""One URL for four clients, and a clear sentence for everything that keeps a database from being used."""

import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster
import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from fvg_platform.storage import connections
from fvg_platform.storage.bulk_connections import bulk_connection
from fvg_platform.storage.connections import DatabaseUnavailable, check_database
from fvg_platform.storage.embedded import EmbeddedPostgres


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_every_usual_scheme_is_taken(scheme: str) -> None:
    url = f"{scheme}://me:p%40ss@db.example.org:5433/mine?sslmode=require"
    rest = "://me:p%40ss@db.example.org:5433/mine?sslmode=require"
    assert connections.normalise_url(url) == f"postgresql{rest}"
    assert connections.sqlalchemy_url(url) == f"postgresql+psycopg{rest}"


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("postgresql://h/d", "-csearch_path=dagster"),
        ("postgresql://h/d?options=-cstatement_timeout%3D5s", "-cstatement_timeout=5s -csearch_path=dagster"),
    ],
)
def test_dagsters_schema_joins_the_options_that_are_there(url: str, options: str) -> None:
    made = sa.make_url(connections.dagster_url(url))
    assert made.drivername == "postgresql+psycopg2"
    assert made.query["options"] == options


text = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x24F, exclude_characters="\x7f"), min_size=1, max_size=12
)


@given(user=text, password=text, database=text, folder=text)
def test_strange_characters_survive_in_every_form(
    user: str, password: str, database: str, folder: str
) -> None:
    parts = {"user": user, "password": password, "host": f"/{folder} x", "port": "5432", "dbname": database}
    url = connections._rendered("postgres", parts)
    assert conninfo_to_dict(connections.libpq_url(url)) == parts
    made = sa.make_url(connections.sqlalchemy_url(url))
    assert (made.username, made.password, made.database) == (user, password, database)
    assert made.query["host"] == parts["host"]


def test_no_password_in_the_redacted_url() -> None:
    url = "postgresql://me:s3cret@h/d?sslpassword=s3cret2&sslmode=require"
    assert connections.redacted(url) == "postgresql://me:***@h/d?sslmode=require&sslpassword=***"
    assert "s3cret" not in connections.redacted("mysql://me:s3cret@h/d")


def test_every_client_reaches_the_database(empty_database: str) -> None:
    facts = check_database(empty_database)
    assert (facts.role, facts.version.split(".")[0]) == ("fvg", "18")
    engine = connections.engine(empty_database)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT current_database()")).scalar_one() == facts.database
    engine.dispose()
    with connections.adbc_connect(empty_database) as adbc, adbc.cursor() as cursor:
        cursor.execute("SELECT current_database()::text")
        assert cursor.fetchall() == [(facts.database,)]


@pytest.fixture
def refusing_port() -> Iterator[int]:
    with socket.socket() as unheard:  # bound, but nobody listens
        unheard.bind(("127.0.0.1", 0))
        yield unheard.getsockname()[1]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://me:s3cret@h/d", "begins with 'mysql'"),
        ("/var/lib/data", "begins with no scheme"),
        ("postgresql://me:s3cret@h/d?colour=red", 'invalid URI query parameter: "colour"'),
        ("postgresql://me:s3cret@oh@h:5432/d", "percent-encoded"),
        ("postgresql://me:s3cret@nowhere.invalid/d", "host 'nowhere.invalid' is not known"),
        ("postgresql://me:s3cret@127.0.0.1:{port}/d", "no Postgres answers at 127.0.0.1:{port}"),
    ],
)
def test_a_url_that_leads_nowhere(url: str, said: str, refusing_port: int) -> None:
    with pytest.raises(DatabaseUnavailable, match=re.escape(said.format(port=refusing_port))) as raised:
        check_database(url.format(port=refusing_port))
    assert "s3cret" not in str(raised.value)


def test_a_missing_database_is_named(postgres_server: EmbeddedPostgres) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"database 'nowhere' does not exist.*CREATE DATABASE"):
        check_database(connections.database_url(postgres_server.url, "nowhere"))


def test_a_role_that_is_not_let_in(postgres_server: EmbeddedPostgres) -> None:
    strangers = postgres_server.url.replace("//fvg@", "//stranger@")
    for connect in (check_database, connections.adbc_connect):
        with pytest.raises(DatabaseUnavailable, match="does not let role 'stranger' in"):
            connect(strangers)


@pytest.fixture
def restricted(empty_database: str) -> Iterator[str]:
    """A URL whose sessions act as a role without any rights."""
    role = f"reader_{conninfo_to_dict(empty_database)['dbname']}"
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(f'CREATE ROLE "{role}"')
        yield f"{empty_database}&options=-crole%3D{role}"
        connection.execute(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')


def test_missing_rights_come_with_the_grant_that_helps(restricted: str, empty_database: str) -> None:
    with pytest.raises(DatabaseUnavailable) as raised:
        check_database(restricted)
    grants = re.findall(r"GRANT [^;]*;", str(raised.value))
    assert len(grants) == 2
    with psycopg.connect(empty_database) as connection:
        for grant in grants:
            connection.execute(grant)
    check_database(restricted)


@pytest.mark.parametrize(
    ("encoding", "said"), [("SQL_ASCII", "has encoding SQL_ASCII"), ("LATIN1", "has encoding LATIN1")]
)
def test_an_encoding_that_would_lose_characters(
    postgres_server: EmbeddedPostgres, encoding: str, said: str
) -> None:
    name = f"test_{encoding.lower()}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
        )
        try:
            with pytest.raises(DatabaseUnavailable, match=said):
                check_database(connections.database_url(postgres_server.url, name))
        finally:
            connection.execute(f"DROP DATABASE {name}")


def test_an_old_server_is_refused() -> None:
    """A server that says it is Postgres 13, as far as it is asked."""

    class OldServer:
        def execute(self, query: str) -> "OldServer":
            return self

        def fetchone(self) -> tuple[object, ...]:
            return (130_012, "13.12", "market", "me", "UTF8", False, True)

    with pytest.raises(DatabaseUnavailable, match=r"Postgres 13\.12, and the platform needs 14 or newer"):
        connections._checked(OldServer(), ())  # type: ignore[arg-type]


def test_a_schema_is_created_once_by_many(empty_database: str) -> None:
    start = threading.Barrier(4)

    def create(_: int) -> None:
        start.wait()
        connections.ensure_schema(empty_database, "dagster")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create, range(4)))
    with psycopg.connect(empty_database) as connection:
        assert connection.execute(
            "SELECT count(*) FROM pg_namespace WHERE nspname = 'dagster'"
        ).fetchone() == (1,)


def test_dagsters_own_tables_lie_in_their_schema(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections.ensure_schema(empty_database, "dagster")
    monkeypatch.setenv("STORAGE_URL", connections.dagster_url(empty_database))
    (tmp_path / "dagster.yaml").write_text(
        "storage: {postgres: {postgres_url: {env: STORAGE_URL}}}\ntelemetry: {enabled: false}\n"
    )

    @dagster.asset
    def nothing() -> None:
        """An asset that does nothing."""

    for runs in (1, 2):  # the second time everything is there already
        with dagster.DagsterInstance.from_config(str(tmp_path)) as instance:
            assert dagster.materialize([nothing], instance=instance).success
            assert instance.get_runs_count() == runs
    with psycopg.connect(empty_database) as connection:
        schemas = connection.execute(
            "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'"
        ).fetchall()
    assert schemas == [("dagster",)]


def test_a_bulk_connection_is_used_again_and_survives_its_servers_death(empty_database: str) -> None:
    def backend() -> int:
        with bulk_connection(empty_database) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchall()[0][0])

    first = backend()
    assert backend() == first
    with psycopg.connect(empty_database) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    assert backend() != first


def test_an_abandoned_bulk_connection_leaves_nothing_behind(empty_database: str) -> None:
    with bulk_connection(empty_database) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE forgotten (a int)")
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT to_regclass('forgotten')").fetchone() == (None,)
