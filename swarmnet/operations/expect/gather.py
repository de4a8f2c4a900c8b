"""All that a playbook expects, of its ``expect`` steps and of its services' checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import DocumentError
from swarmnet.model.expectation import Expectations
from swarmnet.operations.expect.notation import Known
from swarmnet.operations.expect.operation import ExpectOperation
from swarmnet.operations.service.operation import ServiceOperation

if TYPE_CHECKING:
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.kind import Operation
    from swarmnet.operations.playbook import Playbook


def expected_of(playbook: Playbook, inventory: Inventory, state: ClusterState) -> Expectations:
    """Return what a playbook, its stacks put in, expects of a cluster.

    Raises:
        DocumentError: a line names what is neither in the playbook nor in the swarm.
    """
    operations = [step.operation for step in playbook.steps]
    written = sorted({name for one in operations for kind, name in one.provides() if kind == "service"})
    names = Known(
        services=frozenset(written) | {one.spec.name for one in state.services},
        hosts=frozenset(host.name for host in inventory.hosts),
    )
    problems = [
        playbook.problem(step, text)
        for step in playbook.steps
        if isinstance(step.operation, ExpectOperation)
        for text in step.operation.wrong(names)
    ]
    if problems:
        raise DocumentError(tuple(problems))
    found = [one.expectations(names, written) for one in operations if isinstance(one, ExpectOperation)]
    services = [one for one in operations if isinstance(one, ServiceOperation)]
    return Expectations(
        arrows=tuple(arrow for one in found for arrow in one.arrows),
        sealed=tuple(party for one in found for party in one.sealed),
        rest_denied=any(one.rest_denied for one in found),
        services=tuple(dict.fromkeys([*written, *(name for one in found for name in one.services)])),
        checks={one.name: one.check for one in services if one.check is not None},
    )


def expects(operation: Operation) -> bool:
    """Return whether a step says anything that verify asks."""
    return isinstance(operation, ExpectOperation) or (
        isinstance(operation, ServiceOperation) and operation.check is not None
    )
