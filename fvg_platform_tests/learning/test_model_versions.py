import pytest
from hypothesis import given
from hypothesis import strategies as st

from fvg_platform.learning.model_versions import ModelVersion, next_version, parse_version

NUMBERS = st.integers(0, 10_000)
VERSIONS = st.builds(ModelVersion, NUMBERS, NUMBERS, NUMBERS)


@pytest.mark.parametrize(
    ("previous", "old_features", "old_data", "expected"),
    [
        (None, None, None, "1.0.0"),
        ("1.4.2", "f2", "d2", "1.4.3"),  # another seed, hyperparameters or code
        ("1.4.2", "f2", "d1", "1.5.0"),
        ("1.4.2", "f1", "d2", "2.0.0"),
        ("1.4.2", "f1", "d1", "2.0.0"),
        ("1.4.2", None, "d2", "2.0.0"),  # from before feature sets were recorded
        ("1.9.9", "f2", "d2", "1.9.10"),
    ],
)
def test_what_changed_decides_the_number(previous, old_features, old_data, expected):
    assert (
        next_version(
            previous,
            previous_features_digest=old_features,
            features_digest="f2",
            previous_data=old_data,
            data="d2",
        )
        == expected
    )


def test_numbers_are_ordered_as_numbers():
    texts = ["1.10.0", "1.9.3", "2.0.0", "1.9.12"]
    assert sorted(texts, key=parse_version) == ["1.9.3", "1.9.12", "1.10.0", "2.0.0"]


@given(VERSIONS)
def test_a_version_reads_back_as_itself(version):
    assert parse_version(str(version)) == version


@given(VERSIONS, st.sampled_from(["f1", "f2", None]), st.sampled_from(["d1", "d2", None]))
def test_the_next_version_is_always_later(version, old_features, old_data):
    following = next_version(
        str(version),
        previous_features_digest=old_features,
        features_digest="f2",
        previous_data=old_data,
        data="d2",
    )
    assert parse_version(following) > version


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "1.2.3.4", "v1.2.3", "1.2.x", "01.2.3", "1.2.3 ", "1.-2.3", "١.٢.٣"]
)
def test_what_is_no_version_is_refused(text):
    with pytest.raises(ValueError, match="is no model version"):
        parse_version(text)
