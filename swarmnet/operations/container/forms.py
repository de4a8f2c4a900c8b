"""The friendly ways to write a container: its ports, restart rule, limits and places on networks."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.plain_codecs import HostPort, is_restart
from swarmnet.model.plain_container import PlainLimits, PlainLogging
from swarmnet.model.service_resources import at_least_the_least
from swarmnet.operations.container import notation as places
from swarmnet.operations.notation import MOST_BYTES, Duration, Size, Texts, Written, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonValue

_PORT = re.compile(
    r"(?:(?P<address>[0-9]+(?:\.[0-9]+)+|\[[0-9a-fA-F:]+\]):)?(?:(?P<published>[0-9]{0,5}):)?(?P<target>[0-9]{1,5})"
    r"(?:/(?P<protocol>tcp|udp|sctp))?"
)


def _port(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return {"target": value}
    if not isinstance(value, str):
        return value
    match = _PORT.fullmatch(value)
    if match is None or (match["address"] and match["published"] is None):
        raise ValueError(f"{value!r} is not a port: write 8080:80, 53:53/udp, 127.0.0.1:8080:80 or a mapping")
    found: dict[str, object] = {"target": int(match["target"])}
    if match["published"]:
        found["published"] = int(match["published"]) or None
    if match["protocol"]:
        found["protocol"] = match["protocol"]
    if match["address"]:
        found["address"] = match["address"].strip("[]")
    return found


def _answering(port: HostPort) -> HostPort:
    if port.address:
        try:
            ipaddress.ip_address(port.address)
        except ValueError:
            raise ValueError(f"{port.address!r} is not an IP address of the host") from None
    return port


def _port_words(port: HostPort) -> Iterator[JsonValue]:
    address = f"[{port.address}]" if ":" in port.address else port.address
    published = "" if port.published is None else str(port.published)
    before = f"{address}:{published}:" if address else f"{published}:" if published else ""
    yield f"{before}{port.target}{'' if port.protocol == 'tcp' else f'/{port.protocol}'}"


def _restart(value: object) -> object:
    if value is False:  # YAML 1.1 reads `no` so
        return "no"
    if not isinstance(value, str) or not is_restart(value):
        raise ValueError("write no, always, unless-stopped, on-failure, or on-failure:3 for three tries")
    return value


def _place(value: object) -> object:
    return {"network": value} if isinstance(value, str) else value


def _place_words(place: EndpointSpec) -> Iterator[JsonValue]:
    yield place.network


def _swap(value: object) -> object:
    return -1 if value in (-1, "-1") else size(value)


def _whole(value: float) -> float:
    if value != round(value):
        raise ValueError("must be whole seconds: engines count no parts of one here")
    return value


class _Endpoint(EndpointSpec):
    """A place on a network as people write it."""

    network: Annotated[str, Field(min_length=1)]
    ipv4: places.Ipv4 | None = None
    ipv6: places.Ipv6 | None = None
    aliases: tuple[places.Alias, ...] | None = None
    mac: places.Mac | None = None
    options: Texts | None = None


_Memory = Annotated[Size, AfterValidator(at_least_the_least)]


class PlainLimitsForm(PlainLimits):
    """Limits with sizes as people write them."""

    memory: _Memory | None = None
    reservation: _Memory | None = None
    swap: (
        Annotated[
            int,
            BeforeValidator(_swap),
            Field(ge=-1, le=MOST_BYTES),
            WithJsonSchema({"type": ["integer", "string"], "description": "Bytes, or 64M, 1.5G; -1 is without limit."}),
        ]
        | None
    ) = None


class PlainLoggingForm(PlainLogging):
    """A log driver with options as people write them."""

    options: Texts | None = None


HostPortForm = Annotated[
    HostPort,
    BeforeValidator(_port, json_schema_input_type=str | int | HostPort),
    AfterValidator(_answering),
    Written(_port_words),
]
RestartForm = Annotated[
    str, BeforeValidator(_restart), WithJsonSchema({"type": "string", "description": "Such as unless-stopped."})
]
EndpointForm = Annotated[
    _Endpoint, BeforeValidator(_place, json_schema_input_type=str | _Endpoint), Written(_place_words)
]
WholeDuration = Annotated[Duration, AfterValidator(_whole)]
