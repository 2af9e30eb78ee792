"""The catalogue as a page: every feature of bars and setups, its formula, unit and claims, in Markdown."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from fvg_platform.features.catalogue import FEATURE_SET_VERSION, FEATURES, SETUP_FEATURES
from fvg_platform.features.feature import Feature

_READING = """\
Every value is known at the close of its bar and uses no bar after it. *Warm-up* is the number of bars before the
first value; there is one at every bar after it. *Memory* is how many bars before its own a value depends on (and
days, where it looks at calendar periods): a tail that much longer gives the same value within 1e-9. *All* is a running
sum since the first bar; *context* is that of the setup's gap, market structure and the last sessions. *Scale-free*
features do not change when all prices or all volumes are multiplied, so they mean the same for every ticker; only
those enter a model. A feature that *needs* an optional column is NULL where the source does not deliver it."""


def catalogue_page(custom: Sequence[Feature] = ()) -> str:
    """Write the catalogue's page, with a user's own features at its end.

    Returns
    -------
    str
        Markdown: the feature-set version, how to read the tables, and one table per group.
    """
    own = f" and {len(custom)} of your own" if custom else ""
    head = (
        f"# Features\n\nFeature set `{FEATURE_SET_VERSION}`: {len(FEATURES)} features of a bar{own}, "
        f"{len(SETUP_FEATURES)} of a setup.\n\n{_READING}\n"
    )
    return "\n".join([head, *_section("Bars", (*FEATURES, *custom)), *_section("Setups", SETUP_FEATURES)])


def _section(title: str, features: Iterable[Feature]) -> list[str]:
    lines = [f"## {title}", ""]
    for group, members in groupby(features, key=lambda feature: feature.group):
        listed = list(members)
        lines += [
            f"### {group.replace('_', ' ').capitalize()} ({len(listed)})",
            "",
            "| name | formula | unit | warm-up | memory | scale-free | needs |",
            "|---|---|---|---:|---:|:-:|---|",
            *(_row(feature) for feature in listed),
            "",
        ]
    return lines


def _row(feature: Feature) -> str:
    cells = [
        f"`{feature.name}`",
        feature.formula,
        feature.unit,
        str(feature.warmup),
        _memory(feature),
        "yes" if feature.scale_free else "no",
        f"`{feature.needs}`" if feature.needs else "",
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _memory(feature: Feature) -> str:
    if feature.cumulative:
        return "all"
    if feature.group == "context":
        return "context"
    return f"{feature.memory} and {feature.days} days" if feature.days else str(feature.memory)
