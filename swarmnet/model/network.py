"""Networks: what one shall be, and what was seen of it."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field

from swarmnet.model.base import Document, Flag, Labels

_KNOWN = 4096
"""Texts that are read but once: each host of each backup names the same subnets."""


@lru_cache(_KNOWN)
def _prefix(text: str) -> str:
    if "/" not in text:
        raise ValueError(f"{text!r} is not a subnet: write its length, too, such as {text}/24")
    try:
        return ipaddress.ip_network(text).compressed
    except ValueError as error:
        raise ValueError(f"{text!r} is not a subnet: {error}") from error


@lru_cache(_KNOWN)
def _address(text: str) -> str:
    try:
        return ipaddress.ip_address(text.partition("/")[0]).compressed
    except ValueError as error:
        raise ValueError(f"{text!r} is not an IP address") from error


Prefix = Annotated[str, AfterValidator(_prefix)]
"""A subnet in its shortest text, without host bits."""
Address = Annotated[str, AfterValidator(_address)]
"""An IP literal in its shortest text; the ``/64`` that engines before 28.0.1 add is dropped (moby#49520)."""


GATEWAY = "docker_gwbridge"
"""The bridge of each node through which tasks of overlays reach the world; engines make it as they enter a swarm."""


class Scope(StrEnum):
    """Where a network lives: on one host, or in the whole swarm."""

    LOCAL = "local"
    SWARM = "swarm"


class Subnet(Document):
    """One block of a network's addresses; None leaves the choice to the engine."""

    subnet: Prefix
    """The block, such as 10.1.0.0/24."""
    gateway: Address | None = None
    """Address of the bridge or router; the engine's choice is the first of the block."""
    ip_range: Prefix | None = None
    """The part of the block that containers get their addresses from."""
    aux_addresses: dict[str, Address] = Field(default_factory=dict)
    """Reserved addresses by name; engines drop them on swarm-scoped networks without a word."""


class NetworkSpec(Document):
    """What a network shall be. The engine cannot change any of it in place (API up to 1.55)."""

    name: str
    """Of an overlay a DNS label: letters, digits and '-', at most 63 characters."""
    driver: str = "overlay"
    """overlay, bridge, macvlan, ipvlan, or a plugin's."""
    scope: Scope | None = None
    """None means the driver's own: swarm for overlay, local for all others."""
    attachable: Flag = False
    """True lets containers that are not tasks join an overlay."""
    internal: Flag = False
    """True gives the network no way out of its own."""
    ingress: Flag = False
    """True for the routing mesh's own network, which 'swarm init' makes."""
    encrypted: Flag = False
    """Overlay only. The engine decides by the option's presence, so ``false`` is never sent (it would encrypt)."""
    mtu: Annotated[int, Field(ge=68, le=65535, strict=True)] | None = None
    """The underlay's MTU; endpoints get 50 bytes less, or 76 rounded down to 4 when encrypted."""
    ipv4: Flag = True
    """False needs engine 28 (API 1.48) and local scope."""
    ipv6: Flag = False
    """True gives addresses of IPv6 blocks, too."""
    subnets: tuple[Subnet, ...] = ()
    """Empty leaves the choice to the engine, and is then not compared."""
    ipam_driver: str = "default"
    """Who gives out the addresses: default, or a plugin."""
    ipam_options: Labels = Field(default_factory=dict)
    """Options of the one who gives out the addresses."""
    options: Labels = Field(default_factory=dict)
    """Driver options other than those with a field of their own."""
    labels: Labels = Field(default_factory=dict)
    """Engines cannot change labels of a network that is there."""
    config_only: Flag = False
    """True makes a template on each host, which carries no traffic."""
    config_from: str | None = None
    """The template that each host takes subnets and options from."""

    @property
    def effective_scope(self) -> Scope:
        """The scope that the network will have."""
        if self.scope is not None:
            return self.scope
        return Scope.SWARM if self.driver == "overlay" else Scope.LOCAL


class Network(Document):
    """A network as seen: in the list of a manager (swarm scope) or of one host (local scope)."""

    id: str
    spec: NetworkSpec
    """What the engine reports, allocated subnets and gateways included."""
    allocated: bool = True
    """False for a swarm network that was accepted but has no driver state yet (swarmkit#2398)."""
    vnis: tuple[int, ...] = ()
    """VXLAN network identifiers, one a subnet."""
    is_copy: bool = Field(default=False, exclude=True)
    """True for a node's own copy of a network of the swarm: it outlives the network until its last task there ends, and
    a manager lists it then in the network's place. Part of no backup."""
    predefined: bool = False
    """True for bridge, host, none, docker_gwbridge and the ingress that the engine made itself."""
