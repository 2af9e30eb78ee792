"""Who is told that a run failed or that its checks do: one message per run to a webhook, by one sensor.

Dagster's own run status sensors go on to the next run even when they fail, so a message would be lost whenever the
webhook is down. This sensor keeps two positions of its own in the event log, and marks a run of which it has told
with a tag: a tick that is repeated tells nothing twice. Only one that dies after the webhook's answer and before the
tag, within milliseconds, does; the receiver knows the second message by its `Idempotency-Key`, the run's id.
"""

import datetime as dt
import json
import time
from collections.abc import Iterator
from typing import Literal

import dagster as dg
from dagster import DagsterEventType
from dagster._core.storage.tags import WILL_RETRY_TAG

from fvg_platform.pipeline.automation.alert_message import TOLD, alert_message
from fvg_platform.pipeline.webhook import Webhook, WebhookError

ALERTED_TAG = "fvg/alerted"
ATTEMPTS_TAG = "fvg/alert_attempts"
ENDS: dict[str, Literal[DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_SUCCESS]] = {
    "failure": DagsterEventType.RUN_FAILURE,
    "success": DagsterEventType.RUN_SUCCESS,
}
# One tick a minute: a webhook may be down for an hour before a message is given up.
MAX_ATTEMPTS = 60
RUNS_PER_TICK = 100
# A tick may last 60 s, and a webhook that is down takes up to 27 s to be found so.
_BEGIN_WITHIN_SECONDS = 25
# What follows the event of a run's end, its status and whether it will be retried, follows within milliseconds.
_SETTLED_AFTER_SECONDS = 600


class AlertNotDeliveredError(RuntimeError):
    """The webhook did not take the message about a run; the next tick tries again."""


@dg.sensor(
    name="alert_on_finished_runs",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Posts one message per run that failed, or whose checks do, to FVG_ALERT_WEBHOOK.",
)
def alert_on_finished_runs(
    context: dg.SensorEvaluationContext,
    alert_webhook: dg.ResourceParam[Webhook | None],
    ui_url: dg.ResourceParam[str | None],
) -> dg.SkipReason:
    """Tell of the runs that ended since the last tick; without a webhook, pass over them.

    A run that Dagster itself starts again is not told of: its last retry is, if that fails too.
    """
    if alert_webhook is None or context.cursor is None:
        context.update_cursor(json.dumps({end: _newest(context.instance, end) for end in ENDS}))
        unset = "FVG_ALERT_WEBHOOK is not set: nobody is told"
        return dg.SkipReason(unset if alert_webhook is None else "runs that end from now on are told of")
    seen, told, began = json.loads(context.cursor), [], time.monotonic()
    for end in ENDS:
        for position, run in _ended(context.instance, end, seen[end]):
            if time.monotonic() - began > _BEGIN_WITHIN_SECONDS:
                break
            if run is not None and _tell(context, run, alert_webhook, ui_url):
                told.append(run.run_id)
            seen[end] = position
    context.update_cursor(json.dumps(seen))
    return dg.SkipReason(f"told of {', '.join(told)}" if told else "nothing to tell")


def _newest(instance: dg.DagsterInstance, end: str) -> int:
    records = instance.fetch_run_status_changes(ENDS[end], limit=1).records
    return records[0].storage_id if records else 0


def _ended(instance: dg.DagsterInstance, end: str, after: int) -> Iterator[tuple[int, dg.DagsterRun | None]]:
    """Runs with such an end, after a position in the event log, with theirs; None for one that was deleted since.

    It stops at a run whose status is not written yet: Dagster stores the event first.
    """
    since = dg.RunStatusChangeRecordsFilter(ENDS[end], after_storage_id=after)
    found = instance.fetch_run_status_changes(since, limit=RUNS_PER_TICK, ascending=True)
    for record in found.records:
        run = instance.get_run_by_id(record.event_log_entry.run_id)
        young = time.time() - record.timestamp < _SETTLED_AFTER_SECONDS
        if run is not None and young and not _settled(instance, run):
            return
        yield record.storage_id, run


def _settled(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether Dagster has written all it writes of a run's end, so that a tag gets in nobody's way."""
    undecided = run.is_failure and instance.run_retries_enabled and WILL_RETRY_TAG not in run.tags
    return run.is_finished and not undecided


def _tell(
    context: dg.SensorEvaluationContext, run: dg.DagsterRun, webhook: Webhook, ui_url: str | None
) -> bool:
    """Post the message about a run, if there is one and it was not posted before."""
    if ALERTED_TAG in run.tags or run.tags.get(WILL_RETRY_TAG) == "true":
        return False
    message = alert_message(run, context.instance.all_logs(run.run_id, of_type=TOLD), ui_url)
    if message is None:
        return False
    try:
        webhook.post(message, key=run.run_id)
    except WebhookError as error:
        _count_attempt(context, run, error)
        return False
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    context.instance.add_run_tags(run.run_id, {ALERTED_TAG: now})
    return True


def _count_attempt(context: dg.SensorEvaluationContext, run: dg.DagsterRun, error: WebhookError) -> None:
    """Note that an attempt failed: fail the tick, or give the message up after the last one."""
    attempts = int(run.tags.get(ATTEMPTS_TAG, "0")) + 1
    context.instance.add_run_tags(run.run_id, {ATTEMPTS_TAG: str(attempts)})
    said = f"nobody was told of run {run.run_id} ({run.job_name}, {run.status.value}): {error}"
    if attempts < MAX_ATTEMPTS:
        raise AlertNotDeliveredError(
            f"{said}; attempt {attempts} of {MAX_ATTEMPTS}, the next tick tries again"
        )
    context.instance.add_run_tags(run.run_id, {ALERTED_TAG: "given up"})
    context.log.warning(f"{said}; given up after {attempts} attempts")
