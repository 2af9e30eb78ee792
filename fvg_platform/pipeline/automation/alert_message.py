"""What an alert says: the one message about a run, from the run's events. Who is told, and when, is in `alerts`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster import DagsterEventType
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster._core.events import JobFailureData

# The events that a message is made of.
TOLD = {
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.ASSET_CHECK_EVALUATION,
}
# Slack cuts texts at 4,000 characters.
TEXT_LENGTH = 3500
_FAILURES_LENGTH, _CHECKS_LENGTH, _LINE_LENGTH = 2200, 900, 300
_PART_LENGTH = 3500  # of one failure or one check's description among the message's other fields


def alert_message(
    run: dg.DagsterRun, events: Iterable[dg.EventLogEntry], ui_url: str | None
) -> dict[str, Any] | None:
    """The message about a run that has ended, or None if there is nothing to tell.

    A run that succeeded is told of for checks of severity ERROR. Warnings stand for days and schedules come every few
    minutes: they go along with a message that is sent anyway, and are in the UI and `fvg status`.

    Parameters
    ----------
    run
        A run that failed or succeeded.
    events
        Those of its events whose type is in `TOLD`, oldest first.
    ui_url
        Where people open Dagster's UI; None leaves the link out.

    Returns
    -------
    dict or None
        `text` (at most 3,500 characters, escaped for Slack and its like), `run_id`, `job`, `status` (FAILURE or
        SUCCESS), `failures` (of `step` and `message`; a step of None is the run itself), `failing_checks` (of `asset`,
        `check`, `severity`, `description`), and perhaps `link`.
    """
    found = [entry.dagster_event for entry in events if entry.dagster_event is not None]
    checks = _failing_checks(found)
    failures = _failures(found, checks) if run.status == dg.DagsterRunStatus.FAILURE else []
    serious = any(check["severity"] == dg.AssetCheckSeverity.ERROR.value for check in checks)
    if run.status != dg.DagsterRunStatus.FAILURE and not serious:
        return None
    link = {"link": f"{ui_url.rstrip('/')}/runs/{run.run_id}"} if ui_url else {}
    return {
        "text": _text(run, failures, checks, link.get("link")),
        "run_id": run.run_id,
        "job": run.job_name,
        "status": run.status.value,
        "failures": failures,
        "failing_checks": checks,
        **link,
    }


def _failing_checks(events: Sequence[dg.DagsterEvent]) -> list[dict[str, str]]:
    """What the run last found of each check, where that is a failure."""
    last = {}
    for event in events:
        if event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
            found = event.asset_check_evaluation_data
            last[found.asset_check_key, found.partition] = found
    return [
        {
            "asset": found.asset_key.to_user_string(),
            "check": found.check_name,
            "severity": found.severity.value,
            "description": _cut(found.description or "", _PART_LENGTH),
        }
        for found in last.values()
        if not found.passed
    ]


def _failures(events: Sequence[dg.DagsterEvent], checks: Sequence[object]) -> list[dict[str, str | None]]:
    """The steps that failed, in their own words; where none did, what ended the run."""
    failures: list[dict[str, str | None]] = []
    ended = "the run failed without saying why"
    for event in events:
        if event.event_type == DagsterEventType.STEP_FAILURE:
            data = event.step_failure_data
            cause = data.error.cause if data.error and data.error.cause else data.error
            if cause and cause.cls_name == DagsterAssetCheckFailedError.__name__:
                continue  # the check says it itself
            said = data.user_failure_data.description if data.user_failure_data else None
            message = said or (cause.message.strip() if cause else "failed")
            failures.append({"step": event.step_key, "message": _cut(message, _PART_LENGTH)})
        elif event.event_type == DagsterEventType.RUN_FAILURE:
            # Of a run that was ended from outside, there is the message alone.
            why = event.event_specific_data
            error = why.error if isinstance(why, JobFailureData) else None
            ended = (error.message.strip() if error else None) or event.message or ended
    if not failures and not checks:
        failures.append({"step": None, "message": _cut(ended, _PART_LENGTH)})
    return failures


def _text(
    run: dg.DagsterRun,
    failures: Sequence[Mapping[str, str | None]],
    checks: Sequence[Mapping[str, str]],
    link: str | None,
) -> str:
    failed = run.status == dg.DagsterRunStatus.FAILURE
    outcome = "failed" if failed else "succeeded, with failing checks"
    lines = [_shown(f"FVG Platform: {_called(run)} {outcome} (run {run.run_id.partition('-')[0]})")]
    lines += [_shown(link)] if link else []
    lines += _within([_shown(line) for failure in failures for line in _lines(failure)], _FAILURES_LENGTH)
    told = [
        f"{c['severity']} {c['asset']}/{c['check']}: {' '.join(c['description'].split())}" for c in checks
    ]
    lines += ["Failing checks:"] if checks else []
    lines += _within([_shown(line) for line in told], _CHECKS_LENGTH)
    return "\n".join(_within(lines, TEXT_LENGTH))


def _called(run: dg.DagsterRun) -> str:
    """The job's name; for runs that automation puts together, the assets."""
    if not run.job_name.startswith("__") or not run.asset_selection:
        return run.job_name
    assets = sorted(key.to_user_string() for key in run.asset_selection)
    return ", ".join(assets[:3]) + (f" and {len(assets) - 3} more" if len(assets) > 3 else "")


def _lines(failure: Mapping[str, str | None]) -> list[str]:
    step, message = failure["step"], failure["message"] or ""
    named = message if step is None or message.startswith(f"{step}:") else f"{step}: {message}"
    return [line for line in named.splitlines() if line.strip()]


def _shown(line: str) -> str:
    """A line that is not too long, and in which nothing is a link, a mention or a command to Slack."""
    return _cut(line, _LINE_LENGTH).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _within(lines: Sequence[str], length: int) -> list[str]:
    """The first lines that fit into a length, and how many more there are."""
    kept: list[str] = []
    left = length - len(f"… and {len(lines)} more\n")
    for position, line in enumerate(lines):
        left -= len(line) + 1
        if left < 0:
            return [*kept, f"… and {len(lines) - position} more"]
        kept.append(line)
    return kept


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
