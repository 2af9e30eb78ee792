"""Bars from a vendor: how far each series is, the universe, splits, and what coverage and cross-checks found."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003_ingestion"
down_revision = "0002_append_only"
branch_labels = None
depends_on = None

# In a transaction that says so, retention may empty the features of a prediction, and change nothing else of it.
REFUSE_ALL_BUT_THINNING = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('fvg.thin_predictions', true) = 'on' THEN
        IF NEW.features = '{}'::jsonb AND to_jsonb(NEW) - 'features' = to_jsonb(OLD) - 'features' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the table % is append-only: what was predicted stays as it was said', TG_TABLE_NAME;
END $$
"""
REFUSE = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the table % is append-only: what was predicted stays as it was said', TG_TABLE_NAME;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "bar_flags",
        sa.Column("ticker", sa.Text(), nullable=False, comment="symbol of the instrument"),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="1m is a minute, 1mo a month"),
        sa.Column(
            "ts",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="open time of the bar; of a gap, its third bar",
        ),
        sa.Column("flag", sa.Text(), nullable=False, comment="outlier, stale or volume_spike"),
        sa.Column(
            "score", sa.Double(), nullable=False, comment="how strange: robust deviations, or bars in a row"
        ),
        sa.Column(
            "lineage_id",
            sa.BigInteger(),
            nullable=False,
            comment="which run last changed the row, see lineage",
        ),
        sa.CheckConstraint("flag IN ('outlier', 'stale', 'volume_spike')", name=op.f("ck_bar_flags_flag")),
        sa.PrimaryKeyConstraint("ticker", "timeframe", "ts", "flag", name=op.f("pk_bar_flags")),
        comment="Clean bars that look strange: flagged for a person, never deleted.",
    )
    op.create_table(
        "ingestion_state",
        sa.Column("ticker", sa.Text(), nullable=False, comment="symbol of the instrument"),
        sa.Column("timeframe", sa.Text(), nullable=False, comment="1m is a minute, 1mo a month"),
        sa.Column("source", sa.Text(), nullable=False, comment="where the bars come from"),
        sa.Column("configuration", sa.Text(), nullable=False, comment="the settings that were in force"),
        sa.Column(
            "from_ts",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="the first open time that was asked for",
        ),
        sa.Column(
            "watermark",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="every complete bar that opens before it is committed",
        ),
        sa.Column(
            "data_revision",
            sa.BigInteger(),
            server_default=sa.text("1"),
            nullable=False,
            comment="rises when the whole history is fetched anew",
        ),
        sa.Column(
            "splits_applied",
            sa.Text(),
            nullable=False,
            comment="the splits that the stored history is adjusted for",
        ),
        sa.Column(
            "verified",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="after its last whole reading the history's first bars were read again and were the same",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row was written",
        ),
        sa.CheckConstraint("from_ts <= watermark", name=op.f("ck_ingestion_state_watermark")),
        sa.PrimaryKeyConstraint("ticker", "timeframe", name=op.f("pk_ingestion_state")),
        comment="How far each series of a vendor is committed; it moves only with the rows before it.",
    )
    op.create_table(
        "splits",
        sa.Column("ticker", sa.Text(), nullable=False, comment="symbol of the instrument"),
        sa.Column(
            "execution_date",
            sa.Date(),
            nullable=False,
            comment="exchange day from whose open on the new shares trade",
        ),
        sa.Column("split_from", sa.Double(), nullable=False, comment="shares before, for split_to after"),
        sa.Column("split_to", sa.Double(), nullable=False, comment="shares after, for split_from before"),
        sa.Column("source", sa.Text(), nullable=False, comment="where the bars come from"),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the platform first read it",
        ),
        sa.CheckConstraint("split_from > 0 AND split_to > 0", name=op.f("ck_splits_ratio")),
        sa.PrimaryKeyConstraint("ticker", "execution_date", name=op.f("pk_splits")),
        comment="Share splits in force, as the vendor states them; adjusted history changes with each.",
    )
    op.create_table(
        "universe_log",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="number of the row"
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="where the bars come from"),
        sa.Column("run_id", sa.Text(), nullable=False, comment="Dagster's run that wrote it"),
        sa.Column(
            "listed",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="the source's market has it now; in universe_log: how many it has",
        ),
        sa.Column(
            "chosen",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="how many belong to the universe",
        ),
        sa.Column(
            "added",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="tickers that came into the universe",
        ),
        sa.Column(
            "retired", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="tickers that left it"
        ),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when it ended",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_universe_log")),
        comment="Every reading of the universe: how much is listed and chosen, who came and who went.",
    )
    op.create_index(op.f("ix_universe_log_source_at"), "universe_log", ["source", "at"], unique=False)
    op.create_table(
        "ratelimit___polygon",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="number of the row"
        ),
        sa.Column("name", sa.String(), nullable=True, comment="what the call was made for"),
        sa.Column("weight", sa.SmallInteger(), nullable=True, comment="how many calls it counts as"),
        sa.Column("item_timestamp", sa.DateTime(), nullable=True, comment="when it was allowed, in UTC"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ratelimit___polygon")),
        comment="Calls to the vendor within the last window of its limit, by all processes; see storage.call_window.",
    )
    op.create_index("timestampindex_polygon", "ratelimit___polygon", ["item_timestamp"], unique=False)
    op.create_table(
        "series_comparisons",
        sa.Column("ticker", sa.Text(), nullable=False, comment="symbol of the instrument"),
        sa.Column("fine", sa.Text(), nullable=False, comment="timeframe that is aggregated"),
        sa.Column("coarse", sa.Text(), nullable=False, comment="timeframe that it is held against"),
        sa.Column(
            "compared",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="coarser bars of which the finer series has every bar",
        ),
        sa.Column(
            "differing",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="of these, beyond the tolerance",
        ),
        sa.Column(
            "worst_ts", sa.DateTime(timezone=True), nullable=True, comment="the coarser bar that differs most"
        ),
        sa.Column("worst_column", sa.Text(), nullable=True, comment="in which column"),
        sa.Column("worst_difference", sa.Double(), nullable=True, comment="relative difference there"),
        sa.Column(
            "fine_revision",
            sa.BigInteger(),
            nullable=False,
            comment="revision of the finer series that was compared",
        ),
        sa.Column(
            "coarse_revision",
            sa.BigInteger(),
            nullable=False,
            comment="revision of the coarser series that was compared",
        ),
        sa.Column(
            "compared_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when it was compared",
        ),
        sa.ForeignKeyConstraint(["ticker"], ["symbols.ticker"], name=op.f("fk_series_comparisons_ticker")),
        sa.PrimaryKeyConstraint("ticker", "fine", "coarse", name=op.f("pk_series_comparisons")),
        comment="Whether coarser bars equal the aggregate of the finer ones, per pair of a ticker's own series.",
    )
    op.add_column(
        "bar_gaps",
        sa.Column(
            "kind",
            sa.Text(),
            server_default=sa.text("'unknown'"),
            nullable=False,
            comment="untraded: coarser bars show no volume there; lost: they do; unknown: nothing tells",
        ),
    )
    op.add_column(
        "ingestion_log",
        sa.Column(
            "calls",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="requests made to the vendor",
        ),
    )
    op.add_column(
        "ingestion_log",
        sa.Column(
            "data_revision",
            sa.BigInteger(),
            server_default=sa.text("1"),
            nullable=False,
            comment="revision of the series' rows in the asset after the write",
        ),
    )
    op.add_column(
        "series",
        sa.Column(
            "untraded",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="missing bars in which nothing was traded, as coarser bars show",
        ),
    )
    op.add_column(
        "symbols",
        sa.Column(
            "listed",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="the source's market has it now; in universe_log: how many it has",
        ),
    )
    op.add_column(
        "symbols",
        sa.Column(
            "dollar_volume",
            sa.Double(),
            nullable=True,
            comment="what was traded on the day that ranks, in the quote currency",
        ),
    )
    op.add_column(
        "symbols",
        sa.Column(
            "volume_rank",
            sa.Integer(),
            nullable=True,
            comment="1 for the largest dollar volume of the market",
        ),
    )
    op.alter_column(
        "symbols",
        "active",
        existing_type=sa.BOOLEAN(),
        comment="in the universe that is offered now; false: retired, or listed and never chosen",
        existing_comment="offered by the source now; false: retired",
        existing_nullable=False,
        existing_server_default=sa.text("true"),
    )
    op.create_table_comment(
        "symbols",
        "Every ticker of the market; those of the universe are active, retired ones are kept.",
        existing_comment="The universe: every ticker that the source offers; retired ones are kept.",
        schema=None,
    )
    op.create_check_constraint(
        op.f("ck_bar_gaps_kind"), "bar_gaps", "kind IN ('unknown', 'untraded', 'lost')"
    )
    op.drop_constraint(op.f("ck_ingestion_log_status"), "ingestion_log")
    op.create_check_constraint(
        op.f("ck_ingestion_log_status"), "ingestion_log", "status IN ('SUCCESS', 'PARTIAL', 'FAILED')"
    )
    op.execute(REFUSE_ALL_BUT_THINNING)


def downgrade() -> None:
    op.execute(REFUSE)
    op.drop_constraint(op.f("ck_ingestion_log_status"), "ingestion_log")
    op.execute("UPDATE ingestion_log SET status = 'SUCCESS' WHERE status = 'PARTIAL'")
    op.create_check_constraint(
        op.f("ck_ingestion_log_status"), "ingestion_log", "status IN ('SUCCESS', 'FAILED')"
    )
    op.create_table_comment(
        "symbols",
        "The universe: every ticker that the source offers; retired ones are kept.",
        existing_comment="Every ticker of the market; those of the universe are active, retired ones are kept.",
        schema=None,
    )
    op.alter_column(
        "symbols",
        "active",
        existing_type=sa.BOOLEAN(),
        comment="offered by the source now; false: retired",
        existing_comment="in the universe that is offered now; false: retired, or listed and never chosen",
        existing_nullable=False,
        existing_server_default=sa.text("true"),
    )
    op.drop_column("symbols", "volume_rank")
    op.drop_column("symbols", "dollar_volume")
    op.drop_column("symbols", "listed")
    op.drop_column("series", "untraded")
    op.drop_column("ingestion_log", "data_revision")
    op.drop_column("ingestion_log", "calls")
    op.drop_column("bar_gaps", "kind")
    op.drop_table("series_comparisons")
    op.drop_index(op.f("ix_universe_log_source_at"), table_name="universe_log")
    op.drop_table("universe_log")
    op.drop_index("timestampindex_polygon", table_name="ratelimit___polygon")
    op.drop_table("ratelimit___polygon")
    op.drop_table("splits")
    op.drop_table("ingestion_state")
    op.drop_table("bar_flags")
