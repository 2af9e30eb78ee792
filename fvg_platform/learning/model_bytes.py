"""A model's bytes: canonical JSON (sorted keys, no spaces, shortest exact decimals) wrapped with its SHA-256.

The same content gives the same bytes; bytes that were changed, or are of another format, are refused.
"""

import hashlib
import json
from typing import Any

FORMAT = 2


class ModelCorruptedError(ValueError):
    """Stored bytes are not those of a model, or not the ones that were asked for."""


class ModelFormatError(ModelCorruptedError):
    """The bytes are of a format that this code does not read."""


def digest(model: dict[str, Any]) -> str:
    """SHA-256 of a model's content, in hex."""
    return hashlib.sha256(_canonical(model)).hexdigest()


def wrap(model: dict[str, Any]) -> bytes:
    """The bytes of a model's content."""
    return _canonical({"model": model, "sha256": digest(model)})


def unwrap(stored: bytes, *, sha256: str | None = None) -> dict[str, Any]:
    """The inverse of :func:`wrap`.

    Raises
    ------
    ModelCorruptedError
        The bytes are no model, do not match the digest they carry, or not the one that is expected.
    ModelFormatError
        They are of an older or a newer format; both numbers are named.
    """
    try:
        envelope = json.loads(stored, parse_constant=_refuse)
        model, carried = envelope["model"], envelope["sha256"]
        found_format = model["format"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelCorruptedError(
            f"{len(stored)} bytes are not a stored model: {error!r}. Train it again."
        ) from error
    _require_format(found_format)
    try:
        found = digest(model)
    except (
        ValueError,
        RecursionError,
    ) as error:  # 1e999, half a surrogate: JSON takes what a model never holds
        raise ModelCorruptedError(
            f"{len(stored)} bytes are not a stored model: {error!r}. Train it again."
        ) from error
    for name, expected in (("carry", carried), ("were expected to have", sha256 or carried)):
        if expected != found:
            raise ModelCorruptedError(
                f"the model's SHA-256 is {found}, but its bytes {name} {expected}: they were changed after "
                "training. Restore them from a backup or train the model again."
            )
    return dict(model)


def _require_format(found: object) -> None:
    if found == FORMAT:
        return
    if isinstance(found, int) and found > FORMAT:
        raise ModelFormatError(
            f"the model has format {found}, this code reads format {FORMAT}: a newer version of the platform wrote "
            "it. Upgrade this one, or train the model again here."
        )
    raise ModelFormatError(
        f"the model has format {found!r}, this code reads format {FORMAT}: train the model again"
    )


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of a model")


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
