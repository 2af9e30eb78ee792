"""Pictures of a model for the UI, as Markdown that carries its own bytes: calibration, equity, importances, skill.

What cannot be drawn is said in a sentence, so that the place in the metadata never looks forgotten.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fvg_platform.reports.backtest_figures import equity_figure
from fvg_platform.reports.coverage import picture
from fvg_platform.reports.model_figures import importance_figure, reliability_figure, walk_forward_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def reliability_picture(curves: Mapping[str, Any]) -> str:
    """A reliability diagram in Markdown: predicted against observed rates on the test period.

    Parameters
    ----------
    curves
        Per target a frame or records with the columns `mean_prediction, rate, n`, one row per group of
        predictions, optionally `rate_low, rate_high`.
    """
    return _drawn(reliability_figure(curves), "calibration on the test period")


def equity_picture(backtest: Mapping[str, Any] | None) -> str:
    """The equity curve of a backtest as `BacktestReport.to_dict` gives it, in Markdown."""
    return _drawn(equity_figure(backtest), "equity of the backtest")


def importance_picture(
    importances: Mapping[str, Mapping[str, float]] | None,
    contributions: Mapping[str, Mapping[str, float]] | None = None,
) -> str:
    """The features that matter most for the first target, in Markdown; by target and feature the gain."""
    return _drawn(importance_figure(importances, contributions), "importances of features")


def walk_forward_picture(folds: Any) -> str:
    """Skill over the folds of the training period, in Markdown: records `fold, first, last, target, n, skill`."""
    return _drawn(walk_forward_figure(folds), "skill over time")


def _drawn(figure: "Figure | None", title: str) -> str:
    return (
        f"There is no picture of {title}: nothing is known of it."
        if figure is None
        else picture(figure, title)
    )
