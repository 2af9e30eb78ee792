"""One way to trade through the test period and its figures; all ways are judged on the same terms."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from fvg_platform.fvg.bar_input import Floats
from fvg_platform.learning.estimates import Estimate
from fvg_platform.trading import performance
from fvg_platform.trading.account import Account, Fills, Mask, Period, run_account

_POINTS = 250  # of an equity curve in a report


@dataclass(frozen=True, slots=True)
class Run:
    """What a way of trading brought; None where a figure means nothing, with the reason.

    `orders` placed, of which `trades` were filled and taken, `gap_invalid` filled and stopped at once (their
    costs are part of mean R and equity, not of the win rate) and `skipped` beyond the limit of open positions;
    the others were never filled, or one path is still open.
    """

    orders: int
    trades: int
    gap_invalid: int
    skipped: int
    mean_r: Estimate
    win_rate: float | None
    sharpe: Estimate
    deflated_sharpe: float | None
    max_drawdown: Estimate
    profit_factor: float | None
    exposure: float | None
    total_return: float | None
    reason: str | None = None
    equity: pd.Series = field(default_factory=lambda: pd.Series(dtype=float), compare=False)

    def to_dict(self) -> dict[str, Any]:
        """All fields, JSON-able; the equity as [ISO day, value] at up to 250 days, the first and last included."""
        days = np.unique(
            np.linspace(0, len(self.equity) - 1, min(len(self.equity), _POINTS)).astype(np.int64)
        )
        points = self.equity.iloc[days]
        fields = {name: getattr(self, name) for name in self.__slots__ if name != "equity"}
        fields |= {name: asdict(getattr(self, name)) for name in ("mean_r", "sharpe", "max_drawdown")}
        dates = [str(day.date()) for day in points.index]
        return fields | {"equity": [list(point) for point in zip(dates, points.tolist(), strict=True)]}

    @classmethod
    def nothing(cls, reason: str, orders: int = 0) -> "Run":
        """A run of which nothing can be said, and why."""
        unknown = Estimate(None, None, None, reason)
        return cls(orders, 0, 0, 0, unknown, None, unknown, None, unknown, None, None, None, reason)


@dataclass(frozen=True, slots=True)
class Terms:
    """What all runs of a backtest share: days, the account's rules, and how chance is measured."""

    period: Period
    block: pd.Timedelta
    timeframe: str
    risk_share: float
    max_open: int
    resamples: int
    seed: int

    def of_orders(
        self, filled: Fills, orders: int, trials: int, trial_sharpes: Sequence[float | None]
    ) -> Run:
        """One account; intervals from a block bootstrap, by the time at which orders were placed and by days."""
        account = self._account(filled, 1)
        taken, equity = account.taken, account.equity[0]
        returns = performance.daily_returns(equity)
        won = filled.won[taken]
        judged = ~np.isnan(won)
        placed = pd.DatetimeIndex(filled.known_at[taken].view("datetime64[ns]")).tz_localize("UTC")
        chance = {"resamples": self.resamples, "seed": self.seed}
        trades = int(judged.sum())
        days = self.period.index
        return Run(
            orders=orders,
            trades=trades,
            gap_invalid=int(taken.sum()) - trades,
            skipped=int((~taken).sum()),
            mean_r=performance.mean_estimate(filled.r[taken], placed, self.block, **chance),
            win_rate=float(won[judged].mean()) if trades else None,
            sharpe=performance.sharpe_estimate(returns, days, self.block, **chance),
            deflated_sharpe=performance.deflated_sharpe(returns, trials, trial_sharpes, int(taken.sum())),
            max_drawdown=performance.drawdown_estimate(returns, self.block, **chance),
            profit_factor=performance.profit_factor(account.profit),
            exposure=float(account.exposure[0]),
            total_return=float(equity[-1]) - 1.0,
            reason=None if taken.any() else "no order was filled" if orders else "nothing is acted on",
            equity=pd.Series(equity, index=days),
        )

    def of_draws(self, filled: Fills, orders: int, draws: int) -> Run:
        """An account for each draw: means over them, and for intervals the band of 5 to 95 % of the draws.

        The equity is that of the draw with the median end: a mean over draws would be smoother than any account.
        """
        if not orders:
            return Run.nothing("no signal to set random entries beside")
        account = self._account(filled, draws)

        def total(values: Floats, rows: Mask) -> Floats:
            return np.bincount(filled.draw[rows], values[rows], minlength=draws).astype(np.float64)

        taken, ones = account.taken, np.ones(len(filled))
        trade = taken & ~np.isnan(filled.won)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean_r = total(filled.r, taken) / total(ones, taken)
            win_rate = total(filled.won, trade) / total(ones, trade)
            gained = total(account.profit, account.profit > 0) / -total(account.profit, account.profit < 0)
        n_trades = int(trade.sum())
        typical = np.argsort(account.equity[:, -1], kind="stable")[draws // 2]
        return Run(
            orders=orders,
            trades=round(n_trades / draws),
            gap_invalid=round((int(taken.sum()) - n_trades) / draws),
            skipped=round(int((~taken).sum()) / draws),
            mean_r=_band(mean_r, "no random order was filled"),
            win_rate=_mean(win_rate),
            sharpe=_band(
                performance.annual_sharpe(performance.daily_returns(account.equity)), "no equity ever moves"
            ),
            deflated_sharpe=None,
            max_drawdown=_band(performance.max_drawdown(account.equity), "no random order was filled"),
            profit_factor=_mean(gained),
            exposure=_mean(account.exposure),
            total_return=_mean(account.equity[:, -1] - 1.0),
            reason=None if taken.any() else "no random order was filled",
            equity=pd.Series(account.equity[typical], index=self.period.index),
        )

    def of_holding(self, equity: Floats, tickers: int) -> Run:
        """Of an equity curve (days,) that no orders stand behind; `trades` counts the tickers held."""
        if not tickers:
            return Run.nothing("no ticker has a bar in the period")
        returns, days = performance.daily_returns(equity), self.period.index
        return Run(
            orders=tickers,
            trades=tickers,
            gap_invalid=0,
            skipped=0,
            mean_r=Estimate(None, None, None, "held without a stop: there is no R"),
            win_rate=None,
            sharpe=performance.sharpe_estimate(
                returns, days, self.block, resamples=self.resamples, seed=self.seed
            ),
            deflated_sharpe=performance.deflated_sharpe(returns, 1, (), tickers),
            max_drawdown=performance.drawdown_estimate(
                returns, self.block, resamples=self.resamples, seed=self.seed
            ),
            profit_factor=None,
            exposure=1.0,
            total_return=float(equity[-1]) - 1.0,
            equity=pd.Series(equity, index=days),
        )

    def _account(self, filled: Fills, draws: int) -> Account:
        return run_account(
            filled,
            self.period,
            self.timeframe,
            risk_share=self.risk_share,
            max_open=self.max_open,
            draws=draws,
        )


def _band(values: Floats, nothing: str) -> Estimate:
    known = values[np.isfinite(values)]
    if not known.size:
        return Estimate(None, None, None, nothing)
    low, high = np.quantile(known, [0.05, 0.95])
    return Estimate(float(known.mean()), float(low), float(high))


def _mean(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None
