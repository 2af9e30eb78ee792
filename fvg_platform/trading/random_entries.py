"""The same orders at random bars: what the signals' geometry earns where their timing and side say nothing.

Each signal is taken as it is, its distance from the close, its risk and its targets as shares of the price, and
put at a random bar of the same ticker and period with a side drawn from the signals' own, so that number, risk
and mix of sides are the same. The engine labels the orders like any setup, without finer bars.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fvg_platform.fvg.bar_input import Floats, Ints
from fvg_platform.fvg.dated_rows import positions_of
from fvg_platform.fvg.lifecycle import NEVER
from fvg_platform.fvg.modes import ModeConfig, config_for
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.fvg.session_ends import SessionCalendar
from fvg_platform.trading.account import Fills, fills

PATHS: tuple[str, ...] = ("lo", "hi")
_LEVELS = ("stop", "target_1", "target_2", "target_3")

# A label takes about 250 bytes: a batch beyond this is cut into several.
_BATCH = 400_000


def random_fills(
    signals: pd.DataFrame,
    bars: Mapping[str, pd.DataFrame],
    timeframe: str,
    *,
    configs: Mapping[str, ModeConfig],
    calendars: Mapping[str, SessionCalendar],
    window: tuple[pd.Timestamp, pd.Timestamp],
    draws: int,
    seed: int,
) -> tuple[dict[str, Fills], int]:
    """Label the signals' orders at random bars, `draws` times over.

    Parameters
    ----------
    signals
        The setups acted on: `ticker, ts, side, entry, stop, risk, target_1..3`.
    bars, configs, calendars
        By ticker; those that the setups were labelled with. A ticker may lack a calendar.
    timeframe
        Of the bars.
    window
        First and last `ts` at which an order may be planned; its whole horizon lies within the bars.
    draws, seed
        Repetitions. The same seed and signals give the same orders.

    Returns
    -------
    Filled orders of both paths, with their `draw`, and how many signals were left out: their own bar is not among
    the bars (that of a period's first signal may open before the period), or none is there to move them to.
    """
    parts: dict[str, list[Fills]] = {path: [] for path in PATHS}
    unplaced = 0
    for number, (ticker, own) in enumerate(signals.groupby("ticker", sort=True, observed=True)):
        name = str(ticker)
        series, config = bars[name].reset_index(drop=True), configs[name]
        rng = np.random.default_rng([seed, number])
        places = _places(series, window, config.horizon)
        i = positions_of(series["ts"], own["ts"])
        usable = (i != NEVER) & bool(places.size)
        unplaced += int((~usable).sum())
        if not usable.any():
            continue
        shape = _shares(own[usable], series, i[usable])
        signals_here = int(usable.sum())
        per_batch = max(_BATCH // signals_here, 1)
        for first in range(0, draws, per_batch):
            here = min(per_batch, draws - first)
            orders = _moved(shape, series, places, here, rng)
            for path, found in _labelled(
                orders, series, timeframe, config, calendars.get(name), first, signals_here
            ):
                parts[path].append(found)
    return {path: Fills.joined(found) for path, found in parts.items()}, unplaced


def _places(bars: pd.DataFrame, window: tuple[pd.Timestamp, pd.Timestamp], horizon: int) -> Ints:
    """Positions at which an order may be planned."""
    inside = (bars["ts"] >= window[0]).to_numpy() & (bars["ts"] <= window[1]).to_numpy()
    inside[max(len(bars) - horizon, 0) :] = False
    return np.flatnonzero(inside)


def _shares(signals: pd.DataFrame, bars: pd.DataFrame, i: Ints) -> dict[str, Floats]:
    """Each signal as shares: `distance` of the entry from the close, `risk` of the entry, levels in risks."""
    close = bars["close"].to_numpy(float)[i]
    side, entry, risk = (signals[name].to_numpy(float) for name in ("side", "entry", "risk"))
    shares = {"side": side, "distance": side * (close - entry) / close, "risk": risk / entry}
    return shares | {name: side * (signals[name].to_numpy(float) - entry) / risk for name in _LEVELS}


def _moved(
    shape: dict[str, Floats], bars: pd.DataFrame, places: Ints, draws: int, rng: np.random.Generator
) -> pd.DataFrame:
    """The orders of some draws, one after the other."""
    n = len(shape["side"])
    i = rng.choice(places, size=draws * n)
    side = rng.permuted(np.broadcast_to(shape["side"], (draws, n)), axis=1).ravel()
    distance, risk_share = np.tile(shape["distance"], draws), np.tile(shape["risk"], draws)
    entry = bars["close"].to_numpy(float)[i] * (1.0 - side * distance)
    risk = entry * risk_share
    orders = {"i": i, "side": side, "entry": entry, "risk": risk}
    orders |= {name: entry + side * np.tile(shape[name], draws) * risk for name in _LEVELS}
    return pd.DataFrame(orders, copy=False)


def _labelled(
    orders: pd.DataFrame,
    bars: pd.DataFrame,
    timeframe: str,
    config: ModeConfig,
    calendar: SessionCalendar | None,
    first_draw: int,
    per_draw: int,
) -> list[tuple[str, Fills]]:
    labels = label_setups(
        bars, orders, timeframe, config=config_for(timeframe, config, calendar=calendar), calendar=calendar
    )
    ts = pd.DatetimeIndex(bars["ts"]).as_unit("ns").asi8
    draw = first_draw + np.arange(len(orders), dtype=np.int64) // per_draw
    # Known when the next bar opens; the horizon lies within the bars, so there is one.
    known_at, entry = ts[labels["i"].to_numpy() + 1], _times(labels["entry_index"], ts)
    return [
        (path, fills(labels, path, known_at, entry, _times(labels[f"exit_index_1_{path}"], ts), draw))
        for path in PATHS
    ]


def _times(positions: pd.Series, ts: Ints) -> Ints:
    return ts[positions.to_numpy(np.int64, na_value=0)]
