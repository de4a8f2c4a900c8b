"""Ask from inside the network namespace of a container that runs, whatever its image has: no shell and no tool of it.

A helper with the probe's image joins the namespace (``NetworkMode: container:ID``; seen on 20.10, 26.1 and 28.5, on
internal and unattachable overlays, in the host's own namespace, next to programs without root). It has the container's
addresses, routes, rules and resolver, takes no address, opens no port, and has no capability.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from swarmnet.errors import HostError
from swarmnet.model.expectation import PartyKind
from swarmnet.model.ports import ContainerSpec
from swarmnet.verify.ends import ends_of, parties_of
from swarmnet.verify.probes.run import LIFETIME
from swarmnet.workflows.fleet.fanout import fan_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.expectation import Expectations
    from swarmnet.model.state import Container
    from swarmnet.verify.ends import End
    from swarmnet.verify.probes.images import Images
    from swarmnet.verify.probes.run import Gate, RunContext


AT_ONCE = 4
"""Helpers that start side by side on one host."""


@dataclass(frozen=True, slots=True)
class Entered:
    """The ends of the expectations, and the helpers inside those that are asked."""

    ends: tuple[End, ...]
    containers: Mapping[tuple[str, str], str]
    """Host and name of an end to its helper."""


@dataclass(frozen=True, slots=True)
class Insiders:
    """Starts helpers; the run removes them with everything else of the run."""

    context: RunContext
    images: Images
    gate: Gate

    def enter(self, expected: Expectations, hosts: tuple[str, ...]) -> Entered:
        """Start a helper inside each end that is asked; one that does not start says why.

        Args:
            expected: what names the services and containers.
            hosts: those that answer.
        """
        found = ends_of(self.context.state, expected, self._containers(expected, hosts))
        ends = tuple(_within(end, hosts) for end in found)
        mine = {host: [end for end in ends if end.asks and end.host == host] for host in hosts}
        busy = [host for host, several in mine.items() if several]
        results = fan_out(busy, lambda host: self._enter(host, mine[host]), listener=self.context.listener)
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
        named = {one.host for one in parties_of(expected) if one.kind is PartyKind.CONTAINER}
        found = fan_out(named & {*hosts}, lambda host: self.context.ports.engine(host).containers())
        return {host: several for host, several in found.items() if not isinstance(several, HostError)}

    def _enter(self, host: str, ends: list[End]) -> _Started:
        with self.gate.starting(host):
            self.images.bring(host)
            by_name = {end.name: (number, end) for number, end in enumerate(ends)}
            found = fan_out(
                by_name,
                lambda name: self._start(host, *by_name[name]),
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

    def _start(self, host: str, number: int, end: End) -> str:
        context, engine = self.context, self.context.ports.engine(host)
        spec = ContainerSpec(
            name=f"swarmnet-inside-{context.run.id}-{number}",
            image=context.kit.reference,
            argv=(*context.kit.argv, "observe", json.dumps({"lifetime": LIFETIME})),
            labels=context.labels(),
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
    return replace(end, asks=False, problem=why)
