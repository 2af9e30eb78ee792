"""What setups did, in figures and pictures: stats, chart."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from fvg_platform.cli.app import app
from fvg_platform.cli.shared import AsJson, Timeframes, database_ready, print_values, say


@app.command()
def stats(
    by: Annotated[
        str, typer.Option(help="all, timeframe, mode, ticker, side, session, rule or year.")
    ] = "timeframe",
    timeframe: Timeframes = None,
    ticker: Annotated[
        list[str] | None, typer.Option("--ticker", help="With --by ticker: only this one; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Win rates, R, fills and excursions of setups, and beside them the same on bars without an edge."""
    from rich.console import Group

    from fvg_platform import research
    from fvg_platform.market.timeframes import require_timeframe
    from fvg_platform.reports.statistics import statistics_table, statistics_values

    chosen = [require_timeframe(name) for name in timeframe or ()]
    with database_ready():
        found = research.statistics(by)
    if chosen:
        found = found[found["timeframe"].isin(chosen)]
    if ticker:
        if by != "ticker":
            raise typer.BadParameter("--ticker goes with --by ticker", param_hint="--ticker")
        known = sorted(set(found["value"]))
        if unknown := sorted(set(ticker) - set(known)):
            raise typer.BadParameter(
                f"no statistics of {', '.join(unknown)}; there are some of {', '.join(known) or 'none yet'}",
                param_hint="--ticker",
            )
        found = found[found["value"].isin(ticker)]
    print_values(
        {"statistics": statistics_values(found)},
        lambda _values: Group(*statistics_table(found)),
        as_json=as_json,
    )


@app.command()
def chart(
    ticker: Annotated[str, typer.Argument(help="Ticker of the series.")],
    timeframe: Annotated[str, typer.Argument(help="1m, 5m, 15m, 1h, 4h, 1d, 1w or 1mo.")],
    first: Annotated[str | None, typer.Option("--from", help="First exchange day, YYYY-MM-DD.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last exchange day, YYYY-MM-DD.")] = None,
    bars: Annotated[int, typer.Option(min=1, help="Of the range the last so many bars.")] = 300,
    zones: Annotated[
        bool, typer.Option("--zones", help="Joined gaps, inverse zones and balanced ranges too.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="A .png or .html file; by default TICKER_TIMEFRAME.png."),
    ] = None,
) -> None:
    """Draw candles, gaps from birth to fill or inversion, and setups with what became of them."""
    from fvg_platform import research
    from fvg_platform.reports.chart import save_chart
    from fvg_platform.reports.chart_file import PICTURES, require_suffix

    place = require_suffix(output or Path(f"{ticker}_{timeframe}.png".replace(":", "-")), *PICTURES)
    with database_ready():
        drawn = research.chart(ticker, timeframe, since=first, until=last, most_bars=bars, with_zones=zones)
    say(f"{save_chart(drawn, place)}: {drawn.title}")
    sys.stdout.write("\n".join(drawn.counts) + "\n")
