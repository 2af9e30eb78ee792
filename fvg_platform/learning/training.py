"""Training: labelled setups of one timeframe in, one served model out.

Only the training part is looked at: setups whose life, with the embargo, ended before the cut. What is done with
them stands in fitting.py; here the setups become a sample, and what was fitted becomes a model. The test period is
for evaluation alone.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.blocks import MIN_BLOCKS
from fvg_platform.learning.feature_matrix import named, require_features, silent_features
from fvg_platform.learning.fitting import Fitted, fit
from fvg_platform.learning.out_of_fold import Sample, TrainingConfig
from fvg_platform.learning.probability_intervals import UNKNOWN
from fvg_platform.learning.splits import PURGED, TEST, TRAIN, assign_parts
from fvg_platform.learning.targets import ENTERED, TARGETS, WIN_TARGETS, target_frame
from fvg_platform.learning.trained_model import TargetRate, TrainedModel

FloatArray = npt.NDArray[np.float64]

_R, _BARS_TO_EXIT = "r_1_lo", "bars_to_exit_1"


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
        `outcome_{1,2,3}_{lo,hi}` and the features. Rows of the test period may be there and are not used. With
        `r_1_lo` (net R of the first target, worse path) a threshold is chosen, with `bars_to_exit_1` (bars from the
        fill to that exit) holding times are learnt; both are NULL where there is none, and may be absent.
    feature_names
        Columns that the model may use.
    timeframe
        For the record.
    cut, embargo
        First time of the test period; time that must pass between a training life's end and it.
    config
        :class:`TrainingConfig`, by default its defaults.
    seed
        Of tuning, LightGBM and the bootstraps.

    Returns
    -------
    TrainedModel. With fewer than `config.min_entered` entered training setups, or folds too few to compare
    on, it serves the pooled base rate and its `reason` says so.

    Raises
    ------
    FeatureSetError
        A feature that the setups lack.
    ValueError
        No or repeated feature names, another missing column, an infinite feature, an unknown status or outcome,
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
        r=_optional(rows, _R),
        bars_to_exit=_optional(rows, _BARS_TO_EXIT),
    )
    fitted = fit(sample, config=config, embargo=embargo, seed=seed)
    served = fitted.targets
    return TrainedModel(
        timeframe=timeframe,
        feature_names=names,
        cut=_utc(cut),
        embargo=embargo.as_unit("ns"),
        seed=seed,
        config=fitted.config,
        algorithm=fitted.choices[WIN_TARGETS[0]].algorithm,
        entry_algorithm=fitted.choices[ENTERED].algorithm,
        choice=fitted.choices[WIN_TARGETS[0]].reason,
        entry_choice=fitted.choices[ENTERED].reason,
        reason=fitted.reason,
        notes=_notes(sample, names, fitted),
        rates={target: _rate(sample.y[target]) for target in TARGETS},
        parts={name: int((part == name).sum()) for name in (TRAIN, PURGED, TEST)},
        trained_from=_utc(rows["known_at"].iloc[0]) if len(rows) else None,
        trained_to=_utc(rows["known_at"].iloc[-1]) if len(rows) else None,
        classifiers={target: each.classifier for target, each in served.items()},
        calibrations={target: each.calibration for target, each in served.items()},
        calibration_choices={target: each.calibration_choice for target, each in served.items()},
        intervals={target: each.interval for target, each in served.items()},
        holding=fitted.holding,
        threshold=fitted.threshold,
        scores=tuple(fitted.scores),
        out_of_fold=tuple(fitted.skills),
        tried=tuple(fitted.tried),
        combinatorial=fitted.combinatorial,
        trials=fitted.tuning.trials,
        tuning_reason=fitted.tuning.reason,
        mean_contributions={
            target: tuple(each.mean_contributions.tolist())
            for target, each in served.items()
            if each.mean_contributions is not None
        },
    )


def _optional(rows: pd.DataFrame, column: str) -> FloatArray | None:
    if column not in rows.columns:
        return None
    return rows[column].to_numpy(dtype=np.float64, na_value=np.nan)


def _notes(sample: Sample, names: tuple[str, ...], fitted: Fitted) -> tuple[str, ...]:
    """What a reader of the model should know besides why it was chosen."""
    notes = []
    silent = silent_features(sample.x, names)
    if silent:
        notes.append(
            f"{len(silent)} of {len(names)} features say nothing in training, missing or the same throughout, and "
            f"carry no weight: {named(silent)}."
        )
    for target, y in sample.y.items():
        told = y[~np.isnan(y)]
        if told.size == 0 and len(y):
            notes.append(f"No training setup says anything about {target}: it is not predicted.")
        elif told.size and told.min() == told.max():
            notes.append(
                f"All {told.size} training outcomes of {target} are {told[0]:.0f}: there is nothing to tell apart."
            )
    unsure = [target for target, each in fitted.targets.items() if each.interval is UNKNOWN]
    if unsure:
        notes.append(
            f"The training period holds fewer than {MIN_BLOCKS} lives for {', '.join(unsure)}: "
            "the interval is all of [0, 1]."
        )
    return tuple(notes)


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
