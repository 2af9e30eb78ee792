"""A whole database into one file and back, by Postgres' own pg_dump and pg_restore.

The file is pg_dump's custom format: any pg_restore of the same or a newer version reads it, without this platform.
"""

import os
import subprocess
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fvg_platform.storage.connections import libpq_url, redacted


class BackupError(RuntimeError):
    """A backup could not be written or read back; the message says which file, which database and why."""


def backup(url: str, file: Path, bin_dir: Path) -> Path:
    """Write the database to a file, which appears when it is whole; an older file of that name is replaced.

    Parameters
    ----------
    url : str
        The database.
    file : Path
        Where to; its folder must exist.
    bin_dir : Path
        The folder of pg_dump, whose version must not be older than the server's.

    Returns
    -------
    The file.

    Raises
    ------
    BackupError
        pg_dump failed (its words are in the message); nothing is left behind and an older file stays.
    """
    if not file.parent.is_dir():
        raise BackupError(f"the folder {file.parent} does not exist: make it, or name another file")
    draft = file.with_name(f".{file.name}.{os.getpid()}.draft")
    try:
        arguments = ["--format=custom", "--no-owner", "--no-privileges", f"--file={draft}"]
        _run(bin_dir / "pg_dump", arguments, url, f"the database cannot be backed up to {file}")
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return file


def restore(url: str, file: Path, bin_dir: Path) -> None:
    """Bring a backup back into an empty or a used database: what the file holds replaces what is there.

    In one transaction: it succeeds whole or changes nothing. Tables that the file does not know stay.

    Parameters
    ----------
    url, bin_dir
        As for :func:`backup`; the server may be newer than the one that the backup is from.
    file : Path
        What :func:`backup` wrote.

    Raises
    ------
    BackupError
        The file is missing or not a backup, or pg_restore failed; the database is as it was.
    """
    if not file.is_file():
        raise BackupError(f"there is no backup {file}")
    with file.open("rb") as stream:
        if stream.read(5) != b"PGDMP":
            raise BackupError(f"{file} is not a backup of this platform (pg_dump's custom format)")
    arguments = ["--clean", "--if-exists", "--single-transaction", "--no-owner", "--no-privileges", str(file)]
    _run(bin_dir / "pg_restore", arguments, url, f"the backup {file} cannot be restored")


def _run(program: Path, arguments: list[str], url: str, failure: str) -> None:
    parts = {name: str(value) for name, value in conninfo_to_dict(libpq_url(url)).items()}
    if "sslpassword" in parts:
        raise BackupError(
            f"{failure}: Postgres' programs take no sslpassword: use a client key without a password"
        )
    # Command lines are public on the machine; a process' environment is its user's own.
    password = parts.pop("password", None)
    environment = dict(os.environ) if password is None else {**os.environ, "PGPASSWORD": password}
    try:
        done = subprocess.run(
            [str(program), "--dbname", make_conninfo("", **parts), *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
        )
    except FileNotFoundError as error:
        raise BackupError(
            f"{failure}: there is no program {program}: install Postgres' client programs"
        ) from error
    if done.returncode != 0:
        raise BackupError(f"{failure} ({redacted(url)}): {done.stderr.strip()}")
