"""What a window's evidence amounts to: a state, a probability, and a sentence that says why."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from fvg_platform.learning.blocks import length_of
from fvg_platform.learning.calibration_drift import CalibrationDrift
from fvg_platform.learning.drift_windows import MIN_SETUPS
from fvg_platform.learning.estimates import Estimate

OK, DRIFTED, TOO_LITTLE = "ok", "drifted", "too_little"
FEATURE, SCORE = "feature", "score"
METRICS = ("kind", "name", "psi", "ks", "p_value", "adjusted_p", "drifted")

_NAMED = 3
_UNTOLD = Estimate(None, None, None, "no interval: too few setups to look at")


@dataclass(frozen=True)
class DriftReport:
    """What became of one window.

    `state` is ok, drifted or too_little, `reason` the sentence. `p_value` is how probable evidence as strong is
    without drift, over all parts that could be judged (None: none could). `metrics` has one row per feature and
    one for the score, :data:`METRICS`; their probabilities are NaN where the reference is too short.
    `share_dissimilar` of the setups lie farther from the reference than 95 % of its own. `calibration` is by
    reading, lo and hi, the mean of outcome less probability. `independent_stretches` of the window's length fit
    into the reference.
    """

    state: str
    reason: str
    p_value: float | None
    metrics: pd.DataFrame
    share_dissimilar: float | None
    calibration: dict[str, Estimate]
    setups: int
    reference_setups: int
    independent_stretches: float


@dataclass(frozen=True)
class Evidence:
    """All that was found, before it is judged.

    `weight` is the share of `alpha` that the ranks among stretches may use up (0: they cannot be judged), the
    rest is calibration's. `metrics` are without `drifted`.
    """

    reference_setups: int
    setups: int
    length: pd.Timedelta
    feature_names: tuple[str, ...]
    alpha: float
    independent: float = 0.0
    weight: float = 0.0
    metrics: pd.DataFrame | None = None
    share_dissimilar: float | None = None
    dissimilar_p: float = float("nan")
    calibration: CalibrationDrift = field(default_factory=lambda: CalibrationDrift(_UNTOLD, _UNTOLD, None))

    @property
    def by_rank(self) -> float | None:
        """The smallest adjusted probability, over the share of alpha that it is held to."""
        if self.weight == 0.0 or self.metrics is None:
            return None
        return min(float(np.nanmin([*self.metrics["adjusted_p"], self.dissimilar_p, 1.0])) / self.weight, 1.0)

    @property
    def by_calibration(self) -> float | None:
        """Calibration's probability, over the share of alpha that it is held to."""
        if self.calibration.p_value is None or self.weight >= 1.0:
            return None
        return min(self.calibration.p_value / (1.0 - self.weight), 1.0)


def report_of(evidence: Evidence) -> DriftReport:
    """Judge: drifted if one of the parts is too improbable; too_little if nothing was, and not all was looked at."""
    parts = [p for p in (evidence.by_rank, evidence.by_calibration) if p is not None]
    p_value = min(parts) if parts else None
    if p_value is not None and _rare(p_value, evidence.alpha):
        state, reason = DRIFTED, _what_drifted(evidence)
    elif evidence.by_rank is None:
        state, reason = TOO_LITTLE, _what_lacks(evidence)
    else:
        state, reason = OK, _what_holds(evidence)
    return DriftReport(
        state,
        reason,
        p_value,
        _judged(evidence),
        evidence.share_dissimilar,
        {"lo": evidence.calibration.lo, "hi": evidence.calibration.hi},
        evidence.setups,
        evidence.reference_setups,
        evidence.independent,
    )


def _rare(p_value: float, alpha: float) -> bool:
    # 1/(1 + 19) over a weight of 1 is 0.05, but for rounding.
    return p_value <= alpha * (1.0 + 1e-9)


def _judged(evidence: Evidence) -> pd.DataFrame:
    metrics = evidence.metrics
    if metrics is None:
        return pd.DataFrame(
            {name: pd.Series(dtype=str if name in ("kind", "name") else float) for name in METRICS}
        ).astype({"drifted": bool})
    if evidence.weight == 0.0:
        return metrics.assign(p_value=np.nan, adjusted_p=np.nan, drifted=False)
    bound = evidence.weight * evidence.alpha
    return metrics.assign(drifted=[_rare(p, bound) for p in metrics["adjusted_p"]])


def _what_drifted(evidence: Evidence) -> str:
    found = [*_moved(evidence), *_unlike(evidence)]
    if evidence.by_calibration is not None and _rare(evidence.by_calibration, evidence.alpha):
        found.append(f"outcomes of target 1 {_off(evidence.calibration)}")
    return f"Drift: {'; '.join(found)} ({_measured_by(evidence)})."


def _moved(evidence: Evidence) -> list[str]:
    judged = _judged(evidence)
    drifted = judged[judged["drifted"]].sort_values(
        ["adjusted_p", "psi", "name"], ascending=[True, False, True], kind="stable"
    )
    features, scores = (drifted[drifted["kind"] == kind] for kind in (FEATURE, SCORE))
    said = []
    if len(features):
        worst = ", ".join(
            f"{row.name} (PSI {row.psi:.2f}, adjusted p {row.adjusted_p:.3f})"
            for row in features.head(_NAMED).itertuples(index=False)
        )
        more = ", the worst" if len(features) > _NAMED else ""
        said.append(f"{len(features)} of {len(evidence.feature_names)} features moved{more}: {worst}")
    said += [
        f"the scores moved (PSI {row.psi:.2f}, adjusted p {row.adjusted_p:.3f})"
        for row in scores.itertuples(index=False)
    ]
    return said


def _unlike(evidence: Evidence) -> list[str]:
    if evidence.weight == 0.0 or not _rare(evidence.dissimilar_p, evidence.weight * evidence.alpha):
        return []
    return [
        f"{evidence.share_dissimilar:.0%} of the setups are unlike the reference, 5 % were to be expected "
        f"(adjusted p {evidence.dissimilar_p:.3f})"
    ]


def _off(calibration: CalibrationDrift) -> str:
    return (
        " and ".join(
            f"{each.value:+.1%} [{each.low:+.1%}, {each.high:+.1%}] on the {name} path"
            for name, each in (("worse", calibration.lo), ("better", calibration.hi))
        )
        + " against their probabilities"
    )


def _measured_by(evidence: Evidence) -> str:
    compared = (
        f"{evidence.setups:,} setups against {evidence.reference_setups:,}, which span "
        f"{evidence.independent:.0f} stretches of {length_of(evidence.length)}"
    )
    return compared if evidence.weight else f"{compared}: too few to judge features by"


def _what_lacks(evidence: Evidence) -> str:
    fewest = min(
        (evidence.reference_setups, "the reference"),
        (evidence.setups, "the window"),
        key=lambda each: each[0],
    )
    if fewest[0] < MIN_SETUPS:
        return f"Too little to judge: {fewest[0]} setups in {fewest[1]}, {MIN_SETUPS} are needed."
    # A rank among K stretches is never below 1/(K + 1).
    needed = int(np.ceil(1.0 / evidence.alpha - 1.0 - 1e-9))
    calibration = (
        "calibration cannot be judged either" if evidence.calibration.p_value is None else "calibration holds"
    )
    return (
        f"Too little to judge features by: the reference spans {evidence.independent:.1f} independent stretches of "
        f"{length_of(evidence.length)}, the window's length, {needed} are needed; {calibration}."
    )


def _what_holds(evidence: Evidence) -> str:
    judged = _judged(evidence).dropna(subset=["adjusted_p"])
    said = f"No drift in {len(evidence.feature_names)} features"
    if len(judged):
        farthest = judged.iloc[int(judged["adjusted_p"].argmin())]
        figures = f"PSI {farthest['psi']:.2f}, adjusted p {farthest['adjusted_p']:.2f}"
        said += f": {farthest['name']} stands out most ({figures})"
    if evidence.share_dissimilar is not None:
        said += f", {evidence.share_dissimilar:.0%} of the setups are unlike the reference"
    calibration = "" if evidence.calibration.p_value is not None else ", calibration cannot be judged yet"
    return f"{said}{calibration} ({_measured_by(evidence)})."
