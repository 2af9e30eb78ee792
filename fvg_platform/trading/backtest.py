"""What acting on the signals of a test period would have brought, net of costs, beside what needs no model.

The decisions are those of :func:`fvg_platform.trading.signals.decide`, the fills and R those of the engine's labels
(specification, 4 to 6), on the worse path (`lo`) and the better (`hi`). Beside them: all setups, the same orders at
random bars, and holding the tickers. Nothing here is fitted: threshold and number of trials come from training.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.fvg.bar_input import Floats, Ints
from fvg_platform.fvg.modes import ModeConfig, config_for
from fvg_platform.fvg.session_ends import SessionCalendar
from fvg_platform.market.timeframes import nominal_duration
from fvg_platform.trading.account import Fills, Period, fills
from fvg_platform.trading.buy_and_hold import buy_and_hold
from fvg_platform.trading.random_entries import PATHS, random_fills
from fvg_platform.trading.report import (
    ALL_SETUPS,
    BUY_AND_HOLD,
    RANDOM_ENTRIES,
    RUNS,
    SIGNALS,
    BacktestReport,
    nothing,
)
from fvg_platform.trading.run import Run, Terms
from fvg_platform.trading.signals import HOLD, decide

__all__ = [
    "ALL_SETUPS",
    "BUY_AND_HOLD",
    "RANDOM_ENTRIES",
    "RUNS",
    "SIGNALS",
    "BacktestReport",
    "backtest",
]

Setting = ModeConfig | Mapping[str, ModeConfig] | None

_NEEDED = (
    "ticker", "ts", "side", "known_at", "life_end", "entry", "stop", "risk", "target_1", "target_2", "target_3",
    "status", "entry_ts", *(f"{name}_1_{path}" for path in PATHS for name in ("exit_ts", "outcome", "r")),
)  # fmt: skip


def backtest(
    setups: pd.DataFrame,
    probabilities: pd.DataFrame | pd.Series | Floats,
    threshold: float | None,
    bars_by_ticker: Mapping[str, pd.DataFrame],
    timeframe: str,
    *,
    trials: int,
    trial_sharpes: Sequence[float | None] = (),
    reason: str | None = None,
    config: Setting = None,
    calendars: Mapping[str, SessionCalendar] | None = None,
    risk_share: float = 0.01,
    max_open: int = 5,
    draws: int = 50,
    resamples: int = 1_000,
    seed: int = 0,
) -> BacktestReport:
    """Act on every setup of a test period whose P(target 1) reaches the threshold.

    Each order that is filled risks `risk_share` of what the account had realised by then, and gains R times that
    on the day on which its first target's outcome is settled. While `max_open` positions are open, further
    orders are skipped in the order of their fills, then of `known_at`. `gap_invalid` orders lose their costs.
    Only setups whose whole life lies within their ticker's bars count: early exits would dominate the others.

    Random entries stand beside the signals or, where nothing is acted on, beside all setups.

    Parameters
    ----------
    setups
        Labelled rows of the test period: `ticker, ts, side, known_at, life_end, entry, stop, risk, target_1..3,
        status, entry_ts` and, for path p in lo, hi, `exit_ts_1_p, outcome_1_p, r_1_p` (R net of costs).
    probabilities
        By position: `p_target_1` as a column of a frame, or alone. NaN acts on nothing.
    threshold
        Chosen on folds of the training period; None acts on nothing.
    bars_by_ticker
        Bars of every ticker of `setups`, as for :func:`fvg_platform.fvg.gaps.detect_gaps`; those to hold too.
    timeframe
        Of the bars.
    trials, trial_sharpes
        All that was tried before this choice, and the Sharpe ratios per trade that are known of it: see
        :func:`fvg_platform.trading.performance.deflated_sharpe`.
    reason
        Why the threshold is what it is; carried into the report.
    config
        The setups' configuration, or one per ticker; by default the timeframe's. Its horizon, costs and
        sessions label the random entries.
    calendars
        By ticker; needed for `day_only`.
    risk_share
        Of the realised capital, in (0, 1).
    max_open
        Positions at a time, at least 1.
    draws
        Repetitions of the random entries, at least 1.
    resamples, seed
        Of the block bootstrap, blocks as long as the median life and a bar; the seed is the random entries' too.

    Raises
    ------
    ValueError
        Columns or a ticker's bars are missing, lengths differ, a parameter is out of its range, or what
        :func:`decide` and the engine raise.
    """
    limits = {"risk_share": risk_share, "max_open": max_open, "draws": draws, "trials": trials}
    _require_sound(setups, len(probabilities), bars_by_ticker, limits)
    p = probabilities["p_target_1"] if isinstance(probabilities, pd.DataFrame) else probabilities
    decided = decide(pd.DataFrame({"side": setups["side"].array, "p_target_1": np.asarray(p)}), threshold)
    acted = (decided != HOLD).to_numpy()
    over = _lives_within(setups, bars_by_ticker, timeframe)
    setups, acted = setups[over].reset_index(drop=True), acted[over]
    excluded = int((~over).sum())
    if setups.empty:
        why = f"no setup whose whole life lies within the bars ({excluded} are still open)"
        return BacktestReport(threshold, reason, trials, None, None, excluded, nothing(why))

    known_at = _nanoseconds(setups["known_at"])
    period = Period(int(known_at.min()), int(_nanoseconds(setups["life_end"]).max()))
    life = pd.Timedelta((setups["life_end"] - setups["known_at"]).median())
    block = life + nominal_duration(timeframe)
    terms = Terms(period, block, timeframe, risk_share, max_open, resamples, seed)
    configs = _configs(bars_by_ticker, timeframe, config, calendars or {})
    # As many random orders as signals; where nothing is acted on, as many as there are setups.
    beside = acted if acted.any() else np.ones(len(setups), dtype=bool)
    moved, unplaced = random_fills(
        setups[beside],
        bars_by_ticker,
        timeframe,
        configs=configs,
        calendars=calendars or {},
        window=(setups["ts"].min(), setups["ts"].max()),
        draws=draws,
        seed=seed,
    )
    runs: dict[str, dict[str, Run]] = {name: {} for name in RUNS}
    for path in PATHS:
        runs[SIGNALS][path] = terms.of_orders(
            _fills(setups[acted], path), int(acted.sum()), trials, trial_sharpes
        )
        # Nothing was chosen here, so nothing is deflated.
        runs[ALL_SETUPS][path] = terms.of_orders(_fills(setups, path), len(setups), 1, ())
        runs[RANDOM_ENTRIES][path] = terms.of_draws(moved[path], int(beside.sum()) - unplaced, draws)
    held = buy_and_hold(bars_by_ticker, configs, period, timeframe)
    runs[BUY_AND_HOLD]["lo"] = terms.of_holding(*held)
    return BacktestReport(threshold, reason, trials, _time(period.start), _time(period.end), excluded, runs)


def _require_sound(
    setups: pd.DataFrame,
    probabilities: int,
    bars: Mapping[str, pd.DataFrame],
    limits: dict[str, float],
) -> None:
    absent = [name for name in _NEEDED if name not in setups]
    if absent:
        raise ValueError(f"setups lack {', '.join(absent)}")
    if probabilities != len(setups):
        raise ValueError(f"lengths differ: {len(setups)} setups, {probabilities} probabilities")
    unknown = sorted(set(setups["ticker"].unique()) - {ticker for ticker in bars if len(bars[ticker])})
    if unknown:
        raise ValueError(f"no bars are given of {', '.join(map(str, unknown))}, of which there are setups")
    if not 0.0 < limits["risk_share"] < 1.0:
        raise ValueError(f"risk_share is {limits['risk_share']}: give a share of the capital between 0 and 1")
    for name in ("max_open", "draws", "trials"):
        if limits[name] < 1:
            raise ValueError(f"{name} is {limits[name]}: give at least 1")


def _lives_within(
    setups: pd.DataFrame, bars: Mapping[str, pd.DataFrame], timeframe: str
) -> NDArray[np.bool_]:
    """Which setups' lives the bars of their ticker cover; beyond the last bar lives are extrapolated."""
    if setups.empty:
        return np.zeros(0, dtype=bool)
    closed = {
        ticker: pd.Timestamp(bars[ticker]["ts"].iloc[-1]) + nominal_duration(timeframe)
        for ticker in setups["ticker"].unique()
    }
    within: NDArray[np.bool_] = (setups["life_end"] <= setups["ticker"].map(closed)).to_numpy(bool)
    return within


def _configs(
    bars: Mapping[str, pd.DataFrame],
    timeframe: str,
    config: Setting,
    calendars: Mapping[str, SessionCalendar],
) -> dict[str, ModeConfig]:
    given = config if isinstance(config, Mapping) else dict.fromkeys(bars, config)
    return {
        ticker: config_for(timeframe, given.get(ticker), calendar=calendars.get(ticker)) for ticker in bars
    }


def _fills(setups: pd.DataFrame, path: str) -> Fills:
    times = (_nanoseconds(setups[name]) for name in ("known_at", "entry_ts", f"exit_ts_1_{path}"))
    return fills(setups, path, *times)


def _nanoseconds(times: pd.Series) -> Ints:
    return pd.DatetimeIndex(pd.to_datetime(times, utc=True)).as_unit("ns").asi8


def _time(nanoseconds: int) -> pd.Timestamp:
    return pd.Timestamp(nanoseconds, unit="ns", tz="UTC")
