"""Which predictions are judged, and a track record that is written once."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pandas as pd
import pytest

from fvg_platform.learning import track_record_sums as bits
from fvg_platform.learning.track_record import track_record
from fvg_platform.storage import track_record_tables as tables
from fvg_platform.storage.bulk import read_frame
from fvg_platform.storage.bulk_connections import bulk_connection
from fvg_platform.storage.records import execute, insert_record
from fvg_platform.storage.schema import model_performance, prediction_outcomes
from fvg_platform_tests.platforms import Workplace

AS_OF = date(2024, 6, 28)


@pytest.fixture
def connection(workplace: Workplace) -> Iterator[Any]:
    with bulk_connection(workplace.url) as connection:
        execute(connection, "SET LOCAL session_replication_role = replica")  # no prediction is needed here
        yield connection


def add(connection: Any, ticker: str, *, timeframe: str = "1h", **changes: Any) -> None:
    """A filled prediction that won on both readings and was acted on."""
    key = {"ticker": ticker, "timeframe": timeframe, "ts": "2024-06-20 14:30Z", "side": 1, "config_id": "c"}
    said = {"model_version": 1, "prediction_id": 1, "day": "2024-06-20", "known_at": "2024-06-20 15:30Z"}
    said |= {"life_end": "2024-06-26 20:00Z", "mode": "intraday", "origin": "live", "in_sample": False}
    said |= {"p_target_1": 0.55, "signal": "BUY", "latency_ms": 3.0, "lineage_id": 1}
    came = {"status": "entered", "outcome_1_lo": "target", "outcome_1_hi": "target", "r_1_lo": 0.9}
    came |= {"r_1_hi": 0.95, "correct": True, "horizon_passed": True, "superseded": False}
    insert_record(connection, prediction_outcomes, {**key, **said, **came, **changes})


def test_only_what_can_be_judged_is_and_its_state_is_told(connection: Any) -> None:
    add(connection, "WON")
    add(connection, "TIMEOUT", outcome_1_lo="timeout", signal="SELL", correct=False)
    add(connection, "STOP", outcome_1_lo="stop", outcome_1_hi="stop", signal="HOLD", correct=None)
    add(connection, "CENSORED", outcome_1_lo="censored", outcome_1_hi="censored", signal=None, correct=None)
    unfilled: dict[str, Any] = {
        "outcome_1_lo": None,
        "outcome_1_hi": None,
        "r_1_lo": None,
        "r_1_hi": None,
        "correct": None,
    }
    add(connection, "EXPIRED", status="expired", p_target_1=None, **unfilled)
    add(connection, "YOUNG", horizon_passed=False)
    add(connection, "LEARNT", in_sample=True)
    add(connection, "GONE", superseded=True)
    add(connection, "ENDLESS", life_end=None)

    found = tables.judged_predictions(connection)
    filled, both = bits.ENTERED | bits.SETTLED_LO | bits.SETTLED_HI, bits.WON_LO | bits.WON_HI
    assert found.set_index("ticker")["state"].to_dict() == {
        "WON": filled | both | bits.CORRECT | bits.ACTED,
        "TIMEOUT": filled | bits.WON_HI | bits.INCORRECT | bits.ACTED,
        "STOP": filled,
        "CENSORED": bits.ENTERED,
        "EXPIRED": bits.ACTED,
    }
    won = found[found["ticker"] == "WON"].iloc[0]
    assert won["life_end"] == pd.Timestamp("2024-06-26 20:00Z")
    assert won[["p_target_1", "r_1_lo", "r_1_hi", "latency_ms"]].to_list() == [0.55, 0.9, 0.95, 3.0]
    assert found.set_index("ticker").loc["EXPIRED", ["p_target_1", "r_1_lo"]].isna().all()


def test_what_is_asked_for_is_found(connection: Any) -> None:
    add(connection, "AAPL", p_target_1=0.42)
    add(connection, "AAPL", model_version=2, origin="backfilled")
    add(connection, "IBM", timeframe="1d", mode="daily", outcome_1_lo="stop")
    assert len(tables.judged_predictions(connection)) == 3
    assert tables.judged_predictions(connection, ticker="NONE").empty
    for asked, count in (
        ({"timeframes": ["1d", "1w"]}, 1),
        ({"version": 2}, 1),
        ({"mode": "intraday"}, 2),
        ({"origin": "live"}, 2),
        ({"ticker": "AAPL", "timeframes": ["1h"], "version": 1}, 1),
    ):
        assert len(tables.judged_predictions(connection, **asked)) == count, asked
    curve = tables.calibration_curves(connection, ticker="AAPL")
    assert [(row["timeframe"], row["low"], row["n"], row["rate_lo"]) for row in curve] == [
        ("1h", 0.4, 1, 1.0),
        ("1h", 0.5, 1, 1.0),
    ]
    assert tables.calibration_curves(connection, ticker="NONE") == []


def test_a_track_record_is_written_once_and_then_what_changed(connection: Any) -> None:
    add(connection, "AAPL")
    add(connection, "AAPL", model_version=2, life_end="2024-05-01 20:00Z", outcome_1_lo="stop", r_1_lo=-1.1)
    add(connection, "IBM", timeframe="1d", mode="daily")
    record = track_record(tables.judged_predictions(connection), AS_OF)
    assert set(record.columns) == {c.name for c in model_performance.columns} - {"lineage_id"}

    assert tables.write_performance(connection, record, 7).inserted == len(record)
    assert tables.write_performance(connection, record, 8).changed == 0
    (row,) = tables.performance_rows(connection, timeframes=["1h"], windows=[30])
    assert (row["as_of"], row["ticker"], row["predictions"], row["profit_factor_lo"]) == (AS_OF, "*", 1, None)
    assert "lineage_id" not in row

    add(connection, "IBM", timeframe="1d", mode="daily", model_version=2, correct=False)
    later = track_record(tables.judged_predictions(connection), AS_OF)
    written = tables.write_performance(connection, later, 9)
    assert written.inserted == len(later) - len(record) > 0
    pooled = (record["timeframe"] == "1d") & (record["model_version"] == 0)
    assert (written.updated, written.unchanged) == (pooled.sum(), (~pooled).sum())
    by = read_frame(connection, "SELECT DISTINCT timeframe, lineage_id FROM model_performance ORDER BY 1, 2")
    assert by.to_numpy().tolist() == [["1d", 7], ["1d", 9], ["1h", 7]]

    next_day = track_record(tables.judged_predictions(connection), date(2024, 6, 29))
    assert tables.write_performance(connection, next_day, 10).deleted == (later["as_of"] == AS_OF).sum()
    assert tables.write_performance(connection, next_day.iloc[:0], 11).deleted == len(next_day)
    assert tables.performance_rows(connection) == []


def test_rows_are_found_by_whom_they_are_about(connection: Any) -> None:
    add(connection, "AAPL", timeframe="1d", mode="daily")
    add(connection, "AAPL")
    add(connection, "IBM", model_version=2, origin="backfilled")
    tables.write_performance(connection, track_record(tables.judged_predictions(connection), AS_OF), 1)

    def found(**asked: Any) -> list[tuple[Any, ...]]:
        rows = tables.performance_rows(connection, **asked)
        return [(row["timeframe"], row["window_days"], row["predictions"]) for row in rows]

    hours = [("1h", window, 2) for window in (30, 90, 365, 0)]
    assert found() == hours + [("1d", window, 1) for window in (30, 90, 365, 0)]
    assert found(mode="intraday", windows=[0, 30]) == [("1h", 30, 2), ("1h", 0, 2)]
    assert found(version=2, ticker="IBM", origin="backfilled", windows=[90]) == [("1h", 90, 1)]
    assert found(version=2, ticker="AAPL") == []
    assert found(as_of=date(2024, 6, 23)) == [], "no life had ended by that week's end"
