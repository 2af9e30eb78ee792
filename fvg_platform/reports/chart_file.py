"""A picture's file: named by its suffix, written whole or not at all."""

import os
from pathlib import Path
from uuid import uuid4

PICTURES = (".png", ".html")


class ChartError(ValueError):
    """A picture that cannot be drawn or written; the message says why, and what can be."""


def require_suffix(path: Path | str, *suffixes: str) -> Path:
    """The path, if it ends with one of the suffixes; else ChartError naming them."""
    place = Path(path).expanduser()
    if place.is_dir():
        raise ChartError(f"{place} is a folder: name a file in it")
    if place.suffix.lower() not in suffixes:
        wanted = " or ".join(suffixes)
        raise ChartError(f"{place.name!r} must end with {wanted}: the suffix says what is drawn")
    return place


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the path, then rename: a reader finds the old file or the new one, never half of it."""
    if not path.parent.is_dir():
        raise ChartError(f"there is no folder {path.parent} to write {path.name} into")
    draft = path.with_name(f".{path.name}.{uuid4().hex}.draft")
    try:
        _write(draft, path, content)
    except OSError as error:
        raise ChartError(f"{path} cannot be written: {error.strerror or error}") from error


def _write(draft: Path, path: Path, content: bytes) -> None:
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
