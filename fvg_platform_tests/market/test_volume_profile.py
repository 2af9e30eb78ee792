"""Volume profiles: by hand, against a naive spreading of volume, and under changes of order, scale and direction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.market.volume_profile import BINS, Profiles, volume_profiles, zone_density

lean = settings(max_examples=40, deadline=None)


def one(*bars: tuple[float, float, float]) -> tuple[float, ...]:
    """POC, value high, value low, balanced and D-shaped of one range of (low, high, volume) bars."""
    low, high, volume = np.array(bars, float).T
    found = volume_profiles(high, low, volume, np.array([0]), np.array([len(bars)]))
    return tuple(float(values[0]) for values in found)


def random_bars(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    middle = 100 + rng.normal(0, 1, n).cumsum()
    return middle + rng.random(n), middle - rng.random(n), rng.lognormal(0, 1, n)


bars = st.builds(random_bars, st.integers(0, 10_000))


def test_one_bar_is_even_all_over():
    assert one((10, 34, 500)) == (22, 34, 10, 1, 0)


def test_the_value_area_grows_by_the_larger_neighbour():
    # Of 24 bins of one unit: 10 units of volume in each of the bins 0..23, 100 more in 12..15, 60 more in 10..11.
    poc, value_high, value_low, *_ = one((0, 24, 240), (12, 16, 400), (10, 12, 120))
    # 760 in all, 532 wanted: 440 at 12..15, then 70 and 70 below it.
    assert (poc, value_low, value_high) == (14, 10, 16)


def test_equal_neighbours_join_together():
    poc, value_high, value_low, *_ = one((0, 24, 240), (11, 13, 100))
    # 340 in all, 238 wanted: 120 at 11..12, and six more bins of 10 on either side.
    assert (poc, value_low, value_high) == (12, 5, 19)


def test_the_value_area_stays_within_the_range_whatever_the_volume():
    """Of a coin's 1e16 units the rounding allowed for is more than an empty bin holds less than nothing."""
    bars = ((0, 2, 600), (20, 24, 400))
    poc, value_high, value_low, *_ = one(*bars)
    assert (value_low, value_high) == (0, 21)
    assert one(*[(low, high, volume * 2.0**45) for low, high, volume in bars])[:3] == (
        poc,
        value_high,
        value_low,
    )


@pytest.mark.parametrize(
    ("shape", "bars", "balanced", "d_shaped"),
    [
        ("a bell", [(0, 24, 100), (6, 18, 200), (9, 15, 200)], 1, 1),
        ("flat", [(0, 24, 100)], 1, 0),
        ("a spike", [(0, 24, 10), (11.5, 12.5, 500)], 1, 0),
        ("a P: high in the range", [(0, 24, 100), (16, 22, 300)], 0, 0),
        ("a b: low in the range", [(0, 24, 100), (2, 8, 300)], 0, 0),
        ("a tail above", [(0, 24, 60), (8, 12, 300)], 0, 0),
        ("two humps", [(0, 24, 50), (10, 14, 110), (4, 7, 70), (17, 20, 70)], 1, 0),
        ("equal humps", [(0, 24, 50), (6, 9, 100), (15, 18, 100)], 1, 0),
    ],
)
def test_shapes(shape, bars, balanced, d_shaped):
    assert one(*bars)[3:] == (balanced, d_shaped), shape


def test_a_range_without_volume_or_with_a_missing_one_is_unknown():
    nothing = pytest.approx((np.nan, np.nan, np.nan, -1, -1), nan_ok=True)
    assert one((1, 2, 0), (1, 3, 0)) == nothing
    assert one((1, 2, 5), (1, 3, np.nan)) == nothing


def test_a_range_at_one_price_has_that_price_and_no_shape():
    assert one((7, 7, 5), (7, 7, 2)) == (7, 7, 7, -1, -1)


def test_a_range_that_begins_before_the_series_is_unknown_and_an_empty_one_refused():
    high, low, volume = random_bars(1)
    first, stop = np.array([-3, 0]), np.array([4, 4])
    assert np.isnan(volume_profiles(high, low, volume, first, stop).poc).tolist() == [True, False]
    edges = np.array([90.0, 99.0]), np.array([110.0, 101.0])
    assert np.isnan(zone_density(high, low, volume, first, stop, *edges)).tolist() == [True, False]
    for bad in (np.array([3, 0]), np.array([4, 61])):
        with pytest.raises(ValueError, match="there are 60 bars"):
            volume_profiles(high, low, volume, np.array([3, 3]), bad)


def test_the_density_of_a_zone_by_hand():
    low, high, volume = np.array([(0, 4, 40), (2, 6, 80), (6, 10, 40), (5, 5, 8)], float).T
    first, stop = np.zeros(4, int), np.full(4, 4)
    bottom, top = np.array([0.0, 4.0, 4.5, 3.0]), np.array([10.0, 6.0, 4.75, 3.0])
    # 168 over 10 units: a mean of 16.8; bar 2 alone gives 20 a unit, the flat bar lies in the second zone only.
    density = zone_density(high, low, volume, first, stop, bottom, top)
    np.testing.assert_allclose(density, [1.0, (40 + 8) / 2 / 16.8, 20 / 16.8, np.nan])


def naive_bins(high, low, volume):
    edges = np.linspace(low.min(), high.max(), BINS + 1)
    overlap = np.minimum.outer(high, edges[1:]) - np.maximum.outer(low, edges[:-1])
    return edges, (np.clip(overlap, 0, None) * (volume / (high - low))[:, None]).sum(0)


@given(bars)
@lean
def test_the_kernel_spreads_volume_like_the_definition(market):
    edges, bins = naive_bins(*market)
    found = volume_profiles(*market, np.array([0]), np.array([60]))
    peak = int(np.argmax(bins))
    assert found.poc[0] == pytest.approx((edges[peak] + edges[peak + 1]) / 2)
    inside = (edges[:-1] >= found.value_low[0] - 1e-9) & (edges[1:] <= found.value_high[0] + 1e-9)
    held = bins[inside]
    assert inside[peak]
    assert held.sum() >= 0.7 * bins.sum() * (1 - 1e-9)
    assert held.sum() - max(held[0], held[-1]) < 0.7 * bins.sum()  # no bin more than it needs


@given(bars, st.randoms(use_true_random=False))
@lean
def test_the_order_of_bars_and_the_scale_do_not_matter(market, random):
    order = random.sample(range(60), 60)
    span = np.array([0]), np.array([60])
    plain = volume_profiles(*market, *span)
    shuffled = volume_profiles(*(values[order] for values in market), *span)
    scaled = volume_profiles(market[0] * 4, market[1] * 4, market[2] / 8, *span)
    np.testing.assert_allclose(plain, shuffled, rtol=1e-9)
    for name, a, b in zip(Profiles._fields, plain, scaled, strict=True):
        np.testing.assert_array_equal(b, a if name in ("balanced", "d_shaped") else a * 4)


@given(bars)
@lean
def test_reflection_swaps_the_ends_of_the_value_area(market):
    high, low, volume = market
    first, stop = np.array([0, 20, 57]), np.array([60, 24, 60])
    plain, image = (volume_profiles(h, lo, volume, first, stop) for h, lo in ((high, low), (-low, -high)))
    np.testing.assert_allclose(plain.poc, -image.poc)
    np.testing.assert_allclose(plain.value_high, -image.value_low)
    np.testing.assert_array_equal(plain.d_shaped, image.d_shaped)
