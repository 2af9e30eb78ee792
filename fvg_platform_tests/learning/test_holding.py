import dataclasses
import json

import numpy as np
import pytest

from fvg_platform.learning.holding import HoldingTime, fit_holding_time
from fvg_platform.learning.out_of_fold import Sample, TrainingConfig, usable_folds
from fvg_platform.learning.targets import TARGETS, target_frame
from fvg_platform_tests.learning.made_up import EMBARGO, FEATURES, made_up_setups, with_trades

CONFIG = TrainingConfig(trials=0)


def sample_of(n: int, *, holding: float, seed: int = 0) -> Sample:
    setups = with_trades(made_up_setups(n, signal=0.0, seed=seed), holding=holding, seed=seed)
    y = target_frame(setups)
    return Sample(
        x=setups[list(FEATURES)].to_numpy(),
        y={target: y[target].to_numpy() for target in TARGETS},
        known_at=setups["known_at"],
        life_end=setups["life_end"],
        bars_to_exit=setups["bars_to_exit_1"].to_numpy(),
    )


def fitted(sample: Sample, **changed) -> HoldingTime:
    sample = dataclasses.replace(sample, **changed)
    folds = usable_folds(sample, CONFIG, EMBARGO)
    return fit_holding_time(sample, folds, config=CONFIG, embargo=EMBARGO, seed=0)


def test_trees_are_served_where_a_feature_tells_how_long():
    sample = sample_of(2_000, holding=0.6)
    holding = fitted(sample)
    assert holding.trees is not None and "they are served" in holding.reason
    x = np.zeros((2, len(FEATURES)))
    x[:, 3] = [-1.5, 1.5]
    short, long = holding.predict(x)
    # Expected 6·exp(∓0.9): 2.4 and 14.8 bars.
    assert 1.0 < short < 4.5 and 10.0 < long < 20.0
    again = HoldingTime.from_dict(json.loads(json.dumps(holding.to_dict())))
    np.testing.assert_array_equal(again.predict(sample.x), holding.predict(sample.x))
    assert again == holding


def test_the_mean_is_served_where_nothing_tells():
    sample = sample_of(1_000, holding=0.0)
    holding = fitted(sample)
    assert holding.trees is None and "the mean is served" in holding.reason
    bars = sample.bars_to_exit
    assert (holding.mean, holding.n) == (pytest.approx(np.nanmean(bars)), int((~np.isnan(bars)).sum()))
    assert holding.predict(sample.x[:3]).tolist() == [holding.mean] * 3


def test_without_the_column_or_without_an_exit_nothing_is_claimed():
    sample = sample_of(300, holding=0.0)
    absent = fitted(sample, bars_to_exit=None)
    assert absent.mean is None and "no column bars_to_exit_1" in absent.reason
    assert np.isnan(absent.predict(sample.x)).all()
    never = fitted(sample, bars_to_exit=np.full(300, np.nan))
    assert never.mean is None and "No training setup was exited" in never.reason


def test_without_folds_or_when_all_are_alike_the_mean_is_served():
    sample = sample_of(300, holding=0.0)
    unfolded = fit_holding_time(sample, [], config=CONFIG, embargo=EMBARGO, seed=0)
    assert unfolded.mean == pytest.approx(np.nanmean(sample.bars_to_exit)) and unfolded.trees is None
    alike = fitted(sample, bars_to_exit=np.where(np.isnan(sample.bars_to_exit), np.nan, 3.0))
    assert (alike.mean, alike.trees) == (3.0, None)


def test_bars_are_counted_from_zero():
    sample = sample_of(300, holding=0.0)
    bars = sample.bars_to_exit.copy()
    bars[7] = -2.0
    with pytest.raises(ValueError, match=r"bars_to_exit_1 is -2.0 at training row 7"):
        fitted(sample, bars_to_exit=bars)
