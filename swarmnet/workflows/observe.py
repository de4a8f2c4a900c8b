"""One pass of reads over all hosts: what the engines say of themselves, and what one manager says of the cluster.

Nothing is written. A host that does not answer is data (``ClusterState.failures``), and so is a host that answers for
another swarm: its membership stands in its facts, and :mod:`swarmnet.plan.guard` refuses to go on.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from swarmnet.errors import (
    AuthenticationError,
    CommandError,
    HostError,
    HostKeyError,
    IncompleteError,
    NotAManagerError,
    NothingReachableError,
)
from swarmnet.model.border import border
from swarmnet.model.network import Scope
from swarmnet.model.ports import HostFailed
from swarmnet.model.state import ClusterState, CommandResult, HostFacts, HostFailure, KeyStanding
from swarmnet.workflows.fanout import fan_out
from swarmnet.workflows.kernel_tables import FILES, addresses, routes
from swarmnet.workflows.whole_list import whole_list

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from swarmnet.errors import SwarmnetError
    from swarmnet.model.clock import Clock
    from swarmnet.model.hosts import Host
    from swarmnet.model.ports import EnginePort, Ports
    from swarmnet.operations.interface import Need

CLUSTER_READS = 6
"""Lists that one manager is asked for at the same time."""
_REFUSALS = (AuthenticationError, HostKeyError)
_PLACE = re.compile(r"^\S+@\S+: ")
"""How connection errors begin, different on each host: ``user@address:port``."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is asked besides what every run needs."""

    needs: tuple[Need, ...] = ()
    """Questions to shells, from the steps of a playbook."""
    containers: bool = False
    """True asks every host for its containers."""
    hosts: frozenset[str] | None = None
    """Names of the hosts to read besides the managers; None means all. Managers always answer for the cluster."""
    unlock_key_file: str | None = None
    """File on the operator's machine that shall keep the swarm's unlock key; compared, never part of the state."""
    missing: tuple[HostFailure, ...] = ()
    """Hosts that did not answer a moment ago: they are not tried again, which would cost the time-out once more."""


EVERYTHING = Look()


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one host said."""

    facts: HostFacts
    answers: tuple[CommandResult, ...]


def observe(ports: Ports, look: Look = EVERYTHING) -> ClusterState:
    """Return the state of all hosts and of the swarm that the first answering manager is in.

    Raises:
        NothingReachableError: not one host answered; says what each of them said instead.
        IncompleteError: all that answered refused the login, or are not known by their keys: later is no better.
    """
    hosts = tuple(host for host in ports.inventory.hosts if _is_looked_at(host, ports, look))
    names = (host.name for host in hosts)
    results = fan_out(names, lambda host: _host(ports, host, look), listener=ports.listener)
    seen = {name: result for name, result in results.items() if isinstance(result, _Seen)}
    state, failed, leaderless = _cluster(ports, seen)
    errors = {name: error for name, error in results.items() if isinstance(error, HostError)} | failed
    failures = {one.host: one for one in look.missing} | {name: _failure(error) for name, error in errors.items()}
    present = [_told(one, leaderless) for name, one in seen.items() if name not in failed]
    if not present:
        raise _nobody(failures.values(), refused=all(isinstance(error, _REFUSALS) for error in errors.values()))
    return state.model_copy(
        update={
            "hosts": tuple(one.facts for one in present),
            "failures": tuple(failures[host.name] for host in ports.inventory.hosts if host.name in failures),
            "answers": tuple(answer for one in present for answer in one.answers),
            "unlock_key_file": _key_file(ports, look.unlock_key_file, state),
        }
    )


def _nobody(failures: Collection[HostFailure], *, refused: bool) -> SwarmnetError:
    """Return that there is no host to look at: each reason once, with the hosts that it is true of."""
    hosts: dict[str, list[str]] = {}
    for one in failures:
        hosts.setdefault(_PLACE.sub("", one.reason), []).append(one.host)
    told = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in hosts.items()) or "the inventory has no hosts"
    hints = "; ".join(dict.fromkeys(one.hint for one in failures if one.hint))
    if refused and hosts:
        return IncompleteError(f"no host can be used: {told}", hint=hints or None)
    return NothingReachableError(
        f"no host answered: {told}", hint=hints or "check addresses and SSH settings in the inventory"
    )


def _is_looked_at(host: Host, ports: Ports, look: Look) -> bool:
    if any(failure.host == host.name for failure in look.missing):
        return False
    return look.hosts is None or host.name in look.hosts or host in ports.inventory.managers


def _host(ports: Ports, host: str, look: Look) -> _Seen:
    engine = ports.engine(host)
    networks = engine.networks()
    tables = ports.shell(host).run(("cat", *FILES))
    if tables.exit_code != 0:
        said = tables.stderr.decode(errors="replace").strip()
        raise CommandError(host, f"cannot read the kernel's routes: {said}", hint="swarmnet needs Linux hosts")
    text = tables.stdout.decode(errors="replace")
    with border(host, "read the kernel's routes"):
        own, ways = addresses(text), routes(text)
    facts = HostFacts(
        host=host,
        engine=engine.facts(),
        addresses=own,
        routes=ways,
        networks=tuple(net for net in networks if net.spec.effective_scope is Scope.LOCAL),
        containers=engine.containers() if look.containers else (),
    )
    return _Seen(facts, tuple(_answers(ports, host, look.needs)))


def _answers(ports: Ports, host: str, needs: Iterable[Need]) -> Iterable[CommandResult]:
    for need in needs:
        if need.host == host:
            ended = ports.shell(host).run(need.argv, timeout=need.timeout, sudo=need.sudo)
            yield CommandResult(host=host, argv=need.argv, exit_code=ended.exit_code)


def _cluster(
    ports: Ports, seen: dict[str, _Seen]
) -> tuple[ClusterState, dict[str, HostError], dict[str, NotAManagerError]]:
    """Return what the first manager that can says of its cluster, those that failed, and those without a leader."""
    failed: dict[str, HostError] = {}
    leaderless: dict[str, NotAManagerError] = {}
    for host in ports.inventory.hosts:
        one = seen.get(host.name)
        if one is None or not one.facts.engine.membership.is_manager:
            continue
        try:
            with border(host.name, "look at the cluster"):
                return _lists(ports.engine(host.name), ports.clock), failed, {}
        except NotAManagerError as error:  # the host is well; its leader was lost since it told its facts
            leaderless[host.name] = error
        except HostError as error:
            failed[host.name] = error
            ports.listener(HostFailed(host.name, error.message, error))
    return ClusterState(), failed, leaderless


def _told(one: _Seen, leaderless: dict[str, NotAManagerError]) -> _Seen:
    """Return what a host said, less its claim to answer for the cluster when it then could not."""
    error = leaderless.get(one.facts.host)
    if error is None:
        return one
    membership = one.facts.engine.membership.model_copy(update={"is_manager": False, "error": error.message})
    engine = one.facts.engine.model_copy(update={"membership": membership})
    return replace(one, facts=one.facts.model_copy(update={"engine": engine}))


def _lists(manager: EnginePort, clock: Clock) -> ClusterState:
    """Return what a manager says of the cluster, its networks read anew: the hosts' own lists may be cut."""
    swarm = manager.swarm()
    with ThreadPoolExecutor(CLUSTER_READS, "swarmnet-observe") as pool:
        networks = pool.submit(whole_list, manager, clock)
        nodes = pool.submit(manager.nodes)
        services = pool.submit(manager.services)
        tasks = pool.submit(manager.tasks)
        configs = pool.submit(manager.configs)
        secrets = pool.submit(manager.secrets)
    return ClusterState(
        swarm=swarm,
        nodes=nodes.result(),
        networks=tuple(net for net in networks.result() if net.spec.effective_scope is Scope.SWARM),
        services=services.result(),
        tasks=tasks.result(),
        configs=configs.result(),
        secrets=secrets.result(),
    )


def _key_file(ports: Ports, path: str | None, state: ClusterState) -> KeyStanding | None:
    """Return whether the file holds the swarm's key. The engine is asked for it only where there is a file."""
    if path is None:
        return None
    kept = ports.secret_files.read(path)
    if kept is None:
        return KeyStanding.ABSENT
    autolocked = state.swarm is not None and state.swarm.spec.autolock
    return KeyStanding.KEPT if autolocked and ports.manager().unlock_key() == kept else KeyStanding.OTHER


def _failure(error: HostError) -> HostFailure:
    return HostFailure(host=error.host, reason=error.message.removeprefix(f"{error.host}: "), hint=error.hint)
