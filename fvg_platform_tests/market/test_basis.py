"""A basis says only what there is to say."""

import pytest

from fvg_platform.market.basis import Basis, require_asset_class


def test_equal_bases_are_equal_and_different_ones_are_not() -> None:
    assert Basis("split", "session", "regular", "files") == Basis("split", "session", "regular", "files")
    assert Basis("split", "session", "regular", "files") != Basis("total", "session", "regular", "files")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            ("dividend", "session", "regular", "files"),
            "unknown adjustment 'dividend': use one of raw, split, total",
        ),
        (("split", "noon", "regular", "files"), "unknown anchor 'noon'"),
        (("split", "clock", "night", "files"), "unknown session 'night'"),
        (("split", "clock", "regular", ""), "without a source"),
    ],
)
def test_what_is_no_basis_is_refused(fields: tuple[str, str, str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Basis(*fields)  # type: ignore[arg-type]


def test_asset_classes() -> None:
    assert require_asset_class("fx") == "fx"
    with pytest.raises(ValueError, match="unknown asset class 'FX': use one of equity, crypto, fx"):
        require_asset_class("FX")
