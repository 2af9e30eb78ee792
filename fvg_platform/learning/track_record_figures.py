"""The figures of a track record from its sums: rates, Brier score, calibration, R, and the win rate's interval.

What cannot be told is NaN: a rate over nothing, skill where all outcomes are alike, a profit factor without losses.
"""

import numpy as np
import numpy.typing as npt

from fvg_platform.learning.blocks import MIN_BLOCKS
from fvg_platform.learning.track_record_sums import DECILE_SUMS, PATHS, sum_of

FloatArray = npt.NDArray[np.float64]

COUNTS = ("predictions", "entered", "correct", "incorrect", "undecided", "acted")


def figures(sums: FloatArray, deciles: FloatArray, slowest: FloatArray) -> dict[str, FloatArray]:
    """Every figure but the win rate's interval, by name, each of shape (…).

    Parameters
    ----------
    sums, deciles, slowest
        As :class:`fvg_platform.learning.track_record_sums.Judged` gives them, shapes (…, len(SUMS)),
        (…, 10, len(DECILE_SUMS)) and (…).
    """
    of = {name: sum_of(sums, name) for name in ("predictions", "entered", "correct", "incorrect", "acted")}
    decided = of["correct"] + of["incorrect"]
    of["undecided"] = of["entered"] - decided
    of["accuracy_lo"] = share(of["correct"], of["entered"])
    of["accuracy_hi"] = share(of["correct"] + of["undecided"], of["entered"])
    of["mean_p"] = share(sum_of(sums, "told_p"), sum_of(sums, "told"))
    of["latency_ms_mean"] = share(sum_of(sums, "latency"), of["predictions"])
    of["latency_ms_max"] = np.where(of["predictions"] > 0, slowest, np.nan)
    for path in PATHS:
        of |= _scores(sums, path)
        of[f"calibration_error_{path}"] = calibration_error(deciles, path)
        for who in ("", "acted_"):
            gain, loss, paid = (sum_of(sums, f"{who}{name}_{path}") for name in ("gain", "loss", "paid"))
            won, settled = (sum_of(sums, f"{who}{name}_{path}") for name in ("won", "settled"))
            of[f"{who}win_rate_{path}"] = share(won, settled)
            of[f"{who}mean_r_{path}"] = share(gain - loss, paid)
            of[f"{who}profit_factor_{path}"] = share(gain, loss)
    return of


def _scores(sums: FloatArray, path: str) -> dict[str, FloatArray]:
    """Brier score, and skill against the rate of these very outcomes: what a constant could have had at best."""
    n, won, p_won, p_squared = (
        sum_of(sums, f"{name}_{path}") for name in ("scored", "scored_won", "p_won", "p_squared")
    )
    # Sum of (p - y)^2 written out; where every p was right to the last digit rounding may leave less than 0.
    brier = share(np.maximum(p_squared - 2.0 * p_won + won, 0.0), n)
    rate = share(won, n)
    return {f"brier_{path}": brier, f"skill_{path}": 1.0 - share(brier, rate * (1.0 - rate))}


def calibration_error(deciles: FloatArray, path: str) -> FloatArray:
    """Mean distance of said and observed rates over tenths of p, weighted by their outcomes."""
    n, won, p = (deciles[..., DECILE_SUMS.index(f"{name}_{path}")] for name in ("scored", "won", "p"))
    return share(np.abs(p - won).sum(axis=-1), n.sum(axis=-1))


def win_rate_interval(
    outcomes: FloatArray, products: FloatArray, blocks: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    """Lower end of the worse reading's win rate, upper end of the better one's, each of shape (…).

    Wilson's interval for as many independent outcomes as would vary as much as a bootstrap of blocks of time lets
    the rate vary (its variance in closed form), with Student's quantile for the number of blocks. Where all
    outcomes are alike each block counts as one.

    Parameters
    ----------
    outcomes
        `settled_lo, won_lo, settled_hi, won_hi`, shape (…, 4).
    products
        Sums over blocks of settled², settled·won, won² on the worse reading, then on the better, shape (…, 6).
    blocks
        How many blocks hold outcomes, shape (…); NaN below :data:`fvg_platform.learning.blocks.MIN_BLOCKS`.
    level
        Coverage of the interval, such as 0.95.
    """
    from scipy.special import stdtrit

    enough = blocks >= MIN_BLOCKS
    held = np.where(enough, blocks, np.nan)
    z = stdtrit(held - 1.0, (1.0 + level) / 2.0)
    ends = []
    for at, sign in ((0, -1.0), (1, 1.0)):
        settled, won = outcomes[..., 2 * at], outcomes[..., 2 * at + 1]
        rate = share(won, settled)
        settled_2, both, won_2 = (products[..., 3 * at + of] for of in range(3))
        # Sum over blocks of (won - rate * settled)^2, written out.
        spread = np.maximum(won_2 - 2.0 * rate * both + rate**2 * settled_2, 0.0)
        variance = share(spread * held, settled**2 * (held - 1.0))
        alike = rate * (1.0 - rate)
        # Blocks that vary less than single outcomes would are worth no more than these.
        worth = np.divide(alike, variance, out=settled.copy(), where=variance > 0.0)
        worth = np.where(alike > 0.0, np.clip(worth, 1.0, np.maximum(settled, 1.0)), held)
        centre = rate + z**2 / (2.0 * worth)
        half = z * np.sqrt(alike / worth + z**2 / (4.0 * worth**2))
        # At a rate of 0 or 1 rounding may step over it.
        ends.append(np.clip((centre + sign * half) / (1.0 + z**2 / worth), 0.0, 1.0))
    return ends[0], ends[1]


def block_products(outcomes: FloatArray) -> FloatArray:
    """The products that :func:`win_rate_interval` asks for, of outcomes (..., 4) of one block each: (..., 6)."""
    settled, won = outcomes[..., 0::2], outcomes[..., 1::2]
    products = np.stack([settled**2, settled * won, won**2], axis=-1)
    return products.reshape(*outcomes.shape[:-1], 6)


def share(part: FloatArray, whole: FloatArray) -> FloatArray:
    """`part / whole`, NaN where the whole is not above 0."""
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
