"""The specification's sections 2, 4 and 5 in slow, plain Python, rule by rule: what the kernels are held against."""

from dataclasses import dataclass

import pandas as pd

from fvg_platform.fvg.modes import ModeConfig


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


def labels(bars: pd.DataFrame, setups: pd.DataFrame, config: ModeConfig) -> list[dict[str, object]]:
    seen = {side: as_seen(bars, side) for side in (1, -1)}
    return [label(seen[int(s["side"])], s, config) for s in setups.to_dict("records")]


def label(seen: list[Bar], setup: dict[str, float], config: ModeConfig) -> dict[str, object]:
    side, i, risk = int(setup["side"]), int(setup["i"]), setup["risk"]
    entry, stop = side * setup["entry"], side * setup["stop"]
    targets = [side * setup[f"target_{k}"] for k in (1, 2, 3)]
    cost = config.cost_bps * 1e-4
    row: dict[str, object] = {"i": i, "side": side, "status": None, "entry_index": None, "entry_price": None}
    row |= {"bars_to_entry": None, "mae_r": None, "mfe_r": None}
    for k in (1, 2, 3):
        row[f"identified_{k}"] = None
        for path in ("lo", "hi"):
            row |= {f"{name}_{k}_{path}": None for name in ("outcome", "exit_index", "bars_to_exit", "r")}

    status, f, price, at_open = rest(seen, i, entry, stop, targets[0], config.ttl)
    row["status"] = status
    if status == "gap_invalid":
        for k in (1, 2, 3):
            row[f"identified_{k}"] = False
            row[f"r_{k}_lo"] = row[f"r_{k}_hi"] = -cost * 2 * abs(price) / risk
    if status != "entered":
        return row
    row |= {"entry_index": f, "entry_price": side * price, "bars_to_entry": f - i}
    for k, target in enumerate(targets, start=1):
        ends = {path: leave(seen, f, at_open, stop, target, config.max_hold, path) for path in ("lo", "hi")}
        for path, (outcome, at, left) in ends.items():
            row[f"outcome_{k}_{path}"] = outcome
            if outcome != "censored":
                row[f"exit_index_{k}_{path}"], row[f"bars_to_exit_{k}_{path}"] = at, at - f
                row[f"r_{k}_{path}"] = (left - price) / risk - cost * (abs(price) + abs(left)) / risk
        row[f"identified_{k}"] = ends["lo"][0] == ends["hi"][0] != "censored"
    outcome, x, left = leave(seen, f, at_open, stop, targets[2], config.max_hold, "lo")
    if outcome != "censored":
        highs = [seen[j].h for j in range(f, x) if j > f or at_open]
        row["mae_r"] = (min([price, left] + [seen[j].low for j in range(f, x)]) - price) / risk
        row["mfe_r"] = (max([price, left, *highs]) - price) / risk
    return row


def rest(seen: list[Bar], i: int, entry: float, stop: float, target_1: float, ttl: int):
    for j in range(i + 1, i + ttl + 1):
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


def leave(seen: list[Bar], f: int, at_open: bool, stop: float, target: float, max_hold: int, path: str):
    """(outcome, bar, price) of one path of one target."""
    worse = path == "lo"
    b = seen[f]
    s, t, c = b.low <= stop, b.h > target, b.c > target
    if at_open:
        if s and t:
            return ("stop", f, stop) if worse else ("target", f, target)
        if s:
            return "stop", f, stop
        if t:
            return "target", f, target
    else:
        if s and t:
            return ("stop", f, stop) if worse else ("target", f, target)
        if s:
            return "stop", f, stop
        if c or (t and not worse):
            return "target", f, target
    for j in range(f + 1, f + max_hold + 1):
        if j >= len(seen):
            return "censored", None, None
        b = seen[j]
        if b.o <= stop:
            return "stop", j, b.o
        if b.o >= target:
            return "target", j, b.o
        if b.low <= stop and b.h > target:
            return ("stop", j, stop) if worse else ("target", j, target)
        if b.low <= stop:
            return "stop", j, stop
        if b.h > target:
            return "target", j, target
        if j == f + max_hold:
            return "timeout", j, b.c
    raise AssertionError("max_hold is at least 1")
