"""Forecast candles: the next bars of a series as a fan, by the model that was proven on its past.

Every model of :data:`~fvg_platform.learning.price_paths.FORECASTERS` forecasts; a random walk serves unless another
one's loss at past origins is lower beyond noise. Where the bars come from, and which times follow, is the caller's
business.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.estimates import Estimate
from fvg_platform.learning.forecast_skill import (
    MOST_ORIGINS,
    QUANTILES,
    PastForecasts,
    difference,
    judge,
    past_origins,
    quantiles,
)
from fvg_platform.learning.price_paths import (
    BASELINE,
    CLOSE,
    FORECASTERS,
    HIGH,
    HISTORY,
    LOW,
    OPEN,
    PRICES,
    Draws,
    PathModel,
    closes_along,
    log_moves,
)
from fvg_platform.market.timeframes import require_timeframe

STEPS = 30
FEWEST_BARS = 60
FEWEST_TO_COMPARE = 250
BARS_READ = HISTORY + MOST_ORIGINS * STEPS + 1
"""Earlier bars than this many change nothing."""

_PATHS = 2_000
_PATHS_JUDGED = 400
_LEVEL = 0.95

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Candidate:
    """What one model says of the next bars, and how it did before.

    `pinball`: mean loss at `origins` past origins, in units of the typical move over as many bars; `coverage_50`,
    `coverage_90`: the shares of closes that its bands held; `difference`: pinball minus the baseline's, None for the
    baseline itself. NaN where there was no origin.

    `steps` has a row for each step: `step` (1, 2, …), `ts`, `close_at`, `open, high, low, close` (medians over paths),
    `confidence` (the share of past forecasts of this step whose band of 90 % held the close), `q05 … q95` (of the
    close).
    """

    model: str
    served: bool
    origins: int
    pinball: float
    coverage_50: float
    coverage_90: float
    difference: Estimate | None
    steps: pd.DataFrame


@dataclass(frozen=True)
class Forecast:
    """The next bars of a series: which model serves, why, and what each says."""

    timeframe: str
    made_from: pd.Timestamp
    last_close: float
    served: str
    reason: str
    candidates: tuple[Candidate, ...]

    @property
    def steps(self) -> pd.DataFrame:
        """The steps of the model that serves."""
        return next(each.steps for each in self.candidates if each.served)


@dataclass(frozen=True)
class _Judged:
    model: PathModel
    past: PastForecasts
    difference: Estimate | None


def forecast(
    bars: pd.DataFrame, timeframe: str, future: pd.DataFrame, *, seed: int = 0, steps: int = STEPS
) -> Forecast:
    """Forecast the next bars by every model, and say which one serves.

    Parameters
    ----------
    bars
        `ts` (open time, UTC, increasing) and `open, high, low, close` of one series without unfinished bars; at least
        60. With fewer than 250 there is nothing to compare by: the baseline alone forecasts. Only the newest
        :data:`BARS_READ` matter.
    timeframe
        Its timeframe.
    future
        `ts, close_at` of the bars to come, at least `steps`; they lie after the last bar.
    seed
        The same seed gives the same forecast.

    Raises
    ------
    ValueError
        Too few bars, a price that is not positive, finite or in order (names the row), or times that do not follow.
    """
    require_timeframe(timeframe)
    if steps < 1:
        raise ValueError(f"steps is {steps}: forecast at least one")
    if len(bars) < FEWEST_BARS:
        raise ValueError(f"{len(bars)} bars of {timeframe} are too few to forecast: {FEWEST_BARS} are needed")
    bars = bars.tail(HISTORY + MOST_ORIGINS * steps + 1)
    moves = log_moves(bars)
    times = _times_to_come(bars, future, steps)
    opened = _microseconds(bars["ts"])
    known = past_origins(moves.shape[1], steps)
    judged = _judge_all(moves, opened, known, steps=steps, seed=seed)
    served = _best_proven(judged)
    last_close = float(bars["close"].iloc[-1])
    draws = Draws.at(opened[-1:], steps=steps, paths=_PATHS, seed=seed)
    return Forecast(
        timeframe=timeframe,
        made_from=bars["ts"].iloc[-1],
        last_close=last_close,
        served=served,
        reason=_reason(judged, served, len(bars), len(known)),
        candidates=tuple(
            Candidate(
                model=name,
                served=name == served,
                origins=len(known),
                pinball=each.past.pinball,
                coverage_50=each.past.coverage_50,
                coverage_90=each.past.coverage_90,
                difference=each.difference,
                steps=_steps(each, moves, last_close, times, draws),
            )
            for name, each in judged.items()
        ),
    )


def _judge_all(
    moves: FloatArray, opened: IntArray, known: IntArray, *, steps: int, seed: int
) -> dict[str, _Judged]:
    """Every model at every origin, the baseline first; with too few bars the baseline alone."""
    draws = Draws.at(opened[known], steps=steps, paths=_PATHS_JUDGED, seed=seed)
    names = [BASELINE]
    if moves.shape[1] + 1 >= FEWEST_TO_COMPARE:
        names += [name for name in FORECASTERS if name != BASELINE]
    older = moves[:, : known[0]] if len(known) else moves
    judged: dict[str, _Judged] = {}
    # Each of several challengers must convince more, that one wins by luck no oftener than with one.
    level = 1.0 - (1.0 - _LEVEL) / max(1, len(FORECASTERS) - 1)
    for name in names:
        model = FORECASTERS[name](older, steps)
        past = judge(model, moves, known, draws)
        against = (
            difference(past, judged[BASELINE].past, known, steps=steps, level=level, seed=seed)
            if judged
            else None
        )
        judged[name] = _Judged(model, past, against)
    return judged


def _best_proven(judged: dict[str, _Judged]) -> str:
    proven = {
        name: each.past.pinball
        for name, each in judged.items()
        if each.difference is not None and each.difference.high is not None and each.difference.high < 0.0
    }
    return min(proven, key=proven.__getitem__, default=BASELINE)


def _steps(
    judged: _Judged, moves: FloatArray, last_close: float, times: pd.DataFrame, draws: Draws
) -> pd.DataFrame:
    """The table of steps: medians of each price over the paths, put in order to be a candle, and the fan."""
    known = np.array([moves.shape[1]])
    made = judged.model.simulate(moves, known, draws, (OPEN, HIGH, LOW, CLOSE))[:, :, 0]
    closes = closes_along(made[CLOSE])
    before = np.concatenate([np.zeros_like(closes[:1]), closes[:-1]])
    o, h, low = np.median(before + made[:CLOSE], axis=-1)
    fan = quantiles(closes)
    c = fan[QUANTILES.index(0.50)]
    candle = (o, np.maximum(h, np.maximum(o, c)), np.minimum(low, np.minimum(o, c)), c)
    prices = {name: last_close * np.exp(values) for name, values in zip(PRICES, candle, strict=True)}
    bands = {
        f"q{q * 100:02.0f}": last_close * np.exp(values) for q, values in zip(QUANTILES, fan, strict=True)
    }
    if not np.isfinite([*prices.values(), *bands.values()]).all():
        raise ValueError(
            "the forecast leaves what a float can hold: the bars' moves are too large, look for bad prices"
        )
    when = {"step": np.arange(1, len(times) + 1), "ts": times["ts"], "close_at": times["close_at"]}
    return pd.DataFrame({**when, **prices, "confidence": judged.past.confidence, **bands})


def _times_to_come(bars: pd.DataFrame, future: pd.DataFrame, steps: int) -> pd.DataFrame:
    if not bars["ts"].is_monotonic_increasing or not bars["ts"].is_unique:
        raise ValueError("bars are not in order of ts, each once: sort them and drop the doubles")
    absent = [name for name in ("ts", "close_at") if name not in future]
    if absent:
        raise ValueError(f"the bars to come lack {', '.join(absent)}: they need ts and close_at")
    times = future[["ts", "close_at"]].head(steps).reset_index(drop=True)
    if len(times) < steps:
        raise ValueError(f"{len(times)} bars to come are given, {steps} are to be forecast")
    last, first = bars["ts"].iloc[-1], times["ts"].iloc[0]
    if first <= last:
        raise ValueError(f"the first bar to come opens at {first}, which is not after the last bar's {last}")
    return times


def _microseconds(ts: pd.Series) -> IntArray:
    return np.asarray(pd.DatetimeIndex(ts).as_unit("us").asi8, np.int64)


def _reason(judged: dict[str, _Judged], served: str, bars: int, origins: int) -> str:
    """In a sentence with numbers, why this model serves."""
    if len(judged) == 1:
        return (
            f"The {_named(served)} serves: {bars} bars are too few to compare models, "
            f"{FEWEST_TO_COMPARE} are needed."
        )
    base = judged[BASELINE].past.pinball
    if served != BASELINE:
        chosen = judged[served]
        return (
            f"The {_named(served)} serves: at {origins} past origins its pinball loss is {chosen.past.pinball:.4f} "
            f"against {base:.4f} of the {_named(BASELINE)}, lower beyond noise ({_said(chosen.difference)})."
        )
    told = "; ".join(
        f"that of the {_named(name)}, {each.past.pinball:.4f}, is not proven lower ({_said(each.difference)})"
        for name, each in judged.items()
        if name != BASELINE
    )
    return f"The {_named(BASELINE)} serves: at {origins} past origins its pinball loss is {base:.4f}; {told}."


def _said(estimate: Estimate | None) -> str:
    """The difference with its interval, or why there is none."""
    if estimate is None or estimate.value is None:
        return "no difference is known"
    value = f"difference {_signed(estimate.value)}"
    if estimate.low is None or estimate.high is None:
        return f"{value}, {estimate.reason}"
    return f"{value}, its interval from {_signed(estimate.low)} to {_signed(estimate.high)}"


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")


def _named(model: str) -> str:
    return model.replace("_", " ")
