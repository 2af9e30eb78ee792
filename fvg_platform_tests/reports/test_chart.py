"""What a picture of gaps shows, on ten hand-made hours around a weekend, and the files of both drawings."""

import re
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image
from plotly.offline import get_plotlyjs

from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.reports.chart import Chart, compose_chart, save_chart
from fvg_platform.reports.chart_file import ChartError
from fvg_platform.reports.chart_html import draw_html
from fvg_platform.reports.chart_png import SIZE, draw_png
from fvg_platform.reports.chart_trades import Exit, Level
from fvg_platform.reports.chart_zones import Zone
from fvg_platform_tests.market_bars import random_bars

# Four hours of a Friday, six of the Monday after; the clocks change between them.
TS = pd.DatetimeIndex(
    [
        *pd.date_range("2026-03-06 12:30", periods=4, freq="h"),
        *pd.date_range("2026-03-09 09:30", periods=6, freq="h"),
    ]
).tz_localize("America/New_York")
EDGE = 9.5 + 2.0
"""Right edge of a picture of all ten bars: two bars of room after the last one."""


def bars(**changed: tuple[float, float, float, float]) -> pd.DataFrame:
    """Ten bars from 99 to 101; `b3=(o, h, l, c)` changes bar 3."""
    rows = [changed.get(f"b{j}", (100.0, 101.0, 99.0, 100.0)) for j in range(10)]
    frame = pd.DataFrame(rows, columns=["open", "high", "low", "close"])
    return frame.assign(ts=TS.tz_convert("UTC"), volume=1000.0)


def at(j: int | None) -> pd.Timestamp:
    """Open time of bar j; before the first, that many days earlier; None is never."""
    if j is None:
        return pd.NaT
    return (TS[j] if j >= 0 else TS[0] + pd.Timedelta(days=j)).tz_convert("UTC")


def gap(
    third: int, side: int = 1, bottom: float = 99.5, top: float = 100.5, **events: int | None
) -> dict[str, Any]:
    """A gap by its third bar; `filled=5` is the bar that filled it."""
    names = ("touched", "half_filled", "filled", "inverted")
    return {
        "ts": at(third),
        "side": side,
        "bottom": bottom,
        "top": top,
        "known_at": at(third) + pd.Timedelta(hours=1),
        **{f"{name}_ts": at(events.get(name)) for name in names},
        "depth": 0.5,
    }


def setup(third: int, side: int = 1, entry: float = 100.0, risk: float = 1.0) -> dict[str, Any]:
    """Targets at 1, 2 and 3 times the risk."""
    targets = {f"target_{k}": entry + side * k * risk for k in (1, 2, 3)}
    known = at(third) + pd.Timedelta(hours=1)
    return {
        "ts": at(third),
        "side": side,
        "entry": entry,
        "stop": entry - side * risk,
        "risk": risk,
        "known_at": known,
        **targets,
    }


def label(
    third: int,
    status: str,
    *exits: tuple[tuple[str, int | None], tuple[str, int | None]],
    side: int = 1,
    entry: int | None = None,
    price: float = 100.0,
) -> dict[str, Any]:
    """A setup's fate; `exits` holds for each target the worse and the better path's outcome and exit bar."""
    row: dict[str, Any] = {"ts": at(third), "side": side, "status": status}
    row |= {"entry_ts": at(entry), "entry_price": price if entry is not None else np.nan}
    for k in (1, 2, 3):
        pair = exits[min(k, len(exits)) - 1] if exits else ((None, None), (None, None))
        for path, (outcome, exit_) in zip(("lo", "hi"), pair, strict=True):
            row |= {f"outcome_{k}_{path}": outcome, f"exit_ts_{k}_{path}": at(exit_)}
            row[f"r_{k}_{path}"] = {"target": float(k), "stop": -1.0, "timeout": 0.25}.get(
                outcome or "", np.nan
            )
        row[f"identified_{k}"] = pair[0][0] == pair[1][0] != "censored" if exits else None
    return row


def compose(
    gaps: list[dict[str, Any]] | None = None,
    setups: list[dict[str, Any]] | None = None,
    labels: list[dict[str, Any]] | None = None,
    on: pd.DataFrame | None = None,
    **options: Any,
) -> Chart:
    frames = (pd.DataFrame(rows) if rows else None for rows in (gaps, setups, labels))
    return compose_chart(bars() if on is None else on, *frames, ticker="AAPL", timeframe="1h", **options)


def only_zone(chart: Chart) -> Zone:
    (zone,) = chart.zones
    return zone


def extent(zone: Zone) -> tuple[float, float, str, bool]:
    return zone.left, zone.right, zone.end, zone.clipped


class TestZones:
    @pytest.mark.parametrize("side", [1, -1])
    def test_a_gap_reaches_from_the_close_of_its_third_bar_to_that_of_the_bar_that_filled_it(
        self, side: int
    ) -> None:
        zone = only_zone(compose([gap(2, side, touched=4, half_filled=4, filled=6)]))
        assert extent(zone) == (2.5, 6.5, "filled", False)
        assert (zone.side, zone.bottom, zone.mid, zone.top) == (side, 99.5, 100.0, 100.5)

    def test_the_bar_after_it_may_fill_it(self) -> None:
        assert extent(only_zone(compose([gap(2, filled=3)]))) == (2.5, 3.5, "filled", False)

    def test_an_open_gap_reaches_to_the_right_edge(self) -> None:
        chart = compose([gap(9)])
        assert extent(only_zone(chart)) == (9.5, EDGE, "open", False)
        assert chart.right == EDGE

    def test_an_older_open_gap_is_clipped_at_the_left_edge(self) -> None:
        assert extent(only_zone(compose([gap(-3, filled=0)]))) == (-0.5, 0.5, "filled", True)

    def test_a_gap_filled_before_the_window_is_not_drawn(self) -> None:
        assert compose([gap(-3, filled=-1)]).zones == ()

    def test_a_gap_that_became_known_after_the_window_is_not_drawn(self) -> None:
        assert compose([gap(7)], until=at(6)).zones == ()

    def test_a_gap_filled_after_the_window_is_open_in_it(self) -> None:
        zone = only_zone(compose([gap(2, filled=7)], until=at(6)))
        assert extent(zone) == (2.5, 6.5 + 2, "open", False)

    def test_positions_count_from_the_first_bar_shown(self) -> None:
        zone = only_zone(compose([gap(6, filled=8)], most_bars=5))
        assert extent(zone) == (1.5, 3.5, "filled", False)

    def test_a_close_beyond_the_far_edge_ends_it_as_inverted(self) -> None:
        assert only_zone(compose([gap(2, filled=5, inverted=5)])).end == "inverted"
        assert extent(only_zone(compose([gap(2, filled=5, inverted=7)]))) == (2.5, 5.5, "filled", False)

    def test_derived_zones_begin_at_the_close_that_made_them_known(self) -> None:
        rows = [
            {**gap(5, -1, filled=8), "kind": "inversion", "origin_ts": at(2)},
            {**gap(4), "kind": "joined", "origin_ts": at(3)},
            {**gap(6), "kind": "balanced", "origin_ts": at(1)},
        ]
        chart = compose(zones=pd.DataFrame(rows))
        assert [(zone.kind, zone.left, zone.right) for zone in chart.zones] == [
            ("inversion", 5.5, 8.5),
            ("joined", 4.5, EDGE),
            ("balanced", 6.5, EDGE),
        ]
        assert "begun by the gap of 2026-03-06 14:30" in chart.zones[0].facts

    def test_zones_beyond_the_prices_are_counted_and_left_out(self) -> None:
        chart = compose([gap(-3), gap(-2, bottom=10.0, top=11.0)])
        assert len(chart.zones) == 1
        assert chart.counts[0].endswith("1 older  ·  1 more lie beyond these prices")

    def test_the_facts_tell_the_life_of_the_gap_and_of_its_setup(self) -> None:
        pair = (("stop", 6), ("target", 5))
        entered = label(2, "entered", pair, (("stop", 6), ("stop", 6)), entry=4, price=99.9)
        chart = compose([gap(2, touched=4, half_filled=4, filled=6)], [setup(2)], [entered])
        assert only_zone(chart).facts == (
            "bullish gap 99.50 – 100.50",
            "middle 100.00, height 1.00",
            "known at 2026-03-06 15:30",
            "touched 2026-03-09 09:30",
            "half filled 2026-03-09 09:30",
            "filled 2026-03-09 11:30",
            "deepest return 50% of the zone",
            "long setup: entered",
            "entry 100.00, stop 99.00, risk 1.00",
            "filled at 99.90 in the bar of 2026-03-09 09:30",
            "T1 101.00: stop..target (-1.00..+1.00 R)",
            "T2 102.00: stop (-1.00 R)",
            "T3 103.00: stop (-1.00 R)",
        )

    @settings(max_examples=25, deadline=None)
    @given(first=st.integers(0, 350), length=st.integers(1, 60))
    def test_every_gap_that_lives_in_the_window_is_there_once(self, first: int, length: int) -> None:
        walk, gaps = walked()
        last = min(first + length - 1, len(walk) - 1)
        alive = gaps[(gaps["i"] <= last) & ~(gaps["filled"] < first).fillna(False)]
        chart = compose_chart(
            walk,
            gaps,
            None,
            None,
            ticker="T",
            timeframe="1h",
            since=walk["ts"][first],
            until=walk["ts"][last],
        )
        beyond = re.search(r"(\d+) more lie beyond", chart.counts[0])
        assert len(chart.candles) == last - first + 1
        assert len(chart.zones) + (int(beyond[1]) if beyond else 0) == len(alive)
        by_key = {(zone.ts, zone.side): zone for zone in chart.zones}
        for row in alive.itertuples():
            zone = by_key.get((row.ts.as_unit("us")._value, row.side))
            if zone is not None:
                within = row.filled is not pd.NA and row.filled <= last
                assert zone.left == max(row.i - first + 0.5, -0.5)
                assert zone.right == (row.filled - first + 0.5 if within else chart.right)


@cache
def walked() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A random walk and its gaps, with the times of their lives' events."""
    walk = random_bars("1h", "2026-01-05", "2026-03-31", seed=3)
    gaps = detect_gaps(walk, "1h")
    for event in ("touched", "half_filled", "filled", "inverted"):
        gaps[f"{event}_ts"] = walk["ts"].reindex(gaps[event]).array
    return walk, gaps


STOPPED = (("stop", 6), ("stop", 6))


class TestTrades:
    @pytest.mark.parametrize("side", [1, -1])
    def test_an_entered_setup_reaches_from_its_entry_to_its_exits(self, side: int) -> None:
        exits = (("target", 5), ("target", 5)), (("target", 7), ("target", 7)), (("stop", 8), ("stop", 8))
        chart = compose(None, [setup(2, side)], [label(2, "entered", *exits, side=side, entry=4)])
        (trade,) = chart.trades
        assert (trade.status, trade.side, trade.x, trade.price) == ("entered", side, 4, 100.0)
        assert trade.levels == (
            Level("entry", 100.0, 3.5, 8.5),
            Level("stop", 100.0 - side, 3.5, 8.5),
            Level("target_1", 100.0 + side, 3.5, 5.5),
            Level("target_2", 100.0 + 2 * side, 3.5, 7.5),
            Level("target_3", 100.0 + 3 * side, 3.5, 8.5),
        )
        assert trade.exits == (
            Exit(5, 100.0 + side, "target", True, (1,)),
            Exit(7, 100.0 + 2 * side, "target", True, (2,)),
            Exit(8, 100.0 - side, "stop", True, (3,)),
        )
        assert trade.doubts == ()

    def test_a_stop_of_all_targets_is_one_mark(self) -> None:
        (trade,) = compose(None, [setup(2)], [label(2, "entered", STOPPED, entry=4)]).trades
        assert trade.exits == (Exit(6, 99.0, "stop", True, (1, 2, 3)),)

    def test_an_outcome_that_the_bars_leave_open_has_both_ends(self) -> None:
        pair = (("stop", 6), ("target", 5))
        chart = compose(None, [setup(2)], [label(2, "entered", pair, STOPPED, entry=4)])
        (trade,) = chart.trades
        stop, target = Exit(6, 99.0, "stop", False, (1,)), Exit(5, 101.0, "target", False, (1,))
        assert trade.doubts == ((stop, target),)
        assert set(trade.exits) == {stop, target, Exit(6, 99.0, "stop", True, (2, 3))}
        assert trade.levels[2].right == 6.5
        assert chart.counts[1].endswith("first target of the 1 entered here: 1 left open by the bars")

    @pytest.mark.parametrize("side", [1, -1])
    def test_exits_beyond_a_level_are_at_the_open_and_a_timeout_at_the_close(self, side: int) -> None:
        def mirrored(price: float) -> float:
            return 100.0 + side * (price - 100.0)

        def bar(o: float, c: float) -> tuple[float, float, float, float]:
            o, c = mirrored(o), mirrored(c)
            return o, max(o, c), min(o, c), c

        series = bars(b5=bar(101.5, 101.8), b7=bar(100.2, 100.4), b8=bar(98.0, 98.5))
        exits = (("target", 5), ("target", 5)), (("timeout", 7), ("timeout", 7)), (("stop", 8), ("stop", 8))
        rows = label(2, "entered", *exits, side=side, entry=4)
        (trade,) = compose(None, [setup(2, side)], [rows], on=series).trades
        assert [exit_.price for exit_ in trade.exits] == [mirrored(101.5), mirrored(100.4), mirrored(98.0)]

    def test_on_the_bar_of_the_entry_the_open_was_before_it(self) -> None:
        series = bars(b4=(102.0, 102.0, 98.0, 98.5))
        (trade,) = compose(
            None, [setup(2)], [label(2, "entered", (("stop", 4), ("stop", 4)), entry=4)], on=series
        ).trades
        assert trade.exits[0].price == 99.0
        assert {(level.left, level.right) for level in trade.levels} == {(3.5, 4.5)}

    def test_a_held_position_reaches_to_the_right_edge(self) -> None:
        held = (("censored", None), ("censored", None))
        chart = compose(None, [setup(2)], [label(2, "entered", STOPPED, held, entry=4)])
        (trade,) = chart.trades
        assert [level.right for level in trade.levels] == [EDGE, EDGE, 6.5, EDGE, EDGE]

    def test_an_exit_after_the_window_is_still_held_in_it(self) -> None:
        chart = compose(None, [setup(2)], [label(2, "entered", STOPPED, entry=4)], until=at(5))
        assert chart.trades[0].exits == ()
        assert chart.counts[1].endswith("first target of the 1 entered here: 1 still held")

    def test_a_pending_order_rests_from_the_close_of_the_third_bar_to_the_right_edge(self) -> None:
        (trade,) = compose(None, [setup(7)], [label(7, "pending")]).trades
        assert (trade.status, trade.x, trade.price, trade.exits) == ("pending", None, 100.0, ())
        assert {(level.left, level.right) for level in trade.levels} == {(7.5, EDGE)}

    def test_an_order_filled_after_the_window_still_rests_at_its_end(self) -> None:
        chart = compose(None, [setup(2)], [label(2, "entered", STOPPED, entry=4)], until=at(3))
        assert [(trade.status, trade.x) for trade in chart.trades] == [("pending", None)]
        assert chart.counts[1] == "1 setups: 1 pending"

    @pytest.mark.parametrize("status", ["gap_invalid", "ran_away", "expired"])
    def test_setups_that_were_never_entered_are_told_but_not_drawn(self, status: str) -> None:
        chart = compose([gap(2)], [setup(2)], [label(2, status)])
        words = status.replace("_", " ")
        assert chart.trades == ()
        assert chart.counts[1] == f"1 setups: 1 {words}"
        assert f"long setup: {words}" in only_zone(chart).facts

    def test_a_setup_entered_before_the_window_is_not_drawn(self) -> None:
        chart = compose(None, [setup(2)], [label(2, "entered", STOPPED, entry=4)], since=at(5))
        assert (chart.trades, chart.counts[1]) == ((), "0 setups")

    def test_a_setup_of_an_older_gap_entered_in_the_window_is_drawn(self) -> None:
        chart = compose(None, [setup(-2)], [label(-2, "entered", STOPPED, entry=4)])
        assert [trade.x for trade in chart.trades] == [4]

    def test_setups_without_labels_are_told(self) -> None:
        chart = compose([gap(2)], [setup(2)])
        assert chart.counts[1] == "1 setups: 1 unlabelled"
        assert "long setup: not labelled yet" in only_zone(chart).facts

    def test_each_configuration_has_its_own_fate(self) -> None:
        other = {**label(2, "expired"), "config_id": "b"}
        mine = {**label(2, "entered", STOPPED, entry=4), "config_id": "a"}
        chart = compose(None, [{**setup(2), "config_id": "a"}], [other, mine])
        assert chart.counts[1].startswith("1 setups: 1 entered")


class TestWindow:
    def test_the_last_bars_are_shown_and_the_title_says_of_how_many(self) -> None:
        chart = compose(most_bars=4)
        assert chart.candles.ts[0] == TS[6]
        assert (
            chart.title == "AAPL  1h  ·  2026-03-09 11:30 to 2026-03-09 14:30 New York  ·  last 4 of 10 bars"
        )

    def test_a_day_is_whole_at_both_ends(self) -> None:
        chart = compose(since="2026-03-06", until="2026-03-06")
        assert list(chart.candles.ts) == list(TS[:4])
        assert chart.title.endswith("·  4 bars")

    def test_the_weekend_leaves_no_hole_and_ticks_tell_new_yorks_time(self) -> None:
        labels = {tick.x: tick.label for tick in compose().ticks}
        assert labels[0] == "12:30\n06 Mar"
        assert labels[4] == "09:30\n09 Mar"
        assert labels[9] == "14:30"

    @pytest.mark.parametrize(
        ("opens", "names"),
        [
            (["2026-03-09 13:30", "2026-03-10 13:30"], "2026-03-09 to 2026-03-10"),  # 09:30 New York
            (["2026-03-09 00:00", "2026-03-10 00:00"], "2026-03-09 to 2026-03-10"),  # a day of crypto
            (
                ["2026-03-08 21:00", "2026-03-09 21:00"],
                "2026-03-09 to 2026-03-10",
            ),  # 17:00 New York: currencies
        ],
    )
    def test_daily_bars_are_named_by_their_exchange_day(self, opens: list[str], names: str) -> None:
        days = bars().iloc[:2].assign(ts=pd.to_datetime(opens, utc=True))
        chart = compose_chart(
            days, None, None, None, ticker="X", timeframe="1d", since="2026-03-09", until="2026-03-10"
        )
        assert names in chart.title
        assert [tick.label for tick in chart.ticks] == ["09 Mar\n2026", "10 Mar"]

    @pytest.mark.parametrize("days", [10, 100, 700, 3000, 11000])
    def test_there_are_some_labels_and_never_many(self, days: int) -> None:
        ts = pd.date_range("1990-01-02 14:30", periods=days, freq="B", tz="UTC")
        series = pd.DataFrame(
            dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0), index=range(days)
        )
        chart = compose_chart(
            series.assign(ts=ts), None, None, None, ticker="X", timeframe="1d", most_bars=days
        )
        assert 3 <= len(chart.ticks) <= 15
        assert chart.low < 1.0 < chart.high

    def test_targets_far_away_do_not_squeeze_the_bars(self) -> None:
        chart = compose(None, [setup(2, risk=50.0)], [label(2, "pending")])
        assert (chart.low, chart.high) == pytest.approx((98.7, 101.3))


class TestBadInput:
    def test_an_empty_range_names_the_series_and_what_there_is(self) -> None:
        message = (
            r"AAPL 1h: no bars from 2027-01-01 to the last; "
            r"there are 10 bars from 2026-03-06 12:30 to 2026-03-09 14:30"
        )
        with pytest.raises(ValueError, match=message):
            compose(since="2027-01-01")

    def test_a_range_that_ends_before_it_begins_is_empty(self) -> None:
        with pytest.raises(ValueError, match="no bars from 2026-03-09 to 2026-03-06"):
            compose(since="2026-03-09", until="2026-03-06")

    def test_no_bars_at_all(self) -> None:
        with pytest.raises(ValueError, match=r"AAPL 1h: there are no bars to draw \(asked: from 2026-03-06"):
            compose(on=bars().iloc[:0], since="2026-03-06")

    @pytest.mark.parametrize("bound", ["yesteryear", pd.NaT, pd.Timestamp("2026-03-06 12:30")])
    def test_a_bound_that_is_no_day_and_no_moment(self, bound: Any) -> None:
        with pytest.raises(ValueError, match=r"since=.*(is no date|has no time zone)"):
            compose(since=bound)

    def test_bars_without_a_time_zone(self) -> None:
        naive = bars().assign(ts=TS.tz_localize(None))
        with pytest.raises(ValueError, match="AAPL 1h bars: ts has no time zone"):
            compose(on=naive)

    def test_gaps_without_a_time_zone(self) -> None:
        row = gap(2)
        with pytest.raises(ValueError, match="AAPL 1h gaps: filled_ts has no time zone"):
            compose([{**row, "filled_ts": pd.Timestamp("2026-03-09 10:30")}])

    def test_labels_of_mixed_time_zones(self) -> None:
        row = label(2, "entered", STOPPED, entry=4)
        mixed = pd.Series([at(4), at(4).tz_convert("Asia/Tokyo")], dtype=object)
        labels = pd.DataFrame([row, {**row, "ts": at(3)}]).assign(entry_ts=mixed)
        with pytest.raises(ValueError, match="AAPL 1h labels: entry_ts must be timestamps of one zone"):
            compose_chart(bars(), None, pd.DataFrame([setup(2)]), labels, ticker="AAPL", timeframe="1h")

    def test_a_missing_column(self) -> None:
        row = gap(2)
        del row["bottom"]
        with pytest.raises(ValueError, match="AAPL 1h gaps lack the columns bottom"):
            compose([row])

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"gaps": [{**gap(2), "side": 0}]}, "gaps: side in row 0 is 0"),
            ({"zones": pd.DataFrame([{**gap(2), "kind": "void"}])}, "zones: unknown kind 'void'"),
            ({"setups": [setup(2), setup(2)]}, "setups: several for the gap of 2026-03-06 14:30"),
            ({"setups": [setup(2)], "labels": [label(2, "lost")]}, "labels: unknown status 'lost'"),
            (
                {"setups": [setup(2)], "labels": [label(2, "entered", (("won", 5), ("won", 5)), entry=4)]},
                "labels: unknown outcome_1_lo 'won'",
            ),
            ({"most_bars": 0}, "most_bars is 0"),
        ],
    )
    def test_rows_that_make_no_sense(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            compose(**arguments)


def full_chart() -> Chart:
    """One of everything that can be drawn."""
    gaps = [
        gap(2, filled=6),
        gap(3, -1, 100.2, 100.8),
        gap(-1, bottom=99.1, top=99.3),
        gap(7, filled=8, inverted=8),
    ]
    zones = [
        {**gap(5, side, 99.2, 99.9), "kind": kind, "origin_ts": at(2)}
        for side, kind in ((1, "inversion"), (-1, "joined"), (1, "balanced"))
    ]
    setups = [setup(2), setup(3, -1), setup(7)]
    both = (("stop", 6), ("target", 5))
    timeout = (("timeout", 8), ("timeout", 8))
    labels = [
        label(2, "entered", both, STOPPED, timeout, entry=4),
        label(3, "entered", (("target", 6), ("target", 6)), side=-1, entry=5),
        label(7, "pending"),
    ]
    return compose(gaps, setups, labels, zones=pd.DataFrame(zones))


class TestFiles:
    def test_a_png_of_the_size_that_is_promised(self, tmp_path: Any) -> None:
        path = save_chart(full_chart(), tmp_path / "chart.png")
        assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
        with Image.open(path) as image:
            assert image.size == SIZE == (1600, 900)
        assert [file.name for file in tmp_path.iterdir()] == ["chart.png"]

    def test_the_png_explains_what_it_holds(self) -> None:
        figure = draw_png(full_chart(), None)
        assert isinstance(figure, Figure)
        words = {text.get_text() for text in figure.legends[0].get_texts()}
        assert {
            "inverse zone (its side now)",
            "hollow pair: the bars leave open which",
            "time ran out",
        } <= words
        empty = draw_png(compose(), None)
        assert [text.get_text() for text in empty.legends[0].get_texts()] == [
            "closed at or above its open",
            "closed below its open",
        ]

    def test_an_html_page_that_fetches_nothing(self, tmp_path: Any) -> None:
        path = save_chart(full_chart(), tmp_path / "chart.html")
        page = path.read_text(encoding="utf-8")
        assert page.startswith("<!doctype html>")
        assert "T1 101.00: stop..target (-1.00..+1.00 R)" in page
        program = get_plotlyjs()
        assert program in page
        page = page.replace(program, "")
        assert not re.findall(r"\b(src|href|srcset)\s*=|@import|url\(|\bfetch\b|\bimport\b", page)
        assert [file.name for file in tmp_path.iterdir()] == ["chart.html"]

    def test_the_html_says_the_facts_under_the_pointer(self) -> None:
        chart = full_chart()
        figure = draw_html(chart, None)
        texts = [trace.text for trace in figure.select_traces({"fill": "toself"})]
        assert texts == ["<br>".join(zone.facts) for zone in chart.zones]
        stops = next(trace for trace in figure.data if trace.name == "stopped")
        assert stops.text[0].startswith("T2 stop<br>long setup: entered<br>")

    def test_a_ticker_is_text_and_no_markup(self, tmp_path: Any) -> None:
        chart = compose_chart(bars(), None, None, None, ticker="</script><b>", timeframe="1h")
        page = save_chart(chart, tmp_path / "chart.html").read_text(encoding="utf-8")
        assert "</script><b>" not in page

    @pytest.mark.parametrize("name", ["chart.svg", "chart", "png"])
    def test_an_unknown_suffix_names_the_known_ones(self, tmp_path: Any, name: str) -> None:
        with pytest.raises(ValueError, match=r"must end with \.png or \.html"):
            save_chart(full_chart(), tmp_path / name)
        with pytest.raises(ValueError, match=r"must end with \.html"):
            draw_html(full_chart(), tmp_path / "chart.png")

    def test_a_failure_leaves_the_old_file_and_nothing_else(
        self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "chart.png"
        path.write_bytes(b"old")

        def full(descriptor: int) -> None:
            raise OSError("no space left")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(ChartError, match="no space left"):
            save_chart(full_chart(), path)
        assert path.read_bytes() == b"old"
        assert [file.name for file in tmp_path.iterdir()] == ["chart.png"]

    def test_a_missing_folder_is_named(self, tmp_path: Any) -> None:
        with pytest.raises(ChartError, match=r"there is no folder .*nowhere"):
            save_chart(full_chart(), tmp_path / "nowhere" / "chart.png")
