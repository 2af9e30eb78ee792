"""Simulated paths: drawn from the known past alone, without a trend, at the volatility of the hour."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.learning.forecast_volatility import (
    DEFAULT_FILTER,
    FILTERS,
    WARM_UP,
    VolatilityFilter,
    choose_filter,
    filtered_variance,
)
from fvg_platform.learning.price_paths import (
    CLOSE,
    HIGH,
    LOW,
    OPEN,
    BlockBootstrap,
    Draws,
    FilteredBootstrap,
    PathModel,
    log_moves,
)

ROWS = (OPEN, HIGH, LOW, CLOSE)
MODELS: list[PathModel] = [BlockBootstrap(), FilteredBootstrap(DEFAULT_FILTER)]


def bars_of(*rows: tuple[float, float, float, float]) -> pd.DataFrame:
    ts = pd.date_range("2024-01-01", periods=len(rows), freq="h", tz="UTC")
    return pd.DataFrame(rows, columns=["open", "high", "low", "close"]).assign(ts=ts)


def moves_of(closes: np.ndarray) -> np.ndarray:
    """Moves of bars that open where the last one closed and have no wicks."""
    zero = np.zeros_like(closes)
    return np.stack([zero, np.maximum(closes, 0.0), np.minimum(closes, 0.0), closes])


def draws_of(origins: int, *, steps: int = 5, paths: int = 50) -> Draws:
    return Draws.at(np.arange(origins), steps=steps, paths=paths, seed=1)


def test_moves_are_logs_relative_to_the_close_before() -> None:
    moves = log_moves(bars_of((9.0, 12.0, 8.0, 10.0), (10.0, 20.0, 5.0, 15.0), (30.0, 30.0, 15.0, 15.0)))
    assert moves == pytest.approx(np.log([[1.0, 2.0], [2.0, 2.0], [0.5, 1.0], [1.5, 1.0]]))


@pytest.mark.parametrize(
    "bad", [(1.0, 2.0, 0.0, 1.0), (1.0, 2.0, np.nan, 1.0), (3.0, 2.0, 1.0, 1.0), (1.0, np.inf, 1.0, 1.0)]
)
def test_a_bad_price_is_named_with_its_row(bad: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match=r"bar 1 \(2024-01-01 01:00"):
        log_moves(bars_of((1.0, 1.0, 1.0, 1.0), bad))


def test_bars_without_a_column_are_refused() -> None:
    with pytest.raises(ValueError, match="bars lack high"):
        log_moves(bars_of((1.0, 1.0, 1.0, 1.0)).drop(columns="high"))


def test_blocks_are_runs_that_wrap_around_the_end() -> None:
    restart = np.array([True, False, False, True, False])[:, None, None]
    start = np.array([0.99, 0.0, 0.0, 0.0, 0.0])[:, None, None]
    # Of the positions 20 to 22 the last is drawn first; the run goes on at the first one.
    drawn = Draws(restart, start).positions(np.array([20]), np.array([3]))
    assert drawn.ravel().tolist() == [22, 20, 21, 20, 21]


@given(
    first=st.integers(0, 50),
    size=st.integers(1, 40),
    seed=st.integers(0, 2**32),
    time=st.integers(-(2**62), 2**62),
)
@settings(max_examples=25, deadline=None)
def test_what_is_drawn_lies_in_the_known_past(first: int, size: int, seed: int, time: int) -> None:
    draws = Draws.at(np.array([time]), steps=30, paths=20, seed=seed)
    drawn = draws.positions(np.array([first]), np.array([size]))
    assert drawn.min() >= first
    assert drawn.max() < first + size


@pytest.mark.parametrize("model", MODELS)
def test_later_bars_and_other_origins_change_no_path(model: PathModel) -> None:
    moves = moves_of(np.random.default_rng(3).normal(0.0, 0.01, 200))
    known = np.array([100, 150])
    changed = moves.copy()
    changed[:, 100:] *= 7.0
    both = model.simulate(moves, known, draws_of(2), ROWS)
    alone = model.simulate(changed[:, :120], known[:1], draws_of(1), ROWS)
    np.testing.assert_array_equal(both[:, :, 0], alone[:, :, 0])
    assert not np.array_equal(both[:, :, 1], model.simulate(changed, known, draws_of(2), ROWS)[:, :, 1])


@pytest.mark.parametrize("model", MODELS)
def test_a_trend_of_the_past_is_taken_off(model: PathModel) -> None:
    rng = np.random.default_rng(5)
    moves = moves_of(rng.normal(0.005, 0.01, 400))
    closes = model.simulate(moves, np.array([400]), draws_of(1, steps=10, paths=4_000), (CLOSE,))[0].sum(
        axis=0
    )
    # Ten steps of the trend would be 0.05; the mean of the paths has a standard error of 0.0005.
    assert abs(closes.mean()) < 0.0025
    assert closes.std() == pytest.approx(0.01 * np.sqrt(10), rel=0.12)


@pytest.mark.parametrize("model", MODELS)
def test_bars_stay_whole(model: PathModel) -> None:
    rng = np.random.default_rng(6)
    bars = rng.normal(0.0, 0.01, (4, 300))
    moves = np.stack([bars[0], bars.max(axis=0), bars.min(axis=0), bars[3]])
    o, h, low, c = model.simulate(moves, np.array([300]), draws_of(1), ROWS)
    assert (low <= np.minimum(o, c)).all()
    assert (np.maximum(o, c) <= h).all()


def test_the_filter_widens_the_paths_after_wild_bars_and_narrows_them_after_calm_ones() -> None:
    rng = np.random.default_rng(7)
    calm, wild = rng.normal(0.0, 0.01, 100), rng.normal(0.0, 0.04, 100)
    draws, filtered = draws_of(1, steps=1, paths=4_000), FilteredBootstrap(VolatilityFilter(1.0, 0.06))
    for last, lowest, highest in ((wild, 0.03, 0.05), (calm, 0.007, 0.014)):
        moves = moves_of(np.concatenate([calm, wild, last]))
        spread, mixed = (
            model.simulate(moves, np.array([300]), draws, (CLOSE,)).std()
            for model in (filtered, BlockBootstrap())
        )
        assert lowest < spread < highest
        assert 0.017 < mixed < 0.034  # whatever came last


def test_a_filter_follows_squares_and_returns_to_their_mean() -> None:
    moves = np.concatenate([np.full(WARM_UP, 0.1), [0.3, 0.0]])
    by = VolatilityFilter(persistence=0.9, reaction=0.2)
    mean_21, mean_22 = (0.2 + 0.09) / 21, (0.2 + 0.09) / 22
    after_21 = 0.7 * 0.01 + 0.2 * 0.09 + 0.1 * mean_21
    after_22 = 0.7 * after_21 + 0.1 * mean_22
    variance = filtered_variance(moves, by)
    assert variance.ahead == pytest.approx([*[0.01] * (WARM_UP + 1), after_21, after_22])
    assert variance.mean[-2:] == pytest.approx([mean_21, mean_22])
    # A path takes the same step.
    assert by.after(np.array([after_21]), np.array([0.0]), np.array([mean_22])) == pytest.approx(after_22)


def test_a_still_market_keeps_a_hundredth_of_its_mean_variance() -> None:
    moves = np.concatenate([np.full(WARM_UP, 0.1), np.zeros(400)])
    variance = filtered_variance(moves, VolatilityFilter(1.0, 0.15))
    assert variance.ahead[-1] == pytest.approx(0.01 * 0.01 * WARM_UP / len(moves))


def test_the_filter_is_chosen_that_suits_the_moves() -> None:
    rng = np.random.default_rng(8)
    independent = rng.normal(0.0, 0.01, 1_500)
    clustered = independent * np.repeat(np.tile([0.3, 3.0], 15), 50)
    slow, quick = (choose_filter(moves, 30) for moves in (independent, clustered))
    assert slow.reaction == min(by.reaction for by in FILTERS)
    assert quick.reaction >= 0.06
    assert choose_filter(np.zeros(500), 30) == choose_filter(clustered[:22], 30) == DEFAULT_FILTER
