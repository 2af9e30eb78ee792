"""One message per run, over real HTTP: what it says, and that nothing makes it two or none."""

import json
import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.events import JobFailureData
from dagster._core.storage.tags import PARENT_RUN_ID_TAG, ROOT_RUN_ID_TAG
from hypothesis import given
from hypothesis import strategies as st

from fvg_platform.pipeline.automation import alerts
from fvg_platform.pipeline.automation.alert_message import TEXT_LENGTH, _text
from fvg_platform.pipeline.automation.alerts import AlertNotDeliveredError, alert_on_finished_runs
from fvg_platform.pipeline.partitions import tickers
from fvg_platform.pipeline.stages import RANGE_END, RANGE_START
from fvg_platform.pipeline.webhook import Webhook, WebhookError, require_webhook_address
from fvg_platform_tests.pipeline.small_graphs import series_asset
from fvg_platform_tests.platforms import Workplace

SECRET = "T0SECRET"


class Receiver(ThreadingHTTPServer):
    """A webhook on loopback that keeps what it is sent and answers `statuses` in turn, then 200."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.statuses: list[int] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/{SECRET}?key={SECRET}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 200:
            assert self.path == f"/services/{SECRET}?key={SECRET}"
            self.server.bodies.append(json.loads(body))
            self.server.headers.append(dict(self.headers))
        self.send_response(status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A running webhook."""
    with Receiver() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance of the test's own, with one ticker."""
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(tickers.name), ["AAPL"])
        yield instance


def webhook_to(receiver: Receiver) -> Webhook:
    return Webhook(receiver.address, sleep=lambda _seconds: None)


def tick(
    instance: dg.DagsterInstance, cursor: str | None, webhook: Webhook | None, ui_url: str | None = None
) -> SensorExecutionData:
    """Evaluate the sensor as the daemon does."""
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"alert_webhook": webhook, "ui_url": ui_url}
    )
    return alert_on_finished_runs.evaluate_tick(context)


def check(name: str, severity: dg.AssetCheckSeverity, *, passed: bool, blocking: bool = False) -> Any:
    """A check of `upstream` that finds what it is told to."""

    @dg.asset_check(asset="upstream", name=name, blocking=blocking)
    def found() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(
            passed=passed, severity=severity, description=f"AAPL 1d: {name} <3> & more"
        )

    return found


def run(instance: dg.DagsterInstance, *definitions: Any) -> str:
    """One run over the five series AAPL|1m to AAPL|4h; returns its id."""
    checks = [d for d in definitions if isinstance(d, dg.AssetChecksDefinition)]
    graph = dg.Definitions(
        assets=[d for d in definitions if d not in checks],
        asset_checks=checks,
        jobs=[dg.define_asset_job("series_stage", selection=dg.AssetSelection.all())],
    )
    outcome = graph.resolve_job_def("series_stage").execute_in_process(
        instance=instance, tags={RANGE_START: "AAPL|1m", RANGE_END: "AAPL|4h"}, raise_on_error=False
    )
    return outcome.run_id


FAILING = {"AAPL|1m", "AAPL|15m", "AAPL|4h"}
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def test_three_failing_series_and_a_failing_check_are_one_message_told_once(
    workplace: Workplace, receiver: Receiver
) -> None:
    """In the platform's own Postgres, with its retries of runs switched on."""
    with workplace.open() as (platform, _):
        instance = platform.instance
        instance.add_dynamic_partitions(str(tickers.name), ["AAPL"])
        before = run(instance, series_asset("upstream", failing=FAILING))
        first = tick(instance, None, webhook_to(receiver))
        assert first.skip_message == "runs that end from now on are told of"
        run_id = run(
            instance,
            series_asset("upstream"),
            series_asset("downstream", ["upstream"], failing=FAILING),
            check("no_holes", WARN, passed=False),
        )
        second = tick(instance, first.cursor, webhook_to(receiver), "http://127.0.0.1:3000/")
        assert second.skip_message == f"told of {run_id}"
        # Neither the next tick, nor the same one again because its cursor was lost, tells anything.
        for cursor in (second.cursor, first.cursor):
            assert tick(instance, cursor, webhook_to(receiver)).skip_message == "nothing to tell"
        assert instance.get_run_by_id(run_id).tags[alerts.ALERTED_TAG].startswith("20")
        assert alerts.ALERTED_TAG not in instance.get_run_by_id(before).tags
    (body,) = receiver.bodies
    text = body.pop("text")
    assert body == {
        "run_id": run_id,
        "job": "series_stage",
        "status": "FAILURE",
        "failures": [{"step": "downstream", "message": "downstream: AAPL|1m, AAPL|15m, AAPL|4h failed"}],
        "failing_checks": [
            {
                "asset": "upstream",
                "check": "no_holes",
                "severity": "WARN",
                "description": "AAPL 1d: no_holes <3> & more",
            }
        ],
        "link": f"http://127.0.0.1:3000/runs/{run_id}",
    }
    assert text.splitlines() == [
        f"FVG Platform: series_stage failed (run {run_id[:8]})",
        f"http://127.0.0.1:3000/runs/{run_id}",
        "downstream: AAPL|1m, AAPL|15m, AAPL|4h failed",
        "Failing checks:",
        "WARN upstream/no_holes: AAPL 1d: no_holes &lt;3&gt; &amp; more",
    ]
    assert receiver.headers[0]["Idempotency-Key"] == run_id
    assert receiver.headers[0]["Content-Type"] == "application/json"


def test_a_run_that_succeeds_is_told_of_for_its_failing_checks_alone(
    instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    start = tick(instance, None, webhook_to(receiver)).cursor
    run(instance, series_asset("upstream"), check("fine", ERROR, passed=True))
    run(instance, series_asset("upstream"), check("odd", WARN, passed=False))  # a warning alone wakes nobody
    told = run(
        instance,
        series_asset("upstream"),
        check("fine", ERROR, passed=True),
        check("odd", WARN, passed=False),
        check("bad", ERROR, passed=False),
    )
    assert tick(instance, start, webhook_to(receiver)).skip_message == f"told of {told}"
    (body,) = receiver.bodies
    assert (body["status"], body["failures"], "link" in body) == ("SUCCESS", [], False)
    assert {(c["check"], c["severity"]) for c in body["failing_checks"]} == {
        ("odd", "WARN"),
        ("bad", "ERROR"),
    }
    assert body["text"].startswith(
        f"FVG Platform: series_stage succeeded, with failing checks (run {told[:8]})"
    )


def test_a_blocking_check_is_told_as_a_check_and_not_as_a_step(
    instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    start = tick(instance, None, webhook_to(receiver)).cursor
    run(
        instance,
        series_asset("upstream"),
        series_asset("downstream", ["upstream"]),
        check("bad", ERROR, passed=False, blocking=True),
    )
    tick(instance, start, webhook_to(receiver))
    (body,) = receiver.bodies
    assert (body["status"], body["failures"]) == ("FAILURE", [])
    assert [c["check"] for c in body["failing_checks"]] == ["bad"]


def test_what_a_step_raised_is_told_in_its_own_words(
    instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    @dg.asset
    def upstream() -> None:
        raise OSError("the disk is full")

    start = tick(instance, None, webhook_to(receiver)).cursor
    job = dg.Definitions(assets=[upstream]).resolve_implicit_global_asset_job_def()
    job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("upstream")], raise_on_error=False)
    tick(instance, start, webhook_to(receiver))
    (body,) = receiver.bodies
    assert body["failures"] == [{"step": "upstream", "message": "OSError: the disk is full"}]
    assert body["text"].splitlines()[0].startswith("FVG Platform: upstream failed (run ")
    assert body["text"].splitlines()[1] == "upstream: OSError: the disk is full"


def test_a_webhook_that_is_down_is_tried_again_until_it_is_up(
    instance: dg.DagsterInstance, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    start = tick(instance, None, webhook_to(receiver)).cursor
    runs = [run(instance, series_asset("upstream", failing=FAILING)) for _ in range(2)]
    receiver.statuses = [503, 429, 500]
    with pytest.raises(AlertNotDeliveredError) as caught:
        tick(instance, start, webhook_to(receiver))
    assert str(caught.value) == (
        f"nobody was told of run {runs[0]} (series_stage, FAILURE): the webhook of FVG_ALERT_WEBHOOK answers 500 "
        "Internal Server Error; attempt 1 of 60, the next tick tries again"
    )
    receiver.statuses = [503, 503]  # what one attempt does not do, another does
    assert tick(instance, start, webhook_to(receiver)).skip_message == f"told of {', '.join(runs)}"
    assert [body["run_id"] for body in receiver.bodies] == runs
    assert SECRET not in caplog.text


def test_a_message_that_is_never_taken_is_given_up_and_the_next_one_told(
    instance: dg.DagsterInstance, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "MAX_ATTEMPTS", 3)
    start = tick(instance, None, webhook_to(receiver)).cursor
    lost, told = (run(instance, series_asset("upstream", failing=FAILING)) for _ in range(2))
    for _ in range(2):
        receiver.statuses = [404]  # is not tried again within a tick
        with pytest.raises(AlertNotDeliveredError, match="answers 404 Not Found"):
            tick(instance, start, webhook_to(receiver))
    receiver.statuses = [302]  # and nobody is followed elsewhere
    assert tick(instance, start, webhook_to(receiver)).skip_message == f"told of {told}"
    assert instance.get_run_by_id(lost).tags[alerts.ALERTED_TAG] == "given up"


def test_without_a_webhook_runs_are_passed_over(instance: dg.DagsterInstance, receiver: Receiver) -> None:
    run(instance, series_asset("upstream", failing=FAILING))
    unset = tick(instance, None, None)
    assert unset.skip_message == "FVG_ALERT_WEBHOOK is not set: nobody is told"
    run(instance, series_asset("upstream", failing=FAILING))
    later = tick(instance, unset.cursor, None).cursor
    assert tick(instance, later, webhook_to(receiver)).skip_message == "nothing to tell"
    assert receiver.bodies == []


@dg.job
def crashing() -> None:
    """A job whose process is killed."""


def test_of_a_run_that_is_retried_only_the_last_retry_is_told(
    workplace: Workplace, receiver: Receiver
) -> None:
    with workplace.open() as (platform, _):
        instance = platform.instance
        start = tick(instance, None, webhook_to(receiver)).cursor
        first = instance.create_run_for_job(crashing, status=dg.DagsterRunStatus.STARTED)
        instance.report_run_failed(first, "the process is gone")
        assert tick(instance, start, webhook_to(receiver)).skip_message == "nothing to tell"
        retry = instance.create_run_for_job(
            crashing,
            status=dg.DagsterRunStatus.STARTED,
            tags={PARENT_RUN_ID_TAG: first.run_id, ROOT_RUN_ID_TAG: first.run_id},
            parent_run_id=first.run_id,
            root_run_id=first.run_id,
        )
        instance.report_run_failed(retry, "the process is gone again")
        assert tick(instance, start, webhook_to(receiver)).skip_message == f"told of {retry.run_id}"
    (body,) = receiver.bodies
    assert body["failures"] == [{"step": None, "message": "the process is gone again"}]


def test_a_run_is_told_of_when_its_status_is_written(
    instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    """Dagster stores the event of a run's end before the run's status; a tick may come between the two."""
    start = tick(instance, None, webhook_to(receiver)).cursor
    ending = instance.create_run_for_job(crashing, status=dg.DagsterRunStatus.STARTED)
    event = dg.DagsterEvent(
        dg.DagsterEventType.RUN_FAILURE.value, "crashing", event_specific_data=JobFailureData(error=None)
    )
    entry = dg.EventLogEntry(
        error_info=None,
        level=logging.ERROR,
        user_message="",
        run_id=ending.run_id,
        timestamp=alerts.time.time(),
        job_name="crashing",
        dagster_event=event,
    )
    instance.event_log_storage.store_event(entry)
    between = tick(instance, start, webhook_to(receiver))
    assert between.skip_message == "nothing to tell"
    instance.run_storage.handle_run_event(ending.run_id, event, alerts.dt.datetime.now())
    assert tick(instance, between.cursor, webhook_to(receiver)).skip_message == f"told of {ending.run_id}"


RUN = dg.DagsterRun("series_stage", run_id="1a2b3c4d-1", status=dg.DagsterRunStatus.FAILURE)


def test_five_hundred_failures_are_cut_and_counted() -> None:
    said = "\n".join(f"AAPL{n} 1h: the file has no column close" for n in range(500))
    lines = _text(
        RUN, [{"step": "raw_bars", "message": said}], [], "http://127.0.0.1:3000/runs/1"
    ).splitlines()
    assert lines[1] == "http://127.0.0.1:3000/runs/1"
    assert lines[2] == "raw_bars: AAPL0 1h: the file has no column close"
    assert lines[-1] == f"… and {500 - (len(lines) - 3)} more"
    assert len(lines) > 30


WORDS = st.text(st.characters(categories=["L", "P", "S", "Zs", "Cc"]), max_size=2000)


@given(st.lists(WORDS, max_size=8), st.lists(WORDS, max_size=8))
def test_a_text_is_never_too_long_and_never_a_command(messages: list[str], descriptions: list[str]) -> None:
    checks = [{"asset": "a", "check": "c", "severity": "WARN", "description": d} for d in descriptions]
    text = _text(RUN, [{"step": "s", "message": m} for m in messages], checks, "http://127.0.0.1/?a=1&b=2")
    assert len(text) <= TEXT_LENGTH
    assert "<" not in text
    assert text.startswith("FVG Platform: series_stage failed (run 1a2b3c4d)\nhttp://127.0.0.1/?a=1&amp;b=2")


@pytest.mark.parametrize("address", ["https://127.0.0.1:{port}/" + SECRET, "http://localhost:1/" + SECRET])
def test_a_webhook_that_cannot_be_reached_is_told_without_its_address(
    receiver: Receiver, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The first speaks plain HTTP where TLS is expected, at the second nobody listens."""
    caplog.set_level(logging.DEBUG)
    webhook = Webhook(address.format(port=receiver.server_port), sleep=lambda _seconds: None)
    with pytest.raises(WebhookError, match=r"FVG_ALERT_WEBHOOK cannot be reached \(\w+\)") as caught:
        webhook.post({"text": "x"}, key="1")
    shown = f"{caught.value} {caught.value.__cause__} {webhook!r} {caplog.text}"
    assert SECRET not in shown
    assert "127.0.0.1" not in shown
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "address",
    [
        "http://hooks.example.com/" + SECRET,
        "ftp://127.0.0.1/" + SECRET,
        SECRET,
        "",
        "https://",
        "https://[::1",
    ],
)
def test_an_address_that_would_show_the_secret_is_refused_without_it(address: str) -> None:
    with pytest.raises(ValueError, match=r"must be https://…, or http:// to this machine") as caught:
        require_webhook_address(address)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "address", ["https://hooks.example.com/x", "http://127.0.0.1:1/x", "http://[::1]:1/x"]
)
def test_https_and_this_machine_may_be_posted_to(address: str) -> None:
    assert require_webhook_address(address) == address
