"""The basis of a series: how its prices are adjusted, where its bars are anchored, which session they cover.

Two series of different bases are never mixed in one computation: dividend-adjusted and unadjusted prices of the
same share lie per cents apart, and an hour that opens at 09:30 is another hour than one that opens at 09:00.
"""

from dataclasses import dataclass, fields
from typing import Literal, get_args

Adjustment = Literal["raw", "split", "total"]
Anchor = Literal["session", "clock"]
Session = Literal["regular", "extended"]
AssetClass = Literal["equity", "crypto", "fx"]

ASSET_CLASSES: tuple[str, ...] = get_args(AssetClass)
_CHOICES: dict[str, tuple[str, ...]] = {
    "adjustment": get_args(Adjustment),
    "anchor": get_args(Anchor),
    "session": get_args(Session),
}


@dataclass(frozen=True)
class Basis:
    """What a series' prices and bars mean.

    Parameters
    ----------
    adjustment
        `raw` as traded, `split` corrected for splits, `total` for splits and dividends.
    anchor
        `session`: intraday bars are counted from the session's open; `clock`: from the full hour.
    session
        `regular` trading hours, or `extended` by pre- and post-market.
    source
        Where the bars come from.

    Raises
    ------
    ValueError
        For a value that is none of the above.
    """

    adjustment: Adjustment
    anchor: Anchor
    session: Session
    source: str

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            choices = _CHOICES.get(field.name)
            if choices is not None and value not in choices:
                raise ValueError(f"unknown {field.name} {value!r}: use one of {', '.join(choices)}")
        if not self.source:
            raise ValueError("a basis without a source: name where the bars come from")


def require_asset_class(asset_class: str) -> AssetClass:
    """Return `asset_class` if it is `equity`, `crypto` or `fx`; raise ValueError naming it and the choices if not."""
    for known in get_args(AssetClass):
        if asset_class == known:
            return known
    raise ValueError(f"unknown asset class {asset_class!r}: use one of {', '.join(ASSET_CLASSES)}")
