"""A folder of one's own bars: one file `TICKER_TIMEFRAME.csv` or `.parquet` for each series.

`AAPL_1h.csv`, `BRK.B_1d.parquet`, `BTC-USD_1m.csv`: `/` and `:` cannot stand in a file name and are written `-`. What
the columns may be is told in :mod:`fvg_platform.sources.bar_files`, how to state the basis in
:mod:`fvg_platform.sources.statements`. Without a statement bars count as split-adjusted (currencies and crypto as
raw), and asset class, anchor and session are read off their times.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from fvg_platform.market.basis import AssetClass, Basis
from fvg_platform.market.calendars import TradingCalendar, trading_calendar
from fvg_platform.market.grids import timestamps
from fvg_platform.market.infer import infer_anchor, infer_asset_class
from fvg_platform.market.timeframes import TIMEFRAMES, require_timeframe
from fvg_platform.sources.bar_files import BarFile, read_bar_file, read_first_times
from fvg_platform.sources.bar_times import open_times
from fvg_platform.sources.base import SeriesInfo, SourceError, SymbolInfo, require_series, require_ticker
from fvg_platform.sources.raw_tables import SUFFIXES
from fvg_platform.sources.statements import STATEMENT_FILES, Statements, read_statements

_SeriesKey = tuple[str, str]

# Enough to see weekends and pre-market in minutes; a folder of hundreds of series is listed within a second or two.
_JUDGED_ROWS = 5_000


@dataclass(frozen=True, eq=False)
class _Folder:
    """One look at the folder."""

    paths: dict[_SeriesKey, Path]
    statements: Statements
    problems: list[tuple[str, str]]


class FilesSource:
    """The series of a folder.

    Parameters
    ----------
    folder
        Looked at anew by every call, so that new and changed files are seen; judged and hashed again only when
        their size or time of change differ.
    """

    name = "files"

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._first_times: dict[Path, tuple[tuple[int, int], NDArray[np.int64]]] = {}
        self._digests: dict[Path, tuple[tuple[int, int], str]] = {}

    def symbols(self) -> list[SymbolInfo]:
        """The tickers of the folder's series, with the name that `symbols.csv` gives them."""
        statements = self._look().statements
        classes = {info.ticker: info.asset_class for info in self.series()}
        return [SymbolInfo(t, statements.about(t).get("name", t), classes[t]) for t in sorted(classes)]

    def series(self) -> list[SeriesInfo]:
        """The series of all files whose name can be read; what is wrong inside a file shows when it is read."""
        return list(self._infos(self._look()).values())

    def problems(self) -> list[tuple[str, str]]:
        """Files whose name cannot be read, series with two files, statements that cannot be understood."""
        return self._look().problems

    def fingerprint(self, ticker: str, timeframe: str) -> str:
        """A hash of the file's content, of the series' basis and of its asset class."""
        look = self._look()
        info = self._require(look, ticker, timeframe)
        path = look.paths[ticker, timeframe]
        meaning = f"{self._content_hash(path)} {info.basis} {info.asset_class}"
        return hashlib.blake2b(meaning.encode(), digest_size=16).hexdigest()

    def read(self, ticker: str, timeframe: str, since: pd.Timestamp | None = None) -> pd.DataFrame:
        """Rows of one file in their order; see :meth:`fvg_platform.sources.base.BarSource.read`."""
        look = self._look()
        info = self._require(look, ticker, timeframe)
        calendar = trading_calendar(info.asset_class, anchor=info.basis.anchor, session=info.basis.session)
        bars = bars_of(read_bar_file(look.paths[ticker, timeframe], timeframe), timeframe, calendar)
        return bars if since is None else bars[bars["ts"] >= since].reset_index(drop=True)

    def _require(self, look: _Folder, ticker: str, timeframe: str) -> SeriesInfo:
        if (ticker, timeframe) not in look.paths:
            return require_series(self, ticker, timeframe)
        return self._infos(look, only=ticker)[ticker, timeframe]

    def _look(self) -> _Folder:
        if not self.folder.is_dir():
            raise SourceError(
                f"{self.folder}: is no folder; set FVG_FILES_DIR to the one that holds "
                "TICKER_TIMEFRAME.csv or .parquet files"
            )
        statements = read_statements(self.folder)
        problems = list(statements.problems)
        found: dict[_SeriesKey, list[Path]] = {}
        for path in sorted(self.folder.iterdir()):
            if not _may_hold_bars(path):
                continue
            try:
                found.setdefault(_series_of(path), []).append(path)
            except ValueError as error:
                problems.append((path.name, f"{path}: {error}"))
        for (ticker, timeframe), rivals in found.items():
            if len(rivals) > 1:
                names = " and ".join(path.name for path in rivals)
                problems.append((names, f"{self.folder}: {names} are both {ticker} {timeframe}; remove one"))
        sure = [key for key, paths in found.items() if len(paths) == 1 and key[0] not in statements.doubtful]
        if not found and not problems:
            problems.append(
                (str(self.folder), f"{self.folder}: holds no TICKER_TIMEFRAME.csv or .parquet file")
            )
        in_order = sorted(sure, key=lambda key: (key[0], TIMEFRAMES.index(key[1])))
        return _Folder({key: found[key][0] for key in in_order}, statements, problems)

    def _infos(self, look: _Folder, only: str | None = None) -> dict[_SeriesKey, SeriesInfo]:
        wanted = [key for key in look.paths if only in (None, key[0])]
        times = {key: self._times(look.paths[key], key[1]) for key in wanted}
        classes: dict[str, AssetClass] = {}
        for ticker, timeframe in wanted:
            # One instrument has one class; a single file that trades round the clock or all night tells it.
            told = [
                classes.get(ticker, "equity"),
                infer_asset_class(ticker, times[ticker, timeframe], timeframe),
            ]
            classes[ticker] = max(told, key=("equity", "fx", "crypto").index)
        infos = {}
        for ticker, timeframe in wanted:
            stated: dict[str, Any] = look.statements.about(ticker, timeframe)
            asset_class = cast(AssetClass, stated.get("asset_class", classes[ticker]))
            anchor, session = infer_anchor(times[ticker, timeframe], timeframe, asset_class)
            basis = Basis(
                adjustment=stated.get("adjustment", "split" if asset_class == "equity" else "raw"),
                anchor=stated.get("anchor", anchor),
                session=stated.get("session", session),
                source=self.name,
            )
            infos[ticker, timeframe] = SeriesInfo(ticker, timeframe, basis, asset_class)
        return infos

    def _times(self, path: Path, timeframe: str) -> pd.DatetimeIndex:
        """The first times of a file to judge it by; none where they cannot be read: reading will say why."""
        signature = _signature(path)
        if path not in self._first_times or self._first_times[path][0] != signature:
            try:
                us = read_first_times(path, timeframe).us[:_JUDGED_ROWS].copy()
            except SourceError:
                us = np.zeros(0, dtype=np.int64)
            self._first_times[path] = (signature, us)
        return timestamps(self._first_times[path][1])

    def _content_hash(self, path: Path) -> str:
        signature = _signature(path)
        if path not in self._digests or self._digests[path][0] != signature:
            with path.open("rb") as file:
                self._digests[path] = (signature, hashlib.file_digest(file, "blake2b").hexdigest())
        return self._digests[path][1]


def bars_of(file: BarFile, timeframe: str, calendar: TradingCalendar) -> pd.DataFrame:
    """A file's rows as bars: `ts` (open time UTC by the calendar) and its numbers, in their order."""
    return pd.DataFrame({"ts": open_times(file.table, file.times, timeframe, calendar), **file.values})


def import_file(file: Path | str, ticker: str, timeframe: str, folder: Path | str) -> Path:
    """Check a bar file of any name and put it into a folder of series as Parquet, all of it or nothing.

    A series that is already there as Parquet is replaced.

    Parameters
    ----------
    ticker
        In any case; `/` and `:` become `-`, and so the series is called.

    Returns
    -------
    Path
        The file that was written, `folder/TICKER_TIMEFRAME.parquet`.

    Raises
    ------
    SourceError
        The file is not good, the ticker is strange, or the folder has the series in another file.
    ValueError
        For an unknown timeframe.
    """
    require_timeframe(timeframe)
    name = require_ticker(ticker.upper()).replace("/", "-").replace(":", "-")
    bars = read_bar_file(Path(file), timeframe)
    asset_class = infer_asset_class(name, timestamps(bars.times.us), timeframe)
    open_times(bars.table, bars.times, timeframe, trading_calendar(asset_class))

    target = Path(folder) / f"{name}_{timeframe}.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    for other in target.parent.iterdir():
        if other != target and _may_hold_bars(other) and other.stem.upper() == target.stem.upper():
            raise SourceError(f"{other}: is {name} {timeframe} already; remove it, then import {file} again")
    times = pa.array(bars.times.us, pa.timestamp("us", "UTC"))
    if bars.times.are_days:
        times = times.cast(pa.timestamp("us")).cast(pa.date32())
    table = pa.table({"ts": times, **{column: pa.array(v) for column, v in bars.values.items()}})
    _write_whole(table, target)
    return target


def _write_whole(table: pa.Table, target: Path) -> None:
    """Write beside the target and rename: who reads meanwhile sees the old file or the new one."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            pyarrow.parquet.write_table(table, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    except OSError as error:
        raise SourceError(
            f"{target}: cannot be written ({error.strerror or error}); free space or choose a folder"
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _may_hold_bars(path: Path) -> bool:
    return (
        path.suffix.lower() in SUFFIXES
        and not path.name.startswith(".")
        and path.name.lower() not in STATEMENT_FILES
        and path.is_file()
    )


def _series_of(path: Path) -> _SeriesKey:
    """Ticker and timeframe that a file's name states; ValueError when it does not."""
    ticker, underscore, timeframe = path.stem.rpartition("_")
    if not underscore:
        raise ValueError(
            f"the name states no timeframe: call it TICKER_TIMEFRAME{path.suffix}, such as AAPL_1h{path.suffix}"
        )
    return require_ticker(ticker.upper()), require_timeframe(timeframe)


def _signature(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns
