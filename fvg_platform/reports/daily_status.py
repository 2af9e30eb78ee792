"""The data engineer's day at the terminal: models, what is stale, what waits, what failed, what was trained."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


def daily_status_table(values: dict[str, Any]) -> RenderableType:
    """The sections of the day; what is empty says so in a word."""
    parts: list[RenderableType] = [_models(values["models"])]
    parts += _section("Stale", values["stale"], "nothing")
    waits = [*map(_waiting, values["waiting"]), *map(_running, values["running"])]
    if values["waiting"]:
        waits.append(
            "(the daemon of `fvg up` trains what waits; what people asked for `fvg retrain … --now` does too)"
        )
    parts += _section("Waits", waits, "nothing")
    parts += _section(
        "Failed",
        [*map(_failed_entry, values["failed_entries"]), *map(_failed_run, values["failed_runs"])],
        "nothing",
    )
    trained = [*map(_trained, values["trained"]), *map(_version, values["versions"])]
    parts += _section("Trained", trained, "no model yet")
    return Group(*parts)


def _section(title: str, lines: list[str], nothing: str) -> list[RenderableType]:
    if not lines:
        return [Text.assemble((f"{title}: ", "bold"), nothing)]
    return [Text(f"{title}:", style="bold"), *(Text(f"  {line}") for line in lines)]


def _models(models: list[dict[str, Any]]) -> RenderableType:
    table = Table(title="Models", title_justify="left", header_style="bold")
    for name in ("timeframe", "serves", "days old", "drift", "training"):
        table.add_column(name, justify="right" if name == "days old" else "left", overflow="fold")
    for row in models:
        serves = (
            "nothing" if row["version"] is None else f"version {row['version']}, {_words(row['algorithm'])}"
        )
        age = "–" if row["days_old"] is None else f"{row['days_old']:.0f}"
        drift = row["drift_reason"] or "not looked for"
        table.add_row(*map(Text, (row["timeframe"], serves, age, drift, row["training"])))
    return table


def _words(name: str) -> str:
    return name.replace("_", " ")


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")


def _what(entry: dict[str, Any]) -> str:
    named = entry["timeframe"] or (f"signal {entry['signal_id']}" if entry["signal_id"] else "nothing named")
    return f"entry {entry['id']}, {named} ({entry['trigger']}, priority {entry['priority']})"


def _waiting(entry: dict[str, Any]) -> str:
    if entry["status"] == "processing":
        run = f", run {entry['run_id'][:8]}" if entry["run_id"] else ""
        return f"{_what(entry)}: in training since {_minute(entry['started_at'])}{run}: {entry['reason']}"
    later = f", not before {_minute(entry['not_before'])}" if entry["not_before"] else ""
    failed = f" [{entry['error_message']}]" if entry["error_message"] else ""
    return f"{_what(entry)}: since {_minute(entry['inserted_at'])}{later}: {entry['reason']}{failed}"


def _running(run: dict[str, Any]) -> str:
    return f"run {run['run_id'][:8]} of {run['job']}: {run['status'].lower()} since {_minute(run['since'])}"


def _failed_entry(entry: dict[str, Any]) -> str:
    return f"{_what(entry)}: {entry['error_message']} (mend it, then `fvg retrain {entry['timeframe'] or 'TIMEFRAME'}`)"


def _failed_run(run: dict[str, Any]) -> str:
    return f"{run['job']}: its newest run {run['run_id'][:8]} of {_minute(run['started'])} ended with {run['status']}"


def _trained(entry: dict[str, Any]) -> str:
    return f"{_what(entry)}, {_minute(entry['completed_at'])}: {entry['reason']} → {entry['result']}"


def _version(row: dict[str, Any]) -> str:
    return (
        f"{row['timeframe']} version {row['version']} ({row['semantic_version']}, {_words(row['algorithm'])}) of "
        f"{_minute(row['trained_at'])}: {row['status']}: {row['status_reason']}"
    )
