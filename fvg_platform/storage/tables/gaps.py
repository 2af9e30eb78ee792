"""Gaps, the zones made of them, their context, the setups planned from them, what became of these."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from fvg_platform.fvg.context_columns import CONTEXT_COLUMNS
from fvg_platform.fvg.modes import RULES
from fvg_platform.fvg.statistics_columns import STATISTIC_COLUMNS
from fvg_platform.storage.tables.columns import (
    GAP_KEY,
    PATHS,
    SETUP_KEY,
    TARGETS,
    Time,
    bulk_lineage,
    lifecycle,
    lineage_of,
    metadata,
    now,
    number,
    open_zones,
    primary,
    refers,
    series_columns,
    text,
    time,
)

engine_configs = sa.Table(
    "engine_configs",
    metadata,
    text("config_id", primary_key=True),
    text("mode"),
    sa.Column("configuration", JSONB, nullable=False),
    now("first_used_at"),
    comment="Every configuration of setups that was ever used, under the hash of its content.",
)

fvg_detections = sa.Table(
    "fvg_detections",
    metadata,
    *series_columns(),
    time("ts"),
    sa.Column("side", sa.SmallInteger, nullable=False),
    number("bottom", nullable=False),
    number("top", nullable=False),
    number("mid", nullable=False),
    number("size", nullable=False),
    *[number(name) for name in ("atr", "size_atr", "size_pct", "body_ratio", "volume_ratio")],
    sa.Column("spans_break", sa.Boolean),
    sa.Column("smc", sa.Boolean, nullable=False),
    sa.Column("luxalgo", sa.Boolean, nullable=False),
    text("config_id"),
    time("known_at"),
    *lifecycle(),
    bulk_lineage(),
    primary(*GAP_KEY),
    sa.CheckConstraint("side IN (-1, 1)", name="side"),
    open_zones("fvg_detections"),
    comment="Fair Value Gaps and their lifecycle; the lifecycle looks forward and is never a feature.",
)

fvg_zones = sa.Table(
    "fvg_zones",
    metadata,
    *series_columns(),
    sa.Column("ts", Time, nullable=False, comment="open time of the bar at whose close the zone is known"),
    sa.Column("side", sa.SmallInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="joined, inversion or balanced"),
    sa.Column(
        "origin_ts",
        Time,
        nullable=False,
        comment="the gap it began with: first of the run, the inverted one, the older of the two",
    ),
    *[number(name, nullable=False) for name in ("bottom", "top", "mid", "size")],
    sa.Column("members", sa.Integer, nullable=False, comment="gaps that it is made of"),
    time("known_at"),
    *lifecycle(),
    bulk_lineage(),
    primary(*GAP_KEY, "kind", "origin_ts"),
    sa.CheckConstraint("side IN (-1, 1)", name="side"),
    sa.CheckConstraint("kind IN ('joined', 'inversion', 'balanced')", name="kind"),
    open_zones("fvg_zones"),
    comment="Zones made of gaps: joined neighbours, inverted gaps, overlaps of opposing ones (balanced price ranges).",
)

_CONTEXT_TYPES = {"number": sa.Double, "flag": sa.Boolean, "text": sa.Text}

fvg_context = sa.Table(
    "fvg_context",
    metadata,
    *series_columns(),
    time("ts"),
    sa.Column("side", sa.SmallInteger, nullable=False),
    time("known_at"),
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
    bulk_lineage(),
    primary(*GAP_KEY),
    comment="What surrounded each gap when it became known, and what the named rules say of it.",
)

fvg_setups = sa.Table(
    "fvg_setups",
    metadata,
    *series_columns(),
    time("ts"),
    sa.Column("side", sa.SmallInteger, nullable=False),
    text("config_id"),
    *[number(name, nullable=False) for name in ("entry", "stop", "risk", "target_1", "target_2", "target_3")],
    time("known_at"),
    bulk_lineage(),
    primary(*SETUP_KEY),
    refers(GAP_KEY, "fvg_detections", ondelete="CASCADE"),
    refers(("config_id",), "engine_configs"),
    sa.Index(None, "known_at"),
    comment="The plan of each gap that qualifies: entry, stop and targets.",
)

fvg_labels = sa.Table(
    "fvg_labels",
    metadata,
    *series_columns(),
    time("ts"),
    sa.Column("side", sa.SmallInteger, nullable=False),
    text("config_id"),
    text("status"),
    time("entry_ts", nullable=True),
    number("entry_price"),
    *[
        column
        for k in TARGETS
        for path in PATHS
        for column in (
            sa.Column(f"outcome_{k}_{path}", sa.Text),
            time(f"exit_ts_{k}_{path}", nullable=True),
            number(f"r_{k}_{path}"),
        )
    ],
    *[sa.Column(f"identified_{k}", sa.Boolean) for k in TARGETS],
    *[
        sa.Column(
            f"identified_before_{k}", sa.Boolean, comment=f"identified_{k} by the series' own bars alone"
        )
        for k in TARGETS
    ],
    number("mae_r"),
    number("mfe_r"),
    text("resolution"),
    sa.Column("unresolved", sa.Text, comment="why an outcome stays open: what finer bars lack"),
    sa.Column("bars_to_entry", sa.Integer),
    *[
        sa.Column(f"bars_to_exit_{k}", sa.Integer, comment="bars from the fill to the exit, worse path")
        for k in TARGETS
    ],
    time("life_end"),
    bulk_lineage(),
    primary(*SETUP_KEY),
    refers(SETUP_KEY, "fvg_setups", ondelete="CASCADE"),
    sa.Index(None, "timeframe", "status"),
    comment="What became of each setup, as an interval: lo the worse path, hi the better.",
)

fvg_statistics = sa.Table(
    "fvg_statistics",
    metadata,
    text("mode"),
    text("dimension"),
    text("value"),
    text("timeframe"),
    sa.Column("target", sa.SmallInteger, nullable=False),
    *[
        sa.Column(name, sa.BigInteger if kind == "int" else sa.Double, comment=meaning)
        for name, kind, meaning in STATISTIC_COLUMNS
    ],
    sa.Column("surrogates", sa.Integer, nullable=False, comment="draws of surrogate bars beside"),
    text("fingerprint"),
    lineage_of(),
    primary("dimension", "value", "timeframe", "target"),
    sa.Index(None, "mode"),
    comment="What setups did, group by group, and beside it the same on surrogate bars, where there is no edge.",
)
