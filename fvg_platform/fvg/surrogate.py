"""What setups earn where nothing can be foreseen: the whole way from gaps to labels on surrogate bars.

The bars come from :mod:`fvg_platform.market.surrogates`; tables that set the labels beside real ones are made by
:func:`fvg_platform.fvg.statistics.statistics`.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fvg_platform.fvg.context import describe_context
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.modes import RULES, ModeConfig, config_for
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.fvg.rules import judge
from fvg_platform.fvg.setups import plan_setups
from fvg_platform.market.calendars import TradingCalendar
from fvg_platform.market.surrogates import Method, surrogate_bars, surrogate_inside


def surrogate_labels(
    bars: pd.DataFrame,
    timeframe: str,
    *,
    config: ModeConfig | None = None,
    calendar: TradingCalendar | None = None,
    finer: Mapping[str, pd.DataFrame] | None = None,
    draws: int = 3,
    seed: int = 0,
    method: Method = "wild",
    with_rules: bool = True,
) -> pd.DataFrame:
    """Labels of the setups that surrogates of the bars hold, with what statistics ask of them.

    Parameters
    ----------
    bars
        Clean bars of one series, prices > 0.
    timeframe
        Timeframe of the bars.
    config, calendar
        Those that the real setups were made with. A coarser timeframe has no part: no rule reads one.
    finer
        Those that narrowed the real labels: they are moved with the bars in which they lie, and narrow these. Without
        them the two could not be held against each other. Not for the method `block`.
    draws
        How many surrogates; each is labelled on its own.
    seed
        The same seed reflects all tickers together (see :func:`fvg_platform.market.surrogates.surrogate_bars`).
    method
        Of the surrogate bars.
    with_rules
        Whether the gaps are judged: only then are there `session` and `rule_<name>`. Takes most of the time.

    Returns
    -------
    DataFrame
        The columns of :func:`fvg_platform.fvg.outcomes.label_setups`, `draw` (0, 1, …), `timeframe`, `mode`, `risk`,
        `cost_bps` and with the rules `session` and `rule_<name>`; draw after draw. The ticker is the caller's to add.

    Raises
    ------
    SurrogateError
        For fewer than three bars or prices that are not positive.
    ValueError
        For an unknown timeframe, bars that break a rule, no draw, or finer bars beside blocks.
    """
    if draws < 1:
        raise ValueError(f"draws is {draws}: ask for at least one surrogate")
    if finer and method != "wild":
        raise ValueError(f"finer bars cannot follow the method {method!r}: use wild, or leave them out")
    used = config_for(timeframe, config, calendar=calendar)
    parts = []
    for draw in range(draws):
        surrogate = surrogate_bars(bars, method=method, seed=(seed, draw))
        inside = {
            name: surrogate_inside(bars, surrogate, fine, seed=(seed, draw))
            for name, fine in (finer or {}).items()
        }
        labels = _labels(surrogate, timeframe, used, calendar, inside or None, with_rules)
        parts.append(labels.assign(draw=np.int64(draw)))
    labels = pd.concat(parts, ignore_index=True)
    return labels.assign(timeframe=timeframe, mode=used.mode, cost_bps=used.cost_bps)


def _labels(
    bars: pd.DataFrame,
    timeframe: str,
    config: ModeConfig,
    calendar: TradingCalendar | None,
    finer: dict[str, pd.DataFrame] | None,
    with_rules: bool,
) -> pd.DataFrame:
    gaps = detect_gaps(bars, timeframe, threshold=config.luxalgo_threshold, calendar=calendar)
    context = describe_context(bars, gaps, timeframe, calendar=calendar) if with_rules else None
    verdicts = None if context is None else judge(context, gaps)
    setups = plan_setups(gaps, timeframe, config=config, verdicts=verdicts)
    labels = label_setups(bars, setups, timeframe, config=config, calendar=calendar, finer=finer)
    labels["risk"] = setups["risk"].array
    if context is not None and verdicts is not None:
        # A bar has one gap at most, so its position names the gap.
        gap = np.searchsorted(gaps["i"].to_numpy(), setups["i"].to_numpy())
        labels["session"] = context["session"].array.take(gap)
        for rule in RULES:
            labels[f"rule_{rule}"] = verdicts[f"rule_{rule}"].array.take(gap)
    return labels
