"""The parts of a model card about acting on it: the backtest, its sheet of returns, the choice of the threshold."""

from collections.abc import Mapping, Sequence
from typing import Any

from fvg_platform.reports.backtest_figures import equity_figure, threshold_figure
from fvg_platform.reports.model_card_page import (
    Cell,
    Part,
    Row,
    drawing,
    folded,
    paragraph,
    section,
    subheading,
    table,
)
from fvg_platform.reports.model_values import (
    DASH,
    PATHS,
    count,
    interval,
    mapping_of,
    number,
    period,
    records_of,
    sentence,
)

Values = Mapping[str, Any]

RUNS = ("signals", "all setups", "random entries", "buy and hold")


def backtest_section(values: Values, sheet: Sequence[Values] | None) -> str:
    """What acting on it would have earned, on either path, beside acting on all, on chance, and on doing nothing."""
    title, backtest = "What acting on it would have earned", mapping_of(values.get("backtest"))
    if not backtest:
        return section(title, paragraph("No backtest is stored."))
    runs = mapping_of(backtest.get("runs"))
    rows = [
        _run_row(name, path, mapping_of(by_path[path]))
        for name in (*RUNS, *(other for other in runs if other not in RUNS))
        for by_path in (mapping_of(runs.get(name)),)
        for path in PATHS
        if path in by_path
    ]
    head = [
        "Run",
        "Trades",
        "Mean R",
        "Won",
        "Sharpe",
        "Deflated",
        "Drawdown",
        "Profit factor",
        "Exposed",
        "Total",
    ]
    return section(
        title,
        _period(backtest),
        drawing(equity_figure(backtest), "equity of the signals on both paths and of the other runs"),
        table(head, rows),
        _why_missing(runs),
        _sheet(records_of(list(sheet)) if sheet is not None else records_of(backtest.get("sheet"))),
        note=(
            "On the test period, net of costs; R is what a trade risks. Where the bars leave open what came first, "
            "the worse path takes the stop and the better one the target. Random entries: the brackets hold 90 of 100 "
            "repetitions, the curve is the median one. Deflated: the probability that the Sharpe ratio is above what "
            "the best of all trials would reach by luck."
        ),
    )


def _period(backtest: Values) -> str:
    threshold = backtest.get("threshold")
    parts = [
        "No threshold, so it acts on nothing"
        if threshold is None
        else f"Acts from {number(threshold, 3)} on",
        period(backtest.get("from"), backtest.get("to")),
        f"{count(backtest.get('trials'))} trials counted",
    ]
    said = [sentence("; ".join(part for part in parts if not part.startswith(DASH)))]
    said += [sentence(backtest["reason"])] if backtest.get("reason") else []
    if backtest.get("excluded"):
        said.append(f"Left out as their time is not over: {count(backtest['excluded'])} setups.")
    return paragraph(" ".join(said))


def _run_row(name: str, path: str, run: Values) -> Row:
    return [
        Cell(name.capitalize(), "" if name == "buy and hold" else PATHS[path]),
        Cell(count(run.get("trades")), _other_orders(run)),
        _estimate_cell(run.get("mean_r"), 3, signed=True),
        number(run.get("win_rate"), 1, percent=True),
        _estimate_cell(run.get("sharpe"), 2, signed=True),
        number(run.get("deflated_sharpe"), 2),
        _estimate_cell(run.get("max_drawdown"), 1, percent=True),
        number(run.get("profit_factor"), 2),
        number(run.get("exposure"), 0, percent=True),
        number(run.get("total_return"), 1, percent=True, signed=True),
    ]


def _other_orders(run: Values) -> str:
    """What became of the orders that were no trades, and which trades were over at once."""
    placed = run.get("orders")
    lines = [f"of {count(placed)} orders"] if placed and placed != run.get("trades") else []
    lines += [
        f"{count(run[name])} {told}"
        for name, told in (("skipped", "skipped"), ("gap_invalid", "stopped at once"))
        if run.get(name)
    ]
    return "\n".join(lines)


def _estimate_cell(estimate: Any, decimals: int, *, signed: bool = False, percent: bool = False) -> Cell:
    form: dict[str, Any] = {"signed": signed, "percent": percent}
    return Cell(
        number(mapping_of(estimate).get("value"), decimals, **form), interval(estimate, decimals, **form)
    )


_ESTIMATES = {"mean_r": "mean R", "sharpe": "Sharpe"}


def _why_missing(runs: Values) -> str:
    missing: dict[str, list[str]] = {}
    for name, by_path in runs.items():
        for path, run in mapping_of(by_path).items():
            which = f"{name}, {PATHS.get(path, path)}"
            told = {which: mapping_of(run)}
            if not told[which].get("reason"):
                told = {
                    f"{which}, {words}": mapping_of(told[which].get(key)) for key, words in _ESTIMATES.items()
                }
            for what, holder in told.items():
                if holder.get("reason"):
                    missing.setdefault(str(holder["reason"]), []).append(what)
    lines = "".join(
        paragraph(f"{'; '.join(names)}: {sentence(reason)}", "note") for reason, names in missing.items()
    )
    return folded("Why figures or intervals are missing", lines)


def _sheet(rows: list[dict[str, Any]]) -> str:
    """The sheet of daily returns, a heading for each group."""
    if not rows:
        return paragraph("No sheet of daily returns is stored.", "note")
    runs = list(mapping_of(rows[0].get("values")))
    lines: list[Row] = []
    for group in dict.fromkeys(row["group"] for row in rows):
        lines.append(Part(str(group)))
        lines += [
            [
                str(row["figure"]),
                *(_sheet_figure(row, mapping_of(row.get("values")).get(run)) for run in runs),
            ]
            for row in rows
            if row["group"] == group
        ]
    return subheading("Daily returns") + table(["", *(run.capitalize() for run in runs)], lines)


def _sheet_figure(row: Values, value: Any) -> str:
    kind = row.get("kind")
    return number(value, {"percent": 2, "count": 0}.get(str(kind), 2), percent=kind == "percent")


def threshold_section(values: Values) -> str:
    """From which probability on it acts, and what the other candidates would have earned on the folds."""
    title, stored = "From which probability on it acts", mapping_of(values.get("threshold"))
    if not stored:
        return section(title, paragraph("No choice of a threshold is stored."))
    candidates = records_of(stored.get("candidates"))
    rows = [
        [
            "everything" if row.get("value") == 0 else f"from {number(row.get('value'), 4)}",
            count(row.get("n")),
            count(row.get("blocks")),
            number(row.get("mean_r"), 4, signed=True),
            number(row.get("low"), 4, signed=True),
            number(row.get("corrected_low"), 4, signed=True),
            number(row.get("sharpe"), 3, signed=True),
        ]
        for row in candidates
    ]
    head = ["Acts on", "Trades", "Lives", "Mean R", "Lower bound", "For all tried", "Sharpe a trade"]
    reason = paragraph(str(stored["reason"])) if stored.get("reason") else ""
    return section(
        title,
        reason,
        drawing(threshold_figure(stored), "mean R and its lower bound for each candidate threshold"),
        folded("Every candidate", table(head, rows)) if rows else "",
        note="Chosen on the folds of the training period, on the worse path; the test period has no say in it.",
    )
