"""The track record: figures worked out by hand and by the slow way, windows, weeks, and how wide intervals are."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.learning import track_record_sums as bits
from fvg_platform.learning.track_record import track_record
from fvg_platform.learning.track_record_curves import calibration_curves

WON = bits.ENTERED | bits.SETTLED_LO | bits.WON_LO | bits.SETTLED_HI | bits.WON_HI | bits.CORRECT
LOST = bits.ENTERED | bits.SETTLED_LO | bits.SETTLED_HI | bits.INCORRECT
OPEN = bits.ENTERED | bits.SETTLED_LO | bits.SETTLED_HI | bits.WON_HI
UNFILLED = 0
R_OF = {
    WON: (0.9, 0.9),
    LOST: (-1.1, -1.1),
    OPEN: (-1.1, 0.9),
}
AS_OF = date(2024, 6, 28)  # a Friday
KEY = ["timeframe", "mode", "model_version", "origin", "ticker"]
POOLED = {"model_version": 0, "origin": "*", "ticker": "*"}


def said(state: int, p: float, day: str = "2024-06-20", **changes: Any) -> dict[str, Any]:
    """One prediction of 1h whose life ended at a day's close in New York."""
    r_lo, r_hi = R_OF.get(state & ~bits.ACTED, (np.nan, np.nan))
    subject = {"timeframe": "1h", "mode": "intraday", "model_version": 1, "origin": "live", "ticker": "AAPL"}
    ended = pd.Timestamp(f"{day} 16:00", tz="America/New_York").tz_convert("UTC")
    values = {"p_target_1": p, "r_1_lo": r_lo, "r_1_hi": r_hi, "latency_ms": 2.0, "state": state}
    return {"life_end": ended, **subject, **values, **changes}


def row_of(record: pd.DataFrame, window: int = 0, as_of: date = AS_OF, **key: Any) -> pd.Series:
    wanted = {**POOLED, "as_of": as_of, "window_days": window, **key}
    (row,) = [
        row for _, row in record.iterrows() if all(row[name] == value for name, value in wanted.items())
    ]
    return row


def test_figures_by_hand() -> None:
    rows = [
        said(WON | bits.ACTED, 0.75, latency_ms=4.0),
        said(LOST | bits.ACTED, 0.75, latency_ms=6.0),
        said(LOST, 0.25),
        said(OPEN, 0.25),
        said(UNFILLED | bits.ACTED, 0.85),
    ]
    row = row_of(track_record(pd.DataFrame(rows), AS_OF))
    expected = {
        "predictions": 5,
        "entered": 4,
        "correct": 1,
        "incorrect": 2,
        "undecided": 1,
        "accuracy_lo": 1 / 4,
        "accuracy_hi": 2 / 4,
        "mean_p": 0.5,
        "win_rate_lo": 1 / 4,
        "win_rate_hi": 2 / 4,
        "brier_lo": (0.0625 + 0.5625 + 0.0625 + 0.0625) / 4,
        "brier_hi": (0.0625 + 0.5625 + 0.0625 + 0.5625) / 4,
        "skill_lo": 1 - 0.1875 / (1 / 4 * 3 / 4),
        "skill_hi": 1 - 0.3125 / (1 / 2 * 1 / 2),
        "calibration_error_lo": (abs(1.5 - 1) + abs(0.5 - 0)) / 4,
        "calibration_error_hi": (abs(1.5 - 1) + abs(0.5 - 1)) / 4,
        "mean_r_lo": (0.9 - 3.3) / 4,
        "mean_r_hi": (1.8 - 2.2) / 4,
        "profit_factor_lo": 0.9 / 3.3,
        "profit_factor_hi": 1.8 / 2.2,
        "acted": 3,
        "acted_win_rate_lo": 1 / 2,
        "acted_win_rate_hi": 1 / 2,
        "acted_mean_r_lo": -0.1,
        "acted_mean_r_hi": -0.1,
        "acted_profit_factor_lo": 0.9 / 1.1,
        "acted_profit_factor_hi": 0.9 / 1.1,
        "latency_ms_mean": 16 / 5,
        "latency_ms_max": 6.0,
    }
    assert row[list(expected)].to_dict() == pytest.approx(expected)
    assert pd.isna(row["win_rate_low"]), "one block of time tells no interval"


def test_what_cannot_be_told_is_null_and_never_infinite() -> None:
    record = track_record(
        pd.DataFrame(
            [
                said(WON, 0.6, ticker="WINS"),
                said(UNFILLED, 0.6, ticker="WAITS"),
                said(WON, np.nan, ticker="MUTE"),
                said(LOST, np.nan, ticker="MUTE"),
                said(bits.ENTERED, 0.6, ticker="CENSORED", r_1_lo=np.nan, r_1_hi=np.nan),
                said(UNFILLED, 0.6, ticker="INVALID", r_1_lo=-0.02, r_1_hi=-0.02),
            ]
        ),
        AS_OF,
    )
    won = row_of(record, ticker="WINS")
    assert won[["win_rate_lo", "brier_lo"]].to_list() == pytest.approx([1.0, 0.16])
    assert won[["skill_lo", "profit_factor_lo", "acted_win_rate_lo"]].isna().all()
    waiting = row_of(record, ticker="WAITS")
    assert waiting[["predictions", "entered"]].to_list() == [1, 0]
    assert waiting[["accuracy_lo", "win_rate_hi", "mean_p", "mean_r_lo"]].isna().all()
    mute = row_of(record, ticker="MUTE")
    assert mute["win_rate_lo"] == 0.5
    assert mute[["mean_p", "brier_lo", "skill_hi", "calibration_error_lo"]].isna().all()
    assert row_of(record, ticker="CENSORED")[["win_rate_lo", "brier_lo", "mean_r_lo"]].isna().all()
    invalid = row_of(record, ticker="INVALID")
    assert invalid["mean_r_lo"] == pytest.approx(-0.02), (
        "an order that lost without a fill costs all the same"
    )
    numbers = record.select_dtypes("number")
    assert not np.isinf(numbers.to_numpy(float)).any()


def test_a_window_holds_the_days_of_the_exchange_on_which_lives_ended() -> None:
    late = pd.Timestamp("2024-06-29 03:30", tz="UTC")  # 23:30 of the 28th in New York
    rows = [
        said(WON, 0.5, life_end=late, ticker="TODAY"),
        said(WON, 0.5, life_end=late + pd.Timedelta("1h"), ticker="TOMORROW"),
        said(WON, 0.5, "2024-05-30", ticker="DAY30"),
        said(WON, 0.5, "2024-05-29", ticker="DAY31"),
        said(WON, 0.5, "2023-06-30", ticker="DAY365"),
        said(WON, 0.5, "2023-06-29", ticker="DAY366"),
    ]
    record = track_record(pd.DataFrame(rows), AS_OF)
    newest = record[(record["as_of"] == AS_OF) & (record["model_version"] == 0) & (record["origin"] == "*")]
    windows = newest[newest["ticker"] != "*"].groupby("ticker")["window_days"].agg(sorted).to_dict()
    assert windows == {
        "TODAY": [0, 30, 90, 365],
        "DAY30": [0, 30, 90, 365],
        "DAY31": [0, 90, 365],
        "DAY365": [0, 365],
        "DAY366": [0],
    }
    together = newest[newest["ticker"] == "*"].set_index("window_days")["predictions"].to_dict()
    assert together == {30: 2, 90: 3, 365: 4, 0: 5}
    short = track_record(pd.DataFrame(rows), AS_OF, windows=(30,))
    assert set(short["window_days"]) == {30}


def test_every_combination_of_keys_has_its_rows_once() -> None:
    rows = [
        said(WON, 0.5, model_version=1, origin="live"),
        said(WON, 0.5, model_version=2, origin="backfilled"),
        said(WON, 0.5, model_version=2, origin="backfilled", ticker="IBM"),
        said(WON, 0.5, timeframe="1d", mode="daily"),
    ]
    record = track_record(pd.DataFrame(rows), AS_OF, windows=(0,))
    newest = record[record["as_of"] == AS_OF]
    assert not newest.duplicated(KEY).any()
    hours = newest[newest["timeframe"] == "1h"].set_index(KEY[2:])["predictions"].to_dict()
    assert hours[0, "*", "*"] == 3
    assert hours[2, "*", "*"] == hours[2, "backfilled", "*"] == hours[0, "backfilled", "*"] == 2
    assert hours[0, "*", "AAPL"] == 2
    assert (1, "backfilled", "*") not in hours
    assert len(hours) == 7 + 4 + 7  # AAPL by either version of one origin each, IBM by one, and both together


@st.composite
def predictions(draw: st.DrawFn) -> pd.DataFrame:
    seed = draw(st.integers(0, 2**32 - 1))
    n = draw(st.integers(1, 250))
    rng = np.random.default_rng(seed)
    days = draw(st.integers(1, 420))
    rows = [
        said(
            int(rng.choice([WON, LOST, OPEN, UNFILLED])) | int(rng.choice([0, bits.ACTED])),
            float(np.round(rng.random(), 2)),
            str(AS_OF - timedelta(days=int(rng.integers(0, days)))),
            timeframe=str(rng.choice(["15m", "1h"])),
            model_version=int(rng.integers(1, 3)),
            origin=str(rng.choice(["live", "backfilled"])),
            ticker=str(rng.choice(["AAPL", "IBM"])),
            latency_ms=float(rng.integers(1, 9)),
        )
        for _ in range(n)
    ]
    frame = pd.DataFrame(rows)
    # Where bars leave it open the two paths part in R too.
    frame["r_1_hi"] += np.where(frame["r_1_hi"] > 0, rng.random(n), 0.0)
    return frame


def slowly(frame: pd.DataFrame) -> dict[str, float]:
    """The same figures for one set of predictions, from their definitions."""
    state = frame["state"]
    entered, acted = state & bits.ENTERED > 0, state & bits.ACTED > 0
    found = {
        "predictions": len(frame),
        "entered": entered.sum(),
        "acted": acted.sum(),
        "mean_p": frame["p_target_1"][entered].mean(),
        "latency_ms_mean": frame["latency_ms"].mean(),
        "latency_ms_max": frame["latency_ms"].max(),
    }
    for path, won_bit in (("lo", bits.WON_LO), ("hi", bits.WON_HI)):
        y, p, r = (state & won_bit > 0)[entered], frame["p_target_1"][entered], frame[f"r_1_{path}"][entered]
        found[f"brier_{path}"] = ((p - y) ** 2).mean()
        base = ((y.mean() - y) ** 2).mean()
        found[f"skill_{path}"] = 1 - found[f"brier_{path}"] / base if base > 1e-12 else np.nan
        tenth = np.minimum((p * 10).astype(int), 9)
        off = [abs((p - y)[tenth == k].sum()) for k in range(10)]
        found[f"calibration_error_{path}"] = sum(off) / len(y) if len(y) else np.nan
        for who, chosen in (("", entered[entered]), ("acted_", acted[entered])):
            losses = -r[chosen & (r < 0)].sum()
            found[f"{who}win_rate_{path}"] = y[chosen].mean()
            found[f"{who}mean_r_{path}"] = r[chosen].mean()
            found[f"{who}profit_factor_{path}"] = r[chosen & (r > 0)].sum() / losses if losses > 0 else np.nan
    return found


@settings(max_examples=12, deadline=None)
@given(predictions(), st.randoms(use_true_random=False))
def test_sums_give_what_the_definitions_give(frame: pd.DataFrame, random: Any) -> None:
    record = track_record(frame.sample(frac=1.0, random_state=random.randrange(2**32)), AS_OF)
    day = frame["life_end"].dt.tz_convert("America/New_York").dt.date
    newest = record[record["as_of"] == AS_OF]
    for at in random.sample(range(len(newest)), min(6, len(newest))):
        row = newest.iloc[at]
        chosen = (frame["timeframe"] == row["timeframe"]) & (frame["mode"] == row["mode"])
        for name, any_of_them in POOLED.items():
            if row[name] != any_of_them:
                chosen &= frame[name] == row[name]
        if row["window_days"]:
            chosen &= day > AS_OF - timedelta(days=int(row["window_days"]))
        expected = slowly(frame[chosen])
        assert row[list(expected)].astype(float).to_dict() == pytest.approx(expected, nan_ok=True, abs=1e-9)


@settings(max_examples=12, deadline=None)
@given(predictions(), st.integers(0, 60))
def test_a_past_weeks_record_is_what_was_known_at_its_end(frame: pd.DataFrame, weeks_ago: int) -> None:
    record = track_record(frame, AS_OF)
    past = record[record["as_of"] < AS_OF]
    assert past.empty or past["as_of"].map(date.weekday).eq(6).all()
    sunday = date(2024, 6, 23) - timedelta(days=7 * weeks_ago)
    then = track_record(frame, sunday)
    pooled = (
        then[(then["as_of"] == sunday) & (then["origin"] == "*") & (then["ticker"] == "*")]
        if len(then)
        else then
    )
    kept = past[past["as_of"] == sunday]
    assert len(kept) == len(pooled)
    if len(kept):
        pd.testing.assert_frame_equal(
            kept.reset_index(drop=True)[pooled.columns], pooled.reset_index(drop=True), rtol=1e-9, atol=1e-9
        )


def test_the_interval_covers_where_weeks_share_their_fate() -> None:
    """300 tickers of their own; all five outcomes of a week are alike, so they are worth one."""
    rng = np.random.default_rng(5)
    weeks, tickers, rate = 45, 300, 0.45
    monday = pd.Timestamp("2023-07-03 16:00", tz="America/New_York").tz_convert("UTC")
    ends = monday + pd.to_timedelta(np.add.outer(np.arange(weeks) * 7, np.arange(5)).ravel(), unit="D")
    won = np.repeat(rng.random((tickers, weeks)) < rate, 5, axis=1).ravel()
    frame = pd.DataFrame(
        {
            **said(WON, 0.45),
            "life_end": ends.take(np.tile(np.arange(ends.size), tickers)),
            "ticker": np.repeat([f"T{i}" for i in range(tickers)], weeks * 5),
            "state": np.where(won, WON, LOST),
        }
    )
    record = track_record(frame, AS_OF, windows=(0,), lives={"1h": pd.Timedelta(days=14)})
    newest = record[
        (record["as_of"] == AS_OF) & (record["model_version"] == 1) & (record["origin"] == "live")
    ]
    alone, together = newest[newest["ticker"] != "*"], newest[newest["ticker"] == "*"].iloc[0]
    covered = (alone["win_rate_low"] <= rate) & (alone["win_rate_high"] >= rate)
    assert covered.mean() > 0.90, "1.96 standard errors of single outcomes cover 62 %"
    width = (alone["win_rate_high"] - alone["win_rate_low"]).mean()
    assert width < 0.35, "and it is not wide for want of trying"
    assert together["win_rate_high"] - together["win_rate_low"] < width / 5
    assert together["win_rate_low"] < together["win_rate_lo"] < together["win_rate_high"]


def test_blocks_are_as_long_as_lives_and_few_of_them_give_no_interval() -> None:
    rows = [said((WON, LOST)[k % 2], 0.5, str(AS_OF - timedelta(days=3 * k))) for k in range(30)]
    frame = pd.DataFrame(rows)
    short, long = (
        row_of(track_record(frame, AS_OF, lives={"1h": pd.Timedelta(days=days)})) for days in (10, 40)
    )
    assert 0.0 < short["win_rate_low"] < 0.5 < short["win_rate_high"] < 1.0
    assert pd.isna(long["win_rate_low"])
    assert pd.isna(long["win_rate_high"])
    alike = row_of(track_record(frame.assign(state=WON), AS_OF, lives={"1h": pd.Timedelta(days=10)}))
    assert 0.5 < alike["win_rate_low"] < 0.95, "ninety days without a loss are no thirty independent wins"
    assert alike["win_rate_high"] == 1.0


def test_nothing_to_judge_and_windows_that_mean_nothing() -> None:
    frame = pd.DataFrame([said(WON, 0.5)])
    assert track_record(frame.iloc[:0], AS_OF).empty
    assert track_record(frame, date(2024, 6, 19)).empty
    for windows in ((), (-1,), (30, 30)):
        with pytest.raises(ValueError, match="give lengths in days"):
            track_record(frame, AS_OF, windows=windows)


def test_said_against_seen_by_hand() -> None:
    rows = [said(WON, 0.42), said(OPEN, 0.48), said(LOST, 0.5), said(UNFILLED, 0.45), said(WON, 1.0)]
    rows += [said(LOST, 0.05, timeframe="1d", mode="daily"), said(WON, np.nan)]
    curves = calibration_curves(pd.DataFrame(rows))
    assert curves["timeframe"].to_list() == ["1d", "1h", "1h", "1h"]
    assert curves["low"].to_list() == pytest.approx([0.0, 0.4, 0.5, 0.9])
    assert curves["n"].to_list() == [1, 2, 1, 1]
    assert curves["mean_p"].to_list() == pytest.approx([0.05, 0.45, 0.5, 1.0])
    assert curves["rate_lo"].to_list() == pytest.approx([0.0, 0.5, 0.0, 1.0])
    assert curves["rate_hi"].to_list() == pytest.approx([0.0, 1.0, 0.0, 1.0])
    assert calibration_curves(pd.DataFrame(rows).iloc[:0]).empty
