"""Where a rollback of one service leads to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from swarmnet.model.standing import answered
from swarmnet.plan.guard import Permissions
from swarmnet.plan.rollback import rolled_back, version_before
from swarmnet.workflows.apply import Goal
from swarmnet.workflows.fleet.observe import Look, observe

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports

_MANAGERS = Look(hosts=frozenset())


def rollback(ports: Ports, service: str) -> Goal:
    """Return the goal: the version that the engine keeps now, which the run itself then replaces by the present one.

    Raises:
        IncompleteError: no manager answers for the swarm.
        UsageError: the service does not exist.
        RefusedError: there is no version to go back to.
    """
    state = observe(ports, _MANAGERS)
    answered(state, ports.inventory, hosts=())
    before = version_before(service, state)
    return Goal(
        make_plan=partial(rolled_back, before, inventory=ports.inventory),
        look=_MANAGERS,
        permissions=Permissions(allow_missing=True),
        command=f"rollback {service}",
    )
