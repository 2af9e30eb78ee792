"""An account that acts on filled orders: which of them it can take, what each brings, its value day by day.

A position risks a share of what the account had realised when the order was filled, and is booked when it ends;
what is still open has no value until then. An order beyond the limit of open positions is skipped: whether it is
depends on nothing that happens after its fill.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.fvg.bar_input import Floats, Ints
from fvg_platform.fvg.statistics_sums import is_word
from fvg_platform.market.timeframes import nominal_duration

Mask = NDArray[np.bool_]

DAY = int(pd.Timedelta(days=1).value)
_LONG_AGO = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Fills:
    """Orders that were filled and are over, on one path, in order of (draw, fill, `known_at`); shape (n,) each.

    Times are nanoseconds UTC, of the open of the bar of fill and of exit. `draw` separates accounts that share
    nothing, 0 where there is one. `won` is 1 (target), 0 (stop, timeout) or NaN: `gap_invalid`, filled and
    stopped at once, whose R is its costs. Labels tell no time of that, so it counts at `known_at`.
    """

    draw: Ints
    known_at: Ints
    entry: Ints
    exit: Ints
    r: Floats
    won: Floats

    def __len__(self) -> int:
        return len(self.r)

    def at(self, rows: Ints) -> "Fills":
        """These rows, in this order."""
        return Fills(
            self.draw[rows],
            self.known_at[rows],
            self.entry[rows],
            self.exit[rows],
            self.r[rows],
            self.won[rows],
        )

    @classmethod
    def joined(cls, parts: Sequence["Fills"]) -> "Fills":
        """The fills of several tickers, in order."""
        none, nothing = np.zeros(0, np.int64), np.zeros(0)
        every = (cls(none, none, none, none, nothing, nothing), *parts)
        whole = cls(
            np.concatenate([part.draw for part in every]),
            np.concatenate([part.known_at for part in every]),
            np.concatenate([part.entry for part in every]),
            np.concatenate([part.exit for part in every]),
            np.concatenate([part.r for part in every]),
            np.concatenate([part.won for part in every]),
        )
        return whole.at(np.lexsort((whole.known_at, whole.entry, whole.draw)))


@dataclass(frozen=True, slots=True)
class Period:
    """The UTC days that an account is looked at, from that of `start` to that of `end` (nanoseconds UTC)."""

    start: int
    end: int

    @property
    def days(self) -> int:
        """How many days, both ends included; at least 1."""
        return self.end // DAY - self.start // DAY + 1

    @property
    def index(self) -> pd.DatetimeIndex:
        """The days, without a zone, as tear sheets expect them."""
        return pd.date_range(pd.Timestamp(self.start // DAY * DAY), periods=self.days, freq="D", unit="ns")

    def day_of(self, times: Ints) -> Ints:
        """Number of the day of each time, 0-based; times beyond either end count to the end's day."""
        return np.clip(times // DAY - self.start // DAY, 0, self.days - 1)


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the fills: `taken` and `profit` (n,) as shares of the capital at the start; `equity`
    (draws, days) at the end of each day, 1 at the start; `exposure` (draws,), the share of time in a position."""

    taken: Mask
    profit: Floats
    equity: Floats
    exposure: Floats


def fills(
    labels: pd.DataFrame,
    path: str,
    known_at: Ints,
    entry: Ints,
    exit_: Ints,
    draw: Ints | None = None,
) -> Fills:
    """The labels' orders that were filled and whose first target is settled on one path.

    Parameters
    ----------
    labels
        Columns `status`, `outcome_1_{path}`, `r_1_{path}`. Rows without an R (not filled, or still open) drop out.
    path
        `lo` or `hi`.
    known_at, entry, exit_
        Times of each row, nanoseconds UTC; anything where there was no fill.
    draw
        Number of the account of each row, by default 0.
    """
    r = labels[f"r_1_{path}"].to_numpy(dtype=float, na_value=np.nan)
    entered, void = is_word(labels["status"], "entered"), is_word(labels["status"], "gap_invalid")
    rows = np.flatnonzero((entered | void) & ~np.isnan(r))
    void = void[rows]
    won = np.where(void, np.nan, is_word(labels[f"outcome_1_{path}"], "target")[rows])
    at = known_at[rows]
    begin, end = np.where(void, at, entry[rows]), np.where(void, at, exit_[rows])
    number = np.zeros(len(rows), np.int64) if draw is None else draw[rows]
    order = np.lexsort((at, begin, number))
    return Fills(number, at, begin, end, r[rows], won).at(order)


def run_account(
    filled: Fills, period: Period, timeframe: str, *, risk_share: float, max_open: int, draws: int = 1
) -> Account:
    """Act on the fills in order, each draw with an account of its own.

    Parameters
    ----------
    filled
        Of :func:`fills`.
    period
        The days of the result.
    timeframe
        Of the bars: a position holds its place to the end of the exit's bar, and is booked on the day on which
        that bar ends (of days and finer bars the day on which it opens).
    risk_share
        Share of the realised capital that one R is.
    max_open
        Positions at a time. A place is free again in the bar after the exit's: inside a bar the order of one
        position's exit and another's fill is not known.
    draws
        How many accounts.
    """
    bar = int(nominal_duration(timeframe).as_unit("ns").value)
    taken, profit = np.zeros(len(filled), dtype=bool), np.zeros(len(filled))
    held = np.zeros(draws, np.int64)
    terms = (risk_share, max_open, bar, period.end)
    _act(filled.draw, filled.entry, filled.exit, filled.r, np.isnan(filled.won), terms, taken, profit, held)
    booked = period.day_of(filled.exit + max(bar - DAY, 0))
    gains = np.bincount(filled.draw * period.days + booked, profit, minlength=draws * period.days)
    equity = np.cumsum(gains.reshape(draws, period.days), axis=1, dtype=np.float64)
    return Account(taken, profit, 1.0 + equity, held / max(period.end - period.start, 1))


@nb.njit(cache=True)
def _act(
    draw: Ints,
    entry: Ints,
    exit_: Ints,
    r: Floats,
    void: Mask,
    terms: tuple[float, int, int, int],
    taken: Mask,
    profit: Floats,
    held: Ints,
) -> None:
    risk_share, max_open, bar, period_end = terms
    open_exit, open_profit = np.empty(max_open, np.int64), np.empty(max_open)
    account, n_open, capital, covered = -1, 0, 1.0, _LONG_AGO
    for g in range(len(entry)):
        if draw[g] != account:
            account, n_open, capital, covered = draw[g], 0, 1.0, _LONG_AGO
        still = 0
        for k in range(n_open):
            if open_exit[k] < entry[g]:
                capital += open_profit[k]
            else:
                open_exit[still], open_profit[still] = open_exit[k], open_profit[k]
                still += 1
        n_open = still
        if n_open == max_open or capital <= 0.0:
            continue
        taken[g] = True
        profit[g] = risk_share * capital * r[g]
        if void[g]:
            capital += profit[g]
            continue
        open_exit[n_open], open_profit[n_open] = exit_[g], profit[g]
        n_open += 1
        end = min(exit_[g] + bar, period_end)
        if end > covered:
            held[account] += max(end - max(entry[g], covered), 0)
            covered = end
