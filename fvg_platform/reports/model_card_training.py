"""The parts of a model card about the model itself: scores, calibration, validation, importances, tuning, settings."""

from collections.abc import Mapping
from typing import Any

from fvg_platform.reports.model_card_page import (
    Cell,
    Row,
    drawing,
    folded,
    paragraph,
    section,
    table,
)
from fvg_platform.reports.model_figures import (
    FEATURES_SHOWN,
    combinatorial_figure,
    importance_figure,
    reliability_figure,
    trials_figure,
    walk_forward_figure,
)
from fvg_platform.reports.model_metrics import METRICS, Metric, metric_values
from fvg_platform.reports.model_values import (
    DASH,
    count,
    day,
    flat,
    interval,
    is_number,
    mapping_of,
    number,
    records_of,
    sentence,
    setting,
    targets_in,
    words,
)

Values = Mapping[str, Any]
_TONES = {"better": "good", "worse": "bad"}


def metrics_section(values: Values) -> str:
    """Every score on the unseen test period with its interval, and what the base rate would have scored."""
    judged = mapping_of(values.get("test_metrics"))
    title = "How good it is on bars that it has not seen"
    if not judged:
        why = "Not judged: the test period of a split judges one model, so that it stays unseen."
        return section(title, paragraph(why), _fold_scores(values))
    targets = targets_in(judged)
    head: list[str | Cell] = [
        "Score",
        *(_judged_head(target, mapping_of(judged[target])) for target in targets),
    ]
    rows = []
    for metric, row in zip(METRICS, metric_values(judged), strict=True):
        cells = [_score_cell(metric, row["targets"][target]) for target in targets]
        rows.append([Cell(metric.title, metric.meaning), *cells])
    note = (
        "Value, its interval in brackets, and below what saying the training period's base rate every time would "
        "have scored on the same outcomes. Coloured where the interval leaves no doubt."
    )
    return section(title, table(head, rows), _reasons(judged), _fold_scores(values), note=note)


def _judged_head(target: str, evaluation: Values) -> Cell:
    n, positives, rate = (evaluation.get(name) for name in ("n", "positives", "base_rate"))
    share = positives / n if is_number(n) and n and is_number(positives) else None
    lines = (
        f"{count(n)} setups in {count(evaluation.get('blocks'))} blocks",
        f"{number(share, 1, percent=True)} came true",
        f"base rate {number(rate, 1, percent=True)}",
    )
    return Cell(words(target).capitalize(), "\n".join(lines))


def _score_cell(metric: Metric, scored: Values) -> Cell:
    form: dict[str, Any] = {"decimals": metric.decimals, "percent": metric.percent}
    below = [interval(scored, signed=metric.signed, **form)]
    if metric.name != "skill":  # the base rate has none, by definition
        below += [f"base rate {number(scored['baseline'], **form)}"]
    tone = _TONES.get(scored["standing"] or "", "")
    return Cell(number(scored["value"], signed=metric.signed, **form), "\n".join(filter(None, below)), tone)


def _reasons(judged: Values) -> str:
    """Why figures are missing, each reason once with the figures that it explains."""
    missing: dict[str, list[str]] = {}
    for metric in METRICS:
        for target in targets_in(judged):
            reason = mapping_of(mapping_of(judged[target]).get(metric.name)).get("reason")
            if reason:
                missing.setdefault(str(reason), []).append(f"{metric.title} of {words(target)}")
    lines = "".join(
        paragraph(f"{', '.join(names)}: {sentence(reason)}", "note") for reason, names in missing.items()
    )
    return folded("Why figures or intervals are missing", lines)


def _fold_scores(values: Values) -> str:
    """Every algorithm on the folds, whichever is served: what was tried is told whatever its sign."""
    scores, tried = records_of(values.get("fold_scores")), records_of(values.get("tried"))
    targets = targets_in(dict.fromkeys(row["target"] for row in (*scores, *tried)))
    algorithms = list(dict.fromkeys(row["algorithm"] for row in (*scores, *tried)))
    found = {(row["algorithm"], row["target"]): row for row in scores}
    skills = {(row["algorithm"], row["target"]): mapping_of(row.get("skill")) for row in tried}
    rows: list[Row] = []
    for algorithm in algorithms:
        keys = [(algorithm, target) for target in targets]
        cells = (_fold_cell(mapping_of(found.get(key)), skills.get(key, {})) for key in keys)
        rows.append([words(algorithm), *cells])
    head = ["Algorithm", *(f"Skill, {words(target)}" for target in targets)]
    return folded("The algorithms compared, on the folds of the training period", table(head, rows))


def _fold_cell(score: Values, skill: Values) -> Cell:
    below = [
        interval(skill, signed=True),
        f"Brier {number(score.get('brier'), 4)}" if score else "",
        f"log loss {number(score.get('log_loss'), 4)}" if score else "",
    ]
    return Cell(number(skill.get("value"), signed=True), "\n".join(filter(None, below)))


def calibration_section(values: Values) -> str:
    """Said against seen, and which calibration was chosen."""
    curves = mapping_of(values.get("calibration_curve"))
    figure = reliability_figure(curves)
    said = drawing(figure, "reliability diagram: observed against predicted rates for each target")
    note = (
        "Setups in groups of rising probability: where the points lie on the dashed line, what was said came true as "
        "often as it was said. Bars are each group's interval."
    )
    if not said:
        return section(
            "Can its probabilities be believed?",
            paragraph("No reliability diagram is stored."),
            _chosen(values),
        )
    return section("Can its probabilities be believed?", said, _chosen(values), note=note)


def _chosen(values: Values) -> str:
    calibration = {t: mapping_of(c) for t, c in mapping_of(values.get("calibration")).items()}
    if not calibration:
        return paragraph("Which calibration was chosen is not stored.", "note")
    methods = list(
        dict.fromkeys(name for chosen in calibration.values() for name in mapping_of(chosen.get("scores")))
    )
    rows: list[Row] = []
    for target in targets_in(calibration):
        chosen, scores = calibration[target], mapping_of(calibration[target].get("scores"))
        method = Cell(words(str(chosen.get("method") or DASH)), str(chosen.get("reason") or ""))
        rows.append([words(target), method, *(_method_cell(scores.get(name)) for name in methods)])
    head = ["Calibration, chosen on folds", "Method", *(f"Brier with {words(name)}" for name in methods)]
    return table(head, rows, left=2)


def _method_cell(score: Any) -> Cell:
    """How a method did: its Brier score, or all that is known of it."""
    known = mapping_of(score)
    below = f"log loss {number(known.get('log_loss'), 4)}" if known else ""
    return Cell(number(known.get("brier") if known else score, 4), below)


def walk_forward_section(values: Values) -> str:
    """Skill in each fold of the training period, in order of time."""
    title, folds = "Does its skill last?", records_of(values.get("walk_forward"))
    if not folds:
        return section(title, paragraph("No skill by folds is stored."))
    targets = targets_in(dict.fromkeys(row["target"] for row in folds))
    found = {(row["fold"], row["target"]): row for row in folds}
    first = {row["fold"]: row for row in reversed(folds)}
    rows = [
        [
            f"{day(first[fold].get('first'))} to {day(first[fold].get('last'))}",
            count(first[fold].get("n")),
            *(number(mapping_of(found.get((fold, t))).get("skill"), 3, signed=True) for t in targets),
        ]
        for fold in sorted(first)
    ]
    head = ["Judged on", "Setups", *(words(target).capitalize() for target in targets)]
    note = (
        "Walk-forward inside the training period: each stretch was predicted by a model that had seen only what came "
        "before."
    )
    return section(
        title,
        drawing(walk_forward_figure(folds), "skill of each walk-forward fold over time"),
        folded("As a table", table(head, rows)),
        note=note,
    )


def combinatorial_section(values: Values) -> str:
    """The spread of skill over the paths of combinatorial purged cross-validation."""
    title, stored = "How much of it is luck of the period?", mapping_of(values.get("combinatorial"))
    figure = combinatorial_figure(stored)
    if figure is None:
        why = stored.get("reason")
        return section(
            title, paragraph(f"No combinatorial cross-validation: {sentence(why or 'it is not stored')}")
        )
    rows = [
        [setting(row.get("test_groups")), count(row.get("n")), number(row.get("skill"), 3, signed=True)]
        for row in records_of(stored.get("splits"))
    ]
    return section(
        title,
        drawing(figure, "skill of each path and split of combinatorial cross-validation"),
        folded("The splits", table(["Judged on groups", "Setups", "Skill"], rows)),
        note="Combinatorial purged cross-validation: the same history taken apart in many ways, target 1.",
    )


def importance_section(values: Values) -> str:
    """Which features the predictions are made of."""
    gains, parts = mapping_of(values.get("importances")), mapping_of(values.get("contributions"))
    figure = importance_figure(gains, parts)
    title = "What it looks at"
    if figure is None:
        looks = "The base rate looks at no feature." if values.get("algorithm") == "base_rate" else ""
        return section(title, paragraph(looks or "No importances are stored."))
    note = (
        "Gain: how much the splits on a feature lowered the loss in training. Contribution: how far it moves a "
        "prediction on average, in log odds. Neither says that it causes anything."
    )
    return section(
        title,
        drawing(figure, "features by share of gain and of contribution"),
        folded(f"All targets, the first {2 * FEATURES_SHOWN} features", _importance_table(gains, parts)),
        note=note,
    )


def _importance_table(gains: Values, parts: Values) -> str:
    columns = [
        (kind, target) for target in targets_in({**gains, **parts}) for kind in ("gain", "contribution")
    ]
    stored = {"gain": gains, "contribution": parts}
    columns = [(kind, target) for kind, target in columns if mapping_of(stored[kind].get(target))]
    weights = {column: mapping_of(stored[column[0]][column[1]]) for column in columns}
    sums = {column: sum(w for w in held.values() if is_number(w)) for column, held in weights.items()}
    shares = {
        column: {name: w / sums[column] for name, w in held.items() if is_number(w) and sums[column] > 0}
        for column, held in weights.items()
    }
    names = {name for held in shares.values() for name in held}
    ranked = sorted(names, key=lambda name: (-sum(held.get(name, 0.0) for held in shares.values()), name))
    rows = [
        [name, *(number(shares[column].get(name), 1, percent=True) for column in columns)]
        for name in ranked[: 2 * FEATURES_SHOWN]
    ]
    return table(["Feature", *(Cell(words(target).capitalize(), kind) for kind, target in columns)], rows)


def tuning_section(values: Values) -> str:
    """Every trial of tuning: what was tried and what it scored."""
    title, trials = "Tuning", records_of(values.get("trials"))
    why = values.get("tuning_reason") or mapping_of(values.get("hyperparameters")).get("tuning")
    reason = paragraph(str(why)) if why else ""
    if not trials:
        return section(
            title,
            reason
            or paragraph("No trials: it was trained with the default settings, or they are not stored."),
        )
    names = list(dict.fromkeys(name for trial in trials for name in mapping_of(trial.get("parameters"))))
    rows: list[Row] = []
    for trial in trials:
        parameters = mapping_of(trial.get("parameters"))
        score = number(trial.get("value"), 5)
        rows.append(
            [
                count(trial.get("number")),
                Cell(str(trial.get("state") or DASH), str(trial.get("error") or "")),
                score,
                *(setting(parameters.get(name)) for name in names),
            ]
        )
    head = ["Trial", "State", "Log loss", *map(words, names)]
    return section(
        title,
        reason,
        drawing(trials_figure(trials), "log loss of each tuning trial"),
        folded(f"All {len(trials)} trials", table(head, rows, left=2)),
        note="On an inner walk-forward of the oldest training rows, which no comparison above was made on.",
    )


def settings_section(values: Values) -> str:
    """Hyperparameters and the names of all features."""
    chosen = flat(values.get("hyperparameters"))
    rows = [[name, setting(value)] for name, value in chosen.items() if name != "tuning"]
    features = values.get("features") or []
    parts = [
        folded("Hyperparameters", table(["Setting", "Value"], rows)),
        folded(f"The {len(features)} features", paragraph(", ".join(map(str, features)))) if features else "",
    ]
    missing = "" if any(parts) else paragraph("Neither hyperparameters nor features are stored.")
    return section("Settings", *parts, missing)
