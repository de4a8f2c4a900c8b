"""Ask from inside the network namespace of a container that runs, whatever its image has: no shell and no tool of it.

A helper with the probe's image joins the namespace (``NetworkMode: container:ID``; seen on 20.10, 26.1 and 28.5, on
internal and unattachable overlays, in the host's own namespace, next to programs without root). It has the container's
addresses, routes, rules and resolver, takes no address, and opens no port. It has no capability but ``NET_RAW``, and
that only where datagrams are counted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from swarmnet.errors import HostError
from swarmnet.model.ports import ContainerSpec
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.verify.ends import ends_of, read_at
from swarmnet.verify.own import askers, receivers
from swarmnet.verify.probes.run import LIFETIME
from swarmnet.workflows.fleet.fanout import fan_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.expectation import Expectations
    from swarmnet.model.network import Network
    from swarmnet.model.state import Container
    from swarmnet.verify.ends import End
    from swarmnet.verify.probes.images import Images
    from swarmnet.verify.probes.run import Gate, RunContext


WATCHING = ("NET_RAW",)
"""To see which packets arrive in the container's network namespace."""
AT_ONCE = 4
"""Helpers that start side by side on one host."""


@dataclass(frozen=True, slots=True)
class Entered:
    """The ends of the expectations, and the helpers inside those that are asked."""

    ends: tuple[End, ...]
    containers: Mapping[tuple[str, str], str]
    """Host and name of an end to its helper."""


@dataclass(frozen=True, slots=True)
class Within:
    """All that is asked from inside the user's containers."""

    ends: tuple[End, ...] = ()
    """The ends of the expectations."""
    insiders: tuple[End, ...] = ()
    """The containers of the user's own services that ask."""
    held: Mapping[str, tuple[Container, ...]] = field(default_factory=dict)
    """The containers of each host, as its engine lists them."""
    containers: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Host and name of a container to its helper."""


@dataclass(frozen=True, slots=True)
class Insiders:
    """Starts helpers; the run removes them with everything else of the run."""

    context: RunContext
    images: Images
    gate: Gate

    def within(
        self, expected: Expectations | None, overlays: tuple[Network, ...] | None, hosts: tuple[str, ...]
    ) -> Within:
        """Enter the ends of the expectations, and the user's own services on the overlays; None is not entered."""
        found = self.enter(expected, hosts) if expected is not None else Entered((), {})
        if overlays is None:
            return Within(ends=found.ends, containers=found.containers)
        own = self.enter_own(overlays, found.ends, hosts)
        return Within(found.ends, own.ends, self.held(hosts), {**found.containers, **own.containers})

    def enter(self, expected: Expectations, hosts: tuple[str, ...]) -> Entered:
        """Start a helper inside each end that is asked; one that does not start says why.

        Args:
            expected: what names the services and containers.
            hosts: those that answer.
        """
        found = ends_of(self.context.state, expected, self._containers(expected, hosts))
        return self._entered(tuple(_within(end, hosts) for end in found), "inside")

    def enter_own(self, networks: tuple[Network, ...], ends: tuple[End, ...], hosts: tuple[str, ...]) -> Entered:
        """Start a helper on each host and network where the user's own services have a task.

        Args:
            networks: the overlays on which services are asked.
            ends: what is entered already, and serves here, too.
            hosts: those that answer.
        """
        known = {(end.host, end.name): end for end in ends if end.asks}
        chosen = askers(self.context.state, networks, hosts, ends)
        new = tuple(replace(end, asks=True) for end in chosen if (end.host, end.name) not in known)
        entered = self._entered(new, "own")
        return replace(entered, ends=(*(end for end in chosen if (end.host, end.name) in known), *entered.ends))

    def enter_receivers(self, hosts: tuple[str, ...]) -> Entered:
        """Start a helper that counts inside each task behind a published UDP port."""
        return self._entered(receivers(self.context.state, hosts), "udp")

    def held(self, hosts: tuple[str, ...]) -> dict[str, tuple[Container, ...]]:
        """Return the containers that run on each host that says so, none of a verification."""
        found = fan_out(hosts, lambda host: self.context.ports.engine(host).containers())
        return {
            host: tuple(one for one in several if one.running and PROBE_LABEL not in one.labels)
            for host, several in found.items()
            if not isinstance(several, HostError)
        }

    def _entered(self, ends: tuple[End, ...], kind: str) -> Entered:
        hosts = tuple(dict.fromkeys(end.host for end in ends))
        mine = {host: [end for end in ends if (end.asks or end.watches) and end.host == host] for host in hosts}
        busy = [host for host, several in mine.items() if several]
        results = fan_out(busy, lambda host: self._enter(host, mine[host], kind), listener=self.context.listener)
        containers: dict[tuple[str, str], str] = {}
        problems: dict[tuple[str, str], str] = {}
        for host, result in results.items():
            if isinstance(result, HostError):
                problems |= {(host, end.name): result.message for end in mine[host]}
            else:
                containers |= result.containers
                problems |= result.problems
        return Entered(
            tuple(replace(end, problem=problems.get((end.host, end.name), end.problem)) for end in ends), containers
        )

    def _containers(self, expected: Expectations, hosts: tuple[str, ...]) -> dict[str, tuple[Container, ...]]:
        wanted = read_at(self.context.state, expected) & {*hosts}
        found = fan_out(wanted, lambda host: self.context.ports.engine(host).containers())
        return {host: several for host, several in found.items() if not isinstance(several, HostError)}

    def _enter(self, host: str, ends: list[End], kind: str) -> _Started:
        with self.gate.starting(host):
            self.images.bring(host)
            by_name = {end.name: (number, end) for number, end in enumerate(ends)}
            found = fan_out(
                by_name,
                lambda name: self._start(host, *by_name[name], kind),
                at_once=AT_ONCE,
                listener=self.context.listener,
            )
            started = _Started({}, {})
            for name, result in found.items():
                if isinstance(result, HostError):
                    started.problems[host, name] = result.message
                else:
                    started.containers[host, name] = result
            return started

    def _start(self, host: str, number: int, end: End, kind: str) -> str:
        context, engine = self.context, self.context.ports.engine(host)
        spec = ContainerSpec(
            name=f"swarmnet-{kind}-{context.run.id}-{number}",
            image=context.kit.reference,
            argv=(*context.kit.argv, "observe", json.dumps({"lifetime": LIFETIME})),
            labels=context.labels(),
            capabilities=WATCHING if end.watches else (),
            network_of=end.container,
            interactive=True,
        )
        return engine.start_container(spec)


@dataclass(frozen=True, slots=True)
class _Started:
    containers: dict[tuple[str, str], str]
    problems: dict[tuple[str, str], str]


def _within(end: End, hosts: tuple[str, ...]) -> End:
    """Return an end of a host that does not answer, or is left out, as one that cannot be asked."""
    if end.host in hosts:
        return end
    why = f"{end.host} does not answer, or is left out" if end.host else "its node is not in the inventory"
    return replace(end, asks=False, watches=False, problem=why)
