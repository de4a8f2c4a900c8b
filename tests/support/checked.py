"""Hosts that are checked before they are in a swarm, and what their observers would say of packets between them."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from swarmnet.model.state import ClusterState, EngineFacts, HostFacts, OpenPort, Route
from swarmnet.verify.checks.doors import ENDED, OPENED, THROWN, doors_of, is_tested
from swarmnet.verify.planned import Planned
from swarmnet.verify.scenario import Answer, Answers, Observer, Setup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.verify.checks.doors import Door

HOSTS = ("m1", "w1", "w2")


def address(host: str) -> str:
    return f"192.0.2.{10 + HOSTS.index(host)}"


def host_facts(host: str, **engine: object) -> HostFacts:
    """Return what was observed of a healthy host; keywords change its engine."""
    known: dict[str, object] = {
        "id": f"id-{host}",
        "version": "28.5.2",
        "api_version": "1.51",
        "hostname": host,
        "ahead": 0.1,
    }
    route = Route(prefix="192.0.2.0/24", device="eth0")
    facts = EngineFacts.model_validate({**known, **engine})
    return HostFacts(host=host, engine=facts, addresses=(address(host),), routes=(route,), open_ports=())


def with_port(facts: HostFacts, *ports: OpenPort) -> HostFacts:
    return facts.model_copy(update={"open_ports": ports})


def hosts_setup(*hosts: HostFacts, encrypted: bool | None = None, **planned: object) -> Setup:
    seen = hosts or tuple(map(host_facts, HOSTS))
    addresses = {one.host: address(one.host) for one in seen}
    wish = {"managers": frozenset({"m1"}), "addresses": addresses, "data_paths": addresses, "encrypted": encrypted}
    observers = tuple(Observer(one.host, address(one.host)) for one in seen)
    made = Planned(**{**wish, **planned})  # type: ignore[arg-type]
    return Setup(ClusterState(hosts=seen), (), observers=observers, planned=made, run="r1")


Lost = dict[tuple[str, str, str], str]
"""Source, target and kind (``udp/4789``, ``syn/2377``, ``synack/2377``) to where it ends: out, between, in."""


class Traffic:
    """What each host's observer saw and heard while all sent."""

    def __init__(self, lost: Lost, addresses: Mapping[str, str]) -> None:
        self._lost, self._addresses = lost, addresses
        self.wire: dict[str, dict[str, JsonValue]] = {host: {} for host in HOSTS}
        self.heard: dict[str, dict[str, JsonValue]] = {host: {} for host in HOSTS}

    def travels(self, source: str, target: str, kind: str) -> bool:
        """Let one kind of packet go its way; return whether it gets past the receiver's firewall."""
        end = self._lost.get((source, target, kind), "")
        for host, way, other, missing in ((source, "out", target, "out"), (target, "in", source, "between")):
            if end == missing:
                return False
            _note(self.wire[host], f"{way}/{kind}", self._addresses[other])
        return end != "in"

    def tries(self, source: str, target: str, door: Door) -> JsonObject:
        """Return the outcome at the sender."""
        if door.protocol == "tcp":
            arrives = self.travels(source, target, f"syn/{door.port}")
            answered = arrives and self.travels(target, source, f"synack/{door.port}")
            return {"seen": "open" if answered else "silent", "why": "", "ms": 0.4}
        if self.travels(source, target, door.kind):
            _note(self.heard[target], door.kind, source)
        return {"sent": 3, "why": "", "errno": 0}


def _note(table: dict[str, JsonValue], kind: str, who: str) -> None:
    row = table.setdefault(kind, {})
    assert isinstance(row, dict)
    row[who] = 3


def packets(setup: Setup, lost: Lost) -> Answers:
    """Return what observers say when some packets are lost; all others arrive."""
    traffic = Traffic(lost, setup.planned.addresses if setup.planned else {})
    targets: dict[tuple[str, str], JsonObject] = {}
    for source, target in permutations(HOSTS, 2):
        for door in doors_of(setup):
            if is_tested(setup, (source, target), door):
                key = OPENED if door.protocol == "tcp" else THROWN
                targets.setdefault((source, key.name), {})[door.to(target)] = traffic.tries(source, target, door)
    found = {place: Answer({"targets": outcomes}) for place, outcomes in targets.items()}
    for host in HOSTS:
        reported: JsonObject = {"wire": traffic.wire[host], "heard": traffic.heard[host], "senders": {}, "taken": []}
        found[host, ENDED.name] = Answer(reported)
    return found
