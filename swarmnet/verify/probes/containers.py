"""Probes and observers as containers of their own, one of each on a host."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import HostError
from swarmnet.model.find import by_id
from swarmnet.model.ports import ContainerSpec
from swarmnet.model.state import Endpoint
from swarmnet.verify.probes import attempts
from swarmnet.verify.probes.cleanup import remove_containers
from swarmnet.verify.probes.run import LIFETIME
from swarmnet.verify.scenario import Observer, OverlayProbe
from swarmnet.workflows.fleet.data_path import data_path_at
from swarmnet.workflows.fleet.fanout import fan_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.network import Network
    from swarmnet.model.ports import EnginePort
    from swarmnet.verify.probes.images import Images
    from swarmnet.verify.probes.run import Gate, RunContext

OBSERVER_CAPABILITIES = ("NET_RAW", "NET_ADMIN")
"""To see packets of the host's devices, and to list its IPsec states; an observer changes nothing with them."""
ATTACH_LIMIT = 75.0
"""Seconds for all attempts to start a container: one that the engine fails to attach takes 20 s of them, and busy
engines fail twice in a row (seen on 20.10 with a kernel of its own). What no attempt can change ends at once."""
START_LIMIT = 10.0
"""Seconds in which a probe must have started."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The probes of all hosts, and the containers of those that run."""

    probes: Mapping[str, OverlayProbe]
    containers: Mapping[str, str]
    """Host to the id of its container."""

    @property
    def up(self) -> tuple[str, ...]:
        """The hosts whose probe runs."""
        return tuple(host for host, probe in self.probes.items() if probe.problem is None)


@dataclass(frozen=True, slots=True)
class Watching:
    """The containers of observers that run, and why those of other hosts do not."""

    containers: Mapping[str, str]
    """Host to the id of its container."""
    problems: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ProbeContainers:
    """Starts probes on networks, and observers on the hosts' own."""

    context: RunContext
    images: Images
    gate: Gate
    networks: tuple[Network, ...]
    """What every probe is attached to."""

    def place(self, hosts: tuple[str, ...]) -> Placed:
        """Bring the image where it is missing and start a probe on each host; a host that fails says why."""
        found = fan_out(hosts, lambda host: self._place(host, hosts.index(host)), listener=self.context.listener)
        probes, containers = {}, {}
        for host, result in found.items():
            if isinstance(result, HostError):
                probes[host] = attempts.absent(self.context.ports, host, result)
            else:
                probes[host], containers[host] = result
        return Placed(probes, containers)

    def watch(self, hosts: tuple[str, ...]) -> Watching:
        """Start an observer on the own network of each host, where the image is; a host that fails says why."""
        found = fan_out(hosts, lambda host: self._watch(host, hosts.index(host)), listener=self.context.listener)
        return Watching(
            {host: one for host, one in found.items() if not isinstance(one, HostError)},
            {host: one.message for host, one in found.items() if isinstance(one, HostError)},
        )

    def observers(self, watching: Watching) -> Mapping[str, Observer]:
        """Return the observers of all hosts with their addresses for VXLAN.

        Call it once probes are on the overlays: engines say then where these go, and else root alone may read it.
        """
        found = fan_out(tuple(watching.containers), self._observer, listener=self.context.listener)
        failed = {host: one.message for host, one in found.items() if isinstance(one, HostError)}
        missing = {host: Observer(host, problem=why) for host, why in {**watching.problems, **failed}.items()}
        return {host: one for host, one in found.items() if isinstance(one, Observer)} | missing

    def _place(self, host: str, number: int) -> tuple[OverlayProbe, str]:
        with self.gate.starting(host):
            context, engine = self.context, self.context.ports.engine(host)
            self.images.bring(host)
            run = context.run.id
            probe = OverlayProbe(host, f"swarmnet-probe-{run}-{number}", f"probe-{run}-{number}")
            job = json.dumps({"run": run, "id": host, "lifetime": LIFETIME})
            spec = ContainerSpec(
                name=probe.name,
                image=context.kit.reference,
                argv=(*context.kit.argv, "serve", job),
                labels=context.labels(),
                interactive=True,
                endpoints=tuple(Endpoint(network=net.spec.name, aliases=(probe.alias,)) for net in self.networks),
            )
            container = self._start(engine, spec)
            wanted = {net.spec.name for net in self.networks}
            patience = context.patience(START_LIMIT, networks=len(wanted))
            found = attempts.addresses(context.ports.clock, engine, container, wanted, timeout=patience)
            return OverlayProbe(host, probe.name, probe.alias, found), container

    def _watch(self, host: str, number: int) -> str:
        with self.gate.starting(host):
            context = self.context
            self.images.bring(host)
            spec = ContainerSpec(
                name=f"swarmnet-observer-{context.run.id}-{number}",
                image=context.kit.reference,
                argv=(*context.kit.argv, "observe", json.dumps({"lifetime": LIFETIME})),
                labels=context.labels(),
                capabilities=OBSERVER_CAPABILITIES,
                host_network=True,
                interactive=True,
            )
            return self._start(context.ports.engine(host), spec)

    def _observer(self, host: str) -> Observer:
        facts = self.context.state.facts(host)
        if facts is None:
            raise HostError(host, "was not observed")
        found, known = data_path_at(self.context.ports, facts), facts.engine.membership.address
        return Observer(host, found.address, known if known != found.address else "", found.unknown)

    def _start(self, engine: EnginePort, spec: ContainerSpec) -> str:
        return attempts.start(
            self.context.ports.clock,
            engine,
            spec,
            timeout=self.context.patience(ATTACH_LIMIT, networks=len(self.networks)),
            remove=lambda name: remove_containers(self.context, engine, named=name),
            hopeless=lambda: self._cut_off(engine.host),
        )

    def _cut_off(self, host: str) -> str | None:
        """Return why a host that the managers do not hear any more gets no address, however often it asks; else None.

        They count a node as down after three heartbeats, 15 s by default; one attempt to attach takes 20 s.
        """
        seen = self.context.state.node_of(host)
        try:
            node = None if seen is None else by_id(self.context.ports.manager().nodes.list(), seen.id)
        except HostError:  # no manager answers now
            return None
        return "the managers count its node as down by now" if node is not None and node.status == "down" else None
