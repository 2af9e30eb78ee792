"""The settings: defaults of each timeframe, ranges, identity."""

import pytest

from fvg_platform.fvg.modes import ConfigurationError, EngineConfig, ModeConfig, config_for, mode_config


@pytest.mark.parametrize(
    ("timeframe", "mode", "ttl", "max_hold"),
    [
        ("1m", "scalping", 60, 120),
        ("5m", "scalping", 60, 120),
        ("15m", "intraday", 40, 80),
        ("1h", "intraday", 40, 80),
        ("4h", "swing", 30, 60),
        ("1d", "daily", 20, 40),
        ("1w", "weekly", 12, 26),
        ("1mo", "monthly", 6, 12),
    ],
)
def test_each_timeframe_has_its_mode(timeframe: str, mode: str, ttl: int, max_hold: int) -> None:
    config = mode_config(timeframe)
    assert (config.mode, config.ttl, config.max_hold, config.horizon) == (mode, ttl, max_hold, ttl + max_hold)
    assert (config.multiples, config.min_size_atr, config.stop_buffer_atr) == ((1, 2, 3), 0.10, 0.5)


def test_costs_follow_the_asset_class() -> None:
    assert [mode_config("1d", c).cost_bps for c in ("equity", "fx", "crypto")] == [1.0, 0.3, 5.0]


@pytest.mark.parametrize(("timeframe", "asset_class"), [("2h", "equity"), ("1M", "equity"), ("1d", "bonds")])
def test_unknown_names_are_refused_by_name(timeframe: str, asset_class: str) -> None:
    with pytest.raises(ValueError, match=r"2h|1M|bonds"):
        mode_config(timeframe, asset_class)


def settings(**changes: object) -> ModeConfig:
    return ModeConfig(**({"mode": "daily", "ttl": 20, "max_hold": 40} | changes))


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "hourly"},
        {"ttl": 0},
        {"ttl": 2.0},
        {"max_hold": True},
        {"multiples": (1, 1, 2)},
        {"multiples": (0, 1, 2)},
        {"multiples": (1, 2)},
        {"multiples": (1, 2, float("inf"))},
        {"entry": "close"},
        {"min_size_atr": -0.1},
        {"stop_buffer_atr": float("nan")},
        {"cost_bps": float("inf")},
    ],
)
def test_values_out_of_range_name_the_field(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))} is "):
        settings(**wrong)


def test_identity_depends_on_every_field_and_on_nothing_else() -> None:
    changes: list[dict[str, object]] = [
        {},
        {"mode": "weekly"},
        {"ttl": 21},
        {"max_hold": 41},
        {"multiples": (1, 2, 4)},
        {"entry": "mid"},
        {"min_size_atr": 0.2},
        {"stop_buffer_atr": 0.25},
        {"cost_bps": 2},
        {"stop_slippage_bps": 1},
        {"tick_size": 0.01},
        {"mode": "intraday", "day_only": True},
        {"mode": "intraday"},
        {"preset": "smc"},
        {"luxalgo_threshold": 0.001},
        {"required_rules": ("discount",)},
        {"version": 3},
    ]
    identities = [settings(**change).identity for change in changes]
    assert len(set(identities)) == len(changes)
    assert settings(multiples=(1, 2, 3), cost_bps=1).identity == identities[0]
    # Stored labels are keyed by it: a change of this literal orphans them.
    assert mode_config("1d").identity == "0aff3fb74cfe"


def test_a_mode_that_does_not_trade_the_timeframe_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"mode is 'daily', which trades 1d, not 5m: use 'scalping'"):
        settings().require_fits("5m")


def test_scalping_closes_with_the_day_where_sessions_are_known() -> None:
    assert mode_config("1m").day_only and not mode_config("15m").day_only
    assert not config_for("1m", None, calendar=None).day_only
    assert config_for("1m", None, calendar=object()).day_only
    with pytest.raises(ConfigurationError, match="day_only is True, but no calendar"):
        config_for("1m", mode_config("1m"), calendar=None)


def test_a_users_file_changes_single_fields_of_a_mode() -> None:
    engine = EngineConfig(
        {"scalping": {"min_size_atr": 0.2}, "costs": {"crypto": 8}, "daily": {"cost_bps": 2}}
    )
    assert engine.mode_config("1m").min_size_atr == 0.2
    assert engine.mode_config("1m").ttl == 60
    assert engine.mode_config("1h") == mode_config("1h")
    assert engine.mode_config("1h", "crypto").cost_bps == 8
    assert engine.mode_config("1d", "crypto").cost_bps == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hourly": {}}, "unknown mode 'hourly'"),
        ({"daily": {"multiples": (3, 2, 1)}}, r"daily: multiples is \(3, 2, 1\): give three"),
        ({"daily": {"stop": 1}}, "daily: stop is 1: no such field"),
        ({"daily": {"required_rules": ["luck"]}}, "daily: required_rules is"),
        ({"costs": {"bonds": 1}}, "costs of 'bonds'"),
    ],
)
def test_a_users_file_is_refused_by_mode_and_field(changes: dict[str, dict[str, object]], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        EngineConfig(changes)
