"""Bars that look like given ones and whose direction nobody can foresee.

What a rule earns on them is arithmetic of its stops, targets and costs; what it earns on the real bars beyond that is
edge. Sources: wild bootstrap with Rademacher weights, R. Davidson and E. Flachaire (2008); stationary bootstrap,
D. Politis and J. Romano (1994). Labels and statistics of surrogates are made in `fvg_platform.fvg`.
"""

from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.market.grids import microseconds

Floats = NDArray[np.float64]
Method = Literal["wild", "block"]
METHODS: tuple[Method, ...] = get_args(Method)

_PRICES = ("open", "high", "low", "close")
_CLOSE = 3
_FEWEST_BARS = 3  # two moves, the fewest that can be drawn anew


class SurrogateError(ValueError):
    """Bars or settings of which no surrogate can be made; the message names the row or the setting."""


def surrogate_bars(
    bars: pd.DataFrame,
    *,
    method: Method = "wild",
    seed: int | tuple[int, ...] = 0,
    mean_block: float | None = None,
) -> pd.DataFrame:
    """Bars of the same times and volumes, from the same first bar on, without a predictable direction.

    A bar's move is its open, high, low and close in logs, relative to the close before it.

    `wild` keeps each move or reflects it (high and low change places) as a fair coin falls. Sizes of moves and of
    gaps between bars, clusters of volatility and the seasons of the session stay; direction, trend and drift in logs
    go. The coin belongs to the bar's time: with one seed all tickers are reflected together, so that they go on moving
    together, and more bars do not change the earlier ones.

    What happens inside a bar stays as well: an edge that lies in long wicks is in the surrogate too.

    `block` draws stretches of moves with replacement, centred on their mean. What depends on bars close to each other
    stays, direction included; sizes no longer match the hour of the day.

    Parameters
    ----------
    bars
        `ts` (with a zone) and `open, high, low, close` (> 0); at least three rows. `vwap` moves with its bar.
        `taker_buy_volume` is mirrored with it to `volume - taker_buy_volume` (in blocks: the drawn bar's share of the
        own volume). All other columns, `volume` among them, are kept. Prices leave their tick grid.
    method
        `wild` or `block`.
    seed
        The same seed gives the same bars.
    mean_block
        Mean length of a stretch in bars, for `block` only; by default the cube root of the number of moves.

    Returns
    -------
    DataFrame
        The columns, order and index of `bars`; prices are float64.

    Raises
    ------
    SurrogateError
        For fewer than three bars, an absent column, a price that is not positive, finite or in order (names the row),
        or a setting out of range.
    """
    if method not in METHODS:
        raise SurrogateError(f"unknown method {method!r}: use one of {', '.join(METHODS)}")
    logs = _logs(bars)
    moves = logs[:, 1:] - logs[_CLOSE, :-1]
    if method == "wild":
        up = _fair_coins(bars["ts"], seed)[1:]
        drawn = np.where(up, moves, -moves[[0, 2, 1, *range(_CLOSE, len(moves))]])
        takers = _mirrored_takers(bars, up)
    else:
        source = _drawn_positions(moves.shape[1], mean_block, seed)
        drawn = moves[:, source] - moves[_CLOSE].mean()
        takers = _drawn_takers(bars, source)
    # One running sum from the first close on: then a price that equals the close before it still does.
    closes = np.cumsum(np.append(logs[_CLOSE, 0], drawn[_CLOSE]))
    return bars.assign(**_whole_bars(bars, np.exp(closes[:-1] + drawn)), **takers)


def surrogate_inside(
    bars: pd.DataFrame, surrogate: pd.DataFrame, finer: pd.DataFrame, *, seed: int | tuple[int, ...] = 0
) -> pd.DataFrame:
    """Finer bars moved as the bars are in which they lie: together they make up the surrogate's bars.

    Parameters
    ----------
    bars, surrogate
        Bars, and what :func:`surrogate_bars` made of them by the method `wild`.
    finer
        Bars of a finer timeframe of the same ticker and basis; `ts` and prices are read. Those before the first
        bar are left out.
    seed
        That of the surrogate.

    Returns
    -------
    DataFrame
        `ts`, prices and `volume` of the finer bars, index 0..n-1.
    """
    inside = np.searchsorted(microseconds(bars["ts"]), microseconds(finer["ts"]), side="right") - 1
    finer, inside = finer[inside >= 0], inside[inside >= 0]
    before = np.maximum(inside - 1, 0)
    base, moved = (_numbers(frame, "close")[before] for frame in (bars, surrogate))
    kept = (inside == 0) | _fair_coins(bars["ts"], seed)[inside]
    prices = np.stack([_numbers(finer, name) for name in _PRICES])
    reflected = base * (base / prices[[0, 2, 1, _CLOSE]])
    o, h, low, c = np.where(kept, prices, reflected) * (moved / base)
    return pd.DataFrame(
        {
            "ts": finer["ts"].array,
            "open": o,
            "high": np.maximum(h, np.maximum(o, c)),
            "low": np.minimum(low, np.minimum(o, c)),
            "close": c,
            "volume": finer["volume"].array,
        }
    )


def stationary_positions(n: int, mean_run: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions 0..n-1 drawn by the stationary bootstrap: runs of geometric length, wrapping around the end.

    Parameters
    ----------
    n
        How many there are, and how many are drawn.
    mean_run
        Mean length of a run, at least 1.
    """
    position = np.arange(n)
    starts = rng.random(n) < 1 / mean_run
    starts[:1] = True
    begun = np.maximum.accumulate(np.where(starts, position, 0))
    return (rng.integers(n, size=n)[begun] + position - begun) % n


def _logs(bars: pd.DataFrame) -> Floats:
    """Logs of open, high, low and close, checked, and of vwap where there is one: (4 or 5, n)."""
    absent = [name for name in ("ts", *_PRICES) if name not in bars]
    if absent:
        raise SurrogateError(f"bars lack {', '.join(absent)}: a surrogate needs ts, {', '.join(_PRICES)}")
    if len(bars) < _FEWEST_BARS:
        raise SurrogateError(f"a surrogate needs at least {_FEWEST_BARS} bars, got {len(bars)}")
    prices = np.stack([_numbers(bars, name) for name in (*_PRICES, "vwap") if name in bars])
    o, h, low, c = prices[:4]
    # A NaN fails every comparison.
    sound = (low > 0) & (low <= o) & (o <= h) & (low <= c) & (c <= h) & (h < np.inf)
    if not sound.all():
        row = int(np.argmin(sound))
        values = ", ".join(f"{name}={prices[p, row]:.17g}" for p, name in enumerate(_PRICES))
        raise SurrogateError(
            f"bar {row} ({bars['ts'].iloc[row]}): prices must be positive and finite, with the high the highest and "
            f"the low the lowest; clean the bars first ({values})"
        )
    return np.log(np.where(prices > 0, prices, np.nan))


def _numbers(bars: pd.DataFrame, name: str) -> Floats:
    return bars[name].to_numpy(np.float64, na_value=np.nan)


def _fair_coins(ts: pd.Series, seed: int | tuple[int, ...]) -> NDArray[np.bool_]:
    """A coin for each time: one bit of a hash of time and seed (the finaliser of SplitMix64, Steele et al. 2014)."""
    key = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
    x = microseconds(ts).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15) ^ key
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((x >> np.uint64(32)) & np.uint64(1), bool)


def _drawn_positions(moves: int, mean_block: float | None, seed: int | tuple[int, ...]) -> NDArray[np.int64]:
    length = moves ** (1 / 3) if mean_block is None else mean_block
    if not 1 <= length < np.inf:
        raise SurrogateError(f"mean_block is {mean_block!r}: a stretch has at least 1 bar")
    return stationary_positions(moves, length, np.random.default_rng(seed))


def _mirrored_takers(bars: pd.DataFrame, up: NDArray[np.bool_]) -> dict[str, Floats]:
    """A reflected bar was sold by those who bought it."""
    if "taker_buy_volume" not in bars:
        return {}
    volume, bought = _numbers(bars, "volume"), _numbers(bars, "taker_buy_volume")
    return {"taker_buy_volume": np.where(np.append(True, up), bought, volume - bought)}


def _drawn_takers(bars: pd.DataFrame, source: NDArray[np.int64]) -> dict[str, Floats]:
    """The buyers' share of the bar that each move comes from, of the own volume."""
    if "taker_buy_volume" not in bars:
        return {}
    volume, bought = _numbers(bars, "volume"), _numbers(bars, "taker_buy_volume")
    share = np.divide(bought, volume, out=np.zeros(len(bars)), where=volume != 0)
    return {"taker_buy_volume": np.append(bought[:1], share[1 + source] * volume[1:])}


def _whole_bars(bars: pd.DataFrame, made: Floats) -> dict[str, Floats]:
    """The columns of prices: the first bar as it was, then the ones made."""
    names = [name for name in (*_PRICES, "vwap") if name in bars]
    prices = {name: np.append(_numbers(bars, name)[:1], row) for name, row in zip(names, made, strict=True)}
    # The logs are in order exactly, but nothing promises that an exponential is monotone to the last bit.
    prices["high"] = np.maximum(prices["high"], np.maximum(prices["open"], prices["close"]))
    prices["low"] = np.minimum(prices["low"], np.minimum(prices["open"], prices["close"]))
    held = (prices["low"] > 0) & (prices["high"] < np.inf)
    if not held.all():
        row = int(np.argmin(held))
        raise SurrogateError(
            f"bar {row} ({bars['ts'].iloc[row]}): the surrogate's price leaves what a float can hold; the bars' "
            f"moves are too large, look for bad prices"
        )
    return prices
