"""A model's card: one HTML file that says what the model is, how good it is, and what to be wary of first.

It stands alone: pictures are inside it, it fetches nothing and needs no script. Every part of the record may be
missing, and then the card says so in that part's place.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fvg_platform.reports.model_card_backtest import backtest_section, threshold_section
from fvg_platform.reports.model_card_page import facts, page, paragraph, text
from fvg_platform.reports.model_card_training import (
    calibration_section,
    combinatorial_section,
    importance_section,
    metrics_section,
    settings_section,
    tuning_section,
    walk_forward_section,
)
from fvg_platform.reports.model_values import DASH, count, minute, model_values, period, setting, words
from fvg_platform.reports.model_warnings import summary, warnings_of
from fvg_platform.reports.performance_sheet import sheet_records


def model_card(record: Mapping[str, Any], *, performance: pd.DataFrame | None = None) -> str:
    """A whole HTML page about one version of a model.

    Parameters
    ----------
    record
        A row of the table `models`; any part may be missing or None.
    performance
        What `performance_sheet` makes of the backtest's daily returns; by default the stored one, in `backtest`
        under `sheet`.
    """
    values = model_values(record)
    sheet = None if performance is None else sheet_records(performance)
    return page(
        _title(values),
        [
            _head(values),
            metrics_section(values),
            calibration_section(values),
            backtest_section(values, sheet),
            threshold_section(values),
            walk_forward_section(values),
            combinatorial_section(values),
            importance_section(values),
            tuning_section(values),
            settings_section(values),
            _foot(),
        ],
    )


def _title(values: Mapping[str, Any]) -> str:
    name = words(
        str(values.get("name") or f"win rate {values.get('timeframe') or 'of an unknown timeframe'}")
    )
    name = name[:1].upper() + name[1:]
    version = values.get("semantic_version") or values.get("version")
    return f"{name}, version {version}" if version is not None else f"{name}, version unknown"


def _head(values: Mapping[str, Any]) -> str:
    status = values.get("status")
    pill = f'<span class="pill {text(str(status))}">{text(str(status))}</span>' if status else ""
    return (
        f"<header><h1>{text(_title(values))}{pill}</h1>{_status_line(values)}"
        f'<p class="lead">{text(summary(values))}</p>{_caveats(values)}{_facts(values)}</header>'
    )


def _status_line(values: Mapping[str, Any]) -> str:
    parts = [str(values["status_reason"])] if values.get("status_reason") else []
    parts += [f"Active since {minute(values['deployed_at'])}."] if values.get("deployed_at") else []
    parts += [f"Retired {minute(values['retired_at'])}."] if values.get("retired_at") else []
    return (
        paragraph(" ".join(part if part.endswith(".") else f"{part}." for part in parts), "note")
        if parts
        else ""
    )


def _caveats(values: Mapping[str, Any]) -> str:
    lines = [
        f'<li class="{caveat.level}"><b>{text(caveat.level)}</b>{text(caveat.text)}</li>'
        for caveat in warnings_of(values)
    ]
    return f'<ul class="caveats">{"".join(lines)}</ul>' if lines else ""


def _facts(values: Mapping[str, Any]) -> str:
    algorithm = words(values.get("algorithm") or DASH)
    entry = values.get("entry_algorithm")
    features = values.get("features")
    entries = {
        "Timeframe": _known(values, "timeframe"),
        "Tickers": _known(values, "scope"),
        "Algorithm": f"{algorithm}; P(entered): {words(entry)}" if entry else algorithm,
        "Training window": period(values.get("trained_from"), values.get("trained_to")),
        "Training setups": _setups(values),
        "Split": _known(values, "split_version"),
        "Features": f"{len(features)}" if features else DASH,
        "Feature set": _known(values, "feature_set_version"),
        "Trained at": minute(values.get("trained_at")),
        "Version in the table": _known(values, "version"),
        "Setup configurations": setting(values.get("config_ids")),
        "Git commit": _known(values, "git_commit"),
        "Dagster run": _known(values, "run_id"),
        "Artefact": _known(values, "artifact"),
        "SHA-256": _known(values, "sha256"),
    }
    code = ("Feature set", "Setup configurations", "Git commit", "Dagster run", "Artefact", "SHA-256")
    return facts(entries, code=code, wide=("Artefact", "SHA-256"))


def _setups(values: Mapping[str, Any]) -> str:
    trained, entered = count(values.get("setups_trained")), count(values.get("setups_entered"))
    return f"{trained}, {entered} entered" if (trained, entered) != (DASH, DASH) else DASH


def _known(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return DASH if value is None else str(value)


def _foot() -> str:
    level = "Intervals hold 95 of 100 times and come from a block bootstrap over time, unless it is said otherwise."
    return f'<footer class="note">{text(level)} Past outcomes promise nothing.</footer>'
