"""Several sources as one: the sample beside one's own files, say."""

import pandas as pd

from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.sources.base import BarSource, SeriesInfo, SourceError, SymbolInfo


class CombinedSource:
    """The series of all its sources; where several have the same one, the last of them wins."""

    def __init__(self, primary: BarSource, *others: BarSource) -> None:
        self._sources = (primary, *others)

    @property
    def name(self) -> str:
        """The names of the sources, joined by `+`."""
        return "+".join(source.name for source in self._sources)

    def symbols(self) -> list[SymbolInfo]:
        """The instruments of all sources, by ticker; what the last one says of it counts."""
        symbols = {info.ticker: info for source in self._sources for info in source.symbols()}
        return [symbols[ticker] for ticker in sorted(symbols)]

    def series(self) -> list[SeriesInfo]:
        """The series of all sources, by ticker and timeframe."""
        return [info for _, info in self._owners().values()]

    def problems(self) -> list[tuple[str, str]]:
        """The problems of all sources."""
        return [problem for source in self._sources for problem in source.problems()]

    def fingerprint(self, ticker: str, timeframe: str) -> str:
        """The fingerprint that the series' source gives it, with that source's name."""
        source = self._owner(ticker, timeframe)
        return f"{source.name}:{source.fingerprint(ticker, timeframe)}"

    def read(self, ticker: str, timeframe: str, since: pd.Timestamp | None = None) -> pd.DataFrame:
        """The rows of a series from the source that it comes from."""
        return self._owner(ticker, timeframe).read(ticker, timeframe, since)

    def _owners(self) -> dict[tuple[str, str], tuple[BarSource, SeriesInfo]]:
        owners = {(i.ticker, i.timeframe): (source, i) for source in self._sources for i in source.series()}
        return {key: owners[key] for key in sorted(owners, key=lambda k: (k[0], TIMEFRAMES.index(k[1])))}

    def _owner(self, ticker: str, timeframe: str) -> BarSource:
        found = self._owners().get((ticker, timeframe))
        if found is None:
            raise SourceError(f"none of the sources {self.name} has a series {ticker} {timeframe}")
        return found[0]
