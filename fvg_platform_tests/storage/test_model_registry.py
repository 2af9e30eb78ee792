"""The registry of models, on the tables that the demo left: versions, their status, one that serves."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from fvg_platform.pipeline.resources import default_resources
from fvg_platform.storage import model_registry as registry
from fvg_platform_tests.platforms import Workplace


@pytest.fixture
def connection(sample: Workplace) -> Iterator[sa.Connection]:
    database = default_resources(sample.settings)["database"]
    with database.engine.connect() as connection:
        yield connection
    database.close()


def candidate(connection: sa.Connection, timeframe: str = "1d", **changes: object) -> int:
    newest = registry.newest_model(connection, timeframe)
    assert newest is not None
    fresh = {"version": newest.version + 1, "sha256": "other", "status": "candidate", "deployed_at": None}
    registry.add_model(connection, {**newest._mapping, **fresh, "test_metrics": None, **changes})
    return int(newest.version) + 1


def status(connection: sa.Connection, version: int) -> tuple[str, str | None]:
    row = registry.model_version(connection, "1d", version)
    assert row is not None
    return row.status, row.status_reason


def test_the_demo_left_one_active_version_of_every_timeframe_that_has_learnt_anything(
    connection: sa.Connection,
) -> None:
    for timeframe in ("1m", "5m", "15m", "1h", "4h", "1d", "1w", "1mo"):
        served, newest = (
            registry.active_model(connection, timeframe),
            registry.newest_model(connection, timeframe),
        )
        assert newest is not None, timeframe
        if served is None:  # the sample's quarter hours: one day of them
            assert (timeframe, newest.setups_entered, newest.status) == ("15m", 0, "candidate")
            assert newest.status_reason == "It has nothing to say: no setup of its training has an outcome."
            continue
        assert served.status_reason
        assert served.deployed_at is not None
    assert registry.active_model(connection, "2h") is None


def test_a_candidate_does_not_serve(connection: sa.Connection) -> None:
    before = registry.active_model(connection, "1d")
    version = candidate(connection, algorithm="lightgbm")
    newest, after = registry.newest_model(connection, "1d"), registry.active_model(connection, "1d")
    assert newest is not None and before is not None and after is not None
    assert (newest.version, after.version) == (version, before.version)
    registry.keep_waiting(connection, "1d", version, "too few setups")
    assert status(connection, version) == ("candidate", "too few setups")


def test_activating_retires_the_one_that_served(connection: sa.Connection) -> None:
    before = registry.active_model(connection, "1d")
    assert before is not None
    version = candidate(connection)
    registry.activate(connection, "1d", version, "better")
    after = registry.active_model(connection, "1d")
    assert after is not None and after.version == version and after.deployed_at is not None
    assert status(connection, before.version) == ("retired", f"version {version} serves in its place")
    registry.activate(connection, "1d", before.version, "back")
    back = registry.active_model(connection, "1d")
    assert back is not None and (back.version, back.retired_at) == (before.version, None)


def test_two_versions_never_serve_at_once(connection: sa.Connection) -> None:
    with pytest.raises(sa.exc.IntegrityError, match="ix_models_one_active"):
        candidate(connection, status="active")


def test_a_version_that_does_not_exist_is_named(connection: sa.Connection) -> None:
    with pytest.raises(LookupError, match="no version 99 of the model of 1d"):
        registry.retire(connection, "1d", 99, "by hand")


def test_equal_content_is_found_within_its_split(connection: sa.Connection) -> None:
    newest = registry.newest_model(connection, "1d")
    assert newest is not None
    made_for = (newest.feature_set_version, newest.config_ids)
    split, sha256 = newest.split_version, newest.sha256
    same = registry.model_with_content(connection, "1d", split, sha256, made_for)
    assert same is not None and same.version == newest.version
    assert registry.model_with_content(connection, "1d", split, "unheard of", made_for) is None
    assert registry.model_with_content(connection, "1d", split + 1, sha256, made_for) is None
    assert registry.model_with_content(connection, "1d", split, sha256, (made_for[0], ["other"])) is None
    assert registry.model_with_content(connection, "1d", split, sha256, ("other", made_for[1])) is None
    assert registry.is_trained(connection, "1d", split, made_for)
    assert not registry.is_trained(connection, "1d", split, ("other", made_for[1]))


def test_comparisons_are_kept_newest_first(connection: sa.Connection) -> None:
    newest = registry.newest_model(connection, "1d")
    assert newest is not None
    known = registry.comparisons_of(connection, "1d", newest.version)
    assert len(known) == 1 and known[0].champion is None and known[0].promoted, "the first had none to beat"
    version = candidate(connection)
    for reason in ("first", "second"):
        record = {"timeframe": "1d", "challenger": version, "champion": newest.version, "promoted": False,
                  "reason": reason, "setups": 7, "differences": {}, "calibration": {},
                  "lineage_id": newest.lineage_id}  # fmt: skip
        registry.add_comparison(connection, record)
    assert [row.reason for row in registry.comparisons_of(connection, "1d", version)] == ["second", "first"]
