"""Who may talk to whom, as a playbook says it: read by plans and by verify, never sent to an engine."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from swarmnet.model.base import Document, Port
from swarmnet.model.service import Protocol

FOREVER = 3600.0
"""Seconds that no answer of a check may take."""


class PartyKind(StrEnum):
    """What one end of an expectation is."""

    SERVICE = "service"
    CONTAINER = "container"
    HOST = "host"
    OPERATOR = "operator"
    OUTSIDE = "outside"
    BLOCK = "block"
    NAME = "name"


class Party(Document):
    """One end of an expectation."""

    kind: PartyKind
    name: str
    """The service, the container, the host of the inventory, the CIDR, or the name that a DNS server knows."""
    host: str = ""
    """Where a container is; empty for all other kinds."""

    def __str__(self) -> str:
        """Return it as playbooks write it."""
        return f"{self.host}/{self.name}" if self.host else self.name

    @property
    def has_tasks(self) -> bool:
        """Whether it is something that runs in containers."""
        return self.kind in (PartyKind.SERVICE, PartyKind.CONTAINER)


class Door(Document):
    """A port with its protocol."""

    port: Port
    protocol: Protocol = Protocol.TCP

    def __str__(self) -> str:
        """Return it as playbooks write it."""
        return str(self.port) if self.protocol is Protocol.TCP else f"{self.port}/{self.protocol}"


class Arrow(Document):
    """What one party may, or must not, reach of another one."""

    source: Party
    target: Party
    doors: tuple[Door, ...] = ()
    """The ports; none means each that the target listens on."""
    allowed: bool

    def __str__(self) -> str:
        """Return it as playbooks write it."""
        doors = f": {', '.join(map(str, self.doors))}" if self.doors else ""
        return f"{self.source} -> {self.target}{doors}"

    @property
    def pair(self) -> tuple[str, str]:
        """Who reaches for whom."""
        return str(self.source), str(self.target)


class Check(Document):
    """A question that each task of a service must answer; one of ``http``, ``tcp``, ``tls`` and ``dns``."""

    http: str | None = None
    """Path that must answer by HTTP, such as `/health`."""
    tcp: Port | None = None
    """Port that must accept connections."""
    tls: Port | None = None
    """Port that must answer a TLS handshake; certificates are not checked."""
    dns: str | None = None
    """Name that the service must know as a DNS server."""
    port: Port | None = None
    """Port of `http` (left out, 80) and `dns` (left out, 53)."""
    status: Annotated[int, Field(strict=True, ge=100, le=599)] | None = None
    """The HTTP status that must come; left out, any below 400."""
    within: Annotated[float, Field(gt=0, le=FOREVER)] = 2.0
    """Seconds within which the answer must come."""

    @property
    def door(self) -> Door:
        """The port that is asked."""
        if self.dns is not None:
            return Door(port=self.port or 53, protocol=Protocol.UDP)
        return Door(port=self.tcp or self.tls or self.port or 80)

    def __str__(self) -> str:
        """Return it in words."""
        if self.http is not None:
            return f"http {self.door}{self.http}"
        return f"dns {self.dns}" if self.dns is not None else f"{'tls' if self.tls else 'tcp'} {self.door}"


class Expectations(Document):
    """All that a playbook expects."""

    arrows: tuple[Arrow, ...] = ()
    """What is written, egress to named targets included."""
    sealed: tuple[Party, ...] = ()
    """Parties that must reach nothing outside of their networks."""
    rest_denied: bool = False
    """Whether every pair of services that no arrow connects must not reach each other."""
    services: tuple[str, ...] = ()
    """The services that the playbook writes."""
    checks: dict[str, Check] = Field(default_factory=dict)
    """Service to what each of its tasks must answer."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is expected."""
        return not (self.arrows or self.sealed or self.rest_denied or self.checks)

    def between(self) -> tuple[Arrow, ...]:
        """Return the arrows whose ends both run in containers, those of the rest included."""
        written = tuple(arrow for arrow in self.arrows if arrow.source.has_tasks and arrow.target.has_tasks)
        return (*written, *self.rest())

    def rest(self) -> tuple[Arrow, ...]:
        """Return what is denied since no arrow connects it.

        An overlay does not know directions: an arrow connects both of its ends.
        """
        if not self.rest_denied:
            return ()
        met = {pair for arrow in self.arrows for pair in (arrow.pair, arrow.pair[::-1])}
        return tuple(
            Arrow(source=_service(one), target=_service(two), allowed=False)
            for one in self.services
            for two in self.services
            if one != two and (one, two) not in met
        )


def _service(name: str) -> Party:
    return Party(kind=PartyKind.SERVICE, name=name)
