"""Why a probability is what it is: what each feature adds to the log odds, setup by setup and on average.

Contributions add up, with what is expected without any feature, to the log odds of the raw probability; calibration,
being monotone, changes how much they move it but never whether up or down.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.classifier import Classifier

FloatArray = npt.NDArray[np.float64]

EXPECTED = "expected"

# TreeSHAP takes about a second for 1,000 rows of one target; a mean needs no more than 2,000.
MAX_ROWS = 2_000


def explanation_frame(
    classifier: Classifier, x: FloatArray, feature_names: tuple[str, ...], index: pd.Index
) -> pd.DataFrame:
    """One column per feature and a last one `expected`, in log odds, on `index`.

    Raises
    ------
    ValueError
        The algorithm cannot tell what its features contribute.
    """
    parts = classifier.contributions(x)
    if parts is None:
        raise ValueError(
            f"the algorithm {classifier.algorithm!r} cannot tell what its features contribute: its predictions come "
            "without reasons"
        )
    return pd.DataFrame(parts, index=index, columns=[*feature_names, EXPECTED])


def mean_contributions(classifier: Classifier, x: FloatArray) -> FloatArray | None:
    """Mean |contribution| of each feature over at most 2,000 rows of `x`, spread evenly; shape (m,).

    None where the algorithm cannot tell, or without any row.
    """
    if len(x) == 0:
        return None
    rows = np.unique(np.linspace(0, len(x) - 1, min(len(x), MAX_ROWS)).round().astype(np.int64))
    parts = classifier.contributions(x[rows])
    return None if parts is None else np.abs(parts[:, :-1]).mean(axis=0)
