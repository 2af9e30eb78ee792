"""Faults on request: which answers go wrong, and how.

A plan names a fault, or none, for each request. By probability it depends on the seed, the question and how often
that was asked, not on the order in which threads ask; or it is a queue, used up in order.
"""

import random
import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from fvg_platform.sources.base import Split
from fvg_platform.sources.polygon_replay.questions import Body

FaultKind = Literal[
    "too_many", "too_many_bare", "server_error", "slow", "dropped", "truncated", "html", "garbage_json",
    "wrong_count", "duplicates", "disorder", "split_overnight",
]  # fmt: skip
KINDS: tuple[FaultKind, ...] = get_args(FaultKind)

OF_ROWS: frozenset[FaultKind] = frozenset({"wrong_count", "duplicates", "disorder"})
"""What only answers with bars can have."""

# After these a client has what it asked for; the others make it ask again.
_HARMLESS: frozenset[FaultKind] = frozenset({"duplicates", "disorder", "split_overnight"})
_SERVER_ERRORS = (500, 502, 503)


@dataclass(frozen=True)
class Fault:
    """One fault.

    Parameters
    ----------
    kind
        `too_many`: 429 with Retry-After, `too_many_bare`: without; `server_error`: `status`; `slow`: a sound answer
        after `seconds`; `dropped`: the connection closes before any byte; `truncated`: it closes in the middle of
        the body; `html`: 200 with a page for people; `garbage_json`: 200 with JSON that breaks off; `wrong_count`:
        the last row is missing but counted; `duplicates`: some rows come twice; `disorder`: rows are shuffled;
        `split_overnight`: `split` enters into force, then the answer is sound.
    retry_after
        Seconds of a 429's header.
    seed
        Of what is random in duplicates and disorder.
    """

    kind: FaultKind
    status: int = 500
    retry_after: int = 1
    seconds: float = 0.5
    split: Split | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        _require_kind(self.kind)
        if self.kind == "split_overnight" and self.split is None:
            raise ValueError(
                "the fault split_overnight needs a split: Fault('split_overnight', split=Split(...))"
            )


class FaultPlan:
    """Says which fault each request meets; used by several threads. Made by `of`, `parse` or `queue`."""

    def __init__(self) -> None:
        self._shares: dict[FaultKind, float] = {}
        self._pattern = Fault("slow")
        self._seed = 0
        self._max_in_a_row = 0
        self._splits: deque[Split] = deque()
        self._queue: deque[Fault | None] = deque()
        self._asked: Counter[str] = Counter()
        self._in_a_row: Counter[str] = Counter()
        self._lock = threading.Lock()

    @classmethod
    def of(
        cls,
        probabilities: Mapping[str, float],
        *,
        seed: int = 0,
        max_in_a_row: int = 3,
        slow_seconds: float = 0.5,
        retry_after: int = 1,
        splits: Iterable[Split] = (),
    ) -> "FaultPlan":
        """Faults by chance.

        Parameters
        ----------
        probabilities
            Of each kind per request, together at most 1.
        max_in_a_row
            How often in a row the same question may meet a fault that makes a client ask again; a client that asks
            more often than that gets its answer.
        splits
            Those that enter into force overnight, one at each such fault, in this order; then there are none.

        Raises
        ------
        ValueError
            An unknown kind, or probabilities that are none.
        """
        plan = cls()
        plan._shares = {_require_kind(kind): share for kind, share in probabilities.items()}
        if any(share < 0 for share in plan._shares.values()) or sum(plan._shares.values()) > 1 + 1e-9:
            raise ValueError(
                f"probabilities of faults must be at least 0 and together at most 1, not {probabilities}"
            )
        plan._seed, plan._max_in_a_row = seed, max_in_a_row
        plan._pattern = Fault("slow", seconds=slow_seconds, retry_after=retry_after)
        plan._splits = deque(splits)
        if plan._shares.get("split_overnight") and not plan._splits:
            raise ValueError("split_overnight has a probability, but no splits are given")
        return plan

    @classmethod
    def parse(cls, text: str, *, seed: int = 0) -> "FaultPlan":
        """Faults by chance, written `too_many=0.1,slow=0.05`; ValueError names what cannot be understood."""
        probabilities = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            kind, _, share = part.partition("=")
            try:
                probabilities[kind.strip()] = float(share)
            except ValueError:
                raise ValueError(f"fault {part!r}: write KIND=PROBABILITY, such as too_many=0.1") from None
        return cls.of(probabilities, seed=seed)

    @classmethod
    def queue(cls, faults: Iterable[Fault | str | None]) -> "FaultPlan":
        """One entry for each request in turn, then no more; None: a sound answer.

        An entry that only answers with bars can have waits at the head of the queue until bars are asked for.
        """
        plan = cls()
        plan._queue.extend(Fault(_require_kind(each)) if isinstance(each, str) else each for each in faults)
        return plan

    def next_fault(self, question: str, *, of_bars: bool) -> Fault | None:
        """The fault that a request for a question meets now.

        Parameters
        ----------
        question
            Path and query.
        of_bars
            Whether the answer would hold bars.
        """
        with self._lock:
            if self._shares:
                return self._by_chance(question, of_bars)
            if not self._queue or (not of_bars and _is_of_rows(self._queue[0])):
                return None
            return self._queue.popleft()

    def _by_chance(self, question: str, of_bars: bool) -> Fault | None:
        self._asked[question] += 1
        dice = random.Random(f"{self._seed} {self._asked[question]} {question}")  # noqa: S311
        kind = self._drawn(dice.random())
        if kind in OF_ROWS and not of_bars:
            kind = None
        if kind == "split_overnight" and not self._splits:
            kind = None
        if kind is not None and kind not in _HARMLESS:
            if self._in_a_row[question] >= self._max_in_a_row:
                kind = None
            else:
                self._in_a_row[question] += 1
        if kind is None or kind in _HARMLESS:
            del self._in_a_row[question]
        if kind is None:
            return None
        split = self._splits.popleft() if kind == "split_overnight" else None
        status, seed = dice.choice(_SERVER_ERRORS), dice.getrandbits(32)
        return replace(self._pattern, kind=kind, split=split, status=status, seed=seed)

    def _drawn(self, chance: float) -> FaultKind | None:
        for kind, share in self._shares.items():
            chance -= share
            if chance < 0:
                return kind
        return None


def spoil_rows(body: Body, fault: Fault) -> Body:
    """An answer with bars as a fault of :data:`OF_ROWS` leaves it; the rows of the original stay as they are."""
    rows = list(body.get("results", []))
    if fault.kind == "wrong_count":
        return body | ({"results": rows[:-1]} if rows else {"resultsCount": 1})
    if not rows:
        return body
    dice = random.Random(fault.seed)  # noqa: S311
    if fault.kind == "duplicates":
        for position in sorted(dice.sample(range(len(rows)), min(3, len(rows))), reverse=True):
            rows.insert(position, rows[position])
        return body | {"results": rows, "resultsCount": len(rows)}
    before = list(rows)
    dice.shuffle(rows)
    return body | {"results": rows if rows != before else before[::-1]}


def _is_of_rows(fault: Fault | None) -> bool:
    return fault is not None and fault.kind in OF_ROWS


def _require_kind(kind: str) -> FaultKind:
    for known in KINDS:
        if kind == known:
            return known
    raise ValueError(f"unknown fault {kind!r}: use one of {', '.join(KINDS)}")
