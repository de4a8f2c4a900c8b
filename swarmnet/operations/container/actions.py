"""Create, change, replace and remove a container outside of services.

A replacement creates the new container under another name while the old one runs, so what is wrong with image, mounts
or networks costs no interruption. Then the old one stops and gives up its name, and the new one starts. If the new one
does not run, it goes, and the old one has its name back and runs again. The old one is removed last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.errors import ConvergenceError, SwarmnetError
from swarmnet.model.clock import wait_until
from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.find import called
from swarmnet.model.plain_container import Made, PlainContainer
from swarmnet.model.plan import Action, Permit, Rank, Risk, Sign
from swarmnet.model.ports import progress
from swarmnet.model.state import Container, Endpoint
from swarmnet.operations.container.attaching import start_attached
from swarmnet.operations.container.stopping import StillStoppingError, stop_container
from swarmnet.operations.state_edits import with_container, without_container

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.ports import EnginePort, Ports
    from swarmnet.model.state import ClusterState

START_LIMIT = 60.0
"""Seconds for a container to run, and to be healthy where it has a check."""
_STEADY = 2.0
"""Seconds that it must run without an end: a program that fails at once is seen."""
OLD, NEW = ".swarmnet-old", ".swarmnet-new"
"""What is added to the name of a container while another takes its place."""


class _WithSpec(Action):
    host: str
    spec: PlainContainer
    endpoints: tuple[EndpointSpec, ...] = ()
    wait: bool = True
    """False goes on as soon as it was started."""
    timeout: float = START_LIMIT

    stage: ClassVar[Rank] = Rank.CONTAINER

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the container as written."""
        state = without_container(state, self.spec.name + OLD, self.host)
        return with_container(state, as_made(self.spec, self.endpoints), self.host)

    def _create(self, ports: Ports, name: str) -> str:
        """Create it under a name, also where a killed run left one; pull its image where that is missing."""
        engine = ports.engine(self.host)
        if not engine.has_image(self.spec.image):
            engine.pull_image(self.spec.image)
        if name != self.spec.name:
            engine.plain.remove(name)
        return engine.plain.create(name, self.spec, self.endpoints)

    def _start(self, ports: Ports, container: str) -> None:
        start_attached(ports, self.host, container, self.spec.name)
        if self.wait:
            wait_for_container(ports, self.host, container, self.spec.name, timeout=self.timeout)


class CreateContainer(_WithSpec):
    """Create a container and start it."""

    kind: Literal["container.create"] = "container.create"

    sign: ClassVar[Sign] = Sign.CREATE

    def run(self, ports: Ports) -> None:
        """Create and start it, and wait until it runs; one that does not is removed again.

        Raises:
            ConvergenceError: it ended at once, or is unhealthy.
            NotFoundError: its registry does not have the image.
        """
        made = self._create(ports, self.spec.name)
        try:
            self._start(ports, made)
        except SwarmnetError:
            ports.engine(self.host).plain.remove(made)
            raise


class ReplaceContainer(_WithSpec):
    """Replace a container by another one with the same name and the same places on networks."""

    kind: Literal["container.replace"] = "container.replace"
    theirs: bool = False
    """True where others made the old one."""
    present: str
    """The name that the old one has now: another one where an earlier replacement was killed."""

    risk: Risk = Risk.DISRUPTIVE

    @property
    def permit(self) -> Permit:
        """Return ``REPLACE`` for a container of others: what it wrote outside of its mounts is lost."""
        return Permit.REPLACE if self.theirs else Permit.NONE

    def run(self, ports: Ports) -> None:
        """Replace it.

        Raises:
            ConvergenceError: the new one does not run; the old one has its name back, and runs if it ran.
            StillStoppingError: the old one has not ended.
        """
        engine, name = ports.engine(self.host), self.spec.name
        old = called(engine.containers(), self.present)
        if old is None:
            raise ConvergenceError(f"container {self.present} on {self.host} is gone", hint="plan again")
        new = self._create(ports, name + NEW)
        try:
            stop_container(engine, old.id, name)
            if old.name != name + OLD:
                engine.plain.remove(name + OLD)
                engine.plain.rename(old.id, name + OLD)
            engine.plain.rename(new, name)
            self._start(ports, new)
        except StillStoppingError:
            engine.plain.remove(new)
            raise
        except SwarmnetError as error:
            engine.plain.remove(new)
            _bring_back(ports, self.host, old, name)
            raise ConvergenceError(f"{error}; the old container is back", hint=error.hint) from error
        engine.plain.remove(old.id)


class UpdateContainer(Action):
    """Change limits and restart rule of a container that goes on running."""

    kind: Literal["container.update"] = "container.update"
    host: str
    spec: PlainContainer
    """Its limits and restart rule; all else is not sent."""

    stage: ClassVar[Rank] = Rank.CONTAINER

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the new limits."""
        seen = state.container(self.host, self.spec.name)
        if seen is None or seen.made is None:
            return state
        update = {name: value for name in ("limits", "restart") if (value := getattr(self.spec, name)) is not None}
        made = seen.made.model_copy(update={"spec": seen.made.spec.model_copy(update=update)})
        return with_container(state, seen.model_copy(update={"made": made}), self.host)

    def run(self, ports: Ports) -> None:
        """Change them; raises the engine's own error."""
        ports.engine(self.host).plain.update(self.spec.name, self.spec)


class StartContainer(Action):
    """Start a container that stopped though its restart rule says otherwise."""

    kind: Literal["container.start"] = "container.start"
    host: str
    container: str
    wait: bool = True
    timeout: float = START_LIMIT

    stage: ClassVar[Rank] = Rank.CONTAINER

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state in which it runs."""
        seen = state.container(self.host, self.container)
        update = {"running": True}
        return state if seen is None else with_container(state, seen.model_copy(update=update), self.host)

    def run(self, ports: Ports) -> None:
        """Start it and wait until it runs."""
        start_attached(ports, self.host, self.container, self.container)
        if self.wait:
            wait_for_container(ports, self.host, self.container, self.container, timeout=self.timeout)


class RemoveContainer(Action):
    """Remove a container; its volumes stay."""

    kind: Literal["container.remove"] = "container.remove"
    host: str
    container: str

    risk: Risk = Risk.DESTRUCTIVE
    stage: ClassVar[Rank] = Rank.CONTAINER
    sign: ClassVar[Sign] = Sign.REMOVE

    @property
    def permit(self) -> Permit:
        """Return ``NONE``: its step asks for it by name."""
        return Permit.NONE

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state without it."""
        return without_container(state, self.container, self.host)

    def run(self, ports: Ports) -> None:
        """Stop it in its own time, and remove it."""
        engine = ports.engine(self.host)
        found = called(engine.containers(), self.container)
        if found is not None:
            stop_container(engine, found.id, self.container)
            engine.plain.remove(found.id)


def as_made(spec: PlainContainer, endpoints: Iterable[EndpointSpec]) -> Container:
    """Return the container that a creation leads to, as far as it is known."""
    return Container(
        id="",
        name=spec.name,
        image=spec.image,
        running=True,
        labels=spec.labels,
        endpoints=tuple(_endpoint(one) for one in endpoints) or (Endpoint(network="bridge"),),
        made=Made(spec=spec, image=PlainContainer(name=spec.name, image=spec.image)),
    )


def _endpoint(asked: EndpointSpec) -> Endpoint:
    fields = {name: value for name, value in asked.model_dump().items() if value is not None}
    return Endpoint.model_validate({**fields, "hardware": asked.mac or ""})


def _bring_back(ports: Ports, host: str, old: Container, name: str) -> None:
    engine = ports.engine(host)
    engine.plain.rename(old.id, name) if _name_now(engine, old.id) != name else None
    if old.running:
        start_attached(ports, host, old.id, name)


def _name_now(engine: EnginePort, container: str) -> str:
    made = engine.plain.made(container)
    return "" if made is None else made.spec.name


def wait_for_container(ports: Ports, host: str, container: str, name: str, *, timeout: float) -> None:
    """Wait until a container runs for some seconds and is healthy, or has ended without an error.

    Raises:
        ConvergenceError: it failed, is unhealthy, or starts again and again; with what it printed last.
    """
    engine, since = ports.engine(host), [ports.clock.monotonic()]

    def look() -> tuple[bool | None, str]:
        made = engine.plain.made(container)
        running = next((one.running for one in engine.containers() if container in (one.id, one.name)), False)
        if made is None:
            raise ConvergenceError(f"container {name} on {host} is gone: it was removed, or ends with --rm")
        if made.health == "unhealthy" or (not running and not made.restarting and made.exit_code):
            what = "is unhealthy" if running else f"ended with {made.exit_code}"
            raise ConvergenceError(f"container {name} on {host} {what}{_printed(engine, container)}")
        if not running and not made.restarting:
            return True, "it ended without an error"
        if made.restarting:
            since[0] = ports.clock.monotonic()
            return None, f"it starts again and again; it ended with {made.exit_code}"
        steady = ports.clock.monotonic() - since[0] >= _STEADY
        return (
            True if steady and made.health in ("", "healthy") else None
        ), f"it runs; health: {made.health or 'none'}"

    wait_until(ports.clock, look, what=f"container {name} on {host} to run", timeout=timeout, tell=progress(ports))


def _printed(engine: EnginePort, container: str) -> str:
    lines = engine.container_log(container).decode(errors="replace").strip().splitlines()[-3:]
    return f": {' / '.join(lines)}" if lines else ""
