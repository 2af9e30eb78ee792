"""Blocks of time and what is drawn of them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fvg_platform.fvg.block_bootstrap import block_length, multiplicities, time_blocks, usable_quantiles
from fvg_platform.fvg.modes import mode_config

VALUES = st.one_of(st.floats(-10, 10), st.just(np.nan))


@given(values=arrays.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 12)), elements=VALUES))
@settings(max_examples=60, deadline=None)
@pytest.mark.filterwarnings("ignore:All-NaN")
def test_quantiles_pass_over_what_is_unknown(values: np.ndarray) -> None:
    expected = np.nanquantile(values, (0.025, 0.5, 0.975), axis=1).T
    np.testing.assert_allclose(usable_quantiles(values, (0.025, 0.5, 0.975)), expected, atol=1e-12)


def test_an_infinite_quantile_is_unknown_and_no_values_have_none() -> None:
    assert np.isnan(usable_quantiles(np.array([[1.0, 2.0, np.inf, np.inf]]), (0.9,))).all()
    assert usable_quantiles(np.array([[1.0, 2.0, 3.0, np.inf]]), (0.5,)) == 2.5
    assert np.isnan(usable_quantiles(np.empty((2, 0)), (0.1, 0.9))).all()


def test_blocks_are_as_long_as_a_setup_may_live_and_strands_share_none() -> None:
    day = pd.Timedelta(days=1)
    assert block_length("1d", mode_config("1d")) == 60 * 1.4 * day
    ts = pd.Series(pd.to_datetime(["2024-01-09", "2024-01-01", "2024-01-04"], utc=True))
    assert time_blocks(ts, 3 * day).tolist() == [2, 0, 1]
    assert time_blocks(ts, 3 * day, np.array([1, 1, 0])).tolist() == [5, 3, 1]
    assert time_blocks(ts.iloc[:0], day).tolist() == []
    many = pd.Series(pd.date_range("2000-01-01", periods=9000, freq="D", tz="UTC"))
    blocks = time_blocks(many, day)
    assert blocks.max() < 2000
    assert set(np.bincount(blocks)) == {5}, "whole multiples of the length"
    assert time_blocks(many, day, np.arange(9000) % 3).max() < 2000


def test_each_replicate_draws_as_many_blocks_as_there_are_in_runs() -> None:
    drawn = multiplicities(50, 400, seed=1)
    assert (drawn.sum(axis=0) == 50).all()
    assert drawn.mean() == 1
    neighbours = np.mean([np.corrcoef(drawn[j], drawn[j + 1])[0, 1] for j in range(49)])
    assert 0.3 < neighbours < 0.7, "runs of two on average tie neighbours together"
    assert (multiplicities(50, 20, seed=1) == drawn[:, :20]).all()
