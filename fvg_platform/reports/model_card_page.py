"""The pieces that a model card is put together from: the page with its typography, sections, tables, facts.

Everything that comes from outside is escaped here. The page fetches nothing and runs nothing: pictures are data,
what unfolds is the browser's own `<details>`.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fvg_platform.reports.figure_style import svg_data

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = """
:root { --ink: #1f2328; --soft: #656d76; --line: #e3e6e9; --wash: #f6f7f8; --good: #0b6e4f; --bad: #b3361b; }
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100% }
body { margin: 0; background: #fff; color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif }
main { max-width: 1080px; margin: 0 auto; padding: 40px 28px 72px }
header { border-bottom: 1px solid var(--line); padding-bottom: 20px }
h1 { font-size: 28px; line-height: 1.25; font-weight: 650; letter-spacing: -.01em; margin: 0 0 6px }
h2 { font-size: 18px; font-weight: 650; margin: 44px 0 4px }
h3 { font-size: 14px; font-weight: 650; margin: 24px 0 4px }
p { margin: 6px 0 10px; max-width: 46em }
p.note, .note { color: var(--soft); font-size: 13px; max-width: 62em }
.lead { font-size: 17px; margin: 12px 0 0 }
.pill { display: inline-block; font-size: 12px; font-weight: 600; padding: 1px 9px; border-radius: 10px;
  border: 1px solid var(--line); color: var(--soft); vertical-align: 5px; margin-left: 10px; letter-spacing: .02em }
.pill.active { color: var(--good); border-color: currentColor }
ul.caveats { list-style: none; margin: 20px 0 0; padding: 0; max-width: 60em }
ul.caveats li { padding: 7px 14px; border-left: 3px solid var(--line); margin: 0 0 6px; background: var(--wash) }
ul.caveats li.serious { border-color: var(--bad) }
ul.caveats li.caution { border-color: #d29b22 }
ul.caveats b { font-weight: 600; margin-right: .5em; font-size: 12px; text-transform: uppercase; letter-spacing: .04em }
ul.caveats li.serious b { color: var(--bad) } ul.caveats li.caution b { color: #8a6100 }
ul.caveats li.missing b { color: var(--soft) }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(240px, 44%), 1fr));
  gap: 14px 28px; margin: 22px 0 0 }
dl div { min-width: 0 } dl div.wide { grid-column: 1 / -1 }
dt { font-size: 12px; color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
dd code, td code { font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
.scroll { overflow-x: auto; margin: 10px 0 }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; min-width: 50% }
th { text-align: left; font-weight: 600; font-size: 12px; color: var(--soft); vertical-align: bottom;
  border-bottom: 1px solid #c9ced3; padding: 4px 18px 5px 0; white-space: nowrap }
td { border-bottom: 1px solid var(--line); padding: 5px 18px 5px 0; vertical-align: top }
th.r, td.r { text-align: right; white-space: nowrap } th:last-child, td:last-child { padding-right: 0 }
td small, th small { display: block; color: var(--soft); font-size: 12px; font-weight: 400; line-height: 1.4 }
td:first-child { min-width: 11em }
tr.part td { border-bottom-color: #c9ced3; padding-top: 14px; font-weight: 600; font-size: 12.5px }
td.good { color: var(--good) } td.bad { color: var(--bad) }
figure { margin: 14px 0 6px; overflow-x: auto }
figure img { max-width: max(100%, 620px); height: auto; display: block }
details { margin: 10px 0 } summary { cursor: pointer; color: var(--soft); font-size: 13.5px }
footer { margin-top: 56px; border-top: 1px solid var(--line); padding-top: 12px }
@media (max-width: 640px) { main { padding: 24px 16px 48px } h1 { font-size: 23px } }
@media print { main { max-width: none; padding: 0 } section { break-inside: avoid } }
"""


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its text, smaller lines below it, and what it is coloured as."""

    text: str
    below: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Part:
    """A row that only names the rows below it."""

    text: str


Row = Sequence[str | Cell] | Part


def page(title: str, body: Iterable[str]) -> str:
    """A whole page around the pieces."""
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title>\n<style>{_STYLE}</style></head>\n<body><main>\n"
        + "\n".join(piece for piece in body if piece)
        + "\n</main></body>\n</html>\n"
    )


def text(words: str) -> str:
    """Text as HTML shows it, whatever is in it."""
    return html.escape(words, quote=True)


def section(title: str, *pieces: str, note: str = "") -> str:
    """A heading, a remark in grey, and what belongs to them."""
    remark = paragraph(note, "note") if note else ""
    return f"<section><h2>{text(title)}</h2>{remark}{''.join(pieces)}</section>"


def paragraph(words: str, kind: str = "") -> str:
    """A paragraph."""
    return f'<p class="{kind}">{text(words)}</p>' if kind else f"<p>{text(words)}</p>"


def subheading(words: str) -> str:
    """A heading within a section."""
    return f"<h3>{text(words)}</h3>"


def folded(summary: str, *pieces: str) -> str:
    """What unfolds on a click; nothing if there is nothing inside."""
    inside = "".join(pieces)
    return f"<details><summary>{text(summary)}</summary>{inside}</details>" if inside else ""


def drawing(figure: "Figure | None", title: str) -> str:
    """A figure as vectors in the page; without one, nothing."""
    if figure is None:
        return ""
    width = float(figure.get_figwidth()) * 100
    return f'<figure><img alt="{text(title)}" width="{width:.0f}" src="{svg_data(figure)}"></figure>'


def facts(entries: Mapping[str, str], *, code: Sequence[str] = (), wide: Sequence[str] = ()) -> str:
    """Names and what they are, in columns; `code` are hashes and addresses, `wide` take a line of their own."""
    lines = []
    for name, value in entries.items():
        shown = f"<code>{text(value)}</code>" if name in code else text(value)
        place = ' class="wide"' if name in wide else ""
        lines.append(f"<div{place}><dt>{text(name)}</dt><dd>{shown}</dd></div>")
    return f"<dl>{''.join(lines)}</dl>"


def table(head: Sequence[str | Cell], rows: Sequence[Row], *, left: int = 1) -> str:
    """A table whose first `left` columns are words and whose others are numbers; nothing without rows."""
    if not rows:
        return ""
    top = "".join(_cell("th", cell, column >= left) for column, cell in enumerate(head))
    lines = [f"<thead><tr>{top}</tr></thead>"]
    for row in rows:
        if isinstance(row, Part):
            lines.append(f'<tr class="part"><td colspan="{len(head)}">{text(row.text)}</td></tr>')
        else:
            cells = (_cell("td", cell, column >= left) for column, cell in enumerate(row))
            lines.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>'


def _cell(tag: str, cell: str | Cell, right: bool) -> str:
    shown = cell if isinstance(cell, Cell) else Cell(cell)
    kinds = " ".join(kind for kind in ("r" if right else "", shown.tone) if kind)
    below = "".join(f"<small>{text(line)}</small>" for line in shown.below.splitlines())
    place = f' class="{kinds}"' if kinds else ""
    return f"<{tag}{place}>{text(shown.text)}{below}</{tag}>"
