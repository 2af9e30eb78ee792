"""How predictions came out, for people: plain values for `--json`, tables for the terminal, a picture for the UI.

They are made of rows of `model_performance` and of calibration curves, already filtered.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.reports.coverage import picture
from fvg_platform.reports.model_figures import reliability_figure
from fvg_platform.reports.model_tables import add_row, table_of
from fvg_platform.reports.model_values import DASH, count, is_number, number, plain

HOW_TO_READ = (
    "Only setups count whose whole horizon passed in the window, predicted from bars that the model had not learnt "
    "from. a…b: what the bars leave open; in brackets the 95 % interval from blocks of time. "
    "Right: the price went where it was predicted to. Won: target before stop, of the filled; said: the mean "
    "probability of that. Skill: 1 − Brier/Brier of the window's own base rate; above 0 is better than that rate. Off: "
    "mean distance of said and observed rates. Factor: gains / losses in R after costs. Acted: said BUY or SELL."
)
_LEGEND_CALIBRATION = "Calibrated: won lies where said does, tenth after tenth."
_SUBJECT = {"mode": None, "model_version": 0, "origin": "*", "ticker": "*"}
"""What a row is about besides timeframe and window, with the value that needs no words."""


def performance_values(
    rows: Iterable[Mapping[str, Any]], curves: Iterable[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The track record as plain JSON values, for `fvg performance --json`.

    Parameters
    ----------
    rows
        Rows of `model_performance`, in the order to show them.
    curves
        Records `timeframe, low, high, n, mean_p, rate_lo, rate_hi`.

    Returns
    -------
    `performance` and `calibration`: lists of records; NaN becomes None.
    """
    return {
        "performance": [plain(dict(row)) for row in rows],
        "calibration": [plain(dict(row)) for row in sorted(curves, key=_place)],
    }


def performance_table(values: Mapping[str, Any]) -> RenderableType:
    """What `fvg performance` prints: timeframes by windows, then said against seen; of :func:`performance_values`."""
    rows, curves = values["performance"], values["calibration"]
    if not rows:
        return Text("No track record yet: no prediction's whole horizon has passed.")
    parts: list[RenderableType] = [_outcomes(rows), _acted(rows)]
    if curves:
        parts.append(_calibration(curves))
    notes = (HOW_TO_READ, _LEGEND_CALIBRATION) if curves else (HOW_TO_READ,)
    return Group(*parts, *(Text(note, style="dim") for note in notes))


def calibration_picture(curves: Iterable[Mapping[str, Any]]) -> str:
    """Said against seen as a Markdown picture: a panel for each timeframe, bars from the worse to the better reading.

    Parameters
    ----------
    curves
        As in :func:`performance_values`.
    """
    frames: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(curves, key=_place):
        lo, hi = row["rate_lo"], row["rate_hi"]
        if is_number(lo) and is_number(hi):
            seen = {"rate": (lo + hi) / 2.0, "rate_low": lo, "rate_high": hi}
            record = {"mean_prediction": row["mean_p"], "n": row["n"], **seen}
            frames.setdefault(str(row["timeframe"]), []).append(record)
    figure = reliability_figure({timeframe: pd.DataFrame(records) for timeframe, records in frames.items()})
    if figure is None:
        return "There is no picture of the calibration: no prediction's whole horizon has passed."
    return picture(figure, "calibration of past predictions")


def _place(row: Mapping[str, Any]) -> tuple[int, float]:
    return TIMEFRAMES.index(str(row["timeframe"])), float(row["low"])


def _outcomes(rows: list[dict[str, Any]]) -> Table:
    table = _table("How predictions came out", rows, "predicted", "filled", "right", "won", "said", "Brier")
    for name in ("skill", "off", "mean R", "factor"):
        table.add_column(name, justify="right")
    for row in rows:
        add_row(
            table,
            *_subject(row, rows),
            count(row["predictions"]),
            count(row["entered"]),
            _reading(row, "accuracy", 1, percent=True),
            f"{_reading(row, 'win_rate', 1, percent=True)} {_interval(row)}".rstrip(),
            number(row["mean_p"], 1, percent=True),
            _reading(row, "brier"),
            _reading(row, "skill", signed=True),
            _reading(row, "calibration_error", 1, percent=True),
            _reading(row, "mean_r", 2, signed=True),
            _reading(row, "profit_factor", 2),
        )
    return table


def _acted(rows: list[dict[str, Any]]) -> Table:
    table = _table("Of these, those acted on; and how long a prediction took", rows, "acted", "won", "mean R")
    for name in ("factor", "mean ms", "slowest ms"):
        table.add_column(name, justify="right")
    for row in rows:
        add_row(
            table,
            *_subject(row, rows),
            count(row["acted"]),
            _reading(row, "acted_win_rate", 1, percent=True),
            _reading(row, "acted_mean_r", 2, signed=True),
            _reading(row, "acted_profit_factor", 2),
            number(row["latency_ms_mean"], 2),
            number(row["latency_ms_max"], 2),
        )
    return table


def _calibration(curves: list[dict[str, Any]]) -> Table:
    table = table_of("Said against seen, first target", "timeframe", "said from … to")
    for name in ("outcomes", "said", "won"):
        table.add_column(name, justify="right")
    for row in curves:
        add_row(
            table,
            row["timeframe"],
            f"{row['low'] * 100:.0f}…{row['high']:.0%}",
            count(row["n"]),
            number(row["mean_p"], 1, percent=True),
            _reading(row, "rate", 1, percent=True),
        )
    return table


def _table(title: str, rows: list[dict[str, Any]], *figures: str) -> Table:
    table = table_of(title, "timeframe", "window", *(name.replace("_", " ") for name in _told(rows)))
    for name in figures:
        table.add_column(name, justify="right")
    return table


def _told(rows: list[dict[str, Any]]) -> list[str]:
    """What rows have to say of their subject: where they differ, or are of one version, origin or ticker."""
    return [
        name
        for name, unsaid in _SUBJECT.items()
        if len(seen := {row[name] for row in rows}) > 1 or (unsaid is not None and seen != {unsaid})
    ]


def _subject(row: Mapping[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    window = row["window_days"]
    texts = {name: str(row[name]) for name in _told(rows)}
    if row["model_version"] == 0 and "model_version" in texts:
        texts["model_version"] = "any"
    return [str(row["timeframe"]), f"{window} days" if window else "all", *texts.values()]


def _reading(
    row: Mapping[str, Any], name: str, decimals: int = 3, *, signed: bool = False, percent: bool = False
) -> str:
    """Both readings of a figure, the lower one first; once where they look alike."""
    readings = sorted(
        (row[f"{name}_{path}"] for path in ("lo", "hi")), key=lambda value: value if is_number(value) else 0.0
    )
    lo, hi = (number(value, decimals, signed=signed, percent=percent) for value in readings)
    if lo == hi:
        return lo
    return DASH if DASH in (lo, hi) else f"{lo.removesuffix(' %')}…{hi}"


def _interval(row: Mapping[str, Any]) -> str:
    low, high = row["win_rate_low"], row["win_rate_high"]
    if not (is_number(low) and is_number(high)):
        return "[too few]" if row["entered"] else ""
    return f"[{low * 100:.0f}–{high:.0%}]"
