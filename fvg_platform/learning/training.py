"""Training: labelled setups of one timeframe in, one served model out.

Only the training part is looked at: setups whose life, with the embargo, ended before the cut. All three
algorithms predict out of fold there, the choice falls on those predictions, and the chosen one is fitted on
the whole part and calibrated on its own out-of-fold predictions. The test period is for evaluation alone.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.calibration import Calibration, Identity, fit_calibration
from fvg_platform.learning.models import ALGORITHMS, Algorithm, BaseRate, Classifier, require_features
from fvg_platform.learning.out_of_fold import (
    Fitter,
    OutOfFold,
    Sample,
    TrainingConfig,
    predict_out_of_fold,
    usable_folds,
)
from fvg_platform.learning.selection import Choice, FoldScore, choose, fold_scores
from fvg_platform.learning.splits import PURGED, TEST, TRAIN, assign_parts
from fvg_platform.learning.targets import ENTERED, TARGETS, WIN_TARGETS, target_frame
from fvg_platform.learning.trained_model import TargetRate, TrainedModel

FloatArray = npt.NDArray[np.float64]

# The first fold only calibrates: one more is needed to compare on.
_MIN_FOLDS = 2


@dataclass(frozen=True)
class _Fitted:
    algorithms: dict[str, Choice]
    classifiers: dict[str, Classifier]
    calibrations: dict[str, Calibration]
    scores: tuple[FoldScore, ...]
    reason: str | None


def train(
    setups: pd.DataFrame,
    feature_names: list[str] | tuple[str, ...],
    *,
    timeframe: str,
    cut: pd.Timestamp,
    embargo: pd.Timedelta,
    config: TrainingConfig | None = None,
    seed: int = 0,
) -> TrainedModel:
    """Train one timeframe's model of P(entered) and P(target k before stop, within max_hold | entered).

    Parameters
    ----------
    setups
        One row per setup, pooled over tickers, in any order: `ticker, ts, side, known_at, life_end, status`,
        `outcome_{1,2,3}_{lo,hi}` and the features. Rows of the test period may be there and are not used.
    feature_names
        Columns that the model may use.
    timeframe
        For the record.
    cut, embargo
        First time of the test period; time that must pass between a training life's end and it.
    config
        :class:`TrainingConfig`, by default its defaults.
    seed
        Of LightGBM and of the bootstrap that compares algorithms.

    Returns
    -------
    TrainedModel. With fewer than `config.min_entered` entered training setups, or folds too few to compare
    on, it serves the pooled base rate and its `reason` says so.

    Raises
    ------
    ValueError
        No or repeated feature names, a missing column, an infinite feature, an unknown status or outcome,
        a time that is NULL or has no zone.
    """
    config = config or TrainingConfig()
    names = _require_names(feature_names)
    part = assign_parts(setups, cut, embargo)
    # One order whatever the caller's, or equal data would give different bytes.
    rows = setups[part == TRAIN].sort_values(["known_at", "ticker", "ts", "side"], kind="stable")
    y = target_frame(rows, config.label)
    sample = Sample(
        x=require_features(rows, names),
        y={target: y[target].to_numpy(dtype=np.float64) for target in TARGETS},
        known_at=rows["known_at"],
        life_end=rows["life_end"],
    )
    rates = {target: _rate(sample.y[target]) for target in TARGETS}
    fitted = _fit(sample, rates, config=config, embargo=embargo, seed=seed)
    return TrainedModel(
        timeframe=timeframe,
        feature_names=names,
        cut=cut.tz_convert("UTC").as_unit("ns"),
        embargo=embargo.as_unit("ns"),
        seed=seed,
        config=config,
        algorithm=fitted.algorithms[WIN_TARGETS[0]].algorithm,
        entry_algorithm=fitted.algorithms[ENTERED].algorithm,
        choice=fitted.algorithms[WIN_TARGETS[0]].reason,
        entry_choice=fitted.algorithms[ENTERED].reason,
        reason=fitted.reason,
        rates=rates,
        parts={name: int((part == name).sum()) for name in (TRAIN, PURGED, TEST)},
        trained_from=_utc(rows["known_at"].iloc[0]) if len(rows) else None,
        trained_to=_utc(rows["known_at"].iloc[-1]) if len(rows) else None,
        classifiers=fitted.classifiers,
        calibrations=fitted.calibrations,
        scores=fitted.scores,
    )


def _fit(
    sample: Sample, rates: dict[str, TargetRate], *, config: TrainingConfig, embargo: pd.Timedelta, seed: int
) -> _Fitted:
    entered = rates[WIN_TARGETS[0]].n
    if entered < config.min_entered:
        return _base_rate_only(
            sample,
            f"No model: {entered} entered training setups with an outcome, {config.min_entered} are needed; "
            "the pooled base rate is served.",
        )
    folds = usable_folds(sample, config, embargo)
    if len(folds) < _MIN_FOLDS:
        return _base_rate_only(
            sample,
            f"No model: lives are so long that {len(folds)} of {config.n_folds} folds keep "
            f"{config.min_fold_entered} entered setups that had ended before, {_MIN_FOLDS} folds are needed; "
            "the pooled base rate is served.",
        )
    predictions: dict[Algorithm, dict[str, OutOfFold]] = {
        algorithm: predict_out_of_fold(sample, folds, algorithm, config=config, embargo=embargo, seed=seed)
        for algorithm in ALGORITHMS
    }
    scores = fold_scores(sample, folds, predictions)
    wins, entry = (
        choose(sample, scores, predictions, group, confidence=config.confidence, seed=seed)
        for group in (WIN_TARGETS, (ENTERED,))
    )
    choices = {ENTERED: entry} | dict.fromkeys(WIN_TARGETS, wins)
    everything = np.arange(len(sample.x), dtype=np.int64)
    fitters = {
        choice.algorithm: Fitter(sample, everything, choice.algorithm, config, embargo, seed)
        for choice in choices.values()
    }
    classifiers: dict[str, Classifier] = {}
    calibrations: dict[str, Calibration] = {}
    for target, choice in choices.items():
        out_of_fold = predictions[choice.algorithm][target]
        rounds = max(1, int(np.median(out_of_fold.rounds))) if out_of_fold.rounds else None
        model = fitters[choice.algorithm].fit(target, rounds)
        if model is not None:
            classifiers[target] = model
            calibrations[target] = _calibration(model, out_of_fold, sample.y[target], config)
    return _Fitted(choices, classifiers, calibrations, tuple(scores), None)


def _calibration(
    model: Classifier, out_of_fold: OutOfFold, y: FloatArray, config: TrainingConfig
) -> Calibration:
    if model.algorithm == "base_rate":
        return Identity()
    told = ~np.isnan(out_of_fold.raw) & ~np.isnan(y)
    return fit_calibration(out_of_fold.raw[told], y[told], config.calibration)


def _base_rate_only(sample: Sample, reason: str) -> _Fitted:
    seen = {target: y[~np.isnan(y)] for target, y in sample.y.items()}
    classifiers: dict[str, Classifier] = {target: BaseRate.fit(y) for target, y in seen.items() if y.size}
    calibrations: dict[str, Calibration] = {target: Identity() for target in classifiers}
    return _Fitted(dict.fromkeys(TARGETS, Choice("base_rate", reason)), classifiers, calibrations, (), reason)


def _rate(y: FloatArray) -> TargetRate:
    told = y[~np.isnan(y)]
    return TargetRate(n=int(told.size), positives=int(told.sum()))


def _require_names(feature_names: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(feature_names)
    if not names:
        raise ValueError("no feature names: a model needs at least one feature")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"feature names are repeated: {', '.join(repeated)}")
    return names


def _utc(time: pd.Timestamp) -> pd.Timestamp:
    return time.tz_convert("UTC").as_unit("ns")
