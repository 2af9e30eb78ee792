"""Training that a person asks for: put in line, and with `--now` trained at once in this process."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from fvg_platform.learning.retraining import RetrainRules
from fvg_platform.pipeline.retraining import claim_next, run_tags, settle_queue, training_runs
from fvg_platform.pipeline.stages import TRAINING, StageRun, run_stage
from fvg_platform.storage import retrain_queue
from fvg_platform.storage.database import Database
from fvg_platform.storage.prediction_tables import signal_exists

if TYPE_CHECKING:
    from fvg_platform.pipeline.platform import Platform


class NotTrainedError(RuntimeError):
    """What was to be trained now waits; the message says for what."""


class UnknownSignalError(LookupError):
    """A prediction that was never made."""


# People's entries are under no rule; under these nobody else's may start.
_ONLY_BY_HAND = RetrainRules(cool_down=dt.timedelta(days=3_650), daily_cap=0)


def ask_for_training(
    database: Database, timeframes: Sequence[str], signal: int | None, reason: str | None
) -> list[str]:
    """Put models in line, and say of each whether it was put there or waits already.

    Raises
    ------
    UnknownSignalError
        No prediction has the id.
    """
    said = []
    asked: list[tuple[str | None, int | None]] = [(timeframe, None) for timeframe in timeframes]
    if signal is not None:
        asked.append((None, signal))
    with database.engine.begin() as connection:
        if signal is not None and not signal_exists(connection, signal):
            raise UnknownSignalError(f"there is no signal {signal}: see the ids in the view signals")
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
    """Train everything that people asked for, one model after the other, in this process.

    Raises
    ------
    NotTrainedError
        Something else is training.
    """
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
        settle_queue(platform.database, platform.instance)
        with platform.database.engine.connect() as connection:
            recent = {row.id: row for row in retrain_queue.recent(connection)}
        for claim in claims:
            row = recent[claim.id]
            say(f"entry {claim.id}: {row.status}: {row.result or row.error_message}")
    with platform.database.engine.connect() as connection:
        left = [row for row in retrain_queue.waiting(connection) if row.trigger == retrain_queue.HAND]
    if left:
        busy = training_runs(platform.instance)
        why = f"run {busy[0][:8]} is training" if busy else "another process has just begun a training"
        raise NotTrainedError(
            f"{len(left)} of what was asked for still waits, for {why}: the daemon of `fvg up` trains it after that, "
            "or try again"
        )
    return runs
