"""What hosts are to be, where they are looked at before they are in a swarm."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.model.compare import INIT_ONLY

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA_PATH_PORT = int(str(INIT_ONLY["data_path_port"]))


@dataclass(frozen=True, slots=True)
class Block:
    """Addresses that the swarm takes."""

    prefix: str
    what: str
    """In words: ``subnet 10.1.0.0/24 of network front``."""


@dataclass(frozen=True, slots=True)
class Published:
    """A port that a service publishes."""

    port: int
    protocol: str
    service: str


@dataclass(frozen=True, slots=True)
class Planned:
    """What hosts are to be."""

    managers: frozenset[str]
    addresses: Mapping[str, str]
    """Host to the address that it advertises."""
    data_paths: Mapping[str, str]
    """Host to the address of its VXLAN and ESP."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """Hosts without such an address, and why."""
    apart: Mapping[str, str] = field(default_factory=dict)
    """Hosts whose overlays go by another address than that of the node, with both."""
    encrypted: bool | None = None
    """Whether overlays are encrypted; None where no playbook says it."""
    data_path_port: int = DATA_PATH_PORT
    blocks: tuple[Block, ...] = ()
    published: tuple[Published, ...] = ()

    def address(self, host: str, *, is_data: bool) -> str:
        """Return where peers reach a host, empty where that is not known."""
        return (self.data_paths if is_data else self.addresses).get(host, "")
