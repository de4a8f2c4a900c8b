"""A result as one page for a browser: no script, no request, nothing but this file.

It is built as a tree of elements, so no text can be read as markup; the page's own policy forbids a browser to load or
run anything, should that fail.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from swarmnet.model.report import WORST_FIRST, Status
from swarmnet.model.sensitive import SENSITIVE
from swarmnet.report.formats import terminal
from swarmnet.report.formats.drawing import add_drawing
from swarmnet.report.formats.grids import add_grids, badge
from swarmnet.report.formats.page import Page
from swarmnet.report.formats.style import STYLE
from swarmnet.report.terminal.text import count, on_one_line

if TYPE_CHECKING:
    from swarmnet.report.formats.page import Table
    from swarmnet.report.formats.report import Check, Report

_QUIET = (Status.OK, Status.SKIPPED)


def render(report: Report) -> str:
    """Return the page of a report."""
    if report.page is not None:
        return written(report.page(), report.checks)
    return written(_plain(report), report.checks, text=terminal.render(report))


def written(page: Page, checks: tuple[Check, ...] = (), *, text: str = "") -> str:
    """Return a page in ASCII, so that no setting of a server or an editor can break it.

    ``text`` is the result as a terminal shows it, for results that have nothing else to show.
    """
    root = Element("html", lang="en")
    _add_head(root, page)
    body = SubElement(root, "body")
    _add_answer(body, page)
    _add_causes(body, checks)
    for note in page.notes:
        _text(SubElement(body, "p", {"class": "note"}), note)
    if page.drawing is not None and page.drawing.wires:
        _section(body, "What is where")
        add_drawing(body, page.drawing)
    add_grids(body, page.grids)
    for table in page.tables:
        _add_table(body, table)
    if text:
        _section(body, "Result")
        SubElement(body, "pre").text = text
    _add_checks(body, checks)
    _add_timings(body, page.timings)
    return f"<!DOCTYPE html>\n{tostring(root, encoding='us-ascii', method='html').decode('ascii')}\n"


def _plain(report: Report) -> Page:
    """Return the page of a report that has none of its own."""
    found = Counter(check.status for check in report.checks)
    worst = next((status for status in WORST_FIRST if found[status]), Status.SKIPPED)
    answer = ", ".join(f"{found[status]} {status.value}" for status in WORST_FIRST if found[status])
    return Page(f"swarmnet {report.command}", answer or "nothing to report", worst)


def _add_head(root: Element, page: Page) -> None:
    head = SubElement(root, "head")
    SubElement(head, "meta", charset="utf-8")
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": policy})
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    _text(SubElement(head, "title"), f"{page.title}: {page.status.value}")
    SubElement(head, "style").text = STYLE


def _add_answer(body: Element, page: Page) -> None:
    _text(SubElement(body, "h1"), page.title)
    line = SubElement(body, "p", {"class": "answer"})
    badge(line, page.status).tail = f" {_clean(page.answer)}"
    if page.facts:
        facts = SubElement(body, "dl", {"class": "facts"})
        for name, value in page.facts:
            pair = SubElement(facts, "div")
            _text(SubElement(pair, "dt"), name)
            _text(SubElement(pair, "dd"), value)


def _add_causes(body: Element, checks: tuple[Check, ...]) -> None:
    """Add what is not fine, each with what to do and what follows from it."""
    causes = [(at, check) for at, check in enumerate(checks) if check.status not in _QUIET and not check.follows]
    if not causes:
        return
    _section(body, "What was found")
    for at, check in causes:
        cause = SubElement(body, "section", {"class": "cause"})
        head = SubElement(cause, "p")
        badge(head, check.status).tail = " "
        _text(SubElement(head, "b"), f"{check.group}: {check.name}")
        _text(SubElement(cause, "p"), check.detail)
        if check.advice:
            _text(SubElement(cause, "p"), f"What to do: {check.advice}")
        if check.commands:
            SubElement(cause, "pre").text = "\n".join(map(_clean, check.commands))
        if check.cause:
            sure = f" ({check.certainty})" if check.certainty else ""
            _text(SubElement(cause, "p", {"class": "dim"}), f"cause: {check.cause}{sure}")
        _add_consequences(cause, [one for one in checks if at in one.follows])


def _add_consequences(cause: Element, following: list[Check]) -> None:
    if not following:
        return
    fold = SubElement(cause, "details")
    _text(SubElement(fold, "summary"), _following(len(following)))
    items = SubElement(fold, "ul")
    for one in following:
        item = SubElement(items, "li")
        badge(item, one.status).tail = f" {_clean(f'{one.group}: {one.name}: {one.detail}')}"


def _following(number: int) -> str:
    return f"{count(number, 'finding')} {'follows' if number == 1 else 'follow'} from this"


def _add_table(body: Element, found: Table) -> None:
    _section(body, found.title)
    table = SubElement(SubElement(body, "div", {"class": "wide"}), "table")
    head = SubElement(SubElement(table, "thead"), "tr")
    for word in found.head:
        _text(SubElement(head, "th", scope="col"), word)
    rows = SubElement(table, "tbody")
    for cells in found.rows:
        row = SubElement(rows, "tr")
        for word in cells:
            _text(SubElement(row, "td"), word)


def _add_checks(body: Element, checks: tuple[Check, ...]) -> None:
    if not checks:
        return
    _section(body, "All checks")
    found = Counter(check.status for check in checks)
    fold = SubElement(body, "details")
    counted = ", ".join(f"{found[status]} {status.value}" for status in WORST_FIRST if found[status])
    _text(SubElement(fold, "summary"), counted)
    table = SubElement(SubElement(fold, "div", {"class": "wide"}), "table")
    head = SubElement(SubElement(table, "thead"), "tr")
    for word in ("status", "check", "subject", "detail", "what to do"):
        SubElement(head, "th", scope="col").text = word
    rows = SubElement(table, "tbody")
    for check in checks:
        row = SubElement(rows, "tr")
        badge(SubElement(row, "td"), check.status)
        for word in (check.group, check.name, check.detail, check.advice):
            _text(SubElement(row, "td"), word)


def _add_timings(body: Element, timings: tuple[tuple[str, float], ...]) -> None:
    if not timings:
        return
    _section(body, "How long it took")
    longest = max(seconds for _name, seconds in timings)
    table = SubElement(body, "table")
    for name, seconds in (*timings, ("all", sum(seconds for _name, seconds in timings))):
        row = SubElement(table, "tr")
        _text(SubElement(row, "th", scope="row"), name)
        SubElement(row, "td").text = f"{seconds:.1f} s"
        share = SubElement(row, "td")
        if name != "all" and longest:
            SubElement(share, "progress", max=f"{longest:.3f}", value=f"{seconds:.3f}")


def _section(body: Element, title: str) -> None:
    SubElement(body, "h2").text = title


def _text(element: Element, text: str) -> None:
    element.text = _clean(text)


def _clean(text: str) -> str:
    return on_one_line(SENSITIVE.masked(text))
