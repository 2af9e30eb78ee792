"""LightGBM's settings, tuned within a budget of trials; every trial is kept, whatever became of it.

Settings are tried on an inner walk-forward of the rows that are given, which must therefore end before the
folds on which algorithms are compared. The budget counts trials and never seconds: the same data and seed
give the same settings on any machine. Which settings exist, and what the fit does with them, is elsewhere.
Sources: J. Bergstra et al., Algorithms for hyper-parameter optimization (2011), for the sampler; trials that
do worse than the median of the completed ones at the same fold are cut short.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.models import BoostingSettings, LightGBM
from fvg_platform.learning.out_of_fold import Fitter, Sample, TrainingConfig
from fvg_platform.learning.splits import purged_folds, thin_evenly

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]

TARGET = "target_1"

_N_FOLDS = 3
_MIN_FOLDS = 2
# Trials drawn blindly before the sampler's model speaks, and before one is cut short.
_BLIND_TRIALS = 4

# Settings, from and to, on a logarithmic scale or not. Few leaves and few rounds: the signal is faint, and
# below a learning rate of 0.03 the rounds that early stopping lets through cost more than they gain.
_SPACE: tuple[tuple[str, float, float, bool], ...] = (
    ("learning_rate", 0.03, 0.2, True),
    ("leaves", 4, 31, True),
    ("l2", 0.3, 100.0, True),
    ("feature_fraction", 0.2, 1.0, False),
    ("bagging_fraction", 0.5, 1.0, False),
)

State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """One trial: its settings, the log loss fold by fold as far as it came, and their mean if it completed."""

    number: int
    state: State
    value: float | None
    parameters: dict[str, float | int]
    fold_values: tuple[float, ...]
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        return asdict(self) | {"fold_values": list(self.fold_values)}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "Trial":
        """The inverse of :meth:`to_dict`."""
        return cls(**(stored | {"fold_values": tuple(stored["fold_values"])}))


@dataclass(frozen=True)
class Tuning:
    """The settings to train with, all trials in order, and in one sentence why these settings."""

    settings: BoostingSettings
    trials: tuple[Trial, ...]
    reason: str


def tune(sample: Sample, *, config: TrainingConfig, embargo: pd.Timedelta, seed: int) -> Tuning:
    """Look for settings of LightGBM with a lower log loss of the first target than the configured ones.

    Parameters
    ----------
    sample
        The setups that may be looked at, in time order.
    config
        `trials` is the budget (0: no tuning), `boosting` the settings of the first trial, which are kept
        unless another trial is better; `tuning_rows` the most setups that are looked at, spread evenly.
    embargo
        Time between the end of a training life and an inner fold.
    seed
        Of the sampler, of LightGBM and of the choice of setups.

    Returns
    -------
    Tuning. Without a budget, with too few setups or folds, or with one class only it has the configured
    settings, no trials, and the reason.
    """
    if config.trials < 1:
        return Tuning(
            config.boosting, (), "No tuning: the budget is 0 trials; the configured settings are used."
        )
    y = sample.y[TARGET]
    told = np.flatnonzero(~np.isnan(y)).astype(np.int64)
    if told.size < config.min_entered:
        return _untuned(
            config, f"{told.size} entered setups with an outcome, {config.min_entered} are needed"
        )
    rows = thin_evenly(told, config.tuning_rows, seed)
    folds = [
        (rows[train], rows[validation])
        for train, validation in purged_folds(
            sample.known_at.iloc[rows], sample.life_end.iloc[rows], _N_FOLDS, embargo
        )
        if train.size >= config.min_fold_entered and y[rows[train]].min() < y[rows[train]].max()
    ]
    if len(folds) < _MIN_FOLDS:
        return _untuned(
            config,
            f"{len(folds)} of {_N_FOLDS} inner folds keep {config.min_fold_entered} setups of both classes that "
            f"had ended before, {_MIN_FOLDS} are needed",
        )
    trials = _search(sample, folds, config=config, embargo=embargo, seed=seed)
    return _choose(trials, config)


def _untuned(config: TrainingConfig, why: str) -> Tuning:
    return Tuning(config.boosting, (), f"No tuning: {why}; the configured settings are used.")


def _choose(trials: tuple[Trial, ...], config: TrainingConfig) -> Tuning:
    values = {trial.number: trial.value for trial in trials if trial.value is not None}
    states = [trial.state for trial in trials]
    counts = f"{len(trials)} trials, {states.count('pruned')} cut short, {states.count('failed')} failed"
    if not values:
        return Tuning(
            config.boosting, trials, f"No trial completed ({counts}); the configured settings are used."
        )
    best = min(values, key=lambda number: (values[number], number))
    if best == 0:
        return Tuning(
            config.boosting,
            trials,
            f"No trial has a lower log loss than the configured settings, {values[0]:.5f} ({counts}).",
        )
    against = f"{values[0]:.5f} with" if 0 in values else "none completed with"
    return Tuning(
        replace(config.boosting, **trials[best].parameters),  # type: ignore[arg-type]
        trials,
        f"Trial {best} has the lowest log loss, {values[best]:.5f}, {against} the configured settings ({counts}).",
    )


def _search(
    sample: Sample,
    folds: list[tuple[IndexArray, IndexArray]],
    *,
    config: TrainingConfig,
    embargo: pd.Timedelta,
    seed: int,
) -> tuple[Trial, ...]:
    import optuna

    # One for all trials of a fold: cutting its features into bins (never tuned) takes longer than a fit.
    fitters = [Fitter(sample, train, LightGBM.algorithm, config, embargo, seed) for train, _ in folds]
    validations = [validation for _, validation in folds]
    with _quiet():
        study = optuna.create_study(
            direction="minimize",
            sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=_BLIND_TRIALS),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=_BLIND_TRIALS),
        )
        study.enqueue_trial({name: getattr(config.boosting, name) for name, *_ in _SPACE})
        return tuple(_try(study, study.ask(), fitters, validations, config) for _ in range(config.trials))


def _try(
    study: Any, asked: Any, fitters: list[Fitter], validations: list[IndexArray], config: TrainingConfig
) -> Trial:
    """Run one trial of an Optuna study, tell the study how it ended, and write it down."""
    import lightgbm
    from optuna.trial import TrialState

    parameters = _suggest(asked, config.boosting)
    settings = replace(config.boosting, **parameters)  # type: ignore[arg-type]
    losses: list[float] = []

    def end(state: State, value: float | None = None, error: str | None = None) -> Trial:
        told = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
        study.tell(asked, value, state=told[state])
        return Trial(asked.number, state, value, parameters, tuple(losses), error)

    for step, (fitter, validation) in enumerate(zip(fitters, validations, strict=True)):
        fitter.config = replace(config, boosting=settings)
        try:
            loss = _log_loss(fitter, validation)
        except lightgbm.basic.LightGBMError as refused:
            return end("failed", error=f"fold {step + 1}: {refused}")
        if not np.isfinite(loss):
            return end("failed", error=f"fold {step + 1}: the log loss is {loss}")
        losses.append(loss)
        asked.report(float(np.mean(losses)), step)
        if step + 1 < len(fitters) and asked.should_prune():
            return end("pruned")
    return end("complete", float(np.mean(losses)))


def _suggest(asked: Any, configured: BoostingSettings) -> dict[str, float | int]:
    """The trial's settings; the ranges are widened to hold the configured ones."""
    parameters: dict[str, float | int] = {}
    for name, low, high, logarithmic in _SPACE:
        own = getattr(configured, name)
        low, high = min(low, own), max(high, own)
        if isinstance(own, int):
            parameters[name] = asked.suggest_int(name, int(low), int(high), log=logarithmic)
        else:
            parameters[name] = asked.suggest_float(name, low, high, log=logarithmic and low > 0.0)
    return parameters


def _log_loss(fitter: Fitter, validation: IndexArray) -> float:
    sample = fitter.sample
    model = fitter.fit(TARGET)
    if model is None:
        return float("nan")
    y = sample.y[TARGET][validation]
    p = np.clip(model.predict(sample.x[validation]), 1e-6, 1.0 - 1e-6)
    return float(-np.mean(y * np.log(p) + (1.0 - y) * np.log1p(-p)))


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna without its information lines, which are on for the whole process; then as it was."""
    from optuna import logging

    before = logging.get_verbosity()
    logging.set_verbosity(max(before, logging.WARNING))
    try:
        yield
    finally:
        logging.set_verbosity(before)
