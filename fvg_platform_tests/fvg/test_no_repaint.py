"""Replayed bar by bar, the engine says at each step what the batch says of that step, and never takes it back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pandas as pd
import pytest

from fvg_platform.fvg.context import describe_context
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.modes import ModeConfig
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.fvg.rules import judge
from fvg_platform.fvg.setups import plan_setups
from fvg_platform.fvg.zones import derive_zones
from fvg_platform.market.calendars import TradingCalendar, trading_calendar
from fvg_platform.market.resampling import resample_bars
from fvg_platform.sources.sample import SampleSource

from .made_up import LIFECYCLE, same, walk

STEPS = 200
CONFIG = ModeConfig(mode="intraday", ttl=8, max_hold=16, cost_bps=1, preset="smc", tick_size=0.01)
PATHS = [(k, path) for k in (1, 2, 3) for path in ("lo", "hi")]
FINAL_AT_ONCE = ("gaps", "zones", "setups", "context", "verdicts")
Frames = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Market:
    """One series with what is known beside it."""

    bars: pd.DataFrame
    calendar: TradingCalendar | None = None
    coarser: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def config(self) -> ModeConfig:
        return CONFIG.changed(day_only=self.calendar is not None)

    def last_of_the_day(self) -> np.ndarray:
        """The last bar on which an order of each bar's day may rest; beyond all bars where days do not end it."""
        if self.calendar is None:
            return np.full(len(self.bars), 10 * STEPS)
        at = pd.Series(self.bars.index)
        days = at.groupby(self.bars["ts"].dt.tz_convert("America/New_York").dt.date)
        return days.transform("max").to_numpy()

    def until(self, n: int) -> Frames:
        """Everything that the engine derives of the first n bars.

        The coarser bars are those that have opened by then. An unfinished one has only its open yet: whoever reads
        it early says something else later.
        """
        bars = self.bars.head(n)
        coarser = {name: self.opened(name, bars["ts"].iloc[-1]) for name in self.coarser}
        gaps = detect_gaps(bars, "1h", calendar=self.calendar)
        setups = plan_setups(gaps, "1h", config=self.config)
        derived = {
            "gaps": gaps,
            "zones": derive_zones(bars, gaps, "1h", calendar=self.calendar),
            "setups": setups,
            "labels": label_setups(bars, setups, "1h", config=self.config, calendar=self.calendar),
        }
        if n < STEPS and n - 1 not in gaps["i"].to_numpy()[-1:]:
            return derived  # context is half the work, and asked for when a gap is new
        context = describe_context(bars, gaps, "1h", calendar=self.calendar, coarser=coarser)
        return derived | {"context": context, "verdicts": judge(context, gaps).assign(i=gaps["i"])}

    def opened(self, timeframe: str, now: pd.Timestamp) -> pd.DataFrame:
        """The coarser bars at the close of the bar that opens at `now`."""
        assert self.calendar is not None
        c = self.coarser[timeframe]
        c = c[c["ts"] <= now].reset_index(drop=True)
        close = self.calendar.bar_closes(pd.DatetimeIndex([now]), "1h")[0]
        unfinished = self.calendar.bar_closes(pd.DatetimeIndex(c["ts"]), timeframe) > close
        c.loc[unfinished, ["high", "low", "close"]] = c["open"]
        return c


def made_up() -> Market:
    bars = walk(STEPS, seed=11, grid=0.01)
    return Market(bars.assign(taker_buy_volume=bars["volume"] * (bars.index % 5) / 4))


def real_hours() -> Market:
    calendar = trading_calendar("equity")
    hours, days = (SampleSource().read("AAPL", name) for name in ("1h", "1d"))
    # Its days are adjusted for dividends and its hours are not: no matter, here they only must not look ahead.
    coarser = {"4h": resample_bars(hours, "1h", "4h", calendar), "1d": days.tail(1000)}
    return Market(hours.tail(STEPS).reset_index(drop=True), calendar, coarser)


MARKETS: dict[str, Callable[[], Market]] = {"random walk": made_up, "real hours": real_hours}


@cache
def replay(name: str) -> tuple[Frames, Frames]:
    """The batch, and the rows of all steps one below the other: `step` bars were known, `row` in the batch."""
    market = MARKETS[name]()
    batch = market.until(STEPS)
    steps = [market.until(n) for n in range(1, STEPS + 1)]
    replayed: Frames = {}
    for kind in batch:
        frames = [
            step[kind].assign(step=n, row=range(len(step[kind])))
            for n, step in enumerate(steps, 1)
            if kind in step and len(step[kind])
        ]
        replayed[kind] = pd.concat(frames, ignore_index=True)
    return batch, replayed


def at_each_step(batch: pd.DataFrame, replayed: pd.DataFrame) -> pd.DataFrame:
    """The batch's rows in the place of the replayed ones."""
    return batch.take(replayed["row"].to_numpy()).reset_index(drop=True)


@pytest.mark.parametrize("name", MARKETS)
@pytest.mark.parametrize("kind", (*FINAL_AT_ONCE, "labels"))
def test_each_object_is_known_at_its_own_bar(name: str, kind: str) -> None:
    batch, replayed = (frames[kind] for frames in replay(name))
    assert len(batch) > 20
    # Of n bars the batch's rows with i < n, no fewer and no more.
    known = replayed.groupby("step").size()
    np.testing.assert_array_equal(known, np.searchsorted(batch["i"], known.index))
    if kind not in ("context", "verdicts"):
        assert list(known.index) == list(range(batch["i"].iloc[0] + 1, STEPS + 1))
    # What is new at each step, put one below the other, is the batch.
    first_said = replayed[replayed["i"] == replayed["step"] - 1]
    np.testing.assert_array_equal(first_said["row"], np.arange(len(batch)))


@pytest.mark.parametrize("name", MARKETS)
@pytest.mark.parametrize("kind", FINAL_AT_ONCE)
def test_what_describes_an_object_is_final_at_once(name: str, kind: str) -> None:
    batch, replayed = (frames[kind] for frames in replay(name))
    described = batch.columns.drop([*LIFECYCLE, "depth"], errors="ignore")
    same(replayed[described], at_each_step(batch, replayed)[described])


@pytest.mark.parametrize("name", MARKETS)
@pytest.mark.parametrize("kind", ["gaps", "zones"])
def test_what_befalls_a_zone_is_known_when_it_happens(name: str, kind: str) -> None:
    batch, replayed = (frames[kind] for frames in replay(name))
    wanted = at_each_step(batch, replayed)
    for event in LIFECYCLE:
        happened = wanted[event].mask(wanted[event] >= replayed["step"])
        pd.testing.assert_series_equal(replayed[event], happened)
        assert happened.notna().any()
    by_row = replayed.sort_values(["row", "step"]).groupby("row")["depth"]
    assert by_row.is_monotonic_increasing.all()
    np.testing.assert_array_equal(by_row.last(), batch["depth"])


@pytest.mark.parametrize("name", MARKETS)
def test_a_status_is_known_when_it_is_decided(name: str) -> None:
    batch, replayed = (frames["labels"] for frames in replay(name))
    wanted, step = at_each_step(batch, replayed), replayed["step"]
    final, said = wanted["status"].astype(str), replayed["status"].astype(str)
    entered = (final == "entered") & (wanted["entry_index"] < step).fillna(False)
    last_of_the_day = MARKETS[name]().last_of_the_day()[wanted["i"]]
    expired = (final == "expired") & (np.minimum(wanted["i"] + CONFIG.ttl, last_of_the_day) < step)
    np.testing.assert_array_equal(said == "entered", entered)
    np.testing.assert_array_equal(said == "expired", expired)
    # The bar of the other two is not stored: they may come late here, but stay.
    assert (said[said != "pending"] == final[said != "pending"]).all()
    decided = replayed.assign(decided=said != "pending").sort_values(["row", "step"])
    assert decided.groupby("row")["decided"].is_monotonic_increasing.all()
    for column in ("entry_index", "entry_price", "bars_to_entry"):
        pd.testing.assert_series_equal(replayed[column], wanted[column].where(entered))
    assert {"entered", "ran_away", "expired"} <= set(said)


@pytest.mark.parametrize("name", MARKETS)
def test_an_outcome_is_known_when_it_ends_and_stays(name: str) -> None:
    batch, replayed = (frames["labels"] for frames in replay(name))
    wanted, step = at_each_step(batch, replayed), replayed["step"]
    live = replayed["status"] == "entered"
    both: dict[int, pd.Series] = dict.fromkeys((1, 2, 3), live)
    for k, path in PATHS:
        ended = live & (wanted[f"exit_index_{k}_{path}"] < step).fillna(False).astype(bool)
        np.testing.assert_array_equal(replayed[f"outcome_{k}_{path}"] == "censored", live & ~ended)
        columns = [f"{what}_{k}_{path}" for what in ("outcome", "exit_index", "bars_to_exit", "r")]
        same(replayed.loc[ended, columns], wanted.loc[ended, columns])
        assert replayed.loc[live & ~ended, columns[1:]].isna().all(axis=None)
        both[k] = both[k] & ended
    for k in (1, 2, 3):
        identified = f"identified_{k}"
        columns = [identified, f"identified_before_{k}"]
        same(replayed.loc[both[k], columns], wanted.loc[both[k], columns])
        assert not replayed.loc[live & ~both[k], identified].any()
    ended = live & (wanted["exit_index_3_lo"] < step).fillna(False).astype(bool)
    same(replayed.loc[ended, ["mae_r", "mfe_r"]], wanted.loc[ended, ["mae_r", "mfe_r"]])
    assert replayed.loc[live & ~ended, ["mae_r", "mfe_r"]].isna().all(axis=None)
    assert {"stop", "target"} <= set(replayed["outcome_1_lo"].dropna())
