"""The settings of a setup: which gaps, how long an order lives, where the stop lies, what a trade costs.

A mode belongs to a group of timeframes (specification, section 3). A configuration names itself by a hash of
its values, so that stored labels made with different settings never meet under one key. :class:`EngineConfig`
holds those of all modes; a file of the user changes single fields of it.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from fvg_platform.market.timeframes import INTRADAY, require_timeframe

Mode = Literal["scalping", "intraday", "swing", "daily", "weekly", "monthly"]
Entry = Literal["top", "mid", "bottom"]
Preset = Literal["plain", "smc", "luxalgo"]
RuleName = Literal[
    "out_of_balance",
    "impulse_broke_structure",
    "zone_at_low_volume_node",
    "discount",
    "new_york_session",
    "volume_confirmed",
    "order_flow_aggressive",
]

MODES: tuple[Mode, ...] = get_args(Mode)
ENTRIES: tuple[Entry, ...] = get_args(Entry)
"""Where the order rests, in the words of a bullish gap; in a bearish one `top` is its lower edge."""
PRESETS: tuple[Preset, ...] = get_args(Preset)
RULES: tuple[RuleName, ...] = get_args(RuleName)
"""The validator's rules; :mod:`fvg_platform.fvg.rules` says what each asks."""

COST_BPS: dict[str, float] = {"equity": 1.0, "fx": 0.3, "crypto": 5.0}
"""Cost of one side of a trade in basis points of its price, by asset class."""

# mode -> (timeframes, ttl, max_hold), both in bars
_MODES: dict[Mode, tuple[tuple[str, ...], int, int]] = {
    "scalping": (("1m", "5m"), 60, 120),
    "intraday": (("15m", "1h"), 40, 80),
    "swing": (("4h",), 30, 60),
    "daily": (("1d",), 20, 40),
    "weekly": (("1w",), 12, 26),
    "monthly": (("1mo",), 6, 12),
}
_MODE_OF: dict[str, Mode] = {timeframe: mode for mode, row in _MODES.items() for timeframe in row[0]}

Finite = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Bars = Annotated[int, Field(ge=1, strict=True)]


class ConfigurationError(ValueError):
    """A setting that cannot be used; the message names the field, its value and what is allowed."""


class ModeConfig(BaseModel):
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
    stop_slippage_bps
        How much worse than its price a stop is filled, in basis points of it.
    tick_size
        The price step. Entry, stop and targets are put on it, each to the side that is worse for the trade;
        None leaves them as they are.
    day_only
        Orders are withdrawn and positions closed at the session's last bar. Needs a calendar.
    preset, luxalgo_threshold
        Which gaps become setups: those of this preset of :func:`fvg_platform.fvg.gaps.detect_gaps`.
    required_rules
        Names of :data:`RULES`: only gaps that pass each of them become setups. None by default.
    version
        Raised when the meaning of the rules changes while the numbers above stay.

    Raises
    ------
    ConfigurationError
        When a value is outside its range; the message names the field and the value.
    """

    # Strict: a text that looks like a number is a slip, not a number.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    mode: Mode
    ttl: Bars
    max_hold: Bars
    multiples: tuple[float, float, float] = (1.0, 2.0, 3.0)
    entry: Entry = "top"
    min_size_atr: Finite = 0.10
    stop_buffer_atr: Finite = 0.5
    cost_bps: Finite = COST_BPS["equity"]
    stop_slippage_bps: Annotated[float, Field(ge=0, lt=10_000)] = 0.0
    tick_size: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    day_only: bool = False
    preset: Preset = "plain"
    luxalgo_threshold: Finite | Literal["auto"] = "auto"
    required_rules: tuple[RuleName, ...] = ()
    version: Bars = 2

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigurationError(_said(error, values)) from None

    @field_validator("multiples", "required_rules", mode="before")
    @classmethod
    def _listed(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, str) or not isinstance(value, list | tuple):
            raise ValueError("give a list")
        if info.field_name == "multiples" and len(value) != 3:
            raise ValueError("give three positive, increasing multiples of the risk")
        return tuple(value)

    @field_validator("multiples")
    @classmethod
    def _increasing(cls, m: tuple[float, float, float]) -> tuple[float, float, float]:
        if not 0 < m[0] < m[1] < m[2] < math.inf:
            raise ValueError("give three positive, increasing multiples of the risk")
        return m

    @field_validator("required_rules")
    @classmethod
    def _in_order(cls, rules: tuple[RuleName, ...]) -> tuple[RuleName, ...]:
        # The same demands must give the same identity, in whatever order they are written.
        return tuple(rule for rule in RULES if rule in rules)

    @model_validator(mode="after")
    def _fits_its_mode(self) -> Self:
        if not INTRADAY.issuperset(_MODES[self.mode][0]):
            if self.day_only:
                raise ValueError(
                    f"day_only is True: a bar of the mode {self.mode} is a session or more, leave it out"
                )
            if "new_york_session" in self.required_rules:
                raise ValueError(
                    f"required_rules is {self.required_rules}: new_york_session has no answer in the mode {self.mode}"
                )
        return self

    def changed(self, **changes: Any) -> Self:
        """The same configuration with some fields changed, checked anew."""
        return type(self)(**(self.model_dump() | changes))

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return self.model_dump(mode="json")

    @property
    def identity(self) -> str:
        """Twelve hexadecimal digits that depend on every field and nothing else: the key of stored setups."""
        canonical = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @property
    def horizon(self) -> int:
        """Bars after the gap's own bar within which every setup is decided: `ttl + max_hold`."""
        return self.ttl + self.max_hold

    def require_fits(self, timeframe: str) -> Self:
        """This configuration, if its mode trades the timeframe.

        Raises
        ------
        ConfigurationError
            naming the mode's timeframes.
        """
        fitting = _MODES[self.mode][0]
        if require_timeframe(timeframe) not in fitting:
            raise ConfigurationError(
                f"mode is {self.mode!r}, which trades {', '.join(fitting)}, not {timeframe}: "
                f"use {_MODE_OF[timeframe]!r}"
            )
        return self


class EngineConfig:
    """The configuration of every mode: the defaults, and what a user's file changes of them.

    Parameters
    ----------
    changes
        Fields of :class:`ModeConfig` by mode, such as `{"scalping": {"min_size_atr": 0.2}}`, and under `costs`
        the cost of a side in basis points by asset class. A mode's own `cost_bps` goes before both.

    Raises
    ------
    ConfigurationError
        naming mode, field and value.
    """

    def __init__(self, changes: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        changes = dict(changes or {})
        costs = dict(changes.pop("costs", {}))
        for name in changes:
            if name not in MODES:
                raise ConfigurationError(f"unknown mode {name!r}: use one of {', '.join(MODES)}, or costs")
        for name in costs:
            if name not in COST_BPS:
                raise ConfigurationError(f"costs of {name!r}: use one of {', '.join(COST_BPS)}")
            if (
                isinstance(costs[name], bool)
                or not isinstance(costs[name], int | float)
                or not costs[name] >= 0
            ):
                raise ConfigurationError(f"costs: {name} is {costs[name]!r}: give basis points, at least 0")
        for name, fields in changes.items():
            if own := [field for field in ("mode", "version") if field in fields]:
                raise ConfigurationError(f"{name}: {own[0]} is not for a file to say")
        self._configs: dict[tuple[str, str], ModeConfig] = {}
        for asset_class, cost in (COST_BPS | costs).items():
            for mode, (_, ttl, max_hold) in _MODES.items():
                fields = {"ttl": ttl, "max_hold": max_hold, "cost_bps": cost, "day_only": mode == "scalping"}
                try:
                    config = ModeConfig(**(fields | dict(changes.get(mode, {})) | {"mode": mode}))
                except ConfigurationError as error:
                    raise ConfigurationError(f"{mode}: {error}") from None
                self._configs[mode, asset_class] = config

    def mode_config(self, timeframe: str, asset_class: str = "equity") -> ModeConfig:
        """The configuration of a timeframe's mode, with the costs of an asset class (equity, fx, crypto).

        Raises
        ------
        ValueError
            For an unknown timeframe or asset class.
        """
        mode = _MODE_OF[require_timeframe(timeframe)]
        if asset_class not in COST_BPS:
            raise ConfigurationError(f"unknown asset class {asset_class!r}: use one of {', '.join(COST_BPS)}")
        return self._configs[mode, asset_class]


DEFAULT_ENGINE = EngineConfig()


def mode_config(timeframe: str, asset_class: str = "equity") -> ModeConfig:
    """The default configuration of a timeframe; see :meth:`EngineConfig.mode_config`."""
    return DEFAULT_ENGINE.mode_config(timeframe, asset_class)


def config_for(timeframe: str, config: ModeConfig | None, *, calendar: object | None) -> ModeConfig:
    """The configuration that a calculation uses: the one given, else the timeframe's default.

    The default's `day_only` holds where a calendar tells the sessions; without one it is left out.

    Raises
    ------
    ConfigurationError
        The mode does not trade the timeframe, or `day_only` was asked for without a calendar.
    """
    if config is None:
        default = mode_config(timeframe)
        return default if calendar is not None else default.changed(day_only=False)
    config.require_fits(timeframe)
    if config.day_only and calendar is None:
        raise ConfigurationError(
            "day_only is True, but no calendar is given that tells where sessions end: "
            "pass calendar=trading_calendar(...), or day_only=False"
        )
    return config


def _said(error: ValidationError, values: Mapping[str, Any]) -> str:
    """The first fault in one line: field, value, what is wrong."""
    fault = error.errors(include_url=False)[0]
    reason = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        return reason
    field = str(fault["loc"][0])
    if fault["type"] == "extra_forbidden":
        known = [name for name in ModeConfig.model_fields if name not in ("mode", "version")]
        reason = f"no such field, use some of {', '.join(known)}"
    return f"{field} is {values.get(field, 'missing')!r}: {reason[0].lower()}{reason[1:]}"
