"""What models may look at: the catalogue's features that mean the same for every ticker, and a user's own."""

from fvg_platform.features.catalogue import FEATURE_SET_VERSION
from fvg_platform.features.feature import Feature
from fvg_platform.features.setup_features import MODEL_FEATURES


def feature_set(own: tuple[Feature, ...]) -> tuple[tuple[str, ...], str]:
    """The names of the features, the user's own scale-free ones last, and the version of all of it."""
    usable = [feature for feature in own if feature.scale_free]
    version = "+".join([FEATURE_SET_VERSION, *(feature.digest for feature in usable)])
    return (*MODEL_FEATURES, *(feature.name for feature in usable)), version
