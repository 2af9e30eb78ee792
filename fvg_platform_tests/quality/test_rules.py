"""The rule that gates a series: how many refused rows a usable series may have."""

import pytest

from fvg_platform.quality.rules import why_held_back


@pytest.mark.parametrize(
    ("kept", "rejected"),
    [(1, {}), (95, {"duplicate": 5}), (950, {"duplicate": 30, "null": 20})],
    ids=["nothing refused", "five of a hundred", "five of a hundred for two reasons"],
)
def test_a_series_may_lose_a_twentieth(kept: int, rejected: dict[str, int]) -> None:
    assert why_held_back(kept, rejected) is None


def test_one_row_more_holds_the_series_back_with_reasons_and_counts() -> None:
    reason = why_held_back(94, {"null": 2, "duplicate": 4})
    assert reason is not None
    assert reason.startswith("6 of 100 rows (6.0%) were refused (duplicate 4, null 2), more than the 5%")
    assert "bar_quarantine" in reason


def test_a_series_without_any_usable_row_is_held_back() -> None:
    assert why_held_back(0, {}) == "the source gave no rows"
    assert str(why_held_back(0, {"null": 3})).startswith("3 of 3 rows (100.0%) were refused (null 3)")
