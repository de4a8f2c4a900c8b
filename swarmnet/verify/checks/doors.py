"""What a swarm sends between hosts: one line for each kind of packet, and the keys of the questions about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.verify import claims, keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenarios.hosts.crossings import GOSSIP, ORDERS

if TYPE_CHECKING:
    from swarmnet.model.report import Claim
    from swarmnet.verify.patterns import Pair
    from swarmnet.verify.scenario import Setup

WATCH, HEARD, ENDED = (keys.value(f"pairs/{word}") for word in ("watch", "heard", "ended"))
OPENED, THROWN = keys.targets("pairs/opened"), keys.targets("pairs/thrown")
AGAIN = THROWN.on("again")
"""What is sent where nothing of the engines' own came."""


@dataclass(frozen=True, slots=True)
class Door:
    """One kind of packet that hosts of a swarm must take from each other."""

    protocol: str
    """tcp, udp, esp."""
    port: int | None
    carrier: str
    """What claims call it."""
    what: str
    """What it carries."""
    cause: CauseId
    managers_only: bool = False
    """Whether managers alone take it."""

    @property
    def name(self) -> str:
        """What people call it: ``udp 4789``."""
        return self.protocol if self.port is None else f"{self.protocol} {self.port}"

    @property
    def kind(self) -> str:
        """What observers call it: ``udp/4789``."""
        return self.protocol if self.port is None else f"{self.protocol}/{self.port}"

    @property
    def is_gossip(self) -> bool:
        """Whether engines of a swarm send it by themselves, and complain about packets of others."""
        return self.carrier == f"udp/{GOSSIP}"

    @property
    def is_data(self) -> bool:
        """Whether it goes between the addresses of the data path."""
        return self.carrier in ("vxlan", "esp")

    def address(self, setup: Setup, host: str) -> str:
        """Return where a host takes it; empty where that is not known."""
        return setup.planned.address(host, is_data=self.is_data) if setup.planned else ""

    def to(self, peer: str) -> str:
        """Return the label of a target."""
        return f"{self.kind}@{peer}"

    def passage(self, source: str, target: str) -> Claim:
        """Return the claim that both hosts let it pass in a direction."""
        return claims.passage(self.carrier, source, target)


def doors_of(setup: Setup) -> tuple[Door, ...]:
    """Return every kind; a new one is a line here."""
    return (
        Door("tcp", ORDERS, f"tcp/{ORDERS}", "orders of managers", CauseId.ORDERS_BLOCKED, managers_only=True),
        Door("tcp", GOSSIP, f"tcp/{GOSSIP}", "gossip", CauseId.GOSSIP_TCP),
        Door("udp", GOSSIP, f"udp/{GOSSIP}", "gossip", CauseId.GOSSIP_UDP),
        Door("udp", setup.data_path_port, "vxlan", "overlays", CauseId.UNDERLAY),
        Door("esp", None, "esp", "encrypted overlays", CauseId.ESP_BLOCKED),
    )


def is_tested(setup: Setup, pair: Pair, door: Door) -> bool:
    """Return whether the second host takes such packets of the first."""
    return not door.managers_only or (setup.planned is not None and pair[1] in setup.planned.managers)


def all_passages(setup: Setup, one: str, other: str) -> frozenset[Claim]:
    """Return the claims that anything passes between two hosts, either way, and that answers come back."""
    pairs = ((one, other), (other, one))
    found = {door.passage(*pair) for door in doors_of(setup) for pair in pairs}
    return frozenset(found | {claims.passage("answers", *pair) for pair in pairs})
