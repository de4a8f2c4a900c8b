"""Where a port in host mode opens: on the hosts that run a task, and where something else holds that port. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.expectation import PartyKind
from swarmnet.model.service import Protocol, PublishMode
from swarmnet.verify.scenarios.mesh.holders import hidden_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.expectation import Arrow
    from swarmnet.model.service import PublishedPort
    from swarmnet.model.state import ClusterState, Container
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers, Setup


@dataclass(frozen=True, slots=True)
class Opening:
    """A port in host mode, and the hosts on which it opens."""

    port: PublishedPort
    hosts: tuple[str, ...]
    """Those with a running task."""
    others: tuple[str, ...]

    @classmethod
    def of(cls, port: PublishedPort, tasks: Iterable[End], hosts: Iterable[str]) -> Opening:
        """Return where a port opens, of these hosts and those of the running tasks behind it."""
        running = tuple(dict.fromkeys(end.host for end in tasks if end.host))
        return cls(port, running, tuple(host for host in hosts if host not in running))

    def __str__(self) -> str:
        """Return it as a trace says it."""
        words = f"{self.port.published} leads to {self.port.target} in host mode, so it opens only on hosts with a task"
        words += f": {', '.join(self.hosts) or 'none'}"
        return words + (f", not on {', '.join(self.others)}" if self.others else "")


def where_to_ask(state: ClusterState, arrow: Arrow) -> Iterator[tuple[str, int]]:
    """Yield each host and TCP port of which a trace says who holds it: those of a host, and those in host mode."""
    if arrow.target.kind is PartyKind.HOST:
        yield from ((arrow.target.name, door.port) for door in arrow.doors if door.protocol is Protocol.TCP)
        return
    service = state.service(arrow.target.name)
    asked = {door.port for door in arrow.doors}
    for port in service.all_ports if service is not None and arrow.target.kind is PartyKind.SERVICE else ():
        is_held = port.mode is PublishMode.HOST and port.protocol is Protocol.TCP
        if is_held and port.published is not None and (not asked or port.published in asked):
            yield from ((facts.host, port.published) for facts in state.hosts)


def holder(setup: Setup, answers: Answers, host: str, port: int) -> str:
    """Return who holds a TCP port of a host: containers, else a program; empty where nothing is known to."""
    if boxes := setup.publishing.get((host, port), ()):
        return " and ".join(_named(one) for one in boxes)
    return hidden_on(answers, host).get(port, "")


def strangers(setup: Setup, service: str, port: int) -> dict[str, str]:
    """Return the containers that hold a port and belong to another service or none, by their host."""
    found = {}
    for (host, number), boxes in setup.publishing.items():
        others = [one for one in boxes if one.service != service]
        if number == port and others:
            found[host] = " and ".join(_named(one) for one in others)
    return found


def _named(one: Container) -> str:
    made = f"service {one.service}" if one.service is not None else "no service"
    return f"container {one.name} ({one.image.partition('@')[0]}) of {made}"
