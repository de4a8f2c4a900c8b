"""The typed form of a stack file: every key that is honoured, and its value in the words of the file."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from swarmnet.model.base import Document
from swarmnet.parse.compose.forms import Flag, Options, Pairs, Text
from swarmnet.parse.compose.service import Service


def _absent(value: object) -> object:
    return {} if value is None else value


def _external(value: object) -> object:
    """Return the old form ``external: {name: NAME}`` as it is, and texts for true and false as flags."""
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


class ExternalName(Document):
    """The old form of an external object's name."""

    name: Text | None = None


External = Annotated[Flag | ExternalName, BeforeValidator(_external)]


class Shared(Document):
    """What networks, volumes, configs and secrets have in common: a name of their own, and whether others made it."""

    name: Text | None = None
    external: External = False
    labels: Pairs | None = None

    @property
    def is_external(self) -> bool:
        """True where others made it."""
        return self.external is not False

    @property
    def own_name(self) -> str | None:
        """The name that it has in the swarm, if the file says one."""
        old = self.external.name if isinstance(self.external, ExternalName) else None
        return self.name or old


class Block(Document):
    """One block of a network's addresses."""

    subnet: Text | None = None
    gateway: Text | None = None
    ip_range: Text | None = None
    aux_addresses: Options | None = None


class Ipam(Document):
    """Who gives out a network's addresses, and which."""

    driver: Text | None = None
    config: tuple[Block, ...] = ()
    options: Options | None = None


class Network(Shared):
    """One network of the stack."""

    driver: Text | None = None
    driver_opts: Options | None = None
    ipam: Ipam | None = None
    internal: Flag | None = None
    attachable: Flag | None = None
    enable_ipv4: Flag | None = None
    enable_ipv6: Flag | None = None


class Volume(Shared):
    """One volume of the stack: nodes make it when a task needs it."""

    driver: Text | None = None
    driver_opts: Options | None = None


class Content(Shared):
    """One config or secret."""

    file: Text | None = None
    environment: Text | None = None
    content: Text | None = None
    template_driver: Text | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Content:
        given = [name for name in ("file", "environment", "content") if getattr(self, name) is not None]
        if not self.is_external and len(given) != 1:
            raise ValueError("needs exactly one of file, environment, content, or 'external: true'")
        return self


class ComposeFile(Document):
    """A whole stack file, all its files merged."""

    name: Text | None = None
    version: Text | None = None
    services: dict[str, Service]
    networks: Annotated[dict[str, Network | None], BeforeValidator(_absent)] = Field(default_factory=dict)
    volumes: Annotated[dict[str, Volume | None], BeforeValidator(_absent)] = Field(default_factory=dict)
    configs: Annotated[dict[str, Content], BeforeValidator(_absent)] = Field(default_factory=dict)
    secrets: Annotated[dict[str, Content], BeforeValidator(_absent)] = Field(default_factory=dict)
