"""The universe of a vendor: its whole market with ranks, additions as partitions, and those who leave kept."""

from collections.abc import Sequence

import dagster as dg

from fvg_platform.definitions import build_definitions
from fvg_platform.pipeline import due
from fvg_platform.pipeline.market_source import MarketSource
from fvg_platform.pipeline.refresh import follow_universe
from fvg_platform.pipeline.stages import known_tickers
from fvg_platform.sources.base import Listing
from fvg_platform.sources.sample import SampleSource
from fvg_platform_tests.pipeline.made_up_vendor import MadeUpVendor
from fvg_platform_tests.platforms import Workplace

STORED = "SELECT ticker, active, listed, volume_rank FROM symbols ORDER BY ticker"


def listing(ticker: str, rank: int, *, chosen: bool) -> Listing:
    return Listing(ticker, ticker.title(), "equity", 1e9 / rank, rank, chosen)


def read_universe(workplace: Workplace, market: Sequence[Listing]) -> tuple[list[str], bool]:
    """The partitions after a reading of this market, and whether another reading would be due."""
    vendor = MadeUpVendor(market=list(market))
    with workplace.open() as (platform, _):
        source = MarketSource(
            platform.database, open_archive=SampleSource, open_vendor=lambda _chosen: vendor
        )
        definitions = build_definitions(resources={**platform.resources, "market_source": source})
        outcome = definitions.resolve_job_def("symbols_stage").execute_in_process(instance=platform.instance)
        assert outcome.success
        known = known_tickers(platform.instance)
        return known, due.symbols_due(platform.database, source, known)


def test_who_comes_becomes_a_partition_and_who_leaves_is_retired_and_kept(workplace: Workplace) -> None:
    first = [listing("UVXY", 2, chosen=True), listing("SPY", 1, chosen=True), listing("ZZZ", 3, chosen=False)]
    known, again = read_universe(workplace, first)
    assert (sorted(known), again) == (["SPY", "UVXY"], False)
    assert workplace.rows(STORED) == [
        ("SPY", True, True, 1),
        ("UVXY", True, True, 2),
        ("ZZZ", False, True, 3),
    ]

    # SPY falls out of the top, ZZZ is delisted, NEW is listed.
    second = [
        listing("UVXY", 1, chosen=True),
        listing("SPY", 3, chosen=False),
        listing("NEW", 2, chosen=True),
    ]
    known, _ = read_universe(workplace, second)
    assert sorted(known) == ["NEW", "SPY", "UVXY"], "what was stored of a retired ticker stays a partition"
    assert workplace.rows(STORED) == [
        ("NEW", True, True, 2),
        ("SPY", False, True, 3),
        ("UVXY", True, True, 1),
        ("ZZZ", False, False, None),
    ]
    log = workplace.rows("SELECT listed, chosen, added, retired FROM universe_log ORDER BY id")
    assert log == [(3, 2, ["SPY", "UVXY"], []), (3, 2, ["NEW"], ["SPY"])]


def test_a_market_of_ten_thousand_tickers_is_stored_once(workplace: Workplace) -> None:
    market = [listing("UVXY", 1, chosen=True)]
    market += [listing(f"T{n}", n + 2, chosen=False) for n in range(10_000)]
    read_universe(workplace, market)
    written = "SELECT count(DISTINCT lineage_id), count(*) FROM symbols"
    assert workplace.rows(written) == [(1, 10_001)]
    read_universe(workplace, market)
    assert workplace.rows(written) == [(1, 10_001)], "the same again writes nothing"


def test_a_configured_ticker_that_is_missing_makes_a_reading_due(workplace: Workplace) -> None:
    _, again = read_universe(workplace, [listing("SPY", 1, chosen=True)])
    assert again, "UVXY is wanted, and the vendor did not list it"


def test_nothing_is_read_as_long_as_the_universe_is_fresh(workplace: Workplace) -> None:
    read_universe(workplace, [listing("UVXY", 1, chosen=True)])
    vendor = MadeUpVendor()
    with workplace.open() as (platform, _):
        source = MarketSource(
            platform.database, open_archive=SampleSource, open_vendor=lambda _chosen: vendor
        )
        definitions: dg.Definitions = build_definitions(resources={"market_source": source})
        platform.resources["market_source"] = source
        assert follow_universe(platform, definitions, say=lambda _message: None) == []
