"""The registry of models: list, show, compare, activate, retire."""

import sys
from typing import Annotated

import typer

from fvg_platform.cli.app import models
from fvg_platform.cli.shared import AsJson, Timeframes, database_ready, print_values, say

Timeframe = Annotated[str, typer.Argument(help="1m, 5m, 15m, 1h, 4h, 1d, 1w or 1mo.")]
Version = Annotated[int, typer.Argument(help="Number of the version, see `fvg models list`.")]


@models.command("list")
def list_versions(timeframe: Timeframes = None, as_json: AsJson = False) -> None:
    """Every version: status and why, algorithm, skill and calibration on its test period."""
    from fvg_platform.market.timeframes import require_timeframe
    from fvg_platform.reports.model_tables import models_table, models_values
    from fvg_platform.storage.model_registry import model_list

    chosen = {require_timeframe(name) for name in timeframe or ()}
    with database_ready() as (_, database), database.bulk() as connection:
        rows = [row for row in model_list(connection) if not chosen or row["timeframe"] in chosen]
    print_values(
        {"models": models_values(rows)}, lambda values: models_table(values["models"]), as_json=as_json
    )


@models.command()
def show(
    timeframe: Timeframe,
    version: Annotated[int | None, typer.Argument(help="By default the one that serves.")] = None,
    as_json: AsJson = False,
) -> None:
    """One version in full, and where its model card lies."""
    from fvg_platform.pipeline.model_operations import version_record
    from fvg_platform.pipeline.resources import model_store
    from fvg_platform.reports.model_tables import model_table
    from fvg_platform.reports.model_values import model_values

    with database_ready() as (settings, database):
        record = version_record(database, model_store(settings), timeframe, version)
    print_values(model_values(record), model_table, as_json=as_json)


@models.command()
def compare(
    timeframe: Timeframe,
    champion: Annotated[int, typer.Argument(help="The version to beat.")],
    challenger: Annotated[int, typer.Argument(help="The version that would take its place.")],
    as_json: AsJson = False,
) -> None:
    """Two versions on the setups that are newer than both: who is better, and how sure that is."""
    from fvg_platform.pipeline.model_operations import compare_versions
    from fvg_platform.pipeline.resources import model_store
    from fvg_platform.reports.model_comparison import comparison_table, comparison_values

    with database_ready() as (settings, database):
        first, second, verdict = compare_versions(
            database, model_store(settings), timeframe, champion, challenger
        )
    print_values(comparison_values(first, second, verdict), comparison_table, as_json=as_json)


@models.command()
def activate(timeframe: Timeframe, version: Version) -> None:
    """Let a version serve from now on; the one that did is retired."""
    from fvg_platform.pipeline.model_operations import activate_version
    from fvg_platform.pipeline.resources import model_store, own_features

    with database_ready() as (settings, database):
        activate_version(database, model_store(settings), timeframe, version, own_features(settings.features))
    sys.stdout.write(f"version {version} of the model of {timeframe} serves now\n")


@models.command()
def retire(timeframe: Timeframe, version: Version) -> None:
    """Take a version out of service, or out of the race for it."""
    from fvg_platform.pipeline.model_operations import retire_version
    from fvg_platform.pipeline.resources import model_store

    with database_ready() as (settings, database):
        served = retire_version(database, model_store(settings), timeframe, version)
    sys.stdout.write(f"version {version} of the model of {timeframe} is retired\n")
    if served:
        say(
            f"it was the one that served: nothing serves {timeframe} until `fvg models activate {timeframe} VERSION`"
        )
