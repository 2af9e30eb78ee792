"""The bars on which the engine and its peers must agree: real ones, and random walks with and without ties."""

from functools import cache

import pandas as pd

from fvg_platform.sources.sample import SampleSource
from fvg_platform_tests.fvg.made_up import bars_of, walk

TIMEFRAMES = {
    "AAPL days": "1d",
    "AAPL hours": "1h",
    "AAPL minutes": "1m",
    "IBM days": "1d",
    "walk": "1h",
    "walk on a grid": "1h",
    "walk on a coarse grid": "1h",
    "two bars": "1h",
    "one price": "1h",
}
_WALKS = {"walk": None, "walk on a grid": 0.125, "walk on a coarse grid": 1.0}


@cache
def series(name: str) -> pd.DataFrame:
    """The bars of one of :data:`TIMEFRAMES`, numbered from 0; not to be changed."""
    if name in _WALKS:
        return walk(3000, seed=len(name), grid=_WALKS[name])
    if name in ("two bars", "one price"):
        return bars_of([(10, 10, 10, 10)] * (2 if name == "two bars" else 40))
    ticker = name.split()[0]
    return SampleSource().read(ticker, TIMEFRAMES[name]).tail(4000).reset_index(drop=True)
