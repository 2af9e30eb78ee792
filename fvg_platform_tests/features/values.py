"""The numbers that the catalogue gave when its definitions were last changed, and how to write them anew.

``python -m fvg_platform_tests.features.values`` writes ``values.json``: run it after a change of definitions, that is
after raising `revision` where nothing else in an entry says that the numbers are others.
"""

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd

from fvg_platform.features.catalogue import DIGESTS, FEATURES, SETUP_FEATURES, compute_features
from fvg_platform.features.setup_features import compute_setup_features
from fvg_platform.features.verification import made_up_markets
from fvg_platform.fvg.context import describe_context
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.rules import judge
from fvg_platform.fvg.setups import plan_setups

KEPT = Path(__file__).with_name("values.json")
_BARS = (250, 1111, 2999)
_SETUPS = (20, -1)


def current_values() -> dict[str, dict[str, Any]]:
    """Per feature its digest and its values at some bars of each made-up market, or at some setups of the first."""
    found: dict[str, dict[str, Any]] = {
        feature.name: {"digest": DIGESTS[feature.name], "values": []}
        for feature in (*FEATURES, *SETUP_FEATURES)
    }
    for number, market in enumerate(made_up_markets()):
        features = compute_features(market.bars)
        _note(found, [feature.name for feature in FEATURES], features.iloc[list(_BARS)])
        if number == 0:
            setups = _setups(market.bars, features)
            _note(found, [feature.name for feature in SETUP_FEATURES], setups.iloc[list(_SETUPS)])
    return found


def _note(found: dict[str, dict[str, Any]], names: list[str], rows: pd.DataFrame) -> None:
    for name in names:
        found[name]["values"] += [None if math.isnan(value) else value for value in rows[name]]


def _setups(bars: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    gaps = detect_gaps(bars, "1h")
    context = describe_context(bars, gaps, "1h", coarser={"4h": bars.iloc[::4], "1d": bars.iloc[::24]})
    context = pd.concat([context, judge(context, gaps)], axis=1)
    return compute_setup_features(plan_setups(gaps, "1h"), gaps, features, bars, context)


def main() -> None:
    """Write the file, one feature a line."""
    lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in current_values().items()]
    KEPT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
