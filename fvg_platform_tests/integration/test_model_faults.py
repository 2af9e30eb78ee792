"""Models in trouble: files missing, altered or of another format, features gone, a training killed half-way.

Whatever happens, the message says what and what to do, other timeframes go on, and nothing half-made ever serves.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fvg_platform.learning.promotion import Verdict
from fvg_platform.pipeline import promotion, training
from fvg_platform.pipeline.stages import TRAINING
from fvg_platform_tests.integration.operations import failures, materialise_assets
from fvg_platform_tests.market_bars import random_bars
from fvg_platform_tests.platforms import Workplace

SERVING = "SELECT timeframe, version FROM models WHERE status = 'active' ORDER BY timeframe"


@pytest.fixture(scope="module")
def place(new_workplace: Callable[[], Workplace]) -> Workplace:
    """A platform with models of two timeframes, and nothing predicted yet."""
    workplace = new_workplace()
    workplace.add_bars("FEW", "1d", random_bars("1d", "2022-06-01", "2024-03-06", seed=31))
    workplace.add_bars("HRS", "1h", random_bars("1h", "2024-01-02", "2024-03-06", seed=32))
    assert failures(materialise_assets(workplace, only_timeframes=["1d", "1h"])) == {}
    assert failures(materialise_assets(workplace, TRAINING.assets, only_timeframes=["1d", "1h"])) == {}
    assert workplace.rows(SERVING) == [("1d", 1), ("1h", 1)]
    return workplace


@pytest.fixture
def daily_file(place: Workplace):
    """The file of the daily model; what a test does to it is undone."""
    ((name,),) = place.rows("SELECT artifact FROM models WHERE timeframe = '1d' AND status = 'active'")
    path = place.home / "models" / name
    content = path.read_bytes()
    yield path
    path.write_bytes(content)


def predict(place: Workplace) -> str:
    """What the failure of the last day with setups of both timeframes says; empty where all was predicted."""
    ((day,),) = place.rows(
        "SELECT max(day)::text FROM (SELECT (known_at AT TIME ZONE 'America/New_York')::date AS day FROM fvg_setups "
        "GROUP BY 1 HAVING count(DISTINCT timeframe) = 2) both_have"
    )
    return " ".join(failures(materialise_assets(place, ["daily_predictions"], days=(day, day))).values())


def spoil(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    elif how == "altered":
        stored = json.loads(path.read_bytes())
        stored["model"]["rates"]["target_1"]["positives"] += 1
        path.write_text(json.dumps(stored))
    elif how == "of a newer format":
        stored = json.loads(path.read_bytes())
        stored["model"]["format"] += 1
        path.write_text(json.dumps(stored))
    elif how == "endless":
        path.write_bytes(path.read_bytes().replace(b'"seed":', b'"seed":1e999,"was":', 1))
    elif how == "not a number":
        path.write_bytes(path.read_bytes().replace(b'"seed":', b'"seed":NaN,"was":', 1))
    elif how == "cut short":
        path.write_bytes(path.read_bytes()[:500])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("missing", "is not in the model store"),
        ("altered", "SHA-256"),
        ("cut short", "are not a stored model"),
        ("not a number", "are not a stored model"),
        ("endless", "are not a stored model"),
        ("of a newer format", "has format 3, this code reads format 2"),
    ],
)
def test_a_file_that_cannot_be_trusted_predicts_nothing_and_says_so(
    place: Workplace, daily_file: Path, how: str, said: str
) -> None:
    spoil(daily_file, how)
    message = predict(place)
    assert "of 1d" in message and said in message
    assert place.rows("SELECT DISTINCT timeframe FROM predictions") == [("1h",)], "the other one goes on"
    assert place.rows(SERVING) == [("1d", 1), ("1h", 1)], "a file that is restored serves again"


def test_a_model_of_unknown_features_or_of_other_setups_predicts_nothing(place: Workplace) -> None:
    place.execute("UPDATE models SET features = features || '[\"moon_phase\"]' WHERE timeframe = '1d'")
    message = predict(place)
    assert "wants 1 feature(s) that setups do not have, the first is 'moon_phase'" in message
    place.execute("UPDATE models SET features = features - 'moon_phase' WHERE timeframe = '1d'")

    place.execute("""UPDATE models SET config_ids = '["other"]' WHERE timeframe = '1d'""")
    assert "was trained for setups planned by other" in predict(place)
    place.execute(
        "UPDATE models SET config_ids = (SELECT jsonb_agg(DISTINCT config_id) FROM fvg_setups WHERE timeframe = '1d') "
        "WHERE timeframe = '1d'"
    )
    assert place.rows("SELECT count(*) FROM predictions WHERE timeframe = '1d'") == [(0,)]


@pytest.mark.parametrize("moment", ["train", "judge_test_period", "settle", "write_card"])
def test_a_training_that_dies_leaves_the_active_model_and_no_version(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Each moment of a training is its last once; the next training goes through as if nothing had been."""
    place.execute("UPDATE models SET sha256 = 'other bytes' WHERE timeframe = '1d' AND version = 1")
    place.execute("UPDATE train_test_splits SET tested_by = NULL WHERE timeframe = '1d'")

    def dies(*_: object, **__: object) -> None:
        raise RuntimeError(f"died in {moment}")

    with monkeypatch.context() as patched:
        patched.setattr(training, moment, dies)
        failed = failures(materialise_assets(place, ["win_rate_model"], only_timeframes=["1d"]))
    assert f"1d: RuntimeError: died in {moment}" in " ".join(failed.values())
    assert place.rows(SERVING) == [("1d", 1), ("1h", 1)]
    assert place.rows("SELECT count(*) FROM models WHERE timeframe = '1d'") == [(1,)]
    assert place.rows("SELECT tested_by FROM train_test_splits WHERE timeframe = '1d'") == [(None,)]
    assert list((place.home / "models").glob("*.partial")) == []


def test_training_mends_what_cannot_serve_though_it_gives_the_same_bytes(place: Workplace) -> None:
    """The version that serves wants a feature that there is none of any more: what is trained now takes its place."""
    place.execute("UPDATE models SET features = features || '[\"moon_phase\"]' WHERE timeframe = '1h'")
    assert failures(materialise_assets(place, ["win_rate_model"], only_timeframes=["1h"])) == {}
    found = place.rows(
        "SELECT version, status, sha256, status_reason FROM models WHERE timeframe = '1h' ORDER BY 1"
    )
    (_, first, bytes_of_first, _), (_, second, bytes_of_second, why) = found
    assert (first, second) == ("retired", "active")
    assert bytes_of_first == bytes_of_second
    assert "cannot be compared with" in why and "moon_phase" in why
    assert failures(materialise_assets(place, ["win_rate_model"], only_timeframes=["1h"])) == {}
    assert place.rows("SELECT count(*) FROM models WHERE timeframe = '1h'") == [(2,)], (
        "and then there is no more to do"
    )


def test_a_candidate_that_is_refused_again_stays_one_version(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The active version cannot serve and its successor is not calibrated: training again adds no further one."""
    refused = Verdict(False, "not calibrated", 60, 6, None, {}, {})
    monkeypatch.setattr(promotion, "judge_challenger", lambda *_, **__: refused)
    place.execute(
        "UPDATE models SET features = features || '[\"moon_phase\"]', feature_set_version = 'with the moon' "
        "WHERE timeframe = '1h' AND status = 'active'"
    )
    before = place.rows("SELECT count(*) FROM models WHERE timeframe = '1h'")[0][0]
    for _ in range(2):
        assert failures(materialise_assets(place, ["win_rate_model"], only_timeframes=["1h"])) == {}
    found = place.rows("SELECT status, status_reason FROM models WHERE timeframe = '1h' ORDER BY version")
    assert len(found) == before + 1
    assert found[-1][0] == "candidate" and found[-1][1].endswith("not calibrated")
