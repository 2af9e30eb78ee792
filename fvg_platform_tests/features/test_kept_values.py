"""Numbers may only change together with the definition they stand for: stored rows of an unchanged one are reused."""

import json
import math
from functools import cache

import pytest

from fvg_platform.features.catalogue import DIGESTS
from fvg_platform_tests.features.values import KEPT, current_values

ANEW = "run python -m fvg_platform_tests.features.values"
kept = json.loads(KEPT.read_text(encoding="utf-8"))
now = cache(current_values)


def test_the_file_knows_the_features_there_are():
    assert list(kept) == list(DIGESTS), ANEW


@pytest.mark.parametrize("name", DIGESTS)
def test_values_change_with_the_definition_only(name):
    assert kept[name]["digest"] == DIGESTS[name], f"the definition of {name} has changed: {ANEW}"
    for before, after in zip(kept[name]["values"], now()[name]["values"], strict=True):
        same = after == before or (
            None not in (before, after) and math.isclose(before, after, rel_tol=1e-9, abs_tol=1e-9)
        )
        assert same, (
            f"{name} was {before} and is {after} by the same definition: if the new number is right, raise the entry's "
            f"`revision`, so that stored rows are computed again, and {ANEW}"
        )
