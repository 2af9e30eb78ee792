"""The engine raises on unsound input and says where; it guesses nothing."""

import numpy as np
import pandas as pd
import pytest

from fvg_platform.fvg.bar_input import BarError
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.outcomes import label_setups

from .made_up import bars_of, mirror, walk

NO_SETUPS = pd.DataFrame(
    {name: [] for name in ("i", "side", "entry", "stop", "risk", "target_1", "target_2", "target_3")}
).astype(float)


def sound() -> pd.DataFrame:
    return bars_of([(10, 12, 9, 11)] * 5)


def put(column: str, value: object, row: int = 3) -> pd.DataFrame:
    bars = sound()
    bars.loc[row, column] = value
    return bars


def mixed_zones() -> pd.DataFrame:
    times = sound()["ts"].astype(object)
    times[2] = times[2].tz_convert("America/New_York")
    return sound().assign(ts=times)


UNSOUND = {
    "unsorted": (sound().iloc[[0, 2, 1, 3, 4]], "1h bar 2 .* lies before"),
    "duplicate": (put("ts", sound()["ts"][2]), "1h bar 3 .* repeats the ts"),
    "no zone": (sound().assign(ts=sound()["ts"].dt.tz_localize(None)), "no time zone"),
    "text time": (sound().assign(ts=sound()["ts"].astype(str)), "ts must be timestamps"),
    "mixed zones": (mixed_zones(), r"mixes zones: row 2 \(.*\) is in America/New_York, row 0 .* in UTC"),
    "no times": (sound().assign(ts=[*range(5)]), "ts must be timestamps .* int64 .first value .*0"),
    "missing time": (put("ts", pd.NaT, 0), "1h bar 0 .* has no ts"),
    "NaN": (put("close", np.nan), "1h bar 3 .* missing or infinite price"),
    "infinite high": (put("high", np.inf), "1h bar 3 .* missing or infinite price"),
    "high below close": (put("high", 10.5), "1h bar 3 .* high below"),
    "low above open": (put("low", 10.5), "1h bar 3 .* low above"),
    "negative volume": (put("volume", -1), "1h bar 3 .* volume"),
    "text price": (sound().assign(open="ten"), "open must be numeric.*'ten'"),
    "no column": (sound().drop(columns=["high", "low"]), "lack high, low"),
}


@pytest.mark.parametrize("case", UNSOUND)
def test_unsound_bars_are_refused_by_both_entrances(case: str) -> None:
    bars, message = UNSOUND[case]
    with pytest.raises(BarError, match=message):
        detect_gaps(bars, "1h")
    with pytest.raises(BarError, match=message):
        label_setups(bars, NO_SETUPS, "1h")


@pytest.mark.parametrize("timeframe", ["2h", "1M", ""])
def test_an_unknown_timeframe_is_named(timeframe: str) -> None:
    with pytest.raises(ValueError, match=f"unknown timeframe '{timeframe}'"):
        detect_gaps(sound(), timeframe)
    with pytest.raises(ValueError, match=f"unknown timeframe '{timeframe}'"):
        label_setups(sound(), NO_SETUPS, timeframe)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_bars_have_no_gaps(n: int) -> None:
    gaps = detect_gaps(sound().head(n), "1d")
    assert len(gaps) == 0
    assert gaps["touched"].dtype == "Int64"
    assert str(gaps["known_at"].dtype) == "datetime64[us, UTC]"
    assert len(label_setups(sound().head(n), NO_SETUPS, "1d")) == 0


def test_what_is_valid_though_odd() -> None:
    bars = walk(60, seed=1)
    gaps = detect_gaps(bars, "1h")
    assert len(gaps) > 0
    assert len(detect_gaps(mirror(bars), "1h")) == len(gaps)  # prices below 0
    odd = bars.assign(ts=bars["ts"].dt.tz_convert("America/New_York"), extra="x").set_index(bars["ts"])
    pd.testing.assert_frame_equal(detect_gaps(odd, "1h"), gaps)  # another zone, another index, more columns
    without = detect_gaps(bars.assign(volume=np.nan), "1h")  # a series without volume
    assert without["volume_ratio"].isna().all()
    nullable = bars.convert_dtypes()
    pd.testing.assert_frame_equal(detect_gaps(nullable, "1h"), gaps)
