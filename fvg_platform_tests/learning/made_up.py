"""Made-up setups with a known signal, or none, in the layout that training reads."""

import numpy as np
import pandas as pd

FEATURES = tuple(f"feature_{number}" for number in range(6))
EMBARGO = pd.Timedelta(hours=1)
BASE_ODDS = {1: 0.0, 2: -0.7, 3: -1.1}


def made_up_setups(
    n: int,
    *,
    signal: float,
    seed: int = 0,
    life: pd.Timedelta = pd.Timedelta(hours=30),  # noqa: B008
    interaction: float = 0.0,
) -> pd.DataFrame:
    """One setup an hour over two tickers; feature_0 moves the log odds of every target by `signal`.

    `interaction` moves them by the sign of feature_1 times feature_2, which no straight line can see.
    One in four is not entered. A nearer target is hit whenever a further one is.
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, len(FEATURES)))
    known_at = pd.date_range("2020-01-01", periods=n, freq="h", tz="UTC")
    entered = rng.random(n) < 0.75
    draw = rng.random(n)
    score = signal * x[:, 0] + interaction * np.sign(x[:, 1] * x[:, 2])
    frame = pd.DataFrame(
        {
            "ticker": np.where(np.arange(n) % 2, "AAA", "BBB"),
            "ts": known_at - EMBARGO,
            "side": np.where(rng.random(n) < 0.5, 1, -1),
            "known_at": known_at,
            "life_end": known_at + life,
            "status": np.where(entered, "entered", "expired"),
        }
    )
    for k, odds in BASE_ODDS.items():
        hit = draw < 1.0 / (1.0 + np.exp(-(odds + score)))
        outcome = np.where(hit, "target", "stop").astype(object)
        outcome[~entered] = None
        frame[f"outcome_{k}_lo"] = frame[f"outcome_{k}_hi"] = pd.Series(outcome, dtype=object)
    x[rng.random(x.shape) < 0.02] = np.nan
    return pd.concat([frame, pd.DataFrame(x, columns=list(FEATURES))], axis=1)


def with_trades(setups: pd.DataFrame, *, seed: int = 0, holding: float = 0.0) -> pd.DataFrame:
    """The setups with what a trade earned (±1 R less costs) and how long it lasted.

    `holding` moves the log of the expected bars by feature_3; without it they have nothing to do with features.
    """
    rng = np.random.default_rng(seed)
    entered = (setups["status"] == "entered").to_numpy()
    won = (setups["outcome_1_lo"] == "target").to_numpy()
    bars = rng.poisson(6.0 * np.exp(holding * setups["feature_3"].fillna(0.0).to_numpy())).astype(float)
    return setups.assign(
        r_1_lo=np.where(entered, np.where(won, 0.98, -1.02), np.nan),
        bars_to_exit_1=np.where(entered, bars, np.nan),
    )
