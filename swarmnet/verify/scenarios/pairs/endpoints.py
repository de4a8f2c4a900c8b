"""Scenario: the containers of the users' own services are reached from every host, not only the probes.

Engines keep two rows for each container of another host: its neighbour entry and its forwarding entry, in the network's
namespace. Each can be lost or wrong for one container alone while all others work (moby#52661, moby#49908), and two
containers may have got one address. Every probe sends an ICMP echo to every container of others on its networks; where
one is not reached that another host reaches, its own one or a third, the host's rows show why. Balancers have such
rows, too, and are asked where connections through virtual addresses are lost.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims, keys
from swarmnet.verify.captures import encrypted
from swarmnet.verify.ids import CauseId
from swarmnet.verify.kernels import without_esp
from swarmnet.verify.keys import NAMESPACES, outcomes
from swarmnet.verify.scenario import (
    Answers,
    Findings,
    HostCommand,
    ProbeTask,
    Question,
    Scenario,
    Setup,
    in_steps,
)
from swarmnet.verify.scenarios.balancing.ipvs import FOLDER, list_namespaces
from swarmnet.verify.scenarios.pairs.balancers import balancers_on, list_balancers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.verify.keys import Ended, Key
    from swarmnet.verify.scenario import OverlayProbe

ECHOES = keys.targets("endpoints")
MOST = 500
"""Containers that are tested on one network; more are left out."""
PATIENCE = 5.0
"""Seconds in which an answer must come."""
WAY = (
    "no other host reaches it, so look at the way first: what leaves and enters these hosts (tcpdump), their firewalls"
    " and tc filters; if other containers there are reached, restart this one (docker service update --force)"
)
NEW_ROWS = "a new task gets new rows"
BY_HAND = "or set them by hand at once:"
_NEIGHBOUR = re.compile(r"^(\S+) dev (\S+) lladdr (\S+)", re.MULTILINE)
_IPV4 = re.compile(r"(\d{1,3}\.){3}\d{1,3}(/\d+)?$")
_FORWARD = re.compile(r"^(\S+) dev (\S+) dst (\S+)(?: .*)?\bself\b", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """One container of the users' on one network."""

    network: str
    host: str
    address: str
    name: str
    service: str = ""
    """Empty for a container of its own."""
    balances: bool = False
    """Whether it is what a host's balancer sends from."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What one host knows of a network's containers elsewhere."""

    namespace: str
    neighbours: dict[str, str]
    """Address to MAC."""
    forwards: dict[str, str]
    """MAC to the host's address that frames go to."""

    def meant(self, address: str, vtep: str) -> str | None:
        """Return the MAC that the neighbour entry of a container must name, where it names another one; else None.

        Gossip brings both rows of a container at once (20.10 to 28.5): a forwarding entry to its host that no neighbour
        entry leads to shows what was there before.
        """
        named = self.neighbours.get(address)
        spare = {mac for mac, goes_to in self.forwards.items() if goes_to == vtep} - {*self.neighbours.values()}
        shared = [*self.neighbours.values()].count(named or "") > 1
        if named is None or named == derived(address) or (named in self.forwards and not shared):
            return None
        return derived(address) if derived(address) in spare else spare.pop() if len(spare) == 1 else None


def derived(address: str) -> str:
    """Return the MAC that engines give a container of an overlay unless the user names one: of its address."""
    return "02:42:" + ":".join(f"{int(part):02x}" for part in address.split("."))


class Endpoints(Scenario):
    """One echo from every probe to every container of the users' own on its networks."""

    name: ClassVar[str] = "endpoints"
    summary: ClassVar[str] = "containers of your own services are reached from every host"
    needs_observer: ClassVar[bool] = True

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Ask every container; where one is not reached, list the host's namespaces and read its rows."""
        return in_steps(
            answers,
            lambda: [
                ProbeTask(probe.host, ECHOES.on(net.spec.name).name, task)
                for net in setup.networks
                if (every := {one.address: one.address for one in endpoints(setup, net.spec.name)})
                for probe in setup.ready
                if (task := _task(probe, net.spec.name, every))
            ],
            lambda: [
                ProbeTask(probe.host, ECHOES.on(net.spec.name).again.name, task)
                for net in setup.networks
                if (few := _doubtful(setup, answers, net.spec.name))
                for probe in setup.ready
                if (task := _task(probe, net.spec.name, few))
            ],
            lambda: [*list_balancers(setup, answers)],
            lambda: [
                ProbeTask(probe.host, _at_balancers(net.spec.name).name, task)
                for net in setup.networks
                if (few := {one: one for one in balancers_on(setup, answers, net.spec.name).values()})
                for probe in setup.ready
                if (task := _task(probe, net.spec.name, few))
            ],
            lambda: [list_namespaces(host) for host in sorted({host for host, _ in unreached(setup, answers)})],
            lambda: [
                question for host, one in unreached(setup, answers) for question in _reads(setup, answers, host, one)
            ],
        )

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for each two that share an address, and each host and container that it does not reach."""
        verdicts = [*self._doubled(setup), *self._lost(setup, answers)]
        known = [one for net in setup.networks for one in endpoints(setup, net.spec.name)]
        answering = {one for one in known if _reached_by(setup, answers, one)}
        if not verdicts and answering:
            detail = count(
                len(answering), "container of your services is reached", "containers of your services are reached"
            )
            detail += f" from {count(len(setup.ready), 'host')}"
            verdicts.append(self.verdict("services", Status.OK, detail))
        elif not verdicts:
            why = "none of your containers on these networks answers an echo" if known else "no container is on them"
            verdicts.append(self.verdict("services", Status.SKIPPED, why))
        return Findings(tuple(verdicts))

    def _doubled(self, setup: Setup) -> Iterable[Verdict]:
        """Return a failure for each address that two running tasks or services have at the same time."""
        for net in setup.networks:
            name = net.spec.name
            held: dict[str, set[str]] = defaultdict(set)
            for one in endpoints(setup, name, everywhere=True):
                held[one.address].add(one.name)
            for service in setup.state.services:
                address = service.virtual_ips.get(name, "").partition("/")[0]
                if address:
                    held[address].add(f"service {service.spec.name}")
            for address, names in sorted(held.items()):
                if len(names) > 1:
                    verdict = self.verdict(
                        f"network {name}",
                        Status.FAILED,
                        f"{' and '.join(sorted(names))} have the same address on {name}, {address}, so clients reach"
                        " one or the other",
                        "recreate one of them (docker service update --force, or docker rm and docker run)",
                        cause=CauseId.ADDRESS_TWICE,
                    )
                    evidence: JsonObject = {"cause": CauseId.ADDRESS_TWICE, "network": name, "address": address}
                    broken = frozenset({claims.address(name, address)})
                    yield verdict.model_copy(update={"evidence": evidence, "broken": broken})

    def _lost(self, setup: Setup, answers: Answers) -> Iterable[Verdict]:
        vteps, incapable = {one.host: one.vtep for one in setup.observers}, without_esp(answers)
        hidden = {net.spec.name for net in encrypted(setup)}
        found: dict[tuple[str, CauseId, str, bool], list[tuple[Endpoint, list[str]]]] = defaultdict(list)
        for host, one in unreached(setup, answers):
            cause, words, commands = _why(setup, answers, host, one, vteps)
            hopeless = one.network in hidden and bool({host, one.host} & incapable)
            found[host, cause, words, hopeless].append((one, commands))
        for (host, cause, words, hopeless), lost in found.items():
            names = ", ".join(f"{one.name} ({one.address} on {one.host})" for one, _ in lost)
            yield Verdict(
                scenario=self.name,
                subject=f"host {host}",
                status=Status.INCONCLUSIVE if hopeless else Status.FAILED,
                detail=f"{host} does not reach {names}: {words}",
                fix=_fix(setup, answers, lost),
                cause=cause,
                evidence={
                    "cause": cause,
                    "host": host,
                    "addresses": [one.address for one, _ in lost],
                    "commands": [command for _, commands in lost for command in commands],
                },
                needed=tuple(claims.exchange(setup, one.network, host, one.host) for one, _ in lost),
                broken=frozenset(claims.balancer(one.host, one.network) for one, _ in lost if one.balances),
            )


def endpoints(setup: Setup, network: str, *, everywhere: bool = False) -> list[Endpoint]:
    """Return the users' containers on a network by IPv4: on hosts of the run, or in the whole swarm."""
    services = {service.id: service for service in setup.state.services}
    hosts = {node.id: one.host for one in setup.probes if (node := setup.state.node_of(one.host)) is not None}
    found = []
    for task in setup.state.tasks:
        service = services.get(task.service_id or "")
        if (
            task.state != "running"
            or task.desired_state != "running"
            or (service and service.update_state == "updating")
        ):
            continue
        name = (
            f"{service.spec.name}.{task.slot or task.id[:8]}"
            if service
            else f"container {(task.container_id or '')[:12]}"
        )
        host = hosts.get(task.node_id or "", task.node_id or "" if everywhere else "")
        found += [
            Endpoint(network, host, address.partition("/")[0], name, service.spec.name if service else "")
            for address in task.networks.get(network, ())
            if host and _IPV4.match(address)
        ]
    return sorted(set(found))[:MOST]


def unreached(setup: Setup, answers: Answers) -> list[tuple[str, Endpoint]]:
    """Return each host with the containers that it does not reach and another one does: those live."""
    found = []
    for net in setup.networks:
        for one in (*endpoints(setup, net.spec.name), *_balancers(setup, answers, net.spec.name)):
            reached = _reached_by(setup, answers, one)
            found += [(host, one) for host in _seen(setup, answers, one) if reached and host not in reached]
    return found


def _rows(network: str) -> tuple[Key[Ended], Key[Ended]]:
    """Return the keys of a network's neighbour and forwarding rows."""
    of = keys.command(ECHOES.on(network).name)
    return of.on("neighbours"), of.on("forwards")


def _task(probe: OverlayProbe, network: str, targets: Mapping[str, JsonValue]) -> JsonObject | None:
    if network not in probe.addresses:
        return None
    place = {"kind": "icmp", "from": probe.host, "network": ECHOES.on(network).name}
    return {**place, "targets": {**targets}, "limit": PATIENCE}


def _at_balancers(network: str) -> Key[dict[str, JsonObject]]:
    return ECHOES.on(network).on("balancers")


def _balancers(setup: Setup, answers: Answers, network: str) -> list[Endpoint]:
    known = balancers_on(setup, answers, network)
    return [Endpoint(network, host, one, f"the balancer of {host}", balances=True) for host, one in known.items()]


def _doubtful(setup: Setup, answers: Answers, network: str) -> JsonObject:
    """Return the addresses that some host did not reach and another one did: in between, a task may have ended."""
    first = [outcomes(answers, probe.host, ECHOES.on(network))[0] for probe in setup.ready]
    reached = {address for found in first for address, one in found.items() if one.get("ok")}
    failed = {address for found in first for address, one in found.items() if one.get("tries") and not one.get("ok")}
    return {address: address for address in sorted(reached & failed)}


def _seen(setup: Setup, answers: Answers, one: Endpoint) -> dict[str, JsonObject]:
    """Return what each host's last look at a container came to."""
    found = {}
    for probe in setup.ready:
        key = ECHOES.on(one.network)
        looks = (_at_balancers(one.network),) if one.balances else (key.again, key)
        several = (outcomes(answers, probe.host, look)[0].get(one.address) for look in looks)
        outcome = next(filter(None, several), {})
        if outcome.get("tries"):
            found[probe.host] = outcome
    return found


def _reached_by(setup: Setup, answers: Answers, one: Endpoint) -> set[str]:
    return {host for host, outcome in _seen(setup, answers, one).items() if outcome.get("ok")}


def _namespace(setup: Setup, answers: Answers, host: str, network: str) -> str | None:
    """Return the file of a network's namespace on a host: engines call it after a counter and the network's id."""
    listing = NAMESPACES.read(answers, host)
    wanted = next((f"-{net.id[:10]}" for net in setup.networks if net.spec.name == network), "-")
    listed = listing.stdout.split() if listing else []
    return next((f"{FOLDER}/{name}" for name in listed if name.endswith(wanted)), None)


def _reads(setup: Setup, answers: Answers, host: str, one: Endpoint) -> list[HostCommand]:
    namespace = _namespace(setup, answers, host, one.network)
    if namespace is None:
        return []
    into, (neighbours, forwards) = ("nsenter", f"--net={namespace}"), _rows(one.network)
    return [
        HostCommand(host, neighbours.name, (*into, "ip", "neigh", "show"), sudo=True),
        HostCommand(host, forwards.name, (*into, "bridge", "fdb", "show"), sudo=True),
    ]


def rows(setup: Setup, answers: Answers, host: str, network: str) -> Rows | None:
    """Return what a host's kernel knows of a network's containers; None where that was not read."""
    namespace = _namespace(setup, answers, host, network)
    neighbours, forwards = (key.read(answers, host) for key in _rows(network))
    if namespace is None or neighbours is None or forwards is None:
        return None
    if not neighbours.succeeded or not forwards.succeeded:
        return None
    return Rows(
        namespace,
        {match[1]: match[3] for match in _NEIGHBOUR.finditer(neighbours.stdout)},
        {match[1]: match[3] for match in _FORWARD.finditer(forwards.stdout)},
    )


def _why(
    setup: Setup, answers: Answers, host: str, one: Endpoint, vteps: dict[str, str]
) -> tuple[CauseId, str, list[str]]:
    """Return the cause, what is wrong in words, and commands that set it right."""
    known = rows(setup, answers, host, one.network)
    if known is None:
        unread = "the rows there could not be read (which needs nsenter, ip and bridge with sudo)"
        return CauseId.UNREACHED, f"{_elsewhere(setup, answers, one)}; {unread}", []
    mac, right = known.neighbours.get(one.address), vteps.get(one.host, "")
    into = f"nsenter --net={known.namespace}"
    forward = f"{into} bridge fdb replace {mac or derived(one.address)} dev vxlan0 dst {right} self permanent"
    if mac is None:
        neighbour = f"{into} ip neigh replace {one.address} lladdr {derived(one.address)} dev vxlan0 nud permanent"
        return CauseId.NEIGHBOUR_MISSING, "the neighbour entry is missing there", [neighbour, forward]
    if (meant := known.meant(one.address, right)) is not None:
        words = f"the neighbour entry there names {mac}, which is not its hardware address ({meant})"
        neighbour = f"{into} ip neigh replace {one.address} lladdr {meant} dev vxlan0 nud permanent"
        return CauseId.NEIGHBOUR_WRONG, words, [neighbour]
    goes_to = known.forwards.get(mac)
    if goes_to is None:
        return CauseId.FORWARD_MISSING, "the forwarding entry is missing there", [forward]
    if right and goes_to != right:
        wrong = next((name for name, vtep in vteps.items() if vtep == goes_to), goes_to)
        return CauseId.FORWARD_WRONG, f"the forwarding entry there leads to {wrong}", [forward]
    return CauseId.UNREACHED, f"the rows there are right; {_elsewhere(setup, answers, one)}", []


def _elsewhere(setup: Setup, answers: Answers, one: Endpoint) -> str:
    """Return in words on which hosts a container answered, which may be its own one alone."""
    others = sorted(_reached_by(setup, answers, one) - {one.host})
    if not others:
        return "it answers on its own host alone"
    return f"{', '.join(others)} {'reach' if others[1:] else 'reaches'} it"


def _fix(setup: Setup, answers: Answers, lost: list[tuple[Endpoint, list[str]]]) -> str:
    """Return what to do: a container that no host but its own reaches has nothing wrong with it that is known."""
    by_hand = any(commands for _, commands in lost)
    if not by_hand and not any(_reached_by(setup, answers, one) - {one.host} for one, _ in lost):
        return WAY
    services = sorted({one.service for one, _ in lost if one.service})
    boxes = sorted({f"{one.name} on {one.host}" for one, _ in lost if not one.service and not one.balances})
    hosts = sorted({one.host for one, _ in lost if one.balances})
    ways = [f"replace all tasks of {one}: docker service update --force {one}" for one in services]
    ways += [f"stop {one} and start it again" for one in boxes]
    ways = [f"{'; '.join(ways)}: {NEW_ROWS}"] if ways else []
    ways += [f"restart Docker on {one}, which tells the others of its balancer" for one in hosts]
    return "; ".join((*ways, *([BY_HAND] if by_hand else ())))
