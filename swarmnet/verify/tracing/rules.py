"""What a host does with what its containers send out, and with what comes for them: read, and walked. Pure.

Only what is certain is named, as by the scenario ``firewall``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from swarmnet.verify import keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import SAVE
from swarmnet.verify.packet_filter import Fate, Packet
from swarmnet.verify.scenario import HostCommand
from swarmnet.verify.scenarios.hosts.back_ends import back_ends, read_others
from swarmnet.verify.scenarios.hosts.firewall import HOOKS, Dropper, seen_in
from swarmnet.verify.scenarios.hosts.way_out import is_given_address

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.verify.keys import Ended, Key
    from swarmnet.verify.scenario import Answers, Question
    from swarmnet.verify.scenarios.hosts.back_ends import BackEnd

FORWARDS = keys.command("trace/ip-forward")
OPENED = 0
TAKES = 4
"""Seconds for a connection that a host tries itself."""
NO_PROGRAM = (126, 127)
"""Exit codes of a host without the program."""


@dataclass(frozen=True, slots=True)
class Stop:
    """What keeps a host from passing packets on."""

    cause: CauseId
    words: str
    fix: str


def ask_rules(hosts: Iterable[str]) -> list[Question]:
    """Return what to ask hosts of their rules."""
    read = ("cat", "/proc/sys/net/ipv4/ip_forward")
    return [
        question
        for host in dict.fromkeys(hosts)
        for question in (
            HostCommand(host, SAVE.name, ("iptables-save", "-c"), sudo=True),
            *read_others(host),
            HostCommand(host, FORWARDS.name, read),
        )
    ]


def knocked(address: str, port: int) -> Key[Ended]:
    """Return the key of a connection that a host tries itself."""
    return keys.command(f"trace/knock/{address}:{port}")


def ask_knock(host: str, address: str, port: int) -> Question:
    """Return the question whether a host itself can connect: it opens a connection, and closes it at once."""
    words = ("timeout", str(TAKES), "bash", "-c", 'exec 3<>"/dev/tcp/$0/$1"', address, str(port))
    return HostCommand(host, knocked(address, port).name, words)


def reaches(answers: Answers, host: str, address: str, port: int) -> bool | None:
    """Return whether a host itself could connect; None where that is not known."""
    ended = knocked(address, port).read(answers, host)
    if ended is None or ended.exit is None or ended.exit in NO_PROGRAM:
        return None
    return ended.exit == OPENED


def stopped(answers: Answers, host: str, packet: Packet, coming: Packet | None = None) -> Stop | None:
    """Return what keeps a host from passing on a packet, or the answer to it; None where nothing certainly does.

    Args:
        answers: what the host said of its rules.
        host: the host.
        packet: as it is passed on.
        coming: as it comes, where its target is rewritten.
    """
    forwards = FORWARDS.read(answers, host)
    if forwards is not None and forwards.succeeded and forwards.stdout.strip() == "0":
        words = f"{host} does not pass packets on: net.ipv4.ip_forward is 0"
        return Stop(CauseId.IP_FORWARD, words, f"on {host}: sysctl -w net.ipv4.ip_forward=1")
    back = replace(
        packet,
        source=packet.target,
        target=packet.source,
        port=packet.from_port,
        from_port=packet.port,
        state="ESTABLISHED",
        came_by=packet.leaves_by,
        leaves_by=packet.came_by,
    )
    for one, what in ((packet, "packets"), (back, "answers")):
        for back_end in back_ends(answers, host):
            if (dropper := _dropper(back_end, one, (coming or one) if one is packet else one)) is not None:
                return _dropped(host, dropper, what)
    return None


def _dropper(back_end: BackEnd, packet: Packet, coming: Packet) -> Dropper | None:
    for name, chain in HOOKS["FORWARD"]:
        if name not in back_end.tables:
            continue
        seen = coming if chain in ("INGRESS", "PREROUTING") else packet
        fate, rule = back_end.tables[name].fate(chain, replace(seen, state=seen_in(name, seen.state)))
        if fate is Fate.DROPPED:
            return Dropper(name, chain, rule, back_end.name, back_end.native)
    return None


def _dropped(host: str, dropper: Dropper, what: str) -> Stop:
    words = f"the firewall of {host} drops these {what}: {dropper}"
    if dropper.is_left:
        words += f", in {dropper.program}, which the engine does not use"
        fix = f"use one back end of iptables on {host} (update-alternatives --display iptables); until then:"
        return Stop(CauseId.IPTABLES_SPLIT, words, f"{fix} {dropper.commands[0]}")
    if dropper.commands:
        return Stop(CauseId.FIREWALL_DROPS, words, f"on {host}, remove the rule: {dropper.commands[0]}")
    fix = f"restart Docker on {host}, which adds its own rules again; if that does not help, accept them in DOCKER-USER"
    return Stop(CauseId.FIREWALL_DROPS, words, fix)


def untranslated(answers: Answers, host: str, packet: Packet) -> Stop | None:
    """Return the lack of a rule that gives containers the host's address; None where one may, or rules are not read."""
    if is_given_address(answers, host, packet) is not False:
        return None
    words = f"no rule of {host} gives packets of {packet.source} the host's own address (MASQUERADE)"
    command = f"iptables -t nat -A POSTROUTING -s {packet.source} ! -o {packet.came_by} -j MASQUERADE"
    fix = f"restart Docker on {host}, which adds its rule again; until then: {command}"
    return Stop(CauseId.NO_MASQUERADE, words, fix)
