"""The steps that describe a cluster, in an order that applies to empty hosts: from the swarm to containers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from swarmnet.model.fields import lines
from swarmnet.model.plan import MANAGED_LABEL
from swarmnet.model.swarm import SwarmSpec
from swarmnet.model.topology import STACK_LABEL
from swarmnet.operations.service.operation import ServiceOperation
from swarmnet.operations.service.replaced_tasks import unnoted
from swarmnet.operations.swarm.operation import SwarmOperation
from swarmnet.operations.written import WrittenStep, written
from swarmnet.plan.adopt.containers import containers, named_secrets, unwritten_containers
from swarmnet.plan.adopt.content import Contents
from swarmnet.plan.adopt.draft import Draft, Wish
from swarmnet.plan.adopt.networks import gateways, ingress, local_networks, swarm_networks, unwritten_networks
from swarmnet.plan.recovery.describe import own

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import Labels
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.service import Service
    from swarmnet.model.state import ClusterState

_WORD = re.compile("[A-Za-z0-9][A-Za-z0-9_-]*")
"""What docker takes for a stack's name; labels of others may hold anything."""
_SECRET = re.compile("pass|secret|token|api_?key|private|credential", re.IGNORECASE)
"""Names of variables whose values are worth a word."""


def drafted(state: ClusterState, inventory: Inventory, wish: Wish) -> Draft:
    """Return the playbook that describes what was seen.

    Args:
        state: of all hosts that answered, or of a backup.
        inventory: the hosts: a local network that all of them have selects none.
        wish: what the operator chose.
    """
    state = own(state)
    contents = Contents(state, wish.stem)
    steps = (
        *gateways(state, inventory),
        *_swarm(state, wish),
        *ingress(state),
        *local_networks(state, inventory, wish),
        *swarm_networks(state, wish),
        *contents.steps(),
        *(_service(one, contents, wish) for one in sorted(state.services, key=lambda one: one.spec.name)),
        *containers(state, inventory),
    )
    unwritten = (*unwritten_networks(state), *unwritten_containers(state))
    warnings = (*unwritten, *contents.warnings(), *_values(state), *_hosts(state, inventory))
    return Draft(steps, contents.files, warnings)


def owned(wish: Wish, labels: Labels) -> dict[str, bool]:
    """Return the argument that takes an object over, where it is asked for and the object is not swarmnet's yet."""
    return {"take_ownership": True} if wish.take_ownership and MANAGED_LABEL not in labels else {}


def _swarm(state: ClusterState, wish: Wish) -> Iterator[WrittenStep]:
    if state.swarm is None:
        return
    spec = state.swarm.spec
    comments: tuple[str, ...] = ()
    if spec.autolock:
        comments = ("The managers' unlock key: name a file for it with unlock_key_file to have it kept.",)
    arguments = {**written(SwarmOperation, spec), **owned(wish, spec.labels)}
    if "subnet_size" in arguments:  # engines take no size without a pool
        arguments.setdefault("default_addr_pool", lines(SwarmSpec)["default_addr_pool"].default)
    yield WrittenStep("swarm", arguments, comments=comments)


def _service(service: Service, contents: Contents, wish: Wish) -> WrittenStep:
    spec = contents.plainly(unnoted(service.spec))
    comments: tuple[str, ...] = ()
    if spec.mode.is_everywhere and spec.max_replicas_per_node:  # engines keep it, as from before a change of mode
        spec = spec.model_copy(update={"max_replicas_per_node": None})
        comments = (f"max_replicas_per_node is left out: it means nothing for a {spec.mode} service.",)
    arguments = written(ServiceOperation, spec)
    if spec.max_concurrent not in (None, spec.replicas):  # left out, a new job runs all its tasks at once
        arguments["max_concurrent"] = spec.max_concurrent
    # docker stack starts all of its services side by side, too.
    stack = spec.labels.get(STACK_LABEL, "")
    together = stack if _WORD.fullmatch(stack) else ""
    return WrittenStep("service", {**arguments, **owned(wish, spec.labels)}, together=together, comments=comments)


def _values(state: ClusterState) -> Iterator[str]:
    """Yield what has variables that look like secrets: engines show them to any client, and so does the file."""
    held = [(one.spec.name, one.spec.env or {}) for one in state.services] + [*named_secrets(state)]
    found = [f"{name} ({', '.join(names)})" for name, env in held if (names := _secrets(env))]
    if found:
        yield f"the file holds values of variables that look like secrets, in clear: {', '.join(sorted(found))}"


def _secrets(env: dict[str, str]) -> tuple[str, ...]:
    return tuple(name for name, text in env.items() if text and _SECRET.search(name))


def _hosts(state: ClusterState, inventory: Inventory) -> Iterator[str]:
    """Yield the hosts that are missing."""
    for one in state.failures:
        yield f"{one.host} did not answer: its local networks are missing here ({one.reason})"
    known = {host.name for host in inventory.hosts}
    ids = {facts.engine.membership.node_id for facts in state.hosts if facts.host in known}
    for node in state.nodes:
        if node.id not in ids:
            yield f"node {node.name} ({node.address}) is not in the inventory, or did not answer"
