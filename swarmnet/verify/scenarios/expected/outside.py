"""Scenario: what is outside of the swarm's networks reaches published ports where a playbook says so, and nowhere else.

``outside`` and ``operator`` are the machine that swarmnet runs on, and so is a block that its address is in; a host is
asked by its observer. Containers on a macvlan or ipvlan are reached at addresses of their own, published or not, but
never from their own host.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.expectation import Arrow, Door, Party, PartyKind
from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.model.service import PublishMode
from swarmnet.model.verification import ExpectedMatrix, Level
from swarmnet.verify.ends import machine
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import OBSERVER_FACTS
from swarmnet.verify.scenario import OPERATOR, Answers, Findings, ObserverTask, Question, Scenario
from swarmnet.verify.scenarios.balancing.balanced import has_ipvs
from swarmnet.verify.scenarios.expected.asked import (
    OPEN,
    REFUSED,
    SILENT,
    WRONG,
    Target,
    ask_open,
    check_at,
    ends_named,
    outcome_of,
)
from swarmnet.verify.scenarios.expected.explained import udp_advice
from swarmnet.verify.scenarios.expected.isolation import cells_of, nothing_runs
from swarmnet.verify.scenarios.expected.judged import Judged
from swarmnet.verify.scenarios.mesh.mesh import address_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from swarmnet.model.expectation import Check, Expectations
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Setup
    from swarmnet.verify.scenarios.expected.asked import Outcome

MACHINES = (PartyKind.OUTSIDE, PartyKind.OPERATOR, PartyKind.HOST, PartyKind.BLOCK)
ANY = Party(kind=PartyKind.OUTSIDE, name="outside")


class Outside(Scenario):
    """Every written pair of a machine and a service, and with ``rest: deny`` the services that nothing names."""

    name: ClassVar[str] = "outside"
    summary: ClassVar[str] = "your services are reached from outside where the playbook allows it, and nowhere else"
    level: ClassVar[Level] = Level.QUICK
    needs_probes: ClassVar[bool] = False
    needs_networks: ClassVar[bool] = False
    needs_ends: ClassVar[bool] = True
    needs_observer: ClassVar[bool] = True

    def is_expected(self, expected: Expectations) -> bool:
        """Return whether anything is said of a machine that reaches for a service."""
        return expected.rest_denied or any(arrow.source.kind in MACHINES for arrow in expected.arrows)

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Open the published ports on each host, from each machine once; learn what the kernels can do."""
        by_machine: dict[str, list[Target]] = {}
        for arrow in arrows_of(setup):
            by_machine.setdefault(_machine(arrow).host, []).extend(_targets(setup, arrow))
        found = [
            question for host, targets in by_machine.items() for question in ask_open(machine(host), self.name, targets)
        ]
        facts = [ObserverTask(host, OBSERVER_FACTS.name, {"kind": "facts"}) for host in setup.watched]
        return (*found, *(facts if any(_balanced(setup, arrow) for arrow in arrows_of(setup)) else ()))

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for each arrow, and all of them as a matrix."""
        found = [(arrow, self._judged(setup, answers, arrow)) for arrow in arrows_of(setup)]
        if not found:
            done = self.verdict("services", Status.OK, "no service publishes a port that nothing names")
            return Findings((done,))
        matrix = ExpectedMatrix(
            parties=tuple(dict.fromkeys(name for arrow, _ in found for name in arrow.pair)),
            cells=cells_of(found),
            containers=0,
            hosts=0,
            questions=sum(len(one.outcomes) for _, one in found),
        )
        return Findings(tuple(one.as_verdict(self, str(arrow)) for arrow, one in found), expected=matrix)

    def _judged(self, setup: Setup, answers: Answers, arrow: Arrow) -> Judged:
        if not ends_named(setup, arrow.pair[1]):
            return nothing_runs(setup, arrow)
        asker, outcomes = _machine(arrow), outcomes_of(setup, answers, arrow)
        if not outcomes and any(
            end.host == asker.host and [*_on_lan(setup, end)] for end in ends_named(setup, arrow.pair[1])
        ):
            detail = (
                f"all containers of {arrow.target} are on {asker}, which never reaches those of its own LAN network"
            )
            return Judged(Status.INCONCLUSIVE, detail, "unknown", fix="ask from another host of that LAN")
        if not outcomes:
            detail = f"{arrow.target} publishes no port"
            if not arrow.allowed:
                return Judged(Status.OK, detail, "closed")
            fix = "publish one, or take the line out"
            return Judged(Status.FAILED, detail, CauseId.PORT_CLOSED, cause=CauseId.PORT_CLOSED, fix=fix)
        if why := _unclear(setup, arrow, asker, outcomes):
            return Judged(Status.INCONCLUSIVE, why, "unknown", outcomes=tuple(outcomes))
        return _allowed(setup, arrow, answers, outcomes) if arrow.allowed else _denied(setup, arrow, outcomes)


def arrows_of(setup: Setup) -> tuple[Arrow, ...]:
    """Return what is written of machines; with ``rest: deny``, also that nothing else reaches what is published."""
    expected = setup.expected
    if expected is None:
        return ()
    written = tuple(arrow for arrow in expected.arrows if arrow.source.kind in MACHINES)
    named = {arrow.target.name for arrow in written}
    rest = (
        Arrow(source=ANY, target=Party(kind=PartyKind.SERVICE, name=name), allowed=False)
        for name in (expected.services if expected.rest_denied else ())
        if name not in named and _published(setup, name)
    )
    return (*written, *rest)


def outcomes_of(setup: Setup, answers: Answers, arrow: Arrow) -> list[Outcome]:
    """Return what came of each attempt to open a published port of an arrow's target."""
    asker = _machine(arrow)
    return [outcome_of(answers, asker, Outside.name, target) for target in _targets(setup, arrow)]


def _machine(arrow: Arrow) -> End:
    return machine(arrow.source.name if arrow.source.kind is PartyKind.HOST else OPERATOR)


def _published(setup: Setup, name: str) -> dict[Door, tuple[str, ...]]:
    """Return the published ports of a service, each with the hosts on which it must answer."""
    service, found = setup.state.service(name), dict[Door, tuple[str, ...]]()
    if service is None:
        return found
    everywhere = tuple(setup.approaches)
    for port in service.all_ports:
        if port.published is not None:
            with_task = tuple(dict.fromkeys(end.host for end in ends_named(setup, name) if end.host in everywhere))
            hosts = everywhere if port.mode is PublishMode.INGRESS else with_task
            found[Door(port=port.published, protocol=port.protocol)] = hosts
    return found


def _check(setup: Setup, name: str, door: Door) -> Check | None:
    """Return the check of the port behind a published one, if it is of UDP: an answer needs a question."""
    service = setup.state.service(name)
    ports = service.all_ports if service is not None else ()
    behind = [one.target for one in ports if (one.published, one.protocol) == (door.port, door.protocol)]
    inner = Door(port=behind[0], protocol=door.protocol) if behind and door.protocol == "udp" else None
    return check_at(setup, name, inner) if inner is not None else None


def _balanced(setup: Setup, arrow: Arrow) -> frozenset[Door]:
    """Return the published ports of an arrow's target that lead through the routing mesh."""
    service = setup.state.service(arrow.target.name)
    ports = service.all_ports if service is not None else ()
    found = (one for one in ports if one.mode is PublishMode.INGRESS and one.published is not None)
    return frozenset(Door(port=one.published or 0, protocol=one.protocol) for one in found)


def _targets(setup: Setup, arrow: Arrow) -> Iterator[Target]:
    """Yield each port at each host's address; a port that is not published is tried on all of them.

    On the hosts' own LAN it is tried at each container's address instead.
    """
    published = _published(setup, arrow.target.name)
    asker = _machine(arrow).host
    near = [(end, address) for end in ends_named(setup, arrow.target.name) for address in _on_lan(setup, end)]
    for door in arrow.doors or published:
        if near and door not in published:
            yield from (
                Target(address, door, end, is_wanted=arrow.allowed, network=end.host)
                for end, address in near
                if end.host != asker
            )
            continue
        for host in published.get(door, tuple(setup.approaches)):
            approach = setup.approaches[host]
            address = address_of(setup, host) if asker else approach.peer or approach.address
            if address:
                check = _check(setup, arrow.target.name, door)
                yield Target(address, door, is_wanted=arrow.allowed, network=host, check=check)


def _on_lan(setup: Setup, end: End) -> Iterator[str]:
    """Yield the addresses of a container in the LAN of its host."""
    for name, address in end.addresses.items():
        network = setup.state.network(name)
        if network is not None and network.spec.on_lan:
            yield address


def _unclear(setup: Setup, arrow: Arrow, asker: End, outcomes: Sequence[Outcome]) -> str:
    """Return why these attempts prove nothing; empty where they do."""
    if unasked := [one for one in outcomes if one.seen is None]:
        return f"{asker} could not ask: {unasked[0].why}"
    if arrow.source.kind is PartyKind.BLOCK:
        mine = {one.local for one in outcomes if one.local}
        if not mine or not all(ip_address(one) in ip_network(arrow.source.name) for one in mine):
            where = ", ".join(sorted(mine)) or "no address that is known"
            return f"your machine ({where}) is not in {arrow.source}: run verify from one that is"
    if not asker.host:
        between = [approach.between for approach in setup.approaches.values() if approach.between]
        bad = [one for one in outcomes if one.seen != OPEN]
        return f"{between[0]}: plain sockets of your machine prove nothing" if between and bad else ""
    return ""


def _silent_datagrams(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the attempts over UDP without an answer, which prove nothing."""
    return [one for one in outcomes if one.seen == SILENT and one.target.door.protocol == "udp"]


def _unanswered(arrow: Arrow, several: Sequence[Outcome], mine: tuple[Outcome, ...]) -> Judged:
    where = ", ".join(dict.fromkeys(one.target.label for one in several))
    detail = f"{where}: datagrams get no answer, which proves nothing"
    return Judged(Status.INCONCLUSIVE, detail, "unknown", fix=udp_advice(str(arrow.target)), outcomes=mine)


def _allowed(setup: Setup, arrow: Arrow, answers: Answers, outcomes: Sequence[Outcome]) -> Judged:
    mine = tuple(outcomes)
    bad = [one for one in mine if one.seen != OPEN]
    if not bad:
        hosts = {one.target.network for one in mine}
        return Judged(
            Status.OK, f"opens on {count(len(hosts), 'host')}, asked from {mine[0].asker}", "open", outcomes=mine
        )
    if len(mute := _silent_datagrams(mine)) == len(bad):
        return _unanswered(arrow, mute, mine)
    where = ", ".join(dict.fromkeys(f"{one.target.network} ({one.target.label}: {one.why})" for one in bad))
    balanced = _balanced(setup, arrow)
    incapable = [one for one in bad if one.target.door in balanced and has_ipvs(answers, one.target.network) is False]
    if len(incapable) == len(bad):
        detail = f"{where}: these kernels have no IPVS, so the routing mesh cannot work there"
        return Judged(Status.INCONCLUSIVE, detail, "unknown", outcomes=mine)
    cause = CauseId.PORT_CLOSED if any(one.seen == REFUSED for one in bad) else CauseId.BLOCKED
    fix = (
        "look at the firewall in front of these hosts; if it lets this pass, restart Docker there to recreate its rules"
    )
    return Judged(Status.FAILED, f"does not open on {where}, asked from {mine[0].asker}", cause, cause, fix, (), mine)


def _denied(setup: Setup, arrow: Arrow, outcomes: Sequence[Outcome]) -> Judged:
    """Return whether nothing opens. A refusal proves itself; silence counts where the host answers otherwise."""
    mine = tuple(outcomes)
    if opened := [one for one in mine if one.seen in (OPEN, WRONG)]:
        where = ", ".join(dict.fromkeys(one.target.label for one in opened))
        detail = f"{where} opens, asked from {opened[0].asker}, and nothing allows it"
        fix = f"do not publish it, or allow '{arrow}', or drop it in the chain DOCKER-USER: published ports never meet"
        fix += " rules of INPUT, such as those of ufw"
        return Judged(Status.FAILED, detail, "open", CauseId.NOT_ALLOWED, fix, (), mine)
    if mute := _silent_datagrams(mine):
        return _unanswered(arrow, mute, mine)
    answering = {one.target.network for one in mine if one.seen == REFUSED}
    silent = {one.target.network for one in mine} - answering
    reached = {host for host, approach in setup.approaches.items() if approach.peer is not None}
    reached -= {one.target.network for one in mine if one.target.end is not None}  # no host answers at these addresses
    if silent - reached:
        detail = f"{', '.join(sorted(silent - reached))} stays silent, and nothing shows that packets get there"
        return Judged(Status.INCONCLUSIVE, detail, "unknown", outcomes=mine)
    detail = f"opens on none of {len(answering | silent)} hosts, which answer otherwise"
    return Judged(Status.OK, detail, "closed", outcomes=mine)
