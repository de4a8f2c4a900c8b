"""One pass of reads over all hosts: what engines report about themselves, and managers about the cluster.

Nothing is written. A host that does not answer is data (``ClusterState.failures``), and so is one that cannot be
believed: it says that it is a node that it is not, or is in another swarm. :mod:`swarmnet.plan.guard` refuses both.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from swarmnet.errors import (
    AuthenticationError,
    CommandError,
    HostError,
    HostKeyError,
    HostTimeoutError,
    IncompleteError,
    NothingReachableError,
)
from swarmnet.model.border import border
from swarmnet.model.network import Scope
from swarmnet.model.packages import HostPackages
from swarmnet.model.state import (
    SERVICE_LABEL,
    ClusterState,
    CommandResult,
    HostFacts,
    HostFailure,
    KeyStanding,
)
from swarmnet.model.trust import contradictions, on_their_word
from swarmnet.workflows.fleet.cluster_view import picture
from swarmnet.workflows.fleet.fanout import HOST_LIMIT, fan_out
from swarmnet.workflows.fleet.first_answer import Silence
from swarmnet.workflows.fleet.kernel_tables import COMMAND, read_tables
from swarmnet.workflows.fleet.locate import located, warn_of_doubtful

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from swarmnet.errors import NotAManagerError, SwarmnetError
    from swarmnet.model.host_image import Image
    from swarmnet.model.hosts import Host
    from swarmnet.model.ports import EnginePort, Ports
    from swarmnet.model.service import Service
    from swarmnet.model.state import Container
    from swarmnet.operations.kind import Need

_REFUSALS = (AuthenticationError, HostKeyError)


@dataclass(frozen=True, slots=True)
class Look:
    """What is asked besides what every run needs."""

    needs: tuple[Need, ...] = ()
    """Questions to shells, from the steps of a playbook."""
    containers: bool = False
    """True asks every host for its containers."""
    tasks: bool = False
    """True asks every host what its engine calls the containers of tasks: one request, which inspects none."""
    data_paths: bool = False
    """True asks each engine in a swarm for the address of its data path: two requests."""
    listed: frozenset[str] = frozenset()
    """Those of ``HostFacts.LISTED`` that every host is asked for."""
    made: frozenset[str] = frozenset()
    """Names of containers to be asked how they were made: two requests each."""
    all_made: bool = False
    """True asks all containers that are not tasks how they were made."""
    images: frozenset[str] = frozenset()
    """Names of the images to look for: one request each and host."""
    hosts: frozenset[str] | None = None
    """Names of the hosts to read besides the managers; None means all. Managers always answer for the cluster."""
    unlock_key_file: str | None = None
    """File on the operator's machine for the swarm's unlock key; compared, never part of the state."""
    missing: tuple[HostFailure, ...] = ()
    """Hosts that did not answer a moment ago: they are not tried again, which would cost the time-out once more."""
    described: Mapping[str, HostFacts] = field(default_factory=dict)
    """Hosts that answered in another way, by name: they are not asked themselves."""

    packages: Callable[[Ports], Mapping[str, HostPackages | HostError]] | None = None
    """Reads what packages of hosts say about their engines; then a host may be without one."""
    without_engines: bool = False
    """True where hosts without an engine are what the run is about: they did not fail."""

    believed: str | None = None
    """The one manager that is asked for the cluster, and that no other's word is held against; None asks each, and
    has the first confirmed by a second. For a swarm that began again from one manager, while others hold an older state
    of it."""

    def seconds(self, host: str) -> float:
        """Return how long the commands that steps need may take on a host: they run one after the other."""
        return sum(need.timeout for need in self.needs if need.host == host)


EVERYTHING = Look()
WITH_TASKS = Look(tasks=True)
"""What is asked where the question is whether the tasks of services work."""
WITH_DATA_PATHS = Look(data_paths=True)
"""What is asked where the question is between which addresses overlays go."""
RECORDED = Look(containers=True, listed=HostFacts.LISTED)
"""All that a backup holds."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """The answers of one host."""

    facts: HostFacts
    answers: tuple[CommandResult, ...]


def observe(ports: Ports, look: Look = EVERYTHING) -> ClusterState:
    """Return the state of all hosts and of the swarm that the inventory's managers answer for.

    A host whose word is contradicted by the managers, or by the inventory, is a failure: nothing of it is in the state.

    Raises:
        NothingReachableError: no host answered; gives the reason for each.
        IncompleteError: all that answered refused the login, or have unknown host keys: trying later does not help.
    """
    hosts = tuple(host for host in ports.inventory.hosts if _is_looked_at(host, ports, look))
    with Silence.reported(ports.listener, [host.name for host in hosts]) as silence:
        limit = HOST_LIMIT + max((look.seconds(host.name) for host in hosts), default=0.0)
        results = fan_out(
            silence.hosts, lambda host: _heard(ports, host, look, silence), listener=ports.listener, limit=limit
        )
    seen = {name: result for name, result in results.items() if isinstance(result, _Seen)}
    found = picture(ports, {name: one.facts for name, one in seen.items()}, believed=look.believed)
    state = found.state
    errors = {name: error for name, error in results.items() if isinstance(error, HostError)} | found.failed
    failures = {one.host: one for one in look.missing} | {name: _failure(name, error) for name, error in errors.items()}
    present = [_without_false_claim(one, found.leaderless) for name, one in seen.items() if name not in found.failed]
    packages = {} if look.packages is None else look.packages(ports)
    failures |= {name: _failure(name, one) for name, one in packages.items() if isinstance(one, HostError)}
    read = tuple(one for one in packages.values() if isinstance(one, HostPackages))
    if look.without_engines:
        failures = {name: one for name, one in failures.items() if name not in {found.host for found in read}}
    if not present and not read:
        raise _nobody(failures.values(), errors)
    doubts = found.doubted | ({} if look.believed else _contradictions(present, state, ports))
    failures |= {host: HostFailure(host=host, reason=why, disbelieved=True) for host, why in doubts.items()}
    present = [one for one in present if one.facts.host not in doubts]
    return state.model_copy(
        update={
            "hosts": tuple(_less_published(one.facts, state.services) for one in present),
            "failures": tuple(failures[host.name] for host in ports.inventory.hosts if host.name in failures),
            "packages": read,
            "answers": tuple(answer for one in present for answer in one.answers),
            "unlock_key_file": _key_file(ports, look.unlock_key_file, state),
        }
    )


def _nobody(failures: Collection[HostFailure], errors: Mapping[str, HostError]) -> SwarmnetError:
    """Return the error of a look that saw no host: each reason once and short, with its hosts."""
    hosts: dict[str, list[str]] = {}
    for one in failures:
        error = errors.get(one.host)
        hosts.setdefault(error.brief if error else one.reason, []).append(one.host)
    described = (
        "; ".join(f"{', '.join(names)}: {reason}" for reason, names in hosts.items()) or "the inventory has no hosts"
    )
    hints = "; ".join(dict.fromkeys(one.hint for one in failures if one.hint))
    if hosts and all(isinstance(error, _REFUSALS) for error in errors.values()):
        return IncompleteError(f"no host can be used: {described}", hint=hints or None)
    return NothingReachableError(
        f"no host answered: {described}", hint=hints or "check addresses and SSH settings in the inventory"
    )


def _contradictions(present: Collection[_Seen], state: ClusterState, ports: Ports) -> dict[str, str]:
    if state.swarm is None:
        return {}
    facts = [one.facts for one in present]
    where = located(ports, facts, state.nodes)
    found = contradictions(facts, state.swarm, state.nodes, ports.inventory, where)
    doubtful = on_their_word(facts, state.nodes, ports.inventory, where)
    warn_of_doubtful(ports, [host for host in doubtful if host not in found])
    return found


def _is_looked_at(host: Host, ports: Ports, look: Look) -> bool:
    if any(failure.host == host.name for failure in look.missing):
        return False
    return look.hosts is None or host.name in look.hosts or host in ports.inventory.managers


def _heard(ports: Ports, host: str, look: Look, silence: Silence) -> _Seen:
    try:
        return _host(ports, host, look) if host not in look.described else _Seen(look.described[host], ())
    finally:
        silence.ended(host)


def _host(ports: Ports, host: str, look: Look) -> _Seen:
    engine = ports.engine(host)
    # All at the same time: when its leader was just lost, each answer of a manager takes 20 s.
    with ThreadPoolExecutor(2, "swarmnet-facts") as pool:
        tables_of = pool.submit(lambda: ports.shell(host).run(COMMAND))
        asked = pool.submit(engine.facts)
        networks = engine.networks.list()
        containers = _containers(engine, look)
        of_tasks = engine.containers(label=SERVICE_LABEL) if look.tasks else None
        listed = {name: getattr(engine, name).list() for name in look.listed}
    described, printed = asked.result(), tables_of.result()
    with border(host, "read the kernel's routes"):
        tables = read_tables(printed.stdout.decode(errors="replace"))
    if tables is None:
        said = printed.stderr.decode(errors="replace").strip()
        raise CommandError(host, f"cannot read the kernel's routes: {said}", hint="swarmnet needs Linux hosts")
    facts = HostFacts(
        host=host,
        engine=described,
        addresses=tables.addresses,
        routes=tables.routes,
        open_ports=tables.open_ports,
        data_path=engine.data_path(networks) if look.data_paths and described.membership.node_id else None,
        networks=tuple(net for net in networks if net.spec.effective_scope is Scope.LOCAL),
        containers=containers,
        conditions=None if of_tasks is None else {one.id: one.condition for one in of_tasks},
        images=_images(engine, look) if look.images else None,
        **listed,
    )
    return _Seen(facts, tuple(_answers(ports, host, look.needs)))


def _containers(engine: EnginePort, look: Look) -> tuple[Container, ...]:
    found = engine.containers() if look.containers or look.made or look.all_made else ()
    return tuple(
        one.model_copy(update={"made": engine.plain.made(one.id)})
        if one.name in look.made or (look.all_made and one.service is None)
        else one
        for one in found
    )


def _images(engine: EnginePort, look: Look) -> tuple[Image, ...]:
    return tuple(seen for name in sorted(look.images) if (seen := engine.image(name)) is not None)


def _answers(ports: Ports, host: str, needs: Iterable[Need]) -> Iterable[CommandResult]:
    for need in needs:
        if need.host == host:
            try:
                ended = ports.shell(host).run(need.argv, timeout=need.timeout, sudo=need.sudo)
            except HostTimeoutError:
                if not need.own:
                    raise
                continue
            yield CommandResult(host=host, argv=need.argv, exit_code=ended.exit_code)


def _without_false_claim(one: _Seen, leaderless: dict[str, NotAManagerError]) -> _Seen:
    """Return the answers of a host, without its claim to be a manager if it then could not answer as one."""
    error = leaderless.get(one.facts.host)
    if error is None:
        return one
    membership = one.facts.engine.membership.model_copy(update={"is_manager": False, "error": error.message})
    engine = one.facts.engine.model_copy(update={"membership": membership})
    return replace(one, facts=one.facts.model_copy(update={"engine": engine}))


def _less_published(facts: HostFacts, services: Iterable[Service]) -> HostFacts:
    """Return what a host said, less the open ports that are its engine's, for services."""
    if facts.open_ports is None:
        return facts
    published = {(port.published, port.protocol) for one in services for port in one.all_ports}
    left = tuple(one for one in facts.open_ports if (one.port, one.protocol) not in published)
    return facts.model_copy(update={"open_ports": left})


def _key_file(ports: Ports, path: str | None, state: ClusterState) -> KeyStanding | None:
    """Return whether the file holds the swarm's key. The engine is asked for it only where there is a file."""
    if path is None:
        return None
    kept = ports.secret_files.read(path)
    if kept is None:
        return KeyStanding.ABSENT
    autolocked = state.swarm is not None and state.swarm.spec.autolock
    return KeyStanding.KEPT if autolocked and ports.manager().unlock_key() == kept else KeyStanding.OTHER


def _failure(host: str, error: HostError) -> HostFailure:
    brief, part, waited = error.brief, error.part, error.waited
    return HostFailure(host=host, reason=error.message, hint=error.hint, brief=brief, part=part, waited=waited)
