"""The notebook's door gives what lies in the tables."""

from pathlib import Path

import pytest

from fvg_platform import research
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.storage.bulk_connections import bulk_connection
from fvg_platform.storage.snapshots import export_snapshots
from fvg_platform_tests.platforms import Workplace


@pytest.mark.usefixtures("door")
def test_stored_gaps_are_those_that_the_engine_finds_in_the_stored_bars() -> None:
    bars = research.bars("IBM", "1d")
    assert len(bars) == 3270
    stored, found = research.gaps("IBM", "1d"), detect_gaps(bars, "1d")
    order = ["ts", "side"]
    stored, found = (f.sort_values(order, ignore_index=True) for f in (stored, found))
    assert stored["ts"].tolist() == found["ts"].tolist()
    assert stored["bottom"].tolist() == found["bottom"].tolist()


@pytest.mark.usefixtures("door")
def test_arrow_holds_the_same_as_pandas() -> None:
    table = research.labels("AAPL", "1h", as_="arrow")
    frame = research.labels("AAPL", "1h")
    assert table.num_rows == len(frame) > 0
    assert table.column("status").to_pylist() == frame["status"].tolist()
    assert len(research.features("AAPL", "1h")) == len(research.bars("AAPL", "1h"))


@pytest.mark.usefixtures("door")
def test_the_model_that_serves_says_again_what_was_predicted(sample: Workplace) -> None:
    said = sample.rows(
        "SELECT ts, side, p_entered, p_target_1, p_target_1_low, p_target_1_high FROM predictions "
        "WHERE (ticker, timeframe) = ('AAPL', '1m') ORDER BY ts, side"
    )
    model, known = research.model("1m"), research.setup_features("AAPL", "1m")
    rows = known.set_index(["ts", "side"]).loc[[(ts, side) for ts, side, *_ in said]]
    again = model.predict(rows)[["p_entered", "p_target_1", "p_target_1_low", "p_target_1_high"]]
    assert [tuple(row) for row in again.to_numpy().tolist()] == [tuple(p) for _, _, *p in said]
    daily = research.model("1d")
    explained = daily.explain(research.setup_features("IBM", "1d").tail(3), "entered")
    assert (explained.drop(columns="expected").abs().sum(axis=1) > 0).all()
    with pytest.raises(research.UnknownModelError, match="no version 9 of the model of 1d; there are 1 to 1"):
        research.model("1d", 9)


@pytest.mark.usefixtures("door")
def test_an_unknown_series_is_named_with_those_that_there_are() -> None:
    with pytest.raises(research.UnknownSeriesError, match="no series SPY 1h; there is AAPL 15m"):
        research.bars("SPY", "1h")
    with pytest.raises(ValueError, match="unknown timeframe '2h'"):
        research.bars("AAPL", "2h")


def test_snapshots_open_without_a_server(
    sample: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FVG_HOME", str(tmp_path / "home of nobody"))
    monkeypatch.setenv("FVG_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(
        research.MissingSnapshotsError, match=r"no folder .*snapshots: write it with `fvg export"
    ):
        research.snapshots()
    with bulk_connection(sample.url) as connection:
        export_snapshots(connection, tmp_path / "home of nobody" / "snapshots", tickers=["IBM"])
    files = research.snapshots()
    bars = files.bars.frame("IBM", "1d")
    assert len(bars) == 3270
    assert str(bars["ts"].dtype) == "datetime64[us, UTC]"
    found = detect_gaps(bars.drop(columns=["ticker", "timeframe"]), "1d")
    assert sorted(files.gaps.frame("IBM", "1d")["bottom"]) == sorted(found["bottom"])
    joined = files.query(
        "SELECT count(*) FROM labels JOIN setups USING (ticker, timeframe, ts, side, config_id)"
    )
    assert joined.fetchall() == [(len(files.labels.arrow()),)]
    by_timeframe = files.bars.relation("IBM").aggregate("timeframe, count(*), min(ts), max(ts)").fetchall()
    assert {timeframe: count for timeframe, count, *_ in by_timeframe}["1d"] == 3270
    assert len(files.query("SELECT * FROM gaps JOIN labels USING (ticker, timeframe, ts, side)").df()) > 0
    ((newest,),) = files.bars.relation("IBM", "1d").aggregate("max(ts)").fetchall()
    assert newest.isoformat() == bars["ts"].iloc[-1].isoformat()
    assert newest.utcoffset().total_seconds() == 0
