"""What machines reach of services, and what services reach outside: judged from what both saw."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.expectation import Arrow, Door, Party, PartyKind
from swarmnet.model.network import Network, NetworkSpec
from swarmnet.model.ports import Approach
from swarmnet.model.report import Status
from swarmnet.model.service import Protocol, PublishedPort, PublishMode
from swarmnet.model.state import SwarmMembership
from swarmnet.model.subnet import Subnet
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import OBSERVER_FACTS
from swarmnet.verify.scenario import Answer, Answers, InsideTask, Observer, ObserverTask, OperatorTask, Setup
from swarmnet.verify.scenarios.expected.egress import Egress
from swarmnet.verify.scenarios.expected.outside import Outside
from tests.support.setups import facts
from tests.verify.scenarios.test_expected import DB, WEB, arrow, expecting

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict

OUTSIDE, OPERATOR = (Party(kind=PartyKind(word), name=word) for word in ("outside", "operator"))
HOST = Party(kind=PartyKind.HOST, name="m2")
BLOCK = Party(kind=PartyKind.BLOCK, name="192.0.2.0/24")
NAME = Party(kind=PartyKind.NAME, name="deb.example")
ADDRESSES = {"m1": "192.0.2.11", "m2": "192.0.2.12"}


def published(*arrows: Arrow, rest: bool = False, sealed: tuple[Party, ...] = (), in_mesh: bool = True) -> Setup:
    """Return a setup in which web publishes port 8080, on every node or where its task is."""
    setup = expecting(*arrows, rest=rest)
    mode = PublishMode.INGRESS if in_mesh else PublishMode.HOST
    port = PublishedPort(target=80, published=8080, mode=mode)
    services = tuple(
        one.model_copy(update={"spec": one.spec.model_copy(update={"ports": (port,)})}) if one.id == "web" else one
        for one in setup.state.services
    )
    hosts = tuple(facts(host, SwarmMembership(address=address)) for host, address in ADDRESSES.items())
    assert setup.expected is not None
    return replace(
        setup,
        state=setup.state.model_copy(update={"services": services, "hosts": hosts}),
        expected=setup.expected.model_copy(update={"sealed": sealed}),
        approaches={host: Approach(address, 22, peer=address) for host, address in ADDRESSES.items()},
        observers=tuple(Observer(host) for host in ADDRESSES),
    )


def answers(setup: Setup, scenario: Outside | Egress, says: dict[str, str], *, ipvs: bool = True) -> Answers:
    """Return what everyone sees: ``says`` is by label, or by who asks and label; all else is refused."""
    found: Answers = {}
    for one in scenario.ask(setup, {}):
        assert isinstance(one, InsideTask | ObserverTask | OperatorTask)
        who = one.inside if isinstance(one, InsideTask) else one.host or "me"
        if one.key == OBSERVER_FACTS.name:
            found[one.host, one.key] = Answer({"ipvs": ipvs})
            continue
        targets = one.task["targets"]
        assert isinstance(targets, dict)
        outcomes: JsonObject = {}
        for label in targets:
            seen = says.get(f"{who} {label}", says.get(label, "refused"))
            outcomes[label] = {"seen": seen, "why": "x", "local": "192.0.2.200" if seen == "open" else ""}
        found[one.host, one.key] = Answer({"targets": outcomes})
    return found


def judged(scenario: Outside | Egress, setup: Setup, says: dict[str, str], *, ipvs: bool = True) -> Verdict:
    (verdict,) = scenario.judge(setup, answers(setup, scenario, says, ipvs=ipvs)).verdicts
    return verdict


EVERYWHERE = {f"{address}:8080": "open" for address in ADDRESSES.values()}


@pytest.mark.parametrize("source", [OUTSIDE, OPERATOR, HOST, BLOCK])
def test_a_published_port_must_open_on_every_node_for_whom_it_is_allowed(source: Party) -> None:
    setup = published(arrow(source, WEB, 8080))
    assert judged(Outside(), setup, EVERYWHERE).status is Status.OK
    verdict = judged(Outside(), setup, EVERYWHERE | {"192.0.2.12:8080": "refused"})
    assert (verdict.status, verdict.cause) == (Status.FAILED, CauseId.PORT_CLOSED)
    assert "m2 (192.0.2.12:8080" in verdict.detail


def test_a_port_in_host_mode_must_open_only_where_a_task_is() -> None:
    setup = published(arrow(OUTSIDE, WEB, 8080), in_mesh=False)
    assert judged(Outside(), setup, {"192.0.2.11:8080": "open"}).status is Status.OK


def test_a_mesh_that_no_kernel_can_have_is_inconclusive() -> None:
    setup = published(arrow(OUTSIDE, WEB, 8080))
    assert judged(Outside(), setup, {}, ipvs=False).status is Status.INCONCLUSIVE


def test_a_port_that_opens_and_that_nothing_allows_failed() -> None:
    verdict = judged(Outside(), published(arrow(WEB, DB), rest=True), EVERYWHERE)
    assert (verdict.subject, verdict.status, verdict.cause) == ("outside -> web", Status.FAILED, CauseId.NOT_ALLOWED)


def test_a_refusal_proves_itself_and_silence_where_the_host_answers_otherwise() -> None:
    setup = published(arrow(OUTSIDE, DB, 5432, allowed=False))
    assert judged(Outside(), setup, {}).status is Status.OK
    silent = {f"{address}:5432": "silent" for address in ADDRESSES.values()}
    assert judged(Outside(), setup, silent).status is Status.OK
    unknown = {host: Approach(address, 22) for host, address in ADDRESSES.items()}
    assert judged(Outside(), replace(setup, approaches=unknown), silent).status is Status.INCONCLUSIVE


def test_behind_a_jump_host_and_outside_of_a_block_nothing_is_proved() -> None:
    setup = published(arrow(OUTSIDE, WEB, 8080))
    between = {host: Approach(address, 22, "SSH reaches it through x") for host, address in ADDRESSES.items()}
    assert judged(Outside(), replace(setup, approaches=between), {}).status is Status.INCONCLUSIVE
    elsewhere = published(arrow(Party(kind=PartyKind.BLOCK, name="10.0.0.0/8"), WEB, 8080))
    verdict = judged(Outside(), elsewhere, EVERYWHERE)
    assert (verdict.status, "192.0.2.200" in verdict.detail) == (Status.INCONCLUSIVE, True)


def test_a_target_outside_must_open_and_is_asked_from_the_hosts_too() -> None:
    setup = published(arrow(WEB, NAME, 443))
    assert judged(Egress(), setup, {"deb.example:443": "open"}).status is Status.OK
    own = judged(Egress(), setup, {"deb.example:443": "open", "web.1 deb.example:443": "unreachable"})
    assert (own.cause, "no host reaches it" in own.detail) == (CauseId.NO_ROUTE, False)
    nowhere = judged(Egress(), setup, {"deb.example:443": "silent"})
    assert (nowhere.cause, "no host reaches it either" in nowhere.detail) == (CauseId.BLOCKED, True)


@pytest.mark.parametrize("seen", ["unreachable", "silent"])
def test_a_target_outside_in_the_subnet_of_the_askers_network_follows_from_that_subnet(seen: str) -> None:
    """Seen with a subnet that a route of the hosts is in: the failure was a cause of its own, the subnet a warning."""
    there = Party(kind=PartyKind.NAME, name="10.0.7.9")
    setup = published(arrow(WEB, there, 22))
    nets = tuple(
        Network(id=name, spec=NetworkSpec(name=name, driver="overlay", subnets=(Subnet(subnet=subnet),)))
        for name, subnet in (("front", "10.0.7.0/24"), ("other", "10.0.7.0/24"), ("back", "10.0.8.0/24"))
    )
    setup = replace(setup, state=setup.state.model_copy(update={"networks": nets}))
    verdict = judged(Egress(), setup, {"10.0.7.9:22": "open", "web.1 10.0.7.9:22": seen})
    assert (verdict.status, verdict.needed) == (Status.FAILED, (frozenset({claims.apart("front")}),))


SSH = {f"{address}:22": "open" for address in ADDRESSES.values()}
SHUT = {f"{asker} {label}": "unreachable" for asker in ("db.1", "db.2") for label in SSH}


def test_a_service_that_must_reach_nothing_is_proved_by_what_hosts_reach() -> None:
    setup = published(sealed=(DB,))
    verdict = judged(Egress(), setup, SSH | SHUT)
    assert (verdict.subject, verdict.status) == ("db -> outside", Status.OK)
    assert judged(Egress(), setup, SHUT).status is Status.INCONCLUSIVE
    verdict = judged(Egress(), setup, SSH)
    assert (verdict.status, verdict.cause) == (Status.FAILED, CauseId.NOT_ALLOWED)


@pytest.mark.parametrize(
    ("block", "labels"),
    [("192.0.2.0/24", {"192.0.2.11:22", "192.0.2.12:22"}), ("198.51.100.0/24", {"198.51.100.1:22"})],
)
def test_a_block_is_asked_at_its_hosts_or_at_its_first_address(block: str, labels: set[str]) -> None:
    there = Arrow(source=WEB, target=Party(kind=PartyKind.BLOCK, name=block), doors=(Door(port=22),), allowed=False)
    asked = [one for one in Egress().ask(published(there), {}) if isinstance(one, InsideTask)]
    (targets,) = [one.task["targets"] for one in asked]
    assert isinstance(targets, dict)
    assert targets.keys() == labels


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize(
    ("seen", "status"), [("silent", Status.INCONCLUSIVE), ("open", Status.OK), ("refused", Status.FAILED)]
)
def test_datagrams_to_a_published_port_that_get_no_answer_prove_nothing(
    seen: str, status: Status, *, allowed: bool
) -> None:
    door = Door(port=8080, protocol=Protocol.UDP)
    setup = published(Arrow(source=OPERATOR, target=WEB, doors=(door,), allowed=allowed))
    mirrored = {Status.OK: Status.FAILED, Status.FAILED: Status.OK}
    verdict = judged(Outside(), setup, {f"{address}:8080/udp": seen for address in ADDRESSES.values()})
    assert verdict.status is (status if allowed else mirrored.get(status, status))
    assert (verdict.status is not Status.INCONCLUSIVE) or "proves nothing" in verdict.detail


def test_each_denied_port_outside_needs_a_host_that_reaches_it() -> None:
    doors = (Door(port=443), Door(port=53, protocol=Protocol.UDP))
    setup = published(Arrow(source=WEB, target=NAME, doors=doors, allowed=False))
    says = {f"{host} {NAME.name}:443": "open" for host in ADDRESSES}
    verdict = judged(Egress(), setup, says)
    assert (verdict.status, "no host reaches 53/udp either" in verdict.detail) == (Status.INCONCLUSIVE, True)
    assert judged(Egress(), setup, {**says, f"m1 {NAME.name}:53/udp": "open"}).status is Status.OK
