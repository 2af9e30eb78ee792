"""The weekly job says what is older than its rule, and removes it unless it was started by hand without a word."""

import dagster as dg
import pandas as pd
import pytest

from fvg_platform.pipeline.automation.data_retention import (
    TABLE_ROWS_SHOWN,
    prune_data,
    prune_schedule,
    retention_table,
)
from fvg_platform.storage.database import Database
from fvg_platform.storage.retention import Pruned
from fvg_platform.storage.retention_rules import RetentionRules
from fvg_platform_tests.platforms import Workplace

# The sample's newest day: nothing of another timeframe is as old as the rule.
RULES = RetentionRules.parse("bars.1w=1d")


def run(workplace: Workplace, config: dict[str, object] | None = None) -> dict[str, dict[str, object]]:
    """Run the job; what its steps said, by step."""
    database = Database(workplace.home, workplace.url)
    outcome = prune_data.execute_in_process(
        resources={"database": database, "retention_rules": RULES}, run_config=config
    )
    database.close()
    said: dict[str, dict[str, object]] = {}
    for event in outcome.all_events:
        if event.is_successful_output:
            metadata = event.event_specific_data.metadata
            said[str(event.step_key)] = {name: value.value for name, value in metadata.items()}
    return said


def weeks(workplace: Workplace) -> list[tuple]:
    return workplace.rows("SELECT count(*) FROM market_data WHERE timeframe = '1w' GROUP BY ticker")


def test_by_hand_it_only_shows_and_the_schedule_removes(sample: Workplace) -> None:
    before = sample.contents()
    said = run(sample)
    assert said["prune_old_rows"] == {"dry_run": True, "rows_removed": 0}
    assert said["show_old_rows"]["rules"] == "bars.1w=1d"
    assert "| market_data | IBM 1w |" in str(said["show_old_rows"]["what_goes"])
    assert sample.contents() == before

    config = prune_schedule.evaluate_tick(dg.build_schedule_context()).run_requests[0].run_config
    planned, said = said["show_old_rows"], run(sample, config)
    assert said["show_old_rows"] == planned
    assert said["prune_old_rows"]["rows_removed"] == planned["rows_older_than_their_rule"]
    assert said["prune_old_rows"]["removed"] == planned["what_goes"]
    assert all(count <= 5 for (count,) in weeks(sample))
    assert run(sample, config)["show_old_rows"]["what_goes"] == "nothing is older than its rule"


def test_the_table_names_the_most_first_and_sums_up_the_rest() -> None:
    before = pd.Timestamp("2021-11-01", tz="UTC")
    entries = [Pruned("raw_bars", f"T{n:04} 1m", n, before) for n in range(1, TABLE_ROWS_SHOWN + 3)]
    lines = retention_table(entries).splitlines()
    assert lines[2] == f"| raw_bars | T{TABLE_ROWS_SHOWN + 2:04} 1m | 202 | 2021-11-01 |"
    assert lines[-1] == "| … | 2 more | 3 | |"
    assert len(lines) == TABLE_ROWS_SHOWN + 3


@pytest.mark.parametrize("value", ["yes", 3])
def test_dry_run_is_true_or_false(value: object) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError, match="dry_run"):
        prune_data.execute_in_process(
            resources={"database": object(), "retention_rules": RULES},
            run_config={"ops": {"prune_old_rows": {"config": {"dry_run": value}}}},
        )
