"""Labels made by hand or by dice, with all columns that statistics read."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

ENTRY, RISK = 100.0, 2.0


def labels_from(
    status: Sequence[str],
    lo: Sequence[str | None],
    hi: Sequence[str | None],
    *,
    days: float,
    cost_bps: float = 0.0,
) -> pd.DataFrame:
    """One long setup every `days` days that all three targets treat alike: +k R at target k, -1 at a stop, 0.5 later.

    Entered at 100 with a risk of 2; a `gap_invalid` one opened at 97.
    """
    n, c = len(status), cost_bps * 1e-4
    frame = pd.DataFrame({"status": status})
    frame["ts"] = pd.Timestamp("2001-01-01", tz="UTC") + pd.to_timedelta(np.arange(n) * days, unit="D")
    entered, void = (frame["status"] == "entered").to_numpy(), (frame["status"] == "gap_invalid").to_numpy()
    frame = frame.assign(side=1, ticker="AAPL", session=None, risk=RISK, cost_bps=cost_bps)
    frame["entry_price"] = np.where(entered, ENTRY, np.nan)
    frame["bars_to_entry"] = pd.array(np.where(entered, np.arange(n) + 1, 0), dtype="Int64")
    frame.loc[~entered, "bars_to_entry"] = pd.NA
    frame["mae_r"], frame["mfe_r"] = np.where(entered, -0.25, np.nan), np.where(entered, 0.75, np.nan)
    for k in (1, 2, 3):
        for path, outcomes in (("lo", lo), ("hi", hi)):
            gain = np.array(
                [{"target": k, "stop": -1.0, "timeout": 0.5}.get(o or "", np.nan) for o in outcomes]
            )
            r = gain - c * (2 * ENTRY + gain * RISK) / RISK
            frame[f"outcome_{k}_{path}"] = pd.Series(outcomes, dtype=object)
            frame[f"r_{k}_{path}"] = np.where(void, -c * 2 * 97 / RISK, np.where(entered, r, np.nan))
        same = frame[f"outcome_{k}_lo"] == frame[f"outcome_{k}_hi"]
        frame[f"identified_{k}"] = same & entered & (frame[f"outcome_{k}_lo"] != "censored").to_numpy()
        frame[f"bars_to_exit_{k}_lo"] = frame["bars_to_entry"] * 2
    return frame


def diced(n: int, seed: int, *, days: float = 10.0, win: float = 0.5, tickers: int = 1) -> pd.DataFrame:
    """Entered setups of several tickers, costs 0: target k is won with 2·win/(k+1), so 0.5 leaves no edge anywhere."""
    rng = np.random.default_rng(seed)
    labels = labels_from(["entered"] * n, ["stop"] * n, ["stop"] * n, days=days)
    for k in (1, 2, 3):
        won = rng.random(n) < 2 * win / (k + 1)
        for path in ("lo", "hi"):
            labels[f"outcome_{k}_{path}"], labels[f"r_{k}_{path}"] = (
                np.where(won, "target", "stop"),
                won * (k + 1) - 1.0,
            )
    return labels.assign(
        ticker=rng.permutation([f"T{j % tickers:02}" for j in range(n)]),
        side=rng.choice([1, -1], n),
        session=rng.choice(["london", "new_york_am"], n),
        rule_discount=pd.array(rng.choice([True, False, None], n), dtype="boolean"),
    )
