"""A drawing of hosts, networks and services: each network is a line that stops at the hosts that are on it.

Columns are hosts and lines are networks, so twenty hosts and thirty networks cross without a tangle. What is not fine
is a square with its sign, what is fine a circle; a colour says the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement

from swarmnet.model.report import Status
from swarmnet.model.sensitive import SENSITIVE
from swarmnet.report.formats.grids import MARKS
from swarmnet.report.terminal.text import listed, on_one_line

if TYPE_CHECKING:
    from swarmnet.report.formats.page import Drawing, Stop, Wire

_FINE = (Status.OK, Status.SKIPPED)
_RIGHT = 300
"""Pixels for the names of services."""
_ROW = 26
_COLUMN, _NARROW, _MANY = 44, 30, 16
"""Pixels of a column; of a narrow one, where there are more hosts than this."""
_RADIUS = 10
_LETTER = 7
"""Pixels of a letter, at most."""
_LONGEST = 26
"""Letters of a name; of a longer one, the rest is in its title."""
_SERVICES = 5
_HALF = 4
"""Pixels from the middle of a line of text down to its base."""


def add_drawing(parent: Element, drawing: Drawing) -> None:
    """Add the drawing, in a box that scrolls where the window is too small."""
    column = _COLUMN if len(drawing.hosts) <= _MANY else _NARROW
    top = 20 + _LETTER * max((len(_short(host)) for host in drawing.hosts), default=0)
    left = 40 + _LETTER * max(len(_short(wire.name)) for wire in drawing.wires)
    at = {host: left + column * number + column // 2 for number, host in enumerate(drawing.hosts)}
    width = left + column * len(drawing.hosts) + _RIGHT
    height = top + _ROW * len(drawing.wires) + _ROW // 2
    box = SubElement(parent, "div", {"class": "wide"})
    size = {"width": str(width), "height": str(height), "viewBox": f"0 0 {width} {height}"}
    picture = SubElement(box, "svg", {"class": "map", "role": "img", **size})
    SubElement(picture, "title").text = "Hosts, networks and services"
    for host, x in at.items():
        _line(picture, "host", (x, top - _ROW // 2), (x, height - _ROW // 2))
        turned = {"transform": f"rotate(-90 {x + _HALF} {top - _ROW // 2 - _HALF})"}
        _name(picture, host, x + _HALF, top - _ROW // 2 - _HALF, turned)
    for number, wire in enumerate(drawing.wires):
        _add_wire(picture, wire, at, top + _ROW * number + _HALF, width - _RIGHT + 8)
    how = "Columns are hosts, lines are networks; a stop is a host on a network, its number how many tasks run there."
    SubElement(parent, "p", {"class": "dim"}).text = how


def _add_wire(picture: Element, wire: Wire, at: dict[str, int], y: int, right: int) -> None:
    sign = "" if wire.status in _FINE else f"{MARKS[wire.status]} "
    _name(picture, f"{sign}{wire.name}", 0, y + _HALF, {})
    stops = [(at[host], host, stop) for host, stop in wire.stops.items() if host in at]
    if stops:
        xs = [x for x, _host, _stop in stops]
        _line(picture, f"wire {wire.status.value}", (min(xs), y), (max(xs), y))
    for x, host, stop in stops:
        _add_stop(picture, (x, y), f"{host} on {wire.name}", stop)
    if wire.services:
        text = SubElement(picture, "text", {"x": str(right), "y": str(y + _HALF), "class": "quiet"})
        text.text = _clean(listed([_short(one) for one in wire.services], _fitting(wire.services)))
        SubElement(text, "title").text = _clean(", ".join(wire.services))


def _fitting(services: tuple[str, ...]) -> int:
    """Return how many names fit next to the drawing."""
    most = min(_SERVICES, len(services))
    while most > 1 and _LETTER * len(listed([_short(one) for one in services], most)) > _RIGHT:
        most -= 1
    return most


def _add_stop(picture: Element, middle: tuple[int, int], what: str, stop: Stop) -> None:
    x, y = middle
    group = SubElement(picture, "g", {"class": f"stop {stop.status.value}"})
    detail = f": {stop.detail}" if stop.detail else ""
    SubElement(group, "title").text = _clean(f"{what}: {stop.status.value}{detail}")
    if stop.status in _FINE:
        radius = _RADIUS if stop.text else _RADIUS // 2
        SubElement(group, "circle", {"cx": str(x), "cy": str(y), "r": str(radius)})
        text = stop.text
    else:
        corner = {"x": str(x - _RADIUS), "y": str(y - _RADIUS)}
        SubElement(group, "rect", {**corner, "width": str(2 * _RADIUS), "height": str(2 * _RADIUS)})
        text = MARKS[stop.status]
    if text:
        place = {"x": str(x), "y": str(y + _HALF), "text-anchor": "middle"}
        SubElement(group, "text", place).text = _clean(text)


def _line(picture: Element, kind: str, begin: tuple[int, int], end: tuple[int, int]) -> None:
    ends = {"x1": str(begin[0]), "y1": str(begin[1]), "x2": str(end[0]), "y2": str(end[1])}
    SubElement(picture, "line", {"class": kind, **ends})


def _name(picture: Element, name: str, x: int, y: int, more: dict[str, str]) -> None:
    text = SubElement(picture, "text", {"x": str(x), "y": str(y), **more})
    text.text = _short(name)
    if _short(name) != _clean(name):
        SubElement(text, "title").text = _clean(name)


def _short(name: str) -> str:
    clean = _clean(name)
    return clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST - 3]}..."


def _clean(text: str) -> str:
    return on_one_line(SENSITIVE.masked(text))
