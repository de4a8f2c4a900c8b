"""The forms of values that containers outside of services have otherwise than tasks: ports, hosts, restart, time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, cast

from pydantic import Field
from typing_extensions import override

from swarmnet.model.base import Document, Port
from swarmnet.model.fields import Codec
from swarmnet.model.service_parts import Protocol

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.fields import Read

_TARGET = re.compile(r"([0-9]{1,5})/(tcp|udp|sctp)")
_RESTART = re.compile(r"(no|always|unless-stopped|on-failure)(?::([0-9]{1,9}))?")


class HostPort(Document):
    """A port of a container on its host."""

    target: Port
    """Port that the program listens on in its container."""
    published: Port | None = None
    """Port of the host; left out, the engine chooses one at each start."""
    protocol: Protocol = Protocol.TCP
    """tcp, udp or sctp."""
    address: Annotated[str, Field(max_length=45)] = ""
    """Address of the host that it answers on; left out, all."""

    @property
    def text(self) -> str:
        """Return all of it in one text, to show and to compare."""
        before = f"{self.address}:" if self.address else ""
        return f"{before}{'' if self.published is None else self.published}:{self.target}/{self.protocol}"


class HostPorts(Codec):
    """Ports by what they lead to: ``{"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}``, in any order."""

    word = "ports"

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, dict):
            return None
        found: list[HostPort] = []
        for key, places in value.items():
            match = _TARGET.fullmatch(key)
            for place in places if isinstance(places, list) else [None]:
                port = _port(match, place)
                if port is None:
                    return None
                found.append(port)
        return tuple(found), None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        found: dict[str, list[JsonValue]] = {}
        for port in cast("tuple[HostPort, ...]", value):
            published = "" if port.published is None else str(port.published)
            place: JsonObject = {"HostIp": port.address, "HostPort": published}
            found.setdefault(f"{port.target}/{port.protocol}", []).append(place)
        return cast("JsonValue", found)

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        return [*sorted(port.text for port in cast("tuple[HostPort, ...]", value or ()))]


def _port(match: re.Match[str] | None, place: JsonValue) -> HostPort | None:
    if match is None or not isinstance(place, dict):
        return None
    target, address, published = int(match[1]), place.get("HostIp") or "", place.get("HostPort") or "0"
    if not isinstance(address, str) or not isinstance(published, str) or re.fullmatch("[0-9]{1,5}", published) is None:
        return None
    if not 0 < target < 1 << 16 or int(published) >= 1 << 16:
        return None
    address = "" if address in ("0.0.0.0", "::") else address  # noqa: S104 - what engines say for all
    return HostPort(target=target, published=int(published) or None, protocol=Protocol(match[2]), address=address)


class ExtraHosts(Codec):
    """Addresses by name, lines ``NAME:ADDRESS`` there; a name with two addresses stays there."""

    word = "addresses by name"

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, list):
            return None
        pairs = [one.partition(":") for one in value if isinstance(one, str)]
        named = {name: address.strip("[]") for name, _colon, address in pairs if name and address}
        return (named, None) if len(named) == len(value) else None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        return [f"{name}:{address}" for name, address in cast("dict[str, str]", value).items()]

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        return dict(cast("dict[str, str]", value or {}))


class RestartRule(Codec):
    """When an engine starts a container again: ``on-failure:3``."""

    word = "text"

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, dict) or value.keys() - {"Name", "MaximumRetryCount"}:
            return None
        name, count = value.get("Name") or "no", value.get("MaximumRetryCount") or 0
        text = f"{name}:{count}" if count else str(name)
        return (text, None) if is_restart(text) else None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        name, _colon, count = str(value).partition(":")
        return {"Name": name, "MaximumRetryCount": int(count or 0)}


def is_restart(text: str) -> bool:
    """Return whether a text is a rule that engines take: only failures can be counted."""
    match = _RESTART.fullmatch(text)
    return match is not None and (match[2] is None or (match[1] == "on-failure" and int(match[2]) > 0))


class WholeSeconds(Codec):
    """Whole seconds."""

    word = "duration"

    @override
    def read(self, value: JsonValue) -> Read | None:
        known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31
        return (float(cast("int", value)), None) if known else None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        return round(cast("float", value))

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        return default if value is None else float(round(cast("float", value)))


HOST_PORTS, EXTRA_HOSTS, RESTART_RULE, WHOLE_SECONDS = HostPorts(), ExtraHosts(), RestartRule(), WholeSeconds()
