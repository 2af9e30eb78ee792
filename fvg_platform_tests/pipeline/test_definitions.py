"""The graph that people and the daemon see: held by a snapshot, and described throughout."""

import json

import dagster as dg
import pytest

from fvg_platform.definitions import build_definitions
from fvg_platform.storage import schema
from fvg_platform_tests.pipeline.snapshot import RENEW, SNAPSHOT, describe, text_of

DEFINITIONS = build_definitions()
GRAPH = DEFINITIONS.resolve_asset_graph()
ASSETS = sorted(key.to_user_string() for key in GRAPH.get_all_asset_keys())


def test_the_definitions_are_those_of_the_snapshot() -> None:
    found, kept = describe(DEFINITIONS), json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    changed = [
        f"{section} {name}: {kept.get(section, {}).get(name)} -> {found.get(section, {}).get(name)}"
        for section in sorted({*found, *kept})
        for name in sorted({*found.get(section, {}), *kept.get(section, {})})
        if found.get(section, {}).get(name) != kept.get(section, {}).get(name)
    ]
    assert not changed, "\n".join(["the graph has changed:", *changed, f"if that is intended, run: {RENEW}"])
    assert text_of(found) == SNAPSHOT.read_text(encoding="utf-8")


@pytest.mark.parametrize("asset", ASSETS)
def test_every_asset_says_what_it_is_and_shows_its_table(asset: str) -> None:
    node = GRAPH.get(dg.AssetKey(asset))
    assert node.description
    assert node.owners
    assert node.kinds
    assert node.code_version
    assert node.group_name != "default"
    if asset == "bar_snapshots":  # files, not a table
        return
    table = schema.metadata.tables[node.metadata["dagster/table_name"]]
    shown = node.metadata["dagster/column_schema"].columns
    assert [(c.name, c.constraints.nullable, c.description) for c in shown] == [
        (c.name, bool(c.nullable), c.comment) for c in table.columns
    ]
    assert {c.name: c.type for c in shown}.get("ts", "timestamp with time zone") == "timestamp with time zone"


def test_every_check_and_job_is_described() -> None:
    assert [key for key in GRAPH.asset_check_keys if not GRAPH.get(key).description] == []
    jobs = DEFINITIONS.get_repository_def().get_all_jobs()
    assert [job.name for job in jobs if not job.name.startswith("__") and not job.description] == []


def test_a_part_of_the_definitions_can_be_swapped() -> None:
    swapped = build_definitions(schedules=[], resources={"model_store": "elsewhere"})
    assert list(swapped.get_repository_def().schedule_defs) == []
    assert len(swapped.resolve_asset_graph().get_all_asset_keys()) == len(ASSETS)
    assert {*swapped.resources, "database"} == {*DEFINITIONS.resources}
    assert swapped.resources["model_store"] == "elsewhere"
