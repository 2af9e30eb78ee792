"""The vendor's reference data as records: tickers of a market, dollar volume of a day, splits.

Tickers that the platform cannot name (the vendor writes preferred shares as `ABRpD`) are left out and counted.
"""

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fvg_platform.sources.base import SourceError, Split, VendorError, require_ticker
from fvg_platform.sources.polygon.transport import Answer, PolygonClient


@dataclass(frozen=True)
class ListedTickers:
    """Names by ticker, and the tickers that cannot be named."""

    names: dict[str, str]
    strange: list[str]


@dataclass(frozen=True)
class VendorSplits:
    """Splits by date and ticker, and sentences about those that make no sense, by ticker."""

    splits: list[Split]
    nonsense: dict[str, str]


def listed_tickers(client: PolygonClient, market: str) -> ListedTickers:
    """All tickers of a market that are traded now."""
    what = f"tickers of the market {market}"
    names: dict[str, str] = {}
    strange: list[str] = []
    for row in _rows(client.tickers(market=market, active=True, what=what)):
        ticker = _text(row, "ticker", what)
        if _has_usual_name(ticker):
            names[ticker] = str(row.get("name") or ticker)
        else:
            strange.append(ticker)
    return ListedTickers(names, strange)


def why_not_listed(client: PolygonClient, market: str, ticker: str, prefix: str) -> str:
    """What the vendor knows of a ticker that is not traded now, and what to do."""
    what = f"ticker {ticker}"
    for row in _rows(client.tickers(market=market, active=False, ticker=ticker, what=what)):
        if row.get("ticker") == ticker:
            when = str(row.get("delisted_utc") or "")[:10] or "an unknown day"
            return (
                f"polygon: {ticker} was delisted on {when} and has no new bars: remove it from the configured "
                "tickers; what is stored of it stays"
            )
    hint = (
        f"; tickers of the market {market} begin with {prefix}"
        if prefix and not ticker.startswith(prefix)
        else ""
    )
    return f"polygon: {ticker} is unknown in the market {market}: correct or remove it{hint}"


def dollar_volumes(
    client: PolygonClient, day: dt.date, *, locale: str, market: str, adjusted: bool
) -> dict[str, float]:
    """Price times volume of one day for each ticker that traded; the price is vwap where the vendor has one."""
    what = f"grouped daily bars of {day}"
    answer = client.grouped_daily(day, locale=locale, market=market, adjusted=adjusted, what=what)
    volumes = {}
    for row in answer.results:
        if not isinstance(row, dict):
            raise VendorError(f"polygon: {what}: {str(row)[:200]} is no bar; try again later")
        ticker = _text(row, "T", what)
        price = row.get("vw") if row.get("vw") is not None else row.get("c")
        dollars = _number(price, "price", row, what) * _number(row.get("v"), "volume", row, what)
        if dollars > 0:
            volumes[ticker] = dollars
    return volumes


def splits_between(client: PolygonClient, since: dt.date, until: dt.date) -> VendorSplits:
    """The splits of all tickers with `since <= execution_date <= until`."""
    what = f"splits since {since}"
    found: dict[tuple[dt.date, str], Split] = {}
    nonsense: dict[str, str] = {}
    for row in _rows(client.splits(since, what=what)):
        ticker = _text(row, "ticker", what)
        try:
            day = dt.date.fromisoformat(_text(row, "execution_date", what))
        except ValueError:
            nonsense[ticker] = f"{ticker} split on {row['execution_date']!r}, which is no date"
            continue
        if not since <= day <= until or not _has_usual_name(ticker):
            continue
        ratio = [row.get("split_from"), row.get("split_to")]
        if not all(_is_positive(part) for part in ratio):
            nonsense[ticker] = f"{ticker} split on {day} from {ratio[0]!r} into {ratio[1]!r}"
            continue
        split = Split(ticker, day, float(ratio[0]), float(ratio[1]))  # type: ignore[arg-type]
        other = found.setdefault((day, ticker), split)
        if other != split:
            nonsense[ticker] = (
                f"{ticker} split on {day} both {other.split_from:g} into {other.split_to:g} and "
                f"{split.split_from:g} into {split.split_to:g}"
            )
    kept = [found[key] for key in sorted(found) if key[1] not in nonsense]
    return VendorSplits(kept, nonsense)


def _rows(pages: Iterable[Answer]) -> Iterable[Mapping[str, Any]]:
    for answer in pages:
        yield from answer.results


def _text(row: Mapping[str, Any], key: str, what: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise VendorError(
            f"polygon: {what}: {key} is {value!r} in {str(row)[:200]}; nothing of this was kept. Try again later, "
            "and tell the vendor if it stays"
        )
    return value


def _number(value: object, name: str, row: Mapping[str, Any], what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise VendorError(
            f"polygon: {what}: the {name} of {row.get('T')} is {value!r}, which is no number; try again later, and "
            "tell the vendor if it stays"
        )
    return float(value)


def _is_positive(value: object) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
    )


def _has_usual_name(ticker: str) -> bool:
    try:
        require_ticker(ticker)
    except SourceError:
        return False
    return True
