"""The environment as settings: what is read, what is refused, and that no secret is ever told."""

from pathlib import Path

import pytest

from fvg_platform.settings import SettingsError, load_settings, project_folder

SECRET = "postgresql://someone:s3cret@db.example/fvg"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("FVG_")]:
        monkeypatch.delenv(name)


def test_without_any_variable_the_sample_goes_into_the_projects_own_folder() -> None:
    settings = load_settings()
    assert settings.home == project_folder() / ".fvg"
    assert settings.database_url is None
    assert (settings.bar_source, settings.retention_days) == ("sample", 90)
    assert settings.database == {"home": settings.home, "url": None, "dagster_url": None, "server_user": None}


def test_what_the_environment_says_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "FVG_HOME": "state", "FVG_DATABASE_URL": SECRET, "FVG_BAR_SOURCE": "files", "FVG_FILES_DIR": "~/bars",
        "FVG_RETENTION_DAYS": "7", "FVG_SEED": "42", "FVG_UNHEARD_OF": "ignored",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.home == tmp_path / "state"
    assert settings.files_dir == Path.home() / "bars"
    assert (settings.retention_days, settings.seed) == (7, 42)
    assert settings.database["url"] == SECRET
    assert settings.imports_folder == tmp_path / "state" / "imports"
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    "name", ["FVG_DATABASE_URL", "FVG_DAGSTER_DATABASE_URL", "FVG_POSTGRES_USER", "FVG_FILES_DIR"]
)
def test_a_blank_variable_is_unset(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "")
    assert getattr(load_settings(), name.removeprefix("FVG_").lower()) is None


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"FVG_BAR_SOURCE": "bloomberg"}, r"FVG_BAR_SOURCE: .*'sample', 'files' or 'polygon'"),
        ({"FVG_BAR_SOURCE": "polygon"}, r"needs POLYGON_API_KEY"),
        ({"FVG_TIMEFRAMES": "1h,4h"}, r"FVG_TIMEFRAMES: .*'4h' is not fetched.*4h, 1w, 1mo are made"),
        ({"FVG_POLYGON_URL": "http://example.org"}, r"FVG_POLYGON_URL: .*the key travels"),
        ({"FVG_RETENTION_DAYS": "0"}, r"FVG_RETENTION_DAYS: .*greater than or equal to 1"),
        ({"FVG_SEED": "many", "FVG_RETENTION_DAYS": "ten"}, r"FVG_SEED: .*; FVG_RETENTION_DAYS: "),
        ({"FVG_BAR_SOURCE": "files"}, r"FVG_BAR_SOURCE=files needs FVG_FILES_DIR: .*TICKER_TIMEFRAME"),
    ],
    ids=[
        "unknown source",
        "vendor without a key",
        "made timeframe",
        "open address",
        "no days",
        "two faults",
        "files without a folder",
    ],
)
def test_a_value_that_cannot_be_used_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    monkeypatch.setenv("FVG_DATABASE_URL", SECRET)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=said) as raised:
        load_settings()
    assert "\n" not in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_the_projects_folder_is_found_from_anywhere_inside_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = tmp_path / "clone"
    (project / "deep" / "inside").mkdir(parents=True)
    (project / "workspace.yaml").touch()
    (project / "dagster_home").mkdir()
    monkeypatch.chdir(project / "deep" / "inside")
    assert project_folder() == project
