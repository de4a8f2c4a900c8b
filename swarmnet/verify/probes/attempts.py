"""Start containers of a run on busy engines, and say why one cannot start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError, EngineError, HostError
from swarmnet.model.clock import wait_until
from swarmnet.model.find import by_id
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.verify import absence
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import OverlayProbe

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.clock import Clock
    from swarmnet.model.ports import ContainerSpec, EnginePort, Ports

DATA = "/var/lib/docker"
"""Where engines keep their data, unless they are configured otherwise."""


class UnfitImageError(EngineError):
    """The probe image cannot run on a host."""


def start(
    clock: Clock,
    engine: EnginePort,
    spec: ContainerSpec,
    *,
    timeout: float,
    remove: Callable[[str], object],
    hopeless: Callable[[], str | None] = lambda: None,
) -> str:
    """Start a container, again if need be; return its id.

    A node learns of a network while its first container attaches, and forgets it after its last one left: a start in
    between ends with "network not found" (moby#41841; seen on 28.5.2, where the next start succeeded), and on 20.10.24
    after 20 s with "attaching to network failed". ``remove`` removes the container of that name that an attempt left.
    ``hopeless`` returns why no further attempt can succeed, or None; it is asked after each one that failed.

    Raises:
        EngineError: no attempt succeeded in time, or none can.
    """

    def attempt() -> tuple[str | None, str]:
        try:
            return engine.start_container(spec), ""
        except EngineError as error:
            # What is left of it alone: the run's probe and tasks of its services may run here by now.
            remove(spec.name)
            if absence.kind_of(OverlayProbe(engine.host, problem=error.message)).is_final:
                raise
            if (why := hopeless()) is not None:
                raise EngineError(engine.host, f"{error.message}; {why}") from error
            return None, error.message

    try:
        return wait_until(clock, attempt, what="the probe to start", timeout=timeout, every=0.4)
    except ConvergenceError as error:
        raise EngineError(engine.host, error.message) from error


def addresses(clock: Clock, engine: EnginePort, container: str, wanted: set[str], *, timeout: float) -> dict[str, str]:
    """Return the running probe's address on every wanted network.

    Raises:
        EngineError: the probe ended, or has none on some of them in time.
    """

    def look() -> tuple[dict[str, str] | None, str]:
        seen = by_id(engine.containers(label=PROBE_LABEL), container)
        if seen is None or not seen.running:
            said = engine.container_log(container).decode(errors="replace").strip().splitlines()[-1:]
            raise EngineError(engine.host, f"the probe ended at once: {''.join(said) or 'no word'}")
        found = {endpoint.network: endpoint.address for endpoint in seen.endpoints if endpoint.address}
        return (found if found.keys() >= wanted else None), f"none on {', '.join(sorted(wanted - found.keys()))}"

    try:
        return wait_until(clock, look, what="the probe's addresses", timeout=timeout)
    except ConvergenceError as error:
        raise EngineError(engine.host, error.message) from error


def absent(ports: Ports, host: str, error: HostError) -> OverlayProbe:
    """Return a host without a probe, with the reason: an engine whose disk is full may just end the talk (28.5)."""
    if isinstance(error, UnfitImageError):
        return OverlayProbe(host, problem=error.message, cause=CauseId.IMAGE)
    if absence.cause_of(error.message) is CauseId.PROBE:
        try:
            said = ports.shell(host).run(("df", "-P", DATA), timeout=10.0)
        except HostError:
            return OverlayProbe(host, problem=error.message)
        if b" 100% " in said.stdout:
            problem = f"no space left on device for {DATA}: {error.message}"
            return OverlayProbe(host, problem=problem, cause=CauseId.DISK_FULL)
    return OverlayProbe(host, problem=error.message)
