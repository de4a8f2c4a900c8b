"""One probe on one network for some questions, outside of a verification: what ``wait`` steps ask from."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError
from swarmnet.model.events import Progress
from swarmnet.model.ports import Reached
from swarmnet.model.verification import Keep
from swarmnet.verify.probes.cleanup import Cleanup
from swarmnet.verify.probes.containers import ProbeContainers
from swarmnet.verify.probes.eligible import eligibility
from swarmnet.verify.probes.gather import Batches, Containers
from swarmnet.verify.probes.images import Images
from swarmnet.verify.probes.probe_tasks import ProbeTasks
from swarmnet.verify.probes.run import Gate, RunContext
from swarmnet.verify.probes.services import TaskServices
from swarmnet.verify.scenario import ProbeTask
from swarmnet.workflows.fleet.observe import observe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject
    from swarmnet.model.network import Network
    from swarmnet.model.ports import Destination, Ports
    from swarmnet.model.verification import ProbeKit
    from swarmnet.verify.probes.run import Run

HOSTS = 3
"""Hosts that are tried, one after the other, until a probe starts on one."""


@dataclass(slots=True)
class Inside:
    """A probe that runs on a network; an ``InsidePort``."""

    host: str
    batches: Batches
    numbers: Iterator[int]

    def reach(self, destination: Destination, *, limit: float) -> Reached:
        """Try for up to ``limit`` seconds; a probe that does not answer is an outcome, too."""
        task: JsonObject = {"kind": "reach", "name": destination.name, "port": destination.port}
        if destination.path is not None:
            task |= {"path": destination.path, "status": destination.status or 0}
        key = f"reach-{next(self.numbers)}"
        answer = self.batches.ask((ProbeTask(self.host, key, task),), limit)[self.host, key]
        if answer.problem is not None:
            return Reached(ok=False, seen=f"the probe on {self.host} does not answer: {answer.problem}")
        return Reached(ok=answer.value.get("ok") is True, seen=str(answer.value.get("why") or ""))


@contextmanager
def inside(ports: Ports, network: str, *, kit: ProbeKit, run: Run) -> Iterator[Inside]:
    """Run a probe on a network, and remove every trace of it at the end, also after a failure.

    Raises:
        ConvergenceError: no probe starts there; has the reason of each host.
    """
    state = observe(ports)
    found = state.network(network)
    if found is None:
        raise ConvergenceError(f"network {network} is gone", hint="plan again")
    context = RunContext(ports, kit, run, state)
    images, gate = Images(context), Gate()
    cleanup = Cleanup(context, images, gate)
    eligible = eligibility(state, [host.name for host in ports.inventory.members])
    reasons = [f"{one.host}: {one.problem}" for one in (*eligible.unschedulable, *eligible.absent)]
    cleanup.sweep(eligible.able)
    try:
        for host in eligible.able[:HOSTS]:
            container, why = _placed(context, images, gate, found, host)
            if container is not None:
                batches = Batches(ports, run.id, Containers({host: container}, {}, {}))
                try:
                    yield Inside(host, batches, count(1))
                finally:
                    batches.close()
                return
            reasons.append(f"{host}: {why}")
        raise ConvergenceError(f"no probe starts on network {network}: {'; '.join(reasons)}")
    finally:
        for note in cleanup.clear(eligible.able[:HOSTS], keep=Keep.AS_FOUND):
            ports.listener(Progress(note))


def _placed(
    context: RunContext, images: Images, gate: Gate, network: Network, host: str
) -> tuple[str | None, str | None]:
    """Start a probe on a host; return its container, or why there is none.

    An overlay that is not attachable takes tasks of services alone.
    """
    placing = (
        ProbeContainers(context, images, gate, (network,))
        if network.spec.attachable
        else ProbeTasks(TaskServices(context, images, (network,)))
    )
    placed = placing.place((host,))
    return placed.containers.get(host), placed.probes[host].problem
