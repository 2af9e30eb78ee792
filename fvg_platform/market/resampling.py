"""Coarser bars from clean finer ones, session by session.

A coarse bar is made of the finer bars that open during it and is labelled with the open the calendar expects, also
when its first finer bar is missing. Only whole bars leave this module: what the data begin or end in the middle of
is dropped, so that more data never change a bar that was already given out.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.market.bars import OPTIONAL
from fvg_platform.market.calendars import TradingCalendar
from fvg_platform.market.grids import BarGrid, Microseconds, microseconds, timestamps
from fvg_platform.market.timeframes import finer_timeframes


def resample_bars(
    bars: pd.DataFrame, source_timeframe: str, timeframe: str, calendar: TradingCalendar
) -> pd.DataFrame:
    """Bars of `timeframe` made of clean bars of `source_timeframe`.

    Open of the first finer bar, high and low over all, close of the last one; volume, transactions and taker volume
    summed (a sum with an unknown part is unknown); vwap weighted by volume over the finer bars that have one.
    Finer bars outside the market's hours take no part.

    The last coarse bar is given out once its last finer bar reaches its close; where that finer bar is missing,
    once a bar of a later coarse one exists. The first one is dropped when the data start after its expected open.
    Going through intermediate timeframes gives the same bars as going directly, except that a coarse bar may be
    missing at either end where the data begin or end with holes.

    Parameters
    ----------
    bars
        `ts` (open times with a zone, strictly increasing), `open, high, low, close, volume`, and perhaps `vwap,
        transactions, taker_buy_volume`.
    calendar
        That of both series: same market, anchor and session.

    Raises
    ------
    ValueError
        The coarser timeframe is not made of the finer one, or `ts` is not strictly increasing.
    """
    if source_timeframe not in finer_timeframes(timeframe):
        choices = ", ".join(finer_timeframes(timeframe)) or "nothing else"
        raise ValueError(
            f"{timeframe} bars are not made of {source_timeframe} bars: they are made of {choices}"
        )
    us = microseconds(bars["ts"])
    disorder = np.flatnonzero(us[1:] <= us[:-1])
    if len(disorder):
        row = int(disorder[0]) + 1
        raise ValueError(
            f"{source_timeframe} bars to resample are not in order at row {row}: clean them first"
        )

    finer, coarse = calendar.grid_over(us, source_timeframe), calendar.grid_over(us, timeframe)
    ordinals = np.where(finer.containing(us) >= 0, coarse.containing(us), -1)
    used = np.flatnonzero(ordinals >= 0)
    labels, starts = np.unique(ordinals[used], return_index=True)
    first, last = 0, len(labels)
    if last and _starts_late(int(us[0]), labels[0], finer, coarse):
        first += 1
    if last and _ends_early(us[[used[-1], -1]], labels[-1], calendar, source_timeframe, coarse):
        last -= 1
    if first >= last:
        return aggregate_runs(bars.iloc[:0], starts[:0], timestamps(us[:0]))
    end = starts[last] if last < len(starts) else len(used)
    rows = bars.iloc[used[starts[first] : end]]
    return aggregate_runs(
        rows, starts[first:last] - starts[first], timestamps(coarse.opens(labels[first:last]))
    )


def _starts_late(data_start: int, label: np.int64, finer: BarGrid, coarse: BarGrid) -> bool:
    """Whether the data start after the first finer bar that the coarse bar `label` should hold.

    That one opens later than the coarse bar where the clock's hour begins before trading does.
    """
    coarse_open = int(coarse.opens(np.array([label]))[0])
    return data_start > int(finer.opens(np.array([finer.count_before(coarse_open)]))[0])


def _ends_early(
    last_opens: Microseconds,
    label: np.int64,
    calendar: TradingCalendar,
    source_timeframe: str,
    coarse: BarGrid,
) -> bool:
    """Whether neither the last finer bar's close nor any later bar's open reaches the close of bar `label`."""
    last_finer_close = microseconds(calendar.bar_closes(timestamps(last_opens[:1]), source_timeframe))[0]
    return bool(max(last_finer_close, last_opens[1]) < coarse.closes(np.array([label]))[0])


def aggregate_runs(rows: pd.DataFrame, starts: NDArray[np.int64], ts: pd.DatetimeIndex) -> pd.DataFrame:
    """One bar for each run of rows that begins at `starts` (ascending, the first 0), labelled `ts`."""
    values = {name: rows[name].to_numpy(dtype=np.float64) for name in rows.columns if name != "ts"}
    ends = np.append(starts[1:], len(rows)) - 1
    columns: dict[str, object] = {
        "ts": ts,
        "open": values["open"][starts],
        "high": _reduce(np.maximum, values["high"], starts),
        "low": _reduce(np.minimum, values["low"], starts),
        "close": values["close"][ends] if len(starts) else values["close"],
    }
    for name in ("volume", *OPTIONAL):
        if name == "vwap" and name in values:
            columns[name] = _volume_weighted(values["vwap"], values["volume"], starts)
        elif name in values:
            columns[name] = _reduce(np.add, values[name], starts)
    return pd.DataFrame(columns)


def _volume_weighted(
    vwap: NDArray[np.float64], volume: NDArray[np.float64], starts: NDArray[np.int64]
) -> NDArray[np.float64]:
    weights = np.where(np.isnan(vwap), 0.0, volume)
    turnover = _reduce(np.add, np.where(np.isnan(vwap), 0.0, vwap) * weights, starts)
    weight = _reduce(np.add, weights, starts)
    return np.divide(turnover, weight, out=np.full(len(starts), np.nan), where=weight > 0)


def _reduce(how: np.ufunc, values: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    return how.reduceat(values, starts) if len(starts) else values
