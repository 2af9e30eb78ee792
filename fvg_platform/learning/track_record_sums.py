"""Predictions and what became of them, as sums that add up: over days, tickers, origins and versions alike.

Every figure of a track record is a ratio of such sums, so a window costs an addition and never another look at the
predictions. What the figures are is in `track_record_figures`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.market.sessions import NEW_YORK

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# What is known of a prediction, as bits of its `state`: a million rows travel in half the time of eight columns.
ENTERED, WON_LO, SETTLED_LO, WON_HI, SETTLED_HI, CORRECT, INCORRECT, ACTED = (1 << bit for bit in range(8))
_TOLD, _PAID_LO, _PAID_HI = (1 << bit for bit in range(8, 11))
_STATES = 1 << 11

KEYS = ("timeframe", "mode", "model_version", "origin", "ticker")
DECILES = 10
PATHS = ("lo", "hi")

# name: what is summed, over the predictions that have all of the bits
_Sums = dict[str, tuple[str, int]]
_SUMS: _Sums = {
    "predictions": ("one", 0),
    "entered": ("one", ENTERED),
    "correct": ("one", ENTERED | CORRECT),
    "incorrect": ("one", ENTERED | INCORRECT),
    "acted": ("one", ACTED),
    "latency": ("latency_ms", 0),
    "told": ("one", ENTERED | _TOLD),
    "told_p": ("p", ENTERED | _TOLD),
}
_DECILE_SUMS: _Sums = {}
_OUTCOME_SUMS: _Sums = {}
for _path, _won, _settled, _paid in (
    ("lo", WON_LO, SETTLED_LO, _PAID_LO),
    ("hi", WON_HI, SETTLED_HI, _PAID_HI),
):
    _SUMS |= {
        f"scored_{_path}": ("one", _settled | _TOLD),
        f"scored_won_{_path}": ("one", _won | _TOLD),
        f"p_won_{_path}": ("p", _won | _TOLD),
        f"p_squared_{_path}": ("p_squared", _settled | _TOLD),
    }
    for _who, _bit in (("", 0), ("acted_", ACTED)):
        _SUMS |= {
            f"{_who}settled_{_path}": ("one", _settled | _bit),
            f"{_who}won_{_path}": ("one", _won | _bit),
            f"{_who}paid_{_path}": ("one", _paid | _bit),
            f"{_who}gain_{_path}": (f"gain_{_path}", _paid | _bit),
            f"{_who}loss_{_path}": (f"loss_{_path}", _paid | _bit),
        }
    _DECILE_SUMS |= {
        f"scored_{_path}": ("one", _settled | _TOLD),
        f"won_{_path}": ("one", _won | _TOLD),
        f"p_{_path}": ("p", _settled | _TOLD),
    }
    _OUTCOME_SUMS |= {f"settled_{_path}": ("one", _settled), f"won_{_path}": ("one", _won)}

SUMS, DECILE_SUMS, OUTCOME_SUMS = tuple(_SUMS), tuple(_DECILE_SUMS), tuple(_OUTCOME_SUMS)


def sum_of(sums: FloatArray, name: str) -> FloatArray:
    """One of :data:`SUMS` out of an array (..., len(SUMS))."""
    return np.asarray(sums[..., SUMS.index(name)])


@dataclass(frozen=True)
class Judged:
    """Predictions whose horizon has passed, as arrays: who made them (`group`), when their life ended, what came.

    `labels` has a row for each group, its columns are :data:`KEYS`. Days count from 1970-01-01.
    """

    labels: pd.DataFrame
    group: IntArray
    day: IntArray
    state: IntArray
    states: IntArray
    values: dict[str, FloatArray]

    @classmethod
    def of(cls, predictions: pd.DataFrame, last_day: int | None = None) -> "Judged":
        """Those whose life ended on `last_day` or before; columns as in :func:`track_record`."""
        day = exchange_days(predictions["life_end"])
        if last_day is not None and (day > last_day).any():
            predictions, day = predictions[day <= last_day], day[day <= last_day]
        labels, group = _groups(predictions)
        p, r_lo, r_hi, latency = (
            predictions[name].to_numpy(np.float64)
            for name in ("p_target_1", "r_1_lo", "r_1_hi", "latency_ms")
        )
        state = predictions["state"].to_numpy().astype(np.int64)
        for bit, known in ((_TOLD, p), (_PAID_LO, r_lo), (_PAID_HI, r_hi)):
            state |= np.where(np.isnan(known), 0, bit)
        p = np.nan_to_num(p)
        values = {"p": p, "p_squared": p * p, "latency_ms": np.nan_to_num(latency)}
        for path, r in (("lo", np.nan_to_num(r_lo)), ("hi", np.nan_to_num(r_hi))):
            values |= {f"gain_{path}": np.maximum(r, 0.0), f"loss_{path}": np.maximum(-r, 0.0)}
        present = np.bincount(state, minlength=_STATES) > 0
        place = np.cumsum(present) - 1
        return cls(labels, group, day, place[state], np.flatnonzero(present).astype(np.int64), values)

    def sums(self, cell: IntArray, n_cells: int) -> FloatArray:
        """All of :data:`SUMS` in each cell, shape (n_cells, len(SUMS)); `cell` (n,) places the predictions."""
        return self._summed(_SUMS, cell, n_cells)

    def decile_sums(self, cell: IntArray, n_cells: int) -> FloatArray:
        """:data:`DECILE_SUMS` of the settled in each cell by tenth of p, shape (n_cells, 10, 6)."""
        tenth = np.minimum((self.values["p"] * DECILES).astype(np.int64), DECILES - 1)
        found = self._summed(_DECILE_SUMS, cell * DECILES + tenth, n_cells * DECILES)
        return found.reshape(n_cells, DECILES, len(DECILE_SUMS))

    def outcome_sums(self, cell: IntArray, n_cells: int) -> FloatArray:
        """:data:`OUTCOME_SUMS` in each cell, shape (n_cells, 4)."""
        return self._summed(_OUTCOME_SUMS, cell, n_cells)

    def slowest(self, cell: IntArray, n_cells: int) -> FloatArray:
        """The largest latency in each cell, in ms, 0 in an empty one, shape (n_cells,)."""
        largest = np.zeros(n_cells)
        np.maximum.at(largest, cell, self.values["latency_ms"])
        return largest

    def _summed(self, wanted: _Sums, cell: IntArray, n_cells: int) -> FloatArray:
        """One look at the rows for each value: by cell, and by what is alike in the bits that count."""
        counting = int(np.bitwise_or.reduce([bits for _, bits in wanted.values()]))
        states, place = np.unique(self.states & counting, return_inverse=True)
        placed = (place * n_cells)[self.state] + cell
        found = np.empty((n_cells, len(wanted)))
        tables: dict[str, npt.NDArray[np.float64 | np.int64]] = {}
        for at, (summed, bits) in enumerate(wanted.values()):
            if summed not in tables:
                weights = None if summed == "one" else self.values[summed]
                tables[summed] = np.bincount(placed, weights, states.size * n_cells).reshape(
                    states.size, n_cells
                )
            # No product of matrices: its threads wait for each other where the cores are busy, for 0.2 s.
            found[:, at] = tables[summed][(states & bits) == bits].sum(axis=0)
        return found


def exchange_days(times: pd.Series) -> IntArray:
    """The date in New York of each time, in days since 1970-01-01, shape (n,)."""
    hour = pd.DatetimeIndex(times).as_unit("s").asi8 // 3600
    if not hour.size:
        return hour
    # New York is whole hours from UTC: the few hours are converted, not the many times.
    first = int(hour.min())
    hours = pd.to_datetime(np.arange(first, int(hour.max()) + 1) * 3600, unit="s", utc=True)
    shown = hours.tz_convert(NEW_YORK).tz_localize(None).as_unit("s")
    return (shown.asi8 // 86_400)[hour - first]


def _groups(predictions: pd.DataFrame) -> tuple[pd.DataFrame, IntArray]:
    """What differs in :data:`KEYS`, a row each, and which of them each prediction belongs to."""
    columns = [predictions[name].astype("category").cat for name in KEYS]
    sizes = [max(len(column.categories), 1) for column in columns]
    flat = np.ravel_multi_index([column.codes.to_numpy(np.int64) for column in columns], sizes)
    group, found = pd.factorize(flat)
    places = np.unravel_index(found, sizes)
    labels = {
        name: column.categories.take(place) for name, column, place in zip(KEYS, columns, places, strict=True)
    }
    return pd.DataFrame(labels), group.astype(np.int64)
