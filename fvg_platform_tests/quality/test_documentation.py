"""The page about data quality: whole, readable, and with the limits that are applied."""

from fvg_platform.quality.catalogue import CHECKS
from fvg_platform.quality.coverage_rules import COMPLETENESS
from fvg_platform.quality.documentation import quality_page

PAGE = quality_page()


def test_every_check_has_a_section_with_its_rules_and_the_way_out() -> None:
    sections = PAGE.split("\n## ")[1:]
    assert [section.splitlines()[0] for section in sections] == [check.key for check in CHECKS]
    for check, section in zip(CHECKS, sections, strict=True):
        assert check.description in section
        assert f"**Severity:** {check.severity}." in section
        assert f"**When it is red:** {check.when_red}" in section
        assert ("It blocks" in section) == check.blocking
        for rule in check.rules:
            assert f"| {rule.name} | {rule.meaning} | {rule.limit} |" in section


def test_the_summary_links_to_every_section() -> None:
    for check in CHECKS:
        blocks = "yes" if check.blocking else "no"
        assert f"| [{check.key}](#{check.asset}{check.name}) | {check.severity} | {blocks} |" in PAGE


def test_no_table_is_broken_by_a_bar_in_a_text() -> None:
    for line in PAGE.splitlines():
        if line.startswith("|"):
            assert line.count("|") in (4, 5, 6), line


def test_the_page_quotes_the_limits_that_are_applied() -> None:
    for (timeframe, kind), limits in COMPLETENESS.items():
        (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| {timeframe} |") and "%" in line)
        shares = row.strip("| ").split(" | ")[1:]
        at = 0 if kind == "liquid" else 2
        assert shares[at : at + 2] == [f"{limits.warn:.1%}", f"{limits.error:.1%}"]


def test_no_check_is_there_twice() -> None:
    keys = [check.key for check in CHECKS]
    assert len(keys) == len(set(keys))
