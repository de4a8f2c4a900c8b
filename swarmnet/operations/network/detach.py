"""Detach services from a network and attach them again, so that the next run can finish a killed replacement.

Before the first service is detached, a Swarm config notes all attachments. It is removed when the last service is back.
A plan that finds such a note attaches what it names. Configs cannot be changed, so a run that has more to note than a
killed one writes a second note, under the next free name, before it removes the first: at each moment one note names
all services, and readers merge all notes.
"""

from __future__ import annotations

import hashlib
import itertools
from itertools import chain
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import ValidationError

from swarmnet.model.base import Document
from swarmnet.model.clock import wait_until
from swarmnet.model.find import by_name
from swarmnet.model.plan import Action, Rank, Risk
from swarmnet.model.plural import count
from swarmnet.model.ports import progress
from swarmnet.model.service import Attachment
from swarmnet.model.swarm import ConfigSpec
from swarmnet.operations.service.converge import SERVICE_LIMIT, again_when_changed, is_settled, wait_for_attached

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from swarmnet.model.ports import Ports, SwarmPort
    from swarmnet.model.service import Service, ServiceSpec
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Config

RELEASE_LIMIT = 90.0
"""Seconds for the tasks of detached services to end, and for the name of the network to be free."""
A_TASK = 20.0
"""Seconds more for each task: services leave and come back by their own update policy, often one task at a time."""
ENDED = frozenset({"complete", "shutdown", "failed", "rejected", "remove", "orphaned"})


class Detached(Document):
    """What a replacement detached: the attachment of each service."""

    network: str
    attachments: dict[str, Attachment]
    settled: tuple[str, ...] = ()
    """Services that ran well before; only these are waited for. One that was broken already must not block the step
    that repairs it."""


class ReattachServices(Action):
    """Attach the services that a killed replacement left detached."""

    kind: Literal["network.reattach"] = "network.reattach"
    network: str

    risk: Risk = Risk.DISRUPTIVE
    stage: ClassVar[Rank] = Rank.CONTENT

    @property
    def target(self) -> str:
        """What is changed, for people."""
        return f"services of network {self.network}"

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the services attached and the note gone."""
        return reattached(state, self.network)

    def run(self, ports: Ports) -> None:
        """Attach them and wait for their tasks."""
        attach(ports, self.network)


def note_of(network: str, configs: Iterable[Config]) -> Detached | None:
    """Return what the notes of the network say together, or None if there are none."""
    notes = [note for _config, note in _notes(network, configs)]
    return _together(notes) if notes else None


def is_note(config: Config) -> bool:
    """Return whether a config is the note of a replacement that was interrupted."""
    return _read(config) is not None


def reattached(state: ClusterState, network: str) -> ClusterState:
    """Return the state in which the noted services are on the network again."""
    note = note_of(network, state.configs)
    if note is None:
        return state
    services = tuple(
        service.model_copy(update={"spec": _with(service.spec, note.attachments[service.spec.name])})
        if service.spec.name in note.attachments
        else service
        for service in state.services
    )
    gone = {config.id for config, _note in _notes(network, state.configs)}
    configs = tuple(config for config in state.configs if config.id not in gone)
    return state.model_copy(update={"services": services, "configs": configs})


def detach(ports: Ports, network: str) -> None:
    """Note which services are on the network, detach them, and wait until their tasks are off it."""
    manager = ports.manager()
    users = [one for one in manager.services.list() if any(at.network == network for at in one.spec.networks or ())]
    if not users:
        return
    _remember(manager, network, users)
    for user in users:
        _write(manager, user.spec.name, lambda spec: _without(spec, network))
    what, limit = f"the tasks on network {network} to end", RELEASE_LIMIT + A_TASK * _tasks(manager, network)
    wait_until(ports.clock, lambda: _unused(manager, network), what=what, timeout=limit, tell=progress(ports))


def attach(ports: Ports, network: str) -> None:
    """Attach all noted services again, wait for those that ran well before, and remove the note."""
    manager = ports.manager()
    note = note_of(network, manager.configs.list())
    if note is None:
        return
    for name, attachment in note.attachments.items():
        _write(manager, name, lambda spec, at=attachment: _with(spec, at))  # type: ignore[misc]
    present = {service.spec.name for service in manager.services.list()}
    for name in note.settled:
        if name in present:
            limit = SERVICE_LIMIT + A_TASK * len(manager.tasks(service=name))
            wait_for_attached(ports, name, network, timeout=limit)
    for config, _note in _notes(network, manager.configs.list()):
        manager.configs.remove(config.id)


def _remember(manager: SwarmPort, network: str, users: Sequence[Service]) -> None:
    found = {user.spec.name: at for user in users for at in user.spec.networks or () if at.network == network}
    settled = tuple(user.spec.name for user in users if is_settled(manager, user))
    configs = manager.configs.list()
    left = _notes(network, configs)  # by killed runs: what they name and what is still attached belong together
    whole = _together(
        [*(note for _config, note in left), Detached(network=network, attachments=found, settled=settled)]
    )
    if whole in [note for _config, note in left]:
        return
    name = _free_name(network, configs)
    manager.configs.create(ConfigSpec(name=name, data=whole.model_dump_json().encode()))
    for config, _note in left:
        manager.configs.remove(config.id)


def _notes(network: str, configs: Iterable[Config]) -> list[tuple[Config, Detached]]:
    """Return the notes of a network, the oldest first, with their configs."""
    first = _note_name(network)
    named = [one for one in configs if one.spec.name == first or one.spec.name.startswith(f"{first}-")]
    read = ((config, _read(config)) for config in sorted(named, key=lambda config: config.version))
    return [(config, note) for config, note in read if note is not None]


def _read(config: Config) -> Detached | None:
    try:
        return Detached.model_validate_json(config.spec.data)
    except ValidationError:  # someone else's config of that name
        return None


def _together(notes: Sequence[Detached]) -> Detached:
    """Return all notes as one; if two name a service, the later one counts."""
    attachments = {name: at for note in notes for name, at in note.attachments.items()}
    settled = {name for note in notes for name in note.settled}
    return Detached(network=notes[0].network, attachments=attachments, settled=tuple(sorted(settled)))


def _free_name(network: str, configs: Iterable[Config]) -> str:
    """Return a name for another note, with the hash of the network's name, since names of configs are short."""
    taken, first = {config.spec.name for config in configs}, _note_name(network)
    names = chain((first,), (f"{first}-{number}" for number in itertools.count(2)))
    return next(name for name in names if name not in taken)


def _note_name(network: str) -> str:
    return f"swarmnet-detached-{hashlib.sha256(network.encode()).hexdigest()[:12]}"


def _with(spec: ServiceSpec, attachment: Attachment) -> ServiceSpec:
    others = tuple(at for at in spec.networks or () if at.network != attachment.network)
    return spec.model_copy(update={"networks": (*others, attachment)})


def _without(spec: ServiceSpec, network: str) -> ServiceSpec:
    return spec.model_copy(update={"networks": tuple(at for at in spec.networks or () if at.network != network)})


def _write(manager: SwarmPort, name: str, change: Callable[[ServiceSpec], ServiceSpec]) -> None:
    """Change a service as it is now: another network may be replaced at the same time."""

    def write() -> None:
        now = by_name(manager.services.list(), name)
        if now is not None:  # removed by someone else meanwhile: nothing to change
            manager.services.update(now.id, now.version, change(now.spec))

    again_when_changed(write)


def _tasks(manager: SwarmPort, network: str) -> int:
    return len(manager.tasks(network=network))


def _unused(manager: SwarmPort, name: str) -> tuple[bool | None, str]:
    left = [task for task in manager.tasks(network=name) if task.service_id and task.state not in ENDED]
    return (None if left else True), f"{count(len(left), 'task')}, one is {left[0].state}" if left else "none"
