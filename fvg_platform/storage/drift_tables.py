"""Whether setups are still those that models were trained on: what was found, window after window."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fvg_platform.storage.bulk import read_frame, replace
from fvg_platform.storage.records import execute, insert_record
from fvg_platform.storage.schema import drift_metrics, drift_reports

_UPSTREAM = "('fvg_labels', 'setup_features')"


def drift_fingerprint(connection: Any, timeframe: str, *made_with: object) -> str:
    """What the drift of a timeframe is found from: how its labels and features stand, the model, the code."""
    found = execute(
        connection,
        f"SELECT ticker, asset, state, revision FROM series_status WHERE timeframe = $1 AND asset IN {_UPSTREAM} "
        "ORDER BY ticker, asset",
        [timeframe],
    )
    parts = [list(map(list, found)), *map(str, made_with)]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:32]


def known_windows(connection: Any, timeframe: str, model_version: int) -> pd.DataFrame:
    """`window_start, complete, state, fingerprint` of the windows of a version that were looked at, oldest first."""
    return read_frame(
        connection,
        "SELECT window_start, complete, state, fingerprint FROM drift_reports "
        "WHERE timeframe = $1 AND model_version = $2 ORDER BY window_start",
        [timeframe, model_version],
    )


def keep_windows(connection: Any, timeframe: str, model_version: int, starts: Sequence[pd.Timestamp]) -> None:
    """Forget the windows of a version that begin at other times: with other setups they are cut otherwise."""
    execute(
        connection,
        "DELETE FROM drift_reports WHERE timeframe = $1 AND model_version = $2 "
        "AND NOT (window_start = ANY(string_to_array($3, ',')::timestamptz[]))",
        [timeframe, model_version, ",".join(start.isoformat() for start in starts)],
    )


def store_drift(connection: Any, report: Mapping[str, Any], metrics: pd.DataFrame) -> None:
    """Make this what is known of one window: the report's row, and its metrics."""
    window = ("timeframe", "model_version", "window_start")
    insert_record(connection, drift_reports, report, keys=window)
    keys = [column.name for column in drift_metrics.primary_key]
    replace(connection, drift_metrics.name, metrics, keys, scope={name: report[name] for name in window})


def drift_overview(connection: Any, timeframe: str | None = None) -> pd.DataFrame:
    """Every report of the versions that serve, oldest window first: `timeframe, version, window_start, …, reason`."""
    return read_frame(
        connection,
        """
        SELECT d.timeframe, d.model_version, d.window_start, d.window_end, d.complete, d.setups, d.reference_setups,
               d.state, d.reason, d.p_value, d.share_dissimilar, d.calibration, d.made_at
        FROM drift_reports d
        JOIN models m ON (m.timeframe, m.version) = (d.timeframe, d.model_version) AND m.status = 'active'
        WHERE $1::text IS NULL OR d.timeframe = $1
        ORDER BY array_position(ARRAY['1m', '5m', '15m', '1h', '4h', '1d', '1w', '1mo'], d.timeframe), d.window_start
        """,
        [timeframe],
    )


def drift_of_features(connection: Any, timeframe: str) -> pd.DataFrame:
    """The metrics of all windows of the version that serves, oldest window first."""
    return read_frame(
        connection,
        """
        SELECT d.timeframe, d.model_version, d.window_start, d.kind, d.name,
               d.psi, d.ks, d.p_value, d.adjusted_p, d.drifted
        FROM drift_metrics d
        JOIN models m ON (m.timeframe, m.version) = (d.timeframe, d.model_version) AND m.status = 'active'
        WHERE d.timeframe = $1 ORDER BY d.window_start, d.kind, d.name
        """,
        [timeframe],
    )
