"""Scenario: each host's kernel balances to exactly the tasks that run, network by network and for the routing mesh.

The engine keeps one network namespace a node for each network's virtual addresses (``lb_`` and the first nine
characters of the network's id) and one for the routing mesh (``ingress_sbox``), below ``/var/run/docker/netns``; their
``/proc/net/ip_vs`` lists one service by firewall mark with its backends (engines 20.10 to 28.5). Marks say nothing of
names, but backends do: addresses are unique on a network. ``nsenter`` is in util-linux, which every Debian, Ubuntu,
Red Hat and Alpine has; without it nothing is proved. The namespaces must forward packets, too: in containers that are
machines (LXC), they may take ``net.ipv4.ip_forward`` from a host that does not (moby#38723).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims, keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import NAMESPACES
from swarmnet.verify.own import left_behind, moved_services
from swarmnet.verify.scenario import OPERATOR, Answers, HostCommand, Question, Setup, SwarmTask
from swarmnet.verify.scenarios.balancing.balanced import BalancedScenario

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from swarmnet.model.report import Claim
    from swarmnet.model.service import Service
    from swarmnet.verify.keys import Ended, Key

FOLDER = "/var/run/docker/netns"
INGRESS = "ingress_sbox"
TABLES = keys.command("ipvs")
TASKS_NOW = keys.RUNNING_NOW.on("ipvs")
"""The tasks that run once a table was wrong twice: theirs may have been replaced meanwhile."""
TRIES = 2
PATIENCE = 2
"""Seconds before the second look: gossip carries new tasks to all nodes."""
FORWARD = "/proc/sys/net/ipv4/ip_forward"
_BACKEND = re.compile(r"^\s+->\s+([0-9A-F]{8}):[0-9A-F]{4}\s+\S+\s+(\d+)\s")
_MARK = re.compile(r"^FWM\s+[0-9A-F]{8}\s")


@dataclass(frozen=True, slots=True)
class Balancer:
    """One namespace that balances, and what it must balance to."""

    network: str
    """The network's name, or ``claims.MESH``."""
    namespace: str
    wanted: dict[str, frozenset[str]]
    """Service to the addresses of its running tasks."""

    @property
    def place(self) -> str:
        """For people: ``network front`` or ``the routing mesh``."""
        return self.network if self.network == claims.MESH else f"network {self.network}"

    def without(self, services: frozenset[str]) -> Balancer:
        """Return what it must hold besides the tasks of these services."""
        return replace(self, wanted={name: one for name, one in self.wanted.items() if name not in services})


class BalancerTables(BalancedScenario):
    """Kernel tables against tasks, on every host: a stale backend fails one connection of M, a missing one idles."""

    name: ClassVar[str] = "ipvs"
    summary: ClassVar[str] = "kernel load balancers hold exactly the running tasks, on every host"

    def questions(self, setup: Setup, answers: Answers, able: tuple[str, ...]) -> Iterable[Question]:
        """Read each table, once more where it was not as wanted; list the namespaces where one was not there."""
        for host in able:
            for balancer in balancers(setup):
                for number in range(1, TRIES + 1):
                    yield _read(host, balancer, number)
                    key = _key(balancer, number)
                    if not key.was_asked(answers, host) or not _complaints(key.read(answers, host), balancer):
                        break
                    if _absent(key.read(answers, host)):
                        yield list_namespaces(host)
                    if number == TRIES:
                        yield SwarmTask(TASKS_NOW.name)

    def findings(self, setup: Setup, answers: Answers, able: tuple[str, ...]) -> Iterable[Verdict]:
        """Return one verdict where every table is right, else one for each host and balancer that is wrong."""
        fine, tables = 0, balancers(setup)
        for host in able:
            for balancer in tables:
                verdict = self._judge_one(setup, (host, balancer), answers)
                if verdict is None:
                    fine += 1
                else:
                    yield verdict
        if not tables and able:
            yield self.verdict("balancers", Status.SKIPPED, "no service has a virtual address")
        elif fine and fine == len(able) * len(tables):
            services = {name for balancer in tables for name in balancer.wanted}
            detail = (
                f"{count(fine, 'table')} on {count(len(able), 'host')} hold exactly the running tasks of"
                f" {count(len(services), 'service')}"
            )
            yield self.verdict("balancers", Status.OK, detail)

    def _judge_one(self, setup: Setup, where: tuple[str, Balancer], answers: Answers) -> Verdict | None:
        host, balancer = where
        asked = [key for n in range(1, TRIES + 1) if (key := _key(balancer, n)).was_asked(answers, host)]
        subject = f"{balancer.place} on {host}"
        if not asked:
            return self.verdict(subject, Status.INCONCLUSIVE, "the table was not read")
        last = asked[-1].read(answers, host)
        if not (complaints := _complaints(last, balancer)):
            return None
        moved = moved_services(setup.state, TASKS_NOW.read(answers, OPERATOR))
        if moved and not _complaints(last, balancer.without(moved)):
            return self._moving(subject, moved & balancer.wanted.keys())
        listing = NAMESPACES.read(answers, host)
        gone = _absent(last) and listing is not None and bool(listing.stdout.strip())
        if (last is None or not last.succeeded) and not gone:
            why = asked[-1].problem(answers, host) or (last.stderr.strip() if last else "") or "no message"
            fix = "let the SSH user run nsenter with sudo and without a password, or log in as root"
            return self.verdict(subject, Status.INCONCLUSIVE, f"the table cannot be read: {why}", fix)
        if last is not None and not gone and not forwards(last.stdout):
            return self._shut(host, balancer)
        cause = CauseId.IPVS_NAMESPACE if gone else CauseId.IPVS_BACKENDS
        return Verdict(
            scenario=self.name,
            subject=subject,
            status=Status.FAILED,
            detail="the load balancer's network namespace is gone on this host" if gone else complaints[0],
            fix=_fix(setup, host, _services(last, balancer)),
            cause=cause,
            evidence={"cause": cause, "hosts": [host], "all": [*complaints]},
            broken=frozenset((claims.balancer(host, balancer.network),)),
            needed=_needed(setup, host, balancer, None if gone or last is None else last.stdout),
        )

    def _moving(self, subject: str, services: AbstractSet[str]) -> Verdict:
        """Return what is said of a table whose tasks changed while it was read; one of these is the cause of all."""
        detail = f"the tasks of {', '.join(sorted(services))} are being replaced: run verify again"
        found = self.verdict(subject, Status.INCONCLUSIVE, detail)
        places = {"needed": claims.kept(services), "broken": frozenset(map(claims.settled, services))}
        return found.model_copy(update=places)

    def _shut(self, host: str, balancer: Balancer) -> Verdict:
        cause, where = CauseId.BALANCER_FORWARD, f"nsenter --net={FOLDER}/{balancer.namespace}"
        return Verdict(
            scenario=self.name,
            subject=f"{balancer.place} on {host}",
            status=Status.FAILED,
            detail=f"the load balancer's network namespace on {host} does not forward packets (net.ipv4.ip_forward is"
            " 0): no virtual address answers there",
            fix=f"run this on {host}; where the host is a container (LXC), set it on the machine under it, too, and"
            " restart Docker:",
            cause=cause,
            evidence={"cause": cause, "hosts": [host], "commands": [f"{where} sysctl -w net.ipv4.ip_forward=1"]},
            broken=frozenset((claims.balancer(host, balancer.network),)),
            needed=claims.each((claims.forwarding(host),)),
        )


def _needed(setup: Setup, host: str, balancer: Balancer, table: str | None) -> tuple[frozenset[Claim], ...]:
    """Return what a host needed to know each task that its table lacks; without a table, the namespace of the mesh.

    A replaced task stays in the table while its node is lost. One that ended is explained by nothing else.
    """
    if table is None:
        return claims.each((claims.mesh_namespace(host),)) if balancer.namespace == INGRESS else ()
    held, wanted = frozenset[str]().union(*backends(table)), frozenset[str]().union(*balancer.wanted.values())
    nodes = {node.id: one.host for one in setup.probes if (node := setup.state.node_of(one.host)) is not None}
    owners = {
        address.partition("/")[0]: nodes.get(task.node_id or "", "")
        for task in setup.state.tasks
        for several in task.networks.values()
        for address in several
    }
    left = left_behind(setup.state)
    if (held - wanted) - left.keys():
        return ()
    lacking = {owners.get(address, "") for address in wanted - held}
    lost = {claims.node(left[address]) for address in held - wanted}
    return (*(claims.both(claims.learned, host, one) for one in sorted(lacking)), *claims.each(lost))


def list_namespaces(host: str) -> HostCommand:
    """Return what lists the network namespaces that a host's engine has."""
    return HostCommand(host, NAMESPACES.name, ("ls", FOLDER), sudo=True)


def balancers(setup: Setup) -> tuple[Balancer, ...]:
    """Return each namespace with what it must hold: networks that are tested, and the routing mesh where it is used.

    Services that are being updated are left out, and so are those without a running task, of which the engine keeps
    nothing.
    """
    ids = {net.spec.name: net.id for net in setup.networks}
    found = []
    for network, network_id in ids.items():
        wanted = _running(setup, network)
        if setup.service is not None and setup.service.task_addresses.get(network):
            wanted[setup.service.name] = frozenset(setup.service.task_addresses[network])
        if wanted:
            found.append(Balancer(network, f"lb_{network_id[:9]}", wanted))
    mesh = [_running(setup, net.spec.name) for net in setup.state.networks if net.spec.ingress]
    return (*found, *(Balancer(claims.MESH, INGRESS, wanted) for wanted in mesh if wanted))


def backends(table: str) -> list[frozenset[str]]:
    """Return the backends of each firewall mark in ``/proc/net/ip_vs``; those of weight 0 take nothing new."""
    found: list[set[str]] = []
    for line in table.splitlines():
        match = _BACKEND.match(line)
        if _MARK.match(line):
            found.append(set())
        elif match and found and int(match[2]):
            found[-1].add(str(IPv4Address(int(match[1], 16))))
    return [frozenset(one) for one in found]


def forwards(read: str) -> bool:
    """Return whether a namespace forwards packets, by what was read after its table; also where that was not."""
    return read.rstrip().rpartition("\n")[2].strip() != "0"


def compare(wanted: dict[str, frozenset[str]], seen: list[frozenset[str]]) -> dict[str, str]:
    """Return a sentence for each service whose backends are not exactly its running tasks, by its name."""
    sentences = {}
    for service, addresses in sorted(wanted.items()):
        nearest = max(seen, key=lambda one: (len(one & addresses), -len(one - addresses)), default=frozenset[str]())
        if nearest == addresses:
            continue
        if not nearest & addresses:
            sentences[service] = (
                f"service {service} has no backend, though {count(len(addresses), 'task runs', 'tasks run')}"
            )
            continue
        missing, stale = sorted(addresses - nearest), sorted(nearest - addresses)
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"holds {', '.join(stale)}, which no running task has"] if stale else []
        sentences[service] = f"service {service} {' and '.join(parts)}"
    return sentences


def _running(setup: Setup, network: str) -> dict[str, frozenset[str]]:
    """Return the observed services that are balanced on the network, with the addresses of their running tasks."""
    found = {}
    for service in setup.state.services:
        if network in service.virtual_ips and service.update_state != "updating":
            addresses = frozenset(_addresses(setup, service, network))
            if addresses:
                found[service.spec.name] = addresses
    return found


def _addresses(setup: Setup, service: Service, network: str) -> Iterable[str]:
    for task in setup.state.tasks:
        if task.service_id == service.id and task.runs:
            yield from (address.partition("/")[0] for address in task.networks.get(network, ()))


def _key(balancer: Balancer, number: int) -> Key[Ended]:
    return TABLES.on(balancer.namespace).on(str(number))


def _read(host: str, balancer: Balancer, number: int) -> HostCommand:
    look = ("cat", "/proc/net/ip_vs", FORWARD)
    wait = ("sh", "-c", f"sleep {PATIENCE}; exec {' '.join(look)}") if number > 1 else look
    argv = ("nsenter", f"--net={FOLDER}/{balancer.namespace}", *wait)
    return HostCommand(host, _key(balancer, number).name, argv, sudo=True)


def _absent(table: Ended | None) -> bool:
    return table is not None and table.misses_file and FOLDER in table.stderr


def _complaints(table: Ended | None, balancer: Balancer) -> list[str]:
    if table is None or not table.succeeded:
        return ["the table cannot be read"]
    shut = [] if forwards(table.stdout) else ["the namespace does not forward packets"]
    return [*shut, *compare(balancer.wanted, backends(table.stdout)).values()]


def _services(table: Ended | None, balancer: Balancer) -> list[str]:
    """Return the services whose entries are wrong, or all where the table is not there."""
    if table is None or not table.succeeded:
        return sorted(balancer.wanted)
    return sorted(compare(balancer.wanted, backends(table.stdout)))


def _fix(setup: Setup, host: str, services: Iterable[str]) -> str:
    """Return what renews entries: an update of the user's services, and for what is left a restart of the engine."""
    mine = [one for one in services if setup.service is None or one != setup.service.name]
    if not mine:
        return f"restart Docker on {host}, which writes its tables again"
    commands = "; ".join(f"docker service update --force {one}" for one in mine)
    return f"renew the entries: {commands}; if they stay wrong, restart Docker on {host}"
