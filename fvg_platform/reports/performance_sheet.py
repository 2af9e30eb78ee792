"""The sheet of a backtest's daily returns: what quantstats makes of them, in groups, without its network and styles.

quantstats drags yfinance and seaborn in: 1.5 s to import, and the import sets matplotlib's colours, fonts and grid
for the whole process. It is therefore imported where the sheet is made, and what it sets is put back. It asks the
network only for a benchmark that is given by name; here a benchmark is always a series.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

DAYS_A_YEAR = 365
"""The equity curve of a backtest has a value for each day of the calendar."""
DAYS_NEEDED = 20

Sheet = list[dict[str, Any]]

_SHEET: tuple[tuple[str, str, str, str], ...] = (
    ("Return", "Total return", "comp", "percent"),
    ("Return", "Return a year (CAGR)", "cagr", "percent"),
    ("Return", "Best day", "best", "percent"),
    ("Return", "Worst day", "worst", "percent"),
    ("Return", "Days won, of those with a change", "win_rate", "percent"),
    ("Risk", "Volatility a year", "volatility", "percent"),
    ("Risk", "Largest drawdown", "max_drawdown", "percent"),
    ("Risk", "Longest drawdown, days", "longest_drawdown", "count"),
    ("Risk", "Ulcer index", "ulcer_index", "percent"),
    ("Risk", "Value at risk, a day, 95 %", "value_at_risk", "percent"),
    ("Risk", "Mean loss beyond it", "conditional_value_at_risk", "percent"),
    ("Risk", "Longest run of losing days", "consecutive_losses", "count"),
    ("Reward for risk", "Sharpe ratio", "sharpe", "ratio"),
    ("Reward for risk", "Probability that it is above 0", "probabilistic_sharpe_ratio", "percent"),
    ("Reward for risk", "Sharpe, for autocorrelation", "smart_sharpe", "ratio"),
    ("Reward for risk", "Sortino ratio", "sortino", "ratio"),
    ("Reward for risk", "Calmar ratio", "calmar", "ratio"),
    ("Reward for risk", "Omega ratio", "omega", "ratio"),
    ("Reward for risk", "Gain to pain", "gain_to_pain_ratio", "ratio"),
    ("Reward for risk", "Profit factor of days", "profit_factor", "ratio"),
    ("Reward for risk", "Recovery factor", "recovery_factor", "ratio"),
    ("Shape", "Skewness", "skew", "ratio"),
    ("Shape", "Excess kurtosis", "kurtosis", "ratio"),
    ("Shape", "Tail ratio, 95 % to 5 %", "tail_ratio", "ratio"),
    ("Beside the benchmark", "Beta", "beta", "ratio"),
    ("Beside the benchmark", "Alpha a year", "alpha", "percent"),
    ("Beside the benchmark", "Correlation", "correlation", "ratio"),
)
"""Group, title, what is asked of quantstats, how it is written."""

_ANNUAL = {"volatility", "sharpe", "smart_sharpe", "sortino", "cagr", "calmar"}
_AGAINST = {"beta", "alpha", "correlation"}


def performance_sheet(
    daily_returns: pd.Series | Mapping[str, pd.Series],
    benchmark: pd.Series | None = None,
    *,
    benchmark_name: str = "buy and hold",
) -> pd.DataFrame:
    """Return, risk and reward of one or more runs, and of a benchmark beside them.

    Parameters
    ----------
    daily_returns
        Simple returns of each day, 0 on days without a change; index: days, with or without a zone. Several runs
        by name, or one, which is then called "signals".
    benchmark
        The same of what the runs are held against; days that only one of the two has are left out of beta, alpha
        and correlation.
    benchmark_name
        Its column.

    Returns
    -------
    DataFrame with the columns `group, figure, kind` (percent, ratio or count) and one float column per run; NaN
    where a figure is undefined, and everywhere below :data:`DAYS_NEEDED` days.

    Raises
    ------
    ValueError
        Returns that are missing, infinite or below −1, or a day that comes twice.
    """
    runs = dict(daily_returns) if isinstance(daily_returns, Mapping) else {"signals": daily_returns}
    dated = {name: _by_day(returns, name) for name, returns in runs.items()}
    against = None if benchmark is None else _by_day(benchmark, benchmark_name)
    sheet = pd.DataFrame(
        [(group, title, kind) for group, title, _, kind in _SHEET], columns=["group", "figure", "kind"]
    )
    columns = {name: _figures(returns, against) for name, returns in dated.items()}
    if against is not None:
        columns[benchmark_name] = _figures(against, None)
    return pd.concat([sheet, pd.DataFrame(columns, dtype=float)], axis=1)


def sheet_records(sheet: pd.DataFrame) -> Sheet:
    """The sheet as plain records, None for NaN: what a table of models can hold and the card reads."""
    runs = [name for name in sheet.columns if name not in ("group", "figure", "kind")]
    rows = []
    for row in sheet.to_dict("records"):
        values = {str(run): None if math.isnan(row[run]) else float(row[run]) for run in runs}
        rows.append({name: row[name] for name in ("group", "figure", "kind")} | {"values": values})
    return rows


def _by_day(returns: pd.Series, name: str) -> pd.Series:
    """The returns on days without a zone, in order: quantstats cannot compare the two kinds."""
    index = pd.DatetimeIndex(returns.index)
    days = (index if index.tz is None else index.tz_localize(None)).normalize()
    values = returns.astype(float)
    wrong = ~values.between(-1.0, math.inf, inclusive="left")
    if wrong.any():
        raise ValueError(
            f"{name}: return {values[wrong].iloc[0]} on {days[wrong][0]:%Y-%m-%d} is none: it must be finite and at "
            "least -1, 0 on a day without a change"
        )
    if days.has_duplicates:
        raise ValueError(
            f"{name}: {days[days.duplicated()][0]:%Y-%m-%d} comes twice; one return for each day"
        )
    return pd.Series(values.to_numpy(), index=days, name=name).sort_index()


def _figures(returns: pd.Series, benchmark: pd.Series | None) -> list[float]:
    if len(returns) < DAYS_NEEDED:
        return [math.nan] * len(_SHEET)
    stats = _quantstats()
    return [_figure(stats, asked, returns, benchmark) for _, _, asked, _ in _SHEET]


def _figure(stats: Any, asked: str, returns: pd.Series, benchmark: pd.Series | None) -> float:
    """One figure; NaN where it is undefined, which quantstats tells as NaN, an infinity or a division by zero."""
    if asked in _AGAINST and benchmark is None:
        return math.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of what NaN says
        try:
            value = float(
                _OWN[asked](stats, returns, benchmark) if asked in _OWN else _of(stats, asked, returns)
            )
        except ZeroDivisionError:
            return math.nan
    return value if math.isfinite(value) else math.nan


def _of(stats: Any, asked: str, returns: pd.Series) -> Any:
    options: dict[str, Any] = {"periods": DAYS_A_YEAR} if asked in _ANNUAL else {}
    return getattr(stats, asked)(returns, **options)


def _longest_drawdown(stats: Any, returns: pd.Series, _: pd.Series | None) -> float:
    spells = stats.drawdown_details(stats.to_drawdown_series(returns))
    return float(spells["days"].max()) if len(spells) else 0.0


def _greek(name: str) -> Callable[[Any, pd.Series, pd.Series | None], float]:
    def of(stats: Any, returns: pd.Series, benchmark: pd.Series | None) -> float:
        both = pd.concat([returns, benchmark], axis=1, join="inner")
        if len(both) < DAYS_NEEDED:
            return math.nan
        greeks = stats.greeks(both.iloc[:, 0], both.iloc[:, 1], periods=DAYS_A_YEAR, prepare_returns=False)
        return float(greeks[name])

    return of


def _correlation(_: Any, returns: pd.Series, benchmark: pd.Series | None) -> float:
    both = pd.concat([returns, benchmark], axis=1, join="inner")
    return float(both.iloc[:, 0].corr(both.iloc[:, 1])) if len(both) >= DAYS_NEEDED else math.nan


_OWN: dict[str, Callable[[Any, pd.Series, pd.Series | None], float]] = {
    "longest_drawdown": _longest_drawdown,
    "beta": _greek("beta"),
    "alpha": _greek("alpha"),
    "correlation": _correlation,
}


def _quantstats() -> Any:
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from quantstats import stats
    return stats
