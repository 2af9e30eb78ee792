"""What the tests of the whole way do to a platform, and what they look at afterwards."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from click.testing import Result
from typer.testing import CliRunner

from fvg_platform.cli import app
from fvg_platform.pipeline.assets import SERIES_ASSETS
from fvg_platform.pipeline.history import failing_checks
from fvg_platform.pipeline.refresh import materialise
from fvg_platform.pipeline.stages import SERIES, SYMBOLS, StageRun
from fvg_platform.storage.bulk_connections import close_idle_connections
from fvg_platform_tests.platforms import Workplace

UP_TO_FEATURES = (*SYMBOLS.assets, *SERIES.assets)


def materialise_assets(
    workplace: Workplace, assets: Sequence[str] = UP_TO_FEATURES, **options: Any
) -> list[StageRun]:
    """What `fvg materialize --select` does, by default up to the features."""
    with workplace.open() as (platform, definitions):
        return materialise(platform, definitions, assets=assets, say=lambda _message: None, **options)


def failures(runs: Sequence[StageRun]) -> dict[str, str]:
    """What the steps that failed said, by step."""
    return {step: said for run in runs for step, said in run.failures.items()}


def shown_partitions(workplace: Workplace) -> dict[str, set[str]]:
    """The partitions that Dagster shows as materialised, by series asset."""
    with workplace.open() as (platform, _definitions):
        return {
            asset.name: set(platform.instance.get_materialized_partitions(dg.AssetKey(asset.name)))
            for asset in SERIES_ASSETS
        }


def checks_that_fail(workplace: Workplace) -> dict[str, Mapping[str, Any]]:
    """The newest evaluation of every check that did not pass, by `asset:check`."""
    with workplace.open() as (platform, definitions):
        found = failing_checks(platform.instance, definitions)
    return {f"{check['asset']}:{check['check']}": check for check in found}


def statuses(workplace: Workplace) -> dict[tuple[str, str], tuple[str, str | None]]:
    """`(state, reason)` by `(TICKER|TIMEFRAME, asset)`, of the assets of the series stage."""
    made = {asset.name for asset in SERIES_ASSETS}
    rows = workplace.rows("SELECT ticker, timeframe, asset, state, reason FROM series_status")
    return {
        (f"{ticker}|{timeframe}", asset): (state, reason)
        for ticker, timeframe, asset, state, reason in rows
        if asset in made
    }


def row_places(workplace: Workplace) -> dict[str, list[tuple]]:
    """Per table `(ticker, timeframe, place, writing transaction, lineage)` of each row: a row written again moves."""
    columns = "ticker, timeframe, ctid::text, xmin::text, lineage_id"
    return {
        table: workplace.rows(f"SELECT {columns} FROM {table} ORDER BY 1, 2, 3")
        for table in ("raw_bars", "market_data", "fvg_labels", "features", "setup_features")
    }


def fvg_in_process(workplace: Workplace, *arguments: str) -> Result:
    """Run the command line in this process, which has everything imported already: 10 s less than in its own."""
    before = dict(os.environ)
    try:
        return CliRunner().invoke(app, arguments, env=workplace.environment)
    finally:
        os.environ.clear()
        os.environ.update(before)
        close_idle_connections()


def fvg(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        command(*arguments), env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def command(*arguments: str) -> list[str]:
    """The command line as a list of arguments, for this interpreter."""
    return [sys.executable, "-c", "from fvg_platform.cli import main; main()", *arguments]
