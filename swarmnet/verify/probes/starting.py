"""The start of a run's probes, phase by phase: what is up so far, and what each phase adds.

The order of the phases is :data:`swarmnet.verify.story.PHASES`. A phase never changes what it is given: it returns the
start with more in it, so that the setup that scenarios judge is always the one that was made.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError, HostError
from swarmnet.model.expectation import Expectations
from swarmnet.verify.own import receivers
from swarmnet.verify.probes.cleanup import Cleanup
from swarmnet.verify.probes.containers import ProbeContainers
from swarmnet.verify.probes.control_network import ControlNetwork
from swarmnet.verify.probes.gather import Containers
from swarmnet.verify.probes.images import Images
from swarmnet.verify.probes.insiders import Insiders
from swarmnet.verify.probes.mesh_service import Publication
from swarmnet.verify.probes.probe_service import ServedProbes
from swarmnet.verify.probes.probe_tasks import ProbeTasks
from swarmnet.verify.probes.run import Gate
from swarmnet.verify.probes.services import TaskServices
from swarmnet.workflows.fleet.fanout import Begun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from swarmnet.model.network import Network
    from swarmnet.model.ports import Ports
    from swarmnet.model.verification import Keep
    from swarmnet.verify.probes.containers import Watching
    from swarmnet.verify.probes.eligible import Eligibility
    from swarmnet.verify.probes.insiders import Entered, Within
    from swarmnet.verify.probes.run import RunContext
    from swarmnet.verify.scenario import OverlayProbe, Scenario, Setup


@dataclass(frozen=True, slots=True)
class Tools:
    """What starts and removes things for one run."""

    context: RunContext
    images: Images
    gate: Gate
    control: ControlNetwork
    cleanup: Cleanup


@dataclass(frozen=True, slots=True)
class Aside:
    """What starts while probes start; None is not needed. Each has a container of its own on a host."""

    observers: Begun[Watching] | None = None
    inside: Begun[Within] | None = None
    receivers: Begun[Entered] | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """How far the start of a run came."""

    tools: Tools
    setup: Setup
    scenarios: tuple[Scenario, ...]
    eligible: Eligibility
    served: frozenset[str]
    """Names of the networks that have room for the probe service."""
    containers: Containers
    up: tuple[str, ...] = ()
    """Hosts whose probe runs."""
    aside: Aside = field(default_factory=Aside)
    service: ServedProbes | None = None
    mesh: Publication | None = None

    @property
    def networks(self) -> tuple[Network, ...]:
        """What probes join: the tested networks, and the one that was made for comparison."""
        return (*self.setup.networks, *((self.setup.control,) if self.setup.control else ()))

    # ------------------------------------------------------------- what is needed

    def needs_control(self) -> bool:
        """Return whether a scenario compares with a plain overlay, and none of the tested networks is plain."""
        has_encrypted = any(net.spec.encrypted for net in self.setup.networks)
        return self.setup.plain is None and has_encrypted and any(one.needs_control for one in self.scenarios)

    def needs_services(self) -> bool:
        """Return whether a scenario needs a service, and a probe is up that it can ask."""
        return bool(self.up) and (self._needs_mesh() or self._needs_service())

    def needs_aside(self) -> bool:
        """Return whether something else than probes is started."""
        return self.needs_observers() or self.needs_ends() or self.needs_own() or self.needs_receivers()

    def needs_observers(self) -> bool:
        """Return whether a scenario has something to ask observers."""
        return any(one.observes(self.setup) for one in self.scenarios)

    def needs_probes(self) -> bool:
        """Return whether a scenario needs probes on networks."""
        return any(one.needs_probes and (self.setup.networks or not one.needs_networks) for one in self.scenarios)

    def needs_ends(self) -> bool:
        """Return whether a scenario asks from inside containers of the user's."""
        return self.setup.expected is not None and any(one.needs_ends for one in self.scenarios)

    def needs_own(self) -> bool:
        """Return whether a scenario asks the user's own services, and there is an overlay on which they may be."""
        return bool(self.setup.overlays) and any(one.needs_own for one in self.scenarios)

    def needs_receivers(self) -> bool:
        """Return whether a scenario sends datagrams to published ports, and a service publishes one of UDP."""
        found = receivers(self.tools.context.state, self.eligible.present)
        return bool(found) and any(one.needs_receivers for one in self.scenarios)

    def has_service(self) -> bool:
        """Return whether the probe service was created."""
        return self.service is not None and bool(self.service.hosts)

    def has_mesh(self) -> bool:
        """Return whether the published probe service was created."""
        return self.mesh is not None and bool(self.mesh.nodes)

    def _needs_mesh(self) -> bool:
        return any(one.needs_mesh for one in self.scenarios)

    def _needs_service(self) -> bool:
        return bool(self.served) and any(one.needs_service for one in self.scenarios)

    # ------------------------------------------------------------- the phases

    def sweep(self) -> Start:
        """Remove what killed runs left."""
        self.tools.cleanup.sweep(self.eligible.present)
        self.tools.control.sweep()
        return self

    def find_ways(self) -> Start:
        """Learn how the operator's machine comes to each host."""
        ports = self.tools.context.ports
        approaches = {host: ports.approach(host) for host in self.eligible.present}
        return replace(self, setup=replace(self.setup, approaches=approaches))

    def make_control(self) -> Start:
        """Make a plain overlay; where that fails, the setup says why."""
        try:
            return replace(self, setup=replace(self.setup, control=self.tools.control.make()))
        except (ConvergenceError, HostError) as error:
            return replace(self, setup=replace(self.setup, control_problem=str(error)))

    def place_probes(self) -> Start:
        """Start a probe on each host that can carry one.

        Overlays that are not attachable take tasks of services alone: then all probes are such tasks.
        """
        attachable = all(net.spec.attachable for net in self.networks)
        placing = self._own_containers() if attachable else ProbeTasks(self._services())
        placed = placing.place(self.eligible.able)
        everywhere = (*placed.probes.values(), *self.eligible.unschedulable, *self.eligible.absent)
        setup = replace(self.setup, probes=in_order(self.tools.context.ports, everywhere))
        return replace(self, setup=setup, up=placed.up, containers=replace(self.containers, probes=placed.containers))

    def begin_services(self) -> Start:
        """Create the services that scenarios need; a failure is in the setup."""
        service, mesh = ServedProbes(self._services(), self.served), Publication(self._services())
        if self._needs_mesh():
            mesh.begin(self.up)
        if self._needs_service():
            service.begin(self.up)
        setup = replace(self.setup, service_problem=service.problem, mesh_problem=mesh.problem)
        return replace(self, setup=setup, service=service, mesh=mesh)

    def begin_aside(self) -> Start:
        """Begin what needs no probe; it goes on meanwhile."""
        insiders = Insiders(self.tools.context, self.tools.images, self.tools.gate)
        hosts, setup = self.eligible.present, self.setup
        expected = (setup.expected or Expectations()) if self.needs_ends() else None
        overlays = setup.overlays if self.needs_own() else None
        aside = Aside(
            Begun(lambda: self._own_containers().watch(hosts)) if self.needs_observers() else None,
            Begun(lambda: insiders.within(expected, overlays, hosts))
            if self.needs_ends() or self.needs_own()
            else None,
            Begun(lambda: insiders.enter_receivers(hosts)) if self.needs_receivers() else None,
        )
        return replace(self, aside=aside)

    def await_observers(self) -> Start:
        """Wait for the observer of each host that answers, in the order of the inventory."""
        if (begun := self.aside.observers) is None:
            return self
        watching = begun.result()
        found = self._own_containers().observers(watching)
        names = (host.name for host in self.tools.context.ports.inventory.hosts)
        setup = replace(self.setup, observers=tuple(found[name] for name in names if name in found))
        running = {host: one for host, one in watching.containers.items() if found[host].problem is None}
        return replace(self, setup=setup, containers=replace(self.containers, observers=running))

    def await_inside(self) -> Start:
        """Wait for what is asked from inside the user's containers."""
        if (begun := self.aside.inside) is None:
            return self
        found = begun.result()
        setup = replace(self.setup, ends=found.ends, insiders=found.insiders, held=found.held)
        inside = {**self.containers.inside, **found.containers}
        return replace(self, setup=setup, containers=replace(self.containers, inside=inside))

    def await_receivers(self) -> Start:
        """Wait for what counts the datagrams that arrive in tasks behind published UDP ports."""
        if (begun := self.aside.receivers) is None:
            return self
        entered = begun.result()
        inside = {**self.containers.inside, **entered.containers}
        setup = replace(self.setup, receivers=entered.ends)
        return replace(self, setup=setup, containers=replace(self.containers, inside=inside))

    def await_service(self) -> Start:
        """Wait for the tasks of the probe service."""
        if (service := self.service) is None:
            return self
        service.wait()
        setup = replace(
            self.setup,
            service=service.service,
            service_problem=service.problem,
            idle={**self.setup.idle, **service.missing},
        )
        return replace(self, setup=setup, containers=replace(self.containers, tasks=service.containers))

    def await_mesh(self) -> Start:
        """Wait for the tasks of the published probe service."""
        if (mesh := self.mesh) is None:
            return self
        mesh.wait()
        idle = {**self.setup.idle, **mesh.missing}
        return replace(self, setup=replace(self.setup, mesh=mesh.service, mesh_problem=mesh.problem, idle=idle))

    def clear(self, keep: Keep) -> tuple[str, ...]:
        """Remove everything that any phase made; return what could not be removed, one sentence each."""
        notes = self.tools.cleanup.clear(self.eligible.present, keep=keep)
        return (*notes, *self.tools.control.remove())

    def _own_containers(self) -> ProbeContainers:
        return ProbeContainers(self.tools.context, self.tools.images, self.tools.gate, self.networks)

    def _services(self) -> TaskServices:
        return TaskServices(self.tools.context, self.tools.images, self.networks)


def start_of(
    context: RunContext,
    setup: Setup,
    *,
    scenarios: tuple[Scenario, ...],
    eligible: Eligibility,
    served: frozenset[str],
) -> Start:
    """Return the start of a run of which nothing is up yet."""
    images, gate = Images(context), Gate()
    tools = Tools(context, images, gate, ControlNetwork(context), Cleanup(context, images, gate))
    return Start(tools, setup, scenarios, eligible, served, Containers({}, {}, {}))


def always(_: Start) -> bool:
    """Return True: what is needed whatever scenarios want."""
    return True


@dataclass(frozen=True, slots=True)
class StartPhase:
    """One phase of the start, with its name and title in reports of progress."""

    name: str
    title: Callable[[Start], str]
    run: Callable[[Start], Start]
    needed: Callable[[Start], bool] = always


def in_order(ports: Ports, probes: Iterable[OverlayProbe]) -> tuple[OverlayProbe, ...]:
    """Return probes in the order of the inventory's hosts."""
    order = {host.name: index for index, host in enumerate(ports.inventory.hosts)}
    return tuple(sorted(probes, key=lambda probe: order.get(probe.host, 0)))
