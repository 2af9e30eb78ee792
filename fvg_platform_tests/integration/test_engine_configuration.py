"""Another configuration of the engine reaches everything that is made with it, and so does going back."""

from dataclasses import replace
from pathlib import Path

import pytest

from fvg_platform_tests.market_bars import random_bars
from fvg_platform_tests.platforms import Workplace

STATISTICS = (
    "SELECT value, target, setups, entered, win_lo, mean_r_lo, mean_r_lo_surrogate FROM fvg_statistics "
    "WHERE timeframe = '1d' ORDER BY dimension, value, target"
)
SERVED = "SELECT version, sha256, config_ids::text FROM models WHERE timeframe = '1d' ORDER BY version DESC LIMIT 1"
PLANNED = "SELECT DISTINCT config_id FROM {} WHERE timeframe = '1d'"


@pytest.mark.long
def test_there_and_back(workplace: Workplace, tmp_path: Path) -> None:
    workplace.add_bars("ONE", "1d", random_bars("1d", "2023-01-03", "2025-12-31", seed=3))
    workplace.bring_up_to_date()
    statistics, served = workplace.rows(STATISTICS), workplace.rows(SERVED)[0]
    (before,) = workplace.rows(PLANNED.format("fvg_setups"))

    file = tmp_path / "engine.toml"
    settings = (
        '[daily]\nmultiples = [1, 2, 4]\nentry = "mid"\n[costs]\nequity = 20\n[weekly]\nmin_size_atr = 1000\n'
    )
    file.write_text(settings, encoding="utf-8")
    other = replace(workplace, variables={"FVG_ENGINE_CONFIG": str(file)})
    assert [run.failures for run in other.bring_up_to_date() if not run.success] == []
    assert other.bring_up_to_date() == [], "the new configuration has reached everything"
    for table in ("fvg_detections", "fvg_setups", "fvg_labels", "setup_features"):
        assert other.rows(PLANNED.format(table)) not in ([], [before])
    assert other.rows(STATISTICS) != statistics
    assert other.rows("SELECT 1 FROM fvg_statistics WHERE timeframe = '1w'") == [], (
        "they go with the last setup"
    )
    assert other.rows(SERVED)[0][2] != served[2]

    workplace.bring_up_to_date()
    assert workplace.bring_up_to_date() == []
    assert workplace.rows(STATISTICS) == statistics
    again = workplace.rows(SERVED)[0]
    assert again[1:] == served[1:], "what was trained for these setups serves again"
    assert again[0] > served[0]
