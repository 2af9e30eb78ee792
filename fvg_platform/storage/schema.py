"""The tables of the platform: the single description of the schema.

Alembic migrations create exactly this; a test holds the two against each other. Prices and volumes are double
precision, times are `timestamptz`. A series is one ticker in one timeframe; a bar, gap, setup or label is keyed
by its series and the open time of its bar (`ts`), never by a position. `lineage_id` says which run last changed
a row. Bars carry no foreign keys, which a bulk load would check row by row; the one transaction
that writes a series writes its row in `series` too.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB

from fvg_platform.features.catalogue import FEATURES, SETUP_FEATURES
from fvg_platform.fvg.context_columns import CONTEXT_COLUMNS
from fvg_platform.fvg.modes import RULES
from fvg_platform.fvg.statistics_columns import STATISTIC_COLUMNS
from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.storage.column_meanings import MEANINGS

DIALECT = postgresql.dialect()
_JSON = JSONB(none_as_null=True)

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


def _text(name: str, *, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, primary_key=primary_key)


def _number(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Double, nullable=nullable)


def _count(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text("0"))


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Time, nullable=nullable)


def _now(name: str) -> sa.Column[Any]:
    return sa.Column(name, Time, nullable=False, server_default=sa.func.now())


def _lineage() -> sa.Column[Any]:
    return sa.Column("lineage_id", sa.BigInteger, sa.ForeignKey("lineage.id"), nullable=False)


def _bulk_lineage() -> sa.Column[Any]:
    """The lineage of a bulk-loaded row: the id without a foreign key, for the reason given in the module's head."""
    return sa.Column("lineage_id", sa.BigInteger, nullable=False)


def _series_columns() -> list[sa.Column[Any]]:
    return [_text("ticker"), _text("timeframe")]


def _lifecycle() -> list[sa.Column[Any]]:
    """When price came back to a zone; looks forward and is never a feature."""
    events = ("touched", "half_filled", "filled", "inverted")
    return [*[_time(f"{event}_ts", nullable=True) for event in events], _number("depth", nullable=False)]


def _open_zones(table: str) -> sa.Index:
    """Finds what can still change without a look at the rest: a zone whose far edge was closed through is settled."""
    return sa.Index(f"ix_{table}_open", *SERIES_KEY, "ts", postgresql_where=sa.text("inverted_ts IS NULL"))


def _bar_values(*, nullable: bool) -> list[sa.Column[Any]]:
    prices = [_number(name, nullable=nullable) for name in ("open", "high", "low", "close", "volume")]
    return [
        *prices,
        _number("vwap"),
        sa.Column("transactions", sa.BigInteger),
        _number("taker_buy_volume"),
    ]


def _primary(*columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns)


def _refers(columns: tuple[str, ...], table: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(columns, [f"{table}.{column}" for column in columns], ondelete=ondelete)


lineage = sa.Table(
    "lineage",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    _text("run_id"),
    _text("asset"),
    sa.Column("ticker", sa.Text),
    sa.Column("timeframe", sa.Text),
    _text("code_version"),
    sa.Column("configuration", JSONB),
    sa.Column("data_revision", sa.BigInteger, nullable=False),
    _now("written_at"),
    comment="Which run last changed a row: run, asset, code version, configuration and data revision.",
)

symbols = sa.Table(
    "symbols",
    metadata,
    _text("ticker", primary_key=True),
    _text("name"),
    _text("asset_class"),
    _text("source"),
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("listed", sa.Boolean, nullable=False, server_default=sa.true()),
    _number("dollar_volume"),
    sa.Column("volume_rank", sa.Integer),
    _lineage(),
    sa.CheckConstraint("asset_class IN ('equity', 'fx', 'crypto')", name="asset_class"),
    comment="Every ticker of the market; those of the universe are active, retired ones are kept.",
)

universe_log = sa.Table(
    "universe_log",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    _text("source"),
    _text("run_id"),
    _count("listed"),
    _count("chosen"),
    sa.Column("added", JSONB, nullable=False),
    sa.Column("retired", JSONB, nullable=False),
    _now("at"),
    sa.Index(None, "source", "at"),
    comment="Every reading of the universe: how much is listed and chosen, who came and who went.",
)

splits = sa.Table(
    "splits",
    metadata,
    _text("ticker"),
    sa.Column("execution_date", sa.Date, nullable=False),
    _number("split_from", nullable=False),
    _number("split_to", nullable=False),
    _text("source"),
    _now("seen_at"),
    _primary("ticker", "execution_date"),
    sa.CheckConstraint("split_from > 0 AND split_to > 0", name="ratio"),
    comment="Share splits in force, as the vendor states them; adjusted history changes with each.",
)

series = sa.Table(
    "series",
    metadata,
    *_series_columns(),
    _text("asset_class"),
    _text("adjustment"),
    _text("anchor"),
    _text("session"),
    _text("source"),
    sa.Column("resampled_from", sa.Text, comment="NULL for a series of the source's own"),
    _count("expected"),
    _count("present"),
    _count("missing"),
    _count("unexpected"),
    _count("untraded"),
    _count("longest_hole"),
    _primary(*SERIES_KEY),
    _refers(("ticker",), "symbols"),
    sa.CheckConstraint("timeframe IN ({})".format(", ".join(f"'{t}'" for t in TIMEFRAMES)), name="timeframe"),
    sa.CheckConstraint("adjustment IN ('raw', 'split', 'total')", name="adjustment"),
    sa.CheckConstraint("anchor IN ('session', 'clock')", name="anchor"),
    sa.CheckConstraint("session IN ('regular', 'extended')", name="session"),
    comment="One row per series: its basis, where its bars come from and how complete they are.",
)

series_status = sa.Table(
    "series_status",
    metadata,
    *_series_columns(),
    _text("asset"),
    _text("state"),
    sa.Column("reason", sa.Text),
    sa.Column(
        "fingerprint", sa.Text, comment="of the inputs, code and configuration that the rows came from"
    ),
    _count("revision"),
    _count("rows"),
    _time("first_ts", nullable=True),
    _time("last_ts", nullable=True),
    sa.Column("inputs", _JSON, comment="what the fingerprint was made from, and the revisions upstream"),
    sa.Column("memory", _JSON, comment="what the asset must know of earlier rows to go on after the last"),
    _text("run_id"),
    _now("updated_at"),
    _primary(*SERIES_KEY, "asset"),
    sa.CheckConstraint("state IN ('ok', 'failed', 'blocked')", name="state"),
    sa.Index(None, "asset", "state"),
    comment="How each series stands in each asset; what lies downstream skips a series that is not ok.",
)

series_changes = sa.Table(
    "series_changes",
    metadata,
    *_series_columns(),
    _text("asset"),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column(
        "changed_from", Time, comment="no row before it differs from the revision before; NULL: any may"
    ),
    _primary(*SERIES_KEY, "asset", "revision"),
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
    *_series_columns(),
    _text("source"),
    _text("configuration"),
    sa.Column("from_ts", Time, nullable=False, comment="the first open time that was asked for"),
    _time("watermark"),
    sa.Column(
        "data_revision",
        sa.BigInteger,
        nullable=False,
        server_default=sa.text("1"),
        comment="rises when the whole history is fetched anew",
    ),
    _text("splits_applied"),
    sa.Column(
        "verified",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="after its last whole reading the history's first bars were read again and were the same",
    ),
    _now("updated_at"),
    _primary(*SERIES_KEY),
    sa.CheckConstraint("from_ts <= watermark", name="watermark"),
    comment="How far each series of a vendor is committed; it moves only with the rows before it.",
)

ingestion_log = sa.Table(
    "ingestion_log",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    *_series_columns(),
    _text("source"),
    _text("run_id"),
    _time("from_ts", nullable=True),
    _time("to_ts", nullable=True),
    _count("rows_fetched"),
    _count("rows_new"),
    _count("rows_changed"),
    _count("rows_removed"),
    _count("out_of_order"),
    _count("calls"),
    sa.Column("data_revision", sa.BigInteger, nullable=False, server_default=sa.text("1")),
    _number("seconds", nullable=False),
    _text("status"),
    sa.Column("error", sa.Text),
    _now("at"),
    sa.CheckConstraint("status IN ('SUCCESS', 'PARTIAL', 'FAILED')", name="status"),
    sa.Index(None, "ticker", "timeframe", "at"),
    comment="Every read from a source: the window, the rows and how it ended.",
)

raw_bars = sa.Table(
    "raw_bars",
    metadata,
    *_series_columns(),
    _time("ts"),
    sa.Column("seq", sa.Integer, nullable=False, comment="0 for the first row of its time to arrive"),
    *_bar_values(nullable=True),
    _bulk_lineage(),
    _primary(*BAR_KEY, "seq"),
    comment="Bars as the source gave them, duplicates and faults included.",
)

market_data = sa.Table(
    "market_data",
    metadata,
    *_series_columns(),
    _time("ts"),
    *_bar_values(nullable=False),
    _bulk_lineage(),
    _primary(*BAR_KEY),
    comment="Clean bars: those of the source, and those resampled from finer clean ones.",
)

bar_quarantine = sa.Table(
    "bar_quarantine",
    metadata,
    *_series_columns(),
    _time("ts"),
    sa.Column("seq", sa.Integer, nullable=False),
    _text("reason"),
    *_bar_values(nullable=True),
    _bulk_lineage(),
    _primary(*BAR_KEY, "seq"),
    comment="Rows that cleaning refused, with the reason.",
)

bar_gaps = sa.Table(
    "bar_gaps",
    metadata,
    *_series_columns(),
    _time("from_ts"),
    _time("to_ts"),
    sa.Column("missing", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, server_default=sa.text("'unknown'")),
    _bulk_lineage(),
    _primary(*SERIES_KEY, "from_ts"),
    sa.CheckConstraint("kind IN ('unknown', 'untraded', 'lost')", name="kind"),
    comment="Runs of bars that the exchange calendar expects and the series lacks.",
)

bar_flags = sa.Table(
    "bar_flags",
    metadata,
    *_series_columns(),
    _time("ts"),
    sa.Column("flag", sa.Text, nullable=False, comment="outlier, stale or volume_spike"),
    _number("score", nullable=False),
    _bulk_lineage(),
    _primary(*BAR_KEY, "flag"),
    sa.CheckConstraint("flag IN ('outlier', 'stale', 'volume_spike')", name="flag"),
    comment="Clean bars that look strange: flagged for a person, never deleted.",
)

series_comparisons = sa.Table(
    "series_comparisons",
    metadata,
    _text("ticker"),
    _text("fine"),
    _text("coarse"),
    _count("compared"),
    _count("differing"),
    _time("worst_ts", nullable=True),
    sa.Column("worst_column", sa.Text),
    _number("worst_difference"),
    sa.Column("fine_revision", sa.BigInteger, nullable=False),
    sa.Column("coarse_revision", sa.BigInteger, nullable=False),
    _now("compared_at"),
    _primary("ticker", "fine", "coarse"),
    _refers(("ticker",), "symbols"),
    comment="Whether coarser bars equal the aggregate of the finer ones, per pair of a ticker's own series.",
)

engine_configs = sa.Table(
    "engine_configs",
    metadata,
    _text("config_id", primary_key=True),
    _text("mode"),
    sa.Column("configuration", JSONB, nullable=False),
    _now("first_used_at"),
    comment="Every configuration of setups that was ever used, under the hash of its content.",
)

fvg_detections = sa.Table(
    "fvg_detections",
    metadata,
    *_series_columns(),
    _time("ts"),
    sa.Column("side", sa.SmallInteger, nullable=False),
    _number("bottom", nullable=False),
    _number("top", nullable=False),
    _number("mid", nullable=False),
    _number("size", nullable=False),
    *[_number(name) for name in ("atr", "size_atr", "size_pct", "body_ratio", "volume_ratio")],
    sa.Column("spans_break", sa.Boolean),
    sa.Column("smc", sa.Boolean, nullable=False),
    sa.Column("luxalgo", sa.Boolean, nullable=False),
    _text("config_id"),
    _time("known_at"),
    *_lifecycle(),
    _bulk_lineage(),
    _primary(*GAP_KEY),
    sa.CheckConstraint("side IN (-1, 1)", name="side"),
    _open_zones("fvg_detections"),
    comment="Fair Value Gaps and their lifecycle; the lifecycle looks forward and is never a feature.",
)

fvg_zones = sa.Table(
    "fvg_zones",
    metadata,
    *_series_columns(),
    sa.Column("ts", Time, nullable=False, comment="open time of the bar at whose close the zone is known"),
    sa.Column("side", sa.SmallInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="joined, inversion or balanced"),
    sa.Column(
        "origin_ts",
        Time,
        nullable=False,
        comment="the gap it began with: first of the run, the inverted one, the older of the two",
    ),
    *[_number(name, nullable=False) for name in ("bottom", "top", "mid", "size")],
    sa.Column("members", sa.Integer, nullable=False, comment="gaps that it is made of"),
    _time("known_at"),
    *_lifecycle(),
    _bulk_lineage(),
    _primary(*GAP_KEY, "kind", "origin_ts"),
    sa.CheckConstraint("side IN (-1, 1)", name="side"),
    sa.CheckConstraint("kind IN ('joined', 'inversion', 'balanced')", name="kind"),
    _open_zones("fvg_zones"),
    comment="Zones made of gaps: joined neighbours, inverted gaps, overlaps of opposing ones (balanced price ranges).",
)

_CONTEXT_TYPES = {"number": sa.Double, "flag": sa.Boolean, "text": sa.Text}

fvg_context = sa.Table(
    "fvg_context",
    metadata,
    *_series_columns(),
    _time("ts"),
    sa.Column("side", sa.SmallInteger, nullable=False),
    _time("known_at"),
    *[sa.Column(c.name, _CONTEXT_TYPES[c.kind], comment=c.meaning) for c in CONTEXT_COLUMNS],
    *[
        sa.Column(
            f"rule_{name}", sa.Boolean, comment="verdict of the rule: true pass, false fail, NULL unknown"
        )
        for name in RULES
    ],
    *[sa.Column(f"rules_{v}", sa.SmallInteger, nullable=False) for v in ("passed", "failed", "unknown")],
    sa.Column(
        "rule_score", sa.Double, comment="rules passed / rules passed or failed; NULL where none is known"
    ),
    _bulk_lineage(),
    _primary(*GAP_KEY),
    comment="What surrounded each gap when it became known, and what the named rules say of it.",
)

fvg_setups = sa.Table(
    "fvg_setups",
    metadata,
    *_series_columns(),
    _time("ts"),
    sa.Column("side", sa.SmallInteger, nullable=False),
    _text("config_id"),
    *[
        _number(name, nullable=False)
        for name in ("entry", "stop", "risk", "target_1", "target_2", "target_3")
    ],
    _time("known_at"),
    _bulk_lineage(),
    _primary(*SETUP_KEY),
    _refers(GAP_KEY, "fvg_detections", ondelete="CASCADE"),
    _refers(("config_id",), "engine_configs"),
    sa.Index(None, "known_at"),
    comment="The plan of each gap that qualifies: entry, stop and targets.",
)

fvg_labels = sa.Table(
    "fvg_labels",
    metadata,
    *_series_columns(),
    _time("ts"),
    sa.Column("side", sa.SmallInteger, nullable=False),
    _text("config_id"),
    _text("status"),
    _time("entry_ts", nullable=True),
    _number("entry_price"),
    *[
        column
        for k in TARGETS
        for path in PATHS
        for column in (
            sa.Column(f"outcome_{k}_{path}", sa.Text),
            _time(f"exit_ts_{k}_{path}", nullable=True),
            _number(f"r_{k}_{path}"),
        )
    ],
    *[sa.Column(f"identified_{k}", sa.Boolean) for k in TARGETS],
    *[
        sa.Column(
            f"identified_before_{k}", sa.Boolean, comment=f"identified_{k} by the series' own bars alone"
        )
        for k in TARGETS
    ],
    _number("mae_r"),
    _number("mfe_r"),
    _text("resolution"),
    sa.Column("unresolved", sa.Text, comment="why an outcome stays open: what finer bars lack"),
    sa.Column("bars_to_entry", sa.Integer),
    *[
        sa.Column(f"bars_to_exit_{k}", sa.Integer, comment="bars from the fill to the exit, worse path")
        for k in TARGETS
    ],
    _time("life_end"),
    _bulk_lineage(),
    _primary(*SETUP_KEY),
    _refers(SETUP_KEY, "fvg_setups", ondelete="CASCADE"),
    sa.Index(None, "timeframe", "status"),
    comment="What became of each setup, as an interval: lo the worse path, hi the better.",
)

fvg_statistics = sa.Table(
    "fvg_statistics",
    metadata,
    _text("mode"),
    _text("dimension"),
    _text("value"),
    _text("timeframe"),
    sa.Column("target", sa.SmallInteger, nullable=False),
    *[
        sa.Column(name, sa.BigInteger if kind == "int" else sa.Double, comment=meaning)
        for name, kind, meaning in STATISTIC_COLUMNS
    ],
    sa.Column("surrogates", sa.Integer, nullable=False, comment="draws of surrogate bars beside"),
    _text("fingerprint"),
    _lineage(),
    _primary("dimension", "value", "timeframe", "target"),
    sa.Index(None, "mode"),
    comment="What setups did, group by group, and beside it the same on surrogate bars, where there is no edge.",
)

features = sa.Table(
    "features",
    metadata,
    *_series_columns(),
    _time("ts"),
    *[sa.Column(f.name, sa.Double, comment=f"{f.formula} [{f.unit}]") for f in FEATURES],
    _bulk_lineage(),
    _primary(*BAR_KEY),
    comment="What was known about a series when a bar closed; the catalogue documents each column.",
)

setup_features = sa.Table(
    "setup_features",
    metadata,
    *_series_columns(),
    _time("ts"),
    sa.Column("side", sa.SmallInteger, nullable=False),
    _text("config_id"),
    *[sa.Column(f.name, sa.Double, comment=f"{f.formula} [{f.unit}]") for f in SETUP_FEATURES],
    *[sa.Column(f.name, sa.Double, comment=f"{f.formula} [{f.unit}]") for f in FEATURES if f.scale_free],
    _bulk_lineage(),
    _primary(*SETUP_KEY),
    _refers(SETUP_KEY, "fvg_setups", ondelete="CASCADE"),
    comment="What was known about a setup at its known_at: the gap's own facts and scale-free bar features.",
)

train_test_splits = sa.Table(
    "train_test_splits",
    metadata,
    _text("timeframe"),
    sa.Column("split_version", sa.Integer, nullable=False),
    _time("cut_ts"),
    _number("train_share", nullable=False),
    sa.Column("embargo", sa.Interval, nullable=False),
    _text("fingerprint"),
    _now("created_at"),
    sa.Column(
        "tested_by", sa.Integer, comment="the model version that used the test period; it is used once"
    ),
    _lineage(),
    _primary("timeframe", "split_version"),
    comment="One chronological cut per timeframe and version, frozen once written.",
)

train_test_config = sa.Table(
    "train_test_config",
    metadata,
    _text("timeframe"),
    sa.Column("split_version", sa.Integer, nullable=False),
    _text("ticker"),
    *[_count(name) for name in ("bars_train", "bars_test", "setups_train", "setups_purged", "setups_test")],
    _time("last_train_life_end", nullable=True),
    _time("first_test_known_at", nullable=True),
    _primary("timeframe", "split_version", "ticker"),
    _refers(("timeframe", "split_version"), "train_test_splits", ondelete="CASCADE"),
    comment="What a split gave each series: rows before and after the cut, and what was purged.",
)

models = sa.Table(
    "models",
    metadata,
    _text("timeframe"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("split_version", sa.Integer, nullable=False),
    _text("algorithm"),
    sa.Column("flag", sa.Text, comment="why the base rate is served where no model could be trained"),
    sa.Column("setups_trained", sa.Integer, nullable=False),
    sa.Column("setups_entered", sa.Integer, nullable=False),
    sa.Column(
        "setups_resolved", sa.BigInteger, nullable=False, comment="labels that existed when it was trained"
    ),
    _text("feature_set_version"),
    sa.Column("features", JSONB, nullable=False),
    sa.Column(
        "config_ids",
        _JSON,
        comment="the configurations of setups that its labels were made with, see engine_configs",
    ),
    sa.Column("hyperparameters", JSONB, nullable=False),
    sa.Column("fold_scores", JSONB, nullable=False),
    sa.Column(
        "test_metrics",
        JSONB(none_as_null=True),
        comment="NULL where the split version's test period had been used before",
    ),
    sa.Column("importances", JSONB, nullable=False),
    _text("artifact"),
    _text("sha256"),
    _now("trained_at"),
    _lineage(),
    _primary("timeframe", "version"),
    _refers(("timeframe", "split_version"), "train_test_splits"),
    sa.Index(None, "timeframe", "split_version", "sha256"),
    comment="Every model that was trained; the newest version of a timeframe is the one that is served.",
)

predictions = sa.Table(
    "predictions",
    metadata,
    *_series_columns(),
    _time("ts"),
    sa.Column("side", sa.SmallInteger, nullable=False),
    _text("config_id"),
    sa.Column("model_version", sa.Integer, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    _time("known_at"),
    *[_number(name, nullable=False) for name in ("entry", "stop", "target_1", "target_2", "target_3")],
    *[_number(name) for name in ("p_entered", "p_target_1", "p_target_2", "p_target_3")],
    sa.Column("in_sample", sa.Boolean, nullable=False),
    sa.Column("flag", sa.Text),
    sa.Column("features", JSONB, nullable=False),
    _number("latency_ms", nullable=False),
    _now("predicted_at"),
    _lineage(),
    _primary(*SETUP_KEY, "model_version"),
    sa.ForeignKeyConstraint(["timeframe", "model_version"], ["models.timeframe", "models.version"]),
    _refers(("config_id",), "engine_configs"),
    sa.Index(None, "day"),
    comment="What was said of each setup, by which model, from which values. Append-only.",
)

prediction_outcomes = sa.Table(
    "prediction_outcomes",
    metadata,
    *_series_columns(),
    _time("ts"),
    sa.Column("side", sa.SmallInteger, nullable=False),
    _text("config_id"),
    sa.Column("model_version", sa.Integer, nullable=False),
    _text("status"),
    *[sa.Column(f"outcome_{k}_{path}", sa.Text) for k in TARGETS for path in PATHS],
    *[_number(f"r_{k}_{path}") for k in TARGETS for path in PATHS],
    _time("resolved_at", nullable=True),
    _lineage(),
    _primary(*SETUP_KEY, "model_version"),
    _refers((*SETUP_KEY, "model_version"), "predictions"),
    comment="What became of each prediction, as its label resolves, however late.",
)

for _table in metadata.tables.values():
    for _column in _table.columns:
        _column.comment = _column.comment or MEANINGS.get(_column.name)
