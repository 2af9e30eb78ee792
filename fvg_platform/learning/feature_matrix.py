"""From a frame of setups to the matrix that models read; what is missing or infinite is refused by name."""

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]

_NAMED = 10


class FeatureSetError(ValueError):
    """The frame does not hold the features that a model was trained with."""


def require_features(frame: pd.DataFrame, feature_names: tuple[str, ...]) -> FloatArray:
    """The named columns as a float matrix (n, m), NaN where unknown.

    Raises
    ------
    FeatureSetError
        Missing columns; up to ten are named.
    ValueError
        An infinite value (the first feature and row are named).
    """
    missing = [name for name in feature_names if name not in frame.columns]
    if missing:
        raise FeatureSetError(
            f"{len(missing)} of {len(feature_names)} features are missing: {named(missing)}. Compute them with "
            "the feature catalogue that the model was trained with (compute_features for bars, "
            "compute_setup_features for setups; features of your own need their plug-in), or train a model on "
            "the features that there are."
        )
    x = frame.loc[:, list(feature_names)].to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = np.isinf(x)
    if infinite.any():
        row, column = (int(at) for at in np.argwhere(infinite)[0])
        raise ValueError(
            f"feature {feature_names[column]!r} is {x[row, column]} at row {frame.index[row]} "
            f"({int(infinite.sum())} infinite values in all): store what is undefined as NULL"
        )
    return x


def silent_features(x: FloatArray, feature_names: tuple[str, ...]) -> list[str]:
    """The features that say nothing in these rows (n, m): missing in all of them, or one value throughout."""
    if len(x) == 0:
        return []
    unknown = np.isnan(x)
    lowest = np.where(unknown, np.inf, x).min(axis=0)
    highest = np.where(unknown, -np.inf, x).max(axis=0)
    # A value that is sometimes missing can tell something by being missing.
    silent = unknown.all(axis=0) | ((lowest == highest) & ~unknown.any(axis=0))
    return [name for name, says_nothing in zip(feature_names, silent, strict=True) if says_nothing]


def named(names: list[str]) -> str:
    """The first ten names in quotes, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(repr(name) for name in names[:_NAMED]) + more
