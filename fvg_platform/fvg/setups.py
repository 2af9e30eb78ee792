"""From gaps to planned trades: entry, stop, risk and three targets (specification, section 3).

Which gaps are traded is the configuration's to say: its preset, its smallest size, its required rules.
"""

from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.fvg.bar_input import Floats, numeric_column
from fvg_platform.fvg.modes import ConfigurationError, ModeConfig, mode_config
from fvg_platform.market.timeframes import require_timeframe

_CARRIED = ("ts", "known_at")
_ON_TICK = 1e-6  # of a tick: far above the rounding of sums of prices, far below anything that is quoted


def plan_setups(
    gaps: pd.DataFrame,
    timeframe: str,
    *,
    config: ModeConfig | None = None,
    verdicts: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Plan one trade for each gap that qualifies.

    A gap does not qualify when it lacks the flag of the configuration's preset, its `atr` is NULL or 0, its
    size is below `config.min_size_atr` ATR, a required rule is not known to hold, or its risk is not positive.

    Parameters
    ----------
    gaps
        Rows of :func:`fvg_platform.fvg.gaps.detect_gaps`; `i, side, bottom, top, atr` and the flag of the
        preset are used. The flag `luxalgo` must have been made with the configuration's threshold.
    timeframe
        Timeframe of the bars.
    config
        By default the configuration of the timeframe's mode with equities' costs. With a `tick_size` entry,
        stop and targets lie on ticks: each price is moved to the side that is worse for the trade (of a long,
        entry and stop down, targets up), and risk is the distance of the moved entry and stop.
    verdicts
        One row for each gap, in their order, with the column `rule_<name>` (boolean, NULL where unknown) of
        each of `config.required_rules`. Needed only where rules are required.

    Returns
    -------
    DataFrame
        Columns `i, side`, `ts, known_at` where the gaps have them, `entry, stop, risk, target_1, target_2,
        target_3` (prices), in the order of the gaps.

    Raises
    ------
    ConfigurationError
        The configuration's mode does not trade the timeframe, or it requires rules without verdicts.
    ValueError
        For an unknown timeframe, a missing column, a side other than +1 and -1, or verdicts on other gaps.
    """
    require_timeframe(timeframe)
    config = mode_config(timeframe) if config is None else config.require_fits(timeframe)
    what = f"{timeframe} gaps"
    if "i" not in gaps:
        raise ValueError(f"{what} lack the column i")
    side, bottom, top, atr = (numeric_column(gaps, name, what) for name in ("side", "bottom", "top", "atr"))
    if (np.abs(side) != 1).any():
        row = int(np.argmax(np.abs(side) != 1))
        raise ValueError(f"{what}: side in row {row} is {side[row]:g}, but must be 1 or -1")
    plan = _levels(side, bottom, top, atr, config)
    # Comparisons with NaN are false, so a gap without an ATR drops out here.
    with np.errstate(divide="ignore", invalid="ignore"):
        qualifies = (atr > 0) & ((top - bottom) / atr >= config.min_size_atr) & (plan["risk"] > 0)
    qualifies &= _of_preset(gaps, config.preset, what) & _pass_rules(gaps, config, verdicts, what)
    rows = np.flatnonzero(qualifies)
    columns: dict[str, object] = {
        name: gaps[name].array.take(rows) for name in ("i", "side", *_CARRIED) if name in gaps
    }
    columns |= {name: values[rows] for name, values in plan.items()}
    return pd.DataFrame(columns, copy=False)


def _levels(side: Floats, bottom: Floats, top: Floats, atr: Floats, config: ModeConfig) -> dict[str, Floats]:
    """Entry, stop, risk and targets of all gaps, on ticks if the configuration has them."""
    near, far = np.where(side > 0, top, bottom), np.where(side > 0, bottom, top)
    entry = {"top": near, "mid": (bottom + top) / 2, "bottom": far}[config.entry]
    stop = far - side * (config.stop_buffer_atr * atr)
    if config.tick_size is not None:
        entry = side * _on_tick(side * entry, config.tick_size, up=False)
        stop = side * _on_tick(side * stop, config.tick_size, up=False)
    risk = side * (entry - stop)
    plan: dict[str, Floats] = {"entry": entry, "stop": stop, "risk": risk}
    for k, multiple in enumerate(config.multiples, start=1):
        target = entry + side * (multiple * risk)
        if config.tick_size is not None:
            target = side * _on_tick(side * target, config.tick_size, up=True)
        plan[f"target_{k}"] = target
    return plan


def _on_tick(price: Floats, tick: float, *, up: bool) -> Floats:
    """The nearest tick at or above (below) each price; a price within a millionth of a tick lies on it."""
    ticks = price / tick
    ticks = np.ceil(ticks - _ON_TICK) if up else np.floor(ticks + _ON_TICK)
    # 10435 / 100 is the very float that 104.35 in a bar is; 10435 * 0.01 is not, and fills compare exactly.
    numerator, denominator = Fraction(repr(float(tick))).as_integer_ratio()
    return ticks * float(numerator) / float(denominator)


def _of_preset(gaps: pd.DataFrame, preset: str, what: str) -> NDArray[np.bool_]:
    if preset == "plain":
        return np.ones(len(gaps), bool)
    if preset not in gaps:
        raise ValueError(f"{what} lack the column {preset}, by which that preset chooses them")
    return gaps[preset].astype("boolean").to_numpy(bool, na_value=False)


def _pass_rules(
    gaps: pd.DataFrame, config: ModeConfig, verdicts: pd.DataFrame | None, what: str
) -> NDArray[np.bool_]:
    """Where every required rule is known to hold."""
    passed = np.ones(len(gaps), bool)
    if not config.required_rules:
        return passed
    required = ", ".join(config.required_rules)
    if verdicts is None:
        raise ConfigurationError(f"required_rules is {required}, but no verdicts on the {what} are given")
    if len(verdicts) != len(gaps):
        raise ValueError(f"there are {len(verdicts)} verdicts for {len(gaps)} {what}: give one for each")
    for key in ("i", "side"):
        if key in verdicts and (verdicts[key].to_numpy() != gaps[key].to_numpy()).any():
            raise ValueError(f"the verdicts are on other gaps than the {what}: their {key} differs")
    for name in (f"rule_{rule}" for rule in config.required_rules):
        if name not in verdicts:
            raise ConfigurationError(f"required_rules is {required}, but the verdicts lack {name}")
        passed &= verdicts[name].astype("boolean").to_numpy(bool, na_value=False)
    return passed
