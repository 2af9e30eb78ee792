"""Where rows come from, what the market is, its bars as they arrived and as they are used."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.storage.tables.columns import (
    BAR_KEY,
    JSON,
    SERIES_KEY,
    Time,
    bar_values,
    bulk_lineage,
    count,
    lineage_of,
    metadata,
    now,
    number,
    primary,
    refers,
    series_columns,
    text,
    time,
)

lineage = sa.Table(
    "lineage",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    text("run_id"),
    text("asset"),
    sa.Column("ticker", sa.Text),
    sa.Column("timeframe", sa.Text),
    text("code_version"),
    sa.Column("configuration", JSONB),
    sa.Column("data_revision", sa.BigInteger, nullable=False),
    now("written_at"),
    comment="Which run last changed a row: run, asset, code version, configuration and data revision.",
)

symbols = sa.Table(
    "symbols",
    metadata,
    text("ticker", primary_key=True),
    text("name"),
    text("asset_class"),
    text("source"),
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("listed", sa.Boolean, nullable=False, server_default=sa.true()),
    number("dollar_volume"),
    sa.Column("volume_rank", sa.Integer),
    lineage_of(),
    sa.CheckConstraint("asset_class IN ('equity', 'fx', 'crypto')", name="asset_class"),
    comment="Every ticker of the market; those of the universe are active, retired ones are kept.",
)

universe_log = sa.Table(
    "universe_log",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    text("source"),
    text("run_id"),
    count("listed"),
    count("chosen"),
    sa.Column("added", JSONB, nullable=False),
    sa.Column("retired", JSONB, nullable=False),
    now("at"),
    sa.Index(None, "source", "at"),
    comment="Every reading of the universe: how much is listed and chosen, who came and who went.",
)

splits = sa.Table(
    "splits",
    metadata,
    text("ticker"),
    sa.Column("execution_date", sa.Date, nullable=False),
    number("split_from", nullable=False),
    number("split_to", nullable=False),
    text("source"),
    now("seen_at"),
    primary("ticker", "execution_date"),
    sa.CheckConstraint("split_from > 0 AND split_to > 0", name="ratio"),
    comment="Share splits in force, as the vendor states them; adjusted history changes with each.",
)

series = sa.Table(
    "series",
    metadata,
    *series_columns(),
    text("asset_class"),
    text("adjustment"),
    text("anchor"),
    text("session"),
    text("source"),
    sa.Column("resampled_from", sa.Text, comment="NULL for a series of the source's own"),
    count("expected"),
    count("present"),
    count("missing"),
    count("unexpected"),
    count("untraded"),
    count("longest_hole"),
    primary(*SERIES_KEY),
    refers(("ticker",), "symbols"),
    sa.CheckConstraint("timeframe IN ({})".format(", ".join(f"'{t}'" for t in TIMEFRAMES)), name="timeframe"),
    sa.CheckConstraint("adjustment IN ('raw', 'split', 'total')", name="adjustment"),
    sa.CheckConstraint("anchor IN ('session', 'clock')", name="anchor"),
    sa.CheckConstraint("session IN ('regular', 'extended')", name="session"),
    comment="One row per series: its basis, where its bars come from and how complete they are.",
)

series_status = sa.Table(
    "series_status",
    metadata,
    *series_columns(),
    text("asset"),
    text("state"),
    sa.Column("reason", sa.Text),
    sa.Column(
        "fingerprint", sa.Text, comment="of the inputs, code and configuration that the rows came from"
    ),
    count("revision"),
    count("rows"),
    time("first_ts", nullable=True),
    time("last_ts", nullable=True),
    sa.Column("inputs", JSON, comment="what the fingerprint was made from, and the revisions upstream"),
    sa.Column("memory", JSON, comment="what the asset must know of earlier rows to go on after the last"),
    text("run_id"),
    now("updated_at"),
    primary(*SERIES_KEY, "asset"),
    sa.CheckConstraint("state IN ('ok', 'failed', 'blocked')", name="state"),
    sa.Index(None, "asset", "state"),
    comment="How each series stands in each asset; what lies downstream skips a series that is not ok.",
)

series_changes = sa.Table(
    "series_changes",
    metadata,
    *series_columns(),
    text("asset"),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column(
        "changed_from", Time, comment="no row before it differs from the revision before; NULL: any may"
    ),
    primary(*SERIES_KEY, "asset", "revision"),
    comment="From when on each of the newest revisions of a series differs: what follows goes on from there.",
)

vendor_calls = sa.Table(
    "ratelimit___polygon",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("name", sa.String, comment="what the call was made for"),
    sa.Column("weight", sa.SmallInteger, comment="how many calls it counts as"),
    sa.Column("item_timestamp", sa.DateTime, comment="when it was allowed, in UTC"),
    sa.Index("timestampindex_polygon", "item_timestamp"),
    comment="Calls to the vendor within the last window of its limit, by all processes; see storage.call_window.",
)

ingestion_state = sa.Table(
    "ingestion_state",
    metadata,
    *series_columns(),
    text("source"),
    text("configuration"),
    sa.Column("from_ts", Time, nullable=False, comment="the first open time that was asked for"),
    time("watermark"),
    sa.Column(
        "data_revision",
        sa.BigInteger,
        nullable=False,
        server_default=sa.text("1"),
        comment="rises when the whole history is fetched anew",
    ),
    text("splits_applied"),
    sa.Column(
        "verified",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="after its last whole reading the history's first bars were read again and were the same",
    ),
    now("updated_at"),
    primary(*SERIES_KEY),
    sa.CheckConstraint("from_ts <= watermark", name="watermark"),
    comment="How far each series of a vendor is committed; it moves only with the rows before it.",
)

ingestion_log = sa.Table(
    "ingestion_log",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    *series_columns(),
    text("source"),
    text("run_id"),
    time("from_ts", nullable=True),
    time("to_ts", nullable=True),
    count("rows_fetched"),
    count("rows_new"),
    count("rows_changed"),
    count("rows_removed"),
    count("out_of_order"),
    count("calls"),
    sa.Column("data_revision", sa.BigInteger, nullable=False, server_default=sa.text("1")),
    number("seconds", nullable=False),
    text("status"),
    sa.Column("error", sa.Text),
    now("at"),
    sa.CheckConstraint("status IN ('SUCCESS', 'PARTIAL', 'FAILED')", name="status"),
    sa.Index(None, "ticker", "timeframe", "at"),
    comment="Every read from a source: the window, the rows and how it ended.",
)

raw_bars = sa.Table(
    "raw_bars",
    metadata,
    *series_columns(),
    time("ts"),
    sa.Column("seq", sa.Integer, nullable=False, comment="0 for the first row of its time to arrive"),
    *bar_values(nullable=True),
    bulk_lineage(),
    primary(*BAR_KEY, "seq"),
    comment="Bars as the source gave them, duplicates and faults included.",
)

market_data = sa.Table(
    "market_data",
    metadata,
    *series_columns(),
    time("ts"),
    *bar_values(nullable=False),
    bulk_lineage(),
    primary(*BAR_KEY),
    comment="Clean bars: those of the source, and those resampled from finer clean ones.",
)

bar_quarantine = sa.Table(
    "bar_quarantine",
    metadata,
    *series_columns(),
    time("ts"),
    sa.Column("seq", sa.Integer, nullable=False),
    text("reason"),
    *bar_values(nullable=True),
    bulk_lineage(),
    primary(*BAR_KEY, "seq"),
    comment="Rows that cleaning refused, with the reason.",
)

bar_gaps = sa.Table(
    "bar_gaps",
    metadata,
    *series_columns(),
    time("from_ts"),
    time("to_ts"),
    sa.Column("missing", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, server_default=sa.text("'unknown'")),
    bulk_lineage(),
    primary(*SERIES_KEY, "from_ts"),
    sa.CheckConstraint("kind IN ('unknown', 'untraded', 'lost')", name="kind"),
    comment="Runs of bars that the exchange calendar expects and the series lacks.",
)

bar_flags = sa.Table(
    "bar_flags",
    metadata,
    *series_columns(),
    time("ts"),
    sa.Column("flag", sa.Text, nullable=False, comment="outlier, stale or volume_spike"),
    number("score", nullable=False),
    bulk_lineage(),
    primary(*BAR_KEY, "flag"),
    sa.CheckConstraint("flag IN ('outlier', 'stale', 'volume_spike')", name="flag"),
    comment="Clean bars that look strange: flagged for a person, never deleted.",
)

series_comparisons = sa.Table(
    "series_comparisons",
    metadata,
    text("ticker"),
    text("fine"),
    text("coarse"),
    count("compared"),
    count("differing"),
    time("worst_ts", nullable=True),
    sa.Column("worst_column", sa.Text),
    number("worst_difference"),
    sa.Column("fine_revision", sa.BigInteger, nullable=False),
    sa.Column("coarse_revision", sa.BigInteger, nullable=False),
    now("compared_at"),
    primary("ticker", "fine", "coarse"),
    refers(("ticker",), "symbols"),
    comment="Whether coarser bars equal the aggregate of the finer ones, per pair of a ticker's own series.",
)
