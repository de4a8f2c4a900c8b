"""What a table of a host's firewall does with one packet: the rules walked as the kernel walks them.

Only what is certain counts. A rule whose match is not known here (a set, a mark, a program) may or may not meet the
packet: where that could save it, the answer is that it is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.verify.iptables import Rule, Table

DEEPEST = 16
"""Chains that lead to each other further than this are not followed."""


class Fate(StrEnum):
    """What becomes of a packet in a chain."""

    ACCEPTED = "accepted"
    DROPPED = "dropped"
    PASSED = "passed"
    """No rule of the chain decides."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet, as far as rules ask for it; None is not known."""

    protocol: str
    source: str
    target: str
    port: int | None = None
    from_port: int | None = None
    state: str = "NEW"
    came_by: str | None = None
    """The device that it came in by; empty where it starts on the host."""
    leaves_by: str | None = None
    asked: tuple[str, int] | None = None
    """The address and port that the client asked for, where the engine leads its connection to others."""
    decrypted: bool = False
    """True for what came in ESP: it meets the host's rules a second time, as what it carries."""
    length: int | None = None
    """The bytes of the IP packet."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One table, asked what it does with a packet."""

    table: Table

    def fate(self, chain: str, packet: Packet) -> tuple[Fate, Rule | None]:
        """Return what becomes of a packet in a chain of the kernel's own, and the rule that drops it, if one does."""
        fate, rule = self._walk(chain, packet, 0)
        if fate is Fate.PASSED:
            return (Fate.DROPPED if self.table.policies.get(chain) == "DROP" else Fate.ACCEPTED), None
        return fate, rule

    def _walk(self, chain: str, packet: Packet, depth: int) -> tuple[Fate, Rule | None]:
        if depth > DEEPEST:
            return Fate.UNKNOWN, None
        for rule in self.table.chains.get(chain, ()):
            met = meets(rule, packet)
            if met is False:
                continue
            fate, by = self._done_by(rule, packet, depth)
            if fate is Fate.PASSED:
                continue
            if fate is None:
                return (Fate.PASSED if met else Fate.UNKNOWN), None
            if met:
                return fate, by
            if fate is not Fate.DROPPED:
                return Fate.UNKNOWN, None
        return Fate.PASSED, None

    def _done_by(self, rule: Rule, packet: Packet, depth: int) -> tuple[Fate | None, Rule | None]:
        """Return what a rule does with a packet that meets it; no fate for one that goes back to the chain before."""
        if rule.target == "ACCEPT":
            return Fate.ACCEPTED, rule
        if rule.target in ("DROP", "REJECT"):
            return Fate.DROPPED, rule
        if rule.target == "RETURN":
            return None, None
        if rule.target in self.table.chains:
            return self._walk(rule.target, packet, depth + 1)
        return (Fate.UNKNOWN, None) if rule.target in ("QUEUE", "NFQUEUE") else (Fate.PASSED, None)


def meets(rule: Rule, packet: Packet) -> bool | None:
    """Return whether a packet meets all that a rule asks for; None where that is not known."""
    words, known = list(rule.words), True
    verdict: bool | None = True
    while words:
        negated = words[0] == "!"
        words = words[1:] if negated else words
        option, words = words[0], words[1:]
        if option in _LAST:
            break
        if option in _SILENT:
            words = words[1:]
            continue
        check = _CHECKS.get(option)
        if check is None or not words:
            known = False
            words = words[1:] if words and not words[0].startswith("-") and words[0] != "!" else words
            continue
        met, words = check(packet, words[0]), words[1:]
        if met is None:
            known = False
        elif met is negated:
            verdict = False
    return verdict if known or verdict is False else None


def _protocol(packet: Packet, wanted: str) -> bool:
    return wanted == "all" or packet.protocol in wanted.split(",")


def _within(address: str, wanted: str) -> bool | None:
    try:
        return any(ip_address(address) in ip_network(one, strict=False) for one in wanted.split(","))
    except ValueError:
        return None


def _device(device: str | None, wanted: str) -> bool | None:
    if device is None:
        return False if wanted == "lo" else None
    return device.startswith(wanted[:-1]) if wanted.endswith("+") else device == wanted


def _among(number: int | None, wanted: str) -> bool | None:
    if number is None:
        return None
    try:
        for part in wanted.split(","):
            low, _, high = part.partition(":")
            if int(low or 0) <= number <= int(high or (65535 if ":" in part else low)):
                return True
    except ValueError:
        return None
    return False


def _state(packet: Packet, wanted: str) -> bool:
    return packet.state in wanted.upper().split(",")


def _pol(packet: Packet, wanted: str) -> bool | None:
    return wanted == ("ipsec" if packet.decrypted else "none") if packet.protocol != "esp" else None


def _ends(packet: Packet, wanted: str) -> bool | None:
    """Return whether an address is of a type: what ends on the host goes to one of its own."""
    return wanted == "LOCAL" if packet.leaves_by == "" else None


def _status(packet: Packet, wanted: str) -> bool | None:
    """Return whether the address of a packet was rewritten: not of one that is for the host itself."""
    return False if wanted.upper() == "DNAT" and packet.leaves_by == "" else None


def _direction(packet: Packet, wanted: str) -> bool:
    return wanted == ("ORIGINAL" if packet.state == "NEW" else "REPLY")


def _asked_address(packet: Packet, wanted: str) -> bool | None:
    if packet.asked is None:
        return _within(packet.target, wanted) if packet.state == "NEW" and packet.leaves_by == "" else None
    return _within(packet.asked[0], wanted)


def _asked_port(packet: Packet, wanted: str) -> bool | None:
    if packet.asked is None:
        return _among(packet.port, wanted) if packet.state == "NEW" and packet.leaves_by == "" else None
    return _among(packet.asked[1], wanted)


LENGTH = "--length"
"""What a rule asks for that takes small packets and not large ones, or the other way round."""
_LAST = ("-j", "--jump", "-g", "--goto")
_SILENT = ("-m", "--match", "--comment", "--dir")
_CHECKS: dict[str, Callable[[Packet, str], bool | None]] = {
    "-p": _protocol,
    "-s": lambda packet, wanted: _within(packet.source, wanted),
    "-d": lambda packet, wanted: _within(packet.target, wanted),
    "-i": lambda packet, wanted: _device(packet.came_by, wanted),
    "-o": lambda packet, wanted: _device(packet.leaves_by, wanted),
    "--dport": lambda packet, wanted: _among(packet.port, wanted),
    "--dports": lambda packet, wanted: _among(packet.port, wanted),
    "--sport": lambda packet, wanted: _among(packet.from_port, wanted),
    "--sports": lambda packet, wanted: _among(packet.from_port, wanted),
    LENGTH: lambda packet, wanted: _among(packet.length, wanted),
    "--state": _state,
    "--ctstate": _state,
    "--pol": _pol,
    "--dst-type": _ends,
    "--ctstatus": _status,
    "--nfproto": lambda packet, wanted: ("ipv6" if ":" in packet.source + packet.target else "ipv4") == wanted,
    "--ctdir": _direction,
    "--ctorigdst": _asked_address,
    "--ctorigdstport": _asked_port,
}
