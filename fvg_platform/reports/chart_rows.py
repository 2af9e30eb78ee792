"""Reading the frames that a picture is made of, or an error that names the frame, the column and what is wrong."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from fvg_platform.fvg.bar_input import Ints, numeric_column
from fvg_platform.fvg.outcomes import OUTCOMES, STATUSES
from fvg_platform.reports.chart_axis import Candles

NO_TIME = int(np.iinfo(np.int64).min)
TARGETS = (1, 2, 3)
PATHS = ("lo", "hi")
Role = Literal["entry", "stop", "target_1", "target_2", "target_3"]
LEVELS: tuple[Role, ...] = get_args(Role)


def require_columns(frame: pd.DataFrame | None, names: Iterable[str], what: str) -> pd.DataFrame | None:
    """The frame, or None when it has no rows; ValueError naming the columns that it lacks."""
    if frame is None or frame.empty:
        return None
    absent = [name for name in names if name not in frame]
    if absent:
        raise ValueError(f"{what} lack the columns {', '.join(absent)}")
    return frame


def times(frame: pd.DataFrame, name: str, what: str) -> Ints:
    """A column of moments as microseconds UTC, :data:`NO_TIME` for NULL.

    Raises
    ------
    ValueError
        For values without a zone, of several zones, or that are no times.
    """
    column = frame[name]
    if column.isna().all():  # nothing of the kind happened yet: such a column may have any type
        return np.full(len(frame), NO_TIME)
    if not pd.api.types.is_datetime64_any_dtype(column):
        raise ValueError(
            f"{what}: {name} must be timestamps of one zone, but is {column.dtype} "
            f"(first value {column.dropna().iloc[0]!r}): convert it with pd.to_datetime(…, utc=True)"
        )
    index = pd.DatetimeIndex(column)
    if index.tz is None:
        raise ValueError(f"{what}: {name} has no time zone: localise it (.dt.tz_localize)")
    return index.tz_convert("UTC").as_unit("us").asi8


def sides(frame: pd.DataFrame, what: str) -> Ints:
    """The column `side`; ValueError for a value other than 1 and -1."""
    side = numeric_column(frame, "side", what)
    wrong = np.flatnonzero(np.abs(side) != 1)
    if len(wrong):
        raise ValueError(f"{what}: side in row {wrong[0]} is {side[wrong[0]]:g}, but must be 1 or -1")
    return side.astype(np.int64)


def joined_setups(
    setups: pd.DataFrame | None,
    labels: pd.DataFrame | None,
    shown: Collection[tuple[int, int]],
    candles: Candles,
) -> Iterator[dict[str, Any]]:
    """Setups with their labels, without the fields that are NULL; times as microseconds UTC.

    Given are those that the window concerns: known or entered in it, resting at its end, or of a gap that is `shown`,
    by (ts, side).
    """
    what = f"{candles.timeframe} setups"
    frame = require_columns(setups, ("ts", "side", "risk", *LEVELS), what)
    if frame is None:
        return
    key = ["ts", "side"] + ["config_id"] * ("config_id" in frame)
    columns: dict[str, Any] = {name: numeric_column(frame, name, what) for name in ("risk", *LEVELS)}
    columns |= {"ts": times(frame, "ts", what), "side": sides(frame, what)}
    rows = pd.DataFrame(columns | {name: frame[name].to_numpy() for name in key[2:]})
    rows = rows[(rows["ts"] != NO_TIME) & (rows["ts"] <= candles.last)]
    _require_one(rows, ["ts", "side"], what, candles)
    gaps = pd.Series(list(zip(rows["ts"], rows["side"], strict=True)), rows.index, dtype=object)
    rows["concerned"] = gaps.isin(list(shown)) | (rows["ts"] >= candles.first)
    fates = _fates(labels, key, candles)
    if fates is not None:
        rows = rows.merge(fates, on=key, how="left")
        rows["concerned"] |= (rows["entry_ts"] >= candles.first) | (rows["status"] == "pending")
    for values in rows[rows.pop("concerned")].to_dict("records"):
        yield {str(name): value for name, value in values.items() if not _is_null(value)}


def _fates(labels: pd.DataFrame | None, key: list[str], candles: Candles) -> pd.DataFrame | None:
    """The labels of setups known by the window's end."""
    what = f"{candles.timeframe} labels"
    of_path = [f"{k}_{path}" for k in TARGETS for path in PATHS]
    moments = ["ts", "entry_ts", *(f"exit_ts_{which}" for which in of_path)]
    words = [f"outcome_{which}" for which in of_path]
    values = ["entry_price", *(f"r_{which}" for which in of_path), *(f"identified_{k}" for k in TARGETS)]
    frame = require_columns(labels, (*key, "status", *moments[1:], *words, *values), what)
    if frame is None:
        return None
    columns: dict[str, Any] = {name: times(frame, name, what) for name in moments}
    columns["side"] = sides(frame, what)
    columns |= {name: frame[name].astype(object).to_numpy() for name in (*key[2:], "status", *words, *values)}
    fates = pd.DataFrame(columns)
    fates = fates[fates["ts"] <= candles.last]
    _require_one(fates, key, what, candles)
    _require_words(fates["status"], STATUSES, what)
    for name in words:
        _require_words(fates[name].dropna(), OUTCOMES, what)
    return fates


def _require_one(rows: pd.DataFrame, key: list[str], what: str, candles: Candles) -> None:
    twice = rows.loc[rows.duplicated(key), "ts"]
    if len(twice):
        raise ValueError(
            f"{what}: several for the gap of {candles.says(int(twice.iloc[0]))}: "
            "a picture shows those of one configuration"
        )


def _require_words(column: pd.Series, known: Collection[str], what: str) -> None:
    unknown = sorted(map(str, set(column) - set(known)))
    if unknown:
        raise ValueError(f"{what}: unknown {column.name} {unknown[0]!r}, known are {', '.join(known)}")


def _is_null(value: Any) -> bool:
    return value is None or value is pd.NA or value != value or value == NO_TIME
