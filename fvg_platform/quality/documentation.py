"""The page about data quality that `fvg docs quality` prints, made from the objects that the checks use."""

from collections.abc import Iterator

from fvg_platform.quality.catalogue import CHECKS, QualityCheck

_HEAD = """\
# What is checked

Each check belongs to an asset and runs whenever that is materialised; its result is in Dagster's UI and in
`fvg status`. A check looks at its whole table and names series, rule and count, the worst first. **ERROR** means
that figures made from these rows are wrong or missing; **WARN** that a person should look. Only checks that *block*
stop what lies downstream; a series that is held back stops by itself, and no other series with it.

| check | severity | blocks |
|---|---|---|
"""


def quality_page() -> str:
    """Every check in Markdown: what it holds, its rules with their limits, how bad a breach is, what to do when it is
    red."""
    rows = "\n".join(
        f"| [{check.key}](#{_anchor(check)}) | {check.severity} | {'yes' if check.blocking else 'no'} |"
        for check in CHECKS
    )
    return _HEAD + rows + "\n\n" + "\n".join(line for check in CHECKS for line in _section(check))


def _section(check: QualityCheck) -> Iterator[str]:
    yield f"## {check.key}"
    yield f"\n{check.description}\n"
    yield "| rule | what breaks it | limit |"
    yield "|---|---|---|"
    for rule in check.rules:
        yield f"| {rule.name} | {rule.meaning} | {rule.limit} |"
    if check.details:
        yield f"\n{check.details}"
    blocks = " It blocks what lies downstream." if check.blocking else ""
    yield f"\n**Severity:** {check.severity}.{blocks}\n"
    yield f"**When it is red:** {check.when_red}\n"


def _anchor(check: QualityCheck) -> str:
    """The anchor that Markdown viewers make of the section's heading."""
    return check.key.replace("/", "")
