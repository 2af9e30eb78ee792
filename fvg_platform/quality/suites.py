"""Great Expectations suites over profiles of tables.

A profile has one row per series (or per split, or per model) and one column per rule, the number of rows that
break it. Profiles are counted in the database, so a check of a hundred million rows moves a hundred rows; the
expectations say what the counts must be and name the series where they are not.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Breach:
    """One rule broken by one row of the profile: where, and by how many rows."""

    where: dict[str, str]
    rule: str
    count: float


def breaches(profile: pd.DataFrame, keys: Sequence[str], rules: Sequence[str]) -> list[Breach]:
    """Hold every rule's count against zero.

    Parameters
    ----------
    profile
        Columns `keys`, which name the row, and one column of counts per rule.
    rules
        The columns whose counts must be zero and known.

    Returns
    -------
    What is broken, worst first; empty when all is well.
    """
    if profile.empty:
        return []
    import great_expectations.expectations as gxe

    found: list[Breach] = []
    expectations: list[Any] = [
        gxe.ExpectColumnValuesToBeBetween(column=rule, min_value=0, max_value=0) for rule in rules
    ]
    expectations += [gxe.ExpectColumnValuesToNotBeNull(column=rule) for rule in rules]
    for result in _validate(profile, expectations, keys):
        rule = str(result.expectation_config.kwargs["column"])
        for row in result.result.get("unexpected_index_list") or []:
            count = row.get(rule)
            where = {key: str(row[key]) for key in keys}
            found.append(Breach(where, rule, float("nan") if count is None else float(count)))
    return sorted(found, key=lambda breach: (-breach.count, breach.rule, list(breach.where.values())))


def _validate(profile: pd.DataFrame, expectations: list[Any], keys: Sequence[str]) -> list[Any]:
    import great_expectations as gx

    suite = gx.ExpectationSuite(name="profile", expectations=expectations)
    batch = _asset().add_batch_definition_whole_dataframe("profile").get_batch({"dataframe": profile})
    outcome = batch.validate(
        suite, result_format={"result_format": "COMPLETE", "unexpected_index_column_names": list(keys)}
    )
    failed = [r for r in outcome.results if r.exception_info and r.exception_info.get("raised_exception")]
    if failed:
        raise RuntimeError(f"a check could not be evaluated: {failed[0].exception_info}")
    return list(outcome.results)


@cache
def _context() -> Any:
    # Importing Great Expectations takes 1.5 to 5 s, so nothing does before a check runs. Its analytics would
    # look for the internet.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    return context


def _asset() -> Any:
    source = _context().data_sources.add_or_update_pandas(name="profiles")
    return source.add_dataframe_asset(name="profile")
