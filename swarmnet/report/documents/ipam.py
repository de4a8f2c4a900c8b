"""The JSON document of who has which address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from swarmnet.report.documents.base import Entry, FailureEntry, Output, failure_entries

if TYPE_CHECKING:
    from swarmnet.model.addresses import AddressReport, NetworkAddresses


class AddressEntry(Entry):
    """One address in use."""

    address: str | None = Field(description="Null for the load balancer of a node, which managers do not list.")
    kind: str = Field(description="gateway, virtual address, task, container or load balancer.")
    who: str
    host: str | None


class NetworkAddressesEntry(Entry):
    """The addresses of one network."""

    name: str
    host: str | None = Field(description="Null for a network of the swarm.")
    driver: str
    subnets: list[str]
    total: int | None = Field(description="IPv4 addresses without the gateway's; null where there is no IPv4 block.")
    used: int = Field(description="Without gateways.")
    free: int | None
    waiting: int = Field(description="Tasks that have no address yet.")
    addresses: list[AddressEntry]


class PoolEntry(Entry):
    """The blocks of one pool."""

    cidr: str
    size: int = Field(description="Length of the prefix of each block.")
    origin: str = Field(description="inventory or swarm.")
    blocks: int
    used: int = Field(description="Blocks that a network or a route of a host overlaps.")
    next: str | None = Field(description="The first block that is free.")


class IpamDocument(Output):
    """What ``ipam --json`` prints."""

    cluster: str
    networks: list[NetworkAddressesEntry]
    pools: list[PoolEntry]
    failures: list[FailureEntry]


def ipam_document(report: AddressReport) -> IpamDocument:
    """Return the addresses for programs."""
    return IpamDocument(
        schema_=1,
        cluster=report.cluster,
        networks=[_network(one) for one in report.networks],
        pools=[
            PoolEntry(cidr=one.cidr, size=one.size, origin=one.origin, blocks=one.blocks, used=one.used, next=one.next)
            for one in report.pools
        ],
        failures=failure_entries(report.failures),
    )


def _network(one: NetworkAddresses) -> NetworkAddressesEntry:
    return NetworkAddressesEntry(
        name=one.network,
        host=one.host,
        driver=one.driver,
        subnets=list(one.subnets),
        total=one.total,
        used=one.used,
        free=one.free,
        waiting=one.waiting,
        addresses=[
            AddressEntry(address=use.address, kind=use.kind.value, who=use.who, host=use.host) for use in one.uses
        ],
    )
