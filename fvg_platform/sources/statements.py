"""What a folder of bar files says about them: its `symbols.csv` and `series.csv`.

Both have a column `ticker` and any of `timeframe, asset_class, name, adjustment, anchor, session`. A row with a
timeframe is about that series, one without about all of the ticker's; an empty value says nothing.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from fvg_platform.market.basis import ASSET_CLASSES, Adjustment, Anchor, Session
from fvg_platform.market.timeframes import require_timeframe
from fvg_platform.sources.base import SourceError, require_ticker

STATEMENT_FILES: tuple[str, ...] = ("symbols.csv", "series.csv")

_COLUMNS = ("ticker", "timeframe", "asset_class", "name", "adjustment", "anchor", "session")
_CHOICES: dict[str, tuple[str, ...]] = {
    "asset_class": ASSET_CLASSES,
    "adjustment": get_args(Adjustment),
    "anchor": get_args(Anchor),
    "session": get_args(Session),
}


@dataclass(frozen=True)
class Statements:
    """What is stated, by ticker and timeframe (empty: all), and the problems with it.

    Tickers with a statement that cannot be understood are `doubtful`: their bars might be taken for something else.
    """

    stated: dict[tuple[str, str], dict[str, str]]
    problems: list[tuple[str, str]]
    doubtful: frozenset[str]

    def about(self, ticker: str, timeframe: str = "") -> dict[str, str]:
        """Everything that is stated of a series; what is stated of the series goes before that of its ticker."""
        return self.stated.get((ticker, ""), {}) | self.stated.get((ticker, timeframe), {})


def read_statements(folder: Path) -> Statements:
    """Read the statements of a folder; a row with a mistake becomes a problem, and its ticker doubtful.

    Raises
    ------
    SourceError
        A statement file that cannot be read or lacks the column `ticker`: then nothing is known of any series.
    """
    stated: dict[tuple[str, str], dict[str, str]] = {}
    problems: list[tuple[str, str]] = []
    doubtful: set[str] = set()
    for path in (folder / name for name in STATEMENT_FILES):
        if not path.exists():
            continue
        for line, row in _rows(path):
            ticker = row.get("ticker", "").upper()
            try:
                key, values = _statement(ticker, row)
            except ValueError as error:
                problems.append((path.name, f"{path}, line {line}: {error}"))
                doubtful.add(ticker)
            else:
                stated[key] = stated.get(key, {}) | values
    return Statements(stated, problems, frozenset(doubtful))


def _statement(ticker: str, row: dict[str, str]) -> tuple[tuple[str, str], dict[str, str]]:
    require_ticker(ticker)
    timeframe = row.get("timeframe", "")
    if timeframe:
        require_timeframe(timeframe)
    for column, choices in _CHOICES.items():
        if row.get(column) and row[column] not in choices:
            raise ValueError(f"{column} of {ticker} is {row[column]!r}: use one of {', '.join(choices)}")
    values = {column: row[column] for column in _COLUMNS[2:] if row.get(column)}
    return (ticker, timeframe), values


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Line number and values by column of every row."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip().lower() for name in next(reader, [])]
            if "ticker" not in header:
                raise SourceError(
                    f"{path}: lacks the column ticker; its header may name {', '.join(_COLUMNS)}, "
                    f"it is: {', '.join(header)}"
                )
            return [
                (reader.line_num, {name: value.strip() for name, value in zip(header, fields, strict=False)})
                for fields in reader
                if fields
            ]
    except OSError as error:
        raise SourceError(
            f"{path}: cannot be read ({error.strerror or error}); check that it is yours"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: is no UTF-8 CSV text ({error}); save it as such, or remove it") from error
