"""Networks: what is wanted, and what was seen."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from swarmnet.model.base import Document, Flag, Labels
from swarmnet.model.codecs import FLAG, MERGED_LABELS, OPTIONS, TEXT
from swarmnet.model.fields import Codec, Effect, EngineField, lines
from swarmnet.model.network_codecs import BLOCKS, MTU, PRESENCE, SCOPE
from swarmnet.model.subnet import Address, Prefix, Scope, Subnet

__all__ = [
    "GATEWAY",
    "HOST_DRIVERS",
    "LAN_DRIVERS",
    "MTU_OPTION",
    "Address",
    "Network",
    "NetworkSpec",
    "Prefix",
    "Scope",
    "Subnet",
]

GATEWAY = "docker_gwbridge"
"""The bridge of each node through which tasks of overlays reach the world; engines make it as they enter a swarm."""
MTU_OPTION = "com.docker.network.driver.mtu"

LAN_DRIVERS = ("macvlan", "ipvlan")
"""Drivers of networks whose containers have addresses of the hosts' own LAN."""
HOST_DRIVERS = (*LAN_DRIVERS, "bridge", "host", "null")
"""Drivers that are each host's own, also on a network of the swarm."""


def _flag(path: str, codec: Codec = FLAG) -> EngineField:
    return EngineField(path, codec, default=False, effect=Effect.REPLACE)


def _map(path: str) -> EngineField:
    return EngineField(path, OPTIONS, effect=Effect.REPLACE, hidden=True)


class NetworkSpec(Document):
    """What a network should be; None means not managed. The engine changes none of it in place (API up to 1.55)."""

    name: Annotated[str, EngineField("Name", TEXT, identity=True)]
    """Of an overlay a DNS label: letters, digits and '-', at most 63 characters."""
    driver: Annotated[str, EngineField("Driver", TEXT, effect=Effect.REPLACE)] = "overlay"
    """overlay, bridge, macvlan, ipvlan, or a plugin's."""
    scope: Annotated[Scope | None, EngineField("Scope", SCOPE, effect=Effect.REPLACE)] = None
    """None means the driver's own: swarm for overlay, local for all others."""
    attachable: Annotated[Flag | None, _flag("Attachable")] = None
    """True lets containers that are not tasks join an overlay."""
    internal: Annotated[Flag | None, _flag("Internal")] = None
    """True gives the network no way out of its own."""
    ingress: Annotated[Flag | None, _flag("Ingress")] = None
    """True for the routing mesh's own network, which 'swarm init' makes."""
    encrypted: Annotated[
        Flag | None, EngineField("Options/encrypted", PRESENCE, default=False, effect=Effect.REPLACE)
    ] = None
    """Overlay only. The engine decides by the option's presence, so ``false`` is never sent (it would encrypt)."""
    mtu: Annotated[
        Annotated[int, Field(ge=68, le=65535, strict=True)] | None,
        EngineField(f"Options/{MTU_OPTION}", MTU, effect=Effect.REPLACE),
    ] = None
    """The underlay's MTU; endpoints get 50 bytes less, or 76 rounded down to 4 when encrypted."""
    ipv4: Annotated[Flag | None, EngineField("EnableIPv4", FLAG, default=True, effect=Effect.REPLACE, since="1.48")] = (
        None
    )
    """False needs engine 28 (API 1.48) and local scope."""
    ipv6: Annotated[Flag | None, _flag("EnableIPv6")] = None
    """True gives addresses of IPv6 blocks, too."""
    subnets: Annotated[tuple[Subnet, ...], EngineField("IPAM/Config", BLOCKS, effect=Effect.REPLACE)] = ()
    """Empty leaves the choice to the engine, and is then not compared."""
    ipam_driver: Annotated[str | None, EngineField("IPAM/Driver", TEXT, "default", Effect.REPLACE)] = None
    """Who gives out the addresses: default, or a plugin."""
    ipam_options: Annotated[Labels, _map("IPAM/Options")] = Field(default_factory=dict)
    """Options of the one who gives out the addresses."""
    options: Annotated[Labels, _map("Options")] = Field(default_factory=dict)
    """Driver options other than those with a field of their own."""
    labels: Annotated[Labels, EngineField("Labels", MERGED_LABELS, effect=Effect.NOTHING, hidden=True)] = Field(
        default_factory=dict
    )
    """Engines cannot change labels of a network that is there."""
    config_only: Annotated[Flag | None, _flag("ConfigOnly")] = None
    """True makes a template on each host, which carries no traffic."""
    config_from: Annotated[str | None, EngineField("ConfigFrom/Network", TEXT, effect=Effect.REPLACE)] = None
    """The template that each host takes subnets and options from."""

    @property
    def stated(self) -> NetworkSpec:
        """The network as an engine shows it once it is there: all that is left out has the engine's default."""
        unsaid = {
            name: line.default
            for name, line in lines(NetworkSpec).items()
            if line.default is not None and getattr(self, name) is None
        }
        return self.model_copy(update=unsaid)

    @property
    def effective_scope(self) -> Scope:
        """The scope that the network will have."""
        if self.scope is not None:
            return self.scope
        return Scope.SWARM if self.driver == "overlay" else Scope.LOCAL

    @property
    def on_lan(self) -> bool:
        """Whether containers have addresses of the hosts' own LAN.

        Each host gives them: no manager knows them, no service has a virtual one, and engines tell each other no names
        there (moby#32981; seen on 20.10, 26.1 and 28.5).
        """
        return self.driver in LAN_DRIVERS

    @property
    def is_by_host(self) -> bool:
        """Whether containers have their addresses from their hosts: as ``on_lan``, and a bridge of the swarm.

        Managers give no addresses there and services have no virtual ones (seen on 20.10, 26.1 and 28.5).
        """
        return self.on_lan or (self.effective_scope is Scope.SWARM and self.driver in HOST_DRIVERS)


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
