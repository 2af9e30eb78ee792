"""Which version of a model speaks of a day: the one that would have spoken then, whatever serves now.

Choosing by what is known today would let the past be predicted by a model that was chosen for how it predicts it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

LIVE, BACKFILLED, RECONSTRUCTED = "live", "backfilled", "reconstructed"


@dataclass(frozen=True)
class Deployment:
    """A stretch of time in which a version served; `until` None: it still does. `cut`: it learnt from before this."""

    version: int
    served_from: pd.Timestamp
    until: pd.Timestamp | None
    cut: pd.Timestamp


@dataclass(frozen=True)
class Choice:
    """The version that speaks of a day, and how that came about."""

    version: int
    origin: str


def version_of_day(
    deployments: Sequence[Deployment], start: pd.Timestamp, end: pd.Timestamp, *, newest: bool
) -> Choice | None:
    """The version that speaks of the setups that became known on a day.

    - The newest day there are setups of: the version that serves.
    - A day before it: the version that served when the day ended; none, if none did.
    - A day before any version was in service: of all that were ever put in service, the one that had learnt from
      most of the time before the day, and of those that learnt from the same time the one that served first, since
      the later ones were chosen knowing what came after. None, if all have learnt from the day itself.

    Parameters
    ----------
    deployments
        Of one timeframe, in any order.
    start, end
        The day: from `start` on, before `end`.
    newest
        Whether no setup became known after it.
    """
    if newest:
        serving = [d for d in deployments if d.until is None]
        return Choice(serving[0].version, LIVE) if serving else None
    before = [d for d in deployments if d.served_from <= end]
    if before:
        then = [d for d in before if d.until is None or d.until > end]
        return Choice(max(then, key=lambda d: d.served_from).version, BACKFILLED) if then else None
    able = [d for d in deployments if d.cut <= start]
    if not able:
        return None
    newest_cut = max(d.cut for d in able)
    first = min((d for d in able if d.cut == newest_cut), key=lambda d: d.served_from)
    return Choice(first.version, RECONSTRUCTED)
