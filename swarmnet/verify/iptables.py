"""Read what ``iptables-save`` prints; the only reader of it.

Also the rules with which an engine publishes a port, encrypts an overlay and keeps plaintext out.

Seen on real engines: 20.10.24 matches the VNI with ``u32``, 26.1.5 and 28.5.2 with a ``bpf`` program that loads the
VXLAN header (shifted), 23.0 with one that loads the word that holds it (masked).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

CHAIN = "DOCKER-INGRESS"
"""The chain of published ports, in the tables nat and filter."""
MARK = "0xd0c4e3"
_U32 = re.compile(r"&0xffffff00=0x([0-9a-f]+)$")
_COMPARED = re.compile(r"(?:^|,)21 \d+ \d+ (\d+)(?=,)")
_CHAIN = re.compile(r":(\S+) (\S+)")
_RULE = re.compile(r"(?:\[(\d+):\d+\] )?-A (\S+) ?(.*)$")
_SHIFTED = "116 0 0 8"
"""BPF's "shift right by 8": the program compares the VNI itself."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its chain, its words, and how many packets met it."""

    chain: str
    words: tuple[str, ...]
    packets: int = 0
    handle: int = 0
    """What nftables calls it; 0 for a rule of iptables."""

    def value(self, *options: str) -> str | None:
        """Return the word after the first of these options; None when there is none."""
        for option in options:
            if option in self.words[:-1]:
                return self.words[self.words.index(option) + 1]
        return None

    @property
    def target(self) -> str:
        """What becomes of a packet that meets it."""
        return self.value("-j", "--jump", "-g") or ""

    @property
    def vni(self) -> int | None:
        """The VNI that it is about; None when it is about none, or in a way that is not known."""
        u32 = _U32.search(self.value("--u32") or "")
        if u32:
            return int(u32[1], 16) >> 8
        code = self.value("--bytecode") or ""
        numbers = [int(number) for number in _COMPARED.findall(code)]
        if not numbers:
            return None
        return numbers[-1] if _SHIFTED in code else numbers[-1] >> 8

    def marks(self, vni: int, port: int) -> bool:
        """Return whether it hands the VNI's packets to IPsec."""
        mark = (self.value("--set-xmark", "--set-mark") or "").partition("/")[0]
        return (self.chain, self.target, mark, self.vni, self.value("--dport")) == (
            *("OUTPUT", "MARK", MARK, vni),
            str(port),
        )

    def drops(self, vni: int, port: int) -> bool:
        """Return whether it drops the VNI's packets that came without IPsec."""
        return (self.chain, self.target, self.vni, self.value("--dport"), self.value("--pol")) == (
            *("INPUT", "DROP", vni, str(port)),
            "none",
        )

    def may_accept_plaintext(self, port: int) -> bool:
        """Return whether it lets a VXLAN packet in that came without IPsec.

        Rules for other protocols, ports or VNIs, for the loopback, for IPsec and for known connections do not.
        """
        if self.chain != "INPUT" or self.target != "ACCEPT" or self.vni is not None:
            return False
        ports = self.value("--dport", "--dports")
        known = {"--pol", "--ctstate", "--state", "-i"} & set(self.words)
        return self.value("-p") in (None, "udp", "all") and not known and (ports is None or str(port) in ports)


@dataclass(frozen=True, slots=True)
class Table:
    """One table: the rules of each chain in their order, and the policies of the kernel's own chains."""

    chains: Mapping[str, tuple[Rule, ...]]
    """Every chain, also one without rules."""
    policies: Mapping[str, str] = field(default_factory=dict)
    """Chain to ``ACCEPT`` or ``DROP``; the engine's and users' chains have ``-``."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules: those of one chain stay in their order."""
        return tuple(rule for rules in self.chains.values() for rule in rules)

    def leads(self, start: str, *chains: str) -> bool:
        """Return whether a rule of ``start`` leads to one of these chains."""
        return any(rule.target in chains for rule in self.chains.get(start, ()))

    def reaches(self, start: str, chain: str) -> bool:
        """Return whether ``start`` leads to a chain, by way of others or not."""
        seen, new = {start}, {start}
        while new:
            new = {rule.target for one in new for rule in self.chains.get(one, ())} - seen
            seen |= new
        return chain in seen

    def has_port(self, chain: str, target: str, port: int, protocol: str) -> bool:
        """Return whether a rule of ``chain`` does ``target`` (``DNAT``, ``ACCEPT``) with packets to a port."""
        return any(
            (rule.target, rule.value("--dport"), rule.value("-p")) == (target, str(port), protocol)
            for rule in self.chains.get(chain, ())
        )


Ruleset = Mapping[str, Table]
"""Name of a table to that table, as far as they were printed."""
EMPTY = Table({})


@lru_cache(maxsize=256)
def parse(text: str) -> Ruleset:
    """Return the tables that ``iptables-save`` printed; lines that are neither rules nor chains are left out."""
    chains: dict[str, dict[str, list[Rule]]] = {}
    policies: dict[str, dict[str, str]] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
            chains.setdefault(table, {})
        elif match := _CHAIN.match(line):
            chains.setdefault(table, {}).setdefault(match[1], [])
            policies.setdefault(table, {})[match[1]] = match[2]
        elif match := _RULE.match(line):
            try:
                words = tuple(shlex.split(match[3]))
            except ValueError:
                continue  # an unbalanced quote in a user's comment: not a rule of the engine
            rule = Rule(match[2], words, int(match[1] or 0))
            chains.setdefault(table, {}).setdefault(match[2], []).append(rule)
    return {
        name: Table({chain: tuple(rules) for chain, rules in found.items()}, policies.get(name, {}))
        for name, found in chains.items()
    }


def is_published(ruleset: Ruleset, port: int, protocol: str) -> bool:
    """Return whether the nat table has a rule for a published port, and ``PREROUTING`` leads to it."""
    nat = ruleset.get("nat", EMPTY)
    return nat.has_port(CHAIN, "DNAT", port, protocol) and nat.leads("PREROUTING", CHAIN)


def is_accepted(ruleset: Ruleset, port: int, protocol: str) -> bool:
    """Return whether forwarded packets come to a rule that accepts the port; 28 goes there by ``DOCKER-FORWARD``."""
    table = ruleset.get("filter", EMPTY)
    return table.has_port(CHAIN, "ACCEPT", port, protocol) and table.reaches("FORWARD", CHAIN)
