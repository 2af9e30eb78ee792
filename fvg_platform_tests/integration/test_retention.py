"""Old hours go, and nothing brings them back; what was made of them stays, and grows on."""

import pandas as pd
import pytest

from fvg_platform.definitions import build_definitions
from fvg_platform.pipeline.refresh import materialise
from fvg_platform.pipeline.resources import market_source
from fvg_platform.storage.retention import apply_retention
from fvg_platform.storage.retention_rules import RetentionRules
from fvg_platform_tests.integration.operations import UP_TO_FEATURES, failures
from fvg_platform_tests.market_bars import random_bars
from fvg_platform_tests.platforms import Workplace

RULE = "bars.1h=6mo"
NOW = pd.Timestamp("2024-04-15", tz="UTC")
CUT = pd.Timestamp("2023-10-01", tz="UTC")
HOURS = random_bars("1h", "2023-03-01", "2024-03-29", seed=61)
LATER = random_bars("1h", "2023-03-01", "2024-04-13", seed=61)


def bring_up(workplace: Workplace) -> None:
    with workplace.open() as (platform, _):
        settings = workplace.settings.model_copy(update={"retention": RULE})
        source = market_source(settings, platform.database, now=lambda: NOW)
        definitions = build_definitions(resources={**platform.resources, "market_source": source})
        runs = materialise(
            platform, definitions, assets=UP_TO_FEATURES, only_timeframes=["1h", "4h"], say=lambda _: None
        )
    assert failures(runs) == {}


def bars(workplace: Workplace, timeframe: str, table: str = "market_data") -> pd.DataFrame:
    rows = workplace.rows(
        f"SELECT ts, open, high, low, close, volume FROM {table} WHERE timeframe = '{timeframe}' ORDER BY ts"
    )
    return pd.DataFrame(rows, columns=["ts", "open", "high", "low", "close", "volume"])


@pytest.mark.slow
def test_pruned_hours_stay_away_and_the_four_hours_made_of_them_stay(workplace: Workplace) -> None:
    workplace.add_bars("OLD", "1h", HOURS)
    bring_up(workplace)
    assert len(bars(workplace, "1h")) == len(HOURS), "a history that was never pruned comes in as a whole"
    fours = bars(workplace, "4h")

    removed = apply_retention(workplace.url, RetentionRules.parse(RULE), NOW)
    assert removed
    bring_up(workplace)
    assert bars(workplace, "1h")["ts"].min() >= CUT
    pd.testing.assert_frame_equal(bars(workplace, "4h"), fours)

    workplace.add_bars("OLD", "1h", LATER)
    bring_up(workplace)
    assert bars(workplace, "1h", "raw_bars")["ts"].min() >= CUT
    kept = bars(workplace, "4h")
    assert kept["ts"].is_unique
    pd.testing.assert_frame_equal(kept[kept["ts"] < CUT], fours[fours["ts"] < CUT])
    assert kept["ts"].max() > fours["ts"].max()
    assert apply_retention(workplace.url, RetentionRules.parse(RULE), NOW) == []
