"""Training that a person asks for: put in line, and with `--now` trained at once in this process."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from fvg_platform.learning.retraining import RetrainRules
from fvg_platform.pipeline.retraining import claim_next, run_tags, settle_queue
from fvg_platform.pipeline.stages import TRAINING, StageRun, run_stage
from fvg_platform.storage import retrain_queue
from fvg_platform.storage.database import Database

if TYPE_CHECKING:
    from fvg_platform.pipeline.platform import Platform

# People's entries are under no rule; under these nobody else's may start.
_ONLY_BY_HAND = RetrainRules(cool_down=dt.timedelta(days=3_650), daily_cap=0)


def ask_for_training(
    database: Database, timeframes: Sequence[str], signal: int | None, reason: str
) -> list[str]:
    """Put models in line, and say of each whether it was put there or waits already."""
    said = []
    asked: list[tuple[str | None, int | None]] = [(timeframe, None) for timeframe in timeframes]
    if signal is not None:
        asked.append((None, signal))
    with database.engine.begin() as connection:
        for timeframe, signal_id in asked:
            entry = retrain_queue.enqueue(
                connection,
                trigger=retrain_queue.HAND,
                reason=reason,
                timeframe=timeframe,
                signal_id=signal_id,
            )
            what = f"the model of {timeframe}" if timeframe else f"the model that said signal {signal_id}"
            said.append(
                f"{what} is asked for already, and waits"
                if entry is None
                else f"{what} waits as entry {entry}"
            )
    return said


def train_what_was_asked(
    platform: "Platform", definitions: dg.Definitions, *, say: Callable[[str], None]
) -> list[StageRun]:
    """Train everything that people asked for, one model after the other, in this process."""
    runs: list[StageRun] = []
    settle_queue(platform.database, platform.instance)
    while claims := claim_next(platform.database, platform.instance, _ONLY_BY_HAND):
        for claim in claims:
            say(f"training {claim.timeframe}: running (entry {claim.id})")
            made = run_stage(
                TRAINING,
                definitions,
                platform.instance,
                partition_range=(claim.timeframe, claim.timeframe),
                tags=run_tags(claim),
            )
            runs += made
        for entry, became in settle_queue(platform.database, platform.instance).items():
            say(f"entry {entry}: {became}")
    return runs
