"""The validator: every rule at its border, unknown where it cannot know, and how verdicts are counted."""

import numpy as np
import pandas as pd
import pytest

from fvg_platform.fvg.context import describe_context
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.modes import RULES
from fvg_platform.fvg.rules import RULE_TABLE, judge

from .made_up import walk

# A long that passes every rule.
PASSING = {
    "i": 30,
    "side": 1,
    "profile_balanced": False,
    "profile_location": "inside",
    "impulse_broke_structure": True,
    "zone_is_low_volume_node": True,
    "range_position": 0.49,
    "session": "new_york_pm",
    "volume_ratio": 1.2,
    "taker_buy_share": 0.55,
}
FLAGS = ("profile_balanced", "impulse_broke_structure", "zone_is_low_volume_node")


def judged(**changes: object) -> pd.Series:
    row = pd.DataFrame([PASSING | changes]).astype(dict.fromkeys(FLAGS, "boolean"))
    return judge(row.drop(columns="volume_ratio"), row[["i", "side", "volume_ratio"]]).iloc[0]


def test_the_table_explains_every_rule():
    assert tuple(rule.name for rule in RULE_TABLE) == RULES
    assert all(rule.asks.endswith("?") and rule.unknown_when for rule in RULE_TABLE)


def test_a_gap_may_pass_all():
    verdicts = judged()
    assert verdicts[[f"rule_{name}" for name in RULES]].tolist() == [True] * 7
    assert verdicts[["rules_passed", "rules_failed", "rules_unknown"]].tolist() == [7, 0, 0]
    assert verdicts["rule_score"] == 1


@pytest.mark.parametrize(
    ("rule", "changes", "answer"),
    [
        ("out_of_balance", {"profile_location": "above", "profile_balanced": True}, True),
        ("out_of_balance", {"profile_location": "below", "profile_balanced": True}, True),
        ("out_of_balance", {"profile_balanced": True}, False),
        ("out_of_balance", {"profile_location": "above", "profile_balanced": None}, True),
        ("out_of_balance", {"profile_location": None, "profile_balanced": None}, None),
        ("impulse_broke_structure", {"impulse_broke_structure": False}, False),
        ("impulse_broke_structure", {"impulse_broke_structure": None}, None),
        ("zone_at_low_volume_node", {"zone_is_low_volume_node": False}, False),
        ("zone_at_low_volume_node", {"zone_is_low_volume_node": None}, None),
        ("discount", {"range_position": 0.5}, False),
        ("discount", {"range_position": 0.51}, False),
        ("discount", {"range_position": 0.51, "side": -1}, True),
        ("discount", {"range_position": 0.49, "side": -1}, False),
        ("discount", {"range_position": np.nan}, None),
        ("new_york_session", {"session": "new_york_lunch"}, True),
        ("new_york_session", {"session": "london"}, False),
        ("new_york_session", {"session": "weekend"}, False),
        ("new_york_session", {"session": None}, None),
        ("volume_confirmed", {"volume_ratio": 1.19}, False),
        ("volume_confirmed", {"volume_ratio": np.nan}, None),
        ("order_flow_aggressive", {"taker_buy_share": 0.54}, False),
        ("order_flow_aggressive", {"taker_buy_share": 0.45, "side": -1}, True),
        ("order_flow_aggressive", {"taker_buy_share": 0.46, "side": -1}, False),
        ("order_flow_aggressive", {"taker_buy_share": np.nan, "side": -1}, None),
    ],
)
def test_each_rule_at_its_border(rule, changes, answer):
    verdict = judged(**changes)[f"rule_{rule}"]
    assert (pd.isna(verdict) and answer is None) or bool(verdict) is answer


def test_the_score_counts_what_is_known():
    verdicts = judged(range_position=0.9, session=None, taker_buy_share=np.nan)
    assert verdicts[["rules_passed", "rules_failed", "rules_unknown"]].tolist() == [4, 1, 2]
    assert verdicts["rule_score"] == 0.8
    nothing = dict.fromkeys([name for name in PASSING if name not in ("i", "side")])
    unknown = judged(
        **nothing | {"range_position": np.nan, "volume_ratio": np.nan, "taker_buy_share": np.nan}
    )
    assert unknown["rules_unknown"] == 7
    assert np.isnan(unknown["rule_score"])


def test_verdicts_of_a_series_are_nullable_and_aligned_with_its_gaps():
    bars = walk(300, 4)
    gaps = detect_gaps(bars, "1m")
    context = describe_context(bars, gaps, "1m")
    verdicts = judge(context, gaps)
    assert (verdicts[[f"rule_{name}" for name in RULES]].dtypes == "boolean").all()
    assert verdicts["rule_order_flow_aggressive"].isna().all()  # no taker volume: never guessed
    volume = gaps["volume_ratio"]
    pd.testing.assert_series_equal(
        verdicts["rule_volume_confirmed"],
        (volume >= 1.2).astype("boolean").mask(volume.isna()),
        check_names=False,
    )
    counts = verdicts[["rules_passed", "rules_failed", "rules_unknown"]]
    assert (counts.dtypes == "int64").all()
    assert (counts.sum(axis=1) == len(RULES)).all()
    empty = judge(context.iloc[:0], gaps.iloc[:0])
    assert list(empty) == list(verdicts)
    assert (empty.dtypes == verdicts.dtypes).all()


def test_contexts_of_other_gaps_are_refused():
    bars = walk(300, 4)
    gaps = detect_gaps(bars, "1m")
    context = describe_context(bars, gaps, "1m")
    with pytest.raises(ValueError, match="rows and gaps"):
        judge(context.iloc[1:], gaps)
    with pytest.raises(ValueError, match="row 0 of context has i"):
        judge(context.iloc[::-1], gaps)
    with pytest.raises(ValueError, match=r"gaps lacks the column\(s\) volume_ratio"):
        judge(context, gaps.drop(columns="volume_ratio"))
