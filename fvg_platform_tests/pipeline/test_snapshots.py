"""The asset of the offline store: what it writes, what it says, and when it comes."""

import datetime as dt
from pathlib import Path

import dagster as dg

from fvg_platform.pipeline.assets.snapshots import bar_snapshots
from fvg_platform.storage.database import Database
from fvg_platform.storage.snapshot_reader import Snapshots
from fvg_platform_tests.platforms import Workplace


def test_the_asset_writes_what_changed_and_says_so(sample: Workplace, tmp_path: Path) -> None:
    database = Database(sample.home, sample.url)

    def made() -> dict[str, object]:
        outcome = dg.materialize(
            [bar_snapshots], resources={"database": database, "snapshot_folder": tmp_path / "snapshots"}
        )
        (event,) = outcome.asset_materializations_for_node("bar_snapshots")
        return {name: value.value for name, value in event.metadata.items()}

    first, second = made(), made()
    database.close()
    bars = sample.rows("SELECT count(*) FROM market_data")[0][0]
    assert (
        first["rows_by_table"]["market_data"] == bars == len(Snapshots(tmp_path / "snapshots").bars.arrow())
    )
    assert first["bytes"] == sum(p.stat().st_size for p in (tmp_path / "snapshots").rglob("*.parquet")) > 0
    assert (first["skipped"], second["skipped"]) == (0, first["files"])
    assert (second["files"], second["rows"], second["bytes"]) == (0, 0, 0)


def test_it_comes_once_a_day_after_the_close() -> None:
    definitions = dg.Definitions(
        [bar_snapshots], resources={"database": object(), "snapshot_folder": Path("nowhere")}
    )
    instance, cursor = dg.DagsterInstance.ephemeral(), None
    asked = []
    # 18:00 in New York is 22:00 UTC in summer.
    for hour in (20, 21, 22, 23, 47):
        now = dt.datetime(2026, 7, 6, tzinfo=dt.UTC) + dt.timedelta(hours=hour, minutes=1)
        found = dg.evaluate_automation_conditions(definitions, instance, cursor=cursor, evaluation_time=now)
        cursor = found.cursor
        asked.append(found.total_requested)
    assert asked == [0, 0, 1, 0, 1]
