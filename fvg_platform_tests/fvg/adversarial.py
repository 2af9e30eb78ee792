"""Hypothesis strategies for bars that are valid and as awkward as bars can be.

Ties everywhere (equal highs and lows, zero ranges, plateaus, one price throughout), jumps through every level, one
bar or two, prices a last binary digit apart, huge, tiny and below zero. Each bar comes from four bytes: those of a
few bars are drawn, and shrink; those of many come from a seed, for drawn ones are too often all the same.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from numpy.typing import NDArray

from fvg_platform.fvg.modes import ENTRIES, ModeConfig

from .made_up import bars_of

Whole = NDArray[np.int64]

_FEW, _MANY = (1, 2, 8), (40, 60, 90)
"""Bars; a setup needs an ATR, and so 17 bars before it."""


def _ordinary(level: Whole, body: Whole, up: Whole, down: Whole) -> Whole:
    """Bars of small bodies and wicks at levels 0..12: many gaps, and ties at most comparisons."""
    close = level + body
    return np.stack([level, np.maximum(level, close) + up, np.minimum(level, close) - down, close], axis=1)


def _wandering(level: Whole, body: Whole, up: Whole, down: Whole) -> Whole:
    return _ordinary((level - 6).cumsum() // 3, body, up, down)


def _equal_highs_and_lows(level: Whole, body: Whole, up: Whole, down: Whole) -> Whole:
    """Two highs and two lows; opens and closes lie on them."""
    low, high = 4 * (level % 2), 6 + 4 * (level // 2 % 2)
    return np.stack(
        [np.where(body > 0, low, high), high, low, np.where(up > down, high, low)], axis=1, dtype=np.int64
    )


def _zero_ranges(level: Whole, body: Whole, up: Whole, down: Whole) -> Whole:
    return np.stack([level] * 4, axis=1)


def _plateaus(level: Whole, body: Whole, up: Whole, down: Whole) -> Whole:
    """Every sixth bar moves, the others repeat it."""
    return _ordinary(level, body, up, down)[np.arange(len(level)) // 6 * 6]


def _jumps_through_everything(level: Whole, body: Whole, up: Whole, down: Whole) -> Whole:
    """Now and then the price leaps over every zone, stop and target, and stays there."""
    return _ordinary(level + np.where(level == 0, 100 * (body + up), 0).cumsum(), body, up, down)


def _alternating_jumps(level: Whole, body: Whole, up: Whole, down: Whole) -> Whole:
    """Up and down by 50 at every other bar, so every bar is a gap or faces one."""
    return _ordinary(level + 50 * (np.arange(len(level)) // 2 % 2), body, up, down)


def _one_price(level: Whole, body: Whole, up: Whole, down: Whole) -> Whole:
    return np.zeros((len(level), 4), np.int64) + (level[0] if len(level) else 0)


SHAPES: dict[str, Callable[[Whole, Whole, Whole, Whole], Whole]] = {
    "ordinary": _ordinary,
    "wandering": _wandering,
    "equal highs and lows": _equal_highs_and_lows,
    "zero ranges": _zero_ranges,
    "plateaus": _plateaus,
    "jumps through everything": _jumps_through_everything,
    "alternating jumps": _alternating_jumps,
    "one price": _one_price,
}

SCALES: dict[str, tuple[float, float]] = {
    "whole prices": (100.0, 1.0),
    "ticks": (100.0, 0.01),
    "below zero": (-6.0, 1.0),
    "last binary digits": (1.0, 2.0**-52),
    "huge": (0.0, 1e290),
    "tiny": (0.0, 1e-280),
}
"""(base, step): a whole price p becomes base + step · p."""


@st.composite
def adversarial_bars(
    draw: st.DrawFn, *, shapes: tuple[str, ...] = tuple(SHAPES), scales: tuple[str, ...] = tuple(SCALES)
) -> pd.DataFrame:
    """1 to 90 bars of one shape on one scale; volumes hold zeros."""
    n = draw(st.sampled_from(_FEW + _MANY))
    shape, (base, step) = SHAPES[draw(st.sampled_from(shapes))], SCALES[draw(st.sampled_from(scales))]
    seeded = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).bytes(4 * n))
    drawn = draw(st.binary(min_size=4 * n, max_size=4 * n) if n in _FEW else seeded)
    octets = np.frombuffer(drawn, np.uint8).reshape(n, 4).astype(np.int64)
    level, body = octets[:, 0] % 13, octets[:, 1] % 5 - 2
    prices = shape(level, body, octets[:, 2] % 3, octets[:, 3] % 3)
    return bars_of(base + step * prices, octets.sum(axis=1) % 7)


@st.composite
def configurations(draw: st.DrawFn, **fields: object) -> ModeConfig:
    """Settings of the mode of hours, with short lives so that every ending is met; `fields` are kept as given."""
    drawn: dict[str, object] = {
        "ttl": draw(st.integers(1, 12)),
        "max_hold": draw(st.integers(1, 12)),
        "entry": draw(st.sampled_from(ENTRIES)),
        "min_size_atr": draw(st.sampled_from([0.0, 0.1, 1.0])),
        "stop_buffer_atr": draw(st.sampled_from([0.0, 0.25, 1.0])),
        "multiples": draw(st.sampled_from([(1.0, 2.0, 3.0), (0.25, 0.5, 8.0)])),
        "cost_bps": draw(st.sampled_from([0.0, 1.0])),
        "stop_slippage_bps": draw(st.sampled_from([0.0, 2.0])),
    }
    return ModeConfig(**({"mode": "intraday"} | drawn | fields))
