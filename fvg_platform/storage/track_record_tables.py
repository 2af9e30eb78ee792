"""The track record's tables: predictions that can be judged, and how they came out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from fvg_platform.learning import track_record_sums as bits
from fvg_platform.learning.track_record import ANY, ANY_VERSION
from fvg_platform.learning.track_record_curves import calibration_curves as calibration_curves_of
from fvg_platform.storage.bulk import Written, read_frame, replace
from fvg_platform.storage.bulk_columns import frame_of
from fvg_platform.storage.bulk_merge import arrow
from fvg_platform.storage.records import as_records
from fvg_platform.storage.schema import model_performance, prediction_outcomes

_KEYS = tuple(column.name for column in model_performance.primary_key)
_FEW = (*bits.KEYS[:2], *bits.KEYS[3:])  # texts of few different values

# One number for what eight columns would say: they took a third longer for a million rows.
_STATE = " + ".join(
    [
        f"CASE WHEN status = 'entered' THEN {bits.ENTERED} ELSE 0 END",
        *(
            f"CASE outcome_1_{path} WHEN 'target' THEN {won | settled} WHEN 'stop' THEN {settled} "
            f"WHEN 'timeout' THEN {settled} ELSE 0 END"
            for path, won, settled in (
                ("lo", bits.WON_LO, bits.SETTLED_LO),
                ("hi", bits.WON_HI, bits.SETTLED_HI),
            )
        ),
        f"CASE WHEN correct THEN {bits.CORRECT} WHEN NOT correct THEN {bits.INCORRECT} ELSE 0 END",
        f"CASE WHEN signal IN ('BUY', 'SELL') THEN {bits.ACTED} ELSE 0 END",
    ]
)


def judged_predictions(
    connection: Any,
    *,
    timeframes: Sequence[str] = (),
    version: int = ANY_VERSION,
    mode: str | None = None,
    origin: str = ANY,
    ticker: str = ANY,
) -> pd.DataFrame:
    """What :func:`fvg_platform.learning.track_record.track_record` needs of each prediction that counts.

    Those count whose setup's whole horizon has passed, that a model made of bars it had not learnt from, and whose
    setup is still there as it was. Rows rather than sums leave the database: few of a million share ticker, day and
    tenth of probability, and grouping them there takes twice as long as sending them.

    Parameters
    ----------
    connection
        An ADBC connection.
    timeframes, version, mode, origin, ticker
        Only these; all by default.

    Returns
    -------
    DataFrame in no order: `life_end, timeframe, mode, model_version, origin, ticker, p_target_1, r_1_lo, r_1_hi,
    latency_ms, state`; texts as categories.
    """
    wanted = {
        "timeframe": ",".join(timeframes),
        "model_version": "" if version == ANY_VERSION else str(version),
        "mode": mode or "",
        "origin": "" if origin == ANY else origin,
        "ticker": "" if ticker == ANY else ticker,
    }
    wanted = {name: value for name, value in wanted.items() if value}
    only = "".join(
        f" AND {name}::text = ANY(string_to_array(${at}, ','))" for at, name in enumerate(wanted, start=1)
    )
    found = arrow(
        connection,
        f"SELECT life_end, {', '.join(bits.KEYS)}, p_target_1, r_1_lo, r_1_hi, latency_ms, ({_STATE})::smallint AS "
        f"state FROM {prediction_outcomes.name} "
        f"WHERE horizon_passed AND NOT superseded AND NOT in_sample AND life_end IS NOT NULL{only}",
        list(wanted.values()),
    )
    for name in _FEW:
        place = found.column_names.index(name)
        found = found.set_column(place, name, found.column(place).dictionary_encode())
    return frame_of(found)


class NothingMatchesError(LookupError):
    """A choice of which there are no rows; the message names those of which there are."""


def require_known(
    connection: Any,
    *,
    origin: str = ANY,
    ticker: str = ANY,
    mode: str | None = None,
    windows: Sequence[int] = (),
) -> None:
    """Refuse what the track record does not know, if there is one.

    Raises
    ------
    NothingMatchesError
        naming what there is instead.
    """
    modes = () if mode is None else (mode,)
    chosen: dict[str, tuple[object, ...]] = {
        "origin": (origin,), "ticker": (ticker,), "mode": modes, "window_days": tuple(windows),
    }  # fmt: skip
    for name, wanted in chosen.items():
        found = read_frame(
            connection, f"SELECT DISTINCT {name} AS value FROM {model_performance.name} ORDER BY 1"
        )
        known = found["value"].tolist()
        unknown = sorted(str(value) for value in wanted if value != ANY and value not in known)
        if known and unknown:
            there = ", ".join(str(value) for value in known if value != ANY)
            raise NothingMatchesError(f"the track record has no {name} {unknown[0]!r}: there is {there}")


def calibration_curves(
    connection: Any,
    *,
    timeframes: Sequence[str] = (),
    version: int = ANY_VERSION,
    mode: str | None = None,
    origin: str = ANY,
    ticker: str = ANY,
) -> list[dict[str, Any]]:
    """Said against seen over everything: :func:`fvg_platform.learning.track_record_curves.calibration_curves`."""
    judged = judged_predictions(
        connection, timeframes=timeframes, version=version, mode=mode, origin=origin, ticker=ticker
    )
    return as_records(calibration_curves_of(judged))


def write_performance(connection: Any, frame: pd.DataFrame, lineage_id: int) -> Written:
    """Make these the whole track record: rows that differ are written, those that are gone deleted.

    Parameters
    ----------
    connection
        An ADBC connection, in a transaction that the caller ends.
    frame
        Rows as :func:`fvg_platform.learning.track_record.track_record` gives them.
    lineage_id
        Of the run that writes; rows that do not change keep theirs.
    """
    return replace(
        connection, model_performance.name, frame.assign(lineage_id=lineage_id), keys=_KEYS, scope={}
    )


def performance_rows(
    connection: Any,
    *,
    as_of: date | None = None,
    timeframes: Sequence[str] = (),
    version: int = ANY_VERSION,
    mode: str | None = None,
    origin: str = ANY,
    ticker: str = ANY,
    windows: Iterable[int] = (),
) -> list[dict[str, Any]]:
    """Rows of the track record, the finest timeframe first, then by mode and window, everything last.

    Parameters
    ----------
    connection
        An ADBC connection.
    as_of
        The day; by default the newest one.
    timeframes, mode, windows
        Only these; all where none is named.
    version, origin, ticker
        Which rows: by default those of whatever served, of any origin, of all tickers together.
    """
    given: Mapping[str, object] = {
        "as_of": as_of.isoformat() if as_of else "",
        "timeframes": ",".join(timeframes),
        "version": str(version),
        "mode": mode or "",
        "origin": origin,
        "ticker": ticker,
        "windows": ",".join(map(str, windows)),
    }
    listed = ", ".join(f'"{c.name}"' for c in model_performance.columns if c.name != "lineage_id")
    found = read_frame(
        connection,
        f"""
        SELECT {listed} FROM {model_performance.name}
        WHERE as_of = CASE WHEN $1 = '' THEN (SELECT max(as_of) FROM {model_performance.name}) ELSE $1::date END
          AND ($2 = '' OR timeframe = ANY(string_to_array($2, ','))) AND model_version = $3::int
          AND ($4 = '' OR mode = $4) AND origin = $5 AND ticker = $6
          AND ($7 = '' OR window_days::text = ANY(string_to_array($7, ',')))
        ORDER BY array_position(ARRAY['1m', '5m', '15m', '1h', '4h', '1d', '1w', '1mo'], timeframe), mode,
          window_days = 0, window_days
        """,
        list(given.values()),
    )
    return as_records(found)
