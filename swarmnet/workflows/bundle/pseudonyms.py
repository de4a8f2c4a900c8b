"""Names and addresses of hosts, each replaced by the same word in every file of a bundle. Pure.

Hosts are numbered as in the inventory, so that its owner knows who host-3 is; addresses by their order of appearance.
Addresses that say nothing about anyone stay: loopback, unspecified, masks, multicast.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from swarmnet.model.evidence import Absence

if TYPE_CHECKING:
    from swarmnet.model.evidence import Evidence, Piece
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.state import ClusterState

_IPV4 = re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w.]*[0-9]\.[0-9])(?!\w)")
_MAC = re.compile(r"(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:])")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_HEX = re.compile(r"(?<![0-9A-Fa-f])[0-9A-F]{8}(?=:[0-9A-F]{4}(?![0-9A-Fa-f]))")
"""Addresses in tables of the kernel, such as that of IPVS."""
_MULTICAST = 224


def folder_of(host: str) -> str:
    """Return the name of a host as part of a path."""
    return re.sub(r"[^\w.-]", "_", host).lstrip(".") or "_"


@dataclass(slots=True)
class Pseudonyms:
    """What stands for whom."""

    names: dict[str, str]
    addresses: dict[str, str] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)
    _pattern: re.Pattern[str] | None = None

    @classmethod
    def of(cls, inventory: Inventory, state: ClusterState) -> Pseudonyms:
        """Return words for the hosts of an inventory, and for what their nodes call themselves."""
        names: dict[str, str] = {}
        for number, host in enumerate(inventory.hosts, 1):
            node = state.node_of(host.name)
            called = [host.name, host.address, host.advertise or "", host.data_path or "", node.name if node else ""]
            names |= {name: f"host-{number}" for name in called if name and _is_name(name)}
        others = [node.name for node in state.nodes if node.name not in names]
        names |= {name: f"node-{number}" for number, name in enumerate(others, 1)}
        return cls(names | {inventory.cluster: "cluster"})

    def replaced(self, found: Evidence) -> Evidence:
        """Return the evidence with all names and addresses replaced."""
        return replace(
            found,
            cluster=self.text(found.cluster),
            pieces=tuple(self._piece(one) for one in found.pieces),
            absent=tuple(Absence(self.text(one.host), self.text(one.reason)) for one in found.absent),
            hosts=tuple(self.text(one) for one in found.hosts),
        )

    def text(self, text: str) -> str:
        """Return text with all names and addresses replaced."""
        if self._pattern is None:
            words = "|".join(map(re.escape, sorted(self.names, key=len, reverse=True)))
            self._pattern = re.compile(rf"(?<![\w-])(?:{words})(?![\w-])")
        text = self._pattern.sub(lambda found: self.names[found[0]], text)
        text = _MAC.sub(lambda found: self._word("mac", found[0].lower()), text)
        text = _IPV4.sub(self._ipv4, text)
        text = _HEX.sub(self._hex, text)
        return _IPV6.sub(self._ipv6, text)

    def _piece(self, one: Piece) -> Piece:
        return replace(
            one,
            path=self.text(one.path),
            host=None if one.host is None else self.text(one.host),
            command=self.text(one.command),
            content=self.text(one.content.decode()).encode(),
            problem=self.text(one.problem),
        )

    def _word(self, kind: str, value: str) -> str:
        if value not in self.addresses:
            self._counts[kind] += 1
            self.addresses[value] = f"{kind}-{self._counts[kind]}"
        return self.addresses[value]

    def _ipv4(self, found: re.Match[str]) -> str:
        try:
            address = IPv4Address(found[0])
        except AddressValueError:
            return found[0]
        first = address.packed[0]
        silent = address.is_loopback or address.is_unspecified or first >= _MULTICAST
        return found[0] if silent else self._word("ip", str(address))

    def _hex(self, found: re.Match[str]) -> str:
        return self._word("ip", str(IPv4Address(int(found[0], 16))))

    def _ipv6(self, found: re.Match[str]) -> str:
        try:
            address = IPv6Address(found[0])
        except AddressValueError:
            return found[0]
        silent = address.is_loopback or address.is_unspecified or address.is_multicast
        return found[0] if silent else self._word("ip6", str(address))


def _is_name(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return ":" not in text
    return False
