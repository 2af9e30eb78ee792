"""From a training sample to everything that is served: tune, compare, choose, fit, calibrate, and say how sure.

The order keeps every judgement clean. Settings are tuned on what had ended before the second fold began; algorithms
are compared on the folds from there on; calibration, threshold and intervals rest on out-of-fold predictions; only
then is the chosen algorithm fitted on everything.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.calibration import Calibration, Identity, fit_calibration, in_falling_order
from fvg_platform.learning.calibration_choice import NOT_CALIBRATED, CalibrationChoice
from fvg_platform.learning.combinatorial import CombinatorialSkill, combinatorial_skill
from fvg_platform.learning.explanation import mean_contributions
from fvg_platform.learning.holding import HoldingTime, fit_holding_time
from fvg_platform.learning.models import ALGORITHMS, BaseRate, Classifier
from fvg_platform.learning.out_of_fold import (
    Fitter,
    OutOfFold,
    Sample,
    TrainingConfig,
    predict_out_of_fold,
    usable_folds,
)
from fvg_platform.learning.probability_intervals import ProbabilityInterval, fit_interval, fit_rate_interval
from fvg_platform.learning.selection import (
    AlgorithmSkill,
    Choice,
    FoldScore,
    FoldSkill,
    algorithm_skills,
    choose,
    fold_scores,
    fold_skills,
)
from fvg_platform.learning.targets import ENTERED, TARGETS, WIN_TARGETS
from fvg_platform.learning.threshold import Threshold, choose_threshold
from fvg_platform.learning.tuning import Tuning, tune

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]

# The first fold only calibrates: one more is needed to compare on.
_MIN_FOLDS = 2


@dataclass(frozen=True)
class FittedTarget:
    """What serves one target."""

    classifier: Classifier
    calibration: Calibration
    calibration_choice: CalibrationChoice
    interval: ProbabilityInterval
    mean_contributions: FloatArray | None


@dataclass(frozen=True)
class Fitted:
    """All that came out of a sample; `reason` says why the pooled base rate is served, if it is."""

    config: TrainingConfig
    choices: dict[str, Choice]
    targets: dict[str, FittedTarget]
    holding: HoldingTime
    threshold: Threshold
    combinatorial: CombinatorialSkill
    tuning: Tuning
    reason: str | None = None
    scores: list[FoldScore] = field(default_factory=list)
    skills: list[FoldSkill] = field(default_factory=list)
    tried: list[AlgorithmSkill] = field(default_factory=list)


def fit(sample: Sample, *, config: TrainingConfig, embargo: pd.Timedelta, seed: int) -> Fitted:
    """Fit a sample in time order; with too few setups or folds it is the pooled base rate, with the reason."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(limits=1, user_api="blas"):  # sums in the same order on any number of cores
        return _fit(sample, config=config, embargo=embargo, seed=seed)


def _fit(sample: Sample, *, config: TrainingConfig, embargo: pd.Timedelta, seed: int) -> Fitted:
    entered = int((~np.isnan(sample.y[WIN_TARGETS[0]])).sum())
    folds = usable_folds(sample, config, embargo)
    base_rate = partial(_base_rate_only, sample, config=config, embargo=embargo, seed=seed)
    if entered < config.min_entered:
        # Too few to serve a model of; how the algorithms do on the folds there are is told all the same.
        predictions = (
            _predictions(sample, folds, config=config, embargo=embargo, seed=seed)
            if len(folds) >= _MIN_FOLDS
            else {}
        )
        return base_rate(
            f"No model: {entered} entered training setups with an outcome, {config.min_entered} are needed; "
            "the pooled base rate is served.",
            tried=algorithm_skills(sample, predictions, seed=seed),
        )
    if len(folds) < _MIN_FOLDS:
        return base_rate(
            f"No model: lives are so long that {len(folds)} of {config.n_folds} folds keep "
            f"{config.min_fold_entered} entered setups that had ended before, {_MIN_FOLDS} folds are needed; "
            "the pooled base rate is served."
        )
    # The training part of the second fold: lives that, with the embargo, had ended before it began.
    tuning = tune(sample.take(folds[1][0]), config=config, embargo=embargo, seed=seed)
    return _compare_and_fit(
        sample, folds, tuning, config=replace(config, boosting=tuning.settings), embargo=embargo, seed=seed
    )


def _predictions(
    sample: Sample,
    folds: list[tuple[IndexArray, IndexArray]],
    *,
    config: TrainingConfig,
    embargo: pd.Timedelta,
    seed: int,
) -> dict[str, dict[str, OutOfFold]]:
    """Out-of-fold predictions of every algorithm, from the simplest to the richest."""
    return {
        algorithm: predict_out_of_fold(sample, folds, algorithm, config=config, embargo=embargo, seed=seed)
        for algorithm in ALGORITHMS
    }


def _compare_and_fit(
    sample: Sample,
    folds: list[tuple[IndexArray, IndexArray]],
    tuning: Tuning,
    *,
    config: TrainingConfig,
    embargo: pd.Timedelta,
    seed: int,
) -> Fitted:
    predictions = _predictions(sample, folds, config=config, embargo=embargo, seed=seed)
    scores = fold_scores(sample, folds, predictions)
    wins, entry = (
        choose(sample, scores, predictions, group, confidence=config.confidence, seed=seed)
        for group in (WIN_TARGETS, (ENTERED,))
    )
    choices = {ENTERED: entry} | dict.fromkeys(WIN_TARGETS, wins)
    everything = np.arange(len(sample.x), dtype=np.int64)
    fitters = {
        algorithm: Fitter(sample, everything, algorithm, config, embargo, seed)
        for algorithm in sorted({choice.algorithm for choice in choices.values()})
    }
    # Each fit has one thread, for equal bytes: how long positions last is learnt on the other core meanwhile.
    with ThreadPoolExecutor(1) as beside:
        holding = beside.submit(fit_holding_time, sample, folds, config=config, embargo=embargo, seed=seed)
        fitted = {
            target: _fit_target(
                fitters[choice.algorithm], target, predictions[choice.algorithm][target], seed
            )
            for target, choice in choices.items()
        }
    return Fitted(
        config=config,
        choices=choices,
        targets={target: each for target, each in fitted.items() if each is not None},
        holding=holding.result(),
        threshold=_threshold(sample, wins.algorithm, predictions[wins.algorithm], seed),
        combinatorial=combinatorial_skill(
            sample, _contender(wins.algorithm, scores), config=config, embargo=embargo, seed=seed
        ),
        tuning=tuning,
        scores=scores,
        skills=fold_skills(
            sample, folds, scores, {target: choice.algorithm for target, choice in choices.items()}
        ),
        tried=algorithm_skills(sample, predictions, seed=seed),
    )


def _contender(served: str, scores: list[FoldScore]) -> str:
    """The algorithm whose skill is worth a second look: the served one, or what came next to the base rate."""
    if served != BaseRate.algorithm:
        return served
    briers = {
        algorithm: float(np.mean([s.brier for s in scores if s.algorithm == algorithm]))
        for algorithm in ALGORITHMS
        if algorithm != served
    }
    return min(briers, key=lambda algorithm: briers[algorithm])


def _fit_target(fitter: Fitter, target: str, out_of_fold: OutOfFold, seed: int) -> FittedTarget | None:
    """One target on all rows; None where no setup says anything about it."""
    sample = fitter.sample
    rounds = max(1, int(np.median(out_of_fold.rounds))) if out_of_fold.rounds else None
    model = fitter.fit(target, rounds)
    if model is None:
        return None
    if isinstance(model, BaseRate):
        return _base_rate_target(sample, target, seed)
    y = sample.y[target]
    told = np.flatnonzero(~np.isnan(out_of_fold.raw) & ~np.isnan(y))
    calibration = fit_calibration(out_of_fold.raw[told], y[told], out_of_fold.calibration.method)
    interval = fit_interval(
        out_of_fold.raw[told],
        y[told],
        sample.known_at.iloc[told],
        sample.life_end.iloc[told],
        calibration,
        seed=seed,
    )
    contributions = mean_contributions(model, sample.x[~np.isnan(y)])
    return FittedTarget(model, calibration, out_of_fold.calibration, interval, contributions)


def _base_rate_target(sample: Sample, target: str, seed: int) -> FittedTarget | None:
    y = sample.y[target]
    told = np.flatnonzero(~np.isnan(y))
    if told.size == 0:
        return None
    interval = fit_rate_interval(y[told], sample.known_at.iloc[told], sample.life_end.iloc[told], seed=seed)
    return FittedTarget(BaseRate.fit(y[told]), Identity(), NOT_CALIBRATED, interval, None)


def _threshold(sample: Sample, algorithm: str, predictions: dict[str, OutOfFold], seed: int) -> Threshold:
    """From which out-of-fold p_target_1 on to act, in the order of the targets in which it is served."""
    if sample.r is None:
        return Threshold(None, "The setups have no column r_1_lo: no threshold could be chosen.")
    wins = np.column_stack([predictions[target].calibrated for target in WIN_TARGETS])
    p = wins[:, 0]
    if algorithm == BaseRate.algorithm:
        # Its folds' rates drift, but what is served is one number: to act on all or on nothing.
        rate = float(np.nanmean(sample.y[WIN_TARGETS[0]]))
        p = np.where(np.isnan(p), np.nan, rate)
    else:
        whole = ~np.isnan(wins).any(axis=1)
        p = p.copy()
        p[whole] = in_falling_order(wins[whole])[:, 0]
    return choose_threshold(p, sample.r, sample.known_at, sample.life_end, seed=seed)


def _base_rate_only(
    sample: Sample,
    reason: str,
    *,
    config: TrainingConfig,
    embargo: pd.Timedelta,
    seed: int,
    tried: Sequence[AlgorithmSkill] = (),
) -> Fitted:
    targets = {target: _base_rate_target(sample, target, seed) for target in TARGETS}
    return Fitted(
        config=config,
        choices=dict.fromkeys(TARGETS, Choice("base_rate", reason)),
        targets={target: each for target, each in targets.items() if each is not None},
        holding=fit_holding_time(sample, [], config=config, embargo=embargo, seed=seed),
        threshold=Threshold(None, f"{reason} No threshold: act on nothing."),
        combinatorial=CombinatorialSkill("base_rate", (), (), reason),
        tuning=Tuning(config.boosting, (), f"No tuning. {reason}"),
        reason=reason,
        tried=list(tried),
    )
