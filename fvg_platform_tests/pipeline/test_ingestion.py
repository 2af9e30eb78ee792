"""From a vendor into raw_bars: complete, resumed where it stopped, and of one adjustment, whatever happens."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fvg_platform.pipeline.ingestion import MOST_READINGS, Ingested, Span, ingest_series, plan_series
from fvg_platform.sources.base import VendorError, VendorPlanError
from fvg_platform.storage import ingestion as store
from fvg_platform.storage import series_status
from fvg_platform.storage.database import Database
from fvg_platform.storage.series_status import Status
from fvg_platform_tests.pipeline.made_up_vendor import END, INFO, START, MadeUpVendor
from fvg_platform_tests.platforms import Workplace

MIDDLE = pd.Timestamp("2024-02-20", tz="UTC")


@pytest.fixture
def database(workplace: Workplace) -> Iterator[Database]:
    database = Database(workplace.home, workplace.url)
    yield database
    database.close()


def read(database: Database, vendor: MadeUpVendor, splits: str = "", span: Span | None = None) -> Ingested:
    return ingest_series(database, vendor, INFO, splits, "run", span=span)


def stored(workplace: Workplace) -> list[tuple]:
    return workplace.rows("SELECT ts, seq, open, high, low, close, volume FROM raw_bars ORDER BY ts, seq")


def rows_of(bars: pd.DataFrame) -> list[tuple]:
    rows = bars.assign(seq=0)[["ts", "seq", "open", "high", "low", "close", "volume"]]
    return [tuple(row) for row in rows.itertuples(index=False)]


def log(workplace: Workplace) -> list[tuple]:
    return workplace.rows("SELECT status, rows_new, rows_changed, calls FROM ingestion_log ORDER BY id")


def test_a_first_reading_is_complete_and_every_window_is_logged(
    workplace: Workplace, database: Database
) -> None:
    vendor = MadeUpVendor()
    plan = plan_series(database, vendor, INFO, "", Span())
    assert len(plan.windows) == 10
    assert vendor.calls == [], "a plan asks for nothing"

    done = read(database, vendor)
    assert stored(workplace) == rows_of(vendor.known())
    assert (done.state.from_ts, done.state.watermark, done.state.verified) == (START, END, True)
    assert done.written.inserted == done.fetched - len(stored_again(vendor)) == len(vendor.known())
    assert [status for status, *_ in log(workplace)] == ["SUCCESS"] * 10
    assert sum(new for _, new, *_ in log(workplace)) == len(vendor.known())


def stored_again(vendor: MadeUpVendor) -> pd.DataFrame:
    """What the look at the history's beginning read a second time."""
    last = vendor.calls[-1]
    known = vendor.known()
    return known[(known["ts"] >= last.start) & (known["ts"] < last.end)]


def test_a_refresh_with_nothing_new_reads_the_overlap_and_writes_nothing(
    workplace: Workplace, database: Database
) -> None:
    vendor = MadeUpVendor()
    first = read(database, vendor)
    vendor.calls.clear()
    again = read(database, vendor)
    assert len(vendor.calls) == 1
    assert vendor.calls[0].start >= END - pd.Timedelta(days=9)
    assert (again.written.changed, again.state.data_revision) == (0, first.state.data_revision)


def test_it_goes_on_where_it_stopped(workplace: Workplace, database: Database) -> None:
    vendor = MadeUpVendor()
    vendor.fail_at(4)
    with pytest.raises(VendorError, match="call 4"):
        read(database, vendor)
    with database.bulk() as connection:
        state = store.read_state(connection, *INFO_KEY)
    assert state is not None
    assert state.watermark == vendor.calls[2].end
    assert max(row[0] for row in stored(workplace)) < state.watermark, "no bar lies beyond the watermark"
    assert log(workplace)[-1][0] == "FAILED"

    vendor.calls.clear()
    vendor.fail_at()
    read(database, vendor)
    assert stored(workplace) == rows_of(vendor.known())
    # Seven windows that are left, the overlap, and a look at the beginning: not all ten again.
    assert len(vendor.calls) <= 9
    assert sum(new for _, new, *_ in log(workplace)) == len(vendor.known()), "nothing was written twice"


INFO_KEY = (INFO.ticker, INFO.timeframe)


def test_history_that_a_split_has_changed_is_read_anew_as_a_whole(
    workplace: Workplace, database: Database
) -> None:
    vendor = MadeUpVendor(now=MIDDLE)
    before = read(database, vendor)
    vendor.now = END
    vendor.split(MIDDLE, 5.0)
    after = read(database, vendor)
    assert stored(workplace) == rows_of(vendor.known())
    assert after.state.data_revision > before.state.data_revision
    (told,) = workplace.rows("SELECT error FROM ingestion_log WHERE status = 'PARTIAL'")
    assert "adjusted for a split" in told[0]
    assert "by 5)" in told[0]


def test_a_split_that_the_overlap_does_not_show_is_known_from_the_reference(
    workplace: Workplace, database: Database
) -> None:
    vendor = MadeUpVendor()
    read(database, vendor, splits="2020-01-02 1:2")
    vendor.split(START + pd.Timedelta(days=20), 0.1)
    read(database, vendor, splits="2020-01-02 1:2")
    assert stored(workplace) != rows_of(vendor.known()), "old history is not read again every day"
    read(database, vendor, splits="2020-01-02 1:2; 2024-01-21 10:1")
    assert stored(workplace) == rows_of(vendor.known())


@pytest.mark.parametrize("call", range(2, 12))
def test_a_reverse_split_in_the_middle_of_a_backfill(
    call: int, workplace: Workplace, database: Database
) -> None:
    vendor = MadeUpVendor()

    def overnight(number: int) -> None:
        if number == call:
            vendor.split(MIDDLE, 10.0)

    vendor.before_call = overnight
    read(database, vendor)
    assert stored(workplace) == rows_of(vendor.known())


def test_while_history_is_read_anew_nothing_downstream_may_use_it(
    workplace: Workplace, database: Database
) -> None:
    vendor = MadeUpVendor(now=MIDDLE)
    read(database, vendor)
    with database.bulk() as connection:
        series_status.write_status(connection, Status(*INFO_KEY, "raw_bars", "ok", "run", fingerprint="f"))
        connection.commit()
    vendor.split(MIDDLE, 5.0)
    vendor.fail_at(len(vendor.calls) + 3)
    with pytest.raises(VendorError):
        read(database, vendor)
    ((state, reason),) = workplace.rows("SELECT state, reason FROM series_status WHERE asset = 'raw_bars'")
    assert state == "failed"
    assert "read anew" in reason
    vendor.fail_at()
    read(database, vendor)
    assert stored(workplace) == rows_of(vendor.known())


def test_a_history_that_never_rests_is_an_error(workplace: Workplace, database: Database) -> None:
    vendor = MadeUpVendor()

    def every_night(number: int) -> None:
        if number % 3 == 0:
            vendor.split(MIDDLE, 2.0)

    vendor.before_call = every_night
    with pytest.raises(VendorError, match=f"UVXY.1h.*changed {MOST_READINGS} times"):
        read(database, vendor)


def test_a_correction_of_a_young_bar_changes_that_bar(workplace: Workplace, database: Database) -> None:
    vendor = MadeUpVendor()
    first = read(database, vendor)
    vendor.calls.clear()
    vendor.bars = vendor.bars.copy()
    vendor.bars.loc[len(vendor.bars) - 2, "close"] *= 1.0001
    again = read(database, vendor)
    assert len(vendor.calls) == 1
    assert (again.written.updated, again.written.inserted) == (1, 0)
    assert again.state.data_revision == first.state.data_revision + 1
    assert stored(workplace) == rows_of(vendor.known())


def test_earlier_history_is_added_without_a_hole(workplace: Workplace, database: Database) -> None:
    vendor = MadeUpVendor()
    read(database, vendor, span=Span(start=MIDDLE))
    assert stored(workplace)[0][0] >= MIDDLE
    calls = len(vendor.calls)
    vendor.fail_at(calls + 3)
    with pytest.raises(VendorError):
        read(database, vendor, span=Span(start=START))
    with database.bulk() as connection:
        state = store.read_state(connection, *INFO_KEY)
    assert state is not None
    known = vendor.known()
    assert stored(workplace) == rows_of(known[known["ts"] >= state.from_ts]), "what is committed has no hole"
    vendor.fail_at()
    read(database, vendor, span=Span(start=START))
    assert stored(workplace) == rows_of(known)


def test_another_basis_reads_everything_anew(workplace: Workplace, database: Database) -> None:
    vendor = MadeUpVendor()
    first = read(database, vendor)
    raw = replace(INFO, basis=replace(INFO.basis, adjustment="raw"))
    vendor.split(MIDDLE, 3.0)
    second = ingest_series(database, vendor, raw, "", "run")
    assert stored(workplace) == rows_of(vendor.known())
    assert second.state.data_revision > first.state.data_revision


def test_what_the_plan_no_longer_reaches_is_given_up_when_history_is_read_anew(
    workplace: Workplace, database: Database
) -> None:
    vendor = MadeUpVendor()
    read(database, vendor)
    vendor.first = pd.Timestamp("2024-02-01", tz="UTC")  # the plan's years have moved on
    vendor.split(MIDDLE, 2.0)
    done = read(database, vendor, splits="2024-02-20 2:1")
    known = vendor.known()
    assert stored(workplace) == rows_of(known[known["ts"] >= vendor.first])
    assert done.state.from_ts == vendor.first
    with pytest.raises(VendorPlanError):
        read(database, vendor, splits="2024-02-20 2:1", span=Span(start=START, full=True))


def test_a_series_that_the_vendor_does_not_have_is_told(database: Database) -> None:
    vendor = MadeUpVendor(bars=MadeUpVendor().bars.head(0))
    with pytest.raises(VendorError, match=r"made_up has no UVXY 1h bars from 2024-01-01 to 2024-04-01"):
        read(database, vendor)


def test_a_vendor_that_forgets_what_it_gave_removes_nothing(workplace: Workplace, database: Database) -> None:
    vendor = MadeUpVendor()
    read(database, vendor)
    before = stored(workplace)
    vendor.bars = vendor.bars[vendor.bars["ts"] < END - pd.Timedelta(days=20)]
    with pytest.raises(VendorError, match=r"gave no bar from 2024-03-24.* where it gave \d+ before"):
        read(database, vendor)
    assert stored(workplace) == before
    read(database, vendor, span=Span(full=True))
    assert stored(workplace) == rows_of(vendor.known()), "a person may take its word for it"


def test_the_whole_history_anew_from_a_day_keeps_what_was_before_it(
    workplace: Workplace, database: Database
) -> None:
    vendor = MadeUpVendor()
    read(database, vendor)
    read(database, vendor, span=Span(start=MIDDLE, full=True))
    assert stored(workplace) == rows_of(vendor.known())


def test_two_at_once_queue_and_the_second_has_little_to_do(workplace: Workplace, database: Database) -> None:
    vendor = MadeUpVendor()
    said: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        both = [
            pool.submit(ingest_series, database, vendor, INFO, "", "run", say=said.append) for _ in range(2)
        ]
        done = [future.result() for future in both]
    assert stored(workplace) == rows_of(vendor.known())
    assert sorted(each.written.inserted for each in done) == [0, len(vendor.known())]
    assert said == ["UVXY|1h is being read by another run: waiting for it"]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_happens_the_rows_end_as_if_nothing_had(
    data: st.DataObject, workplace: Workplace, database: Database
) -> None:
    """Failures at any call, splits before any call, and time that goes on between the attempts."""
    with database.bulk() as connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE raw_bars, ingestion_state, ingestion_log, series_status")
        connection.commit()
    vendor = MadeUpVendor(now=START + pd.Timedelta(days=data.draw(st.integers(5, 60))))
    splits = ""
    for _attempt in range(data.draw(st.integers(1, 4))):
        base = len(vendor.calls)
        fails = {base + n for n in data.draw(st.sets(st.integers(1, 12), max_size=2))}
        divides = {base + n for n in data.draw(st.sets(st.integers(1, 12), max_size=1))}

        def happen(number: int, fails: set[int] = fails, divides: set[int] = divides) -> None:
            if number in divides:
                vendor.split(vendor.now, 2.0)
            if number in fails:
                raise VendorError("no answer")

        vendor.before_call = happen
        try:
            read(database, vendor, splits)
        except VendorError:
            pass
        else:
            assert stored(workplace) == rows_of(vendor.known())
        vendor.now += pd.Timedelta(days=data.draw(st.integers(0, 10)))
    vendor.before_call = lambda _number: None
    read(database, vendor, splits)
    assert stored(workplace) == rows_of(vendor.known())
