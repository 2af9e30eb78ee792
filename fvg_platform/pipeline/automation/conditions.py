"""When an asset starts by itself: declarative conditions.

Series are sparse, so no condition waits for upstream partitions that may never exist. Split and models have
no condition at all: training starts from the queue or by a person.
"""

import dagster as dg


def on_change_upstream() -> dg.AutomationCondition:
    """When something upstream was materialised, its blocking checks passed, and nothing upstream is at work.

    Unlike `eager()` it neither waits for missing upstream partitions nor fires for missing ones of its own: a
    ticker without minute bars would otherwise be asked for them for ever. And unlike `any_deps_updated()` it
    counts an update by a run that was to make this asset too: had one bad series ended that run, the sound ones
    would be forgotten. A run that did reach this asset has handled the update: what was made later wins.
    """
    updated = dg.AutomationCondition.newly_updated() | dg.AutomationCondition.will_be_requested()
    return (
        dg.AutomationCondition.any_deps_match(updated).since_last_handled()
        & ~dg.AutomationCondition.any_deps_in_progress()
        & ~dg.AutomationCondition.in_progress()
        & dg.AutomationCondition.all_deps_blocking_checks_passed()
    ).with_label("on_change_upstream")


def latest_day_on_change() -> dg.AutomationCondition:
    """:func:`on_change_upstream` for the newest day alone; past days are for people to fill."""
    return (dg.AutomationCondition.in_latest_time_window() & on_change_upstream()).with_label(
        "latest_day_on_change"
    )
