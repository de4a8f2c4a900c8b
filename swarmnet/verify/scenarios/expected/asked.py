"""What is asked from inside containers, and what came back: the questions as data, and one way to read the answers."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from swarmnet.model.expectation import Door
from swarmnet.verify import keys
from swarmnet.verify.ends import HOST_NETWORK
from swarmnet.verify.keys import Key
from swarmnet.verify.own import is_loopback
from swarmnet.verify.scenario import InsideTask, ObserverTask, OperatorTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.expectation import Check
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers, Question, Setup

OPEN, UNRESOLVABLE, REFUSED, UNREACHABLE, SILENT, WRONG = (
    "open",
    "unresolvable",
    "refused",
    "unreachable",
    "silent",
    "wrong",
)
"""How an attempt ends, in the probe's words."""
ARRIVED, LOST = "arrived", "lost"
"""How a datagram ends that nothing answers, by what was counted inside the containers that should get it."""
REACHED = frozenset({OPEN, WRONG, ARRIVED})
"""What shows that packets get to a port."""
EVERYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Listening:
    """The sockets of one network namespace that wait for clients."""

    sockets: frozenset[tuple[str, str, int]]
    """Protocol, address, port."""
    has_ipvs: bool

    def on(self, door: Door) -> frozenset[str]:
        """Return the addresses on which something waits at a door."""
        return frozenset(one for kind, one, port in self.sockets if (kind, port) == (door.protocol, door.port))

    def reached(self, door: Door) -> bool:
        """Return whether something waits at a door for others than the container itself."""
        return any(not is_loopback(one) for one in self.on(door))

    def doors(self) -> tuple[Door, ...]:
        """Return the TCP ports that others can reach."""
        ports = {port for kind, one, port in self.sockets if kind == "tcp" and not is_loopback(one)}
        return tuple(Door(port=port) for port in sorted(ports))


def _is_address(value: JsonValue) -> bool:
    try:
        return value == EVERYWHERE or bool(ip_address(str(value)))
    except ValueError:
        return False


def _listening(value: JsonObject) -> Listening | None:
    found = value.get("sockets")
    if not isinstance(found, list):
        return None
    sockets = frozenset(
        (str(one.get("protocol")), str(one["address"]), port)
        for one in found
        if isinstance(one, dict) and isinstance(port := one.get("port"), int) and _is_address(one.get("address"))
    )
    return Listening(sockets, has_ipvs=value.get("ipvs") is True)


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to open, from one container."""

    name: str
    """A name, or an address."""
    door: Door
    end: End | None = None
    """The container that has the address; None for a name or a virtual address."""
    network: str = ""
    """The network that the address is on, where both ends are on it."""
    is_wanted: bool = False
    """Whether it must answer: then it is tried until it does, or the time is over."""
    check: Check | None = None
    """What the open port must say."""
    called: str = ""
    """What an HTTP request calls the server."""
    marker: str = ""
    """What a datagram holds, in hex digits."""

    @property
    def is_counted(self) -> bool:
        """Whether it is a datagram that perhaps nothing answers."""
        return self.door.protocol == "udp" and self.check is None

    @property
    def label(self) -> str:
        """The key of its outcome."""
        return f"{self.name}:{self.door}"

    def as_json(self) -> JsonObject:
        """Return it as the probe reads it."""
        found: JsonObject = {"name": self.name, "port": self.door.port, "protocol": self.door.protocol.value}
        if self.marker:
            found["marker"] = self.marker
        if self.is_wanted and not self.is_counted:
            found["patient"] = True
        say = _say(self.check, self.called or self.name) if self.check is not None else None
        return {**found, "say": say} if say else found


def _say(check: Check, named: str) -> JsonObject | None:
    within: JsonObject = {"within": check.within}
    if check.http is not None:
        return within | {"http": check.http, "named": f"{named}:{check.door.port}", "status": check.status or 0}
    if check.dns is not None:
        return within | {"dns": check.dns}
    return within | {"tls": True} if check.tls is not None else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt."""

    asker: End
    target: Target
    seen: str | None
    """One of the words above; None where it could not be asked."""
    why: str
    addresses: tuple[str, ...] = ()
    """What the name led to."""
    local: str = ""
    """The asker's own address, where the port is open."""

    def as_json(self) -> JsonObject:
        """Return it as evidence."""
        return {"from": str(self.asker), "to": self.target.label, "seen": self.seen, "why": self.why}


def listening_of(end: End) -> Key[Listening]:
    """Return the key of the question what listens in a container's namespace."""
    return Key(f"inside/{end.name}/listening", _listening)


def opened_by(end: End, scenario: str) -> Key[dict[str, JsonObject]]:
    """Return the key of what a scenario opens from a container, or from a machine."""
    return keys.targets(f"machine/{scenario}" if end.is_machine else f"inside/{end.name}/{scenario}")


def ask_listening(ends: Iterable[End]) -> list[Question]:
    """Return the question what listens, for each container that can be asked."""
    return [
        InsideTask(end.host, listening_of(end).name, {"kind": "listening"}, end.name) for end in ends if can_ask(end)
    ]


def ask_open(end: End, scenario: str, targets: Sequence[Target]) -> list[Question]:
    """Return one question with all targets of a container; one that is wanted is asked for as such."""
    if not targets or not can_ask(end):
        return []
    by_label: dict[str, JsonValue] = {}
    for target in sorted(targets, key=lambda one: one.is_wanted):
        by_label[target.label] = target.as_json()
    task: JsonObject = {"kind": "open", "targets": by_label}
    key = opened_by(end, scenario).name
    if not end.is_machine:
        return [InsideTask(end.host, key, task, end.name)]
    return [ObserverTask(end.host, key, task)] if end.host else [OperatorTask(key, task)]


def can_ask(end: End) -> bool:
    """Return whether questions can be asked from inside a container."""
    return end.asks and end.problem is None


def outcome_of(answers: Answers, asker: End, scenario: str, target: Target) -> Outcome:
    """Return what came of one attempt."""
    found, problem = keys.outcomes(answers, asker.host, opened_by(asker, scenario))
    if asker.problem or problem:
        return Outcome(asker, target, None, asker.problem or problem or "")
    one = found.get(target.label, {})
    seen, addresses = one.get("seen"), one.get("addresses")
    if seen not in (OPEN, UNRESOLVABLE, REFUSED, UNREACHABLE, SILENT, WRONG):
        return Outcome(asker, target, None, str(one.get("why") or "was not asked"))
    led = tuple(str(address) for address in addresses) if isinstance(addresses, list) else ()
    return Outcome(asker, target, str(seen), str(one.get("why") or ""), led, str(one.get("local") or ""))


def ends_named(setup: Setup, party: str) -> tuple[End, ...]:
    """Return the running containers of a party."""
    return tuple(end for end in setup.ends if end.party == party)


def doors_of(setup: Setup, answers: Answers, party: str) -> tuple[Door, ...] | None:
    """Return the TCP ports that containers of a party listen on; None where that is not known of any.

    In the host's own namespace, the ports of all programs are seen: none is known to be the party's.
    """
    ends = [end for end in ends_named(setup, party) if HOST_NETWORK not in end.addresses]
    seen = [found for end in ends if (found := listening_of(end).read(answers, end.host))]
    if not seen:
        return None
    return tuple(sorted({door for one in seen for door in one.doors()}, key=lambda door: door.port))


def check_at(setup: Setup, party: str, door: Door) -> Check | None:
    """Return the check of a service if it asks this port: few programs answer a datagram that means nothing to them."""
    check = setup.expected.checks.get(party) if setup.expected is not None else None
    return check if check is not None and check.door == door else None


def listening_near(setup: Setup, answers: Answers, end: End) -> Listening | None:
    """Return what listens in a container, else in another one of its party, which runs the same program."""
    own = listening_of(end).read(answers, end.host)
    others = (listening_of(one).read(answers, one.host) for one in ends_named(setup, end.party))
    return own or next((one for one in others if one), None)
