"""Checks of whole series on the sample, sound and spoiled; and that every check is documented as it is registered."""

from collections.abc import Callable, Iterator

import dagster as dg
import pandas as pd
import psycopg
import pytest

from fvg_platform.definitions import build_definitions
from fvg_platform.pipeline.checks import learning, series, tables
from fvg_platform.pipeline.resources import Database, default_resources
from fvg_platform.quality import catalogue
from fvg_platform.storage.connections import libpq_url
from fvg_platform_tests.platforms import Workplace

WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR
# 12:05 in New York, two and a half hours into the session after the sample's last hour.
NOW = pd.Timestamp("2026-08-06 16:05", tz="UTC")


def fresh(database: Database) -> dg.AssetCheckResult:
    return series.freshness_result(database, pd.Timedelta(minutes=5), NOW)


def run(check: dg.AssetChecksDefinition | Callable, database: Database) -> dg.AssetCheckResult:
    found = check(database=database)
    assert isinstance(found, dg.AssetCheckResult)
    return found


@pytest.fixture
def database(sample: Workplace) -> Iterator[Database]:
    database = default_resources(sample.settings)["database"]
    yield database
    database.close()


def test_the_sample_breaks_no_rule_and_is_never_late(database: Database) -> None:
    said = [run(check, database) for check in (*series.CHECKS[:3], fresh)]
    assert [result.description for result in said if not result.passed] == []
    # The sample is an archive: nothing of it is judged by the clock.
    assert [bool(result.metadata["looked_at"].value) for result in said] == [True, True, True, False]
    agreement = str(said[1].metadata["pairs_that_differ"].value)
    assert "| AAPL | 1m | 1h | 42 | 1 | 2026-08-04 16:30:00+00:00 | volume | 0.21" in agreement


@pytest.mark.parametrize(
    ("check", "change", "said", "severity"),
    [
        (
            series.bars_are_complete,
            "UPDATE series SET missing = expected / 20 WHERE ticker = 'IBM' AND timeframe = '1w'",
            "IBM 1w: 33 bars missing, 95.1% complete (liquid: warn below 99.0%, error below 95.0%)",
            WARN,
        ),
        (
            series.bars_are_complete,
            "UPDATE series SET missing = expected / 20 WHERE ticker = 'IBM' AND timeframe = '1w'; "
            "UPDATE series SET missing = expected / 3 * 2 WHERE ticker = 'FB' AND timeframe = '1d'",
            "FB 1d: 130 bars missing, 33.7% complete (liquid: warn below 99.5%, error below 97.0%); IBM 1w: 33",
            ERROR,
        ),
        (
            series.bars_are_complete,
            "UPDATE bar_gaps SET kind = 'lost' WHERE ticker = 'AAPL' AND timeframe = '1h'",
            "AAPL 1h: 14 bars are lost: coarser bars hold their volume",
            WARN,
        ),
        (
            series.timeframes_agree,
            "UPDATE series_comparisons SET differing = 3, compared = 400",
            "AAPL 1m 1h: 3 of 400 bars differ, the worst in volume by 21.76% at 2026-08-04 16:30:00+00:00",
            WARN,
        ),
        (series.timeframes_agree, "UPDATE series_comparisons SET differing = 5", "AAPL 1m 1h: 5 of 42", ERROR),
        (
            series.bars_look_usual,
            "INSERT INTO bar_flags SELECT ticker, timeframe, ts, 'outlier', 11, 1 FROM market_data "
            "WHERE ticker = 'AAPL' AND timeframe = '1h' ORDER BY ts DESC LIMIT 5",
            "AAPL 1h: 5 of 3,478 bars are flagged outlier",
            WARN,
        ),
        (
            fresh,
            "UPDATE series SET source = 'polygon' WHERE ticker = 'AAPL' AND timeframe = '1h'",
            "AAPL 1h: 1 bars behind: the last is of 2026-08-05 19:30:00+00:00, 2026-08-06 14:30:00+00:00 is complete",
            WARN,
        ),
        (
            fresh,
            "UPDATE series SET source = 'polygon' WHERE ticker IN ('AAPL', 'IBM') AND timeframe IN ('1h', '1d')",
            "IBM 1d: 3,377 bars behind: the last is of 2013-03-01",
            ERROR,
        ),
    ],
)  # fmt: skip
def test_a_spoiled_series_is_named_the_worst_first(
    sample: Workplace,
    database: Database,
    check: Callable,
    change: str,
    said: str,
    severity: dg.AssetCheckSeverity,
) -> None:
    with psycopg.connect(libpq_url(sample.url)) as connection:
        for statement in change.split("; "):
            assert connection.execute(statement).rowcount > 0, (
                "nothing was spoiled, so the case tests nothing"
            )
    found = run(check, database)
    assert (found.passed, found.severity) == (False, severity)
    assert str(found.description).startswith(said)


REGISTERED = {
    next(iter(check.check_specs)).key: next(iter(check.check_specs))
    for check in (*tables.CHECKS, *series.CHECKS, *learning.CHECKS)
}
DOCUMENTED = {dg.AssetCheckKey(dg.AssetKey(check.asset), check.name): check for check in catalogue.CHECKS}


def test_the_documented_checks_are_those_that_exist() -> None:
    assert set(DOCUMENTED) == set(REGISTERED)
    assert set(build_definitions().resolve_asset_graph().asset_check_keys) <= set(DOCUMENTED)


@pytest.mark.parametrize("key", DOCUMENTED, ids=lambda key: key.to_user_string())
def test_a_check_is_documented_as_it_is_registered(key: dg.AssetCheckKey) -> None:
    documented, registered = DOCUMENTED[key], REGISTERED[key]
    assert documented.description == registered.description
    assert documented.blocking == registered.blocking


def test_the_page_knows_the_limit_of_calibration() -> None:
    rule = next(iter(catalogue.MODEL_IS_CALIBRATED.rules))
    assert rule.limit.endswith(f" {learning.MAX_CALIBRATION_ERROR:g}")


def test_a_table_that_is_documented_with_other_rules_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"clean_bars/no_duplicates is documented with the rules \['duplicates'\]"
    ):
        tables.table_check(catalogue.NO_DUPLICATES, tables.invariants.BAR_RULES)
