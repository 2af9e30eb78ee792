"""Hand-made rows as the tables give them: four labelled setups, a model, a signal, a series."""

import pandas as pd

LO = ("target", "stop", "timeout", "stop")
HI = ("target", "target", "timeout", "stop")
R = {"target": 1.0, "stop": -1.0, "timeout": 0.25}


def labels() -> pd.DataFrame:
    """Four entered setups of which the worse path wins one and the better path two, and one that expired."""
    ts = pd.date_range("2026-03-02", periods=5, freq="D", tz="UTC")
    rows = pd.DataFrame({"ticker": "AAPL", "ts": ts, "known_at": ts + pd.Timedelta(days=1)})
    rows["status"] = ["entered"] * 4 + ["expired"]
    for k in (1, 2, 3):
        for path, outcomes in (("lo", LO), ("hi", HI)):
            rows[f"outcome_{k}_{path}"] = [*outcomes, None]
            rows[f"r_{k}_{path}"] = [*(R[outcome] for outcome in outcomes), float("nan")]
        rows[f"identified_{k}"] = [True, False, True, True, None]
        rows[f"identified_before_{k}"] = [True, False, False, True, None]
    return rows


def counts() -> pd.DataFrame:
    """The daily timeframe has a series, gaps and setups; the weekly one has bars only."""
    return pd.DataFrame(
        {"timeframe": ["1d", "1w"], "series": [1, 1], "bars": [2500, 520], "gaps": [300, 0], "setups": [5, 0]}
    )


def models(algorithm: str = "lightgbm") -> pd.DataFrame:
    """A model of the daily timeframe with its figures on the test period."""
    skill = {"value": 0.021, "low": -0.004, "high": 0.046}
    return pd.DataFrame(
        {
            "timeframe": ["1d"],
            "version": [3],
            "split_version": [2],
            "algorithm": [algorithm],
            "flag": [None],
            "setups_trained": [900],
            "setups_entered": [450],
            "semantic_version": ["1.1.0"],
            "status": ["active"],
            "test_metrics": [{"target_1": {"skill": skill}}],
            "tried": [
                [
                    {"algorithm": name, "target": "target_1", "n": 300, "skill": {**skill, "value": value}}
                    for name, value in (("logistic_regression", -0.012), ("lightgbm", -0.003))
                ]
            ],
            "trained_at": [pd.Timestamp("2026-03-08", tz="UTC")],
        }
    )


def signals() -> pd.DataFrame:
    """A long setup of a flagged model that cannot say whether the order is filled."""
    return pd.DataFrame(
        {
            "day": [pd.Timestamp("2026-03-06").date()],
            "ticker": ["AAPL"],
            "timeframe": ["1d"],
            "side": [1],
            "known_at": [pd.Timestamp("2026-03-06 21:00", tz="UTC")],
            "entry": [101.456],
            "stop": [99.0],
            "target_1": [103.9],
            "target_2": [106.4],
            "target_3": [108.8],
            "p_entered": [float("nan")],
            "p_target_1": [0.512],
            "p_target_1_low": [0.44],
            "p_target_1_high": [0.58],
            "signal": ["HOLD"],
            "p_target_2": [0.31],
            "p_target_3": [0.2],
            "model_version": [3],
            "expected_r": [-0.036],
            "predicted_price": [101.3],
            "confidence": [0.86],
            "hold_until": [pd.Timestamp("2026-03-16 20:00", tz="UTC")],
            "reasons": [["Range of 14 bars is wide: lowers the odds by 12 %"]],
            "id": [7],
            "in_sample": [False],
            "flag": ["fewer than 200 entered training setups"],
        }
    )


def series() -> pd.DataFrame:
    """A sound series, a resampled one with holes, and one that failed before it had bars."""
    first, last = pd.Timestamp("2016-01-04 14:30", tz="UTC"), pd.Timestamp("2026-03-06 14:30", tz="UTC")
    return pd.DataFrame(
        {
            "ticker": ["AAPL", "AAPL", "IBM"],
            "timeframe": ["1d", "1w", "1d"],
            "source": ["files", "files", "files"],
            "adjustment": ["split", "split", "raw"],
            "anchor": ["session"] * 3,
            "session": ["regular"] * 3,
            "resampled_from": [None, "1d", None],
            "expected": [2500, 520, 0],
            "missing": [0, 13, 0],
            "rows": [2500.0, 507.0, float("nan")],
            "first_ts": [first, first, pd.NaT],
            "last_ts": [last, last, pd.NaT],
            "state": ["ok", "ok", "failed"],
            "asset": ["bars", "bars", "raw_bars"],
            "reason": [None, None, "ValueError: row 3: text in close"],
        }
    )


NOTHING = {
    "counts": counts().iloc[:0],
    "models": models().iloc[:0],
    "signals": signals().iloc[:0],
    "series": series().iloc[:0],
    "lost": series()[["ticker", "timeframe", "asset", "state", "reason"]].iloc[:0],
}
