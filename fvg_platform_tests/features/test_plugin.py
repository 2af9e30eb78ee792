"""A user's own features: loaded from a file or a package, proven, and refused by name where they break a rule."""

import sys

import numpy as np
import pytest

from fvg_platform.features.catalogue import compute_features
from fvg_platform.features.plugin import bar_feature, load_features
from fvg_platform.features.verification import FeatureError
from fvg_platform_tests.features.made_bars import random_bars

SOURCE = '''
import numpy as np
from fvg_platform.features.plugin import bar_feature

def features():
    """Two, one of which reads a window."""
    yield bar_feature("body", "C / O - 1", "ratio", 0, lambda s: s.close / s.open - 1.0)
    yield bar_feature("jump_3", "C / C[-3]", "ratio", 3, jump)

def jump(series):
    return np.append([np.nan] * 3, series.close[3:] / series.close[:-3])[: len(series)]

def others():
    return [bar_feature("tomorrow", "C[+1] / C", "ratio", 0, lambda s: np.append(s.close[1:], s.close[-1]) / s.close)]

def nothing():
    return []

def twice():
    return [*features(), *features()]

def numbers():
    return [1, 2]

def fails():
    raise RuntimeError("no such file of mine")

def claims():
    return [bar_feature("sma_20", "mine", "price", 0, lambda s: s.close)]
'''


@pytest.fixture
def own_file(tmp_path):
    path = tmp_path / "own_features.py"
    path.write_text(SOURCE)
    return path


def close(series):
    return series.close


def test_features_of_a_file_are_computed_after_the_catalogues(own_file):
    own = load_features(str(own_file))
    assert [(each.name, each.group, each.memory) for each in own] == [
        ("body", "custom", 0),
        ("jump_3", "custom", 3),
    ]
    bars = random_bars(10)
    features = compute_features(bars, names=["obv"], custom=own)
    assert list(features) == ["ts", "obv", "body", "jump_3"]
    np.testing.assert_array_equal(features["body"], bars["close"] / bars["open"] - 1.0)


def test_a_module_of_the_path_serves_as_well(own_file, monkeypatch):
    monkeypatch.syspath_prepend(own_file.parent)
    try:
        assert [each.name for each in load_features("own_features:features")] == ["body", "jump_3"]
    finally:
        sys.modules.pop("own_features", None)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("others", r"feature tomorrow \(C\[\+1\] / C\) looks ahead of bar 1: .* at bar 1 "),
        ("twice", "returned more than one feature of the name body, jump_3"),
        ("numbers", r"returned 1: make every feature with bar_feature"),
        ("fails", r"fails\(\) failed: RuntimeError: no such file of mine"),
        ("claims", "feature sma_20 is in the catalogue already"),
        ("missing", r"has no function missing\(\); define one"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(own_file, function, message):
    with pytest.raises(FeatureError, match=message):
        load_features(f"{own_file}:{function}")


def test_no_features_are_none(own_file):
    assert load_features(f"{own_file}:nothing") == ()


def test_a_place_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FeatureError, match=r"there is no file .*absent\.py"):
        load_features(str(tmp_path / "absent.py"))
    with pytest.raises(
        FeatureError, match=r"importing no_such_package\.features failed: ModuleNotFoundError"
    ):
        load_features("no_such_package.features")
    (tmp_path / "broken.py").write_text("def features(:\n")
    with pytest.raises(FeatureError, match=r"importing .*broken\.py failed: SyntaxError"):
        load_features(str(tmp_path / "broken.py"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "My Feature"}, "feature name 'My Feature': use lower snake case"),
        ({"name": "a" * 64}, "at most 63 characters"),
        ({"name": "ts"}, "feature name 'ts' is that of a column that stands beside"),
        ({"name": "gap_size_atr"}, "gap_size_atr is in the catalogue already"),
        ({"warmup": -1}, "warmup is -1"),
        ({"days": 1.5}, "days is 1.5"),
        ({"warmup": 9, "memory": 5}, "a memory of 5 bars is shorter than its warm-up of 9"),
        ({"needs": "spread"}, "needs 'spread', which is no optional column of bars; those are"),
    ],
)
def test_an_entry_that_cannot_be_a_column_is_refused(arguments, message):
    given = {"name": "own", "formula": "C", "unit": "price", "warmup": 0, "compute": close} | arguments
    with pytest.raises(FeatureError, match=message):
        bar_feature(**given)


def test_a_change_of_the_file_makes_its_features_others(own_file):
    """What a function computes can change without a word of its entry."""
    before = {each.name: each.digest for each in load_features(str(own_file))}
    own_file.write_text(SOURCE.replace("series.close[3:] / series.close[:-3]", "series.close[3:] - series.close[:-3]")
                        .replace('"ratio", 3, jump', '"ratio", 3, jump, scale_free=False'))  # fmt: skip
    after = {each.name: each.digest for each in load_features(str(own_file))}
    assert before.keys() == after.keys()
    assert all(before[name] != after[name] for name in before)


@pytest.mark.parametrize(
    "name", ["status", "r_1_lo", "target_2", "custom", "p_target_1_low", "bars_to_exit_1"]
)
def test_names_of_what_stands_beside_features_are_taken(name):
    with pytest.raises(FeatureError, match=f"feature name '{name}' is that of a column"):
        bar_feature(name, "C", "price", 0, close)
