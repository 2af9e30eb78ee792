"""The command line: every command's help, what it prints, and the messages of what cannot be done."""

import re
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import typer

from fvg_platform.cli import app
from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.storage.connections import libpq_url
from fvg_platform.storage.migrate import newest_revision
from fvg_platform_tests.command_line import Fvg
from fvg_platform_tests.market_bars import random_bars
from fvg_platform_tests.platforms import Workplace

COMMANDS: dict[tuple[str, ...], str] = {
    (name,): str(command.help) for name, command in typer.main.get_command(app).commands.items()  # type: ignore[attr-defined]
} | {
    ("db", name): str(command.help)
    for name, command in typer.main.get_command(app).commands["db"].commands.items()  # type: ignore[attr-defined]
}  # fmt: skip


@pytest.fixture
def on_sample(sample: Workplace, capsys: pytest.CaptureFixture[str]) -> Fvg:
    return Fvg(sample, capsys)


@pytest.fixture
def on_files(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> Fvg:
    """A platform whose source is a folder with two years of daily bars of one ticker."""
    workplace.add_bars("HOME", "1d", random_bars("1d", "2024-01-02", "2025-12-31", seed=1))
    return Fvg(workplace, capsys)


# ------------------------------------------------------------------------------------------------ help


def test_the_commands_are_those_that_the_readme_names() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert {"demo", "up", "db", "import", "materialize", "status", "report", "rebuild"} <= {
        c[0] for c in COMMANDS
    }
    assert {"start", "stop", "status", "url", "migrate", "backup", "restore"} <= {
        c[1] for c in COMMANDS if c[1:]
    }
    assert [name for (name, *_) in COMMANDS if f"fvg {name}" not in readme] == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = Workplace(tmp_path, tmp_path, "postgresql://nobody@127.0.0.1:1/none")
    said = Fvg(nowhere, capsys)(*command, "--help")
    assert said.code == 0
    assert COMMANDS[command].split(".")[0].split("\n")[0][:40] in said.out
    assert "Usage" in said.out


def test_help_is_quick_because_it_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from fvg_platform.cli import app\n"
        "try:\n    app(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "materialize" in done.stdout
    heavy = ("dagster", "pandas", "numpy", "numba", "sqlalchemy", "pyarrow", "lightgbm", "great_expectations")
    assert [name for name in heavy if f"'{name}'" in done.stderr] == []


# ------------------------------------------------------------------------------------------------ faults


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["materialize", "--ticker", "NOPE"], r"unknown ticker NOPE: .*Known: .*AAPL"),
        (["rebuild", "--ticker", "NOPE"], r"unknown ticker NOPE: "),
        (["materialize", "--timeframe", "2h"], r"unknown timeframe '2h': use one of 1m, 5m, .*1mo a month"),
        (
            ["materialize", "--select", "bars,candles"],
            r"unknown asset candles: use some of symbols, raw_bars",
        ),
        (["materialize", "--select", "daily_predictions", "--day", "2026-02-30"], r"2026-02-30.*YYYY-MM-DD"),
        (["materialize", "--select", "daily_predictions", "--day", "1066-10-14"], r"1066-10-14"),
        (["import", "none.csv", "--ticker", "X", "--timeframe", "1h"], r"none\.csv"),
        (
            ["db", "backup", "/nowhere/file"],
            r"the folder /nowhere does not exist: make it, or name another file",
        ),
        (["db", "restore", "/nowhere/file"], r"there is no backup /nowhere/file"),
        (["db", "stop"], r"FVG_DATABASE_URL names a database that is not the platform's to stop"),
        (["frobnicate"], r"No such command 'frobnicate'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_said_with_the_way_out(
    on_sample: Fvg, arguments: list[str], said: str
) -> None:
    ended = on_sample(*arguments)
    assert ended.code != 0
    assert "Traceback" not in ended.err
    assert re.search(said, " ".join(ended.err.replace("│", " ").split())), ended.err


def test_a_taken_port_ends_up_before_a_second_daemon_starts(on_sample: Fvg) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = on_sample("up", "--port", str(port))
    assert said.code == 1
    assert said.err.splitlines()[-1].startswith(f"fvg: port {port} of 127.0.0.1 is taken: ")


def test_a_fault_in_the_environment_is_one_line(on_files: Fvg) -> None:
    for variables in ({"FVG_BAR_SOURCE": "polygon"}, {"FVG_FILES_DIR": ""}, {"FVG_RETENTION_DAYS": "none"}):
        said = on_files("status", **variables)
        assert said.code == 1
        assert said.err.startswith("fvg: ")
        assert said.err.count("\n") == 1
        assert next(iter(variables)) in said.err


def test_a_database_that_cannot_be_reached_is_one_message_without_the_password(on_files: Fvg) -> None:
    said = on_files("status", FVG_DATABASE_URL="postgresql://someone:s3cret@127.0.0.1:1/none")
    assert said.code == 1
    assert said.err.startswith("fvg: ")
    assert "127.0.0.1:1" in said.err
    assert "s3cret" not in said.err
    assert "Traceback" not in said.err


# ------------------------------------------------------------------------------------------------ what is shown


def test_the_report_as_values_and_as_a_table(on_sample: Fvg) -> None:
    values = on_sample("report", "--json").values
    rows = {row["timeframe"]: row for row in values["timeframes"]}
    assert list(rows) == list(TIMEFRAMES)
    ((bars, gaps),) = on_sample.workplace.rows(
        "SELECT (SELECT count(*) FROM market_data WHERE timeframe = '1d'), "
        "(SELECT count(*) FROM fvg_detections WHERE timeframe = '1d')"
    )
    assert (rows["1d"]["bars"], rows["1d"]["gaps"]) == (bars, gaps)
    for target in rows["1d"]["targets"]:
        low, high = target["win_rate_lo"], target["win_rate_hi"]
        assert 0 <= low["low"] <= low["value"] <= high["value"] <= high["high"] <= 1
    assert rows["1d"]["model"]["test_metrics"]["target_1"]["n"] > 0
    assert {signal["day"] for signal in values["signals"]} == {
        str(on_sample.workplace.rows("SELECT max(day) FROM predictions")[0][0])
    }

    text = on_sample("report").out
    for heading in (
        "What Fair Value Gaps did",
        "timeframe",
        "target 1 won",
        "skill, target 1",
        "entry",
        "P(1)",
    ):
        assert heading in text
    assert f"Signals of {values['signals'][0]['day']}" in text
    assert max(map(len, text.splitlines())) <= 190


def test_the_status_as_values_and_as_a_table(on_sample: Fvg) -> None:
    values = on_sample("status", "--json").values
    series = {(row["ticker"], row["timeframe"]): row for row in values["series"]}
    assert len(series) == on_sample.workplace.rows("SELECT count(*) FROM series")[0][0]
    assert {row["state"] for row in series.values()} == {"ok"}
    assert series["AAPL", "1h"]["completeness"] == pytest.approx(1 - 14 / 3492)
    assert series["IBM", "1w"]["resampled_from"] == "1d"
    assert {run["job"]: run["status"] for run in values["last_runs"]} == dict.fromkeys(
        (
            "symbols_stage",
            "series_stage",
            "training_stage",
            "signals_stage",
            "monitoring_stage",
            "forecast_stage",
        ),
        "SUCCESS",
    )
    assert values["failing_checks"] == []
    assert values["failed_series"] == []

    text = on_sample("status").out
    for heading in ("Series", "origin", "basis", "complete", "Last run of each job", "No failing checks."):
        assert heading in text


def test_an_empty_platform_has_a_status_and_a_report(on_files: Fvg) -> None:
    nothing = (
        "models",
        "stale",
        "waiting",
        "running",
        "failed_entries",
        "failed_runs",
        "trained",
        "versions",
    )
    assert on_files("status", "--json").values == {
        "series": [], "failed_series": [], "last_runs": [], "failing_checks": [], "day": {key: [] for key in nothing},
    }  # fmt: skip
    assert "Waits: nothing" in on_files("status").out
    assert on_files("report", "--json").values == {"timeframes": [], "signals": []}
    assert "No signals yet" in on_files("report").out


# ------------------------------------------------------------------------------------------------ import


def test_imported_bars_become_a_series_and_stay_one(on_files: Fvg, tmp_path: Path) -> None:
    bars = random_bars("1h", "2025-11-03", "2025-12-31", seed=2)
    file = tmp_path / "download (3).csv"
    bars.to_csv(file, index=False)
    said = on_files("import", str(file), "--ticker", "guest", "--timeframe", "1h")
    assert (said.code, said.out) == (0, "")
    assert "GUEST_1h.parquet. Materialise it: fvg materialize --ticker GUEST" in said.err
    file.unlink()

    assets = "symbols,raw_bars,clean_bars,bars"
    assert on_files("materialize", "--select", assets, "--ticker", "GUEST", "--timeframe", "1h").code == 0
    assert on_files("materialize", "--select", "symbols").code == 0
    status = {(row["ticker"], row["timeframe"]): row for row in on_files("status", "--json").values["series"]}
    assert set(status) == {("GUEST", "1h")}, "only what was asked for was made"
    assert status["GUEST", "1h"]["rows"] == len(bars)
    assert on_files.workplace.rows("SELECT ticker, active FROM symbols ORDER BY 1") == [
        ("GUEST", True),
        ("HOME", True),
    ]


def test_a_series_that_failed_ends_the_command_with_1_and_its_reason(on_files: Fvg) -> None:
    (on_files.workplace.files / "BAD_1d.csv").write_text(
        "ts,open,high,low,close,volume\n2024-01-02,1,1,1,text,1\n"
    )
    said = on_files("materialize", "--select", "symbols,raw_bars")
    assert said.code == 1
    assert "raw_bars: 1 series failed, the others are kept." in said.err
    assert "BAD 1d" in said.err
    assert "text" in said.err
    assert on_files.workplace.rows("SELECT DISTINCT ticker FROM raw_bars") == [("HOME",)]


# ------------------------------------------------------------------------------------------------ db


def test_the_database_tells_where_it_is_and_migrates(
    empty_database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fvg = Fvg(Workplace(tmp_path, tmp_path, empty_database), capsys)
    assert "The tables are up to date." in fvg("db", "migrate").err
    with psycopg.connect(libpq_url(empty_database)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (
            newest_revision(),
        )
    named = psycopg.conninfo.conninfo_to_dict(libpq_url(empty_database))
    with psycopg.connect(libpq_url(fvg("db", "url").out.strip())) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == (named["dbname"],)
    values = fvg("db", "status", "--json").values
    assert values["running"] is True
    assert "version" in values
    assert "running: True" in fvg("db", "status").out


def test_a_database_of_a_newer_platform_is_one_message(on_files: Fvg) -> None:
    with psycopg.connect(libpq_url(on_files.workplace.url)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099_from_the_future'")
    said = on_files("report")
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert said.err.startswith("fvg: the database is at revision 0099_from_the_future")


def test_a_backup_restored_into_an_empty_database_is_the_same_platform(
    on_sample: Fvg, empty_database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(libpq_url(on_sample.workplace.url)) as connection:
        # Three quarters of the sample's bytes are features; those of one ticker show as much in a third of the time.
        connection.execute("DELETE FROM features WHERE ticker <> 'FB'")
    file = tmp_path / "fvg.backup"
    assert on_sample("db", "backup", str(file)).code == 0
    other = replace(on_sample.workplace, url=empty_database)
    elsewhere = Fvg(other, capsys)
    assert elsewhere("db", "restore", str(file)).code == 0
    assert fingerprints(other) == fingerprints(on_sample.workplace)
    assert elsewhere("report", "--json").values["signals"]
    assert other.bring_up_to_date() == [], "Dagster's history came along: nothing is made again"


def fingerprints(workplace: Workplace) -> dict[str, list[tuple]]:
    """The rows of every table, the platform's and Dagster's, as their number and a hash of them all."""
    tables = workplace.rows(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('public', 'dagster')"
    )
    query = "SELECT count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM {} t"
    return {table: workplace.rows(query.format(table)) for (table,) in tables}
