"""The proofs that a bar feature keeps what its entry claims, on made-up bars that hold what real ones do.

No look ahead, a warm-up as declared, finite values after it, no scale where none is claimed, and the same values from
a tail as long as its memory. The catalogue's tests and the plug-ins' loader ask the same questions.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.features.catalogue import unexpected_gap, values_of
from fvg_platform.features.feature import Feature, Values
from fvg_platform.features.series import BarSeries

# Of the value, or of 1 for smaller ones.
TOLERANCE = 1e-9
_CUTS = (2, 60, 777, 2105, 2980)
_PRICES = ["open", "high", "low", "close"]


class FeatureError(ValueError):
    """A feature does not keep what its entry claims; the message names it, the bar and both values."""


@dataclass(frozen=True)
class MadeUpMarket:
    """Bars that no market ever traded, as a frame and as the series that features read."""

    name: str
    bars: pd.DataFrame
    series: BarSeries


def verify(feature: Feature) -> None:
    """Prove a bar feature on each of the made-up markets.

    Raises
    ------
    FeatureError
        When a value uses a bar after its own, appears before the warm-up's end or is not finite after it, changes
        with the scale of prices or volumes though the entry says it does not, or is not reproduced by a tail.
    """
    for market in made_up_markets():
        whole = _values(feature, market.series)
        _prove_warm_up(feature, market, whole)
        _prove_prefixes(feature, market, whole)
        _prove_tails(feature, market, whole)
        if feature.scale_free:
            _prove_scale(feature, market, whole)


@lru_cache(maxsize=1)
def made_up_markets() -> tuple[MadeUpMarket, ...]:
    """Hourly bars round the clock, half-hours of New York sessions, and a thin market that falls silent for a while."""
    hours = pd.date_range("2025-11-20 00:00", periods=3000, freq="h", tz="UTC")
    frames = {
        "round the clock": _random_bars(hours, seed=11),
        "sessions": _random_bars(_session_half_hours(3000), seed=12),
        "thin": _thin_bars(hours, seed=13),
    }
    return tuple(MadeUpMarket(name, bars, BarSeries(bars)) for name, bars in frames.items())


def rescaled(bars: pd.DataFrame, prices: float, volumes: float) -> pd.DataFrame:
    """The same bars with every price and every volume multiplied."""
    factors = {**dict.fromkeys((*_PRICES, "vwap"), prices), "volume": volumes, "taker_buy_volume": volumes}
    return bars.assign(**{name: bars[name] * factor for name, factor in factors.items() if name in bars})


def tail_start(feature: Feature, ts: pd.DatetimeIndex, row: int) -> int:
    """The latest bar with which a tail that gives this feature at `row` may begin; below 0 when there is none."""
    by_days = int(ts.searchsorted(ts[row] - pd.Timedelta(days=feature.days), side="right")) - 1
    return min(row - feature.memory - int(feature.cumulative), by_days if feature.days else row)


def _prove_warm_up(feature: Feature, market: MadeUpMarket, whole: Values) -> None:
    early = np.flatnonzero(~np.isnan(whole[: feature.warmup]))
    if early.size:
        raise _broken(
            feature, market, int(early[0]), "has a value within its warm-up", whole[early[0]], np.nan
        )
    row = unexpected_gap(feature, whole, market.series)
    if row is not None:
        raise _broken(feature, market, row, "is not finite after its warm-up", whole[row], "a finite number")


def _prove_prefixes(feature: Feature, market: MadeUpMarket, whole: Values) -> None:
    for cut in _CUTS:
        known = _values(feature, _prefix(market.name, cut))
        row = first_unequal(known, whole[:cut])
        if row is not None:
            raise _broken(
                feature,
                market,
                row,
                f"looks ahead of bar {cut - 1}",
                whole[row],
                known[row],
                "without those bars",
            )


def _prove_tails(feature: Feature, market: MadeUpMarket, whole: Values) -> None:
    for row in (1900, 2500, 2990):
        start = tail_start(feature, market.series.ts, row)
        if start <= 0:
            continue
        tail = _values(feature, BarSeries(market.bars.iloc[start : row + 10]))
        again = tail[row - start :]
        if feature.cumulative:
            again = again + (whole[row - 1] - tail[row - start - 1])
        at = first_difference(again, whole[row : row + 10])
        if at is not None:
            raise _broken(
                feature,
                market,
                row + at,
                f"depends on more than the {feature.memory} bars and {feature.days} days of its memory",
                whole[row + at],
                again[at],
                "from a tail",
            )


def _prove_scale(feature: Feature, market: MadeUpMarket, whole: Values) -> None:
    for prices, volumes in ((2.0**10, 2.0**-7), (1.0, 0.7), (3.0, 1.0)):
        # A thin market is full of equal prices, and other factors than powers of two break such ties by rounding.
        if market.name == "thin" and prices == 3.0:
            continue
        scaled = _values(feature, _rescaled(market.name, prices, volumes))
        row = first_difference(scaled, whole)
        if row is not None:
            how = f"is not free of scale: prices × {prices:g} and volumes × {volumes:g} change it"
            raise _broken(feature, market, row, how, whole[row], scaled[row], "at that scale")


def require_no_lookahead(feature: Feature, bars: pd.DataFrame, whole: Values) -> None:
    """Prove on a real series that no value of a feature uses a bar after its own.

    The proof on made-up bars cannot know what a feature does on longer series, in other years or at other prices: so
    a user's own are asked again wherever they are computed, with two thirds of the bars and with all but the last.

    Parameters
    ----------
    bars, whole
        The series, n bars, and the feature's values on it, shape (n,).

    Raises
    ------
    FeatureError
        naming the first bar that knew more than it could.
    """
    for cut in sorted({2 * len(bars) // 3, len(bars) - 1} - {0, -1}):
        known = _values(feature, BarSeries(bars.iloc[:cut]))
        row = first_unequal(known, whole[:cut])
        if row is not None:
            raise FeatureError(
                f"feature {feature.name} ({feature.formula}) looks ahead: at bar {row} ({bars['ts'].iloc[row]}) it is "
                f"{whole[row]}, and {known[row]} without the bars after bar {cut - 1}"
            )


def first_unequal(left: Values, right: Values) -> int | None:
    """The first position where two arrays of values are not the same to the last bit; undefined equals undefined."""
    different = ~((left == right) | (np.isnan(left) & np.isnan(right)))
    return int(np.argmax(different)) if different.any() else None


def first_difference(left: Values, right: Values) -> int | None:
    """The first position where two arrays of values differ by more than the tolerance, or in being undefined."""
    with np.errstate(invalid="ignore"):
        near = np.abs(left - right) <= TOLERANCE * np.maximum(1.0, np.abs(right))
    different = ~(near | (np.isnan(left) & np.isnan(right)))
    return int(np.argmax(different)) if different.any() else None


def _values(feature: Feature, series: BarSeries) -> Values:
    try:
        with np.errstate(all="ignore"):
            return values_of(feature, series)
    except FeatureError:
        raise
    except Exception as error:
        raise FeatureError(
            f"feature {feature.name} failed on {len(series)} made-up bars: {type(error).__name__}: {error}"
        ) from error


def _broken(
    feature: Feature,
    market: MadeUpMarket,
    row: int,
    what: str,
    found: object,
    other: object,
    where: str = "expected",
) -> FeatureError:
    return FeatureError(
        f"feature {feature.name} ({feature.formula}) {what}: on the made-up market {market.name!r} it is {found} "
        f"at bar {row} ({market.series.ts[row]}), {other} {where}"
    )


# Features of one load share these series, and with them their intermediates.
@lru_cache(maxsize=32)
def _prefix(market: str, cut: int) -> BarSeries:
    return BarSeries(_market(market).bars.iloc[:cut])


@lru_cache(maxsize=16)
def _rescaled(market: str, prices: float, volumes: float) -> BarSeries:
    return BarSeries(rescaled(_market(market).bars, prices, volumes))


def _market(name: str) -> MadeUpMarket:
    return next(market for market in made_up_markets() if market.name == name)


def _session_half_hours(n: int) -> pd.DatetimeIndex:
    """Bars of 30 minutes from 09:30 to 16:00 New York, on weekdays; the clocks change under way."""
    days = pd.bdate_range("2025-09-02", periods=n // 13 + 1).to_numpy()
    clock = (days[:, None] + np.timedelta64(570, "m") + np.timedelta64(30, "m") * np.arange(13)).ravel()
    return pd.DatetimeIndex(clock[:n]).tz_localize("America/New_York").tz_convert("UTC")


def _random_bars(ts: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    """A random walk whose volatility comes and goes."""
    rng, n = np.random.default_rng(seed), len(ts)
    size = 0.004 * np.exp(0.7 * np.sin(np.arange(n) / 97.0))
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, size)))
    open_ = close * np.exp(rng.normal(0.0, 0.5 * size))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0.0, 0.5 * size)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0.0, 0.5 * size)))
    return _frame(ts, rng, open_, high, low, close, rng.lognormal(8.0, 1.0, n))


def _thin_bars(ts: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    """Few price levels, bars without range or volume, and 400 bars in which nothing happens at all."""
    rng, n = np.random.default_rng(seed), len(ts)
    levels = 1.0 + 0.01 * np.sort(rng.choice([0, 1, 2], (n, 4), p=[0.2, 0.6, 0.2]), axis=1)
    levels += 0.01 * np.round(4.0 * np.sin(np.arange(n) / 300.0))[:, None]
    falls = rng.random(n) < 0.5
    open_, close = np.where(falls, levels[:, 2], levels[:, 1]), np.where(falls, levels[:, 1], levels[:, 2])
    high, low = levels[:, 3].copy(), levels[:, 0].copy()
    volume = rng.choice([0.0, 0.0, 0.5, 1e4], n)
    still = slice(1400, 1800)
    for price in (open_, high, low, close):
        price[still] = close[1399]
    volume[still] = 0.0
    return _frame(ts, rng, open_, high, low, close, volume)


def _frame(
    ts: pd.DatetimeIndex,
    rng: np.random.Generator,
    open_: Values,
    high: Values,
    low: Values,
    close: Values,
    volume: NDArray[np.float64],
) -> pd.DataFrame:
    columns = {
        "open": open_,
        "high": high,
        "low": low,
        "close": close,
        "volume": volume,
        "taker_buy_volume": volume * rng.uniform(0.2, 0.8, len(ts)),
        "vwap": low + (high - low) * rng.uniform(0.2, 0.8, len(ts)),
        "transactions": np.ceil(volume / 20.0),
    }
    return pd.DataFrame({"ts": ts, **columns})
