"""Scenario: no host's own firewall drops what the swarm sends between hosts.

Other scenarios see symptoms; this one reads the rules and walks one packet of each kind through them. It reports only
what is certainly dropped. Rules in the back end of iptables that the engine does not use count, too, and so do tables
of nftables where the host has ``nft``. Firewalls between the hosts are not seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Claim, Status, Verdict
from swarmnet.verify.cards import describe, removal, unread_at
from swarmnet.verify.ids import CauseId
from swarmnet.verify.iptables import CHAIN
from swarmnet.verify.kernels import settings
from swarmnet.verify.keys import SAVE, SAVE_6
from swarmnet.verify.packet_filter import LENGTH, Fate
from swarmnet.verify.scenario import Answers, Findings, HostCommand, Question, Scenario, Setup
from swarmnet.verify.scenarios.hosts.back_ends import (
    IPTABLES,
    LEGACY,
    NFT,
    NFTABLES,
    TC,
    at_cards,
    back_ends,
    back_ends_by_ipv6,
    read_others,
)
from swarmnet.verify.scenarios.hosts.crossings import crossings
from swarmnet.verify.scenarios.hosts.passed_on import passed_on
from swarmnet.verify.scenarios.hosts.way_out import untranslated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.verify.iptables import Rule
    from swarmnet.verify.scenarios.hosts.back_ends import BackEnd
    from swarmnet.verify.scenarios.hosts.crossings import Crossing

    _BackEnds = Mapping[str, tuple[BackEnd, ...]]

CARD_IN, CARD_OUT = ("ingress", "INGRESS"), ("egress", "EGRESS")
AT_CARD = frozenset({"ingress", "egress"})
COMING = (CARD_IN, ("raw", "PREROUTING"), ("mangle", "PREROUTING"))
HOOKS = {
    "INPUT": (*COMING, ("mangle", "INPUT"), ("filter", "INPUT")),
    "OUTPUT": (("raw", "OUTPUT"), ("mangle", "OUTPUT"), ("filter", "OUTPUT"), CARD_OUT),
    "FORWARD": (*COMING, ("mangle", "FORWARD"), ("filter", "FORWARD"), CARD_OUT),
}
"""The chains that a packet meets on its way, in the kernel's order."""
NAMED = 4
"""Kinds of packets that a verdict lists; of more, their number."""


@dataclass(frozen=True, slots=True)
class Dropper:
    """What drops a packet: a rule, or the policy of a chain that no rule of which decides."""

    table: str
    chain: str
    rule: Rule | None
    back_end: str = ""
    """``legacy`` or ``nft`` where it is in the back end to which ``iptables`` does not lead; ``nftables``, ``tc``."""
    native: tuple[str, str] = ("", "")
    """Family and table, of nftables; device and way of tc."""
    family: str = IPTABLES

    @property
    def is_left(self) -> bool:
        """Whether it is in the back end of iptables that the engine does not use."""
        return self.back_end in (LEGACY, NFT)

    @property
    def asks_length(self) -> bool:
        """Whether it drops packets by their length: any other rule drops small ones, too."""
        return self.rule is not None and LENGTH in self.rule.words

    @property
    def is_at_card(self) -> bool:
        """Whether it is at a network device, where tools for firewalls do not show it."""
        return self.back_end == TC

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that removes the rule; none for a policy, which must stay, but in a back end left behind."""
        if self.rule is None:
            return (f"{self.program} -P {self.chain} ACCEPT",) if self.is_left else ()
        if self.is_at_card:
            return (removal(*self.native, self.rule),)
        if self.back_end == NFTABLES:
            return (f"nft delete rule {' '.join(self.native)} {self.rule.chain} handle {self.rule.handle}",)
        return (f"{self.program} {self._words('-D')}",)

    def accepting(self, protocol: str) -> str | None:
        """Return the command that lets a protocol pass a rule for all that no rule before it accepts; None for others.

        Such a rule ends the list of a firewall that is there on purpose: it must stay.
        """
        if (
            self.rule is None
            or self.rule.value("-p") is not None
            or self.is_left
            or self.is_at_card
            or self.back_end == NFTABLES
        ):
            return None
        where = "" if self.table == "filter" else f"-t {self.table} "
        return f"{self.program} {where}-I {self.rule.chain} -p {protocol} -j ACCEPT"

    @property
    def program(self) -> str:
        """What changes these rules."""
        return f"{self.family}-{self.back_end}" if self.back_end else self.family

    def __str__(self) -> str:
        """Return the rule as ``iptables-save`` prints it, or the policy in words."""
        if self.is_at_card and self.rule is not None:
            return describe(*self.native, self.rule)
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
        """Read the rules of each host, in both back ends, and what sits at its network devices."""
        own: list[Question] = [settings(host) for host in setup.watched]
        own += [HostCommand(host, SAVE.name, ("iptables-save", "-c"), sudo=True) for host in setup.watched]
        six = {one.host for one in setup.observers if ":" in one.vtep} & {*setup.watched}
        own += [HostCommand(host, SAVE_6.name, ("ip6tables-save", "-c"), sudo=True) for host in sorted(six)]
        return (*own, *(one for host in setup.watched for one in read_others(host)))

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict a host and rule that drops something, else one for all whose rules could be read."""
        tables = {host: both for host in setup.watched if (both := back_ends(answers, host))}
        six = {host: both for host in setup.watched if (both := back_ends_by_ipv6(answers, host))}
        walks = (*crossings(setup), *passed_on(setup, answers))
        unread = {host for host in setup.watched if host not in tables}
        unread |= {one.host for one in walks if one.is_by_ipv6 and one.host not in six}
        found = _droppers(answers, walks, tables, six)
        verdicts = [self._dropped(host, dropper, dropped) for (host, dropper), dropped in found.items()]
        verdicts += [one.verdict(self.name) for one in untranslated(setup, answers)]
        split = {host for host, dropper in found if dropper.is_left}
        verdicts += [v for host, both in tables.items() if host not in split and (v := self._left(host, both))]
        if unread and not verdicts:
            detail = f"the rules of {', '.join(sorted(unread))} could not be read"
            fix = "let the SSH user run iptables-save with sudo and without a password, or log in as root"
            verdicts.append(self.verdict("hosts", Status.SKIPPED, detail, fix))
        if not verdicts:
            verdicts += self._unread_cards(setup, answers)
        if not verdicts:
            detail = f"the firewall rules of {count(len(tables), 'host')} drop nothing that the swarm needs"
            detail += " (for IPv6, only those of ip6tables were read)" if six else ""
            verdicts.append(self.verdict("hosts", Status.OK, detail))
        return Findings(tuple(verdicts))

    def _unread_cards(self, setup: Setup, answers: Answers) -> list[Verdict]:
        """Return a skipped verdict for each host where it is not known what sits at its network devices."""
        found = {host: why for host in setup.watched if (why := unread_at(answers, host))}
        words, fix = "could not be read", "look there with: tc filter show dev DEVICE ingress"
        return [
            self.verdict(f"host {host}", Status.SKIPPED, f"the network devices of {host} {words}: {why}", fix)
            for host, why in found.items()
        ]

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
        what = _listed(dict.fromkeys(one.what for one in dropped))
        peers = ", ".join(sorted({one.peer for one in dropped if one.peer not in ("", host)}))
        chain = dropped[0].chain
        way = {"INPUT": "from", "OUTPUT": "to"}.get(chain, "forwarded for")
        commands = [*dropper.commands]
        if {one.packet.protocol for one in dropped} == {"esp"} and (accepting := dropper.accepting("esp")):
            commands = [accepting]
            fix = f"accept ESP, which encrypted networks need, before that rule on {host}:"
        elif commands:
            fix = "remove the rule, or accept what the swarm needs before it:"
        else:
            ports = f"udp {dropped[0].packet.port}" if dropped[0].packet.port else what
            fix = f"accept what the swarm needs ({ports} ...): the policy drops whatever no rule accepts"
        cause, where = CauseId.FIREWALL_DROPS, ""
        if dropper.is_left:
            cause, where = CauseId.IPTABLES_SPLIT, f", in iptables-{dropper.back_end}, which the engine does not use"
            fix = f"use one back end of iptables on {host} (update-alternatives --display iptables); until then:"
        if dropper.is_at_card:
            cause = CauseId.DEVICE_DROPS
            fix = f"take it away on {host}, or let it pass what the swarm needs; tools for firewalls do not show it:"
        doer = "a network device" if dropper.is_at_card else "the firewall"
        return Verdict(
            scenario=self.name,
            subject=f"host {host}",
            status=Status.FAILED,
            detail=f"{doer} of {host} drops {what} {way} {peers or 'others'}: {dropper}{where}",
            fix=fix,
            cause=cause,
            evidence={"cause": cause, "hosts": [host], "rule": str(dropper), "commands": [*commands]},
            broken=frozenset[Claim]().union(*(one.breaks for one in dropped)),
            needed=(),
        )


def _droppers(
    answers: Answers, walks: Iterable[Crossing], tables: _BackEnds, six: _BackEnds
) -> dict[tuple[str, Dropper], list[Crossing]]:
    """Return each host and rule that drops something, with what."""
    found: dict[tuple[str, Dropper], list[Crossing]] = {}
    for crossing in walks:
        host = crossing.host
        read = six.get(host, ()) if crossing.is_by_ipv6 else (*tables.get(host, ()), *at_cards(answers, host))
        for back_end in read:
            dropper = _dropped_by(read, back_end, crossing)
            if dropper is not None and (crossing.packet.length is None or dropper.asks_length):
                found.setdefault((host, dropper), []).append(crossing)
    return found


def _dropped_by(both: tuple[BackEnd, ...], back_end: BackEnd, crossing: Crossing) -> Dropper | None:
    """Return the rule or policy that drops a packet for certain, and is none of the engine's own; None without one."""
    tables = back_end.tables
    if crossing.accepted and not any(_accepts(one, crossing) for one in both):
        return None
    for name, chain in HOOKS[crossing.chain]:
        table = tables.get(name)
        if table is None or (crossing.is_carried and name in AT_CARD):
            continue
        packet = crossing.at(chain)
        states = ("NEW", "ESTABLISHED") if crossing.both_states else (packet.state,)
        fates = [table.fate(chain, replace(packet, state=seen_in(name, state))) for state in states]
        rule = fates[-1][1]
        if any(fate is not Fate.DROPPED for fate, _rule in fates):
            continue
        is_policy = rule is not None and back_end.name == NFTABLES and not rule.handle
        dropper = Dropper(name, chain, None if is_policy else rule, back_end.name, back_end.native, back_end.family)
        if not back_end.is_engines:
            return dropper
        engines = rule is not None and rule.chain.startswith("DOCKER") and rule.chain != "DOCKER-USER"
        return None if engines or (rule is None and chain == "FORWARD") else dropper
    return None


def _accepts(back_end: BackEnd, crossing: Crossing) -> bool:
    table = back_end.tables["filter"].table if "filter" in back_end.tables else None
    return table is not None and table.has_port(CHAIN, "ACCEPT", crossing.accepted, crossing.packet.protocol)


def _listed(kinds: Iterable[str]) -> str:
    found = list(kinds)
    more = f" and {len(found) - NAMED} more" if found[NAMED:] else ""
    return ", ".join(found[:NAMED]) + more


def seen_in(table: str, state: str) -> str:
    """Return the state that rules of a table see: the kernel looks for the connection after the table ``raw``."""
    return "INVALID" if table in ("raw", "ingress") else state
