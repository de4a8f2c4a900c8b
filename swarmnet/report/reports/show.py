"""What is where, in every format: a view is a part of the whole picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.model.report import Status
from swarmnet.report.formats.report import Check, Graph, Report
from swarmnet.report.terminal import show
from swarmnet.report.terminal.console import printed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from swarmnet.report.documents.show import MemberEntry, ShowDocument
    from swarmnet.report.terminal.console import Line


@dataclass(frozen=True, slots=True)
class View:
    """What one verb of ``show`` shows."""

    word: str
    lines: Callable[[ShowDocument], Iterator[Line]]
    part: Callable[[ShowDocument, str | None], ShowDocument] = lambda found, _name: found
    """Returns what is shown of the picture; raises ``UsageError`` for a name that is not there."""


def _network(found: ShowDocument, name: str | None) -> ShowDocument:
    kept = [one for one in found.networks if one.name == name]
    _known("network", name, kept, (one.name for one in found.networks))
    return found.model_copy(update={**_NOTHING, "networks": kept})


def _service(found: ShowDocument, name: str | None) -> ShowDocument:
    kept = [one for one in found.services if one.name == name]
    _known("service", name, kept, (one.name for one in found.services))
    ports = [one for one in found.ports if one.service == name]
    return found.model_copy(update={**_NOTHING, "services": kept, "ports": ports})


def _host(found: ShowDocument, name: str | None) -> ShowDocument:
    kept = [one for one in found.hosts if one.name == name]
    _known("host", name, kept, (one.name for one in found.hosts))
    places = [
        one.model_copy(update={"members": [member for member in one.members if member.host == name]})
        for one in found.networks
        if one.host in (None, name)
    ]
    shown = [one for one in places if one.members or one.host == name]
    ports = [one for one in found.ports if name in one.hosts]
    volumes = [one for one in found.volumes if one.host == name]
    boxes = [one for one in found.containers if one.host == name]
    parts = {"hosts": kept, "networks": shown, "ports": ports, "volumes": volumes, "containers": boxes}
    return found.model_copy(update={**_NOTHING, **parts})


def _stack(found: ShowDocument, name: str | None) -> ShowDocument:
    services = [one for one in found.services if one.stack is not None and name in (None, one.stack)]
    if name is not None:
        _known("stack", name, services, (one.stack for one in found.services if one.stack))
    places = [one for one in found.networks if one.stack is not None and name in (None, one.stack)]
    named = {one.name for one in services}
    ports = [one for one in found.ports if one.service in named]
    return found.model_copy(update={**_NOTHING, "services": services, "networks": places, "ports": ports})


_NOTHING: dict[str, list[object]] = {
    "networks": [],
    "services": [],
    "hosts": [],
    "ports": [],
    "volumes": [],
    "containers": [],
}


def _volumes(found: ShowDocument, _name: str | None) -> ShowDocument:
    return found.model_copy(update={**_NOTHING, "volumes": found.volumes})


def _known(kind: str, name: str | None, kept: Sequence[object], known: Iterable[str]) -> None:
    if not kept:
        words = ", ".join(sorted(set(known))) or "none"
        raise UsageError(f"there is no {kind} {name!r}", hint=f"known: {words}")


VIEWS = {
    one.word: one
    for one in (
        View("networks", show.network_table),
        View("network", show.member_tables, _network),
        View("service", show.service_tables, _service),
        View("host", show.host_tables, _host),
        View("stack", show.service_tables, _stack),
        View("names", show.name_table),
        View("ports", show.port_table),
        View("volumes", show.volume_table, _volumes),
    )
}
"""Each view by its word."""


def show_report(word: str, found: ShowDocument, name: str | None = None) -> Report:
    """Return a view: a check for each object in it, and a drawing of networks and who is on them.

    Raises:
        UsageError: the view is of one object, and there is none of this name.
    """
    document = VIEWS[word].part(found, name)
    checks = [Check("network", _place(one.name, one.host), Status.OK) for one in document.networks]
    checks += [Check("service", one.name, Status.OK) for one in document.services]
    checks += [Check("port", f"{one.port or '?'}/{one.protocol}", Status.OK, one.service) for one in document.ports]
    checks += [Check("volume", _place(one.name, one.host), Status.OK) for one in document.volumes]
    checks += [Check("container", _place(one.name, one.host), Status.OK) for one in document.containers]
    checks += [Check("host", one.host, Status.INCONCLUSIVE, one.reason, one.hint or "") for one in document.failures]
    lines = VIEWS[word].lines(document)
    return Report(f"show {word}", document, tuple(checks), printed(lines), graph=_graph(document))


def _place(name: str, host: str | None) -> str:
    return f"{name} on {host}" if host else name


def _graph(document: ShowDocument) -> Graph:
    """Return networks, and the services and containers on them; two tiers meet in what is on both."""
    ids: dict[tuple[str, str], str] = {}
    nodes: dict[str, tuple[str, str, str]] = {}
    edges: dict[tuple[str, str], list[str]] = {}

    def known(kind: str, label: str) -> str:
        name = ids.setdefault((kind, label), f"n{len(ids)}")
        nodes.setdefault(name, (name, label, kind))
        return name

    for place in document.networks:
        network = known("network", _place(place.name, place.host))
        for member in place.members:
            label = member.service or _place(member.name, member.host)
            one = known("container" if member.service is None else "service", label)
            edges.setdefault((network, one), []).append(_address(member))
    for service in document.services:
        known("service", service.name)
    drawn = tuple((one, other, " ".join(filter(None, said))) for (one, other), said in edges.items())
    return Graph(tuple(nodes.values()), drawn)


def _address(member: MemberEntry) -> str:
    """Return the address that stands for a member: of a service with a virtual one, that alone."""
    return member.address if member.kind != "task" else ""
