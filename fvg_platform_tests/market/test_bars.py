"""Cleaning: each rule by a row that breaks it alone, then what holds for any rows at all."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.market.bars import PRICES, REASONS, clean_bars

START = pd.Timestamp("2024-01-02 14:30", tz="UTC")
GOOD = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 100.0}


def rows(*changes: dict[str, object], minutes: list[int] | None = None) -> pd.DataFrame:
    """Good one-minute bars with changes, in order of arrival."""
    offsets = range(len(changes)) if minutes is None else minutes
    return pd.DataFrame(
        [
            {"ts": START + pd.Timedelta(minutes=m), **GOOD, **change}
            for m, change in zip(offsets, changes, strict=True)
        ]
    )


def test_good_bars_pass_unchanged_in_canonical_types() -> None:
    raw = rows({}, {"volume": 0}, {"volume": 555568.36}).assign(vwap=10.5, transactions=3, note="x")
    raw["ts"] = raw["ts"].dt.tz_convert("America/New_York").dt.as_unit("ns")
    cleaned = clean_bars(raw, "1m")
    assert cleaned.bars.dtypes.astype(str).to_dict() == {
        "ts": "datetime64[us, UTC]",
        **dict.fromkeys(("open", "high", "low", "close", "volume", "vwap", "transactions"), "float64"),
    }
    assert cleaned.bars["volume"].tolist() == [100.0, 0.0, 555568.36]
    assert cleaned.bars["ts"].iloc[0] == START
    assert (len(cleaned.quarantine), cleaned.reordered, cleaned.rounded) == (0, 0, 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ts": pd.NaT}, "null_ts"),
        ({"close": np.nan}, "null_price"),
        ({"high": np.inf}, "infinite_value"),
        ({"volume": np.inf}, "infinite_value"),
        ({"low": 0.0}, "non_positive_price"),
        ({"low": -1.0}, "non_positive_price"),
        ({"high": 8.0}, "high_below_low"),
        ({"high": 10.5}, "high_below_open_or_close"),
        ({"low": 10.5}, "low_above_open_or_close"),
        ({"volume": np.nan}, "null_volume"),
        ({"volume": -1.0}, "negative_volume"),
        ({"close": np.nan, "volume": -1.0}, "null_price"),  # the first rule that is broken
    ],
)
def test_each_rule_sets_the_row_aside_with_its_reason(change: dict[str, object], reason: str) -> None:
    cleaned = clean_bars(rows({}, change, {}), "1m")
    assert cleaned.quarantine["reason"].tolist() == [reason]
    assert cleaned.quarantine["seq"].tolist() == [1]
    assert len(cleaned.bars) == 2
    value = cleaned.quarantine.iloc[0]
    assert all(value[name] == wanted or pd.isna(wanted) for name, wanted in change.items())


def test_negative_transactions_are_set_aside() -> None:
    raw = rows({}, {}).assign(transactions=[1.0, -1.0])
    assert clean_bars(raw, "1m").quarantine["reason"].tolist() == ["negative_volume"]


def test_order_is_restored_and_counted() -> None:
    cleaned = clean_bars(rows(*({"close": 9.0 + i} for i in range(4)), minutes=[0, 3, 1, 2]), "1m")
    assert cleaned.bars["close"].tolist() == [9.0, 11.0, 12.0, 10.0]
    assert cleaned.reordered == 2
    assert cleaned.bars.index.tolist() == [0, 1, 2, 3]


def test_the_first_good_row_of_a_time_is_kept() -> None:
    raw = rows({"close": 0.0}, {"close": 10.0}, {}, {"close": 10.5}, minutes=[5, 5, 0, 5])
    cleaned = clean_bars(raw, "1m")
    assert cleaned.bars["close"].tolist() == [11.0, 10.0]
    assert list(zip(cleaned.quarantine["seq"], cleaned.quarantine["reason"], strict=True)) == [
        (0, "non_positive_price"),
        (3, "duplicate_ts"),
    ]


def test_rounding_of_the_last_bit_is_no_inconsistency() -> None:
    just_above = float(np.nextafter(10.0, 11.0))
    cleaned = clean_bars(rows({"low": just_above}, {"low": 10.0 + 1e-9}), "1m")
    assert cleaned.bars["low"].tolist() == [10.0]
    assert cleaned.rounded == 1
    assert cleaned.quarantine["reason"].tolist() == ["low_above_open_or_close"]


def test_no_rows_are_no_bars() -> None:
    cleaned = clean_bars(rows({}).iloc[:0], "1m")
    assert len(cleaned.bars) == len(cleaned.quarantine) == 0
    assert cleaned.quarantine.columns.tolist() == ["ts", "seq", *GOOD, "reason"]


def test_frames_that_are_no_bars_are_refused() -> None:
    with pytest.raises(ValueError, match="lack the column\\(s\\) close"):
        clean_bars(rows({}).drop(columns="close"), "1m")
    with pytest.raises(ValueError, match="times with a zone"):
        clean_bars(rows({}).assign(ts=pd.Timestamp("2024-01-02")), "1m")
    with pytest.raises(ValueError, match=r"open of 1m bars .*abc"):
        clean_bars(rows({}).astype({"open": object}).assign(open="abc"), "1m")


prices = st.sampled_from([9.0, 10.0, 11.0, 12.0, 0.0, -3.0, float("nan"), float("inf")])
raw_rows = st.lists(
    st.tuples(
        st.integers(0, 6), prices, prices, prices, prices, st.sampled_from([0.0, 5.0, -1.0, float("nan")])
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=60)
@given(raw_rows)
def test_every_row_ends_up_in_one_place_and_bars_are_bars(values: list[tuple[float, ...]]) -> None:
    raw = pd.DataFrame(values, columns=["minute", *PRICES, "volume"])
    raw["ts"] = START + pd.to_timedelta(raw.pop("minute"), unit="min")
    cleaned = clean_bars(raw, "1m")
    bars, quarantine = cleaned.bars, cleaned.quarantine

    assert len(bars) + len(quarantine) == len(raw)
    kept = raw.drop(index=quarantine["seq"]).sort_values("ts", kind="stable").reset_index(drop=True)
    assert (kept[list(GOOD)].to_numpy() == bars[list(GOOD)].to_numpy()).all()
    assert bars["ts"].is_monotonic_increasing and bars["ts"].is_unique
    assert np.isfinite(bars[list(GOOD)].to_numpy()).all()
    assert (bars["low"] > 0).all() and (bars["volume"] >= 0).all()
    assert (bars["high"] >= bars[list(PRICES)].max(axis=1)).all()
    assert (bars["low"] <= bars[list(PRICES)].min(axis=1)).all()
    assert set(quarantine["reason"]) <= set(REASONS)
    again = clean_bars(bars, "1m")
    pd.testing.assert_frame_equal(again.bars, bars)
    # Each duplicate stands in for a bar that was kept.
    duplicates = quarantine.loc[quarantine["reason"] == "duplicate_ts", "ts"]
    assert duplicates.isin(bars["ts"]).all()
