"""Features of a series that grows, of definitions that change, and of a user's own beside the catalogue's."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from fvg_platform.features.catalogue import DIGESTS, FEATURES, MODEL_FEATURES
from fvg_platform.features.plugin import bar_feature
from fvg_platform.pipeline.assets import features, gaps, setups
from fvg_platform.pipeline.market_source import MarketSource
from fvg_platform.sources.sample import SampleSource
from fvg_platform.storage.bulk import read_frame
from fvg_platform.storage.database import Database
from fvg_platform_tests.integration.growing import Growing, minutes
from fvg_platform_tests.platforms import Workplace

ASSETS = (gaps.fvg_detections, setups.fvg_setups, features.bar_features, features.setup_features)
HOURS = minutes(2_400, "h")  # 100 days: more than any feature looks back
LAST = pd.Timestamp(HOURS["ts"].iloc[-1])

close_place = bar_feature(
    "close_place", "(C - L) / (H - L)", "0..1", 0, lambda s: (s.close - s.low) / (s.high - s.low)
)
half_range = bar_feature(
    "half_range", "(H - L) / 2", "price", 0, lambda s: (s.high - s.low) / 2.0, scale_free=False
)


@pytest.fixture(scope="module")
def grown(module_workplace: Workplace) -> Iterator[Growing]:
    """The series in four parts, with what each refresh said of itself in `said`."""
    database = Database(module_workplace.home, module_workplace.url)
    series = Growing(database, MarketSource(database, open_archive=SampleSource), "PARTS", ASSETS)
    for end in (2_300, 2_301, 2_399, 2_400):
        series.add(HOURS.iloc[:end], "1h")
        said = series.derive(["1h"])
    series.said = said  # type: ignore[attr-defined]
    yield series
    database.close()


def table(series: Growing, name: str, columns: list[str]) -> pd.DataFrame:
    listed = ", ".join(["ts", *columns])
    with series.database.bulk() as connection:
        return read_frame(
            connection, f"SELECT {listed} FROM {name} WHERE ticker = $1 ORDER BY ts, 2", [series.ticker]
        )


def test_parts_give_the_features_of_the_whole(grown: Growing) -> None:
    assert grown.said["bar_features 1h"]["rows_made"] == 1  # type: ignore[attr-defined]
    assert grown.said["setup_features 1h"]["rows_made"] <= 1  # type: ignore[attr-defined]
    assert grown.derive(["1h"]) == {f"{asset.name} 1h": {"unchanged": True} for asset in ASSETS}
    whole = Growing(grown.database, grown.source, "WHOLE", ASSETS)
    whole.add(HOURS, "1h")
    whole.derive(["1h"])
    for name, columns in (
        ("features", [f.name for f in FEATURES]),
        ("setup_features", ["side", *MODEL_FEATURES]),
    ):
        parts, expected = table(grown, name, columns), table(whole, name, columns)
        assert len(expected) > 100
        assert (parts["ts"] == expected["ts"]).all()
        ours, theirs = parts[columns].to_numpy(float), expected[columns].to_numpy(float)
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
        allowed = 1e-9 * np.maximum(1.0, np.abs(theirs))
        assert (np.nan_to_num(np.abs(ours - theirs)) <= np.nan_to_num(allowed)).all()


def test_a_definition_that_changes_is_the_only_column_that_is_made_again(
    grown: Growing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar that nobody would look at again is spoiled by hand: what is not made again stays spoiled."""
    place = grown.database
    with place.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE features SET rsi_14 = -1, close_open_ratio = -1 WHERE ticker = 'PARTS' AND ts = '2024-04-01'"
        )
    monkeypatch.setitem(DIGESTS, "rsi_14", "another definition")
    monkeypatch.setattr(features, "FEATURE_SET_VERSION", "another version")
    said = grown.derive(["1h"])
    assert said["bar_features 1h"]["definitions_changed"] == "rsi_14"
    assert said["bar_features 1h"]["rows_updated"] == 1
    row = (
        table(grown, "features", ["rsi_14", "close_open_ratio"]).set_index("ts").loc["2024-04-01 00:00+00:00"]
    )
    assert row["rsi_14"] > 0
    assert row["close_open_ratio"] == -1


def test_a_users_own_features_stand_beside_the_catalogues_and_go_again(
    grown: Growing, module_workplace: Workplace
) -> None:
    own = dataclasses.replace(grown, own_features=(close_place, half_range))
    said = own.derive(["1h"])
    assert said["bar_features 1h"]["definitions_changed"].endswith("close_place, half_range")
    found = module_workplace.rows(
        "SELECT (f.custom->>'close_place')::float, (f.custom->>'half_range')::float, "
        "(b.close - b.low) / (b.high - b.low), (b.high - b.low) / 2 FROM features f "
        "JOIN market_data b USING (ticker, timeframe, ts) WHERE ticker = 'PARTS' AND f.custom ? 'close_place'"
    )
    assert len(found) == len(HOURS)
    assert all(row[0] == pytest.approx(row[2]) and row[1] == pytest.approx(row[3]) for row in found)
    # What a pooled model may look at is what is free of scale.
    ((keys,),) = module_workplace.rows(
        "SELECT array_agg(DISTINCT key) FROM setup_features, jsonb_object_keys(custom) key WHERE ticker = 'PARTS'"
    )
    assert keys == ["close_place"]

    own.add(pd.concat([HOURS, HOURS.tail(1).assign(ts=LAST + pd.Timedelta(hours=1))]), "1h")
    assert own.derive(["1h"])["bar_features 1h"]["rows_made"] == 1
    assert module_workplace.rows(
        "SELECT count(*) FROM features WHERE ticker = 'PARTS' AND custom ? 'half_range'"
    ) == [(len(HOURS) + 1,)]

    grown.derive(["1h"])
    assert module_workplace.rows(
        "SELECT count(*) FROM features WHERE ticker = 'PARTS' AND custom IS NOT NULL"
    ) == [(0,)]
