"""Straight lines on the log odds that never fall, fitted to many sets of counts at once: Platt's estimator.

One set is a calibration, the resamples of a bootstrap are its uncertainty; both are the same arithmetic.
Source: J. Platt, Probabilistic outputs for support vector machines (1999), with his smoothed outcomes.
"""

import numpy as np
import numpy.typing as npt

from fvg_platform.learning.log_odds import log_odds, logistic

FloatArray = npt.NDArray[np.float64]

_STEPS = 50
_HALVINGS = 30
_CONVERGED = 1e-10


def fit_lines(z: FloatArray, rows: FloatArray, ones: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Slopes ≥ 0 and intercepts of the likeliest lines, by Newton's method with halved steps.

    Parameters
    ----------
    z
        Where the outcomes were seen, about standardised, shape (g,).
    rows, ones
        How many outcomes, and how many of these were 1, of each set at each z: shape (r, g), at least one outcome
        in each set.

    Returns
    -------
    Two arrays of shape (r,).
    """
    n, positives = rows.sum(axis=1), ones.sum(axis=1)
    # Smoothed outcomes keep the slope finite where z separates the classes, or there is only one.
    upper, lower = (positives + 1.0) / (positives + 2.0), 1.0 / (n - positives + 2.0)
    wanted = (ones * upper[:, None] + (rows - ones) * lower[:, None]) / n[:, None]
    share = rows / n[:, None]
    level = log_odds(wanted.sum(axis=1))
    lines = np.column_stack([np.zeros_like(level), level])
    loss = _losses(lines, z, share, wanted)
    for _ in range(_STEPS):
        step = _newton_step(lines, z, share, wanted)
        for _ in range(_HALVINGS):
            tried = _losses(lines - step, z, share, wanted)
            worse = ~(tried <= loss + 1e-15)
            if not worse.any():
                break
            step[worse] /= 2.0
        step[worse] = 0.0
        lines -= step
        loss = np.where(worse, loss, tried)
        if np.abs(step).max() < _CONVERGED:
            break
    falling = lines[:, 0] < 0.0  # the loss is convex: with the bound, the best slope is then 0
    return np.where(falling, 0.0, lines[:, 0]), np.where(falling, level, lines[:, 1])


def _losses(lines: FloatArray, z: FloatArray, share: FloatArray, wanted: FloatArray) -> FloatArray:
    """Mean log loss of each line, shape (r,)."""
    score = lines[:, :1] * z + lines[:, 1:]
    return np.asarray((share * np.logaddexp(0.0, score) - wanted * score).sum(axis=1))


def _newton_step(lines: FloatArray, z: FloatArray, share: FloatArray, wanted: FloatArray) -> FloatArray:
    """What to take off each slope and intercept, shape (r, 2)."""
    p = logistic(lines[:, :1] * z + lines[:, 1:])
    excess, curve = share * p - wanted, share * p * (1.0 - p)
    g_slope, g_level = excess @ z, excess.sum(axis=1)
    # The excess keeps equal z, which leave the slope open, from dividing by nothing.
    h_slope = (curve @ z**2) * (1.0 + 1e-9) + 1e-12
    h_both, h_level = curve @ z, curve.sum(axis=1) + 1e-12
    determinant = h_slope * h_level - h_both**2
    return np.column_stack(
        [
            (h_level * g_slope - h_both * g_level) / determinant,
            (h_slope * g_level - h_both * g_slope) / determinant,
        ]
    )
