"""Rules about rows that gate a series: pure predicates over counts.

A series that breaks one keeps its rows in quarantine and is held back from everything downstream until it is
mended; no other series is touched. Invariants of whole tables are in :mod:`fvg_platform.quality.suites`.
"""

from collections.abc import Mapping

# A vendor's series of millions of rows has stray faults; one row in twenty is a broken feed or a wrong file.
MAX_REJECTED_SHARE = 0.05


def why_held_back(kept: int, rejected: Mapping[str, int]) -> str | None:
    """Why a cleaned series may not be used, or None if it may.

    Parameters
    ----------
    kept
        Number of clean bars.
    rejected
        Number of refused rows by reason.
    """
    refused = sum(rejected.values())
    if refused + kept == 0:
        return "the source gave no rows"
    share = refused / (refused + kept)
    if kept and share <= MAX_REJECTED_SHARE:
        return None
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(rejected.items()))
    return (
        f"{refused} of {refused + kept} rows ({share:.1%}) were refused ({reasons}), more than the "
        f"{MAX_REJECTED_SHARE:.0%} that a usable series may lose; see bar_quarantine and mend the source"
    )
