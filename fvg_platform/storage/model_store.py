"""Where the models' files lie: artifacts and model cards, in a folder or an object store that fsspec reaches.

Files are named by their content and written whole or not at all, so that a training that is killed leaves at most a
file that nobody refers to. Credentials of an object store come from its own environment variables, never from its
address.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4


class ModelStoreError(RuntimeError):
    """The store cannot be reached or lacks a file; the message says which, and what to do."""


@dataclass(frozen=True)
class ModelStore:
    """Files by name under one address: a path, or a URL such as ``s3://bucket/models``."""

    address: str | Path

    def __post_init__(self) -> None:
        # One address may be wrapped in another: simplecache::s3://…
        parts = [urlsplit(part) for part in str(self.address).split("::")]
        if any(part.password is not None or (part.scheme and part.query) for part in parts):
            raise ModelStoreError(
                "the address of the model store holds a password or parameters: give these to its client in the "
                "environment (for S3 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY) and leave them out of FVG_MODEL_STORE"
            )

    def has(self, name: str) -> bool:
        """Whether a file is there.

        Raises
        ------
        ModelStoreError
            The store cannot be reached.
        """
        try:
            filesystem, place = self._place(name)
            return bool(filesystem.exists(place))
        except OSError as error:
            raise ModelStoreError(f"{self.address} cannot be reached: {error}") from error

    def save(self, name: str, content: bytes) -> str:
        """Write a file, whole or not at all, and return its name; one with the same content is left alone."""
        try:
            filesystem, place = self._place(name)
            if filesystem.exists(place) and filesystem.cat_file(place) == content:
                return name
            filesystem.makedirs(self._root, exist_ok=True)
            if self.is_local:
                # A rename is atomic in a folder; object stores show a file only when it is whole.
                partial = f"{place}.{uuid4().hex}.partial"
                filesystem.pipe_file(partial, content)
                Path(partial).replace(place)
            else:
                filesystem.pipe_file(place, content)
        except OSError as error:
            raise ModelStoreError(f"{name} cannot be written to {self.address}: {error}") from error
        return name

    def load(self, name: str) -> bytes:
        """The bytes of a file.

        Raises
        ------
        ModelStoreError
            saying which file is missing and that training again makes it.
        """
        try:
            filesystem, place = self._place(name)
            content: bytes = filesystem.cat_file(place)
        except FileNotFoundError:
            raise ModelStoreError(
                f"the file {name} is not in the model store {self.address}: restore it from a backup, let another "
                "version serve (`fvg models activate`), or train again with "
                "`fvg materialize --select train_test_split,win_rate_model`"
            ) from None
        except OSError as error:
            raise ModelStoreError(f"{name} cannot be read from {self.address}: {error}") from error
        return content

    def full_address(self, name: str) -> str:
        """Where a file lies, for people: a path or a URL."""
        return f"{str(self.address).rstrip('/')}/{name}"

    @property
    def is_local(self) -> bool:
        """Whether the store is a folder of this machine."""
        protocol = self._filesystem[0].protocol
        return "file" in ((protocol,) if isinstance(protocol, str) else protocol)

    @cached_property
    def _filesystem(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]

        try:
            filesystem, root = url_to_fs(str(self.address))
        except (ImportError, ValueError) as error:
            raise ModelStoreError(
                f"the model store {self.address} cannot be reached: {error}. Install the client that fsspec needs "
                "for it (s3fs, gcsfs, adlfs), or use a folder"
            ) from None
        return filesystem, root

    @property
    def _root(self) -> str:
        return self._filesystem[1].rstrip("/")

    def _place(self, name: str) -> tuple[Any, str]:
        return self._filesystem[0], f"{self._root}/{name}"


def artifact_name(timeframe: str, sha256: str) -> str:
    """The name of a model's file."""
    return f"{timeframe}-{sha256[:16]}.json"


def card_name(timeframe: str, version: int, sha256: str) -> str:
    """The name of a version's model card."""
    return f"{timeframe}-v{version}-{sha256[:16]}.html"
