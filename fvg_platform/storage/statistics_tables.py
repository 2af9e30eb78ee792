"""Statistics of setups: the labels they are made from, and the table that holds them."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from fvg_platform.fvg.modes import RULES
from fvg_platform.storage.bulk import Written, read_frame, replace
from fvg_platform.storage.records import execute
from fvg_platform.storage.schema import PATHS, SETUP_KEY, TARGETS, fvg_statistics

_LABELS = (
    "status",
    "entry_price",
    "bars_to_entry",
    "mae_r",
    "mfe_r",
    *(f"{name}_{k}_{path}" for name in ("outcome", "r") for k in TARGETS for path in PATHS),
    *(f"{name}_{k}" for name in ("identified", "bars_to_exit") for k in TARGETS),
)
_UPSTREAM = ("bars", "fvg_setups", "fvg_labels")


def labels_for_statistics(connection: Any, timeframe: str) -> pd.DataFrame:
    """The labels of a timeframe with what they are grouped by: ticker, side, time, session and verdicts.

    Those of series that are not ok are left out. `cost_bps` is that of each label's own configuration.
    """
    labels = ", ".join(f"l.{name}" for name in _LABELS)
    rules = ", ".join(f"c.rule_{name}" for name in RULES)
    return read_frame(
        connection,
        f"""
        SELECT l.ticker, l.ts, l.side, s.risk, (e.configuration->>'cost_bps')::float8 AS cost_bps, {labels},
               c.session, {rules}
        FROM fvg_labels l
        JOIN fvg_setups s USING ({", ".join(SETUP_KEY)})
        JOIN fvg_context c USING (ticker, timeframe, ts, side)
        JOIN engine_configs e ON e.config_id = l.config_id
        WHERE l.timeframe = $1 AND NOT EXISTS (
            SELECT 1 FROM series_status t
            WHERE (t.ticker, t.timeframe) = (l.ticker, l.timeframe) AND t.asset = 'fvg_labels' AND t.state <> 'ok')
        ORDER BY l.ts, l.ticker, l.side
        """,
        [timeframe],
    ).rename(columns={f"bars_to_exit_{k}": f"bars_to_exit_{k}_lo" for k in TARGETS})


def labelled_tickers(connection: Any, timeframe: str) -> list[tuple[str, str]]:
    """Ticker and asset class of each series of the timeframe whose labels are ok."""
    return [
        (str(ticker), str(asset_class))
        for ticker, asset_class in execute(
            connection,
            "SELECT ticker, asset_class FROM series_status JOIN series USING (ticker, timeframe) "
            "WHERE timeframe = $1 AND asset = 'fvg_labels' AND state = 'ok' AND rows > 0 ORDER BY ticker",
            [timeframe],
        )
    ]


def statistics_fingerprint(connection: Any, timeframe: str, *code: object) -> str:
    """What the statistics of a timeframe depend on: how its series stand, and the code."""
    found = execute(
        connection,
        "SELECT ticker, asset, state, revision, fingerprint FROM series_status "
        "WHERE timeframe = $1 AND asset = ANY(string_to_array($2, ',')) ORDER BY ticker, asset",
        [timeframe, ",".join(_UPSTREAM)],
    )
    return hashlib.sha256(json.dumps([list(map(list, found)), *code], default=str).encode()).hexdigest()[:32]


def stored_fingerprint(connection: Any, timeframe: str) -> str | None:
    """The fingerprint of the statistics that are stored of a timeframe."""
    found = execute(
        connection, "SELECT fingerprint FROM fvg_statistics WHERE timeframe = $1 LIMIT 1", [timeframe]
    )
    return str(found[0][0]) if found else None


def store_statistics(connection: Any, timeframe: str, rows: pd.DataFrame | None) -> Written:
    """Make these the statistics of a timeframe; None where it has no setups any more."""
    keys = [column.name for column in fvg_statistics.primary_key]
    if rows is None:
        rows = pd.DataFrame(columns=keys)
    return replace(connection, fvg_statistics.name, rows, keys=keys, scope={"timeframe": timeframe})


def statistics_of(
    connection: Any,
    dimensions: Sequence[str],
    timeframes: Sequence[str] | None = None,
    tickers: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The stored statistics of some dimensions, the finest timeframe first."""
    hidden = {"fingerprint", "lineage_id"}
    listed = ", ".join(f'"{c.name}"' for c in fvg_statistics.columns if c.name not in hidden)
    found = read_frame(
        connection,
        f"SELECT {listed} FROM fvg_statistics WHERE dimension = ANY(string_to_array($1, ',')) ORDER BY "
        "array_position(ARRAY['1m', '5m', '15m', '1h', '4h', '1d', '1w', '1mo'], timeframe), dimension, value, target",
        [",".join(dimensions)],
    )
    if timeframes:
        found = found[found["timeframe"].isin(list(timeframes))]
    if tickers:
        found = found[(found["dimension"] != "ticker") | found["value"].isin(list(tickers))]
    return found.reset_index(drop=True)
