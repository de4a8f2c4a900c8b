"""What a trace asks: in rounds, so that both ends can count what passed between one round and the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from swarmnet.model.expectation import Door, PartyKind
from swarmnet.verify import keys
from swarmnet.verify.ends import HOST_NETWORK
from swarmnet.verify.keys import Key
from swarmnet.verify.scenario import InsideTask, ObserverTask, OperatorTask, in_steps
from swarmnet.verify.scenarios.expected.asked import (
    OPEN,
    Target,
    ask_listening,
    ask_open,
    can_ask,
    doors_of,
    ends_named,
    outcome_of,
)
from swarmnet.verify.scenarios.expected.outside import Outside
from swarmnet.verify.scenarios.mesh.mesh import address_of
from swarmnet.verify.scenarios.own.processes import PROGRAMS, ask_programs
from swarmnet.verify.scenarios.pairs.loss import FEW, LEAST_SPACING, MANY, spacing
from swarmnet.verify.tracing.queues import AFTER, LATER, waiting
from swarmnet.verify.tracing.rules import ask_knock, ask_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.base import JsonObject
    from swarmnet.model.expectation import Arrow, Party
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers, Question, Setup
    from swarmnet.verify.scenarios.own.processes import Programs

TRACE = "trace"
TURNS, MOST_TURNS = 2, 16
"""Connections for each task behind a published port, and all of them at most."""


def _whole(value: JsonObject) -> JsonObject | None:
    return value if "routes" in value else None


def _by_address(value: JsonObject) -> JsonObject | None:
    found = value.get("places")
    return found if isinstance(found, dict) else None


def namespace_of(end: End, when: str) -> Key[JsonObject]:
    """Return the key of a container's routes, resolver and counters; ``when``: ``before``, ``after`` or ``sized``."""
    return Key(f"inside/{end.name}/namespace/{when}", _whole)


def places_of(end: End) -> Key[JsonObject]:
    """Return the key of a container's own addresses and devices."""
    return Key(f"inside/{end.name}/places", _by_address)


def echoes_of(end: End) -> Key[dict[str, JsonObject]]:
    """Return the key of the echoes that a container sent to each address."""
    return keys.targets(f"inside/{end.name}/echo")


def bursts_of(end: End) -> Key[dict[str, JsonObject]]:
    """Return the key of the echoes that a container sent to each address once, and of which it counted the answers."""
    return keys.targets(f"inside/{end.name}/echoes")


def askers(setup: Setup, arrow: Arrow) -> tuple[End, ...]:
    """Return who asks: a container of the source on each host."""
    return tuple(end for end in ends_named(setup, str(arrow.source)) if end.asks or end.problem)


def ask(setup: Setup, answers: Answers, arrow: Arrow) -> tuple[Question, ...]:
    """Return what to ask now of the way from one end to the other."""
    ends = [*askers(setup, arrow), *ends_named(setup, str(arrow.target))]
    inside = list({(end.host, end.name): end for end in ends if can_ask(end)}.values())
    return in_steps(
        answers,
        lambda: [
            *ask_listening(inside),
            *(_namespace(end, "before") for end in inside),
            *(_places(end) for end in inside),
            *_programs(PROGRAMS, ends),
            *([] if arrow.target.has_tasks else ask_rules(end.host for end in inside)),
        ],
        lambda: [one for end in askers(setup, arrow) for one in _tries(setup, answers, arrow, end)],
        lambda: [
            *(_namespace(end, "after") for end in inside),
            *_programs(AFTER, ends_named(setup, str(arrow.target))),
            *(one for end in askers(setup, arrow) for one in _closer(setup, answers, arrow, end)),
        ],
        lambda: [
            *(one for end in askers(setup, arrow) for one in _sizes(setup, answers, arrow, end)),
            *_later(setup, answers, arrow),
        ],
        lambda: _counts(setup, answers, arrow),
    )


def ask_published(setup: Setup, answers: Answers, arrow: Arrow) -> tuple[Question, ...]:
    """Return what to ask of the way from the operator's machine to a service's published ports."""
    return (
        *_in_turn(setup, arrow, Outside().ask(setup, answers)),
        *ask_listening(end for end in ends_named(setup, str(arrow.target)) if can_ask(end)),
        *ask_rules(setup.approaches),
        *_programs(PROGRAMS, ends_named(setup, str(arrow.target)), also=setup.approaches),
    )


def _in_turn(setup: Setup, arrow: Arrow, questions: Iterable[Question]) -> Iterator[Question]:
    """Yield the questions with open ports tried so often that each task has its turn, and one that is gone, too."""
    times = min(MOST_TURNS, TURNS * (1 + len(ends_named(setup, str(arrow.target)))))
    for one in questions:
        targets = one.task.get("targets") if isinstance(one, OperatorTask | ObserverTask) else None
        if not isinstance(one, OperatorTask | ObserverTask) or not isinstance(targets, dict):
            yield one
            continue
        often: JsonObject = {
            label: {**target, "times": times} for label, target in targets.items() if isinstance(target, dict)
        }
        yield replace(one, task={**one.task, "targets": often})


def _later(setup: Setup, answers: Answers, arrow: Arrow) -> Iterator[Question]:
    """Yield one more look at the programs where connections wait."""
    found = waiting(answers, ends_named(setup, str(arrow.target)), doors(setup, answers, arrow))
    hosts = {end.host for end, _, _ in found} | {host for host, key in answers if key == AFTER.again.name}
    ends = [end for end in ends_named(setup, str(arrow.target)) if end.host in hosts]
    yield from _programs(AFTER.again, ends, after=LATER)


def _programs(
    key: Key[Programs], ends: Iterable[End], *, also: Iterable[str] = (), after: int = 0
) -> Iterator[Question]:
    """Yield a look at the programs of these containers, one a host."""
    on_host: dict[str, list[str]] = {host: [] for host in also}
    for end in ends:
        if end.host and end.container:
            on_host.setdefault(end.host, []).append(end.container)
    for host, containers in on_host.items():
        yield ask_programs(host, key, dict.fromkeys(containers), after=after)


def _closer(setup: Setup, answers: Answers, arrow: Arrow, end: End) -> Iterator[Question]:
    """Yield whether the host itself opens what its container could not open outside of the swarm's networks."""
    for one in by_name(setup, answers, arrow) if not arrow.target.has_tasks and can_ask(end) else ():
        found = outcome_of(answers, end, TRACE, one)
        if found.seen not in (OPEN, None) and found.addresses and one.door.protocol == "tcp":
            yield ask_knock(end.host, found.addresses[0], one.door.port)


def sizes_of(end: End, size: int) -> Key[dict[str, JsonObject]]:
    """Return the key of packets of one size that a container sent."""
    return keys.targets(f"inside/{end.name}/sizes/{size}")


def whole_sizes(setup: Setup, answers: Answers, arrow: Arrow, end: End) -> dict[str, int]:
    """Return the size of a full packet to each address of the target whose echoes came back: the MTU of the way."""
    places = places_of(end).read(answers, end.host) or {}
    echoed, _ = keys.outcomes(answers, end.host, echoes_of(end))
    found: dict[str, int] = {}
    for one in at_addresses(setup, answers, arrow, end):
        place = places.get(end.addresses.get(one.network, ""))
        size = place.get("mtu") if isinstance(place, dict) else None
        if isinstance(size, int) and echoed.get(one.name, {}).get("ok") is True:
            found[one.name] = size
    return found


def _sizes(setup: Setup, answers: Answers, arrow: Arrow, end: End) -> Iterator[Question]:
    whole = whole_sizes(setup, answers, arrow, end)
    for size in sorted(set(whole.values())):
        targets: JsonObject = {name: name for name, one in whole.items() if one == size}
        task: JsonObject = {"kind": "sizes", "size": size, "targets": targets}
        yield InsideTask(end.host, sizes_of(end, size).name, task, end.name)


@dataclass(frozen=True, slots=True)
class Cut:
    """A container to which full packets get lost, or whose answers do: which of both, only counts say."""

    target: Target
    size: int
    largest: int
    """Bytes of the largest packet that passes both ways."""


def cut_ways(setup: Setup, answers: Answers, arrow: Arrow, end: End) -> tuple[Cut, ...]:
    """Return the containers of the target that full packets of a container do not pass to and back."""
    targets = {one.name: one for one in at_addresses(setup, answers, arrow, end)}
    found = []
    for name, size in whole_sizes(setup, answers, arrow, end).items():
        seen = keys.outcomes(answers, end.host, sizes_of(end, size))[0].get(name, {})
        largest = seen.get("largest")
        if seen.get("ok") is not True and isinstance(largest, int) and largest < size:
            found.append(Cut(targets[name], size, largest))
    return tuple(found)


def _counts(setup: Setup, answers: Answers, arrow: Arrow) -> list[Question]:
    """Return a look at what arrived where full packets, or the answers to them, get lost."""
    cut = [one.target.end for end in askers(setup, arrow) for one in cut_ways(setup, answers, arrow, end)]
    ends = {(end.host, end.name): end for end in cut if end is not None and can_ask(end)}
    return [_namespace(end, "sized") for end in ends.values()]


def look(setup: Setup, party: str) -> tuple[Question, ...]:
    """Return what to ask of a party's containers alone."""
    mine = [end for end in ends_named(setup, party) if can_ask(end)]
    return (
        *ask_listening(mine),
        *(_namespace(end, "before") for end in mine),
        *(_places(end) for end in mine),
        *_programs(PROGRAMS, ends_named(setup, party)),
        *(one for end in mine for one in ask_open(end, TRACE, [*around(setup)])),
        *(_upstream(setup, end) for end in mine),
    )


UPSTREAM = "upstream"


def upstream_of(end: End) -> Key[dict[str, JsonObject]]:
    """Return the key of the look-up of a name that no server has."""
    return keys.targets(f"inside/{end.name}/{UPSTREAM}")


def _upstream(setup: Setup, end: End) -> Question:
    task: JsonObject = {"kind": "outside", "name": f"{setup.run or 'swarmnet'}.invalid", "limit": 3.0}
    return InsideTask(end.host, upstream_of(end).name, task, end.name)


def around(setup: Setup) -> Iterator[Target]:
    """Yield the SSH ports of the hosts: what answers outside of every overlay."""
    for host, approach in setup.approaches.items():
        if address := address_of(setup, host):
            yield Target(address, Door(port=approach.port), network=host)


def _places(end: End) -> Question:
    return InsideTask(end.host, places_of(end).name, {"kind": "places"}, end.name)


def _namespace(end: End, when: str) -> Question:
    return InsideTask(end.host, namespace_of(end, when).name, {"kind": "namespace"}, end.name)


def _tries(setup: Setup, answers: Answers, arrow: Arrow, end: End) -> list[Question]:
    echo: list[Question] = []
    addresses = {one.name: one.name for one in at_addresses(setup, answers, arrow, end) if one.network}
    if addresses and can_ask(end):
        task: JsonObject = {"kind": "icmp", "targets": dict(addresses)}
        burst: JsonObject = {"kind": "echoes", "targets": dict(addresses), "few": FEW, "many": MANY}
        burst |= {"spacing": spacing(len(addresses)), "least": LEAST_SPACING}
        echo = [
            InsideTask(end.host, echoes_of(end).name, task, end.name),
            InsideTask(end.host, bursts_of(end).name, burst, end.name),
        ]
    targets = [*at_addresses(setup, answers, arrow, end), *by_name(setup, answers, arrow)]
    return [*echo, *ask_open(end, TRACE, targets)]


def doors(setup: Setup, answers: Answers, arrow: Arrow) -> tuple[Door, ...]:
    """Return the ports that are traced: those that were named, else those on which the target listens."""
    return arrow.doors or doors_of(setup, answers, str(arrow.target)) or ()


def by_name(setup: Setup, answers: Answers, arrow: Arrow) -> list[Target]:
    """Return the target's name, as clients use it, or the address of what is outside."""
    name = arrow.target.name
    if arrow.target.kind is PartyKind.HOST:
        name = address_from(setup, arrow.source, name)
    elif arrow.target.kind is PartyKind.BLOCK:
        name = name.partition("/")[0]
    return [Target(name, door, is_wanted=True) for door in doors(setup, answers, arrow)]


def address_from(setup: Setup, source: Party, host: str) -> str:
    """Return the address at which a party asks a host: the operator's machine as it comes there itself."""
    approach = setup.approaches.get(host)
    if source.kind is not PartyKind.OPERATOR or approach is None:
        return address_of(setup, host)
    return approach.peer or approach.address


def at_addresses(setup: Setup, answers: Answers, arrow: Arrow, end: End) -> list[Target]:
    """Return each container of the target at its addresses on the asker's networks."""
    return [
        Target(address, door, other, network if network in end.addresses else "", is_wanted=True)
        for door in doors(setup, answers, arrow)
        for other in ends_named(setup, str(arrow.target))
        for network, address in other.addresses.items()
        if network in end.addresses or network == HOST_NETWORK
    ]
