"""A folder of bars as the look-alike serves it: `TICKER_TIMEFRAME.parquet|csv`, `splits.csv`, `tickers.csv`.

Bars are unadjusted, read when they are first asked for, and again when their file changes. Minutes and hours come
from a ticker's finest intraday file; days from its `1d` file, or are put together from the intraday bars where it
has none. Files of weeks and months are not used. In file names `:` is written `-`: `X-BTCUSD_1h.parquet`.
"""

import csv
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np
import pandas as pd

from fvg_platform.market.basis import AssetClass
from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.sessions import NEW_YORK
from fvg_platform.market.timeframes import INTRADAY, TIMEFRAMES, require_timeframe
from fvg_platform.sources.bar_files import read_bar_file
from fvg_platform.sources.base import SourceError, Split, require_ticker
from fvg_platform.sources.files import bars_of
from fvg_platform.sources.polygon_replay.aggregates import Bars, Milliseconds, Spans, aggregate
from fvg_platform.sources.raw_tables import SUFFIXES
from fvg_platform.sources.statements import STATEMENT_FILES

MarketName = Literal["stocks", "crypto", "fx"]

SPLITS_FILE, TICKERS_FILE = "splits.csv", "tickers.csv"

_CLASSES: dict[MarketName, AssetClass] = {"stocks": "equity", "crypto": "crypto", "fx": "fx"}
_COLUMNS = {
    "open": "o",
    "high": "h",
    "low": "l",
    "close": "c",
    "volume": "v",
    "vwap": "vw",
    "transactions": "n",
}
_NO_BARS = (SPLITS_FILE, TICKERS_FILE, *STATEMENT_FILES)

Signature = tuple[int, int]


class ReplayFolderError(SourceError):
    """A folder cannot be served; the message names the folder or file, the line, the value and the way out."""


@dataclass(frozen=True)
class Instrument:
    """One entry of the reference data; `delisted`: when it left the market (UTC), None if it did not."""

    ticker: str
    name: str
    market: MarketName
    active: bool
    delisted: pd.Timestamp | None = None

    def is_active(self, now: pd.Timestamp | None) -> bool:
        """Whether it is in the market `now`; None: as the folder says."""
        if self.delisted is not None and now is not None:
            return now < self.delisted
        return self.active


class BarFolder:
    """The bars, instruments and splits of a folder.

    Its list of files, `splits.csv` and `tickers.csv` are read once.

    Parameters
    ----------
    instruments
        By ticker: what `tickers.csv` lists, or without it every ticker that has a file, active, in the market that
        its name tells (`X:` crypto, `C:` fx, otherwise stocks).
    splits
        What `splits.csv` lists.

    Raises
    ------
    ReplayFolderError
        No folder, no file of bars in it, two files of one series, a file name or line that cannot be understood.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise ReplayFolderError(
                f"{self.folder}: is no folder; name one that holds TICKER_TIMEFRAME.parquet or .csv files"
            )
        listed = _read_instruments(self.folder / TICKERS_FILE)
        self._paths = _bar_files(self.folder, {_file_spelling(ticker): ticker for ticker in listed})
        tickers = sorted({ticker for ticker, _ in self._paths})
        self.instruments = listed or {t: Instrument(t, t, _market_by_name(t), active=True) for t in tickers}
        self.splits = _read_splits(self.folder / SPLITS_FILE)
        self._read: dict[tuple[str, str], tuple[Signature, Bars]] = {}
        self._days: dict[str, tuple[Bars, Bars]] = {}
        self._lock = threading.Lock()

    @property
    def series(self) -> list[tuple[str, str]]:
        """Ticker and timeframe of every file, by ticker and length."""
        return sorted(self._paths, key=lambda key: (key[0], TIMEFRAMES.index(key[1])))

    def market(self, ticker: str) -> MarketName:
        """The market of a ticker, known or not."""
        instrument = self.instruments.get(ticker)
        return _market_by_name(ticker) if instrument is None else instrument.market

    def intraday(self, ticker: str, now: pd.Timestamp | None) -> Bars:
        """The base of minutes and hours: all bars that opened before `now`; none for an unknown ticker."""
        with self._lock:
            return _opened_before(self._intraday(ticker), now)

    def days(self, ticker: str, now: pd.Timestamp | None) -> Bars:
        """The base of days, weeks and months, `t` at midnight of the market's day."""
        with self._lock:
            if (ticker, "1d") in self._paths:
                return _opened_before(self._bars(ticker, "1d"), now)
            return self._days_of_intraday(ticker, now)

    def _days_of_intraday(self, ticker: str, now: pd.Timestamp | None) -> Bars:
        intraday = self._intraday(ticker)
        spans = Spans(1, "day", zone_of(self.market(ticker)))
        if ticker not in self._days or self._days[ticker][0] is not intraday:
            self._days[ticker] = (intraday, aggregate(intraday, spans))
        whole = self._days[ticker][1]
        if now is None or not len(intraday) or _ms(now) > intraday.opened[-1]:
            return whole
        today = spans.start(spans.number(_ms(now)))
        begun = _opened_before(intraday, now)
        running = aggregate(begun.part(int(np.searchsorted(begun.t, today)), len(begun)), spans)
        return _joined(whole.part(0, int(np.searchsorted(whole.t, today))), running)

    def _intraday(self, ticker: str) -> Bars:
        for timeframe in TIMEFRAMES:
            if timeframe in INTRADAY and (ticker, timeframe) in self._paths:
                return self._bars(ticker, timeframe)
        return _NOTHING

    def _bars(self, ticker: str, timeframe: str) -> Bars:
        path = self._paths[ticker, timeframe]
        try:
            stat = path.stat()
        except OSError as error:
            raise ReplayFolderError(f"{path}: {error.strerror}; put the file back") from error
        signature = (stat.st_size, stat.st_mtime_ns)
        if self._read.get((ticker, timeframe), (None,))[0] != signature:
            bars = _read_bars(path, timeframe, self.market(ticker))
            self._read[ticker, timeframe] = (signature, bars)
        return self._read[ticker, timeframe][1]


def zone_of(market: MarketName) -> str:
    """The zone whose midnight begins a market's days."""
    return NEW_YORK if market == "stocks" else "UTC"


def _read_bars(path: Path, timeframe: str, market: MarketName) -> Bars:
    """A file's rows that have prices, in order of time; of rows with one time the last counts."""
    calendar = trading_calendar(_CLASSES[market])
    frame = bars_of(read_bar_file(path, timeframe), timeframe, calendar)
    frame = frame.dropna(subset=["open", "high", "low", "close", "volume"])
    frame = frame.sort_values("ts", kind="stable").drop_duplicates("ts", keep="last")
    ts = pd.DatetimeIndex(frame["ts"])
    opened = ts.as_unit("ms").asi8
    t = opened
    if timeframe not in INTRADAY:
        midnights = pd.DatetimeIndex(calendar.session_date(ts)).tz_localize(zone_of(market))
        t = midnights.tz_convert("UTC").as_unit("ms").asi8
    values = {
        short: frame[name].to_numpy(dtype=np.float64) for name, short in _COLUMNS.items() if name in frame
    }
    return Bars(t, opened, values)


def _bar_files(folder: Path, known: dict[str, str]) -> dict[tuple[str, str], Path]:
    """The file of each series; `known`: tickers by how file names spell them."""
    found: dict[tuple[str, str], Path] = {}
    for path in sorted(folder.iterdir()):
        name = path.name.lower()
        if path.suffix.lower() not in SUFFIXES or name in _NO_BARS or name.startswith(".") or path.is_dir():
            continue
        spelled, _, timeframe = path.stem.rpartition("_")
        try:
            key = (_vendor_ticker(require_ticker(spelled.upper()), known), require_timeframe(timeframe))
        except ValueError as error:
            raise ReplayFolderError(
                f"{path}: {error}; call it TICKER_TIMEFRAME{path.suffix}, such as AAPL_1h{path.suffix}"
            ) from error
        if key in found:
            raise ReplayFolderError(
                f"{folder}: {found[key].name} and {path.name} are both {' '.join(key)}; remove one"
            )
        found[key] = path
    if not any(timeframe in INTRADAY or timeframe == "1d" for _, timeframe in found):
        raise ReplayFolderError(
            f"{folder}: holds no bars to serve; put TICKER_TIMEFRAME.parquet or .csv files of minutes, hours or "
            "days there, such as AAPL_1h.parquet"
        )
    return found


def _vendor_ticker(spelled: str, known: dict[str, str]) -> str:
    """The vendor's ticker for a file's: `X-BTCUSD` is `X:BTCUSD`."""
    if spelled in known:
        return known[spelled]
    return re.sub(r"^([XC])-(\w{6,})$", r"\1:\2", spelled)


def _file_spelling(ticker: str) -> str:
    return ticker.replace("/", "-").replace(":", "-")


def _market_by_name(ticker: str) -> MarketName:
    if ticker.startswith("X:"):
        return "crypto"
    return "fx" if ticker.startswith("C:") else "stocks"


def _read_instruments(path: Path) -> dict[str, Instrument]:
    instruments = {}
    for line, row in _rows(path, ("ticker",)):
        ticker = _ticker(path, line, row)
        market = row.get("market") or _market_by_name(ticker)
        if market not in _CLASSES:
            _fail(path, line, f"market of {ticker} is {market!r}; write one of {', '.join(_CLASSES)}")
        active = row.get("active", "").lower() or "true"
        if active not in ("true", "false"):
            _fail(path, line, f"active of {ticker} is {active!r}; write true or false")
        delisted = _moment(path, line, row["delisted_utc"]) if row.get("delisted_utc") else None
        instruments[ticker] = Instrument(
            ticker, row.get("name") or ticker, market, active == "true", delisted
        )
    return dict(sorted(instruments.items()))


def _read_splits(path: Path) -> list[Split]:
    splits = []
    for line, row in _rows(path, ("ticker", "execution_date", "split_from", "split_to")):
        ticker = _ticker(path, line, row)
        try:
            day = date.fromisoformat(row["execution_date"])
        except ValueError:
            _fail(
                path,
                line,
                f"execution_date of {ticker} is {row['execution_date']!r}; write it like 2024-06-10",
            )
        shares = {}
        for column in ("split_from", "split_to"):
            try:
                shares[column] = float(row[column])
            except ValueError:
                shares[column] = np.nan
            if not 0 < shares[column] < np.inf:
                _fail(
                    path, line, f"{column} of {ticker} is {row[column]!r}; write a number of shares above 0"
                )
        splits.append(Split(ticker, day, **shares))
    return splits


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and values of every row, by column in small letters; nothing where there is no such file."""
    if not path.exists():
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip().lower() for name in next(reader, [])]
            missing = [name for name in needed if name not in header]
            if missing:
                raise ReplayFolderError(
                    f"{path}: lacks the column(s) {', '.join(missing)}; add them to its header"
                )
            for fields in reader:
                if not fields:
                    continue
                if len(fields) != len(header):
                    _fail(
                        path, reader.line_num, f"has {len(fields)} fields where the header has {len(header)}"
                    )
                yield reader.line_num, {n: v.strip() for n, v in zip(header, fields, strict=True)}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReplayFolderError(f"{path}: cannot be read ({error}); save it as CSV in UTF-8") from error


def _ticker(path: Path, line: int, row: dict[str, str]) -> str:
    try:
        return require_ticker(row["ticker"].upper())
    except SourceError as error:
        _fail(path, line, str(error))


def _moment(path: Path, line: int, text: str) -> pd.Timestamp:
    try:
        moment = pd.Timestamp(text)
    except ValueError:
        _fail(path, line, f"delisted_utc is {text!r}; write it like 2024-06-10 or 2024-06-10T00:00:00Z")
    return moment.tz_localize("UTC") if moment.tz is None else moment.tz_convert("UTC")


def _fail(path: Path, line: int, message: str) -> NoReturn:
    raise ReplayFolderError(f"{path}, line {line}: {message}")


def _opened_before(bars: Bars, now: pd.Timestamp | None) -> Bars:
    return bars if now is None else bars.part(0, int(np.searchsorted(bars.opened, _ms(now))))


def _joined(one: Bars, other: Bars) -> Bars:
    values = {name: np.concatenate([one.values[name], other.values[name]]) for name in one.values}
    return Bars(np.concatenate([one.t, other.t]), np.concatenate([one.opened, other.opened]), values)


def _ms(moment: pd.Timestamp) -> int:
    """Milliseconds since 1970, rounded up: a bar that opens before the moment opens before that."""
    return -(-moment.as_unit("ns").value // 1_000_000)


def _no_times() -> Milliseconds:
    return np.zeros(0, dtype=np.int64)


_NOTHING = Bars(_no_times(), _no_times(), {name: np.zeros(0) for name in "ohlcv"})
