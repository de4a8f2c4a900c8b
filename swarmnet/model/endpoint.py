"""A container's place on one network: what it asks for, and what was seen. None is not managed."""

from __future__ import annotations

from typing import Annotated

from swarmnet.model.base import Document, Labels
from swarmnet.model.codecs import INTEGER, TEXT, UNORDERED, WHOLE_OPTIONS
from swarmnet.model.fields import Codec, Effect, EngineField

CREATE_MAC_API = "1.44"
"""The first API version that gives a new container a MAC address on each network."""
CONNECT_MAC_API = "1.54"
"""The first API version that connects with a MAC address (docs of the API); others drop it (seen on 26.1 and 28.5)."""


def _asked(path: str, codec: Codec, since: str | None = None) -> EngineField:
    """Return the line of a field: engines connect a container again to change it."""
    return EngineField(path, codec, effect=Effect.REPLACE, since=since)


class EndpointSpec(Document):
    """What a container asks for on a network."""

    network: Annotated[str, EngineField("../Network", TEXT, identity=True)]
    """Name of the network."""
    ipv4: Annotated[str | None, _asked("IPAMConfig/IPv4Address", TEXT)] = None
    """Its IPv4 address; left out, the engine chooses."""
    ipv6: Annotated[str | None, _asked("IPAMConfig/IPv6Address", TEXT)] = None
    """Its IPv6 address."""
    aliases: Annotated[tuple[str, ...] | None, _asked("Aliases", UNORDERED)] = None
    """Further names of the container on the network."""
    mac: Annotated[str | None, _asked("MacAddress", TEXT, CREATE_MAC_API)] = None
    """Its MAC address, such as 02:42:0a:01:00:09."""
    options: Annotated[Labels | None, EngineField("DriverOpts", WHOLE_OPTIONS, effect=Effect.REPLACE, hidden=True)] = (
        None
    )
    """Options of the network's driver for the endpoint."""
    gateway_priority: Annotated[int | None, _asked("GwPriority", INTEGER, "1.48")] = None
    """Of a container's networks, the one with the highest number is its way out."""
