"""What tables are made of: the metadata that holds them, keys, and the columns and constraints that many share."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB

DIALECT = postgresql.dialect()
JSON = JSONB(none_as_null=True)

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Time = sa.DateTime(timezone=True)
SERIES_KEY = ("ticker", "timeframe")
BAR_KEY = (*SERIES_KEY, "ts")
GAP_KEY = (*BAR_KEY, "side")
SETUP_KEY = (*GAP_KEY, "config_id")
TARGETS = (1, 2, 3)
PATHS = ("lo", "hi")


def text(name: str, *, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, primary_key=primary_key)


def number(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Double, nullable=nullable)


def count(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text("0"))


def time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Time, nullable=nullable)


def now(name: str) -> sa.Column[Any]:
    return sa.Column(name, Time, nullable=False, server_default=sa.func.now())


def lineage_of() -> sa.Column[Any]:
    return sa.Column("lineage_id", sa.BigInteger, sa.ForeignKey("lineage.id"), nullable=False)


def bulk_lineage() -> sa.Column[Any]:
    """The lineage of a bulk-loaded row: the id without a foreign key, for the reason given in the module's head."""
    return sa.Column("lineage_id", sa.BigInteger, nullable=False)


def series_columns() -> list[sa.Column[Any]]:
    return [text("ticker"), text("timeframe")]


def lifecycle() -> list[sa.Column[Any]]:
    """When price came back to a zone; looks forward and is never a feature."""
    events = ("touched", "half_filled", "filled", "inverted")
    return [*[time(f"{event}_ts", nullable=True) for event in events], number("depth", nullable=False)]


def open_zones(table: str) -> sa.Index:
    """Finds what can still change without a look at the rest: a zone whose far edge was closed through is settled."""
    return sa.Index(f"ix_{table}_open", *SERIES_KEY, "ts", postgresql_where=sa.text("inverted_ts IS NULL"))


def bar_values(*, nullable: bool) -> list[sa.Column[Any]]:
    prices = [number(name, nullable=nullable) for name in ("open", "high", "low", "close", "volume")]
    return [
        *prices,
        number("vwap"),
        sa.Column("transactions", sa.BigInteger),
        number("taker_buy_volume"),
    ]


def primary(*columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns)


def refers(columns: tuple[str, ...], table: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(columns, [f"{table}.{column}" for column in columns], ondelete=ondelete)
