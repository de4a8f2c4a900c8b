"""The page for browsers: one file that loads nothing, in which no text of others is markup."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.model.verification import Cell
from swarmnet.report.formats import FORMATS
from swarmnet.report.formats.grids import MARKS
from swarmnet.report.formats.style import STYLE
from swarmnet.report.reports.apply import apply_report
from swarmnet.report.reports.verify import verify_report
from tests.report.test_hostile import APPLIED
from tests.support.planted import planted
from tests.support.verified import SCENARIOS, a_verification

if TYPE_CHECKING:
    from swarmnet.model.verification import Verification

VOID = frozenset({"meta"})
HOSTILE = '</style><script>alert(1)</script><img src=x onerror=alert(2)>" onmouseover="alert(3)\r\n\x1b[2J'


@dataclass
class Node:
    tag: str
    attributes: dict[str, str | None]
    children: list[Node] = field(default_factory=list)
    text: str = ""

    def all(self, tag: str) -> list[Node]:
        found = [self] if self.tag == tag else []
        return [*found, *(one for child in self.children for one in child.all(tag))]

    def said(self) -> str:
        return " ".join([self.text, *(child.said() for child in self.children)])


class Reader(HTMLParser):
    """Read a page, and fail where an element is not closed, or closed by another."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Node("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, dict(attrs))
        assert len(node.attributes) == len(attrs)
        self._open[-1].children.append(node)
        if tag not in VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self._open[-1].text += data


def page_of(text: str) -> Node:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert text.isascii()
    return reader.root


def rendered(result: Verification) -> str:
    return FORMATS["html"].render(verify_report(result, verbose=False))


def rows_of(table: Node) -> list[list[str]]:
    return [[" ".join(cell.said().split()) for cell in row.children] for row in table.all("tr")]


def test_the_first_lines_say_how_it_ended() -> None:
    page = page_of(rendered(a_verification()))

    assert page.all("title")[0].text == "swarmnet verify: cluster shop: failed"
    answer = next(one for one in page.all("p") if one.attributes.get("class") == "answer")
    assert "failed" in answer.said()
    assert "no: 1 cause found: network net2 (2.5 s)" in answer.said()


def test_a_cause_has_its_advice_its_commands_and_what_follows() -> None:
    (cause,) = page_of(rendered(a_verification())).all("section")

    assert "h3 drops VXLAN" in cause.said()
    assert "What to do: open UDP 4789" in cause.said()
    assert cause.all("pre")[0].text == "iptables -I INPUT -p udp --dport 4789 -j ACCEPT"
    assert "1 finding" in cause.all("summary")[0].text
    assert "names: web: no answer" in cause.all("li")[0].said()


def test_what_is_expected_is_next_to_what_was_seen() -> None:
    page = page_of(rendered(a_verification()))

    table = next(one for one in page.all("table") if [row[0] for row in rows_of(one)[1:]] == ["web", "api"])
    assert rows_of(table) == [
        ["", "api", "db"],
        ["web", f"{MARKS[Status.OK]} open", f"{MARKS[Status.FAILED]} open, not no"],
        ["api", "", "?"],
    ]


def test_rows_send_and_columns_receive_and_each_mark_has_a_sign_and_its_value() -> None:
    page = page_of(rendered(a_verification()))
    grids = {one.attributes["id"]: one for one in page.all("div") if "id" in one.attributes}
    links = {one.attributes["href"]: one for one in page.all("a")}

    failed = grids["grid5"]  # after the expected one and the four of net1
    ok, bad = MARKS[Status.OK], MARKS[Status.FAILED]
    assert rows_of(failed.all("table")[0]) == [
        ["", "h1", "h2", "h3"],
        ["h1", "", ok, bad],
        ["h2", ok, "", bad],
        ["h3", ok, ok, ""],
    ]
    assert links["#grid5"].text == f"{bad} 4 of 6"
    assert "the slowest 0.3 ms (h3 -> h2)" in failed.said()
    assert {one.attributes.get("title") for one in failed.all("td")} >= {"0.25 ms", "no answer within 2 s"}


def test_only_what_is_not_fine_is_unfolded_and_written_out() -> None:
    page = page_of(rendered(a_verification()))

    unfolded = [one for one in page.all("details") if "open" in one.attributes]
    assert len(unfolded) == 1 + len(SCENARIOS)
    assert "h1 -> h3: 50% lost" in unfolded[-1].all("li")[0].said()


def test_twenty_hosts_and_thirty_overlays_are_one_overview_and_a_grid_each() -> None:
    text = rendered(a_verification(20, 30))
    page = page_of(text)

    overview = next(one for one in page.all("table") if len(one.all("a")) > 1)
    assert len(overview.all("a")) == 1 + 30 * len(SCENARIOS)
    assert len(overview.all("tr")) == 2 + 30
    assert all("many" in (one.attributes.get("class") or "") for one in page.all("table") if len(one.all("tr")) == 21)
    assert len(text) < 4_000_000


def test_a_page_of_sixty_hosts_shows_the_rows_that_are_not_fine() -> None:
    page = page_of(rendered(a_verification(60, 1)))

    grid = next(one for one in page.all("div") if one.attributes.get("id") == "grid1")
    assert rows_of(grid.all("table")[0])[0] == ["", "h60"]
    assert "left out" in grid.said()


def with_tasks(result: Verification) -> Verification:
    hosts = result.hosts
    tasks = {name: {f"web-{name}": {hosts[0]: 2, hosts[-1]: 1}, "db": {hosts[0]: 1}} for name in result.networks}
    return result.model_copy(update={"tasks": tasks})


def drawing_of(result: Verification) -> Node:
    (drawing,) = page_of(rendered(result)).all("svg")
    return drawing


def stops(drawing: Node) -> dict[str, tuple[str, str]]:
    """Return each host on a network with its status and what is written there."""
    groups = [one for one in drawing.all("g") if (one.attributes.get("class") or "").startswith("stop")]
    return {
        one.all("title")[0].text.split(":")[0]: (
            (one.attributes["class"] or "").split()[1],
            "".join(text.text for text in one.all("text")),
        )
        for one in groups
    }


def test_the_drawing_shows_hosts_on_networks_with_their_tasks_and_marks_the_end_that_fails() -> None:
    found = stops(drawing_of(with_tasks(a_verification())))

    assert found["h1 on net1"] == ("ok", "3")
    assert found["h2 on net1"] == ("ok", "")
    assert found["h1 on net2"] == ("ok", "3")
    assert found["h3 on net2"] == ("failed", MARKS[Status.FAILED])


def test_the_drawing_names_services_and_draws_a_failing_network_as_such() -> None:
    drawing = drawing_of(with_tasks(a_verification()))

    said = [text.text for text in drawing.all("text")]
    assert {"h1", "net1", f"{MARKS[Status.FAILED]} net2", "web-net1 and db"} <= {*said}
    wires = [one.attributes["class"] for one in drawing.all("line") if "wire" in (one.attributes["class"] or "")]
    assert wires == ["wire ok", "wire failed"]


def test_the_drawing_of_twenty_hosts_and_thirty_overlays_has_a_stop_for_each_and_none_covers_another() -> None:
    drawing = drawing_of(with_tasks(a_verification(20, 30)))

    assert len(stops(drawing)) == 20 * 30
    middles = [(int(one.attributes["cx"] or 0), int(one.attributes["cy"] or 0)) for one in drawing.all("circle")]
    assert len({*middles}) == len(middles)
    xs, ys = sorted({x for x, _ in middles}), sorted({y for _, y in middles})
    assert min(b - a for a, b in pairwise(xs)) >= 24
    assert min(b - a for a, b in pairwise(ys)) >= 24
    assert max(xs) < int(drawing.attributes["width"] or 0) <= 1400


def test_a_long_name_is_cut_in_the_drawing_and_whole_in_its_title() -> None:
    name = "a-network-with-a-name-that-is-much-longer-than-others"
    result = a_verification(3, 1, fails=False)
    matrices = tuple(one.model_copy(update={"network": name}) for one in result.matrices)
    drawing = drawing_of(result.model_copy(update={"networks": (name,), "matrices": matrices}))

    (text,) = [one for one in drawing.all("text") if one.text.startswith("a-network")]
    assert len(text.text) == 26
    assert text.all("title")[0].text == name


def test_a_page_runs_and_loads_nothing() -> None:
    page = page_of(rendered(a_verification()))

    policy = page.all("meta")[1].attributes["content"]
    digest = base64.b64encode(hashlib.sha256(page.all("style")[0].text.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not re.search(r"url\(|@import|//", STYLE)


@pytest.mark.parametrize("kind", ["verify", "apply"])
def test_no_text_of_others_is_markup(kind: str) -> None:
    reports = {
        "verify": verify_report(planted(a_verification(), HOSTILE), verbose=False),
        "apply": apply_report(planted(APPLIED, HOSTILE)),
    }
    page = page_of(FORMATS["html"].render(reports[kind]))

    assert not [one.tag for tag in ("script", "img", "link", "iframe") for one in page.all(tag)]
    attributes = {name for node in _nodes(page) for name in node.attributes}
    assert not [name for name in attributes if name.startswith("on") or name in ("src", "style")]
    assert "alert(1)" in page.said()
    assert all((one.attributes["href"] or "").startswith("#grid") for one in page.all("a"))


def test_a_report_without_a_page_of_its_own_shows_its_text() -> None:
    page = page_of(FORMATS["html"].render(apply_report(APPLIED)))

    assert "cluster shop: failed" in page.all("pre")[0].text
    assert page.all("title")[0].text == "swarmnet apply: failed"


def _contrast(one: str, two: str) -> float:
    """Return the contrast of two colours as WCAG 2 defines it."""
    lighter, darker = sorted((_luminance(one), _luminance(two)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(part * (2 // len(part)), 16) / 255 for part in re.findall("." if len(colour) == 3 else "..", colour)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_every_text_can_be_read_on_its_ground_in_light_and_dark() -> None:
    light, dark = (dict(re.findall(r"--([a-z-]+): #([0-9a-f]+)", part)) for part in STYLE.split("@media")[:2])
    assert set(light) == set(dark)
    for colours in (light, dark):
        grounds = [(status.value, f"{status.value}-text") for status in Status]
        for ground, text in [("paper", "text"), ("soft", "text"), ("paper", "dim"), ("soft", "dim"), *grounds]:
            assert _contrast(colours[ground], colours[text]) >= 4.5, (ground, text)


def _nodes(node: Node) -> list[Node]:
    return [node, *(one for child in node.children for one in _nodes(child))]


def test_pairs_that_were_not_measured_are_not_said_to_lose_nothing() -> None:
    result = a_verification(fails=False)
    unknown = Cell(status=Status.INCONCLUSIVE, detail="no probe on h3")
    matrices = tuple(
        one.model_copy(update={"cells": {**one.cells, "h1": {**one.cells["h1"], "h3": unknown}}})
        for one in result.matrices
    )
    said = page_of(rendered(result.model_copy(update={"matrices": matrices}))).said()
    assert "no datagram is lost on the 5 of 6 pairs that were measured" in said


@pytest.mark.parametrize(("number", "words"), [(1, "1 finding follows from this"), (2, "2 findings follow from this")])
def test_what_follows_is_counted_in_good_grammar(number: int, words: str) -> None:
    result = a_verification()
    cause, follows, *fine = result.verdicts
    assert (
        words in page_of(rendered(result.model_copy(update={"verdicts": (cause, *[follows] * number, *fine)}))).said()
    )
