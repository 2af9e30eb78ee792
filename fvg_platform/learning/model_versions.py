"""Semantic versions of models: what kind of change lies between two of them.

Major: the model reads or means something else (another feature set or setup configuration). Minor: it has learned
from other data (another split). Patch: the same features and data, other seed, hyperparameters or code.
"""

import re
from dataclasses import dataclass

FIRST_VERSION = "1.0.0"

_FORM = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", re.ASCII)


@dataclass(frozen=True, order=True)
class ModelVersion:
    """`major.minor.patch`; versions are in the order of these numbers, so 1.10.0 comes after 1.9.3."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def parse_version(text: str) -> ModelVersion:
    """Read `major.minor.patch`; a ValueError says what else was found."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is no model version: write major.minor.patch in whole numbers, e.g. 1.4.0"
        )
    return ModelVersion(*(int(number) for number in found.groups()))


def next_version(
    previous: str | None,
    *,
    previous_features_digest: str | None,
    features_digest: str,
    previous_data: str | None,
    data: str,
) -> str:
    """The version of a model that follows `previous`, 1.0.0 without one.

    Parameters
    ----------
    previous
        Version of the newest model of the same name, None for the first.
    previous_features_digest, features_digest
        What each reads: feature-set version and setup configuration together, in any one spelling. A previous
        one that is not known (None) counts as another.
    previous_data, data
        What each learned from: the split's version. As above.

    Raises
    ------
    ValueError
        `previous` is no version.
    """
    if previous is None:
        return FIRST_VERSION
    version = parse_version(previous)
    if previous_features_digest != features_digest:
        return str(ModelVersion(version.major + 1, 0, 0))
    if previous_data != data:
        return str(ModelVersion(version.major, version.minor + 1, 0))
    return str(ModelVersion(version.major, version.minor, version.patch + 1))
