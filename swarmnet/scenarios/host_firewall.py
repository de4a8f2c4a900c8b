"""Scenario: no host's own firewall drops what the swarm sends between hosts.

Everything else sees symptoms; here the rules are read and one packet of each kind is walked through them. Only what is
dropped for certain is told. Firewalls that are not iptables, and those between the hosts, are not seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Place, Status, Verdict
from swarmnet.model.service import Protocol, PublishMode
from swarmnet.scenarios import places
from swarmnet.scenarios.encryption_rules import SAVE
from swarmnet.scenarios.interface import Answers, Findings, HostCommand, Question, Scenario, Scene
from swarmnet.scenarios.packet_filter import Fate, Filter, Packet, read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.scenarios.rules import Rule

GOSSIP, ORDERS = 7946, 2377
BRIDGE = "docker_gwbridge"
"""To which each host forwards what comes for a published port."""
INSIDE = "172.18.0.2"
"""The routing mesh's own end of that bridge, where no other subnet was chosen for it."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """One kind of packet between two hosts, where it meets a firewall, and what fails without it."""

    what: str
    """In words: ``udp 7946``."""
    host: str
    """Whose firewall."""
    peer: str
    chain: str
    packet: Packet
    breaks: frozenset[Place]
    both_states: bool = False
    """True where a firewall that knows connections takes the packet for an answer, too: only what it drops in both
    cases is lost."""
    accepted: int = 0
    """The published port for which the engine must have a rule: without it, the engine's rules are the cause."""


class HostFirewall(Scenario):
    """The filter table of each host, asked about VXLAN, gossip, orders, answers and published ports."""

    name: ClassVar[str] = "firewall"
    summary: ClassVar[str] = "no host's own firewall drops what the swarm sends between hosts"
    needs_witness: ClassVar[bool] = True
    needs_networks: ClassVar[bool] = False

    def ask(self, scene: Scene, _answers: Answers) -> tuple[Question, ...]:
        """Read the rules of each host."""
        return tuple(HostCommand(host, SAVE, ("iptables-save", "-c"), sudo=True) for host in scene.watched)

    def judge(self, scene: Scene, answers: Answers) -> Findings:
        """Return one verdict a host and rule that drops something, else one for all whose rules could be read."""
        tables = {host: table for host in scene.watched if (table := _table(answers, host)) is not None}
        found: dict[tuple[str, str], list[Crossing]] = {}
        for crossing in crossings(scene):
            table = tables.get(crossing.host)
            if table is None or (crossing.accepted and not table.mentions("DOCKER-INGRESS", crossing.accepted)):
                continue
            dropped, rule = _drops(table, crossing)
            if dropped:
                found.setdefault((crossing.host, _words(crossing.chain, rule)), []).append(crossing)
        verdicts = [self._dropped(host, rule, dropped) for (host, rule), dropped in found.items()]
        unread = [host for host in scene.watched if host not in tables]
        if unread and not verdicts:
            detail = f"the rules of {', '.join(unread)} could not be read"
            fix = "let the SSH user run iptables-save by sudo without a password, or log in as root"
            verdicts.append(self._verdict("hosts", Status.SKIPPED, detail, fix))
        elif not verdicts:
            detail = f"the rules of {len(tables)} hosts drop nothing that the swarm needs"
            verdicts.append(self._verdict("hosts", Status.OK, detail))
        return Findings(tuple(verdicts))

    def _dropped(self, host: str, rule: str, dropped: list[Crossing]) -> Verdict:
        what = ", ".join(dict.fromkeys(one.what for one in dropped))
        peers = ", ".join(sorted({one.peer for one in dropped if one.peer != host}))
        chain = dropped[0].chain
        way = {"INPUT": "from", "OUTPUT": "to"}.get(chain, "forwarded for")
        if rule.startswith("-A"):
            fix, commands = "remove the rule, or let what the swarm needs pass before it:", [f"iptables -D {rule[3:]}"]
        else:
            ports = f"udp {dropped[0].packet.port}" if dropped[0].packet.port else what
            fix, commands = f"let what the swarm needs pass ({ports} ...): its policy drops what no rule accepts", []
        return Verdict(
            scenario=self.name,
            subject=f"host {host}",
            status=Status.FAILED,
            detail=f"the firewall of {host} drops {what} {way} {peers or 'others'}: {rule}",
            fix=fix,
            evidence={"cause": "firewall-drops", "hosts": [host], "rule": rule, "commands": [*commands]},
            broken=frozenset[Place]().union(*(one.breaks for one in dropped)),
            needed=(),
        )

    def _verdict(self, subject: str, status: Status, detail: str, fix: str | None = None) -> Verdict:
        return Verdict(scenario=self.name, subject=subject, status=status, detail=detail, fix=fix)


def crossings(scene: Scene) -> Iterable[Crossing]:
    """Yield every kind of packet that hosts must take from each other, and let out to each other."""
    vteps = {one.host: one.vtep for one in scene.witnesses if one.problem is None and _is_address(one.vtep)}
    for host in vteps:
        for peer in vteps:
            if peer != host:
                yield from _into(scene, host, peer, vteps)
                yield from _out_of(scene, host, peer, vteps)


def _into(scene: Scene, host: str, peer: str, vteps: dict[str, str]) -> Iterable[Crossing]:
    device = _device(scene, host, vteps[peer])
    here = Packet("udp", vteps[peer], vteps[host], came_by=device, leaves_by="")
    learned = _gossip(host, peer)
    data = scene.data_path_port
    yield Crossing(f"udp {data}", host, peer, "INPUT", replace(here, port=data), _vxlan(peer, host))
    for protocol in ("udp", "tcp"):
        source = GOSSIP if protocol == "udp" else None
        packet = replace(here, protocol=protocol, port=GOSSIP, from_port=source)
        yield Crossing(f"{protocol} {GOSSIP}", host, peer, "INPUT", packet, learned, both_states=protocol == "udp")
    if _is_manager(scene, host):
        packet = replace(here, protocol="tcp", port=ORDERS)
        yield Crossing(f"tcp {ORDERS}", host, peer, "INPUT", packet, frozenset((places.node(peer),)))
    if any(net.spec.encrypted for net in scene.networks):
        yield Crossing(
            "esp",
            host,
            peer,
            "INPUT",
            replace(here, protocol="esp"),
            frozenset((places.esp(peer, host), places.passage("esp", peer, host))),
        )
    answer = replace(here, protocol="tcp", from_port=GOSSIP, state="ESTABLISHED")
    doors = frozenset(places.door(host, peer, protocol) for protocol in ("tcp", "udp"))
    yield Crossing(
        "answers (ESTABLISHED)", host, peer, "INPUT", answer, learned | doors | {places.passage("answers", peer, host)}
    )
    inner = Packet("tcp", vteps[peer], INSIDE, came_by=device, leaves_by=BRIDGE)
    for service, port in published(scene):
        entry = frozenset((places.entry(host, "tcp"), places.door(peer, host, "tcp")))
        yield Crossing(
            f"tcp {port} of {service}", host, peer, "FORWARD", replace(inner, port=port), entry, accepted=port
        )
        packet = Packet("tcp", INSIDE, vteps[peer], None, port, "ESTABLISHED", BRIDGE, device)
        yield Crossing(f"answers of tcp {port}", host, peer, "FORWARD", packet, entry, accepted=port)


def _out_of(scene: Scene, host: str, peer: str, vteps: dict[str, str]) -> Iterable[Crossing]:
    here = Packet("udp", vteps[host], vteps[peer], came_by="", leaves_by=_device(scene, host, vteps[peer]))
    data, learned = scene.data_path_port, _gossip(host, peer)
    yield Crossing(f"udp {data}", host, peer, "OUTPUT", replace(here, port=data), _vxlan(host, peer))
    for protocol in ("udp", "tcp"):
        source = GOSSIP if protocol == "udp" else None
        packet = replace(here, protocol=protocol, port=GOSSIP, from_port=source)
        yield Crossing(f"{protocol} {GOSSIP}", host, peer, "OUTPUT", packet, learned, both_states=protocol == "udp")


def published(scene: Scene) -> list[tuple[str, int]]:
    """Return what the mesh publishes by TCP: one port of the user's, and the probe service's."""
    users = [
        (service.spec.name, port.published)
        for service in scene.state.services
        for port in service.published
        if port.mode is PublishMode.INGRESS and port.protocol is Protocol.TCP and port.published is not None
    ]
    probes = scene.mesh.ports.get("tcp") if scene.mesh else None
    return [*users[:1], *([("the probe service", probes)] if probes else [])]


def _gossip(host: str, peer: str) -> frozenset[Place]:
    ways = places.both(lambda one, other: places.passage("gossip", one, other), host, peer)
    return ways | places.both(places.learned, host, peer)


def _vxlan(source: str, target: str) -> frozenset[Place]:
    return frozenset((places.vxlan(source, target), places.passage("vxlan", source, target)))


def _drops(table: Filter, crossing: Crossing) -> tuple[bool, Rule | None]:
    """Tell whether a packet is dropped for certain, by none of the engine's own rules, and by which."""
    states = ("NEW", "ESTABLISHED") if crossing.both_states else (crossing.packet.state,)
    rule = None
    for state in states:
        fate, rule = table.fate(crossing.chain, replace(crossing.packet, state=state))
        if fate is not Fate.DROPPED:
            return False, None
    engines = rule is not None and rule.chain.startswith("DOCKER") and rule.chain != "DOCKER-USER"
    return not (engines or (rule is None and crossing.chain == "FORWARD")), rule


def _device(scene: Scene, host: str, address: str) -> str | None:
    """Return the device by which a host reaches an address directly; None where its routes do not tell."""
    facts = scene.state.facts(host)
    fitting = [
        (ip_network(route.prefix).prefixlen, route.device)
        for route in (facts.routes if facts else ())
        if ip_address(address) in ip_network(route.prefix)
    ]
    return max(fitting)[1] if fitting else None


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _is_manager(scene: Scene, host: str) -> bool:
    node = scene.state.node_of(host)
    return node is not None and node.spec.role == "manager"


def _table(answers: Answers, host: str) -> Filter | None:
    answer = answers.get((host, SAVE))
    if answer is None or answer.problem is not None or answer.value.get("exit") != 0:
        return None
    return read(str(answer.value.get("stdout")))


def _words(chain: str, rule: Rule | None) -> str:
    return f"the policy of {chain} is DROP" if rule is None else f"-A {rule.chain} {' '.join(rule.words)}"
