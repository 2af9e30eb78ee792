"""What a series is made from, and what of it has changed since it was last made.

The fingerprint answers whether anything has; where only rows upstream have, the log of changes tells from which time
on, so that an asset can go on from there instead of beginning again.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from fvg_platform.features.feature import Feature
from fvg_platform.fvg.modes import EngineConfig
from fvg_platform.pipeline.market_source import MarketSource
from fvg_platform.pipeline.partitions import Series
from fvg_platform.storage.changes import changed_between
from fvg_platform.storage.series_status import Status

Statuses = Mapping[tuple[str, str], Status]


@dataclass(frozen=True)
class Surroundings:
    """What a series depends on besides the tables: the source of bars, how their gaps are traded, a user's features."""

    source: MarketSource
    engine: EngineConfig
    own_features: tuple[Feature, ...] = ()


FindInputs = Callable[[Series, Statuses, Surroundings], "Inputs | None"]
Versions = Callable[[Series, Surroundings], Iterable[str]]


@dataclass(frozen=True)
class Inputs:
    """What a series is made from: the statuses upstream, and anything else that its rows depend on."""

    upstream: tuple[Status, ...] = ()
    versions: tuple[str, ...] = ()

    def obstacle(self) -> str | None:
        """Why nothing can be made from this, or None."""
        bad = [s for s in self.upstream if s.state != "ok"]
        return "; ".join(f"{s.asset} of {s.timeframe} is {s.state}: {s.reason}" for s in bad) or None

    def fingerprint(self, code_version: str) -> str:
        """A hash that changes when the inputs, the code or the configuration do."""
        parts = [code_version, *self.versions]
        # A series that is stated anew has other costs or another calendar, though its bars be the same.
        parts += [f"{s.asset}/{s.timeframe}/{s.revision}/{s.basis}" for s in self.upstream]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]

    def as_record(self, code_version: str) -> dict[str, Any]:
        """The same in plain words, to be stored beside the rows."""
        return {
            "code": code_version,
            "versions": list(self.versions),
            "upstream": {f"{s.asset}/{s.timeframe}": [s.revision, s.basis] for s in self.upstream},
        }

    def changes_since(self, connection: Any, own: Status, code_version: str) -> "Changes | None":
        """What has changed upstream since `own` was made; None where that cannot be said, or more than rows has."""
        before, now = own.inputs, self.as_record(code_version)
        if own.state != "ok" or not before or own.fingerprint is None:
            return None
        if any(before.get(part) != now[part] for part in ("code", "versions")):
            return None
        seen = before["upstream"]
        if seen.keys() != now["upstream"].keys():
            return None
        since: dict[tuple[str, str], pd.Timestamp] = {}
        for status in self.upstream:
            revision, basis = seen[f"{status.asset}/{status.timeframe}"]
            if basis != status.basis:
                return None
            if revision != status.revision:
                first = changed_between(
                    connection, status.ticker, status.timeframe, status.asset, revision, status.revision
                )
                if first is None:
                    return None
                since[status.asset, status.timeframe] = first
        return Changes(since)


@dataclass(frozen=True)
class Changes:
    """The earliest row that changed, for each (asset, timeframe) upstream that did."""

    since: Mapping[tuple[str, str], pd.Timestamp] = field(default_factory=dict)

    def earliest(
        self, *, assets: Iterable[str] | None = None, timeframe: str | None = None
    ) -> pd.Timestamp | None:
        """The earliest change among some of the assets, in one timeframe or any; None where nothing changed."""
        wanted = None if assets is None else set(assets)
        found = [
            time
            for (asset, of), time in self.since.items()
            if (wanted is None or asset in wanted) and (timeframe is None or of == timeframe)
        ]
        return min(found, default=None)


def same_series(*assets: str, versions: Versions = lambda *_: ()) -> FindInputs:
    """Inputs that are the same series in the assets upstream; None as long as one of them has no row for it."""

    def find(series: Series, statuses: Statuses, around: Surroundings) -> Inputs | None:
        upstream = [statuses.get((series.timeframe, asset)) for asset in assets]
        present = tuple(status for status in upstream if status is not None)
        return Inputs(present, tuple(versions(series, around))) if len(present) == len(assets) else None

    return find
