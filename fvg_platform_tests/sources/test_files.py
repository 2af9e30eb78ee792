"""A folder of bars: what is listed, how times are read, what is said about bad files."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fvg_platform.market.basis import Basis
from fvg_platform.market.calendars import trading_calendar
from fvg_platform.sources.base import SeriesInfo, SourceError, SymbolInfo
from fvg_platform.sources.files import FilesSource, import_file

HEADER = "ts,open,high,low,close,volume"
BAR = "10,12,9,11,100"
HOUR = "2024-01-02T14:30:00Z"
Write = Callable[..., Path]


def expected_bars(
    asset_class: str = "equity", timeframe: str = "1h", days: int = 40, **kind: str
) -> pd.DataFrame:
    first = pd.Timestamp("2024-11-01", tz="UTC")
    calendar = trading_calendar(asset_class, **kind)  # type: ignore[arg-type]
    ts = calendar.expected_opens(timeframe, first, first + pd.Timedelta(days=days))
    close = 100 + np.arange(len(ts)) * 0.01
    return pd.DataFrame(
        {"ts": ts, "open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 555568.36}
    )


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of lines into the folder."""

    def lines(name: str, *content: str, ending: str = "\n") -> Path:
        path = tmp_path / name
        path.write_bytes((ending.join(content) + ending).encode() if content else b"")
        return path

    return lines


def read(folder: Path, ticker: str = "AAPL", timeframe: str = "1h") -> pd.DataFrame:
    return FilesSource(folder).read(ticker, timeframe)


# --- what is there -----------------------------------------------------------------------------------------------


def test_series_and_symbols_are_read_off_names_and_bars(tmp_path: Path) -> None:
    expected_bars().to_csv(tmp_path / "AAPL_1h.csv", index=False)
    expected_bars(anchor="clock", session="extended").to_parquet(tmp_path / "brk.b_1h.parquet")
    expected_bars("crypto", "1m", days=9).to_parquet(tmp_path / "MY_COIN_1m.parquet")
    expected_bars("crypto", "1w").to_csv(tmp_path / "MY_COIN_1w.csv", index=False)
    expected_bars("fx").set_index("ts").to_parquet(tmp_path / "EUR-USD_1h.parquet")
    (tmp_path / "README.txt").write_text("not bars")
    (tmp_path / ".hidden_1h.csv").write_text("")
    source = FilesSource(tmp_path)
    assert source.problems() == []
    assert source.series() == [
        SeriesInfo("AAPL", "1h", Basis("split", "session", "regular", "files"), "equity"),
        SeriesInfo("BRK.B", "1h", Basis("split", "clock", "extended", "files"), "equity"),
        SeriesInfo("EUR-USD", "1h", Basis("raw", "clock", "regular", "files"), "fx"),
        SeriesInfo("MY_COIN", "1m", Basis("raw", "clock", "regular", "files"), "crypto"),
        # Weeks alone could be anything's; the minutes tell what the instrument is.
        SeriesInfo("MY_COIN", "1w", Basis("raw", "session", "regular", "files"), "crypto"),
    ]
    assert source.symbols()[0] == SymbolInfo("AAPL", "AAPL", "equity")


def test_statements_go_before_what_is_inferred(tmp_path: Path, write: Write) -> None:
    expected_bars().to_csv(tmp_path / "GOLD_1h.csv", index=False)
    expected_bars(timeframe="1d").to_csv(tmp_path / "GOLD_1d.csv", index=False)
    write("symbols.csv", "Ticker,Name,Asset_Class,adjustment", "gold,Barrick,equity,raw")
    write("series.csv", "ticker,timeframe,adjustment,anchor", "GOLD,1d,total,", "GOLD,1h,,clock")
    source = FilesSource(tmp_path)
    assert source.symbols() == [SymbolInfo("GOLD", "Barrick", "equity")]
    assert [(i.timeframe, i.basis.adjustment, i.basis.anchor) for i in source.series()] == [
        ("1h", "raw", "clock"),
        ("1d", "total", "session"),
    ]


def test_a_statement_that_cannot_be_understood_takes_its_ticker_out_and_is_named(
    tmp_path: Path, write: Write
) -> None:
    for name in ("AAPL_1h.csv", "MSFT_1h.csv"):
        write(name, HEADER, f"{HOUR},{BAR}")
    write("symbols.csv", "ticker,adjustment", "MSFT,raw", "AAPL,dividends")
    source = FilesSource(tmp_path)
    assert [i.ticker for i in source.series()] == ["MSFT"]
    ((name, message),) = source.problems()
    assert name == "symbols.csv"
    assert message.endswith(
        "symbols.csv, line 3: adjustment of AAPL is 'dividends': use one of raw, split, total"
    )


def test_statements_without_tickers_stop_everything(tmp_path: Path, write: Write) -> None:
    write("symbols.csv", "symbol,adjustment", "MSFT,raw")
    with pytest.raises(SourceError, match=r"symbols\.csv: lacks the column ticker"):
        FilesSource(tmp_path).series()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("AAPL_2h.csv", "unknown timeframe '2h': use one of 1m, 5m"),
        ("AAPL_1M.csv", "unknown timeframe '1M'.*1m is a minute, 1mo a month"),
        ("AA PL$_1h.csv", r"strange ticker 'AA PL\$': use 1 to 20 of the characters A-Z 0-9"),
        ("A" * 21 + "_1h.csv", "strange ticker 'A{21}'"),
        ("AAPL.csv", r"states no timeframe: call it TICKER_TIMEFRAME\.csv, such as AAPL_1h\.csv"),
    ],
)
def test_names_that_cannot_be_read_are_told_beside_the_others(
    tmp_path: Path, write: Write, name: str, message: str
) -> None:
    write(name, HEADER, f"{HOUR},{BAR}")
    write("MSFT_1h.csv", HEADER, f"{HOUR},{BAR}")
    source = FilesSource(tmp_path)
    assert [i.ticker for i in source.series()] == ["MSFT"]
    ((named, told),) = source.problems()
    assert named == name
    with pytest.raises(SourceError, match=message):
        raise SourceError(told)


def test_two_files_of_one_series_are_not_guessed_between(tmp_path: Path, write: Write) -> None:
    write("AAPL_1h.csv", HEADER, f"{HOUR},{BAR}")
    expected_bars().to_parquet(tmp_path / "AAPL_1h.parquet")
    source = FilesSource(tmp_path)
    assert source.series() == []
    assert "AAPL_1h.csv and AAPL_1h.parquet are both AAPL 1h; remove one" in source.problems()[0][1]


def test_a_folder_without_bars_and_a_missing_one(tmp_path: Path) -> None:
    assert "holds no TICKER_TIMEFRAME.csv" in FilesSource(tmp_path).problems()[0][1]
    with pytest.raises(SourceError, match=r"nowhere: is no folder; set FVG_FILES_DIR"):
        FilesSource(tmp_path / "nowhere").series()


def test_a_series_that_is_not_there(tmp_path: Path, write: Write) -> None:
    write("AAPL_1h.csv", HEADER, f"{HOUR},{BAR}")
    with pytest.raises(SourceError, match="files has no series AAPL 1d: of AAPL it has 1h"):
        read(tmp_path, "AAPL", "1d")
    with pytest.raises(SourceError, match="files has no series IBM 1d: it has no IBM"):
        read(tmp_path, "IBM", "1d")


# --- good files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["AAPL_1h.csv", "AAPL_1h.parquet"])
def test_bars_come_back_as_they_were_written(tmp_path: Path, name: str) -> None:
    bars = expected_bars().assign(vwap=100.5, transactions=7)
    local = bars.assign(ts=bars["ts"].dt.tz_convert("America/New_York"), comment="x")
    shuffled = local.sample(frac=1, random_state=3)
    if name.endswith("csv"):
        shuffled.to_csv(tmp_path / name, index=False)
    else:
        shuffled.to_parquet(tmp_path / name)
    got = read(tmp_path)
    pd.testing.assert_frame_equal(
        got, bars.loc[shuffled.index].reset_index(drop=True).astype({"transactions": float})
    )


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-02T14:30:00Z",
        "2024-01-02 09:30:00-05:00",
        "2024-01-02 09:30:00-0500",
        "2024-01-02T15:30+01",
        "2024-01-02 14:30:00 UTC",
        "2024-01-02 14:30:00.000000000Z",
        " 2024-01-02T14:30:00.000Z ",
        "20240102T143000Z",
        "1704205800",
        "1704205800000",
        "1704205800000000",
        "1704205800000000000",
    ],
)
def test_an_instant_may_be_written_in_many_ways(tmp_path: Path, write: Write, text: str) -> None:
    write("AAPL_1h.csv", HEADER, f"{text},{BAR}")
    assert read(tmp_path)["ts"].tolist() == [pd.Timestamp("2024-01-02 14:30", tz="UTC")]


def test_microseconds_are_kept(tmp_path: Path, write: Write) -> None:
    write("AAPL_1m.csv", HEADER, f"2024-01-02T14:30:00.123456Z,{BAR}")
    assert read(tmp_path, timeframe="1m")["ts"][0].microsecond == 123456


@pytest.mark.parametrize(
    ("timeframe", "text", "opens"),
    [
        ("1d", "2024-07-05", "2024-07-05 09:30"),
        ("1d", "20240705", "2024-07-05 09:30"),
        ("1d", "2024-07-05 00:00:00", "2024-07-05 09:30"),
        ("1d", "2024-07-05T00:00:00Z", "2024-07-05 09:30"),  # a plain date, as many programs write it
        ("1d", "2024-07-05T00:00:00-04:00", "2024-07-05 09:30"),
        ("1d", "2024-07-05T20:00:00Z", "2024-07-05 09:30"),  # stamped at the close
        ("1w", "2024-09-02", "2024-09-03 09:30"),  # Labor Day's week
        ("1w", "2024-09-06", "2024-09-03 09:30"),
        ("1mo", "2024-09-30", "2024-09-03 09:30"),
    ],
)
def test_days_weeks_and_months_open_with_their_first_session(
    tmp_path: Path, write: Write, timeframe: str, text: str, opens: str
) -> None:
    write(f"AAPL_{timeframe}.csv", HEADER, f"{text},{BAR}")
    assert read(tmp_path, timeframe=timeframe)["ts"].tolist() == [pd.Timestamp(opens, tz="America/New_York")]


def test_dates_in_parquet(tmp_path: Path) -> None:
    bars = expected_bars(timeframe="1d").drop(columns="ts")
    dates = expected_bars(timeframe="1d")["ts"].dt.tz_localize(None).dt.normalize()
    bars.assign(Date=dates).to_parquet(tmp_path / "A_1d.parquet")
    bars.assign(date=dates.dt.date).to_parquet(tmp_path / "B_1d.parquet")
    for ticker in ("A", "B"):
        assert read(tmp_path, ticker, "1d")["ts"].tolist() == expected_bars(timeframe="1d")["ts"].tolist()


@pytest.mark.parametrize("time_column", ["ts", "Timestamp", "DATETIME", "Date", "time"])
def test_columns_are_found_whatever_their_case_and_order(
    tmp_path: Path, write: Write, time_column: str
) -> None:
    write(
        "AAPL_1h.csv",
        f"\ufeffVolume,CLOSE, Low ,high,Open,Adj Close,{time_column}",
        f"100,11,9,12,10,?,{HOUR}",
    )
    got = read(tmp_path)
    assert got.drop(columns="ts").iloc[0].to_dict() == {
        "open": 10,
        "high": 12,
        "low": 9,
        "close": 11,
        "volume": 100,
    }


def test_rows_that_are_no_sensible_bars_are_left_to_cleaning(tmp_path: Path, write: Write) -> None:
    write(
        "AAPL_1h.csv",
        HEADER,
        "2024-01-02T15:30:00Z,10,12,9,11,100",
        "2024-01-02T14:30:00Z,,12,9,NaN,-5",
        "2024-01-02T14:30:00Z, 1e1 ,inf,0,11,null",
    )
    got = read(tmp_path)
    assert got["ts"].is_monotonic_decreasing
    np.testing.assert_array_equal(
        got.drop(columns="ts"),
        [[10, 12, 9, 11, 100], [np.nan, 12, 9, np.nan, -5], [10, np.inf, 0, 11, np.nan]],
    )


def test_only_the_bars_since_a_time(tmp_path: Path) -> None:
    bars = expected_bars()
    bars.to_csv(tmp_path / "AAPL_1h.csv", index=False)
    since = bars["ts"].iloc[17]
    got = FilesSource(tmp_path).read("AAPL", "1h", since=since)
    pd.testing.assert_frame_equal(got, bars.iloc[17:].reset_index(drop=True))


def test_the_fingerprint_follows_content_and_meaning_not_the_clock(tmp_path: Path, write: Write) -> None:
    path = write("AAPL_1h.csv", HEADER, f"{HOUR},{BAR}")
    source = FilesSource(tmp_path)
    first = source.fingerprint("AAPL", "1h")
    os.utime(path, ns=(1, 1))
    assert source.fingerprint("AAPL", "1h") == FilesSource(tmp_path).fingerprint("AAPL", "1h") == first
    write("AAPL_1h.csv", HEADER, f"{HOUR},10,12,9,11,101")
    changed = source.fingerprint("AAPL", "1h")
    write("symbols.csv", "ticker,adjustment", "AAPL,raw")
    assert len({first, changed, source.fingerprint("AAPL", "1h")}) == 3


# --- bad files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], r"AAPL_1h\.csv: the file is empty; write a header line and bars, or remove it"),
        ([HEADER], r"AAPL_1h\.csv: has a header but no bars"),
        (
            ["ts,open,high,low,volume", f"{HOUR},1,1,1,1"],
            r"lacks the column\(s\) close; its columns are: ts, open",
        ),
        (
            ["when,open,high,low,close,volume"],
            r"lacks the column\(s\) ts \(or timestamp, datetime, date, time\)",
        ),
        ([HEADER.replace(",", ";")], "separate the columns by commas"),
        ([HEADER + ",Close", f"{HOUR},{BAR},11"], r"has two columns close \('close', 'Close'\); remove one"),
        (
            [HEADER, f"{HOUR},{BAR}", "", f"{HOUR},10,12,abc,11,100"],
            r"AAPL_1h\.csv, line 4: low is 'abc', which is no number; write it like 1234\.5, or leave it empty",
        ),
        ([HEADER, f'{HOUR},10,12,9,"1,100.5",100'], "line 2: close is '1,100.5', which is no number"),
        (
            [HEADER, f"{HOUR},{BAR}", f"2024-01-02 15:30:00,{BAR}"],
            r"line 3: ts is '2024-01-02 15:30:00', a local time without a zone; write it with its offset, "
            r"such as 2024-01-02T09:30:00-05:00 or",
        ),
        ([HEADER, f"2024-01-02,{BAR}"], "line 2: ts is '2024-01-02', a local time without a zone"),
        ([HEADER, f"20240102,{BAR}"], "line 2: ts is 20240102, a date without a time of day"),
        ([HEADER, f"soon,{BAR}"], "line 2: ts is 'soon', which is no time"),
        ([HEADER, f"2024-13-02T14:30:00Z,{BAR}"], "line 2: ts is '2024-13-02T14:30:00Z', which is no time"),
        ([HEADER, f"{HOUR},{BAR}", f"0099-01-02T14:30:00Z,{BAR}"], "line 3: ts is .*no time of a market"),
        (
            [HEADER, f"{HOUR},{BAR}", f",{BAR}"],
            "line 3: ts is empty; write the bar's open time or remove the row",
        ),
        (
            [HEADER, f"{HOUR},{BAR}", f"{HOUR},10,12"],
            "line 3: has 3 fields where the header has 6; mend or remove",
        ),
    ],
)
def test_what_is_wrong_in_a_csv_is_named_with_its_line_and_the_way_out(
    tmp_path: Path, write: Write, lines: list[str], message: str
) -> None:
    write("AAPL_1h.csv", *lines)
    write("MSFT_1h.csv", HEADER, f"{HOUR},{BAR}")
    source = FilesSource(tmp_path)
    # It is listed, so that the run can name it; the others are not held up.
    assert [i.ticker for i in source.series()] == ["AAPL", "MSFT"]
    with pytest.raises(SourceError, match=message):
        source.read("AAPL", "1h")
    assert len(source.read("MSFT", "1h")) == 1


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path, write: Write) -> None:
    write("AAPL_1h.csv", "", HEADER, "", *[f"{HOUR},{BAR}"] * 5, "", f"{HOUR},10,12,9,x,100", ending="\r\n")
    with pytest.raises(SourceError, match="line 10: close is 'x'"):
        read(tmp_path)


def test_a_far_line_of_a_long_file_is_found(tmp_path: Path) -> None:
    lines = [HEADER, *[f"{HOUR},{BAR}"] * 100_000, f"{HOUR},10,12,n.a.,11,100"]
    (tmp_path / "COIN_1m.csv").write_text("\n".join(lines))
    with pytest.raises(SourceError, match=r"line 100002: low is 'n\.a\.'"):
        read(tmp_path, "COIN", "1m")


@pytest.mark.parametrize(
    ("timeframe", "text", "message"),
    [
        (
            "1d",
            "2024-07-05 09:30:00",
            "a time of day without a zone; name a 1d bar by its date alone, or write",
        ),
        ("1w", "2024-09-08", "the week is dated 2024-09-08, a Sunday, which may begin or end it"),
    ],
)
def test_days_and_weeks_that_cannot_be_told(
    tmp_path: Path, write: Write, timeframe: str, text: str, message: str
) -> None:
    write(f"AAPL_{timeframe}.csv", HEADER, f"{text},{BAR}")
    with pytest.raises(SourceError, match=f"line 2: .*{message}"):
        read(tmp_path, timeframe=timeframe)


def test_bad_parquet_files(tmp_path: Path) -> None:
    bars = expected_bars()
    naive = bars.assign(ts=bars["ts"].dt.tz_localize(None))
    cases = {
        "A": (naive, "row 1: ts is '2024-11-01 13:30:00', a local time without a zone"),
        "B": (
            bars.assign(close=bars["close"].astype(str).where(bars.index != 4, "abc")),
            "row 5: close is 'abc'",
        ),
        "C": (bars.assign(ts=bars["ts"].where(bars.index != 2)), "row 3: ts is empty"),
        "D": (bars.assign(ts=True), "ts is a column of bool: write times"),
        "E": (bars.assign(close=bars["ts"]), r"close is a column of timestamp\[us, tz=UTC\]: write numbers"),
        "F": (bars.drop(columns=["high"]), r"lacks the column\(s\) high"),
        "G": (bars.iloc[:0], "has a header but no bars"),
    }
    for ticker, (frame, _) in cases.items():
        frame.to_parquet(tmp_path / f"{ticker}_1h.parquet", index=False)
    source = FilesSource(tmp_path)
    assert len(source.series()) == len(cases)
    for ticker, (_, message) in cases.items():
        with pytest.raises(SourceError, match=f"{ticker}_1h.parquet.*{message}"):
            source.read(ticker, "1h")


@pytest.mark.parametrize("name", ["AAPL_1h.csv", "AAPL_1h.parquet"])
def test_garbage(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(np.random.default_rng(7).bytes(5000))
    source = FilesSource(tmp_path)
    assert len(source.series()) == 1
    with pytest.raises(SourceError, match=f"{name}: .*(is no|lacks)"):
        source.read("AAPL", "1h")


def test_a_truncated_parquet_file(tmp_path: Path) -> None:
    expected_bars().to_parquet(tmp_path / "whole.parquet")
    content = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "AAPL_1h.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceError, match=r"AAPL_1h\.parquet: is no readable Parquet file .*write it again"):
        read(tmp_path)


# --- import ------------------------------------------------------------------------------------------------------


def test_an_imported_file_is_a_series_of_the_folder(tmp_path: Path) -> None:
    bars = expected_bars(timeframe="1d")
    download = tmp_path / "download (3).csv"
    dates = bars["ts"].dt.strftime("%Y-%m-%d")
    bars.drop(columns="ts").assign(Date=dates, Comment="x").to_csv(download, index=False)
    folder = tmp_path / "bars"
    written = import_file(download, "brk.b", "1d", folder)
    assert written == folder / "BRK.B_1d.parquet"
    pd.testing.assert_frame_equal(read(folder, "BRK.B", "1d"), bars)
    assert [path.name for path in folder.iterdir()] == ["BRK.B_1d.parquet"]


def test_importing_again_replaces_and_pairs_are_written_with_a_dash(tmp_path: Path) -> None:
    bars = expected_bars("crypto")
    bars.to_csv(tmp_path / "x.csv", index=False)
    folder = tmp_path / "bars"
    import_file(tmp_path / "x.csv", "X:BTCUSD", "1h", folder)
    bars.iloc[:50].to_csv(tmp_path / "x.csv", index=False)
    assert import_file(tmp_path / "x.csv", "X:BTCUSD", "1h", folder).name == "X-BTCUSD_1h.parquet"
    pd.testing.assert_frame_equal(read(folder, "X-BTCUSD"), bars.iloc[:50])
    assert FilesSource(folder).series()[0].asset_class == "crypto"


def test_a_bad_file_is_not_imported_and_the_old_one_stays(tmp_path: Path, write: Write) -> None:
    folder = tmp_path / "bars"
    good = write("good.csv", HEADER, f"{HOUR},{BAR}")
    before = import_file(good, "AAPL", "1h", folder).read_bytes()
    bad = write("bad.csv", HEADER, f"{HOUR},10,12,9,eleven,100")
    for file, ticker, timeframe, message in [
        (bad, "AAPL", "1h", r"bad\.csv, line 2: close is 'eleven'"),
        (good, "A APL", "1h", "strange ticker 'A APL'"),
        (good, "AAPL", "1hour", "unknown timeframe '1hour'"),
        (tmp_path / "none.csv", "AAPL", "1h", r"none\.csv: cannot be read \(No such file"),
        (write("bars.xlsx", "x"), "AAPL", "1h", r"bars\.xlsx: is neither \.csv nor \.parquet; convert it"),
        (write("week.csv", HEADER, f"2024-09-08,{BAR}"), "AAPL", "1w", "a Sunday"),
    ]:
        with pytest.raises(ValueError, match=message):
            import_file(file, ticker, timeframe, folder)
    assert [path.name for path in folder.iterdir()] == ["AAPL_1h.parquet"]
    assert (folder / "AAPL_1h.parquet").read_bytes() == before


def test_a_series_that_lies_there_as_csv_is_not_doubled(tmp_path: Path, write: Write) -> None:
    file = write("AAPL_1h.csv", HEADER, f"{HOUR},{BAR}")
    with pytest.raises(SourceError, match=r"AAPL_1h\.csv: is AAPL 1h already; remove it, then import"):
        import_file(file, "AAPL", "1h", tmp_path)


def test_a_full_disk_leaves_no_half_file(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write("good.csv", HEADER, f"{HOUR},{BAR}")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SourceError, match=r"AAPL_1h\.parquet: cannot be written \(No space left on device\)"):
        import_file(file, "AAPL", "1h", tmp_path / "bars")
    assert list((tmp_path / "bars").iterdir()) == []
