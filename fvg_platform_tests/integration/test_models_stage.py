"""The training stage: too few setups, the same data again, and a test period that is used once."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from fvg_platform.pipeline.stages import SIGNALS, TRAINING
from fvg_platform.settings import Settings
from fvg_platform_tests.integration.operations import failures, materialise_assets
from fvg_platform_tests.market_bars import random_bars
from fvg_platform_tests.platforms import Workplace

DAYS = random_bars("1d", "2022-06-01", "2024-03-06", seed=31)
MODELS = (
    "SELECT version, split_version, algorithm, flag, setups_entered, test_metrics IS NULL, sha256 "
    "FROM models WHERE timeframe = '1d' ORDER BY version"
)


@dataclass(frozen=True)
class Seeded(Workplace):
    """The same platform with FVG_SEED set."""

    seed: int = 0

    @property
    def settings(self) -> Settings:
        return super().settings.model_copy(update={"seed": self.seed})


def train(workplace: Workplace) -> list[tuple]:
    assert failures(materialise_assets(workplace, TRAINING.assets, only_timeframes=["1d"])) == {}
    return workplace.rows(MODELS)


@pytest.fixture(scope="module")
def place(new_workplace: Callable[[], Workplace]) -> Workplace:
    workplace = new_workplace()
    workplace.add_bars("FEW", "1d", DAYS)
    assert failures(materialise_assets(workplace, only_timeframes=["1d"])) == {}
    return workplace


@pytest.fixture(scope="module")
def first(place: Workplace) -> list[tuple]:
    return train(place)


@pytest.fixture(scope="module")
def other_seed(place: Workplace, first: list[tuple]) -> list[tuple]:
    """The same split, trained on the same rows with another seed; before that, with the same seed."""
    assert train(place) == first
    return train(Seeded(place.home, place.files, place.url, seed=7))


def test_with_few_setups_the_base_rate_is_served_and_says_so(first: list[tuple], place: Workplace) -> None:
    ((version, split_version, algorithm, flag, entered, untested, _),) = first
    assert (version, split_version, algorithm, untested) == (1, 1, "base_rate", False)
    assert 0 < entered < 200
    assert f"{entered} entered training setups" in flag
    assert "200 are needed" in flag

    assert failures(materialise_assets(place, SIGNALS.assets)) == {}
    said = place.rows("SELECT DISTINCT flag, p_target_1, p_target_2, p_target_3 FROM predictions")
    ((flag_of_prediction, p_1, p_2, p_3),) = said
    assert flag_of_prediction == flag
    assert 1 > p_1 >= p_2 >= p_3 > 0


def test_the_same_data_again_gives_no_new_version(first: list[tuple], place: Workplace) -> None:
    assert place.rows(MODELS)[:1] == first


def test_the_test_period_is_used_once_per_split_version(
    first: list[tuple], other_seed: list[tuple], place: Workplace
) -> None:
    assert other_seed[:1] == first
    (_, (version, split_version, _, _, _, untested, sha256)) = other_seed
    assert (version, split_version, untested) == (2, 1, True)
    assert sha256 != first[0][-1]
    assert place.rows("SELECT split_version, tested_by FROM train_test_splits WHERE timeframe = '1d'") == [
        (1, 1)
    ]


def test_what_was_trained_before_is_not_served_again_by_training_it_again(
    other_seed: list[tuple], place: Workplace
) -> None:
    assert train(place) == other_seed, "seed 0 gives version 1's bytes again, and version 2 goes on serving"


def test_signals_without_news_leave_no_trace(other_seed: list[tuple], place: Workplace) -> None:
    lineage = "SELECT asset, count(*) FROM lineage GROUP BY asset ORDER BY asset"
    assert failures(materialise_assets(place, SIGNALS.assets)) == {}
    before = place.rows(lineage)
    assert failures(materialise_assets(place, SIGNALS.assets)) == {}
    assert place.rows(lineage) == before
