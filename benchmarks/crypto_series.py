"""A database of its own with one series in it: minutes of a market that never closes."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fvg_platform.pipeline.market_source import MarketSource
from fvg_platform.pipeline.partitions import Series
from fvg_platform.pipeline.platform import prepare_database
from fvg_platform.sources.sample import SampleSource
from fvg_platform.storage import series_status
from fvg_platform.storage.bulk import series_transaction
from fvg_platform.storage.database import Database
from fvg_platform.storage.records import execute

SERIES = Series("BENCH", "1m")


@contextmanager
def database_with_series() -> Iterator[tuple[Database, MarketSource]]:
    """The database, and a source that is asked for nothing; both are gone afterwards."""
    home = Path(tempfile.gettempdir()) / f"fvg-bench-{uuid.uuid4().hex[:8]}"
    home.mkdir(mode=0o755)
    database = Database(home)
    try:
        prepare_database(database)
        with series_transaction(database.url, "bench") as connection:
            execute(connection, "SET LOCAL session_replication_role = replica")  # no symbol is needed here
            basis = {"asset_class": "crypto", "adjustment": "raw", "anchor": "clock", "session": "regular"}
            record = {"ticker": SERIES.ticker, "timeframe": SERIES.timeframe, "source": "bench", **basis}
            series_status.write_series(connection, record)
        yield database, MarketSource(database, open_archive=SampleSource)
    finally:
        if database.embedded is not None:
            database.embedded.stop()
        shutil.rmtree(home, ignore_errors=True)
