"""The page of the catalogue names every feature once, with what its entry claims."""

import re
from dataclasses import replace

from fvg_platform.features.catalogue import FEATURE_SET_VERSION, FEATURES, SETUP_FEATURES, select
from fvg_platform.features.documentation import catalogue_page


def rows(page: str) -> dict[str, list[str]]:
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in page.splitlines() if line.startswith("| `")]
    return {row[0].strip(" `"): [cell.strip() for cell in row] for row in cells}


def test_every_feature_has_one_row_of_seven_cells():
    page = catalogue_page()
    assert FEATURE_SET_VERSION in page.splitlines()[2]
    assert list(rows(page)) == [feature.name for feature in (*FEATURES, *SETUP_FEATURES)]
    assert all(len(row) == 7 for row in rows(page).values())
    assert "### Price action (" in page


def test_a_row_says_what_the_entry_does():
    own = replace(select(["rsi_14"])[0], name="own", group="custom", formula="|C|", days=70, needs="vwap")
    page = rows(catalogue_page([own]))
    assert page["sma_20"] == ["`sma_20`", "mean of the last 20 closes", "price", "19", "19", "no", ""]
    assert page["obv"][4] == "all"
    assert page["own"][1:] == [r"\|C\|", "0..100", "14", f"{own.memory} and 70 days", "yes", "`vwap`"]
