"""A user's own bar features: one function in a file or package, proven at load, computed with the catalogue's.

::

    from fvg_platform.features.plugin import bar_feature

    def features():
        return [bar_feature("close_to_high", "(H - C) / (H - L); 0 without range", "0..1", 0,
                            lambda s: (s.high - s.close) / np.maximum(s.high - s.low, 1e-12 * s.close))]

A feature reads the arrays of :class:`~fvg_platform.features.series.BarSeries`. One that looks ahead, leaves holes, has
a scale though it claims none, or that a tail does not reproduce is refused before it computes a single stored value.
"""

import hashlib
import importlib
import importlib.util
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from fvg_platform.features.catalogue import FEATURES, SETUP_FEATURES
from fvg_platform.features.feature import Feature, Values
from fvg_platform.features.series import OPTIONAL
from fvg_platform.features.verification import FeatureError, verify

GROUP = "custom"
_DEFAULT_FUNCTION = "features"
# What stands beside features in tables and frames: keys, plans, labels, predictions.
_TAKEN = frozenset(
    {
        *(
            "ts",
            "i",
            "side",
            "known_at",
            "ticker",
            "timeframe",
            "lineage_id",
            "config_id",
            "custom",
            "day",
            "features",
        ),
        *(
            "entry",
            "stop",
            "risk",
            "status",
            "resolution",
            "unresolved",
            "life_end",
            "flag",
            "signal",
            "in_sample",
        ),
        *(
            "entry_ts",
            "entry_price",
            "mae_r",
            "mfe_r",
            "bars_to_entry",
            "bars_to_exit",
            "entered",
            "expected",
        ),
        *("id", "direction", "predicted_price", "predicted_change", "confidence", "hold_until", "reasons"),
        *("origin", "expected_r", "expected_r_low", "expected_r_high"),
        *("cost_bps", "asset_class", "anchor", "session"),
        *("model_version", "predicted_at", "latency_ms", "p_entered", "p_entered_low", "p_entered_high"),
        *(
            f"{name}_{k}"
            for k in (1, 2, 3)
            for name in ("target", "identified", "identified_before", "bars_to_exit")
        ),
        *(f"p_target_{k}{end}" for k in (1, 2, 3) for end in ("", "_low", "_high")),
        *(
            f"{name}_{k}_{path}"
            for k in (1, 2, 3)
            for path in ("lo", "hi")
            for name in ("outcome", "r", "exit_ts", "exit_index")
        ),
    }
)


def bar_feature(
    name: str,
    formula: str,
    unit: str,
    warmup: int,
    compute: Callable[[Any], Values],
    *,
    scale_free: bool = True,
    memory: int | None = None,
    days: int = 0,
    needs: str | None = None,
    revision: int = 1,
) -> Feature:
    """Describe one number per bar; the arguments are those of :class:`~fvg_platform.features.feature.Feature`.

    Raises
    ------
    FeatureError
        When the name is no column name or taken, a number is below 0, or `needs` is no optional column of bars.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
        raise FeatureError(
            f"feature name {name!r}: use lower snake case that begins with a letter, at most 63 characters"
        )
    if name in _TAKEN:
        raise FeatureError(
            f"feature name {name!r} is that of a column that stands beside features: choose another"
        )
    if name in {feature.name for feature in (*FEATURES, *SETUP_FEATURES)}:
        raise FeatureError(f"feature {name} is in the catalogue already: choose another name")
    for what, number in (("warmup", warmup), ("days", days), ("memory", memory or 0), ("revision", revision)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise FeatureError(
                f"feature {name}: {what} is {number!r}, it must be a whole number of at least 0"
            )
    if needs is not None and needs not in OPTIONAL:
        raise FeatureError(
            f"feature {name} needs {needs!r}, which is no optional column of bars; those are {', '.join(OPTIONAL)}"
        )
    try:
        return Feature(
            name,
            GROUP,
            formula,
            unit,
            warmup,
            scale_free,
            "bar",
            compute,
            memory=-1 if memory is None else memory,
            days=days,
            needs=needs,
            revision=revision,
        )
    except ValueError as error:
        raise FeatureError(str(error)) from error


def load_features(spec: str) -> tuple[Feature, ...]:
    """Load a user's features and prove each.

    Parameters
    ----------
    spec : ``path/to/file.py`` or ``package.module``, with ``:function`` where the function that returns the features
        is not called ``features``

    Raises
    ------
    FeatureError
        When the file, module or function is missing or fails, or returns anything but features made by
        :func:`bar_feature` with names of their own, or one of them does not keep what it claims.
    """
    place, _, function_name = _split(spec)
    module = _module(place, spec)
    function = getattr(module, function_name, None)
    if not callable(function):
        raise FeatureError(
            f"{spec}: {place} has no function {function_name}(); define one that returns your features, or name it "
            f"as {place}:function"
        )
    try:
        returned = function()
    except (Exception, SystemExit) as error:
        raise FeatureError(f"{spec}: {function_name}() failed: {type(error).__name__}: {error}") from error
    features = _own_features(returned, spec)
    for feature in features:
        verify(feature)
    source = _source_of(module)
    return tuple(replace(feature, source=source) for feature in features)


def _source_of(module: ModuleType) -> str:
    """A hash of the module's file: what a function computes can change without a word of its entry."""
    place = getattr(module, "__file__", None)
    return hashlib.sha256(Path(place).read_bytes()).hexdigest()[:12] if place else ""


def _split(spec: str) -> tuple[str, str, str]:
    place, colon, name = spec.rpartition(":")
    return (place, colon, name) if place and name.isidentifier() else (spec, "", _DEFAULT_FUNCTION)


def _module(place: str, spec: str) -> ModuleType:
    try:
        if place.endswith(".py"):
            path = Path(place)
            if not path.is_file():
                raise FeatureError(f"{spec}: there is no file {path}")
            found = importlib.util.spec_from_file_location(f"_own_features_{path.stem}", path)
            if found is None or found.loader is None:
                raise FeatureError(f"{spec}: {path} cannot be loaded as Python")
            module = importlib.util.module_from_spec(found)
            found.loader.exec_module(module)
            return module
        return importlib.import_module(place)
    except FeatureError:
        raise
    except (Exception, SystemExit) as error:
        raise FeatureError(f"{spec}: importing {place} failed: {type(error).__name__}: {error}") from error


def _own_features(returned: object, spec: str) -> tuple[Feature, ...]:
    features = tuple(returned) if isinstance(returned, Iterable) else (returned,)
    for each in features:
        if not isinstance(each, Feature) or each.group != GROUP:
            raise FeatureError(f"{spec} returned {each!r}: make every feature with bar_feature(...)")
    names = [feature.name for feature in features]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise FeatureError(f"{spec} returned more than one feature of the name {', '.join(repeated)}")
    return features
