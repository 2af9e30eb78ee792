"""A made-up row of `models` with everything in it: seeded noise around plausible figures."""

from typing import Any

import numpy as np
import pandas as pd

TARGETS = ("target_1", "target_2", "target_3", "entered")
FEATURES = tuple(
    f"{name}_{n}" for n in (5, 14, 50) for name in ("rsi", "atr_share", "gap_height", "slope", "volume_z")
)


def estimate(value: float, spread: float) -> dict[str, Any]:
    return {"value": value, "low": value - spread, "high": value + spread, "reason": None}


def evaluation(skill: float = 0.012, spread: float = 0.02) -> dict[str, Any]:
    return {
        "n": 1240,
        "positives": 558,
        "excluded": 31,
        "base_rate": 0.47,
        "mean_prediction": 0.46,
        "blocks": 38,
        "level": 0.95,
        "brier": estimate(0.2447, 0.004),
        "skill": estimate(skill, spread),
        "log_loss": estimate(0.6824, 0.009),
        "auc": estimate(0.552, 0.03),
        "calibration_error": {"value": 0.031, "low": 0.012, "high": 0.055, "reason": None},
        "accuracy": estimate(0.548, 0.027),
        "precision": estimate(0.531, 0.06),
        "recall": estimate(0.31, 0.05),
        "f1": estimate(0.391, 0.045),
    }


def curve(rng: np.random.Generator, groups: int = 10) -> list[dict[str, Any]]:
    said = np.linspace(0.3, 0.62, groups)
    seen = np.clip(said + rng.normal(0, 0.03, groups), 0, 1)
    return [
        {
            "mean_prediction": p,
            "rate": r,
            "n": 124,
            "rate_low": max(0.0, r - 0.08),
            "rate_high": min(1.0, r + 0.08),
        }
        for p, r in zip(said, seen, strict=True)
    ]


def run(rng: np.random.Generator, drift: float, trades: int = 212) -> dict[str, Any]:
    days = pd.date_range("2023-06-01", periods=250, freq="3D")
    equity = np.exp(np.cumsum(rng.normal(drift, 0.006, 250)))
    return {
        "orders": trades + 90,
        "trades": trades,
        "gap_invalid": 2,
        "skipped": 9,
        "mean_r": estimate(drift * 100, 0.11),
        "win_rate": 0.49,
        "sharpe": estimate(drift * 900, 0.9),
        "deflated_sharpe": 0.31,
        "max_drawdown": estimate(float((equity / np.maximum.accumulate(equity) - 1).min()), 0.05),
        "profit_factor": 1.08,
        "exposure": 0.37,
        "total_return": float(equity[-1] - 1),
        "equity": [[day.date().isoformat(), float(value)] for day, value in zip(days, equity, strict=True)],
        "reason": None,
    }


def backtest() -> dict[str, Any]:
    rng = np.random.default_rng(5)
    runs = {
        "signals": {"lo": run(rng, 0.0004), "hi": run(rng, 0.0008)},
        "all setups": {"lo": run(rng, -0.0002, 1198), "hi": run(rng, 0.0001, 1198)},
        "random entries": {"lo": run(rng, -0.0001), "hi": run(rng, 0.0001)},
        "buy and hold": {"lo": run(rng, 0.0006, 4)},
    }
    return {
        "threshold": 0.512,
        "reason": None,
        "trials": 24,
        "from": "2023-06-01T00:00:00+00:00",
        "to": "2025-06-17T00:00:00+00:00",
        "runs": runs,
    }


def calibration() -> dict[str, Any]:
    scores = {
        m: {"n": 1500, "brier": b, "log_loss": b + 0.44} for m, b in (("none", 0.2468), ("platt", 0.2463))
    }
    return {
        "method": "platt",
        "reason": "platt had the lowest Brier score of all on the later folds.",
        "scores": scores,
    }


def threshold() -> dict[str, Any]:
    values = [0.0, 0.41, 0.44, 0.46, 0.48, 0.5, 0.512, 0.53, 0.56]
    candidates = [
        {
            "value": value,
            "n": 1800 - 190 * n,
            "blocks": 60 - 5 * n,
            "mean_r": -0.02 + 0.02 * n,
            "low": -0.06 + 0.02 * n - 0.001 * n * n,
            "corrected_low": -0.09 + 0.022 * n - 0.0012 * n * n,
            "sharpe": 0.01 * n,
        }
        for n, value in enumerate(values)
    ]
    return {
        "value": 0.512,
        "reason": "On the folds p ≥ 0.5120 earned +0.1000 R a trade.",
        "candidates": candidates,
    }


def walk_forward() -> list[dict[str, Any]]:
    skills = {"target_1": (0.01, -0.004, 0.02, 0.014), "target_2": (0.0, 0.01, -0.01, 0.004)}
    first = pd.date_range("2018-01-01", periods=4, freq="YS", tz="UTC")
    return [
        {
            "fold": fold,
            "first": first[fold].isoformat(),
            "last": (first[fold] + pd.Timedelta(days=350)).isoformat(),
            "target": target,
            "n": 400 + fold,
            "skill": skill,
        }
        for target, of_folds in skills.items()
        for fold, skill in enumerate(of_folds)
    ]


def record(**changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    weights = {
        target: dict(zip(FEATURES, rng.gamma(0.6, 100.0, len(FEATURES)), strict=True)) for target in TARGETS
    }
    splits = [
        {"test_groups": [a, b], "n": 900, "skill": float(rng.normal(0.01, 0.012))}
        for a in range(6)
        for b in range(a + 1, 6)
    ]
    full = {
        "timeframe": "1h",
        "version": 7,
        "semantic_version": "2.1.0",
        "name": "win rate 1h",
        "scope": "pooled",
        "algorithm": "lightgbm",
        "entry_algorithm": "logistic_regression",
        "status": "active",
        "status_reason": "Not worse than 2.0.3 on 1,240 newer setups: Brier −0.0004 [−0.0013, +0.0005]",
        "deployed_at": pd.Timestamp("2025-06-18 04:12:33", tz="UTC"),
        "retired_at": pd.NaT,
        "trained_at": pd.Timestamp("2025-06-18 04:11:02", tz="UTC"),
        "trained_from": pd.Timestamp("2015-01-05 14:30", tz="UTC"),
        "trained_to": pd.Timestamp("2023-05-30 20:00", tz="UTC"),
        "split_version": 3,
        "setups_trained": 6120,
        "setups_entered": 4481,
        "feature_set_version": "9f41c2d07be3",
        "features": list(FEATURES),
        "config_ids": ["intraday-1a2b3c4d"],
        "hyperparameters": {
            "label": "lo",
            "n_folds": 5,
            "seed": 7,
            "boosting": {"learning_rate": 0.05, "num_leaves": 31, "lambda_l2": 1.0},
        },
        "tried": [
            {
                "algorithm": a,
                "target": t,
                "n": 300,
                "skill": {"value": v, "low": v - 0.02, "high": v + 0.02, "reason": None},
            }
            for a, v in (("logistic_regression", 0.011), ("lightgbm", 0.018))
            for t in TARGETS
        ],
        "fold_scores": [
            {"algorithm": a, "target": t, "brier": b, "log_loss": b + 0.44}
            for a, b in (("base_rate", 0.2491), ("logistic_regression", 0.2473), ("lightgbm", 0.2461))
            for t in TARGETS
        ],
        "walk_forward": walk_forward(),
        "combinatorial": {"splits": splits, "paths": [0.011, 0.006, 0.014, -0.002, 0.009]},
        "trials": [
            {
                "number": n,
                "state": "pruned" if n in (3, 6) else "complete",
                "value": None if n in (3, 6) else 0.684 - 0.0004 * (n % 5),
                "parameters": {"learning_rate": 0.05 / (n + 1), "num_leaves": 15 + n},
                "fold_values": [0.68, 0.69],
            }
            for n in range(10)
        ],
        "threshold": threshold(),
        "test_metrics": {t: evaluation(0.012 - 0.006 * k) for k, t in enumerate(TARGETS)},
        "backtest": backtest(),
        "importances": weights,
        "contributions": {
            t: {n: w / 900 * rng.uniform(0.5, 1.5) for n, w in c.items()} for t, c in weights.items()
        },
        "calibration": {t: calibration() for t in TARGETS},
        "calibration_curve": {t: curve(rng) for t in TARGETS},
        "git_commit": "f984132a",
        "run_id": "5b0e2a52-7d8a-4a39-9a3d-6b1c9f2e1d10",
        "artifact": "models/1h/8c1d.json",
        "sha256": "8c1d" * 16,
        "flag": None,
        "notes": None,
    }
    return full | changes


def bare_record() -> dict[str, Any]:
    """Nearly everything missing: a base rate that could not be judged."""
    return dict.fromkeys(record()) | {
        "timeframe": "1w",
        "version": 1,
        "algorithm": "base_rate",
        "status": "candidate",
        "setups_trained": 61,
        "setups_entered": 40,
        "flag": "40 entered training setups, 200 are needed",
        "config_ids": float("nan"),
    }


def daily_returns(days: int = 730, seed: int = 1) -> pd.Series:
    index = pd.date_range("2023-06-01", periods=days, freq="D")
    values = np.random.default_rng(seed).normal(0.0004, 0.006, days)
    return pd.Series(values, index=index)
