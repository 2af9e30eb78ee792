"""Setups as a picture shows them: those entered within the window, and those whose order still rests at its right edge.

The prices of exits are read off the bars: the level, or the open where a bar opened beyond it, or the close where time
ran out. Outcomes are intervals (specification, section 5): where the bars leave one open, both ends are shown.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from fvg_platform.fvg.outcomes import STATUSES
from fvg_platform.reports.chart_axis import Candles
from fvg_platform.reports.chart_rows import LEVELS, PATHS, TARGETS, Role, joined_setups
from fvg_platform.reports.chart_zones import Price


@dataclass(frozen=True)
class Level:
    """A horizontal line of a trade from `left` to `right` on the bars' axis."""

    role: Role
    price: float
    left: float
    right: float


@dataclass(frozen=True)
class Exit:
    """Where a path of the trade ends: `x` is the bar, `targets` are those that ended there.

    `identified`: the bars leave no doubt of these targets' outcome.
    """

    x: int
    price: float
    outcome: str
    identified: bool
    targets: tuple[int, ...]


@dataclass(frozen=True)
class Trade:
    """A setup in the picture: `status` entered or pending, seen from the window's end.

    `x` is the bar of the entry, None while pending; `price` is the fill or, pending, the order's price. `doubts` pairs
    the exits of targets whose outcome the bars leave open. `ts` is the gap's third bar, microseconds UTC.
    """

    side: int
    ts: int
    status: Literal["entered", "pending"]
    x: int | None
    price: float
    levels: tuple[Level, ...]
    exits: tuple[Exit, ...]
    doubts: tuple[tuple[Exit, Exit], ...]
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Plans:
    """The setups of a window: those that are drawn, what is said of each by (ts, side), and counts.

    `statuses` counts those that became known within the window, as they stood at its end (an entry, but not a
    withdrawal, after it counts as pending); `first_target` counts the first target's outcomes of the drawn ones that
    were entered: target, stop, timeout, `either` (the bars leave it open) or `held` at the right edge.
    """

    trades: tuple[Trade, ...]
    facts: dict[tuple[int, int], tuple[str, ...]]
    statuses: dict[str, int]
    first_target: dict[str, int]


def plans_of(
    setups: pd.DataFrame | None,
    labels: pd.DataFrame | None,
    shown: Collection[tuple[int, int]],
    candles: Candles,
    edge: float,
    price: Price,
) -> Plans:
    """Setups joined with their labels; `shown` are (ts, side) of the gaps in the picture, `edge` is its right edge."""
    rows = [_Row(values, candles, edge, price) for values in joined_setups(setups, labels, shown, candles)]
    known = [row for row in rows if row.ts >= candles.first]
    statuses = [row.status for row in known]
    drawn = [row for row in rows if row.is_drawn]
    firsts = [row.first_target for row in drawn if row.status == "entered"]
    return Plans(
        trades=tuple(row.trade() for row in drawn),
        facts={(row.ts, row.side): row.facts() for row in rows},
        statuses={name: statuses.count(name) for name in (*STATUSES, "unlabelled") if name in statuses},
        first_target={
            name: firsts.count(name)
            for name in ("target", "stop", "timeout", "either", "held")
            if name in firsts
        },
    )


class _Row:
    """One setup with its label, seen through the window."""

    def __init__(self, values: dict[str, Any], candles: Candles, edge: float, price: Price) -> None:
        self._values, self._candles, self._edge, self._price = values, candles, edge, price
        self.ts, self.side = int(values["ts"]), int(values["side"])
        self.entry_ts: int | None = _whole(values.get("entry_ts"))
        status = str(values.get("status", "unlabelled"))
        later = self.entry_ts is not None and self.entry_ts > candles.last
        self.status = "pending" if later else status

    @property
    def is_drawn(self) -> bool:
        if self.status == "entered":
            return self.entry_ts is not None and self.entry_ts >= self._candles.first
        return self.status == "pending"

    @property
    def first_target(self) -> str:
        lo, hi = (self._exit(1, path) for path in PATHS)
        if lo is None or hi is None:
            return "held"
        return lo.outcome if lo.outcome == hi.outcome else "either"

    def trade(self) -> Trade:
        pairs = {k: [self._exit(k, path) for path in PATHS] for k in TARGETS}
        entered = self.status == "entered" and self.entry_ts is not None
        x = self._candles.position(self.entry_ts) if entered and self.entry_ts is not None else None
        return Trade(
            side=self.side,
            ts=self.ts,
            status="entered" if x is not None else "pending",
            x=x,
            price=float(self._values["entry_price" if x is not None else "entry"]),
            levels=self._levels(x, pairs if x is not None else {}),
            exits=_merged([exit_ for pair in pairs.values() for exit_ in pair if exit_ and x is not None]),
            doubts=tuple(
                (lo, hi)
                for lo, hi in pairs.values()
                if x is not None and lo is not None and hi is not None and lo.outcome != hi.outcome
            ),
            facts=self.facts(),
        )

    def facts(self) -> tuple[str, ...]:
        """What the tables say of it, whether or not it lies in the window."""
        v, price = self._values, self._price
        status = str(v.get("status", "not labelled yet")).replace("_", " ")
        lines = [
            f"{'long' if self.side > 0 else 'short'} setup: {status}",
            f"entry {price(v['entry'])}, stop {price(v['stop'])}, risk {price(v['risk'])}",
        ]
        if self.entry_ts is not None:
            lines.append(
                f"filled at {price(v['entry_price'])} in the bar of {self._candles.says(self.entry_ts)}"
            )
        for k in TARGETS:
            line = f"T{k} {price(v[f'target_{k}'])}"
            outcome = _interval([str(v.get(f"outcome_{k}_{path}", "")) for path in PATHS])
            r = _interval([f"{v[f'r_{k}_{path}']:+.2f}" if f"r_{k}_{path}" in v else "" for path in PATHS])
            lines.append(line + (f": {outcome}" if outcome else "") + (f" ({r} R)" if r else ""))
        return tuple(lines)

    def _levels(self, x: int | None, pairs: dict[int, list[Exit | None]]) -> tuple[Level, ...]:
        """From the bar of the entry, or the close that made the setup known, to the exits or the right edge."""
        left = (x - 0.5) if x is not None else self._candles.position(self.ts) + 0.5
        ends = {
            k: max(exit_.x + 0.5 if exit_ else self._edge for exit_ in pairs.get(k, [None])) for k in TARGETS
        }
        last = max(ends.values())
        rights = (last, last, *ends.values())
        return tuple(
            Level(role, float(self._values[role]), left, right)
            for role, right in zip(LEVELS, rights, strict=True)
        )

    def _exit(self, k: int, path: str) -> Exit | None:
        """The end of a path; None when it was not entered, is still held, or ends beyond the window."""
        us, outcome = _whole(self._values.get(f"exit_ts_{k}_{path}")), self._values.get(f"outcome_{k}_{path}")
        if us is None or self.entry_ts is None or us > self._candles.last or us < self._candles.first:
            return None
        x = self._candles.position(us)
        identified = bool(self._values.get(f"identified_{k}", False))
        return Exit(x, self._exit_price(str(outcome), k, x), str(outcome), identified, (k,))

    def _exit_price(self, outcome: str, k: int, x: int) -> float:
        if outcome == "timeout":
            return float(self._candles.close[x])
        level, opened = (
            float(self._values["stop" if outcome == "stop" else f"target_{k}"]),
            self._candles.open[x],
        )
        if x == self._candles.position(self.entry_ts or 0):
            return level
        worse = self.side * (opened - level) < 0
        return float(opened) if worse == (outcome == "stop") else level


def _merged(exits: list[Exit]) -> tuple[Exit, ...]:
    """Exits at one place are one mark: a stop mostly ends all three targets."""
    targets: dict[tuple[int, float, str, bool], set[int]] = {}
    for exit_ in exits:
        place = (exit_.x, exit_.price, exit_.outcome, exit_.identified)
        targets.setdefault(place, set()).update(exit_.targets)
    return tuple(Exit(*place, tuple(sorted(which))) for place, which in targets.items())


def _interval(ends: list[str]) -> str:
    """Both ends of an interval as one word where they agree; empty where there is none."""
    lo, hi = ends
    if lo == hi or not hi:
        return lo
    return f"{lo or '?'}..{hi}"


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
