"""The registry of models: what was trained, which version serves a timeframe, and why.

A version is written once; later only its status moves: candidate, active, retired. At most one version of a
timeframe is active, which an index of the table guarantees. Which one served when is kept for good.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from fvg_platform.storage.bulk import read_frame
from fvg_platform.storage.schema import model_comparisons, model_deployments, models, train_test_splits

CANDIDATE, ACTIVE, RETIRED = "candidate", "active", "retired"


def active_model(connection: sa.Connection, timeframe: str) -> sa.Row | None:
    """The model that serves a timeframe, or None."""
    query = sa.select(models).where(models.c.timeframe == timeframe, models.c.status == ACTIVE)
    return connection.execute(query).one_or_none()


def newest_model(connection: sa.Connection, timeframe: str) -> sa.Row | None:
    """The model of a timeframe that was trained last, whether it serves or not, or None."""
    query = (
        sa.select(models).where(models.c.timeframe == timeframe).order_by(models.c.version.desc()).limit(1)
    )
    return connection.execute(query).one_or_none()


def model_version(connection: sa.Connection, timeframe: str, version: int) -> sa.Row | None:
    """One version, or None."""
    query = sa.select(models).where(models.c.timeframe == timeframe, models.c.version == version)
    return connection.execute(query).one_or_none()


def model_with_content(
    connection: sa.Connection,
    timeframe: str,
    split_version: int,
    sha256: str,
    made_for: tuple[str, list[str]],
) -> sa.Row | None:
    """The newest version that has exactly this content, if training made it before for the same features and setups.

    `made_for`: version of the feature set, and the configurations of setups.
    """
    query = (
        _made_for(timeframe, split_version, made_for)
        .where(models.c.sha256 == sha256)
        .order_by(models.c.version.desc())
        .limit(1)
    )
    return connection.execute(query).one_or_none()


def is_trained(
    connection: sa.Connection, timeframe: str, split_version: int, made_for: tuple[str, list[str]]
) -> bool:
    """Whether there is a version of a split for these features and setups; see :func:`model_with_content`."""
    query = _made_for(timeframe, split_version, made_for).limit(1)
    return connection.execute(query).one_or_none() is not None


def _made_for(
    timeframe: str, split_version: int, made_for: tuple[str, list[str]]
) -> "sa.Select[tuple[Any, ...]]":
    features, config_ids = made_for
    return sa.select(models).where(
        models.c.timeframe == timeframe,
        models.c.split_version == split_version,
        models.c.feature_set_version == features,
        models.c.config_ids == sa.cast(config_ids, models.c.config_ids.type),
    )


def model_list(connection: Any) -> list[dict[str, Any]]:
    """Every version of every timeframe, newest first within each, without the bulky parts."""
    found = read_frame(
        connection,
        """
        SELECT timeframe, version, semantic_version, name, scope, status, status_reason, algorithm, entry_algorithm,
               flag, trained_at, trained_from, trained_to, setups_trained, setups_entered, split_version,
               feature_set_version, deployed_at, retired_at, test_metrics, sha256
        FROM models
        ORDER BY array_position(ARRAY['1m', '5m', '15m', '1h', '4h', '1d', '1w', '1mo'], timeframe), version DESC
        """,
    )
    return [{str(name): value for name, value in row.items()} for row in found.to_dict("records")]


def newest_trainings(connection: sa.Connection, n: int) -> list[sa.Row]:
    """The versions that were trained last, of any timeframe, newest first."""
    query = sa.select(models).order_by(models.c.trained_at.desc(), models.c.timeframe).limit(n)
    return list(connection.execute(query).all())


def add_model(connection: sa.Connection, record: Mapping[str, object]) -> None:
    """Add a version, as a candidate unless the record says otherwise.

    With test metrics, its split version's test period is marked as used.
    """
    connection.execute(models.insert().values({"status": CANDIDATE, **record}))
    if record.get("test_metrics") is not None:
        table = train_test_splits
        connection.execute(
            table.update()
            .where(
                table.c.timeframe == record["timeframe"],
                table.c.split_version == record["split_version"],
                table.c.tested_by.is_(None),
            )
            .values(tested_by=record["version"])
        )


def activate(connection: sa.Connection, timeframe: str, version: int, reason: str) -> None:
    """Let a version serve its timeframe; the one that did is retired in the same transaction."""
    served = active_model(connection, timeframe)
    if served is not None and served.version == version:
        return
    if served is not None:
        retire(connection, timeframe, served.version, f"version {version} serves in its place")
    _change(
        connection,
        timeframe,
        version,
        status=ACTIVE,
        status_reason=reason,
        deployed_at=sa.func.now(),
        retired_at=None,
    )
    service = {"timeframe": timeframe, "version": version, "served_from": sa.func.now(), "reason": reason}
    connection.execute(model_deployments.insert().values(service))


def retire(connection: sa.Connection, timeframe: str, version: int, reason: str) -> None:
    """Take a version out of service, or out of the race for it."""
    _change(connection, timeframe, version, status=RETIRED, status_reason=reason, retired_at=sa.func.now())
    connection.execute(
        model_deployments.update()
        .where(
            model_deployments.c.timeframe == timeframe,
            model_deployments.c.version == version,
            model_deployments.c.served_until.is_(None),
        )
        .values(served_until=sa.func.now())
    )


def deployments(connection: sa.Connection) -> list[sa.Row]:
    """Every stretch of time in which a version served, oldest first: with `cut`, where its test period begins."""
    table, split = model_deployments, train_test_splits
    query = (
        sa.select(table, split.c.cut_ts.label("cut"))
        .join(models, sa.and_(models.c.timeframe == table.c.timeframe, models.c.version == table.c.version))
        .join(
            split,
            sa.and_(split.c.timeframe == models.c.timeframe, split.c.split_version == models.c.split_version),
        )
        .order_by(table.c.id)
    )
    return list(connection.execute(query).all())


def keep_waiting(connection: sa.Connection, timeframe: str, version: int, reason: str) -> None:
    """Leave a version a candidate, and say why."""
    _change(connection, timeframe, version, status=CANDIDATE, status_reason=reason)


def _change(connection: sa.Connection, timeframe: str, version: int, **values: object) -> None:
    changed = connection.execute(
        models.update()
        .where(models.c.timeframe == timeframe, models.c.version == version)
        .values(**values)
        .returning(models.c.version)
    ).all()
    if not changed:
        raise LookupError(f"there is no version {version} of the model of {timeframe}: see `fvg models list`")


def add_comparison(connection: sa.Connection, record: Mapping[str, object]) -> None:
    """Keep what a comparison of challenger and champion said."""
    connection.execute(model_comparisons.insert().values(dict(record)))


def comparisons_of(connection: sa.Connection, timeframe: str, version: int) -> list[sa.Row]:
    """The comparisons in which a version was the challenger, newest first."""
    query = (
        sa.select(model_comparisons)
        .where(model_comparisons.c.timeframe == timeframe, model_comparisons.c.challenger == version)
        .order_by(model_comparisons.c.id.desc())
    )
    return list(connection.execute(query).all())
