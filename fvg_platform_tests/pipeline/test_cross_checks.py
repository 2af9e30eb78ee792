"""Holes told apart and timeframes compared in real tables: at first, when nothing changed, when something did."""

import pandas as pd
import pytest

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.resampling import resample_bars
from fvg_platform.pipeline.cross_checks import cross_check, due_families
from fvg_platform.pipeline.refresh import materialise
from fvg_platform.pipeline.resources import default_resources
from fvg_platform.storage import coverage_queries
from fvg_platform.storage.database import Database
from fvg_platform_tests.market_bars import random_bars
from fvg_platform_tests.platforms import Workplace

NOON = pd.Timestamp("2024-11-26 17:00", tz="UTC")
KINDS = (
    "SELECT timeframe, kind, sum(missing)::int FROM bar_gaps WHERE ticker = 'SPY' GROUP BY 1, 2 ORDER BY 1, 2"
)
UNTRADED = "SELECT timeframe, untraded::int FROM series WHERE ticker = 'SPY' ORDER BY timeframe"
PAIRS = (
    "SELECT fine, coarse, compared::int, differing::int, worst_column, fine_revision::int, coarse_revision::int, "
    "compared_at FROM series_comparisons ORDER BY 1, 2"
)
ASSETS = ["symbols", "raw_bars", "clean_bars", "bars", "coverage"]


def refresh(workplace: Workplace) -> None:
    with workplace.open() as (platform, definitions):
        runs = materialise(
            platform,
            definitions,
            assets=ASSETS,
            only_timeframes=["1m", "5m", "15m", "1h"],
            say=lambda _: None,
        )
    assert [run.failures for run in runs if not run.success] == []


def test_kinds_and_comparisons_follow_the_bars(workplace: Workplace) -> None:
    calendar = trading_calendar("equity")
    traded = random_bars("1m", "2024-11-25", "2024-11-28", seed=8)
    # Nothing was traded from 12:00 to 12:09 of New York; from 14:00 to 14:04 bars are lost.
    traded = traded[~traded["ts"].between(NOON, NOON + pd.Timedelta(minutes=9))]
    afternoon = NOON + pd.Timedelta(hours=2)
    stored = traded[~traded["ts"].between(afternoon, afternoon + pd.Timedelta(minutes=4))]
    hours = resample_bars(traded, "1m", "1h", calendar)
    workplace.add_bars("SPY", "1m", stored)
    workplace.add_bars("SPY", "1h", hours)
    refresh(workplace)
    assert workplace.rows(KINDS) == [
        ("1m", "lost", 5), ("1m", "untraded", 10), ("5m", "lost", 1), ("5m", "untraded", 2),
    ]  # fmt: skip
    assert workplace.rows(UNTRADED) == [("15m", 0), ("1h", 0), ("1m", 10), ("5m", 2)]
    first = workplace.rows(PAIRS)
    assert [row[:-1] for row in first] == [("1m", "1h", len(hours) - 2, 0, None, 1, 1)]

    # Nothing has changed: nothing is due, and nothing is written.
    before = workplace.rows("SELECT ctid::text FROM bar_gaps ORDER BY 1")
    refresh(workplace)
    assert workplace.rows(PAIRS) == first
    assert workplace.rows("SELECT ctid::text FROM bar_gaps ORDER BY 1") == before

    # The lost minutes come, and an hour is corrected.
    workplace.add_bars("SPY", "1m", traded)
    hours.loc[1, "volume"] *= 2
    workplace.add_bars("SPY", "1h", hours)
    refresh(workplace)
    assert workplace.rows(KINDS) == [("1m", "untraded", 10), ("5m", "untraded", 2)]
    assert [row[:-1] for row in workplace.rows(PAIRS)] == [("1m", "1h", len(hours) - 1, 1, "volume", 2, 2)]


def series_of(**changes: dict[str, object]) -> pd.DataFrame:
    """A ticker's minutes and hours of one basis, five minutes made of the former, days of another anchor."""
    common = {
        "ticker": "SPY", "asset_class": "equity", "adjustment": "split", "anchor": "session", "session": "regular",
        "source": "polygon", "resampled_from": None, "missing": 3, "revision": 4,
        "updated_at": pd.Timestamp("2026-03-05", tz="UTC"),
    }  # fmt: skip
    own: dict[str, dict[str, object]] = {
        "1m": {}, "5m": {"resampled_from": "1m"}, "1h": {"revision": 9}, "1d": {},
    }  # fmt: skip
    rows = [{**common, "timeframe": name, **own[name], **changes.get(f"t{name}", {})} for name in own]
    return pd.DataFrame(rows)


def compared(**changes: object) -> pd.DataFrame:
    """The pair of minutes and hours as it was compared last."""
    row = {
        "ticker": "SPY", "fine": "1m", "coarse": "1h", "fine_revision": 4, "coarse_revision": 9,
        "compared_at": pd.Timestamp("2026-03-06", tz="UTC"), **changes,
    }  # fmt: skip
    return pd.DataFrame([row])


def test_a_family_is_due_when_it_was_never_compared() -> None:
    (family,) = due_families(series_of(), compared().iloc[:0])
    assert (str(family.root), family.coarser, family.resampled, family.forgotten) == (
        "SPY|1m", ("1h",), ("5m",), (),
    )  # fmt: skip


@pytest.mark.parametrize("pair", [{"fine_revision": 3}, {"coarse_revision": 8}], ids=str)
def test_a_family_is_due_when_either_side_has_changed(pair: dict[str, object]) -> None:
    assert len(due_families(series_of(), compared(**pair))) == 1


def test_a_family_is_due_when_it_was_resampled_since() -> None:
    later = {"updated_at": pd.Timestamp("2026-03-07", tz="UTC")}
    assert len(due_families(series_of(t5m=later), compared())) == 1
    assert due_families(series_of(t1h=later), compared()) == []


def test_a_family_is_not_due_when_nothing_has_changed() -> None:
    assert due_families(series_of(), compared()) == []
    assert due_families(series_of().iloc[:0], compared().iloc[:0]) == []


@pytest.mark.parametrize(
    "change",
    [{"source": "files"}, {"adjustment": "raw"}, {"anchor": "clock"}, {"session": "extended"}, {"resampled_from": "1m"},
     {"revision": None}],
    ids=str,
)  # fmt: skip
def test_a_pair_of_two_bases_is_not_compared_and_forgotten(change: dict[str, object]) -> None:
    assert due_families(series_of(t1h=change), compared().iloc[:0]) == []
    (family,) = due_families(series_of(t1h=change), compared())
    assert (family.coarser, family.forgotten) == ((), ("1h",))


def test_one_bad_series_spoils_no_other(workplace: Workplace) -> None:
    minutes = random_bars("1m", "2024-11-25", "2024-11-27", seed=9)
    hours = resample_bars(minutes, "1m", "1h", trading_calendar("equity"))
    for ticker in ("AAA", "BBB"):
        workplace.add_bars(ticker, "1m", minutes)
        workplace.add_bars(ticker, "1h", hours)
    refresh(workplace)
    database: Database = default_resources(workplace.settings)["database"]
    with database.bulk() as connection:
        known = coverage_queries.series_coverage(connection)
    families = due_families(known, pd.DataFrame(columns=list(compared().columns)))
    # As if somebody had deleted the statuses between the look and the comparison.
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM series_status WHERE ticker = 'AAA'")
        connection.exec_driver_sql("DELETE FROM series_comparisons")
    done = cross_check(database, families, "run")
    database.close()
    assert (done.pairs, [str(series) for series in done.failures]) == (1, ["AAA|1m"])
    assert workplace.rows("SELECT ticker FROM series_comparisons") == [("BBB",)]
