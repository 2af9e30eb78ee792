"""A database URL that cannot be used ends in one message with the way out, and never shows its password."""

from urllib.parse import urlsplit

import psycopg
import pytest

from fvg_platform.storage.connections import libpq_url
from fvg_platform.storage.embedded import EmbeddedPostgres
from fvg_platform_tests.integration.operations import fvg

PASSWORD = "Sesam-öffne-dich"


def with_account(url: str, account: str) -> str:
    """The URL of the same place for `USER:PASSWORD`."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{account}@{parts.netloc.rpartition('@')[2]}").geturl()


@pytest.fixture
def urls(empty_database: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """By fault: the URL, and what the message must say."""
    account = f"fvg:{PASSWORD}"
    missing = empty_database.replace("/test_", "/missing_", 1)
    return {
        "no URL at all": (PASSWORD, ("no scheme", "postgresql://USER:PASSWORD@")),
        "an unescaped password": (f"postgresql://fvg:a@{PASSWORD}@localhost/fvg", ("percent-encoded",)),
        "nobody listens": (f"postgresql://{account}@127.0.0.1:1/fvg", ("127.0.0.1:1", "host and port")),
        "no such database": (with_account(missing, account), ("missing_", "CREATE DATABASE")),
    }


@pytest.mark.parametrize(
    "fault",
    [
        "no URL at all",
        "an unescaped password",
        "nobody listens",
        "no such database",
    ],
)
def test_it_is_told_in_one_message_without_the_password(
    fault: str, urls: dict[str, tuple[str, tuple[str, ...]]]
) -> None:
    url, expected = urls[fault]
    finished = fvg({"FVG_DATABASE_URL": url}, "status")
    assert finished.returncode == 1
    assert finished.stdout == ""
    (message,) = finished.stderr.strip().splitlines()
    assert message.startswith("fvg: ")
    for part in expected:
        assert part in message, message
    assert PASSWORD not in message


def test_a_role_without_rights_is_told_the_grant_that_helps(
    postgres_server: EmbeddedPostgres, empty_database: str
) -> None:
    """The server knows its users by the operating system, so the role is taken on after logging in."""
    role = "reader_" + empty_database.rpartition("test_")[2].partition("?")[0]
    with psycopg.connect(libpq_url(empty_database), autocommit=True) as connection:
        connection.execute(f'CREATE ROLE "{role}"')
    try:
        separator = "&" if "?" in empty_database else "?"
        finished = fvg({"FVG_DATABASE_URL": f"{empty_database}{separator}options=-crole%3D{role}"}, "status")
    finally:
        with psycopg.connect(libpq_url(empty_database), autocommit=True) as connection:
            connection.execute(f'DROP ROLE "{role}"')
    assert finished.returncode == 1
    (message,) = finished.stderr.strip().splitlines()
    assert f'GRANT USAGE, CREATE ON SCHEMA "public" TO "{role}"' in message
    assert "GRANT CREATE ON DATABASE" in message
