"""The file that FVG_ENGINE_CONFIG names: single fields of modes, refused by file, mode and field."""

from pathlib import Path

import pytest

from fvg_platform.fvg.modes import DEFAULT_ENGINE
from fvg_platform.pipeline.resources import engine_config
from fvg_platform.settings import SettingsError


def test_without_a_file_the_defaults_hold() -> None:
    assert engine_config(None) is DEFAULT_ENGINE


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "engine.toml"
    file.write_text('[daily]\nentry = "mid"\nmultiples = [1, 2, 4]\n\n[costs]\nfx = 0.5\n', encoding="utf-8")
    engine = engine_config(file)
    assert (engine.mode_config("1d").entry, engine.mode_config("1d").multiples) == ("mid", (1, 2, 4))
    assert engine.mode_config("1d").identity != DEFAULT_ENGINE.mode_config("1d").identity
    assert engine.mode_config("1w") == DEFAULT_ENGINE.mode_config("1w")
    assert engine.mode_config("1h", "fx").cost_bps == 0.5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file"),
        ("[daily\n", "Expected"),
        ("ttl = 3\n", "ttl stands outside of a section"),
        ("[daily]\nttl = 0\n", "daily: ttl is 0"),
        ("[daily]\nttll = 3\n", "daily: ttll is 3: no such field, use some of ttl, max_hold"),
        ("[hourly]\nttl = 3\n", "unknown mode 'hourly'"),
        ("[daily]\nmode = 'swing'\n", "daily: mode is not for a file to say"),
        ("[daily]\nmultiples = [1, 2]\n", "daily: multiples is [1, 2]: give three"),
        ("[daily]\nrequired_rules = 'discount'\n", "daily: required_rules is 'discount': give a list"),
        ("[daily]\ntick_size = '0.01'\n", "daily: tick_size is '0.01'"),
        ("[weekly]\nday_only = true\n", "weekly: day_only is True"),
        ("[daily]\nrequired_rules = ['new_york_session']\n", "has no answer in the mode daily"),
        ("[costs]\nequity = -1\n", "costs: equity is -1: give basis points"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "engine.toml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(
        SettingsError, match=r"FVG_ENGINE_CONFIG=.*engine\.toml cannot be (used|read)"
    ) as refused:
        engine_config(file)
    assert said in str(refused.value)
