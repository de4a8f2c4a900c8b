"""Blocks of addresses, and where a network lives."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field

from swarmnet.model.base import Document

_KNOWN = 4096
"""Texts that are read but once: each host of each backup names the same subnets."""


@lru_cache(_KNOWN)
def _prefix(text: str) -> str:
    if "/" not in text:
        raise ValueError(f"{text!r} is not a subnet: write its length, too, such as {text}/{64 if ':' in text else 24}")
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
