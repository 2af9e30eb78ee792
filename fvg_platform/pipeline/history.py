"""What Dagster remembers: the last run of each job, and checks whose last evaluation failed."""

from typing import Any

import dagster as dg


def last_runs(instance: dg.DagsterInstance) -> list[dict[str, Any]]:
    """The newest run of each job, newest first: job, status, start, seconds, run id."""
    newest: dict[str, dict[str, Any]] = {}
    for record in instance.get_run_records(limit=200):
        run = record.dagster_run
        if run.job_name in newest:
            continue
        newest[run.job_name] = {
            "job": run.job_name,
            "status": run.status.value,
            "started": record.create_timestamp.isoformat(timespec="seconds"),
            "seconds": record.end_time - record.start_time if record.start_time and record.end_time else None,
            "run_id": run.run_id,
        }
    return list(newest.values())


def failing_checks(instance: dg.DagsterInstance, definitions: dg.Definitions) -> list[dict[str, Any]]:
    """Checks of the graph whose newest evaluation did not pass: asset, check, severity, what it says."""
    keys = definitions.resolve_asset_graph().asset_check_keys
    found = []
    for key, record in instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys)).items():
        event = record.event.dagster_event if record.event else None
        if event is None or event.event_type_value != "ASSET_CHECK_EVALUATION":
            continue
        evaluation = event.asset_check_evaluation_data
        if not evaluation.passed:
            found.append(
                {
                    "asset": key.asset_key.to_user_string(),
                    "check": key.name,
                    "severity": evaluation.severity.value,
                    "description": evaluation.description,
                }
            )
    return sorted(found, key=lambda check: (check["severity"], check["asset"], check["check"]))
