"""Colours and words that both drawings share.

The colours are Okabe's and Ito's, told apart with any kind of colour vision; what matters is told by shape too.
"""

from fvg_platform.reports.chart_rows import Role
from fvg_platform.reports.chart_zones import End, Zone, ZoneKind

INK, FAINT, PAPER = "#222222", "#E4E4E4", "#FFFFFF"
SIDE_COLOURS = {1: "#0072B2", -1: "#E69F00"}
OUTCOME_COLOURS = {"target": "#009E73", "stop": "#C8401A", "timeout": "#6E6E6E"}
VOLUME_COLOURS = {True: "#B9B9B9", False: "#7D7D7D"}
"""Of a bar that closed at or above its open, and of one that closed below."""
LEVEL_COLOURS: dict[Role, str] = {
    "entry": INK,
    "stop": OUTCOME_COLOURS["stop"],
    "target_1": OUTCOME_COLOURS["target"],
    "target_2": OUTCOME_COLOURS["target"],
    "target_3": OUTCOME_COLOURS["target"],
}
LEVEL_OPACITY: dict[Role, float] = {
    "entry": 0.75,
    "stop": 0.7,
    "target_1": 0.8,
    "target_2": 0.55,
    "target_3": 0.35,
}

OUTCOME_WORDS = {"target": "target reached", "stop": "stopped", "timeout": "time ran out"}
SIDE_WORDS = {1: "bullish gap, until filled", -1: "bearish gap, until filled"}
KIND_WORDS: dict[ZoneKind, str] = {
    "inversion": "inverse zone (its side now)",
    "joined": "joined gaps",
    "balanced": "balanced range",
}
FADED_WORDS = "faded: filled since"
OPEN_WORDS = "outlined: still open"
LEVEL_WORDS: dict[Role, str] = {
    "entry": "entry",
    "stop": "stop",
    "target_1": "targets 1 to 3",
}
ENTRY_WORDS = {1: "bought", -1: "sold short"}
PENDING_WORDS = "dashed: order still resting"
HOLLOW_WORDS = "hollow pair: the bars leave open which"


HATCH_OPACITY: dict[End, float] = {"open": 0.5, "filled": 0.22, "inverted": 0.22}


def fill_opacity(zone: Zone) -> float:
    """Filled gaps fade, and so do old ones: those that are open on both edges can cover the whole picture.

    What is hatched or only outlined leaves the colour to the gaps.
    """
    if zone.kind != "gap":
        return 0.0 if zone.kind == "joined" else 0.06
    if zone.end != "open":
        return 0.12
    return 0.07 if zone.clipped else 0.18
