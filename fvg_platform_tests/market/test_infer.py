"""Asset class, anchor and session, read off bars of known calendars."""

import numpy as np
import pandas as pd
import pytest

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.infer import infer_anchor, infer_asset_class
from fvg_platform.market.timeframes import TIMEFRAMES


def bars(asset_class: str, timeframe: str, **kind: str) -> pd.DatetimeIndex:
    first = pd.Timestamp("2024-10-01", tz="UTC")
    calendar = trading_calendar(asset_class, **kind)  # type: ignore[arg-type]
    return calendar.expected_opens(timeframe, first, first + pd.Timedelta(days=70))


@pytest.mark.parametrize(
    ("timeframe", "anchor", "session"),
    [
        ("1h", "session", "regular"),
        ("1h", "clock", "regular"),
        ("1h", "clock", "extended"),
        ("4h", "session", "regular"),
        ("4h", "clock", "regular"),
        ("4h", "clock", "extended"),
        ("1m", "session", "regular"),
        ("15m", "clock", "extended"),
    ],
)
def test_anchor_and_session_are_told_apart_with_stray_and_missing_bars(
    timeframe: str, anchor: str, session: str
) -> None:
    ts = bars("equity", timeframe, anchor=anchor, session=session)
    rng = np.random.default_rng(1)
    some = ts[rng.random(len(ts)) < 0.7]
    stray = some[:1] + pd.Timedelta(hours=14, minutes=7)
    assert infer_anchor(some.append(stray), timeframe, "equity") == (anchor, session)


def test_a_closing_print_after_the_session_does_not_make_it_extended() -> None:
    ts = bars("equity", "1m")
    assert infer_anchor(ts.append(ts[389:390] + pd.Timedelta(minutes=1)), "1m", "equity") == (
        "session",
        "regular",
    )


@pytest.mark.parametrize("asset_class", ["equity", "fx", "crypto"])
@pytest.mark.parametrize("timeframe", ["1m", "1h", "4h"])
def test_intraday_bars_tell_their_market_whatever_the_ticker(asset_class: str, timeframe: str) -> None:
    assert infer_asset_class("SOMETHING", bars(asset_class, timeframe), timeframe) == asset_class


def test_extended_hours_are_no_currency() -> None:
    ts = bars("equity", "1h", anchor="clock", session="extended")
    assert infer_asset_class("AAPL", ts, "1h") == "equity"


@pytest.mark.parametrize(
    ("ticker", "asset_class"),
    [
        ("EURUSD", "fx"),
        ("EUR-USD", "fx"),
        ("C:EURUSD", "fx"),
        ("C-EURUSD", "fx"),
        ("BTC-USD", "crypto"),
        ("X:BTCUSD", "crypto"),
        ("ETHUSDT", "crypto"),
        ("AAPL", "equity"),
        ("BRK.B", "equity"),
        ("C", "equity"),
        ("X", "equity"),
        ("USD", "equity"),
    ],
)
def test_where_times_leave_it_open_the_ticker_tells(ticker: str, asset_class: str) -> None:
    assert infer_asset_class(ticker, bars("equity", "1d"), "1d") == asset_class
    assert infer_asset_class(ticker, bars("equity", "1w"), "1w") == asset_class


def test_days_on_saturdays_are_crypto() -> None:
    assert infer_asset_class("SOMETHING", bars("crypto", "1d"), "1d") == "crypto"


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_odd_times_have_an_answer(timeframe: str) -> None:
    for times in ([], ["1700-01-01", "1700-01-01", "2250-01-01"], [None, "2024-01-02"]):
        ts = pd.DatetimeIndex(times).tz_localize("UTC")
        asset_class = infer_asset_class("AAPL", ts, timeframe)
        assert infer_anchor(ts, timeframe, asset_class) is not None
