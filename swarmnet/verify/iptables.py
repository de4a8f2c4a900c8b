"""Read what ``iptables-save`` prints: the rules with which an engine encrypts an overlay and keeps plaintext out.

Seen on real engines: 20.10.24 matches the VNI with ``u32``, 26.1.5 and 28.5.2 with a ``bpf`` program that loads the
VXLAN header (shifted), 23.0 with one that loads the word that holds it (masked).
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

CHAIN = "DOCKER-INGRESS"
"""The chain of published ports, in the tables nat and filter."""
MARK = "0xd0c4e3"
_U32 = re.compile(r"&0xffffff00=0x([0-9a-f]+)$")
_COMPARED = re.compile(r"(?:^|,)21 \d+ \d+ (\d+)(?=,)")
_SHIFTED = "116 0 0 8"
"""BPF's "shift right by 8": the program compares the VNI itself."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its chain, its words, and how many packets met it."""

    chain: str
    words: tuple[str, ...]
    packets: int = 0

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
        """Tell whether it hands the VNI's packets to IPsec."""
        mark = (self.value("--set-xmark", "--set-mark") or "").partition("/")[0]
        return (self.chain, self.target, mark, self.vni, self.value("--dport")) == (
            *("OUTPUT", "MARK", MARK, vni),
            str(port),
        )

    def drops(self, vni: int, port: int) -> bool:
        """Tell whether it drops the VNI's packets that came without IPsec."""
        return (self.chain, self.target, self.vni, self.value("--dport"), self.value("--pol")) == (
            *("INPUT", "DROP", vni, str(port)),
            "none",
        )

    def may_accept_plaintext(self, port: int) -> bool:
        """Tell whether it lets a VXLAN packet in that came without IPsec.

        Rules for other protocols, ports or VNIs, for the loopback, for IPsec and for known connections do not.
        """
        if self.chain != "INPUT" or self.target != "ACCEPT" or self.vni is not None:
            return False
        ports = self.value("--dport", "--dports")
        known = {"--pol", "--ctstate", "--state", "-i"} & set(self.words)
        return self.value("-p") in (None, "udp", "all") and not known and (ports is None or str(port) in ports)


def parse(text: str) -> dict[str, tuple[Rule, ...]]:
    """Return the rules of each table in their order; lines that are no rules are left out."""
    tables: dict[str, list[Rule]] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
            tables.setdefault(table, [])
        elif match := re.match(r"(?:\[(\d+):\d+\] )?-A (\S+) ?(.*)$", line):
            try:
                words = tuple(shlex.split(match[3]))
            except ValueError:
                continue  # an unbalanced quote in somebody's comment: no rule of the engine's
            tables.setdefault(table, []).append(Rule(match[2], words, int(match[1] or 0)))
    return {name: tuple(rules) for name, rules in tables.items()}


def is_published(rules: str, port: int, protocol: str) -> bool:
    """Tell whether the nat table has a rule for a published port, and a way leads to it."""
    lines = rules.splitlines()
    mine = [line for line in lines if line.startswith(f"-A {CHAIN} ") and "-j DNAT" in line]
    has_rule = any(f"--dport {port} " in line and f"-p {protocol} " in line for line in mine)
    return has_rule and any(line.endswith(f"-j {CHAIN}") and line.startswith("-A PREROUTING ") for line in lines)
