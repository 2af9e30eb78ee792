"""The graph as plain values: what `definitions_snapshot.json` holds.

After an intended change: `python -m fvg_platform_tests.pipeline.snapshot` writes the file anew; the difference
shows in the commit what changed for those who run the platform.
"""

import json
from pathlib import Path
from typing import Any

import dagster as dg

SNAPSHOT = Path(__file__).with_name("definitions_snapshot.json")
RENEW = "python -m fvg_platform_tests.pipeline.snapshot"


def describe(definitions: dg.Definitions) -> dict[str, Any]:
    """Assets, checks, jobs, schedules and sensors of a graph, in the order of their names."""
    repository = definitions.get_repository_def()
    graph = definitions.resolve_asset_graph()
    return {
        "assets": {
            key.to_user_string(): _asset(graph.get(key)) for key in sorted(graph.get_all_asset_keys())
        },
        "checks": {
            f"{key.asset_key.to_user_string()}/{key.name}": {"blocking": graph.get(key).blocking}
            for key in sorted(graph.asset_check_keys, key=str)
        },
        "jobs": {job.name: _job(job) for job in _named(repository.get_all_jobs())},
        "schedules": {
            schedule.name: {
                "cron": schedule.cron_schedule,
                "timezone": schedule.execution_timezone,
                "job": schedule.job_name,
                "running": schedule.default_status.value,
            }
            for schedule in _named(repository.schedule_defs)
        },
        "sensors": {
            sensor.name: {
                "seconds": sensor.minimum_interval_seconds,
                "jobs": sorted(target.job_name for target in sensor.targets) or "assets",
                "running": sensor.default_status.value,
            }
            for sensor in _named(repository.sensor_defs)
        },
    }


def _asset(node: Any) -> dict[str, Any]:
    return {
        "deps": {key.to_user_string(): _mapping(node, key) for key in sorted(node.parent_keys)},
        "partitions": _partitions(node.partitions_def),
        "group": node.group_name,
        "kinds": sorted(node.kinds),
        "code_version": node.code_version,
        "owners": sorted(node.owners),
        "automation": node.automation_condition.get_label() if node.automation_condition else None,
    }


def _mapping(node: Any, upstream: dg.AssetKey) -> str:
    mapping = node.partition_mappings.get(upstream)
    return type(mapping).__name__.removesuffix("PartitionMapping") if mapping else "same"


def _partitions(partitions: dg.PartitionsDefinition | None) -> str | None:
    if isinstance(partitions, dg.MultiPartitionsDefinition):
        return " × ".join(str(_partitions(d.partitions_def)) for d in partitions.partitions_defs)
    if isinstance(partitions, dg.DynamicPartitionsDefinition):
        return f"dynamic {partitions.name}"
    if isinstance(partitions, dg.StaticPartitionsDefinition):
        return "static " + " ".join(partitions.get_partition_keys())
    if isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        first, zone, offset = partitions.start, partitions.timezone, partitions.end_offset
        return f"{partitions.cron_schedule} from {first:%Y-%m-%d}, {zone}, end offset {offset}"
    return None


def _job(job: dg.JobDefinition) -> dict[str, Any]:
    nodes = sorted(node.name for node in job.nodes)
    return {"steps": nodes, "partitions": _partitions(job.partitions_def)}


def _named(definitions: Any) -> list[Any]:
    return sorted((d for d in definitions if not d.name.startswith("__")), key=lambda d: d.name)


def text_of(values: dict[str, Any]) -> str:
    """The text of the snapshot file: a line for each definition, so that a difference names what changed."""
    sections = []
    for section, entries in values.items():
        lines = [
            f"  {json.dumps(name)}: {json.dumps(entry, ensure_ascii=False)}"
            for name, entry in entries.items()
        ]
        sections.append(f" {json.dumps(section)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(sections) + "\n}\n"


if __name__ == "__main__":
    from fvg_platform.definitions import build_definitions

    SNAPSHOT.write_text(text_of(describe(build_definitions())), encoding="utf-8")
