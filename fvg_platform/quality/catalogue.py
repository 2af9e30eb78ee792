"""Every check of the platform as a person knows it: what it holds, from where on it complains, what to do then.

The checks of `pipeline.checks` take their names, descriptions and severities from here, and so does the page that
`fvg docs quality` prints: there is one list. Limits are quoted from the modules that apply them.
"""

from dataclasses import dataclass
from typing import Literal

from fvg_platform.market.anomalies import OUTLIER_DEVIATIONS, STALE_BARS, VOLUME_DEVIATIONS
from fvg_platform.market.cross_checks import TOLERANCE
from fvg_platform.market.untraded import VOLUME_TOLERANCE
from fvg_platform.quality import coverage_rules as limits
from fvg_platform.quality.coverage_rules import limits_in_words
from fvg_platform.quality.freshness import LIVE_SOURCES, policies_in_words
from fvg_platform.quality.rules import MAX_REJECTED_SHARE

Severity = Literal["ERROR", "WARN", "WARN or ERROR"]


@dataclass(frozen=True)
class Rule:
    """One rule of a check: its `name` in messages, its `meaning`, and the `limit` beyond which it is broken."""

    name: str
    meaning: str
    limit: str = "no row"


@dataclass(frozen=True)
class QualityCheck:
    """One check: the asset it belongs to, what it is for, its rules, how bad a breach is, what mends it.

    `details`: Markdown that belongs to the rules, such as a table of limits.
    """

    asset: str
    name: str
    description: str
    rules: tuple[Rule, ...]
    severity: Severity
    when_red: str
    blocking: bool = False
    details: str = ""

    @property
    def key(self) -> str:
        """`asset/name`, as Dagster and `fvg status` show it."""
        return f"{self.asset}/{self.name}"


CLEAN_BARS_ARE_SOUND = QualityCheck(
    "clean_bars",
    "bars_are_sound",
    "No NULLs, prices in order (low ≤ open, close ≤ high) and above zero, no negative volume.",
    (
        Rule("nulls", "a price or the volume is NULL, not a number or infinite"),
        Rule("ohlc_order", "open, close or low lies above high, or open, close or high below low"),
        Rule("non_positive_price", "the low is zero or less"),
        Rule("negative_volume", "the volume is below zero"),
    ),
    "ERROR",
    "Cleaning lets no such bar through, so somebody wrote to `market_data` by hand, or cleaning has a defect. Derive "
    "the ticker anew: `fvg rebuild --ticker TICKER`.",
)

NO_DUPLICATES = QualityCheck(
    "clean_bars",
    "no_duplicates",
    "One bar per series and time.",
    (Rule("duplicates", "a second bar of one series at one time"),),
    "ERROR",
    "The primary key of `market_data` forbids it: see whether it is still there, then `fvg rebuild --ticker TICKER`.",
)

SERIES_HELD_BACK = QualityCheck(
    "clean_bars",
    "series_held_back",
    "No series failed or broke a rule about its rows; those that did are skipped downstream.",
    (
        Rule("failed", "the series could not be read or cleaned; the reason is the error's own"),
        Rule(
            "blocked",
            "too many of its rows were refused, see `bar_quarantine`",
            f"more than {MAX_REJECTED_SHARE:.0%} of the rows",
        ),
    ),
    "ERROR",
    "The message names file or window and the way out. Mend the source and run `fvg materialize --ticker TICKER`; "
    "what is up to date is not computed twice.",
)

BARS_ARE_COMPLETE = QualityCheck(
    "coverage",
    "bars_are_complete",
    "Every series has the bars that its exchange's calendar expects; what was never traded does not count.",
    (
        Rule(
            "incomplete",
            "share of the bars that can exist (expected less untraded) that is there",
            "by timeframe and liquidity, see the table",
        ),
        Rule(
            "lost",
            "bars that are missing although a coarser bar of the vendor holds their volume "
            f"(by more than {VOLUME_TOLERANCE:.1%})",
            f"WARN from one bar on, ERROR beyond {limits.LOST_ERROR:.1%} of the expected ones",
        ),
    ),
    "WARN or ERROR",
    "`fvg gaps --ticker TICKER` lists the holes; `fvg gaps --repair` fetches them again. Holes that stay are the "
    "vendor's: those of kind `lost` are a case for its support. A file has to be mended by whoever wrote it.",
    details=f"Thin: at least {limits.THIN_UNTRADED_SHARE:.0%} of the bars are untraded, or less than "
    f"{limits.THIN_DOLLARS_PER_BAR:,.0f} (of the quote currency) is traded in a mean bar.\n\n{limits_in_words()}",
)

TIMEFRAMES_AGREE = QualityCheck(
    "coverage",
    "timeframes_agree",
    "The source's coarser bars equal the aggregate of its finer ones, where those are all there.",
    (
        Rule(
            "differ",
            "coarser bars that differ: "
            + ", ".join(f"{name} by {value:g}" for name, value in TOLERANCE.items()),
            f"WARN from {limits.DIFFERING_FREE + 1} bars on, ERROR beyond {limits.DIFFERING_ERROR:.0%} of the bars",
        ),
    ),
    "WARN or ERROR",
    "One of the two series is wrong. Differing prices mean another adjustment (a split that one of them has not seen) "
    "or another session: fetch the ticker anew, `fvg ingest TICKER --full`. Differing volumes alone are late "
    "corrections of the vendor; the same cures them.",
)

NOTHING_STRANGE = QualityCheck(
    "coverage",
    "bars_look_usual",
    "Few bars are flagged: prices that the next bar takes back, prices that stand still, bursts of volume.",
    (
        Rule(
            "outlier",
            f"a close, high or low {OUTLIER_DEVIATIONS:g} robust deviations away that the next bar takes back",
            f"more than {limits.FLAGGED_FREE}, and beyond {limits.FLAGGED_WARN['outlier']:.2%} of the bars",
        ),
        Rule(
            "stale",
            "bars in runs on one price without range: "
            + ", ".join(f"{timeframe} from {count}" for timeframe, count in STALE_BARS.items()),
            f"more than {limits.FLAGGED_FREE}, and beyond {limits.FLAGGED_WARN['stale']:.2%} of the bars",
        ),
        Rule(
            "volume_spike",
            f"log volume {VOLUME_DEVIATIONS:g} robust deviations above what is usual at that time of day",
            f"more than {limits.FLAGGED_FREE}, and beyond {limits.FLAGGED_WARN['volume_spike']:.2%} of the bars",
        ),
    ),
    "WARN",
    "Look at them: `SELECT * FROM bar_flags WHERE ticker = '…' ORDER BY score DESC`. Nothing was deleted or changed. "
    "Bad prints are mended at the source, and stale stretches usually are a halt or a feed that filled a hole.",
)

BARS_ARE_FRESH = QualityCheck(
    "coverage",
    "bars_are_fresh",
    "Series of a live source have the newest bar that is complete; nothing gets late while a market is closed.",
    (
        Rule(
            "behind",
            f"complete bars that the series lacks at its end (sources: {', '.join(sorted(LIVE_SOURCES))})",
            "by timeframe, see the table",
        ),
    ),
    "WARN or ERROR",
    "See `fvg status` for the last run and its error, and whether the daemon runs (`fvg up`). `fvg ingest TICKER` "
    "fetches at once. A schedule that cannot keep up with the rate limit says so: `fvg ingest --dry-run`.",
    details=policies_in_words(),
)

_ZONES_ARE_SOUND = (
    Rule("zone_upside_down", "top is not above bottom, or mid lies outside"),
    Rule("depth_outside_0_1", "the share of the zone that was penetrated is below 0 or above 1"),
    Rule(
        "lifecycle_out_of_order",
        "inverted before filled before half filled before touched, or touched by its own bar",
    ),
    Rule("known_before_its_bar", "known_at is not after the bar's open"),
)
_DERIVE_ANEW = (
    "A defect of the engine, or rows written by hand: `fvg rebuild --ticker TICKER`; if it stays, report it."
)

GAPS_ARE_SOUND = QualityCheck(
    "fvg_detections",
    "gaps_are_sound",
    "Zones the right way up, lifecycles in order, nothing known before its bar.",
    _ZONES_ARE_SOUND,
    "ERROR",
    _DERIVE_ANEW,
)

ZONES_ARE_SOUND = QualityCheck(
    "fvg_detections",
    "zones_are_sound",
    "The same of joined, inverse and balanced zones.",
    (*_ZONES_ARE_SOUND, Rule("older_than_its_gaps", "the gap that the zone began with is younger than it")),
    "ERROR",
    _DERIVE_ANEW,
)

CONTEXT_IS_SOUND = QualityCheck(
    "fvg_setups",
    "context_is_sound",
    "Verdicts add up, shares lie between 0 and 1.",
    (
        Rule("verdicts_do_not_add_up", "rules passed, failed and unknown are not all rules"),
        Rule("share_outside_0_1", "the score or the share of takers' buying is below 0 or above 1"),
    ),
    "ERROR",
    _DERIVE_ANEW,
)

PLANS_ARE_SOUND = QualityCheck(
    "fvg_setups",
    "plans_are_sound",
    "Stop, entry and targets in order, risk their distance, and a context for every setup.",
    (
        Rule("levels_out_of_order", "stop, entry and the three targets do not lie in the trade's order"),
        Rule("risk_is_another", "risk is not the distance of entry and stop", "1e-9 of the entry"),
        Rule("gap_without_context", "the setup's gap has no row in `fvg_context`"),
    ),
    "ERROR",
    _DERIVE_ANEW,
)

STATISTICS_ARE_SOUND = QualityCheck(
    "fvg_statistics",
    "figures_are_sound",
    "Rates and probabilities in [0, 1], intervals in order, statuses that add up.",
    (
        Rule("outside_0_1", "a fill rate, win rate or p-value is below 0 or above 1"),
        Rule("interval_out_of_order", "the win rate of the worse reading is above that of the better one"),
        Rule("counts_do_not_add_up", "the statuses do not add up to the setups"),
    ),
    "ERROR",
    "Make them anew: `fvg materialize --select fvg_statistics`; if it stays, report it.",
)

LABEL_INTERVALS = QualityCheck(
    "fvg_labels",
    "intervals_are_ordered",
    "The worse path of an outcome is never better than the better one, and every entry has an outcome.",
    (
        *(
            Rule(f"interval_{k}_out_of_order", f"target {k}: the worse path ends better than the better one")
            for k in (1, 2, 3)
        ),
        Rule("entered_without_outcome", "the setup was entered and an outcome is NULL"),
        Rule("outcome_without_entry", "the setup was not entered and has an outcome"),
        Rule("entry_not_after_the_gap", "the fill is not after the gap's third bar"),
        Rule("excursions_on_the_wrong_side", "the worst excursion is above zero, or the best below"),
    ),
    "ERROR",
    _DERIVE_ANEW,
)

FEATURES_ARE_COMPLETE = QualityCheck(
    "bar_features",
    "complete_after_warmup",
    "No feature is NULL beyond the warm-up that the catalogue declares.",
    (Rule("beyond_warmup", "NULLs of a feature beyond its first bars"),),
    "ERROR",
    "A feature's warm-up is declared too short, or a bar has a value that it cannot stand (zero volume, say): the "
    "message names the feature, `fvg_platform.features.catalogue` its formula.",
)

SETUPS_HAVE_FEATURES = QualityCheck(
    "setup_features",
    "every_setup_has_features",
    "No setup is without the features that a model needs.",
    (Rule("setup_without_features", "a setup of `fvg_setups` has no row in `setup_features`"),),
    "ERROR",
    "The last run of the series ended early: `fvg materialize --ticker TICKER`.",
)

SPLIT_DOES_NOT_OVERLAP = QualityCheck(
    "train_test_split",
    "no_overlap",
    "No training setup's life reaches the test period, and no test setup was known before it.",
    (
        Rule(
            "training_life_reaches_the_test_period", "a training setup could still be decided after the cut"
        ),
        Rule("test_setup_known_before_the_cut", "a test setup was known before the cut"),
    ),
    "ERROR",
    "Training does not start. The labels changed under a frozen split, or the split has a defect: "
    "`fvg materialize --select train_test_split,win_rate_model` makes a new version.",
    blocking=True,
)

FOLDS_DO_NOT_OVERLAP = QualityCheck(
    "train_test_split",
    "folds_do_not_overlap",
    "In every fold of the training period, walk-forward and combinatorial, no training setup's life comes within a bar "
    "of a setup that is validated.",
    (Rule("lives_overlap", "a training life, or the bar after it, overlaps a life that is validated"),),
    "ERROR",
    "Training does not start: the folds have a defect, and every score on them would be too good. Report it.",
    blocking=True,
)

MODEL_HAS_SKILL = QualityCheck(
    "win_rate_model",
    "skill",
    "A served model that is not the base rate is not worse than it on the test period.",
    (Rule("skill", "the model is worse than the base rate beyond doubt", "95 % interval wholly below 0"),),
    "WARN",
    "Trust the base rate of `fvg report`, not the model; `fvg models retire`, or let an earlier version serve with "
    "`fvg models activate`. More data helps more often than another model does.",
)

MODEL_IS_CALIBRATED = QualityCheck(
    "win_rate_model",
    "calibration",
    "The probabilities of a served model come true as often as they say, on the test period.",
    (
        Rule(
            "calibration error",
            "stated probabilities miss the rates that came true, beyond doubt",
            "95 % interval wholly above 0.1",
        ),
    ),
    "WARN",
    "The market of the test period is not that of the training period: train on newer data, or act on less.",
)

PROBABILITIES_ARE_SOUND = QualityCheck(
    "daily_predictions",
    "probabilities_are_sound",
    "Probabilities lie in [0, 1] and fall with the distance of the target; the expected R in its interval.",
    (
        Rule("outside_0_1", "a probability is below 0, above 1 or not a number"),
        Rule("not_monotone", "a farther target is more probable than a nearer one"),
        Rule("expected_r_out_of_order", "the expected R lies outside of its interval"),
    ),
    "ERROR",
    "A defect of the model or of its file: train again, `fvg materialize --select train_test_split,win_rate_model`.",
    blocking=True,
)

OUTCOME_INTERVALS = QualityCheck(
    "prediction_outcomes",
    "intervals_are_ordered",
    "The worse path of an outcome is never better than the better one.",
    tuple(
        Rule(f"interval_{k}_out_of_order", f"target {k}: the worse path ends better than the better one")
        for k in (1, 2, 3)
    ),
    "ERROR",
    "See `fvg_labels/intervals_are_ordered`: outcomes are copied from labels.",
)

SETUPS_HAVE_NOT_DRIFTED = QualityCheck(
    "model_drift",
    "setups_have_not_drifted",
    "The setups of the newest complete window are still like those that the serving model was trained on.",
    (
        Rule(
            "drifted",
            "features, scores, calibration or likeness have moved beyond chance",
            "probability below 0.05, all parts and features together",
        ),
    ),
    "WARN",
    "`fvg drift` names what moved. A training is queued by itself once the drifted window is newer than the model's "
    "data (`fvg status`); until then act on less.",
)

FORECASTS_ARE_SOUND = QualityCheck(
    "price_forecasts",
    "forecasts_are_sound",
    "Forecast candles are candles, and their fans open in order.",
    (
        Rule("not_a_candle", "open or close lies outside of low and high, or a price is not above zero"),
        Rule("fan_out_of_order", "a lower quantile of the close lies above a higher one"),
        Rule("confidence_outside_0_1", "the share of past closes that the band held is below 0 or above 1"),
    ),
    "ERROR",
    "A defect of the forecasts: look at none of the series until it is mended, and report it.",
)

CHECKS: tuple[QualityCheck, ...] = (
    CLEAN_BARS_ARE_SOUND,
    NO_DUPLICATES,
    SERIES_HELD_BACK,
    BARS_ARE_COMPLETE,
    TIMEFRAMES_AGREE,
    NOTHING_STRANGE,
    BARS_ARE_FRESH,
    GAPS_ARE_SOUND,
    ZONES_ARE_SOUND,
    CONTEXT_IS_SOUND,
    PLANS_ARE_SOUND,
    LABEL_INTERVALS,
    STATISTICS_ARE_SOUND,
    FEATURES_ARE_COMPLETE,
    SETUPS_HAVE_FEATURES,
    SPLIT_DOES_NOT_OVERLAP,
    FOLDS_DO_NOT_OVERLAP,
    MODEL_HAS_SKILL,
    MODEL_IS_CALIBRATED,
    PROBABILITIES_ARE_SOUND,
    OUTCOME_INTERVALS,
    SETUPS_HAVE_NOT_DRIFTED,
    FORECASTS_ARE_SOUND,
)
