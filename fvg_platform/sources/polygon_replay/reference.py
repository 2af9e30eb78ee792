"""Reference data: tickers and splits, filtered, sorted and given out in pages.

A cursor holds the question and the last row given: rows that appear between two pages neither repeat nor hide others.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fvg_platform.sources.base import Split
from fvg_platform.sources.polygon_replay.folder import Instrument
from fvg_platform.sources.polygon_replay.questions import (
    Body,
    Query,
    read_choice,
    read_cursor,
    read_day,
    read_flag,
    read_limit,
    require_known,
    write_cursor,
)

_BOUNDS: dict[str, Callable[[str, str], bool]] = {
    "": lambda value, bound: value == bound,
    ".gte": lambda value, bound: value >= bound,
    ".gt": lambda value, bound: value > bound,
    ".lte": lambda value, bound: value <= bound,
    ".lt": lambda value, bound: value < bound,
}
_DEFAULT, _MOST = 100, 1_000
_AFTER = "after"


@dataclass(frozen=True)
class Listed:
    """One page: the rows, and the query that gives the next one, None at the end."""

    rows: list[Body]
    next_query: Query | None


def list_tickers(instruments: Iterable[Instrument], query: Query, now: pd.Timestamp | None) -> Listed:
    """A page of tickers; `active=true` unless the query says otherwise."""
    query = read_cursor(query)
    known = ("market", "active", "limit", "sort", "order", "type", _AFTER)
    require_known(query, (*known, *_bounded("ticker")))
    read_choice(query, "sort", ("ticker",))
    active = read_flag(query, "active", True)
    rows = [_ticker_row(each, each.is_active(now)) for each in instruments]
    rows = [row for row in rows if row["active"] == active]
    if "market" in query:
        market = read_choice(query, "market", ("stocks", "crypto", "fx", "otc", "indices"))
        rows = [row for row in rows if row["market"] == market]
    rows = _within(rows, query, "ticker")
    return _page(
        rows, query, ("ticker",), newest_first=read_choice(query, "order", ("asc", "desc")) == "desc"
    )


def list_splits(splits: Iterable[Split], query: Query) -> Listed:
    """A page of splits, the latest first unless the query says otherwise."""
    query = read_cursor(query)
    require_known(query, ("limit", "sort", "order", _AFTER, *_bounded("ticker"), *_bounded("execution_date")))
    for name in _bounded("execution_date"):
        if name in query:
            read_day(name, query[name])
    rows = _within([_split_row(split) for split in splits], query, "ticker", "execution_date")
    sort = read_choice(query, "sort", ("execution_date", "ticker"))
    columns = (sort, "ticker" if sort == "execution_date" else "execution_date", "id")
    return _page(rows, query, columns, newest_first=read_choice(query, "order", ("desc", "asc")) == "desc")


def _page(rows: list[Body], query: Query, columns: tuple[str, ...], *, newest_first: bool) -> Listed:
    limit = read_limit(query, _DEFAULT, _MOST)

    def place(row: Body) -> str:
        return "\t".join(row[column] for column in columns)

    rows = sorted(rows, key=place, reverse=newest_first)
    after = query.get(_AFTER)
    if after is not None:
        rows = [row for row in rows if (place(row) < after if newest_first else place(row) > after)]
    page = rows[:limit]
    return Listed(page, query | {_AFTER: place(page[-1])} if len(rows) > limit else None)


def next_path(path: str, query: Query) -> str:
    """The path that leads to the next page."""
    return f"{path}?cursor={write_cursor(query)}"


def _bounded(name: str) -> list[str]:
    return [name + bound for bound in _BOUNDS]


def _within(rows: list[Body], query: Query, *names: str) -> list[Body]:
    for name in names:
        for bound, holds in _BOUNDS.items():
            if name + bound in query:
                wanted = query[name + bound]
                rows = [row for row in rows if holds(row[name], wanted)]
    return rows


def _ticker_row(instrument: Instrument, active: bool) -> Body:
    row: dict[str, Any] = {
        "ticker": instrument.ticker,
        "name": instrument.name,
        "market": instrument.market,
        "locale": "us" if instrument.market == "stocks" else "global",
        "active": active,
    }
    if not active and instrument.delisted is not None:
        row["delisted_utc"] = f"{instrument.delisted:%Y-%m-%dT%H:%M:%SZ}"
    return row


def _split_row(split: Split) -> Body:
    return {
        "id": f"{split.ticker}-{split.execution_date}-{split.split_from:g}-{split.split_to:g}",
        "ticker": split.ticker,
        "execution_date": split.execution_date.isoformat(),
        "split_from": _whole(split.split_from),
        "split_to": _whole(split.split_to),
    }


def _whole(number: float) -> float | int:
    return int(number) if number == int(number) else number
