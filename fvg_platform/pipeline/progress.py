"""How far a stage is, for whoever watches: the command line's progress bar, or nobody.

A run in the process of the command line reports here; a run that Dagster launches elsewhere shows its progress
by its events.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, int, int], None]

Speaker = Callable[[str], None]

_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)
_speakers: list[Speaker] = []  # of the process, for whoever waits may do so in a thread of its own


@contextmanager
def reported_to(listener: Listener) -> Iterator[None]:
    """Within the block `listener(what, done, total)` hears of every partition that is done."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def report(what: str, done: int, total: int) -> None:
    """Say that `done` of `total` partitions of an asset are done."""
    listener = _listener.get()
    if listener is not None:
        listener(what, done, total)


@contextmanager
def told_to(speaker: Speaker) -> Iterator[None]:
    """Within the block `speaker(message)` hears of everything that is waited for, from whatever thread."""
    _speakers.append(speaker)
    try:
        yield
    finally:
        _speakers.remove(speaker)


def tell(message: str) -> None:
    """Say something to whoever watches: a wait for the vendor, say."""
    for speaker in tuple(_speakers):
        speaker(message)
