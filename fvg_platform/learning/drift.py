"""Is what comes in now still what a model has learned from: its features, its scores, its calibration.

The window's values are held against stretches of the reference, its outcomes against their probabilities; both
together raise a false alarm in a share `alpha` of the windows in which nothing drifted, however slow the features
are and however many. The parts are in :mod:`drift_statistics`, :mod:`dissimilarity`, :mod:`calibration_drift`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.calibration_drift import calibration_drift
from fvg_platform.learning.dissimilarity import Dissimilarity, dissimilarity
from fvg_platform.learning.drift_report import FEATURE, SCORE, DriftReport, Evidence, report_of
from fvg_platform.learning.drift_statistics import Move, Ranks, move, ranks
from fvg_platform.learning.drift_windows import MIN_SETUPS, Stretches
from fvg_platform.learning.feature_matrix import require_features
from fvg_platform.learning.splits import nanoseconds

FloatArray = npt.NDArray[np.float64]

SCORE_NAME = "p_target_1"


def examine_drift(
    reference: pd.DataFrame,
    window: pd.DataFrame,
    feature_names: tuple[str, ...] | list[str],
    *,
    length: pd.Timedelta,
    outcomes: pd.DataFrame | None = None,
    reference_scores: pd.Series | None = None,
    alpha: float = 0.05,
    seed: int = 0,
) -> DriftReport:
    """Hold the setups of a window against those that a model was trained on.

    Parameters
    ----------
    reference, window
        One row per setup in any order, with `known_at` and `life_end` (with a zone), the features, `p_target_1`
        (the model's score; NaN where it would be in-sample, then the rest tells about scores), `y_lo`, `y_hi` (1
        where target 1 was reached, 0 where not, NaN where not entered or not resolved), `horizon_passed`. Of the
        reference neither outcomes nor `life_end` are read.
    feature_names
        What the model reads.
    length
        How long the window lasts; of one that still runs, how much of it has passed.
    outcomes
        The setups whose outcomes calibration is judged by, columns as of the window; by default the window's own.
        Outcomes come late and depend on each other, so that a window alone rarely holds enough of them.
    reference_scores
        Scores of the reference, by position, instead of its `p_target_1`.
    alpha
        Share of the windows without drift in which an alarm is raised, over all parts together.
    seed
        Of the thinning.

    Returns
    -------
    DriftReport; nothing is an alarm where :data:`~fvg_platform.learning.drift_windows.MIN_SETUPS` setups are not
    reached. Where the reference does not span 1/alpha - 1 independent stretches of the window's length, only
    calibration can raise one.

    Raises
    ------
    FeatureSetError, ValueError
        Missing features; infinite values, times without a zone, probabilities outside [0, 1], outcomes other than
        0, 1 or NaN, an alpha outside (0, 1).
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    names = tuple(feature_names)
    if reference_scores is not None:
        reference = reference.assign(p_target_1=np.asarray(reference_scores, dtype=np.float64))
    old, new = (_Sample.of(frame, names) for frame in (reference, window))
    if min(len(old.known_at), len(new.known_at)) < MIN_SETUPS:
        return report_of(Evidence(len(old.known_at), len(new.known_at), length, names, alpha))
    stretches = Stretches.of(old.known_at, length)
    keep = stretches.like(len(new.known_at), seed)
    moved = [
        move(old.values[:, at], new.values[:, at], stretches, keep, only_known=at == len(names))
        for at in range(len(names) + 1)
    ]
    unlike = dissimilarity(
        old.values[:, :-1],
        new.values[:, :-1],
        old.known_at,
        stretches,
        length=length,
        keep=keep,
        seed=seed,
    )
    rare = _ranks(moved, unlike, stretches, len(new.known_at), alpha)
    by_rank = _share_of_ranks(stretches.independent, alpha)
    # Where nothing is left, its interval is for information.
    calibration = calibration_drift(
        window if outcomes is None else outcomes, level=1.0 - alpha * ((1.0 - by_rank) or 1.0)
    )
    if calibration.p_value is None and by_rank > 0.0:
        by_rank = 1.0
    return report_of(
        Evidence(
            reference_setups=len(old.known_at),
            setups=len(new.known_at),
            length=length,
            feature_names=names,
            alpha=alpha,
            independent=stretches.independent,
            weight=by_rank,
            metrics=_metrics(names, moved, rare),
            share_dissimilar=None if np.isnan(unlike.share) else unlike.share,
            dissimilar_p=float(rare.adjusted_p[-1]),
            calibration=calibration,
        )
    )


def _share_of_ranks(independent: float, alpha: float) -> float:
    """How much of alpha ranks among stretches may use up: half, or what their rarest takes, up to all of it.

    A rank among K stretches is never rarer than 1/(1 + K): where that is more than alpha, they get nothing.
    """
    rarest = 1.0 / (1.0 + independent)
    return 0.0 if rarest > alpha else max(0.5, rarest / alpha)


@dataclass(frozen=True)
class _Sample:
    """Setups in order of time: `known_at` in nanoseconds (n,), `values` (n, features + 1), the score last."""

    known_at: npt.NDArray[np.int64]
    values: FloatArray

    @classmethod
    def of(cls, frame: pd.DataFrame, names: tuple[str, ...]) -> "_Sample":
        known_at = nanoseconds(frame["known_at"], "known_at")
        features, score = require_features(frame, names), frame[SCORE_NAME].to_numpy(dtype=np.float64)
        # Setups of the same instant are put in an order of their own, so that thinning does not hang on the frame's.
        order = np.lexsort((np.nansum(features, axis=1), known_at))
        # Statistics go by column: each lies in one piece.
        values = np.empty((len(frame), len(names) + 1), order="F")
        for at, column in enumerate((*features.T, score)):
            values[:, at] = column[order]
        return cls(known_at[order], values)


def _ranks(
    moved: list[Move], unlike: Dissimilarity, stretches: Stretches, setups: int, alpha: float
) -> Ranks:
    """Of each feature, the score and the dissimilarity together.

    By logarithms, of shares by log odds: indices of slow features have long tails, and of two dozen features one
    stretch or other would reach any move. What a single setup makes is added, so that zero has a logarithm.
    """
    trifle = 1.0 / setups
    observed = np.log(np.array([*(each.psi for each in moved), unlike.share]) + trifle)
    null = np.log(np.column_stack([*(each.stretches for each in moved), unlike.stretches]) + trifle)
    observed[-1] -= np.log(1.0 - unlike.share + trifle)
    null[:, -1] -= np.log(1.0 - unlike.stretches + trifle)
    # Scores are known out of sample for a part of the reference only: it may be too short for them.
    scored = float((~np.isnan(moved[-1].stretches)).mean()) if len(null) else 0.0
    if 1.0 / (1.0 + stretches.independent * scored) > alpha:
        observed[-2] = np.nan
    return ranks(observed, null, stretches.independent)


def _metrics(names: tuple[str, ...], moved: list[Move], rare: Ranks) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "kind": [FEATURE] * len(names) + [SCORE],
            "name": [*names, SCORE_NAME],
            "psi": [each.psi for each in moved],
            "ks": [each.ks for each in moved],
            "p_value": rare.p_value[:-1],
            "adjusted_p": rare.adjusted_p[:-1],
        }
    )
