"""Pictures of a model: what it said against what came true."""

from collections.abc import Mapping

import pandas as pd

from fvg_platform.reports.coverage import picture


def reliability_picture(curves: Mapping[str, pd.DataFrame]) -> str:
    """A reliability diagram in Markdown: predicted against observed rates on the test period.

    Parameters
    ----------
    curves
        Per target the columns `mean_prediction, rate, n`, one row per group of predictions.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 4.2))
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    for target, curve in curves.items():
        axes.plot(
            curve["mean_prediction"], curve["rate"], marker="o", markersize=3, linewidth=1, label=target
        )
    axes.set_xlabel("predicted probability")
    axes.set_ylabel("share that came true")
    axes.set_title("Calibration on the test period", fontsize=10)
    axes.legend(fontsize=8)
    figure.tight_layout()
    return picture(figure, "calibration on the test period")
