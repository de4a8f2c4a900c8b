"""Scenario: no host's own firewall drops what the swarm sends between hosts.

Other scenarios see symptoms; this one reads the rules and walks one packet of each kind through them. It reports only
what is certainly dropped. Rules in the back end of iptables that the engine does not use count, too, and so do tables
of nftables where the host has ``nft``. Firewalls between the hosts are not seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Claim, Status, Verdict
from swarmnet.model.service import Protocol, PublishMode
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId
from swarmnet.verify.iptables import CHAIN
from swarmnet.verify.keys import SAVE, SAVE_6
from swarmnet.verify.packet_filter import Fate, Packet
from swarmnet.verify.scenario import Answers, Findings, HostCommand, Question, Scenario, Setup
from swarmnet.verify.scenarios.hosts.back_ends import (
    IPTABLES,
    LEGACY,
    NFT,
    NFTABLES,
    back_ends,
    back_ends_by_ipv6,
    read_others,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.verify.iptables import Rule
    from swarmnet.verify.scenarios.hosts.back_ends import BackEnd

GOSSIP, ORDERS = 7946, 2377
BRIDGE = "docker_gwbridge"
"""To which each host forwards what comes for a published port."""
HOOKS = {
    "INPUT": (("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("mangle", "INPUT"), ("filter", "INPUT")),
    "OUTPUT": (("raw", "OUTPUT"), ("mangle", "OUTPUT"), ("filter", "OUTPUT")),
    "FORWARD": (("filter", "FORWARD"),),
}
"""The chains that a packet meets on its way, in the kernel's order. What is forwarded had another address before."""
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
    breaks: frozenset[Claim]
    both_states: bool = False
    """True where a firewall that knows connections takes the packet for an answer, too: only what it drops in both
    cases is lost."""
    accepted: int = 0
    """The published port for which the engine must have a rule: without it, the engine's rules are the cause."""


@dataclass(frozen=True, slots=True)
class Dropper:
    """What drops a packet: a rule, or the policy of a chain that no rule of which decides."""

    table: str
    chain: str
    rule: Rule | None
    back_end: str = ""
    """``legacy`` or ``nft`` where it is in the back end to which ``iptables`` does not lead; else ``nftables``."""
    native: tuple[str, str] = ("", "")
    """Family and table, of nftables."""
    family: str = IPTABLES

    @property
    def is_left(self) -> bool:
        """Whether it is in the back end of iptables that the engine does not use."""
        return self.back_end in (LEGACY, NFT)

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that removes the rule; none for a policy, which must stay, but in a back end left behind."""
        if self.rule is None:
            return (f"{self.program} -P {self.chain} ACCEPT",) if self.is_left else ()
        if self.back_end == NFTABLES:
            return (f"nft delete rule {' '.join(self.native)} {self.rule.chain} handle {self.rule.handle}",)
        return (f"{self.program} {self._words('-D')}",)

    @property
    def program(self) -> str:
        """What changes these rules."""
        return f"{self.family}-{self.back_end}" if self.back_end else self.family

    def __str__(self) -> str:
        """Return the rule as ``iptables-save`` prints it, or the policy in words."""
        if self.back_end == NFTABLES:
            where = f"of nftables in table {' '.join(self.native)}"
            if self.rule is None:
                return f"the policy at the hook {self.chain.lower()} is drop, {where}"
            return f"rule {self.rule.handle} of chain {self.rule.chain} {where} ({' '.join(self.rule.words)})"
        if self.rule is None:
            return f"the policy of {self.chain} is DROP" + (f" in table {self.table}" * (self.table != "filter"))
        return self._words("-A")

    def _words(self, option: str) -> str:
        where = "" if self.table == "filter" else f"-t {self.table} "
        return f"{where}{option} {self.rule.chain} {' '.join(self.rule.words)}" if self.rule else ""


class HostFirewall(Scenario):
    """The tables of each host, asked about VXLAN, gossip, orders, answers and published ports."""

    name: ClassVar[str] = "firewall"
    summary: ClassVar[str] = "no host's own firewall drops what the swarm sends between hosts"
    needs_observer: ClassVar[bool] = True
    needs_networks: ClassVar[bool] = False

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Read the rules of each host, in both back ends."""
        own = [HostCommand(host, SAVE.name, ("iptables-save", "-c"), sudo=True) for host in setup.watched]
        six = {one.host for one in setup.observers if ":" in one.vtep} & {*setup.watched}
        own += [HostCommand(host, SAVE_6.name, ("ip6tables-save", "-c"), sudo=True) for host in sorted(six)]
        return (*own, *(one for host in setup.watched for one in read_others(host)))

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict a host and rule that drops something, else one for all whose rules could be read."""
        tables = {host: both for host in setup.watched if (both := back_ends(answers, host))}
        six = {host: both for host in setup.watched if (both := back_ends_by_ipv6(answers, host))}
        found: dict[tuple[str, Dropper], list[Crossing]] = {}
        unread = {host for host in setup.watched if host not in tables}
        for crossing in crossings(setup):
            read = (six if ":" in crossing.packet.source else tables).get(crossing.host, ())
            unread |= set() if read else {crossing.host}
            for back_end in read:
                if (dropper := _dropped_by(read, back_end, crossing)) is not None:
                    found.setdefault((crossing.host, dropper), []).append(crossing)
        verdicts = [self._dropped(host, dropper, dropped) for (host, dropper), dropped in found.items()]
        split = {host for host, dropper in found if dropper.is_left}
        verdicts += [v for host, both in tables.items() if host not in split and (v := self._left(host, both))]
        if unread and not verdicts:
            detail = f"the rules of {', '.join(sorted(unread))} could not be read"
            fix = "let the SSH user run iptables-save with sudo and without a password, or log in as root"
            verdicts.append(self.verdict("hosts", Status.SKIPPED, detail, fix))
        elif not verdicts:
            detail = f"the firewall rules of {len(tables)} hosts drop nothing that the swarm needs"
            verdicts.append(self.verdict("hosts", Status.OK, detail))
        return Findings(tuple(verdicts))

    def _left(self, host: str, both: tuple[BackEnd, ...]) -> Verdict | None:
        """Return a warning where both back ends hold an engine's rules: those of one are left from before."""
        both = tuple(one for one in both if one.name != NFTABLES)
        if not all(one.has_engine_rules for one in both) or not both[1:]:
            return None
        program = both[-1].program
        detail = (
            f"both back ends of iptables on {host} hold rules of an engine: those in {program} are left from before the"
            " change, and packets must pass them, too"
        )
        fix = f"reboot {host}, or remove them there:"
        commands = [f"{program} -P FORWARD ACCEPT", f"{program} -F", f"{program} -t nat -F"]
        verdict = self.verdict(f"host {host}", Status.WARNING, detail, fix, cause=CauseId.IPTABLES_SPLIT)
        return verdict.model_copy(update={"evidence": {**verdict.evidence, "hosts": [host], "commands": [*commands]}})

    def _dropped(self, host: str, dropper: Dropper, dropped: list[Crossing]) -> Verdict:
        what = ", ".join(dict.fromkeys(one.what for one in dropped))
        peers = ", ".join(sorted({one.peer for one in dropped if one.peer != host}))
        chain = dropped[0].chain
        way = {"INPUT": "from", "OUTPUT": "to"}.get(chain, "forwarded for")
        commands = [*dropper.commands]
        if commands:
            fix = "remove the rule, or accept what the swarm needs before it:"
        else:
            ports = f"udp {dropped[0].packet.port}" if dropped[0].packet.port else what
            fix = f"accept what the swarm needs ({ports} ...): the policy drops whatever no rule accepts"
        cause, where = CauseId.FIREWALL_DROPS, ""
        if dropper.is_left:
            cause, where = CauseId.IPTABLES_SPLIT, f", in iptables-{dropper.back_end}, which the engine does not use"
            fix = f"use one back end of iptables on {host} (update-alternatives --display iptables); until then:"
        return Verdict(
            scenario=self.name,
            subject=f"host {host}",
            status=Status.FAILED,
            detail=f"the firewall of {host} drops {what} {way} {peers or 'others'}: {dropper}{where}",
            fix=fix,
            cause=cause,
            evidence={"cause": cause, "hosts": [host], "rule": str(dropper), "commands": [*commands]},
            broken=frozenset[Claim]().union(*(one.breaks for one in dropped)),
            needed=(),
        )


def crossings(setup: Setup) -> Iterable[Crossing]:
    """Yield every kind of packet that hosts must take from each other, and let out to each other."""
    vteps = {one.host: one.vtep for one in setup.observers if one.problem is None and _is_address(one.vtep)}
    for host in vteps:
        for peer in vteps:
            if peer != host:
                yield from _into(setup, host, peer, vteps)
                yield from _out_of(setup, host, peer, vteps)


def _into(setup: Setup, host: str, peer: str, vteps: dict[str, str]) -> Iterable[Crossing]:
    device = device_of(setup, host, vteps[peer])
    here = Packet("udp", vteps[peer], vteps[host], came_by=device, leaves_by="")
    learned = _gossip(host, peer)
    data = setup.data_path_port
    if _has_plain(setup):
        yield Crossing(f"udp {data}", host, peer, "INPUT", replace(here, port=data), _vxlan(peer, host))
    for protocol in ("udp", "tcp"):
        source = GOSSIP if protocol == "udp" else None
        packet = replace(here, protocol=protocol, port=GOSSIP, from_port=source)
        broken = learned | {claims.passage(f"{protocol}/{GOSSIP}", peer, host)}
        yield Crossing(f"{protocol} {GOSSIP}", host, peer, "INPUT", packet, broken, both_states=protocol == "udp")
    if _is_manager(setup, host):
        packet = replace(here, protocol="tcp", port=ORDERS)
        yield Crossing(f"tcp {ORDERS}", host, peer, "INPUT", packet, _orders(peer, host))
    if _has_esp(setup):
        yield Crossing(
            "esp",
            host,
            peer,
            "INPUT",
            replace(here, protocol="esp"),
            frozenset((claims.esp(peer, host), claims.passage("esp", peer, host))),
        )
        yield Crossing(
            f"udp {data} that came in esp",
            host,
            peer,
            "INPUT",
            replace(here, port=data, decrypted=True),
            frozenset((claims.esp(peer, host), claims.passage("esp", peer, host))),
        )
    answer = replace(here, protocol="tcp", from_port=GOSSIP, state="ESTABLISHED")
    doors = frozenset(claims.door(host, peer, protocol) for protocol in ("tcp", "udp"))
    yield Crossing(
        "answers (ESTABLISHED)", host, peer, "INPUT", answer, learned | doors | {claims.passage("answers", peer, host)}
    )
    inner = Packet("tcp", vteps[peer], INSIDE, came_by=device, leaves_by=BRIDGE)
    # The routing mesh is IPv4 only.
    for service, port in published(setup) if ":" not in vteps[peer] else ():
        entry = frozenset(
            (claims.entry(host, "tcp"), claims.door(peer, host, "tcp"), claims.passage("doors", peer, host))
        )
        yield Crossing(
            f"tcp {port} of {service}", host, peer, "FORWARD", replace(inner, port=port), entry, accepted=port
        )
        packet = Packet("tcp", INSIDE, vteps[peer], None, port, "ESTABLISHED", BRIDGE, device)
        yield Crossing(f"answers of tcp {port}", host, peer, "FORWARD", packet, entry, accepted=port)


def _out_of(setup: Setup, host: str, peer: str, vteps: dict[str, str]) -> Iterable[Crossing]:
    here = Packet("udp", vteps[host], vteps[peer], came_by="", leaves_by=device_of(setup, host, vteps[peer]))
    data, learned = setup.data_path_port, _gossip(host, peer)
    # Also what ESP carries meets OUTPUT in clear: it is encrypted afterwards.
    yield Crossing(f"udp {data}", host, peer, "OUTPUT", replace(here, port=data), _vxlan(host, peer))
    for protocol in ("udp", "tcp"):
        source = GOSSIP if protocol == "udp" else None
        packet = replace(here, protocol=protocol, port=GOSSIP, from_port=source)
        broken = learned | {claims.passage(f"{protocol}/{GOSSIP}", host, peer)}
        yield Crossing(f"{protocol} {GOSSIP}", host, peer, "OUTPUT", packet, broken, both_states=protocol == "udp")
    if _is_manager(setup, peer):
        packet = replace(here, protocol="tcp", port=ORDERS)
        yield Crossing(f"tcp {ORDERS}", host, peer, "OUTPUT", packet, _orders(host, peer))
    if _has_esp(setup):
        broken = frozenset((claims.esp(host, peer), claims.passage("esp", host, peer)))
        yield Crossing("esp", host, peer, "OUTPUT", replace(here, protocol="esp"), broken)
    answer = replace(here, protocol="tcp", from_port=GOSSIP, state="ESTABLISHED")
    broken = learned | {claims.passage("answers", host, peer)}
    yield Crossing("answers (ESTABLISHED)", host, peer, "OUTPUT", answer, broken)


def published(setup: Setup) -> list[tuple[str, int]]:
    """Return what the mesh publishes by TCP: one port of the user's, and the probe service's."""
    users = [
        (service.spec.name, port.published)
        for service in setup.state.services
        for port in service.published
        if port.mode is PublishMode.INGRESS and port.protocol is Protocol.TCP and port.published is not None
    ]
    probes = setup.mesh.ports.get("tcp") if setup.mesh else None
    return [*users[:1], *([("the probe service", probes)] if probes else [])]


def _gossip(host: str, peer: str) -> frozenset[Claim]:
    ways = claims.both(lambda one, other: claims.passage("gossip", one, other), host, peer)
    return ways | claims.both(claims.learned, host, peer)


def _orders(host: str, manager: str) -> frozenset[Claim]:
    return frozenset((claims.node(host), claims.passage(f"tcp/{ORDERS}", host, manager)))


def _vxlan(source: str, target: str) -> frozenset[Claim]:
    return frozenset((claims.vxlan(source, target), claims.passage("vxlan", source, target)))


def _has_plain(setup: Setup) -> bool:
    """Return whether any overlay sends VXLAN without ESP."""
    nets = (*setup.networks, *setup.state.networks, *((setup.control,) if setup.control else ()))
    return any(net.spec.driver == "overlay" and not net.spec.encrypted for net in nets) or not nets


def _dropped_by(both: tuple[BackEnd, ...], back_end: BackEnd, crossing: Crossing) -> Dropper | None:
    """Return the rule or policy that drops a packet for certain, and is none of the engine's own; None without one."""
    tables = back_end.tables
    if crossing.accepted and not any(_accepts(one, crossing.accepted) for one in both):
        return None
    for name, chain in HOOKS[crossing.chain]:
        table = tables.get(name)
        if table is None:
            continue
        states = ("NEW", "ESTABLISHED") if crossing.both_states else (crossing.packet.state,)
        fates = [table.fate(chain, replace(crossing.packet, state=seen_in(name, state))) for state in states]
        rule = fates[-1][1]
        if any(fate is not Fate.DROPPED for fate, _rule in fates):
            continue
        dropper = Dropper(name, chain, rule, back_end.name, back_end.native, back_end.family)
        if not back_end.is_engines:
            return dropper
        engines = rule is not None and rule.chain.startswith("DOCKER") and rule.chain != "DOCKER-USER"
        return None if engines or (rule is None and chain == "FORWARD") else dropper
    return None


def _accepts(back_end: BackEnd, port: int) -> bool:
    return "filter" in back_end.tables and back_end.tables["filter"].table.has_port(CHAIN, "ACCEPT", port, "tcp")


def seen_in(table: str, state: str) -> str:
    """Return the state that rules of a table see: the kernel looks for the connection after the table ``raw``."""
    return "INVALID" if table == "raw" else state


def device_of(setup: Setup, host: str, address: str) -> str | None:
    """Return the device by which a host reaches an address directly; None where its routes do not tell."""
    facts = setup.state.facts(host)
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


def _is_manager(setup: Setup, host: str) -> bool:
    node = setup.state.node_of(host)
    if node is None:
        return setup.planned is not None and host in setup.planned.managers
    return node.spec.role == "manager"


def _has_esp(setup: Setup) -> bool:
    """Return whether a tested network is encrypted, or one of those may be that the hosts are checked for."""
    planned = setup.planned is not None and setup.planned.encrypted is not False
    return planned or any(net.spec.encrypted for net in setup.networks)
