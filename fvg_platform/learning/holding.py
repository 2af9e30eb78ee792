"""How long a position will be held: expected bars from the fill to the first target's exit, on the worse path.

Trees of counts against the plain mean: they are served only if their squared error on the folds is lower beyond
noise. The expectation is over all exits, stop and timeout as well as target, of setups that were entered.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.blocks import MIN_BLOCKS, time_cells
from fvg_platform.learning.classifier import LearningTask
from fvg_platform.learning.lightgbm_model import LightGBM
from fvg_platform.learning.out_of_fold import Sample, TrainingConfig
from fvg_platform.learning.selection import lower_bound

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class HoldingTime:
    """The mean number of bars over `n` training setups, or trees where these foretell more; `reason` says why."""

    mean: float | None
    n: int
    reason: str
    trees: LightGBM | None = None

    def predict(self, x: FloatArray) -> FloatArray:
        """Expected bars for each row of features (n, m), never negative; NaN where nothing was learnt."""
        if self.trees is not None:
            return self.trees.predict(x)
        return np.full(len(x), np.nan if self.mean is None else self.mean)

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        trees = None if self.trees is None else self.trees.to_dict()
        return {"mean": self.mean, "n": self.n, "reason": self.reason, "trees": trees}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "HoldingTime":
        """The inverse of :meth:`to_dict`."""
        trees = None if stored["trees"] is None else LightGBM.from_dict(stored["trees"])
        return cls(stored["mean"], stored["n"], stored["reason"], trees)


def fit_holding_time(
    sample: Sample,
    folds: list[tuple[IndexArray, IndexArray]],
    *,
    config: TrainingConfig,
    embargo: pd.Timedelta,
    seed: int,
) -> HoldingTime:
    """Fit on the setups of `sample` that were exited; without folds the mean is served.

    Raises
    ------
    ValueError
        A negative or infinite number of bars.
    """
    if sample.bars_to_exit is None:
        return HoldingTime(None, 0, "The setups have no column bars_to_exit_1: no holding time.")
    bars = sample.bars_to_exit
    strange = np.flatnonzero((bars < 0.0) | np.isinf(bars))
    if strange.size:
        raise ValueError(
            f"bars_to_exit_1 is {bars[strange[0]]} at training row {int(strange[0])}: bars are counted from 0"
        )
    exited = np.flatnonzero(~np.isnan(bars))
    if exited.size == 0:
        return HoldingTime(None, 0, "No training setup was exited: no holding time.")
    mean, n = float(bars[exited].mean()), int(exited.size)
    if not folds or bars[exited].min() == bars[exited].max():
        return HoldingTime(mean, n, "No folds to compare on, or all alike: the mean is served.")

    def learn(rows: IndexArray) -> LightGBM | None:
        return _learn(sample, bars, rows, config=config, embargo=embargo, seed=seed)

    with ThreadPoolExecutor(2) as pool:  # the largest first, as in out_of_fold
        fitted = list(pool.map(learn, [train for train, _ in reversed(folds)]))[::-1]
    better, why = _compare(sample, bars, folds, fitted, confidence=config.confidence, seed=seed)
    if not better:
        return HoldingTime(mean, n, why)
    rounds = max(1, int(np.median([trees.rounds for trees in fitted if trees is not None])))
    everything = np.arange(bars.size, dtype=np.int64)
    trees = _learn(sample, bars, everything, config=config, embargo=embargo, seed=seed, rounds=rounds)
    return HoldingTime(mean, n, why, trees)


def _learn(
    sample: Sample,
    bars: FloatArray,
    rows: IndexArray,
    *,
    config: TrainingConfig,
    embargo: pd.Timedelta,
    seed: int,
    rounds: int | None = None,
) -> LightGBM | None:
    """Trees on the exited setups among `rows`; None where they are too few or all alike."""
    exited = rows[~np.isnan(bars[rows])]
    if exited.size < config.min_fold_entered or bars[exited].min() == bars[exited].max():
        return None
    task = LearningTask(
        features=sample.x,
        rows=exited,
        told=np.arange(exited.size, dtype=np.int64),
        y=bars[exited],
        known_at=sample.known_at.iloc[exited],
        life_end=sample.life_end.iloc[exited],
        embargo=embargo,
        settings=config.boosting,
        seed=seed,
        rounds=rounds,
    )
    return LightGBM.learn(task, objective="poisson")


def _compare(
    sample: Sample,
    bars: FloatArray,
    folds: list[tuple[IndexArray, IndexArray]],
    fitted: list[LightGBM | None],
    *,
    confidence: float,
    seed: int,
) -> tuple[bool, str]:
    """Whether the trees' squared error on the folds is lower beyond noise, and a sentence that says so."""
    gains, rows = [], []
    for (train, validation), trees in zip(folds, fitted, strict=True):
        told = validation[~np.isnan(bars[validation])]
        if trees is None or told.size == 0:
            continue
        mean = np.nanmean(bars[train])
        gains.append((mean - bars[told]) ** 2 - (trees.predict(sample.x[told]) - bars[told]) ** 2)
        rows.append(told)
    if not gains:
        return False, "No fold has exits to compare on: the mean is served."
    gain, compared = np.concatenate(gains), np.concatenate(rows)
    known_at, life_end = sample.known_at.iloc[compared], sample.life_end.iloc[compared]
    life = max(pd.Timedelta((life_end - known_at).median()), pd.Timedelta(1, unit="s"))
    cells = time_cells(known_at, life)
    if cells.blocks < MIN_BLOCKS:
        return False, f"The folds span only {cells.blocks} lives of {life}: the mean is served."
    bound = lower_bound(gain, cells, confidence, seed)
    better = bool(gain.mean() > 0.0 and bound > 0.0)
    return better, (
        f"Trees gain {gain.mean():+.4f} squared bars on the mean (bound {bound:+.4f}, "
        f"{'beyond' if better else 'within'} noise): {'they are' if better else 'the mean is'} served."
    )
