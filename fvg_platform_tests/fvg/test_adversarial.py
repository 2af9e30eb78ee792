"""Section 8 of the specification on the most awkward bars, and bad input that names its row or field."""

import itertools
import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.fvg.dated_rows import dated
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.incremental import TAIL_BARS, GapMemory, continue_gaps, continue_zones, remember
from fvg_platform.fvg.modes import ConfigurationError, ModeConfig
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.fvg.setups import plan_setups
from fvg_platform.fvg.zones import derive_zones
from fvg_platform.market.calendars import trading_calendar

from . import reference
from . import test_reference as against_reference
from . import test_truths as truths
from .adversarial import SCALES, adversarial_bars, configurations
from .made_up import LIFECYCLE, bars_of, mirror, same

FORWARD = [*LIFECYCLE, "depth"]
EXACT_GRID = ("whole prices", "below zero")
"""Scales on which a reflection about a level rounds nothing."""

examples = settings(max_examples=15, deadline=None)


def truth(test: Callable[..., None]) -> Callable[..., None]:
    """A truth of :mod:`test_truths` without the walks it draws there."""
    return test.hypothesis.inner_test  # type: ignore[attr-defined, no-any-return]


def planned(bars: pd.DataFrame, config: ModeConfig) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Setups and their labels."""
    setups = plan_setups(detect_gaps(bars, "1h"), "1h", config=config)
    return setups, label_setups(bars, setups, "1h", config=config)


@given(adversarial_bars(), st.integers(0, 90))
@examples
def test_prefix_truth(bars: pd.DataFrame, cut: int) -> None:
    truth(truths.test_prefix_truth)(bars, cut)
    zones = derive_zones(bars, detect_gaps(bars, "1h"), "1h")
    past = bars.head(cut)
    past_zones = derive_zones(past, detect_gaps(past, "1h"), "1h")
    known = zones[zones["i"] < cut].reset_index(drop=True)
    same(past_zones.drop(columns=FORWARD), known.drop(columns=FORWARD))
    same(past_zones[LIFECYCLE], known[LIFECYCLE].mask(known[LIFECYCLE] >= cut))


def refreshed(bars: pd.DataFrame, cuts: list[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Stored gaps and zones, dated, after a refresh at each cut that saw a short tail and what could still change."""
    none, nowhen = bars.head(0), pd.DatetimeIndex(bars["ts"].head(0))
    memory = GapMemory.from_dict(json.loads(json.dumps(remember(none, "1h").as_dict())))
    gaps = dated(detect_gaps(none, "1h"), nowhen)
    zones = dated(derive_zones(none, detect_gaps(none, "1h"), "1h"), nowhen)
    for start, end in itertools.pairwise([0, *cuts, len(bars)]):
        tail = bars.iloc[max(0, start - TAIL_BARS) : end]
        found = continue_gaps(tail, "1h", memory, gaps[gaps["inverted_ts"].isna()])
        derived = continue_zones(
            tail,
            "1h",
            memory,
            recent_gaps=gaps,
            new_gaps=found.new,
            open_gaps=found.open,
            open_zones=zones[zones["inverted_ts"].isna()],
        )
        gaps, zones = stored(gaps, found.new, found.open), stored(zones, derived.new, derived.open)
        memory = GapMemory.from_dict(json.loads(json.dumps(found.memory.as_dict())))
    return gaps, zones


def stored(rows: pd.DataFrame, new: pd.DataFrame, changed: pd.DataFrame) -> pd.DataFrame:
    rows = pd.concat([rows.drop(index=changed.index), changed]).sort_index()
    return pd.concat([rows, new], ignore_index=True) if len(rows) else new


@given(adversarial_bars(), st.lists(st.integers(1, 89), min_size=1, max_size=5, unique=True))
@examples
def test_incremental_equals_batch(bars: pd.DataFrame, cuts: list[int]) -> None:
    truth(truths.test_incremental_equals_batch)(bars, cuts)
    gaps, zones = refreshed(bars, sorted(cut for cut in cuts if cut < len(bars)))
    batch = detect_gaps(bars, "1h")
    ts = pd.DatetimeIndex(bars["ts"])
    same(gaps, dated(batch, ts))
    same(zones, dated(derive_zones(bars, batch, "1h"), ts))


@given(adversarial_bars(), st.integers(-20, 20))
@examples
def test_a_power_of_two_changes_no_index_status_outcome_or_r(bars: pd.DataFrame, exponent: int) -> None:
    truth(truths.test_a_power_of_two_changes_no_index_status_outcome_or_r)(bars, exponent)


@given(adversarial_bars())
@examples
def test_reflection_about_zero_swaps_long_and_short(bars: pd.DataFrame) -> None:
    image = mirror(bars)
    gaps, image_gaps = (detect_gaps(frame, "1h").drop(columns="luxalgo") for frame in (bars, image))
    turned = gaps.assign(side=-gaps["side"], bottom=-gaps["top"], top=-gaps["bottom"], mid=-gaps["mid"])
    same(turned.drop(columns="size_pct"), image_gaps.drop(columns="size_pct"))
    zones, images = derive_zones(bars, gaps, "1h"), derive_zones(image, image_gaps, "1h")
    turned = zones.assign(side=-zones["side"], bottom=-zones["top"], top=-zones["bottom"], mid=-zones["mid"])
    key = ["i", "kind", "side", "origin_i"]
    same(turned.sort_values(key), images.sort_values(key))
    for config in (truths.CONFIG, truths.CONFIG.changed(entry="mid", stop_buffer_atr=0, min_size_atr=0)):
        setups, labels = planned(bars, config)
        image_setups, image_labels = planned(image, config)
        levels = ["entry", "stop", "target_1", "target_2", "target_3"]
        same(setups.assign(side=-setups["side"], **-setups[levels]), image_setups)
        same(labels.assign(side=-labels["side"], entry_price=-labels["entry_price"]), image_labels)


@given(adversarial_bars(scales=EXACT_GRID), st.sampled_from([96.0, -7.0, 1000.0]))
@examples
def test_reflection_about_any_level_keeps_gaps_and_endings(bars: pd.DataFrame, about: float) -> None:
    truth(truths.test_reflection_about_any_level_keeps_gaps_and_endings)(bars, about)


@given(adversarial_bars())
@examples
def test_the_better_path_ends_no_later_and_no_worse(bars: pd.DataFrame) -> None:
    truth(truths.test_the_better_path_ends_no_later_and_no_worse)(bars)


@given(adversarial_bars())
@settings(max_examples=30, deadline=None)
def test_gaps_and_zones_live_as_in_the_reference_and_in_order(bars: pd.DataFrame) -> None:
    gaps = detect_gaps(bars, "1h")
    zones = derive_zones(bars, gaps, "1h")
    seen = {side: reference.as_seen(bars, side) for side in (1, -1)}
    for zone in [*gaps.to_dict("records"), *zones.to_dict("records")]:
        assert zone["bottom"] < zone["top"]
        assert zone["bottom"] <= zone["mid"] <= zone["top"]
        want = reference.lifecycle(seen[zone["side"]], zone["i"], zone["side"], zone["bottom"], zone["top"])
        for name in FORWARD:
            assert (None if pd.isna(zone[name]) else zone[name]) == want[name], (name, zone, want)
    for frame in (gaps, zones):
        events = frame[LIFECYCLE].to_numpy(float, na_value=np.inf)
        assert (events[:, 1:] >= events[:, :-1]).all()  # touched, half filled, filled, inverted
        assert (events > frame["i"].to_numpy()[:, None]).all()
        assert frame["depth"].between(0, 1).all()
        # That an event has not happened yet is NULL, never NaN or a number beyond the bars.
        assert (events[np.isfinite(events)] < len(bars)).all()
    measured = ["size", "size_atr", "size_pct", "body_ratio", "volume_ratio"]
    assert not np.isinf(gaps[measured].to_numpy(float)).any()
    assert gaps["body_ratio"].between(0, 1).all()


def zones_by_hand(gaps: list[dict[str, float]]) -> set[tuple[object, ...]]:
    """(kind, i, side, bottom, top, origin, members) of every zone, by the definitions, gap by gap."""
    wanted: set[tuple[object, ...]] = set()
    for g, gap in enumerate(gaps):
        i, side = gap["i"], gap["side"]
        if not pd.isna(gap["inverted"]):
            wanted.add(("inversion", gap["inverted"], -side, gap["bottom"], gap["top"], i, 1))
        run = [gap]
        while g >= len(run) and (gaps[g - len(run)]["i"], gaps[g - len(run)]["side"]) == (
            i - len(run),
            side,
        ):
            run.append(gaps[g - len(run)])
        if len(run) > 1:
            span = min(r["bottom"] for r in run), max(r["top"] for r in run)
            wanted.add(("joined", i, side, *span, run[-1]["i"], len(run)))
        for older in reversed(gaps[:g]):
            overlap = max(gap["bottom"], older["bottom"]), min(gap["top"], older["top"])
            if i - older["i"] <= 20 and older["side"] == -side and overlap[0] < overlap[1]:
                wanted.add(("balanced", i, side, *overlap, older["i"], 2))
                break
    return wanted


@given(adversarial_bars())
@settings(max_examples=30, deadline=None)
def test_zones_are_those_of_their_definitions(bars: pd.DataFrame) -> None:
    gaps = detect_gaps(bars, "1h")
    zones = derive_zones(bars, gaps, "1h")
    columns = ["kind", "i", "side", "bottom", "top", "origin_i", "members"]
    found = list(zones[columns].itertuples(index=False, name=None))
    assert set(found) == zones_by_hand(gaps.to_dict("records"))
    assert len(found) == len(set(found))
    key = [(i, kind, side, origin) for kind, i, side, _, _, origin, _ in found]
    assert key == sorted(set(key))


@given(adversarial_bars(), configurations())
@settings(max_examples=30, deadline=None)
def test_labels_agree_with_the_reference(bars: pd.DataFrame, config: ModeConfig) -> None:
    setups, labels = planned(bars, config)
    against_reference.assert_as_reference(labels, reference.labels(bars, setups, config))


@given(adversarial_bars(), configurations(cost_bps=0.0, stop_slippage_bps=0.0))
@settings(max_examples=30, deadline=None)
def test_r_stays_in_its_bounds(bars: pd.DataFrame, config: ModeConfig) -> None:
    """Before costs: what each ending can and cannot earn, on planned risk."""
    setups, labels = planned(bars, config)
    side, risk = setups["side"].to_numpy(), setups["risk"].to_numpy()
    better = side * (setups["entry"] - labels["entry_price"]).to_numpy() / risk  # R of a fill at the open
    assert (better[~np.isnan(better)] >= 0).all()
    assert (better[~np.isnan(better)] < 1).all()  # an open at the stop would have been invalid
    slack = 1e-9
    for k, m in enumerate(config.multiples, start=1):
        # Levels round to binary digits, and where those are the prices' own the multiple is off by up to one.
        reach = side * (setups[f"target_{k}"] - setups["entry"]).to_numpy() / risk
        if (risk > 1e-6 * np.abs(setups["entry"])).all():
            np.testing.assert_allclose(reach, m, rtol=1e-6)
        for path in ("lo", "hi"):
            r = labels[f"r_{k}_{path}"].to_numpy()
            outcome = labels[f"outcome_{k}_{path}"].astype(str).to_numpy()
            stop, target, timeout = (outcome == word for word in ("stop", "target", "timeout"))
            assert (r[stop] <= better[stop] - 1 + slack).all()
            assert (r[target] >= (reach + better)[target] - slack).all()
            assert (r[timeout] > better[timeout] - 1 - slack).all()
            assert (r[timeout] <= (reach + better)[timeout] + slack).all()
            assert (r[labels["status"] == "gap_invalid"] == 0).all()
            unsettled = labels["status"].isin(["pending", "expired", "ran_away"]) | (outcome == "censored")
            assert np.isnan(r[unsettled]).all()
            assert np.isfinite(r[~unsettled]).all()
    deepest = labels["mae_r"] - (better - 1)
    stopped = (labels["outcome_3_lo"] == "stop").to_numpy(bool)
    assert (deepest[stopped] <= slack).all()


@given(adversarial_bars(), configurations(cost_bps=0.0, stop_slippage_bps=0.0), st.sampled_from([1.0, 50.0]))
@examples
def test_slippage_worsens_stops_by_its_share_of_the_price_and_nothing_else(
    bars: pd.DataFrame, config: ModeConfig, bps: float
) -> None:
    setups, free = planned(bars, config)
    slipped = planned(bars, config.changed(stop_slippage_bps=bps))[1]
    risk, fill = setups["risk"].to_numpy(), (setups["side"] * free["entry_price"]).to_numpy()
    by_r = [f"r_{k}_{path}" for k in (1, 2, 3) for path in ("lo", "hi")]
    same(slipped.drop(columns=[*by_r, "mae_r", "mfe_r"]), free.drop(columns=[*by_r, "mae_r", "mfe_r"]))
    invalid = (free["status"] == "gap_invalid").to_numpy(bool)
    for column in by_r:
        stopped = (free[column.replace("r", "outcome", 1)] == "stop").to_numpy(bool)
        lost = (free[column] - slipped[column]).to_numpy()
        assert (lost[~stopped & ~invalid & free[column].notna()] == 0).all()
        left = np.abs(fill + free[column] * risk)
        np.testing.assert_allclose((lost * risk)[stopped], (left * bps * 1e-4)[stopped], rtol=1e-6)
        assert (lost[invalid] >= 0).all()


@given(adversarial_bars(), configurations(day_only=True, min_size_atr=0.0), st.integers(0, 23))
@settings(max_examples=30, deadline=None)
def test_orders_and_trades_that_end_with_the_day_agree_with_the_reference(
    bars: pd.DataFrame, config: ModeConfig, hour: int
) -> None:
    first = pd.Timestamp("2024-01-02", tz="UTC") + pd.Timedelta(hours=hour)
    bars = bars.assign(ts=pd.date_range(first, periods=len(bars), freq="h"))
    utc_days = trading_calendar("crypto")
    setups = plan_setups(detect_gaps(bars, "1h"), "1h", config=config)
    labels = label_setups(bars, setups, "1h", config=config, calendar=utc_days)
    against_reference.assert_as_reference(
        labels, reference.labels(bars, setups, config, timeframe="1h", calendar=utc_days)
    )
    last = (hour + labels["i"]) // 24 * 24 + 23 - hour  # the last bar of each setup's day
    for column in ["entry_index", *(f"exit_index_{k}_{path}" for k in (1, 2, 3) for path in ("lo", "hi"))]:
        assert (labels[column].isna() | (labels[column] <= last)).all()
    over = last < len(bars)
    assert not (labels["status"][over] == "pending").any()
    assert not (labels.loc[over, [f"outcome_{k}_lo" for k in (1, 2, 3)]] == "censored").any(axis=None)


@given(adversarial_bars(scales=("whole prices", "ticks", "below zero")), configurations(), st.data())
@settings(max_examples=30, deadline=None)
def test_levels_on_ticks_are_worse_by_less_than_one(
    bars: pd.DataFrame, config: ModeConfig, data: st.DataObject
) -> None:
    tick = data.draw(st.sampled_from([0.01, 0.25, 3.0]), label="tick")
    gaps = detect_gaps(bars, "1h")
    free = plan_setups(gaps, "1h", config=config).set_index("i")
    stepped = plan_setups(gaps, "1h", config=config.changed(tick_size=tick)).set_index("i")
    both = free.index.intersection(stepped.index)
    free, stepped, side = free.loc[both], stepped.loc[both], stepped.loc[both, "side"]
    np.testing.assert_array_equal(stepped["risk"], side * (stepped["entry"] - stepped["stop"]))
    near = 1e-5 * tick
    for name in ("entry", "stop"):
        worse = side * (free[name] - stepped[name])
        assert worse.between(-near, tick + near).all()
    for k, m in enumerate(config.multiples, start=1):
        further = side * (stepped[f"target_{k}"] - stepped["entry"]) - m * stepped["risk"]
        assert further.between(-near, tick + near).all()
    ticks = stepped[["entry", "stop", "target_1", "target_2", "target_3"]] / tick
    np.testing.assert_allclose(ticks, ticks.round(), rtol=1e-12)


def sound(n: int = 5) -> pd.DataFrame:
    return bars_of([(10, 12, 9, 11)] * n)


def put(column: str, value: object, row: int = 2) -> pd.DataFrame:
    bars = sound()
    bars[column] = bars[column].astype(object) if column == "ts" else bars[column]
    bars.loc[row, column] = value
    return bars


def setup(**changes: object) -> pd.DataFrame:
    levels = {"entry": 10.0, "stop": 8.0, "risk": 2.0, "target_1": 12.0, "target_2": 14.0, "target_3": 16.0}
    return pd.DataFrame([{"i": 1, "side": 1} | levels] * 2 + [{"i": 1, "side": 1} | levels | changes])


HOURS = ModeConfig(mode="intraday", ttl=2, max_hold=2)
TOKYO = pd.Timestamp("2024-01-02 23:32", tz="Asia/Tokyo")

REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "mixed zones": (lambda: detect_gaps(put("ts", TOKYO), "1h"), r"ts mixes zones: row 2 .* in Asia/Tokyo, row 0"),
    "high below low": (lambda: detect_gaps(put("high", 8.0), "1h"), "1h bar 2 .* high below"),
    "minus infinity": (lambda: detect_gaps(put("low", -np.inf), "1h"), "1h bar 2 .* infinite price"),
    "NaN in the first row": (lambda: detect_gaps(put("open", np.nan, 0), "1h"), "1h bar 0 .* missing"),
    "infinite volume": (lambda: detect_gaps(put("volume", np.inf), "1h"), "1h bar 2 .* infinite volume"),
    "reversed": (lambda: detect_gaps(sound().iloc[::-1], "1h"), "1h bar 1 .* lies before"),
    "the first of two faults": (
        lambda: detect_gaps(put("high", 8.0).assign(low=[9, 9, 9, np.nan, 9]), "1h"),
        "1h bar 2 ",
    ),
    "unknown preset": (lambda: detect_gaps(sound(), "1h", preset="ict"), "preset is 'ict'"),
    "threshold below zero": (lambda: detect_gaps(sound(), "1h", threshold=-0.1), "threshold is -0.1"),
    "zones of unsound bars": (
        lambda: derive_zones(put("high", 8.0), detect_gaps(sound(), "1h"), "1h"),
        "1h bar 2 ",
    ),
    "zones of other bars' gaps": (
        lambda: derive_zones(sound(), detect_gaps(truths.walk(50, 1), "1h"), "1h"),
        r"1h gaps: i in row \d+ is \d+, .* below 5",
    ),
    "plans of a mode that does not fit": (
        lambda: plan_setups(detect_gaps(sound(), "1d"), "1d", config=HOURS),
        "mode is 'intraday', which trades 15m, 1h, not 1d: use 'daily'",
    ),
    "labels of a mode that does not fit": (
        lambda: label_setups(sound(), setup(), "5m", config=HOURS),
        "mode is 'intraday', which trades 15m, 1h, not 5m: use 'scalping'",
    ),
    "the day's end without a calendar": (
        lambda: label_setups(sound(), setup(), "1h", config=HOURS.changed(day_only=True)),
        "day_only is True, but no calendar",
    ),
    "multiples out of order": (lambda: HOURS.changed(multiples=(1, 3, 2)), r"multiples is \(1, 3, 2\)"),
    "rules without verdicts": (
        lambda: plan_setups(
            detect_gaps(sound(), "1h"), "1h", config=HOURS.changed(required_rules=("discount",))
        ),
        "required_rules is discount, but no verdicts",
    ),
    "setup beyond the bars": (lambda: label_setups(sound(), setup(i=5), "1h"), "setups: row 2 .*from 0 to 4"),
    "setup at half a bar": (lambda: label_setups(sound(), setup(i=1.5), "1h"), "setups: row 2 .*from 0 to 4"),
    "setup without side": (lambda: label_setups(sound(), setup(side=0), "1h"), "row 2 .*side must be 1 or -1"),
    "setup with NaN": (lambda: label_setups(sound(), setup(stop=np.nan), "1h"), "row 2 .*must be finite"),
    "setup without risk": (lambda: label_setups(sound(), setup(risk=0), "1h"), "row 2 .*risk must be positive"),
    "stop on the wrong side": (lambda: label_setups(sound(), setup(stop=10), "1h"), "row 2 .*stop must lie"),
    "target on the wrong side": (lambda: label_setups(sound(), setup(target_2=9), "1h"), "row 2 .*targets must"),
}  # fmt: skip
OF_THE_SETTINGS = ("preset", "threshold", "mode", "multiples", "rules", "day's end")


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_by_row_or_field(case: str) -> None:
    attempt, message = REFUSED[case]
    typed = ConfigurationError if any(word in case for word in OF_THE_SETTINGS) else ValueError
    with pytest.raises(typed, match=message):
        attempt()


def test_every_scale_is_met_as_it_is_meant() -> None:
    """On each the prices are distinct: a scale that rounds its steps away would test nothing."""
    for base, step in SCALES.values():
        prices = base + step * np.arange(20)
        assert np.isfinite(prices).all()
        assert (np.diff(prices) > 0).all()
