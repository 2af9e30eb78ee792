"""The specification's sections 2 and 4 to 6 in slow, plain Python, rule by rule: what the kernels are held against."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from fvg_platform.fvg.modes import ModeConfig
from fvg_platform.market.calendars import TradingCalendar
from fvg_platform.market.timeframes import TIMEFRAMES, nominal_duration


@dataclass
class Bar:
    o: float
    h: float
    low: float
    c: float


def as_seen(bars: pd.DataFrame, side: int) -> list[Bar]:
    """The bars for a long, reflected about 0 for a short."""
    rows = bars[["open", "high", "low", "close"]].to_numpy(float).tolist()
    return [Bar(o, h, low, c) if side > 0 else Bar(-o, -low, -h, -c) for o, h, low, c in rows]


def lifecycle(seen: list[Bar], i: int, side: int, bottom: float, top: float) -> dict[str, float | None]:
    bottom, top = (bottom, top) if side > 0 else (-top, -bottom)
    later = range(i + 1, len(seen))

    def first(happened) -> int | None:
        return next((j for j in later if happened(seen[j])), None)

    shares = [(top - seen[j].low) / (top - bottom) for j in later]
    return {
        "touched": first(lambda b: b.low <= top),
        "half_filled": first(lambda b: b.low <= (top + bottom) / 2),
        "filled": first(lambda b: b.low <= bottom),
        "inverted": first(lambda b: b.c < bottom),
        "depth": min(1.0, max([0.0, *shares])),
    }


@dataclass
class Timed:
    """A bar between two times."""

    opens: pd.Timestamp
    closes: pd.Timestamp
    bar: Bar


@dataclass
class Finer:
    """Finer bars as one side sees them, and what became of asking them."""

    levels: list[tuple[str, list[Timed]]]
    chose: list[str] = field(default_factory=list)


@dataclass
class Trade:
    """A setup as one side sees it, with all bars of its series and perhaps finer ones."""

    seen: list[Bar]
    times: list[Timed]
    entry: float
    stop: float
    finer: Finer | None
    slippage: float

    def stopped(self, at: float) -> float:
        return at - self.slippage * abs(at)


def labels(
    bars: pd.DataFrame,
    setups: pd.DataFrame,
    config: ModeConfig,
    *,
    timeframe: str = "1h",
    calendar: TradingCalendar | None = None,
    finer: Mapping[str, pd.DataFrame] | None = None,
) -> list[dict[str, object]]:
    seen = {side: as_seen(bars, side) for side in (1, -1)}
    ends = session_ends(bars["ts"], timeframe, calendar) if config.day_only else None
    rows = []
    times = {side: timed(bars, timeframe, side) for side in (1, -1)}
    names = [] if finer is None else [name for name in reversed(TIMEFRAMES) if name in finer]
    levels = {side: [(name, timed(finer[name], name, side)) for name in names] for side in (1, -1)}
    for s in setups.to_dict("records"):
        side = int(s["side"])
        row = label(seen[side], times[side], s, config, ends, None)
        before = {f"identified_before_{k}": row[f"identified_{k}"] for k in (1, 2, 3)}
        if finer is not None:
            row = label(seen[side], times[side], s, config, ends, Finer(levels[side]))
        rows.append({"resolution": timeframe} | row | before)
    return rows


def timed(bars: pd.DataFrame, timeframe: str, side: int) -> list[Timed]:
    step = nominal_duration(timeframe)
    return [Timed(ts, ts + step, b) for ts, b in zip(bars["ts"], as_seen(bars, side), strict=True)]


def session_ends(ts: pd.Series, timeframe: str, calendar: TradingCalendar) -> list[int | None]:
    """Position of the last bar of each bar's session; None while it is not known."""
    closes = list(calendar.session_closes(ts.iloc[0], ts.iloc[-1]))
    own = [next(close for close in closes if close > t) for t in ts]
    bar_closes = calendar.bar_closes(pd.DatetimeIndex(ts), timeframe)
    last = {close: j for j, close in enumerate(own)}
    over = {close: j + 1 < len(own) or bar_closes[j] >= close for close, j in last.items()}
    return [last[close] if over[close] else None for close in own]


def label(
    seen: list[Bar],
    times: list[Timed],
    setup: dict[str, float],
    config: ModeConfig,
    ends: list[int | None] | None,
    finer: Finer | None,
) -> dict[str, object]:
    side, i, risk = int(setup["side"]), int(setup["i"]), setup["risk"]
    entry, stop = side * setup["entry"], side * setup["stop"]
    targets = [side * setup[f"target_{k}"] for k in (1, 2, 3)]
    cost, slippage = config.cost_bps * 1e-4, config.stop_slippage_bps * 1e-4
    row: dict[str, object] = {"i": i, "side": side, "status": None, "entry_index": None, "entry_price": None}
    row |= {"bars_to_entry": None, "mae_r": None, "mfe_r": None, "unresolved": None}
    for k in (1, 2, 3):
        row[f"identified_{k}"] = None
        for path in ("lo", "hi"):
            row |= {f"{name}_{k}_{path}": None for name in ("outcome", "exit_index", "bars_to_exit", "r")}

    def last(j: int, bars: int) -> int:
        end = None if ends is None else ends[j]
        return j + bars if end is None else min(j + bars, end)

    status, f, price, at_open = rest(seen, i, entry, stop, targets[0], last(i, config.ttl))
    row["status"] = status
    if status == "gap_invalid":
        for k in (1, 2, 3):
            row[f"identified_{k}"] = False
            row[f"r_{k}_lo"] = row[f"r_{k}_hi"] = -(2 * cost + slippage) * abs(price) / risk
    if status != "entered":
        return row
    row |= {"entry_index": f, "entry_price": side * price, "bars_to_entry": f - i}
    trade = Trade(seen, times, entry, stop, finer, slippage)
    end = last(f, config.max_hold)
    for k, target in enumerate(targets, start=1):
        exits = {path: leave(trade, f, at_open, target, end, path) for path in ("lo", "hi")}
        for path, (outcome, at, left, _) in exits.items():
            row[f"outcome_{k}_{path}"] = outcome
            if outcome != "censored":
                row[f"exit_index_{k}_{path}"], row[f"bars_to_exit_{k}_{path}"] = at, at - f
                row[f"r_{k}_{path}"] = (left - price) / risk - cost * (abs(price) + abs(left)) / risk
        lo, hi = exits["lo"], exits["hi"]
        row[f"identified_{k}"] = lo[0] == hi[0] != "censored"
        if lo[0] != hi[0] and finer is not None:
            row["unresolved"] = row["unresolved"] or lo[3]
    if finer is not None and finer.chose:
        row["resolution"] = min(finer.chose, key=TIMEFRAMES.index)
    outcome, x, left, _ = leave(trade, f, at_open, targets[2], end, "lo")
    if outcome != "censored":
        highs = [seen[j].h for j in range(f, x) if j > f or at_open]
        row["mae_r"] = (min([price, left] + [seen[j].low for j in range(f, x)]) - price) / risk
        row["mfe_r"] = (max([price, left, *highs]) - price) / risk
    return row


def rest(seen: list[Bar], i: int, entry: float, stop: float, target_1: float, last: int):
    for j in range(i + 1, last + 1):
        if j >= len(seen):
            return "pending", None, None, None
        b = seen[j]
        if b.o <= stop:
            return "gap_invalid", j, b.o, None
        if b.o <= entry:
            return "entered", j, b.o, True
        if b.low < entry:
            return "entered", j, entry, False
        if b.h > target_1:
            return "ran_away", None, None, None
    return "expired", None, None, None


def leave(trade: Trade, f: int, at_open: bool, target: float, end: int, path: str):
    """(outcome, bar, price, why a bar was left open) of one path of one target."""
    stop, left_open = trade.stop, None
    for j in range(f, end + 1):
        if j >= len(trade.seen):
            return "censored", None, None, left_open
        b = trade.seen[j]
        if j > f and b.o <= stop:
            return "stop", j, trade.stopped(b.o), left_open
        if j > f and b.o >= target:
            return "target", j, b.o, left_open
        entering = j == f and not at_open
        lo, hi = read_bar(b, entering, stop, target)
        if lo != hi and trade.finer is not None:
            lo, hi, why, chose = replay(
                trade.finer.levels, trade.times[j], entering, trade.entry, stop, target, (lo, hi)
            )
            trade.finer.chose.extend(chose)
            left_open = left_open or why
        reading = lo if path == "lo" else hi
        if reading != "on":
            return reading, j, trade.stopped(stop) if reading == "stop" else target, left_open
        if j == end:
            return "timeout", j, b.c, left_open
    raise AssertionError("the loop ends at its end")


def read_bar(b: Bar, entering: bool, stop: float, target: float) -> tuple[str, str]:
    """What the bar leaves open after its opening: the worse and the better of "stop", "on" and "target"."""
    s, t, c = b.low <= stop, b.h > target, b.c > target
    if s and t:
        return "stop", "target"
    if s:
        return "stop", "stop"
    if entering and t and not c:
        return "on", "target"
    return ("target", "target") if t else ("on", "on")


def replay(
    levels: list[tuple[str, list[Timed]]],
    coarse: Timed,
    entering: bool,
    entry: float,
    stop: float,
    target: float,
    own: tuple[str, str],
) -> tuple[str, str, str | None, list[str]]:
    """(worse, better, why they differ, the timeframes that chose) of an ambiguous bar."""
    covered = False
    for position, (name, bars) in enumerate(levels):
        first, after = (
            bisect_left(bars, t, key=lambda part: part.opens) for t in (coarse.opens, coarse.closes)
        )
        parts = bars[first:after]
        covered = covered or bool(parts)
        if not parts or not makes_up([part.bar for part in parts], coarse.bar):
            continue
        lo, hi, why, chose = read_parts(parts, levels[position + 1 :], coarse, entering, entry, stop, target)
        if lo in own and hi in own:
            return lo, hi, why if lo != hi else None, [] if (lo, hi) == own else [name, *chose]
    return *own, "finer_differ" if covered else "no_finer_bars", []


def read_parts(parts, finer, coarse: Timed, entering: bool, entry: float, stop: float, target: float):
    worse = better = "on"
    why, chose, waiting = None, [], entering
    for part in parts:
        b, enters = part.bar, False
        judged = part is parts[0]  # its open is the coarse bar's
        if waiting and (judged or b.o > entry):
            if not b.low < entry:
                continue
            enters = True
        waiting = False
        if not judged and not enters and b.o <= stop:
            lo = hi = "stop"
        elif not judged and not enters and b.o >= target:
            lo = hi = "target"
        else:
            lo, hi = read_bar(b, enters, stop, target)
        if lo != hi:
            inner = Timed(part.opens, min(part.closes, coarse.closes), b)
            lo, hi, reason, deeper = replay(finer, inner, enters, entry, stop, target, (lo, hi))
            chose += deeper
            why = why or ("finest_ambiguous" if reason == "no_finer_bars" else reason)
        worse = lo if worse == "on" else worse
        better = hi if better == "on" else better
        if "on" not in (worse, better):
            break
    return ("nothing" if waiting else worse), better, why, chose


def makes_up(parts: list[Bar], coarse: Bar) -> bool:
    made = (parts[0].o, max(b.h for b in parts), min(b.low for b in parts), parts[-1].c)
    wanted = (coarse.o, coarse.h, coarse.low, coarse.c)
    return all(abs(a - b) <= 1e-9 * max(abs(a), abs(b)) for a, b in zip(made, wanted, strict=True))
