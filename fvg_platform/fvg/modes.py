"""The settings of a setup: how long an order lives, where the stop lies, what a trade costs.

A mode belongs to a group of timeframes (specification, section 3). A configuration names itself by a hash of
its values, so that stored labels made with different settings never meet under one key.
"""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from fvg_platform.market.timeframes import require_timeframe

ENTRIES: tuple[str, ...] = ("top", "mid", "bottom")
"""Where the order rests, in the words of a bullish gap; in a bearish one `top` is its lower edge."""

COST_BPS: dict[str, float] = {"equity": 1.0, "fx": 0.3, "crypto": 5.0}
"""Cost of one side of a trade in basis points of its price, by asset class."""

# mode -> (timeframes, ttl, max_hold), both in bars
_MODES: dict[str, tuple[tuple[str, ...], int, int]] = {
    "scalping": (("1m", "5m"), 60, 120),
    "intraday": (("15m", "1h"), 40, 80),
    "swing": (("4h",), 30, 60),
    "daily": (("1d",), 20, 40),
    "weekly": (("1w",), 12, 26),
    "monthly": (("1mo",), 6, 12),
}
_MODE_OF: dict[str, str] = {timeframe: mode for mode, row in _MODES.items() for timeframe in row[0]}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeConfig:
    """How gaps become setups and setups become outcomes.

    Parameters
    ----------
    mode
        One of scalping, intraday, swing, daily, weekly, monthly.
    ttl
        Bars on which the resting order is live, at least 1.
    max_hold
        Bars after the entry bar until the time exit, at least 1.
    multiples
        The three targets in units of planned risk: positive and increasing.
    entry
        `top` (the near edge), `mid` or `bottom` (the far edge).
    min_size_atr
        Gaps smaller than this many ATR are no setups.
    stop_buffer_atr
        Distance of the stop beyond the far edge, in ATR. On real hourly and daily bars 0.5 leaves 95 % of
        first-target outcomes identified, 0.25 leaves 89 %.
    cost_bps
        Cost of each side in basis points of the price traded.
    version
        Raised when the meaning of the rules changes while the numbers above stay.

    Raises
    ------
    ValueError
        When a value is outside its range; the message names the field and the value.
    """

    mode: str
    ttl: int
    max_hold: int
    multiples: tuple[float, float, float] = (1.0, 2.0, 3.0)
    entry: str = "top"
    min_size_atr: float = 0.10
    stop_buffer_atr: float = 0.5
    cost_bps: float = COST_BPS["equity"]
    version: int = 1

    def __post_init__(self) -> None:
        # 1 and 1.0 are the same setting and must give the same identity.
        object.__setattr__(self, "multiples", tuple(float(m) for m in self.multiples))
        for field in ("min_size_atr", "stop_buffer_atr", "cost_bps"):
            object.__setattr__(self, field, float(getattr(self, field)))
        if self.mode not in _MODES:
            raise ValueError(f"mode is {self.mode!r}: use one of {', '.join(_MODES)}")
        if self.entry not in ENTRIES:
            raise ValueError(f"entry is {self.entry!r}: use one of {', '.join(ENTRIES)}")
        m = self.multiples
        if len(m) != 3 or not 0 < m[0] < m[1] < m[2] < math.inf:
            raise ValueError(f"multiples is {m}: give three positive, increasing multiples of the risk")
        for field in ("ttl", "max_hold", "version"):
            count = getattr(self, field)
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise ValueError(f"{field} is {count!r}: give a whole number of at least 1")
        for field in ("min_size_atr", "stop_buffer_atr", "cost_bps"):
            value = getattr(self, field)
            if not 0 <= value < math.inf:
                raise ValueError(f"{field} is {value}: give a finite number of at least 0")

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return asdict(self) | {"multiples": list(self.multiples)}

    @property
    def identity(self) -> str:
        """Twelve hexadecimal digits that depend on every field and nothing else: the key of stored setups."""
        canonical = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @property
    def horizon(self) -> int:
        """Bars after the gap's own bar within which every setup is decided: `ttl + max_hold`."""
        return self.ttl + self.max_hold


def mode_config(timeframe: str, asset_class: str = "equity") -> ModeConfig:
    """The default configuration of a timeframe, with the costs of an asset class (equity, fx, crypto).

    Raises
    ------
    ValueError
        For an unknown timeframe or asset class.
    """
    mode = _MODE_OF[require_timeframe(timeframe)]
    if asset_class not in COST_BPS:
        raise ValueError(f"unknown asset class {asset_class!r}: use one of {', '.join(COST_BPS)}")
    _, ttl, max_hold = _MODES[mode]
    return ModeConfig(mode=mode, ttl=ttl, max_hold=max_hold, cost_bps=COST_BPS[asset_class])
