"""A plain overlay for the time of one verification: where a claim needs a control and no tested network can be it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import ConflictError, ConvergenceError, HostError
from swarmnet.model.clock import wait_until
from swarmnet.model.find import by_id
from swarmnet.model.network import NetworkSpec
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.workflows.fleet.whole_list import whole_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.base import Labels
    from swarmnet.model.network import Network
    from swarmnet.model.ports import Ports
    from swarmnet.verify.probes.run import RunContext

SOON = 5.0
"""Seconds for what other runs left: engines at times keep a task that is gone on a network, and never let go of it."""


@dataclass(slots=True)
class ControlNetwork:
    """The overlay of one run; also removes those that killed runs left."""

    context: RunContext
    begun: bool = False
    """True once it may exist."""

    def make(self) -> Network:
        """Make the network, which all probes join too; raises as :func:`make_control`."""
        self.begun = True
        name = f"swarmnet-control-{self.context.run.id}"
        return make_control(self.context.ports, name, self.context.labels(), timeout=self.context.timeout)

    def sweep(self) -> None:
        """Remove what killed runs left, where the observation shows any and engines let it go soon."""
        if any(self.context.may_remove(net.spec.labels) for net in self.context.state.networks):
            remove_controls(self.context.ports, self.context.may_remove, timeout=min(SOON, self.context.timeout))

    def remove(self) -> tuple[str, ...]:
        """Remove the network where it may exist; return what could not be removed, one sentence each."""
        if not self.begun:
            return ()
        mine = {PROBE_LABEL: self.context.run.id}
        return tuple(
            remove_controls(
                self.context.ports, lambda labels: mine.items() <= labels.items(), timeout=self.context.timeout
            )
        )


def make_control(ports: Ports, name: str, labels: Labels, *, timeout: float) -> Network:
    """Make the network and return it once it has a subnet and a VNI.

    Raises:
        ConvergenceError: it was accepted but not allocated in time.
        HostError: no manager took it.
    """
    manager = ports.manager()
    network_id = manager.networks.create(NetworkSpec(name=name, attachable=True, labels=labels))

    def look() -> tuple[Network | None, str]:
        found = by_id(manager.networks.list(), network_id)
        return (found if found and found.allocated and found.vnis else None), "it has no VNI yet"

    return wait_until(ports.clock, look, what=f"network {name} to be allocated", timeout=timeout)


def remove_controls(ports: Ports, may_remove: Callable[[Labels], bool], *, timeout: float) -> list[str]:
    """Remove what the labels allow to remove; return what stayed, one sentence each."""

    def look() -> tuple[bool | None, str]:
        manager = ports.manager()
        left = [net for net in whole_list(manager, ports.clock) if may_remove(net.spec.labels)]
        words = ""
        for net in left:
            try:
                manager.networks.remove(net.id)
            except ConflictError as error:
                words = str(error)  # its last container is still being taken off
        return (None if words else True), words

    try:
        wait_until(ports.clock, look, what="the control network to go", timeout=timeout)
    except (ConvergenceError, HostError) as error:
        return [f"the control network may be left ({error}): run verify again"]
    return []
