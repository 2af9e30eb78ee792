"""No edge in noise (section 8): driftless walks of 2,000 samples a bar, 5,000 setups, costs left out.

Nobody can win on them, so the interval of mean R must contain 0; the same setups replayed on the samples, where the
order of prices is known, must average 0; and labels that always count the target first must fail the same test.
"""

import numba as nb
import numpy as np
import pandas as pd
import pytest

from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.modes import ModeConfig, mode_config
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.fvg.setups import plan_setups

from .made_up import bars_of

SAMPLES = 2000
BARS = 1500
WALKS = 24
LEVELS_CROSSED = 2  # the entry and the exit
WIDE = mode_config("1h").changed(cost_bps=0)
TIGHT = WIDE.changed(stop_buffer_atr=0.1)


@pytest.fixture(scope="module")
def noise() -> pd.DataFrame:
    """One row for each decided setup of each walk: its labels, its risk and the R of the replay."""
    rng = np.random.Generator(np.random.SFC64(20240102))
    tables = []
    for number in range(WALKS):
        samples = (
            rng.standard_normal(BARS * SAMPLES, dtype=np.float32)
            .astype(float)
            .cumsum()
            .reshape(BARS, SAMPLES)
        )
        bars = bars_of(np.column_stack([samples[:, 0], samples.max(1), samples.min(1), samples[:, -1]]))
        gaps = detect_gaps(bars, "1h")
        for name, config in {"wide": WIDE, "tight": TIGHT}.items():
            setups = plan_setups(gaps, "1h", config=config)
            setups = setups[setups["i"] + config.horizon < BARS].reset_index(drop=True)  # all of them decided
            labels = label_setups(bars, setups, "1h", config=config).drop(
                columns=["i", "side", "ts", "known_at"]
            )
            table = pd.concat([setups, labels], axis=1).assign(walk=number, stops=name)
            tables.append(table.join(replay(samples, setups, config)))
    return pd.concat(tables, ignore_index=True)


def replay(samples: np.ndarray, setups: pd.DataFrame, config: ModeConfig) -> pd.DataFrame:
    s = setups["side"].to_numpy(float)
    levels = s * setups[["entry", "stop", "target_1", "target_2", "target_3"]].to_numpy().T
    r = replay_samples(samples, setups["i"].to_numpy(), s, levels, config.ttl, config.max_hold)
    return pd.DataFrame(r.T / setups[["risk"]].to_numpy(), columns=["replay_1", "replay_2", "replay_3"])


@nb.njit
def replay_samples(samples, i, side, levels, ttl, max_hold):
    """Profit of each target of each setup, bought and sold at sampled prices only; NaN if not entered."""
    profit = np.full((3, len(i)), np.nan)
    for g in range(len(i)):
        s, entry, stop = side[g], levels[0, g], levels[1, g]
        f = -1
        for j in range(i[g] + 1, i[g] + ttl + 1):
            for at in range(samples.shape[1]):
                if s * samples[j, at] < entry:
                    f = j
                    break
            if f >= 0 or (s * samples[j]).max() > levels[2, g]:
                break
        if f < 0:
            continue
        fill = s * samples[f, at]
        for k in range(3):
            x, begin, price, out = f, at, fill, False
            while not out:
                for n in range(begin, samples.shape[1]):
                    price = s * samples[x, n]
                    if price <= stop or price > levels[2 + k, g]:
                        out = True
                        break
                out = out or x == f + max_hold
                x, begin = x + 1, 0
            profit[k, g] = price - fill
    return profit


def mean_and_error(r: pd.Series, walks: pd.Series) -> tuple[float, float]:
    """Mean and its standard error from whole walks: setups of one walk overlap."""
    sums = pd.DataFrame({"r": r, "n": r.notna()}).groupby(walks.to_numpy()).sum()
    mean = sums["r"].sum() / sums["n"].sum()
    residual = sums["r"] - mean * sums["n"]
    return mean, float(np.sqrt((residual**2).sum() * WALKS / (WALKS - 1)) / sums["n"].sum())


def widened(rows: pd.DataFrame, lo: str, hi: str) -> tuple[float, float]:
    """The interval of mean R with three standard errors and what a walk in steps of 1 overshoots its levels by."""
    allowance = LEVELS_CROSSED * 0.58 / rows["risk"].mean()
    low, low_error = mean_and_error(rows[lo], rows["walk"])
    high, high_error = mean_and_error(rows[hi], rows["walk"])
    return low - 3 * low_error - allowance, high + 3 * high_error + allowance


@pytest.mark.parametrize("stops", ["wide", "tight"])
@pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
def test_bars_leave_room_for_no_edge(noise: pd.DataFrame, stops: str, side: int) -> None:
    rows = noise[(noise["stops"] == stops) & (noise["side"] == side)]
    assert (noise["stops"] == stops).sum() >= 5000
    for k in (1, 2, 3):
        low, high = widened(rows, f"r_{k}_lo", f"r_{k}_hi")
        assert low <= 0 <= high, (k, low, high)


@pytest.mark.parametrize("stops", ["wide", "tight"])
@pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
def test_the_replay_on_samples_finds_none(noise: pd.DataFrame, stops: str, side: int) -> None:
    rows = noise[(noise["stops"] == stops) & (noise["side"] == side)]
    assert (
        rows["replay_1"].notna() == (rows["status"] == "entered")
    ).all()  # bars and samples agree on entries
    for k in (1, 2, 3):
        mean, error = mean_and_error(rows[f"replay_{k}"], rows["walk"])
        assert abs(mean) <= 3 * error, (k, mean, error)


def test_counting_targets_first_fabricates_an_edge(noise: pd.DataFrame) -> None:
    """`hi` alone is target-first labelling: the test above refuses it, and the more so the smaller the stop."""
    edges = []
    for stops in ("wide", "tight"):
        rows = noise[noise["stops"] == stops]
        low, _ = widened(rows, "r_1_hi", "r_1_hi")
        assert low > 0
        edges.append(rows["r_1_hi"].mean())
    assert 0.05 < edges[0] < edges[1] < 0.6, edges


def test_what_the_bars_identify_is_what_the_samples_did(noise: pd.DataFrame) -> None:
    for k in (1, 2, 3):
        rows = noise[noise[f"identified_{k}"].fillna(False) & (noise[f"outcome_{k}_lo"] != "timeout")]
        won = rows[f"outcome_{k}_lo"] == "target"
        assert ((rows[f"replay_{k}"] > 0) == won).mean() > 0.998
