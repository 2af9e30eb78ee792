"""The validator: seven named questions about a gap's context, each answered pass, fail or unknown.

Auction-market style filtering. What bars cannot show is unknown, never guessed. The verdicts filter nothing by
themselves: a mode's `required_rules` may ask for some of them.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.fvg.modes import RULES, RuleName
from fvg_platform.market.killzones import REGULAR_NEW_YORK

Floats = NDArray[np.float64]

MIDDLE_OF_RANGE = 0.5
CONFIRMING_VOLUME = 1.2
BUYERS_AT_LEAST, BUYERS_AT_MOST = 0.55, 0.45
"""Takers' buying as a share of the leg's volume: what a long asks for, and what a short does."""


class Rule(NamedTuple):
    """One rule: its name, what it asks, when it cannot answer, and its answers (1 pass, 0 fail, NaN unknown) to a
    context that has the gaps' volume_ratio beside it."""

    name: RuleName
    asks: str
    unknown_when: str
    answer: Callable[[pd.DataFrame], Floats]


def judge(context: pd.DataFrame, gaps: pd.DataFrame) -> pd.DataFrame:
    """Answer every rule for every gap.

    Parameters
    ----------
    context
        As :func:`fvg_platform.fvg.context.describe_context` returns it for `gaps`, shape (m, ...).
    gaps
        `i, side, volume_ratio` of the same gaps in the same order, shape (m, ...).

    Returns
    -------
    DataFrame
        Shape (m, 11), index 0..m-1: `rule_<name>` for each of :data:`RULE_TABLE` (boolean; NULL is unknown),
        `rules_passed, rules_failed, rules_unknown` (how many, int64; they add up to 7) and `rule_score`
        (passed / (passed + failed), NaN where none is known).

    Raises
    ------
    ValueError
        When a column is missing or the two frames are not of the same gaps.
    """
    _require_same(context, gaps)
    known = context.assign(volume_ratio=gaps["volume_ratio"].array)
    answers = np.array([rule.answer(known) for rule in RULE_TABLE]).reshape(len(RULE_TABLE), len(gaps))
    unknown = np.isnan(answers)
    passed, failed = (answers == 1).sum(axis=0), (answers == 0).sum(axis=0)
    columns: dict[str, object] = {
        f"rule_{rule.name}": pd.arrays.BooleanArray(answers[row] == 1, unknown[row].copy())
        for row, rule in enumerate(RULE_TABLE)
    }
    columns["rules_passed"] = passed.astype(np.int64)
    columns["rules_failed"] = failed.astype(np.int64)
    columns["rules_unknown"] = unknown.sum(axis=0).astype(np.int64)
    judged = passed + failed
    columns["rule_score"] = np.divide(passed, judged, out=np.full(len(gaps), np.nan), where=judged > 0)
    return pd.DataFrame(columns)


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    return frame[name].to_numpy(np.float64, na_value=np.nan)


def _where_known(passes: NDArray[np.bool_], known: NDArray[np.bool_]) -> Floats:
    return np.where(known, passes.astype(np.float64), np.nan)


def _out_of_balance(known: pd.DataFrame) -> Floats:
    balanced = _numbers(known, "profile_balanced")
    location = known["profile_location"]
    outside = location.isin(["below", "above"]).to_numpy(np.bool_)
    return _where_known(outside | (balanced == 0), outside | ~np.isnan(balanced))


def _impulse_broke_structure(known: pd.DataFrame) -> Floats:
    return _numbers(known, "impulse_broke_structure")


def _zone_at_low_volume_node(known: pd.DataFrame) -> Floats:
    return _numbers(known, "zone_is_low_volume_node")


def _discount(known: pd.DataFrame) -> Floats:
    position = _numbers(known, "range_position")
    return _where_known(_numbers(known, "side") * (MIDDLE_OF_RANGE - position) > 0, ~np.isnan(position))


def _new_york_session(known: pd.DataFrame) -> Floats:
    session = known["session"]
    return _where_known(
        session.isin(list(REGULAR_NEW_YORK)).to_numpy(np.bool_), session.notna().to_numpy(np.bool_)
    )


def _volume_confirmed(known: pd.DataFrame) -> Floats:
    ratio = _numbers(known, "volume_ratio")
    return _where_known(ratio >= CONFIRMING_VOLUME, ~np.isnan(ratio))


def _order_flow_aggressive(known: pd.DataFrame) -> Floats:
    bought = _numbers(known, "taker_buy_share")
    passes = np.where(_numbers(known, "side") > 0, bought >= BUYERS_AT_LEAST, bought <= BUYERS_AT_MOST)
    return _where_known(passes, ~np.isnan(bought))


RULE_TABLE: tuple[Rule, ...] = (
    Rule(
        "out_of_balance",
        "Does the gap lie outside the value area of the last sessions, or is their profile not balanced?",
        "fewer sessions than the profile needs, or no volume in them",
        _out_of_balance,
    ),
    Rule(
        "impulse_broke_structure",
        "Did a close of bars i-2..i go beyond the swing that stood before, in the gap's direction?",
        "no confirmed swing on that side within 500 bars",
        _impulse_broke_structure,
    ),
    Rule(
        "zone_at_low_volume_node",
        "Was the zone traded at most half as densely as the impulse leg on average?",
        "no volume in the leg, or too few bars before it",
        _zone_at_low_volume_node,
    ),
    Rule(
        "discount",
        "Does the zone's mid lie in the lower half of the dealing range for a long, the upper half for a short?",
        "no confirmed swing high or low within 500 bars",
        _discount,
    ),
    Rule(
        "new_york_session",
        "Was the gap known in New York's regular hours, after 09:30 and until 16:00, Monday to Friday?",
        "timeframes of a day and more",
        _new_york_session,
    ),
    Rule(
        "volume_confirmed",
        f"Did the middle bar trade at least {CONFIRMING_VOLUME} times the mean volume of the 20 bars before it?",
        "fewer than 20 bars before it, or no volume in them",
        _volume_confirmed,
    ),
    Rule(
        "order_flow_aggressive",
        f"Was takers' buying at least {BUYERS_AT_LEAST:.0%} of the leg's volume for a long, "
        f"at most {BUYERS_AT_MOST:.0%} for a short?",
        "the source has no taker-buy volume: bars alone do not show who was the aggressor",
        _order_flow_aggressive,
    ),
)
if tuple(rule.name for rule in RULE_TABLE) != RULES:
    raise RuntimeError(
        f"rules {[rule.name for rule in RULE_TABLE]} are not those of modes.RULES, {list(RULES)}"
    )


def _require_same(context: pd.DataFrame, gaps: pd.DataFrame) -> None:
    for name, frame, columns in (
        ("context", context, ("i", "side", "session", "range_position")),
        ("gaps", gaps, ("i", "side", "volume_ratio")),
    ):
        absent = [column for column in columns if column not in frame]
        if absent:
            raise ValueError(f"{name} lacks the column(s) {', '.join(absent)}")
    if len(context) != len(gaps):
        raise ValueError(f"context has {len(context)} rows and gaps {len(gaps)}: describe these gaps again")
    for key in ("i", "side"):
        other = context[key].to_numpy() != gaps[key].to_numpy()
        if other.any():
            row = int(np.argmax(other))
            raise ValueError(
                f"row {row} of context has {key} {context[key].iloc[row]}, of gaps {gaps[key].iloc[row]}: "
                "describe these gaps again"
            )
