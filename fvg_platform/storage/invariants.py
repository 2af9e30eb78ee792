"""What breaks a rule, counted by the database: one profile per table, one offender query per rule.

A rule is a predicate in SQL that is true for a row that breaks it. The expectations about the counts are in
:mod:`fvg_platform.quality.suites`; here is only how they are counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd

from fvg_platform.features.catalogue import FEATURES
from fvg_platform.fvg.modes import RULES
from fvg_platform.storage.bulk import read_frame
from fvg_platform.storage.schema import PATHS, TARGETS

OFFENDERS_SHOWN = 5


@dataclass(frozen=True)
class TableRules:
    """Rules about the rows of one table (or join), counted per `keys`; of a broken row `shown` is what people see."""

    table: str
    rules: Mapping[str, str]
    keys: tuple[str, ...] = ("ticker", "timeframe")
    order: str = "ts"
    shown: str = "*"


def _any_of(*predicates: str) -> str:
    return " OR ".join(f"({p})" for p in predicates)


_PRICES = ("open", "high", "low", "close")
_INFINITE = "IN ('NaN', 'Infinity', '-Infinity')"

BAR_RULES = TableRules(
    "market_data",
    {
        "nulls": _any_of(*(f"{c} IS NULL OR {c} {_INFINITE}" for c in (*_PRICES, "volume"))),
        "ohlc_order": "high < greatest(open, close, low) OR low > least(open, close, high)",
        "non_positive_price": "low <= 0",
        "negative_volume": "volume < 0",
    },
)

_ZONE_RULES = {
    "zone_upside_down": "top <= bottom OR mid < bottom OR mid > top",
    "depth_outside_0_1": "depth < 0 OR depth > 1",
    "lifecycle_out_of_order": _any_of(
        "half_filled_ts < touched_ts",
        "filled_ts < half_filled_ts",
        "inverted_ts < filled_ts",
        "touched_ts IS NULL AND half_filled_ts IS NOT NULL",
        "half_filled_ts IS NULL AND filled_ts IS NOT NULL",
        "filled_ts IS NULL AND inverted_ts IS NOT NULL",
        "touched_ts <= ts",
    ),
    "known_before_its_bar": "known_at <= ts",
}

DETECTION_RULES = TableRules("fvg_detections", _ZONE_RULES)

ZONE_RULES = TableRules("fvg_zones", _ZONE_RULES | {"older_than_its_gaps": "origin_ts > ts"})

CONTEXT_RULES = TableRules(
    "fvg_context",
    {
        "verdicts_do_not_add_up": f"rules_passed + rules_failed + rules_unknown <> {len(RULES)}",
        "share_outside_0_1": _any_of(
            "rule_score < 0 OR rule_score > 1", "taker_buy_share < 0 OR taker_buy_share > 1"
        ),
    },
)

SETUP_RULES = TableRules(
    "fvg_setups LEFT JOIN (SELECT ticker, timeframe, ts, side, lineage_id AS described FROM fvg_context) c "
    "USING (ticker, timeframe, ts, side)",
    {
        "levels_out_of_order": _any_of(
            "side * (entry - stop) <= 0",
            "side * (target_1 - entry) <= 0",
            "side * (target_2 - target_1) < 0",
            "side * (target_3 - target_2) < 0",
        ),
        "risk_is_another": "abs(risk - side * (entry - stop)) > 1e-9 * abs(entry)",
        "gap_without_context": "described IS NULL",
    },
    shown="fvg_setups.*",
)

_RATES = ("fill_rate", "win_lo", "win_hi", "p_value", "p_adjusted")

STATISTIC_RULES = TableRules(
    "fvg_statistics",
    {
        "outside_0_1": _any_of(*(f"{rate} < 0 OR {rate} > 1" for rate in _RATES)),
        "interval_out_of_order": "win_lo > win_hi",
        "counts_do_not_add_up": "entered + gap_invalid + ran_away + expired + pending <> setups",
    },
    keys=("timeframe", "dimension"),
    order="value, target",
)

LABEL_RULES = TableRules(
    "fvg_labels",
    {
        **{
            f"interval_{k}_out_of_order": _any_of(
                f"outcome_{k}_lo = 'target' AND outcome_{k}_hi <> 'target'",
                f"outcome_{k}_hi = 'stop' AND outcome_{k}_lo <> 'stop'",
            )
            for k in TARGETS
        },
        "entered_without_outcome": "status = 'entered' AND ("
        + _any_of(*(f"outcome_{k}_{path} IS NULL" for k in TARGETS for path in PATHS))
        + ")",
        "outcome_without_entry": "status <> 'entered' AND outcome_1_lo IS NOT NULL",
        "entry_not_after_the_gap": "entry_ts <= ts",
        "excursions_on_the_wrong_side": "mae_r > 0 OR mfe_r < 0",
    },
)

SETUP_FEATURE_RULES = TableRules(
    "fvg_setups LEFT JOIN setup_features f USING (ticker, timeframe, ts, side, config_id)",
    {"setup_without_features": "f.lineage_id IS NULL"},
    shown="fvg_setups.*",
)

SPLIT_RULES = TableRules(
    "train_test_config JOIN train_test_splits s USING (timeframe, split_version)",
    {
        "training_life_reaches_the_test_period": "last_train_life_end >= s.cut_ts",
        "test_setup_known_before_the_cut": "first_test_known_at < s.cut_ts",
    },
    keys=("timeframe", "ticker"),
    order="split_version",
)

PREDICTION_RULES = TableRules(
    "predictions",
    {
        "outside_0_1": _any_of(
            *(
                f"p_{t} < 0 OR p_{t} > 1 OR p_{t} = 'NaN'"
                for t in ("entered", "target_1", "target_2", "target_3")
            )
        ),
        "not_monotone": "p_target_2 > p_target_1 OR p_target_3 > p_target_2",
        "expected_r_out_of_order": "expected_r < expected_r_low OR expected_r > expected_r_high",
    },
)

_FAN = ("q05", "q10", "q25", "q50", "q75", "q90", "q95")
FORECAST_RULES = TableRules(
    "prediction_steps",
    {
        "not_a_candle": "high < greatest(open, close) OR low > least(open, close) OR NOT low > 0",
        "fan_out_of_order": _any_of(*(f"{low} > {high}" for low, high in pairwise(_FAN))),
        "confidence_outside_0_1": "confidence < 0 OR confidence > 1",
    },
    order="made_from, model, step",
)

OUTCOME_RULES = TableRules(
    "prediction_outcomes",
    {rule: predicate for rule, predicate in LABEL_RULES.rules.items() if "interval" in rule},
)


def profile(connection: Any, rules: TableRules) -> pd.DataFrame:
    """One row per series of the table: how many rows there are and how many break each rule."""
    counts = ", ".join(f"count(*) FILTER (WHERE {p}) AS {rule}" for rule, p in rules.rules.items())
    keys = ", ".join(rules.keys)
    return read_frame(
        connection,
        f"SELECT {keys}, count(*) AS rows, {counts} FROM {rules.table} GROUP BY {keys} ORDER BY {keys}",
        [],
    )


def offenders(connection: Any, rules: TableRules, rule: str, where: Mapping[str, str]) -> pd.DataFrame:
    """The first rows of one series that break a rule."""
    conditions = " AND ".join(f"{key} = ${n}" for n, key in enumerate(where, start=1))
    return read_frame(
        connection,
        f"SELECT {rules.shown} FROM {rules.table} WHERE ({rules.rules[rule]}) AND {conditions} "
        f"ORDER BY {rules.order} LIMIT {OFFENDERS_SHOWN}",
        list(where.values()),
    )


def duplicate_bars(connection: Any) -> pd.DataFrame:
    """Per series: bars of `market_data` beyond the first at their time."""
    return read_frame(
        connection,
        "SELECT ticker, timeframe, count(*) - count(DISTINCT ts) AS duplicates FROM market_data GROUP BY 1, 2",
        [],
    )


def missing_features(connection: Any) -> pd.DataFrame:
    """`ticker, timeframe, feature, beyond_warmup`: NULLs of each feature beyond its declared warm-up.

    Features that need what not every source has, such as taker volume, may be NULL anywhere.
    """
    always = [f for f in FEATURES if f.needs is None]
    counts = ", ".join(f"greatest(count(*) - count({f.name}) - {f.warmup}, 0) AS {f.name}" for f in always)
    wide = read_frame(
        connection,
        f"SELECT ticker, timeframe, {counts} FROM features GROUP BY 1, 2 ORDER BY 1, 2",
        [],
    )
    return wide.melt(["ticker", "timeframe"], var_name="feature", value_name="beyond_warmup")


def series_held_back(connection: Any) -> pd.DataFrame:
    """Every series that could not be read or broke a rule about its rows, with the reason.

    Only where it began: what lies downstream is held back for that and no other reason, and its status is not
    brought up to date before it runs itself.
    """
    return read_frame(
        connection,
        """
        SELECT DISTINCT ON (ticker, timeframe) ticker, timeframe, asset, state, reason FROM series_status
        WHERE state <> 'ok' AND asset IN ('raw_bars', 'clean_bars')
        ORDER BY ticker, timeframe, (asset = 'raw_bars') DESC
        """,
        [],
    )


def completeness(connection: Any) -> pd.DataFrame:
    """Per series: expected, present and missing bars, and the share that is there."""
    return read_frame(
        connection,
        """
        SELECT ticker, timeframe, expected, present, missing, longest_hole,
               CASE WHEN expected > 0 THEN 1 - missing::float8 / expected ELSE 1 END AS completeness
        FROM series ORDER BY 1, 2
        """,
        [],
    )
