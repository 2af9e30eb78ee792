"""The report of a backtest: its runs by name and path, as values for a table of models and for a tear sheet."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from fvg_platform.trading.performance import daily_returns
from fvg_platform.trading.run import Run

SIGNALS, ALL_SETUPS, RANDOM_ENTRIES, BUY_AND_HOLD = RUNS = (
    "signals",
    "all setups",
    "random entries",
    "buy and hold",
)
"""Names of the runs of a report; the last has the path `lo` alone."""


@dataclass(frozen=True, slots=True)
class BacktestReport:
    """What a backtest found: `runs[name][path]` for the names of :data:`RUNS`, and what it rests on.

    `start` and `end` are the first `known_at` and the last end of a life, None without setups; `excluded` setups
    have lives that the bars do not cover.
    """

    threshold: float | None
    reason: str | None
    trials: int
    start: pd.Timestamp | None
    end: pd.Timestamp | None
    excluded: int
    runs: dict[str, dict[str, Run]]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; `from` and `to` are ISO times."""
        return {
            "threshold": self.threshold,
            "reason": self.reason,
            "trials": self.trials,
            "from": None if self.start is None else self.start.isoformat(),
            "to": None if self.end is None else self.end.isoformat(),
            "excluded": self.excluded,
            "runs": {
                name: {path: run.to_dict() for path, run in paths.items()}
                for name, paths in self.runs.items()
            },
        }

    def daily_returns(self, run: str, path: str = "lo") -> pd.Series:
        """Returns by calendar day (UTC, index without a zone); of random entries those of the median draw.

        A year has :data:`fvg_platform.trading.performance.DAYS_PER_YEAR` of them. Empty where nothing is known.

        Raises
        ------
        KeyError
            For a run or path that the report does not have.
        """
        equity = self.runs[run][path].equity
        if equity.empty:
            return pd.Series(dtype=float, index=pd.DatetimeIndex([]), name=run)
        return pd.Series(daily_returns(equity.to_numpy(float)), index=equity.index, name=run)


def nothing(reason: str) -> dict[str, dict[str, Run]]:
    """The runs of a backtest that nothing can be said of."""
    empty = Run.nothing(reason)
    both = {"lo": empty, "hi": empty}
    return {SIGNALS: both, ALL_SETUPS: both, RANDOM_ENTRIES: both, BUY_AND_HOLD: {"lo": empty}}
