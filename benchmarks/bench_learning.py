"""Training on 50,000 made-up setups with 150 features, then 10,000 predictions, reasons, and the evaluation.

Training is all of it: five purged folds, three algorithms, four targets, calibration, the choice, the final fit,
intervals, holding times, the threshold, combinatorial folds; with fixed settings, and with ten trials of tuning.
Beside it, LightGBM and scikit-learn's boosting fitted once to one target, without folds, calibration or early
stopping: the price of a number that nobody has checked.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from fvg_platform.learning.evaluation import evaluate_test_period
from fvg_platform.learning.out_of_fold import TrainingConfig
from fvg_platform.learning.targets import target_column
from fvg_platform.learning.trained_model import TrainedModel
from fvg_platform.learning.training import train

TRAINED = 50_000
PREDICTED = 10_000
FEATURES = tuple(f"feature_{number}" for number in range(150))
EMBARGO = pd.Timedelta(hours=1)


def made_up_setups(n: int) -> pd.DataFrame:
    """Seeded setups every 37 minutes; one feature and the product of two move the odds a little, one the holding."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(n, len(FEATURES)))
    score = 0.2 * x[:, 0] + 0.6 * x[:, 1] * x[:, 2]
    entered = rng.random(n) < 1.0 / (1.0 + np.exp(-0.4 - 0.3 * x[:, 3]))
    draw = rng.random(n)
    known_at = pd.date_range("2015-01-01", periods=n, freq="37min", tz="UTC")
    frame = pd.DataFrame(
        {
            "ticker": "MADE",
            "ts": known_at - EMBARGO,
            "side": 1,
            "known_at": known_at,
            "life_end": known_at + pd.Timedelta(days=3),
            "status": np.where(entered, "entered", "expired"),
        }
    )
    for k, odds in ((1, 0.0), (2, -0.7), (3, -1.1)):
        outcome = np.where(draw < 1.0 / (1.0 + np.exp(-odds - score)), "target", "stop").astype(object)
        outcome[~entered] = None
        frame[f"outcome_{k}_lo"] = frame[f"outcome_{k}_hi"] = pd.Series(outcome, dtype=object)
    won = (frame["outcome_1_lo"] == "target").to_numpy()
    frame["r_1_lo"] = np.where(entered, np.where(won, 1.0, -1.0) - 0.02, np.nan)
    frame["bars_to_exit_1"] = np.where(entered, rng.poisson(8.0 * np.exp(0.3 * x[:, 4])), np.nan)
    x[rng.random(x.shape) < 0.02] = np.nan
    return pd.concat([frame, pd.DataFrame(x, columns=list(FEATURES))], axis=1)


def run() -> list[dict[str, object]]:
    """Measure; rows with what was done, setups, features, seconds, and the goal in seconds if there is one."""
    setups = made_up_setups(TRAINED + 2 * PREDICTED)
    cut = setups["known_at"].iloc[TRAINED]
    warm = setups.iloc[:2_000]
    train(warm, FEATURES, timeframe="1h", cut=warm["known_at"].iloc[1_500], embargo=EMBARGO)  # imports
    rows: list[dict[str, object]] = []

    def measure(what: str, n: int, call: Callable[[], Any], goal: float | None = None) -> Any:
        start = time.perf_counter()
        result = call()
        seconds = time.perf_counter() - start
        rows.append({"what": what, "setups": n, "features": len(FEATURES), "seconds": seconds, "goal": goal})
        return result

    def training(config: TrainingConfig) -> TrainedModel:
        return train(setups, FEATURES, timeframe="1h", cut=cut, embargo=EMBARGO, seed=1, config=config)

    fixed = TrainingConfig(n_folds=5, trials=0)
    model: TrainedModel = measure("ours: training, fixed settings", TRAINED, lambda: training(fixed), 90.0)
    measure("ours: training, ten trials", TRAINED, lambda: training(replace(fixed, trials=10)))
    latest = setups.tail(PREDICTED)
    measure(f"ours: predictions ({model.algorithm})", PREDICTED, lambda: model.predict(latest), 1.0)
    one, loaded = setups.tail(1), TrainedModel.from_json(model.to_json())
    for what, goal in (("first after loading", None), ("then", 0.02)):
        measure(
            f"ours: one with reasons, {what}",
            1,
            lambda: (loaded.predict(one), loaded.explain(one)),
            goal,
        )
    last = setups["life_end"].max()
    measure(
        "ours: evaluation with intervals", 2 * PREDICTED, lambda: evaluate_test_period(model, setups, last)
    )
    measure("ours: bytes and back", 1, lambda: TrainedModel.from_json(model.to_json()))

    y = target_column(setups.iloc[:TRAINED], "target_1")
    told = y.notna().to_numpy()
    x, y_told = setups.loc[: TRAINED - 1, list(FEATURES)].to_numpy()[told], y[told].to_numpy()
    options = {"objective": "binary", "num_leaves": 15, "num_threads": 2, "verbosity": -1}
    measure("LightGBM, one fit of one target", len(x), lambda: _boost(options, x, y_told))
    measure(
        "scikit-learn boosting, one fit of one target",
        len(x),
        lambda: HistGradientBoostingClassifier(max_iter=100, max_leaf_nodes=15).fit(x, y_told),
    )
    return rows


def _boost(options: dict[str, Any], x: np.ndarray, y: np.ndarray) -> lightgbm.Booster:
    return lightgbm.train(options, lightgbm.Dataset(x, y), num_boost_round=100)


def main() -> None:
    """Print the table."""
    print(f"{'what':48} {'setups':>8} {'features':>8} {'seconds':>8} {'goal':>7}")
    for each in run():
        goal = "" if each["goal"] is None else f"≤ {each['goal']}"
        print(
            f"{each['what']:48} {each['setups']:>8,} {each['features']:>8} {each['seconds']:>8.3f} {goal:>7}"
        )


if __name__ == "__main__":
    main()
