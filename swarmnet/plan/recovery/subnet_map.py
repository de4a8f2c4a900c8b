"""A backup on other blocks of addresses: what is in an old block moves to the same place in a new one. Pure.

Moved are networks with their gateways, reserved addresses and ranges, the addresses that containers ask for, the
swarm's pools, and the hosts and name servers of services. An address in a text is not: no one but its author knows what
the text means, so the object that has it is refused by name.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import RefusedError, UsageError
from swarmnet.model.blocks import overlapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.network import Network
    from swarmnet.model.service import Service, ServiceSpec
    from swarmnet.model.state import Container, Endpoint, HostFacts
    from swarmnet.model.subnet import Subnet
    from swarmnet.plan.recovery.selection import Selection

OPTION, EXAMPLE = "--subnet-map", "10.1.0.0/16=10.9.0.0/16"
_LITERAL = re.compile(r"(?<![\w.:])(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:]+)(?![\w.])")
"""What may be an address in a text: four numbers, or groups with colons."""


@dataclass(frozen=True, slots=True)
class SubnetMap:
    """Old blocks, each with the new one of its size."""

    blocks: Mapping[str, str]

    @classmethod
    def of(cls, pairs: Mapping[str, str]) -> SubnetMap:
        """Return the map of some ``OLD=NEW``.

        Raises:
            UsageError: one is not a block, two sizes differ, or two old or two new blocks share addresses.
        """
        blocks: dict[str, str] = {}
        for old, new in pairs.items():
            try:
                before, after = ipaddress.ip_network(old), ipaddress.ip_network(new)
            except ValueError as error:
                raise UsageError(f"{OPTION} {old}={new}: {error}", hint=f"for example {OPTION} {EXAMPLE}") from None
            if (before.version, before.prefixlen) != (after.version, after.prefixlen):
                raise UsageError(f"{OPTION} {old}={new}: both blocks must have the same size")
            for others, one in ((blocks, before), (blocks.values(), after)):
                if met := overlapping(one.compressed, others):
                    raise UsageError(f"{OPTION}: {one.compressed} and {met} share addresses")
            blocks[before.compressed] = after.compressed
        return cls(blocks)

    def has(self, address: str) -> bool:
        """Return whether an address is in an old block."""
        return overlapping(address, self.blocks) is not None

    def address(self, text: str) -> str:
        """Return where an address is now; one outside of all old blocks stays."""
        old = overlapping(text, self.blocks)
        if old is None:
            return text
        before, after = ipaddress.ip_network(old), ipaddress.ip_network(self.blocks[old])
        moved = int(ipaddress.ip_address(text)) - int(before.network_address) + int(after.network_address)
        kind = ipaddress.IPv4Address if before.version == 4 else ipaddress.IPv6Address  # noqa: PLR2004 - a version
        return kind(moved).compressed

    def splits(self, prefix: str) -> str | None:
        """Return the old block that has a part of a block and not all of it."""
        wide = ipaddress.ip_network(prefix)
        return next((old for old in self.blocks if overlapping(old, [prefix]) and _length(old) > wide.prefixlen), None)

    def prefix(self, text: str) -> str:
        """Return where a block is now; one that is in no old block stays."""
        if overlapping(text, self.blocks) is None or self.splits(text):
            return text
        first, _, length = text.partition("/")
        return f"{self.address(first)}/{length}"

    def subnet(self, block: Subnet) -> Subnet:
        """Return a block of a network where it is now."""
        return block.model_copy(
            update={
                "subnet": self.prefix(block.subnet),
                "gateway": None if block.gateway is None else self.address(block.gateway),
                "ip_range": None if block.ip_range is None else self.prefix(block.ip_range),
                "aux_addresses": {name: self.address(one) for name, one in block.aux_addresses.items()},
            }
        )

    def network(self, one: Network) -> Network:
        """Return a network on its new blocks."""
        subnets = tuple(self.subnet(block) for block in one.spec.subnets)
        return one.model_copy(update={"spec": one.spec.model_copy(update={"subnets": subnets})})

    def container(self, box: Container) -> Container:
        """Return a container that asks for its new addresses."""
        return box.model_copy(update={"endpoints": tuple(self._endpoint(one) for one in box.endpoints)})

    def _endpoint(self, one: Endpoint) -> Endpoint:
        return one.model_copy(
            update={
                name: None if (address := getattr(one, name)) is None else self.address(address)
                for name in ("ipv4", "ipv6")
            }
        )

    def service(self, one: Service) -> Service:
        """Return a service whose hosts and name servers have their new addresses."""
        spec, update = one.spec, dict[str, object]()
        if spec.hosts is not None:
            update["hosts"] = {name: self._known(address) for name, address in spec.hosts.items()}
        if spec.dns is not None and spec.dns.servers is not None:
            servers = tuple(self._known(address) for address in spec.dns.servers)
            update["dns"] = spec.dns.model_copy(update={"servers": servers})
        return one.model_copy(update={"spec": spec.model_copy(update=update)}) if update else one

    def _known(self, text: str) -> str:
        return self.address(text) if _is_address(text) else text

    def literals(self, text: str) -> Iterator[str]:
        """Yield the addresses of old blocks that a text has."""
        yield from (one for one in _LITERAL.findall(text) if _is_address(one) and self.has(one))


def renumbered(document: BackupDocument, subnets: SubnetMap, chosen: Selection) -> BackupDocument:
    """Return a backup on other blocks of addresses.

    Args:
        document: the backup.
        subnets: which blocks move where.
        chosen: what is restored: what is left out may have any address.

    Raises:
        UsageError: no network of the backup is in one of the old blocks.
        RefusedError: something cannot be moved; names each object.
    """
    found = moved(document, subnets)
    if stays := [*_immovable(document, subnets, chosen)]:
        raise RefusedError(
            f"{OPTION} cannot move all that the backup has in these blocks:",
            details=(f"- {text}" for text in stays),
            hint="leave these out with --exclude KIND/NAME and make them again by hand, or map other blocks",
        )
    return found


def moved(document: BackupDocument, subnets: SubnetMap) -> BackupDocument:
    """Return a backup on other blocks of addresses, to compare it: what cannot be moved is as it was.

    Raises:
        UsageError: no network of the backup is in one of the old blocks.
    """
    state = document.state
    networks = [*state.networks, *(net for facts in state.hosts for net in facts.networks)]
    blocks = [block.subnet for net in networks for block in net.spec.subnets]
    for old in subnets.blocks:
        if overlapping(old, blocks) is None:
            known = ", ".join(sorted({*blocks})) or "none"
            raise UsageError(f"{OPTION} {old}: no network of the backup is in it", hint=f"its blocks: {known}")
    swarm = state.swarm
    if swarm is not None and swarm.spec.default_addr_pool is not None:
        pools = tuple(subnets.prefix(pool) for pool in swarm.spec.default_addr_pool)
        swarm = swarm.model_copy(update={"spec": swarm.spec.model_copy(update={"default_addr_pool": pools})})
    there = state.model_copy(
        update={
            "swarm": swarm,
            "networks": tuple(subnets.network(net) for net in state.networks),
            "hosts": tuple(_host(facts, subnets) for facts in state.hosts),
            "services": tuple(subnets.service(one) for one in state.services),
        }
    )
    return document.model_copy(update={"state": there})


def _host(facts: HostFacts, subnets: SubnetMap) -> HostFacts:
    return facts.model_copy(
        update={
            "networks": tuple(subnets.network(net) for net in facts.networks),
            "containers": tuple(subnets.container(box) for box in facts.containers),
        }
    )


def _immovable(document: BackupDocument, subnets: SubnetMap, chosen: Selection) -> Iterator[str]:
    """Yield the objects that have a part of an old block, or an address of one in a text."""
    state = document.state
    places = [("", state.networks), *((f" on {facts.host}", facts.networks) for facts in state.hosts)]
    for where, networks in places:
        wanted = (net for net in networks if chosen.takes("network", net.spec.name))
        yield from (
            f"network {net.spec.name}{where}: {text}" for net in wanted for text in _split(net.spec.subnets, subnets)
        )
    texts = [(f"service {one.spec.name}", what, text) for one in state.services for what, text in _texts(one.spec)]
    texts += [(f"config {one.spec.name}", "its data", one.spec.data.decode(errors="replace")) for one in state.configs]
    for owner, what, text in texts:
        if chosen.takes(*owner.split(" ", 1)):
            yield from (f"{owner}: {what} has {one} in it" for one in dict.fromkeys(subnets.literals(text)))


def _split(blocks: Iterable[Subnet], subnets: SubnetMap) -> Iterator[str]:
    for block in blocks:
        if old := subnets.splits(block.subnet):
            yield f"{block.subnet} is not all in {old}"
        elif overlapping(block.subnet, subnets.blocks) is None and block.gateway and subnets.has(block.gateway):
            yield f"its gateway {block.gateway} is in a block that its own {block.subnet} is not in"


def _texts(spec: ServiceSpec) -> Iterator[tuple[str, str]]:
    yield from ((f"its variable {name}", text) for name, text in (spec.env or {}).items())
    yield from (("its command", word) for word in (*(spec.command or ()), *(spec.args or ())))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _length(prefix: str) -> int:
    return int(prefix.rpartition("/")[2])
