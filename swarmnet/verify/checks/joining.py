"""What is looked at before hosts enter a swarm, by apply, restore and node replace.

It is what was observed, and for each such host one command. The command reads the host's machine id and opens the
ports of managers: one round for all hosts. Nothing is asked where no host enters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.errors import HostError
from swarmnet.model.clock import look_until
from swarmnet.model.report import Status
from swarmnet.operations.swarm.actions import InitSwarm, Join
from swarmnet.operations.swarm.leave import Leave
from swarmnet.plan.guard import Refusal
from swarmnet.verify.checks.clocks import skewed
from swarmnet.verify.checks.engines import unfit
from swarmnet.verify.checks.identities import duplicates
from swarmnet.verify.checks.in_use import swarm_ports, taken
from swarmnet.verify.checks.versions import outdated
from swarmnet.verify.ids import CauseId
from swarmnet.verify.planned import DATA_PATH_PORT
from swarmnet.verify.scenarios.hosts.crossings import GOSSIP, ORDERS
from swarmnet.verify.trouble import Trouble
from swarmnet.workflows.apply import Readiness
from swarmnet.workflows.fleet.fanout import fan_out
from swarmnet.workflows.fleet.kernel_tables import COMMAND, read_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from swarmnet.model.plan import Plan
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState, HostFacts, OpenPort

FLAG = "--allow-unready"
HOPELESS = frozenset({CauseId.HOST_TWICE, CauseId.ROOTLESS, CauseId.SAME_ENGINE})
"""What no flag allows: such a host never works in a swarm."""
LINGER = 3.0
"""Seconds in which an engine that has just left a swarm gives back its ports."""
_TRY = """
try() {
  said=$(LC_ALL=C timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>&1); code=$?
  case "$code:$said" in
    0:*) echo "open $1 $2" ;;
    126:*|127:*) ;;
    *refused*) echo "refused $1 $2" ;;
    *) echo "silent $1 $2" ;;
  esac
}
while [ $# -gt 1 ]; do try "$1" "$2" & shift 2; done
echo "machine $(cat /etc/machine-id 2>/dev/null) -"
wait
"""
Target = tuple[str, int]
_ANY = ("0.0.0.0", "::")  # noqa: S104 - what some leaders call themselves


@dataclass(frozen=True, slots=True)
class _Look:
    """What the command printed on one host."""

    machine: str = ""
    opened: Mapping[Target, str] = field(default_factory=dict)
    """Address and port to ``open``, ``refused`` or ``silent``."""


def readiness(ports: Ports, plan: Plan, state: ClusterState, *, allowed: bool) -> Readiness:
    """Return what is wrong with the hosts that a plan lets enter the swarm; with ``allowed``, as warnings."""
    entering = {one.host: one for one in plan.actions if isinstance(one, InitSwarm | Join)}
    targets = {host: tuple(_targets(state, plan, host)) for host in entering}
    looks = fan_out(
        [one.host for one in state.hosts],
        lambda host: _asked(ports, host, targets.get(host, ())),
        listener=ports.listener,
    )
    seen = {host: one for host, one in looks.items() if isinstance(one, _Look)}
    found = [one for one in _troubles(ports, plan, state, seen) if set(one.hosts) & set(entering)]
    refused = [one for one in found if one.status is Status.FAILED and (not allowed or one.cause in HOPELESS)]
    return Readiness(
        refusals=tuple(Refusal(one.detail, None if one.cause in HOPELESS else FLAG, _advice(one)) for one in refused),
        warnings=tuple(f"{one.detail}: {_advice(one)}" for one in found if one not in refused),
    )


def _advice(one: Trouble) -> str:
    return " ".join((one.fix, "; ".join(one.commands))).strip()


def _troubles(ports: Ports, plan: Plan, state: ClusterState, looks: Mapping[str, _Look]) -> Iterator[Trouble]:
    entering = {one.host: one for one in plan.actions if isinstance(one, InitSwarm | Join)}
    facts = [one for one in state.hosts if one.host in entering]
    encrypted = any(net.spec.encrypted for net in plan.predicted.networks)
    swarm = state.swarm or plan.predicted.swarm
    port = (swarm.spec.data_path_port if swarm else None) or DATA_PATH_PORT
    yield from duplicates(state.hosts, {host: one.machine for host, one in looks.items()})
    yield from unfit(facts)
    yield from outdated(facts, encrypted=encrypted, port=port)
    yield from skewed(state.hosts)
    leaving = {one.host for one in plan.actions if isinstance(one, Leave)}
    for one in facts:
        if one.host in leaving:
            continue  # its engine still has the ports of the swarm that it leaves first
        role_is_manager = not (isinstance(entering[one.host], Join) and entering[one.host].kind.endswith("worker"))
        yield from _in_use(ports, one, swarm_ports(port, is_manager=role_is_manager), data_path_port=port)
    for host, look in looks.items():
        yield from _closed(host, look, is_new=state.swarm is None)


def _in_use(
    ports: Ports, facts: HostFacts, wanted: Mapping[tuple[str, int], str], *, data_path_port: int
) -> Iterator[Trouble]:
    """Yield ports that are in use, and stay so: an engine that has just left a swarm gives its own back soon."""

    def held(opened: Iterable[OpenPort]) -> list[OpenPort]:
        return [one for one in opened if (one.protocol.value, one.port) in wanted]

    found = held(facts.open_ports or ())
    if found:
        found = look_until(
            ports.clock, lambda: held(_open_ports(ports, facts.host)), lambda left: not left, limit=LINGER, every=0.5
        )
    for one in found:
        trouble = taken(facts.host, one, wanted[one.protocol.value, one.port])
        # A device of an overlay may be left; the engine then uses it, or says so itself.
        status = Status.WARNING if (one.protocol.value, one.port) == ("udp", data_path_port) else Status.FAILED
        yield Trouble(trouble.cause, trouble.hosts, trouble.detail, trouble.fix, trouble.commands, status)


def _open_ports(ports: Ports, host: str) -> tuple[OpenPort, ...]:
    try:
        printed = ports.shell(host).run(COMMAND).stdout
    except HostError:
        return ()
    tables = read_tables(printed.decode(errors="replace"))
    return (tables.open_ports if tables else None) or ()


def _closed(host: str, look: _Look, *, is_new: bool) -> Iterator[Trouble]:
    """Yield managers' ports that a host does not reach; where there is no swarm yet, a refusal proves the way."""
    for (address, port), seen in look.opened.items():
        if seen == "silent" or (seen == "refused" and not is_new):
            yield Trouble(
                CauseId.ORDERS_BLOCKED if port == ORDERS else CauseId.GOSSIP_TCP,
                (host,),
                f"{host} does not reach {address} on TCP {port} ({'no answer' if seen == 'silent' else 'refused'})",
                f"open TCP {port} from {host} to {address}; swarmnet check names whose firewall drops it",
            )


def _targets(state: ClusterState, plan: Plan, host: str) -> Iterator[Target]:
    """Yield what a host opens: managers that are reachable, else the one that begins the swarm."""
    entering = {one.advertise for one in plan.actions if isinstance(one, Join)}
    staying = {node.id for node in plan.predicted.nodes}
    managers = [
        node.manager_address
        for node in state.nodes
        if node.manager_address
        and node.id in staying  # one that is replaced may be dead, and still be called reachable for a moment
        and node.reachability == "reachable"
        and _end(node.manager_address)[0] not in entering  # the dead entry of a host that joins again
    ]
    for place in managers:
        address, port = _end(place)
        if port.isdigit() and address not in _ANY:
            yield address, int(port)
            yield address, GOSSIP
    for one in plan.actions if not managers else ():
        if isinstance(one, InitSwarm) and one.host != host:
            yield one.advertise, ORDERS


def _end(place: str) -> tuple[str, str]:
    """Return address and port of ``10.0.0.1:2377`` or ``[fd00::1]:2377``."""
    address, _, port = place.rpartition(":")
    return address.strip("[]"), port


def _asked(ports: Ports, host: str, targets: Iterable[Target]) -> _Look:
    words = [word for address, port in targets for word in (address, str(port))]
    ended = ports.shell(host).run(("sh", "-c", _TRY, "sh", *words), timeout=15.0)
    machine, opened = "", {}
    for line in ended.stdout.decode(errors="replace").splitlines():
        kind, _, rest = line.partition(" ")
        first, _, second = rest.partition(" ")
        if kind == "machine":
            machine = first
        elif kind in ("open", "refused", "silent") and second.isdigit():
            opened[first, int(second)] = kind
    return _Look(machine, opened)
