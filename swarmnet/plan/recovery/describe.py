"""Make a backup from the observed state: what it keeps, and what can never come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.backup import BackupDocument, Completeness, Loss, Reason
from swarmnet.model.in_swarm import is_ours
from swarmnet.model.lock import LOCK_NAME
from swarmnet.model.network import Scope
from swarmnet.model.state import ClusterState
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.operations.service.converge import not_running

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from swarmnet.model.network import Network
    from swarmnet.model.state import HostFacts

ALWAYS_LOST = (
    Loss(
        kind="ids",
        what="all",
        why="engines choose the ids of networks, services, nodes, configs and secrets",
        instead="everything is found by name",
    ),
    Loss(
        kind="virtual-ips",
        what="all",
        why="the allocator chooses the addresses of services and tasks, and VXLAN identifiers",
        instead="names resolve to new addresses inside the same subnets",
    ),
    Loss(
        kind="cluster-identity",
        what="all",
        why="CA, node certificates, join tokens and unlock key never leave the engine through its API",
        instead="the new swarm creates its own; keep a new unlock key where autolock is on",
    ),
    Loss(kind="history", what="all", why="tasks and their logs belong to the old nodes", instead="new tasks start"),
    Loss(
        kind="data",
        what="all",
        why="a backup holds what volumes are, not what is in them, and no images",
        instead="bring the data back into the empty volumes; images are pulled again",
    ),
)


IDLE = "tasks"
"""The kind of loss that names a service whose tasks did not all run."""


def document(
    state: ClusterState, *, cluster: str, backup_id: str, created: datetime, tool: str, reason: Reason = Reason.MANUAL
) -> BackupDocument:
    """Return the backup of what was seen; tasks and their containers are left out, since they come by themselves."""
    moved, state = state.moved, _as_kept(own(state))
    completeness = Completeness(
        swarm=state.swarm is not None,
        hosts=tuple(facts.host for facts in state.hosts),
        failures=state.failures,
        fuzzy=moved,
    )
    hosts = tuple(_lasting(facts) for facts in state.hosts)
    return BackupDocument(
        id=backup_id,
        created=created,
        tool=tool,
        cluster=cluster,
        cluster_id="" if state.swarm is None else state.swarm.id,
        reason=reason,
        completeness=completeness,
        engines={facts.host: facts.engine.version for facts in state.hosts},
        state=state.model_copy(update={"hosts": hosts, "tasks": (), "answers": ()}),
        losses=(*ALWAYS_LOST, *_losses(state)),
    )


def _as_kept(state: ClusterState) -> ClusterState:
    """Return the state without what its JSON lacks (``exclude``): a backup is held against what it opens to."""
    return ClusterState.model_validate(state.model_dump())


def own(state: ClusterState) -> ClusterState:
    """Return the state without what swarmnet itself put there: probes, the lock, and the scheduler of backups.

    A restore must not begin to write backups of another cluster to where the lost one wrote its own.
    """
    return state.model_copy(
        update={
            "hosts": tuple(
                facts.model_copy(
                    update={
                        "networks": _without_probes(facts.networks),
                        "containers": tuple(one for one in facts.containers if PROBE_LABEL not in one.labels),
                    }
                )
                for facts in state.hosts
            ),
            "networks": _without_probes(state.networks),
            "services": tuple(
                one for one in state.services if PROBE_LABEL not in one.spec.labels and not is_ours(one.spec.labels)
            ),
            "secrets": tuple(one for one in state.secrets if not is_ours(one.spec.labels)),
            "configs": tuple(one for one in state.configs if one.spec.name != LOCK_NAME),
        }
    )


def _without_probes(networks: tuple[Network, ...]) -> tuple[Network, ...]:
    return tuple(network for network in networks if PROBE_LABEL not in network.spec.labels)


def _lasting(facts: HostFacts) -> HostFacts:
    networks = tuple(network for network in facts.networks if network.spec.effective_scope is Scope.LOCAL)
    containers = tuple(container for container in facts.containers if container.service is None)
    return facts.model_copy(update={"networks": networks, "containers": containers})


def _losses(state: ClusterState) -> Iterable[Loss]:
    yield from _of_services(state)
    yield from _of_secrets_and_networks(state)
    for facts in state.hosts:
        for container in facts.containers:
            if container.service is None and container.endpoints:
                yield Loss(
                    kind="container",
                    what=f"{container.name} on {facts.host}",
                    why="it is not part of a service; only its network endpoints were kept",
                    instead="create it again: a restore puts containers that exist back on their networks",
                )


def _of_services(state: ClusterState) -> Iterable[Loss]:
    for name, said in not_running(state).items():
        yield Loss(
            kind=IDLE,
            what=name,
            why=f"the tasks of service {name} did not all run when the backup was taken ({said})",
            instead=f"a restore does not wait for service {name}",
        )


def _of_secrets_and_networks(state: ClusterState) -> Iterable[Loss]:
    for secret in state.secrets:
        yield Loss(
            kind="secret",
            what=secret.spec.name,
            why="engines never give the data of a secret back",
            instead="give it to the restore with --secrets-from, else its services are skipped",
        )
    for network in state.networks:
        if not network.allocated:
            yield Loss(
                kind="network",
                what=network.spec.name,
                why="it was never allocated: the engine accepted it, but gave it no addresses",
                instead="it is not restored",
            )
