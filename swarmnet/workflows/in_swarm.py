"""The scheduler that is a service of the swarm: installed, asked, and taken away from outside.

What must outlive a move to another node is in labels of the service: what is remembered between two runs, and which
request of an operator was served. A change of labels alone restarts no task (seen on 20.10, 26.1 and 28.5).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from swarmnet.errors import (
    ConflictError,
    ConvergenceError,
    HostError,
    NotFoundError,
    RefusedError,
    SchemaError,
    StateChangedError,
    UsageError,
)
from swarmnet.model.clock import wait_until
from swarmnet.model.find import by_id, by_name
from swarmnet.model.in_swarm import (
    ASKED_LABEL,
    HISTORY_LABEL,
    HOME,
    KEY_FILE,
    OPTIONS_LABEL,
    ORDERS_FILE,
    SCHEDULE_LABEL,
    SERVED_LABEL,
    SERVICE,
    SIGNER_LABEL,
    SOCKET,
    Published,
    is_ours,
)
from swarmnet.model.merge import lay
from swarmnet.model.schedule import History
from swarmnet.model.service import (
    Attachment,
    FileReference,
    Mount,
    MountType,
    RestartPolicy,
    ServiceSpec,
)
from swarmnet.model.standing import answered
from swarmnet.model.swarm import NewSecret, SecretSpec
from swarmnet.operations.content.names import secret_name
from swarmnet.workflows.fleet.observe import Look, observe
from swarmnet.workflows.in_swarm_look import clear

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.base import Labels, Secret
    from swarmnet.model.clock import Clock
    from swarmnet.model.ports import Ports, SwarmPort
    from swarmnet.model.schedule import RunRecord
    from swarmnet.model.service import Service
    from swarmnet.model.swarm import StoredSecret

PROGRAM = ("python3", "-P", "-m", "swarmnet.cli.scheduler")
"""What the tasks run; -P keeps files of the working directory from being taken for modules."""
START_LIMIT = 120.0
"""Seconds for the scheduler's task to run: a node may fetch the image first."""
RUN_LIMIT = 1800.0
"""Seconds for a run that an operator asked for."""
EVERY = 1.0
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a schedule needs in the swarm."""

    cluster: str
    image: str
    signer: str
    """Public half of the signing key, as a line."""
    orders: Secret
    new_key: Secret | None
    """The signing key, where the swarm has none that the operator trusts."""
    published: Published


@dataclass(frozen=True, slots=True)
class Standing:
    """What the service says about its runs."""

    service: Service
    history: History
    task: str | None
    """Id of the task that runs."""
    node: str | None
    """Its node."""
    said: str
    """State of the newest task, where none runs."""


def signers(manager: SwarmPort) -> tuple[str, ...]:
    """Return the public halves of the signing keys that the swarm keeps for its scheduler."""
    return tuple(one.spec.labels[SIGNER_LABEL] for one in _secrets(manager) if SIGNER_LABEL in one.spec.labels)


@dataclass(frozen=True, slots=True)
class Installed:
    """What an install did."""

    done: tuple[str, ...] = ()
    """In words."""
    old: str | None = None
    """Id of the task that another one replaces now."""


def install(manager: SwarmPort, wanted: Wanted) -> Installed:
    """Create what is missing, change what differs, and return what was done.

    Raises:
        RefusedError: a service of someone else has the name.
        HostError: the manager does not answer, or refuses something.
    """
    service = find(manager)
    done: list[str] = []
    labels = {SCHEDULE_LABEL: wanted.cluster}
    orders = secret_name(ORDERS_FILE, wanted.orders.reveal())
    done += _kept(manager, orders, labels, wanted.orders)
    if wanted.new_key is not None:
        key = secret_name(KEY_FILE, wanted.new_key.reveal())
        done += _kept(manager, key, {**labels, SIGNER_LABEL: wanted.signer}, wanted.new_key)
    else:
        mine = [one for one in _secrets(manager) if one.spec.labels.get(SIGNER_LABEL) == wanted.signer]
        key = mine[0].spec.name
    spec, old = service_spec(wanted, orders, key), None
    if service is None:
        manager.services.create(spec)
        done.append(f"created service {SERVICE}")
    elif lay(service.spec, spec) != service.spec:
        before = standing(manager)
        if _restarts(service.spec, spec):
            old = None if before is None else before.task
        manager.services.update(service.id, service.version, spec)
        done.append(f"updated service {SERVICE}")
    for one in _secrets(manager):
        if one.spec.name not in (orders, key):
            with suppress(NotFoundError, ConflictError):  # in use by a task that ends
                manager.secrets.remove(one.id)
    return Installed(tuple(done), old)


def _restarts(now: ServiceSpec, wanted: ServiceSpec) -> bool:
    """Return whether a change replaces the task: that of labels alone does not."""
    without = {"labels": now.labels}
    return lay(now, wanted).model_copy(update=without) != now


def _kept(manager: SwarmPort, name: str, labels: Labels, data: Secret) -> list[str]:
    if by_name(manager.secrets.list(), name) is not None:
        return []
    manager.secrets.create(NewSecret(SecretSpec(name=name, labels=labels), data))
    return [f"created secret {name}"]


def service_spec(wanted: Wanted, orders: str, key: str) -> ServiceSpec:
    """Return the service: one task on a manager, whose engine answers for the swarm; its files are in memory."""
    return ServiceSpec(
        name=SERVICE,
        image=wanted.image,
        replicas=1,
        command=PROGRAM,
        args=("serve",),
        env={"HOME": HOME, "LOGNAME": "root"},  # an image need not know its user by name
        secrets=(
            FileReference(source=orders, target=ORDERS_FILE, mode=0o400),
            FileReference(source=key, target=KEY_FILE, mode=0o400),
        ),
        mounts=(
            Mount(target=SOCKET, type=MountType.BIND, source=SOCKET),
            Mount(target="/tmp", type=MountType.TMPFS),  # noqa: S108 - in the container
        ),
        networks=(Attachment(network="host"),),  # the way to a target is the host's own
        constraints=("node.role == manager",),
        cap_drop=("ALL",),
        read_only=True,
        restart=RestartPolicy(condition="any", delay=10.0),
        labels={
            SCHEDULE_LABEL: wanted.cluster,
            SIGNER_LABEL: wanted.signer,
            OPTIONS_LABEL: wanted.published.model_dump_json(),
        },
    )


def published(service: Service) -> tuple[str, Published]:
    """Return the cluster's name, and what anyone may know of the schedule that it runs.

    Raises:
        SchemaError: another version of swarmnet installed it.
    """
    labels = service.spec.labels
    try:
        return labels[SCHEDULE_LABEL], Published.model_validate_json(labels.get(OPTIONS_LABEL, ""))
    except ValidationError:
        raise SchemaError(
            f"service {service.spec.name} is of another version of swarmnet",
            hint="run `swarmnet schedule install --in-swarm` again, or ask from the machine that installed it",
        ) from None


def find(manager: SwarmPort) -> Service | None:
    """Return the scheduler's service.

    Raises:
        RefusedError: a service of someone else has its name.
    """
    service = by_name(manager.services.list(), SERVICE)
    if service is not None and not is_ours(service.spec.labels):
        raise RefusedError(
            f"service {SERVICE} is not swarmnet's: it was left alone", hint="rename it, and run it again"
        )
    return service


def asked(ports: Ports) -> Service:
    """Return the scheduler's service of a cluster that is asked from outside.

    Raises:
        IncompleteError: no manager answers for the swarm.
        UsageError: the cluster runs no schedule itself.
        RefusedError: a service of someone else has its name.
    """
    answered(observe(ports, Look(hosts=frozenset())), ports.inventory, hosts=())
    service = find(ports.manager())
    if service is None:
        raise UsageError(
            f"cluster {ports.inventory.cluster} runs no schedule itself",
            hint="without -i, `swarmnet schedule status` shows those of this machine",
        )
    return service


def standing(manager: SwarmPort) -> Standing | None:
    """Return what the scheduler's service says; None where there is none."""
    service = find(manager)
    if service is None:
        return None
    tasks = manager.tasks(service=service.id)
    running = [one for one in tasks if one.runs]
    node = by_id(manager.nodes.list(), running[0].node_id) if running else None
    last = next((one for one in tasks if one.desired_state in ("running", "ready")), tasks[0] if tasks else None)
    said = "it has no task" if last is None else f"its task is {last.state}: {last.message}".removesuffix(": ")
    task = running[0].id if node is not None else None
    return Standing(service, history_of(service), task, None if node is None else node.name, said)


def history_of(service: Service) -> History:
    """Return what the service remembers of its runs; nothing where that cannot be read."""
    try:
        return History.model_validate_json(service.spec.labels.get(HISTORY_LABEL, "{}"))
    except ValidationError:
        return History()


def wait_for_start(manager: Callable[[], SwarmPort], old: str | None, clock: Clock, tell: Callable[[str], None]) -> str:
    """Return the node on which the scheduler runs, once it does.

    Args:
        manager: returns a manager that answers.
        old: id of a task that does not count: another one replaces it.
        clock: the source of time.
        tell: hears what is waited for.

    Raises:
        ConvergenceError: it did not start; the message has the last state of its task.
    """

    def look() -> tuple[str | None, str]:
        found = standing(manager())
        if found is None:
            return None, "there is no service"
        return (None if found.task == old else found.node), found.said

    return wait_until(clock, look, what="the scheduler to run", timeout=START_LIMIT, every=EVERY, tell=tell)


def run_now(manager: Callable[[], SwarmPort], word: str, clock: Clock, tell: Callable[[str], None]) -> RunRecord | None:
    """Ask the scheduler for a run, wait for its end, and return what became of it.

    Args:
        manager: returns a manager that answers.
        word: tells this request from others.
        clock: the source of time.
        tell: hears what is waited for.

    Raises:
        ConvergenceError: no run ended in time.
    """
    write_labels(manager(), {ASKED_LABEL: word})

    def look() -> tuple[Service | None, str]:
        try:
            found = standing(manager())
        except HostError as error:
            return None, error.message
        if found is None:
            raise ConvergenceError("the scheduler was removed meanwhile")
        served = found.service.spec.labels.get(SERVED_LABEL) == word
        return (found.service if served else None), f"it runs on {found.node}" if found.node else found.said

    service = wait_until(clock, look, what="the run to end", timeout=RUN_LIMIT, every=EVERY, tell=tell)
    return history_of(service).last


def write_labels(manager: SwarmPort, labels: Labels) -> None:
    """Write labels of the scheduler's service; the others stay.

    Raises:
        NotFoundError: the service does not exist.
        StateChangedError: someone else changes it all the time.
    """
    for left in reversed(range(_TRIES)):
        service = find(manager)
        if service is None:
            raise NotFoundError(manager.host, f"there is no service {SERVICE}", status=404)
        spec = service.spec.model_copy(update={"labels": {**service.spec.labels, **labels}})
        try:
            manager.services.update(service.id, service.version, spec)
        except StateChangedError:
            if not left:
                raise
        else:
            return


def remove(manager: SwarmPort) -> tuple[str, ...]:
    """Take the service, its job and its secrets away; return what was done, in words."""
    done: list[str] = []
    service = find(manager)
    if service is not None:
        with suppress(NotFoundError):
            manager.services.remove(service.id)
        done.append(f"removed service {SERVICE}")
    clear(manager)
    for one in _secrets(manager):
        with suppress(NotFoundError):
            manager.secrets.remove(one.id)
        done.append(f"removed secret {one.spec.name}")
    return tuple(done)


def _secrets(manager: SwarmPort) -> tuple[StoredSecret, ...]:
    return tuple(one for one in manager.secrets.list() if is_ours(one.spec.labels))
