"""Containers with addresses of the hosts' own LAN: no manager knows these, and no engine gives them names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.verify.ends import End, ends_of, read_at
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenarios.expected.isolation import Isolation
from swarmnet.verify.scenarios.expected.outside import Outside
from swarmnet.verify.tracing.paths import paths_of
from tests.support.own_services import container, service, setup_of, task
from tests.verify.scenarios import test_expected as inside
from tests.verify.scenarios.test_expected import API, DB, WEB, Hosts, arrow, expecting
from tests.verify.scenarios.test_expected_outside import EVERYWHERE, HOST, OPERATOR, OUTSIDE, answers, judged, published
from tests.verify.tracing.test_trace import Containers

if TYPE_CHECKING:
    from swarmnet.verify.scenario import Setup

ENDS = (
    End("api", "m1", "api.1", "c2", {"back": "192.0.2.65"}, asks=True),
    End("db", "m1", "db.1", "c3", {"back": "192.0.2.66"}, asks=True),
    End("db", "m2", "db.2", "c4", {"back": "192.0.2.97"}, asks=True),
)
OPEN = {f"{end.addresses['back']}:5432": "open" for end in ENDS if end.party == "db"}


def on_lan(setup: Setup, driver: str = "macvlan") -> Setup:
    """Return a setup whose network ``back`` is the hosts' LAN, on which no service has a virtual address."""
    networks = tuple(
        one.model_copy(update={"spec": one.spec.model_copy(update={"driver": driver})}) if one.id == "back" else one
        for one in setup.state.networks
    )
    services = tuple(one.model_copy(update={"virtual_ips": {}}) for one in setup.state.services)
    state = setup.state.model_copy(update={"networks": networks, "services": services})
    return replace(setup, state=state, ends=ENDS)


@pytest.mark.parametrize("driver", ["macvlan", "ipvlan"])
def test_services_on_a_lan_are_asked_at_addresses_and_not_by_names(driver: str) -> None:
    hosts = Hosts(on_lan(expecting(arrow(API, DB, 5432)), driver))
    asked = hosts.answers(Isolation())["m1", "inside/api.1/isolation"].value["targets"]
    assert isinstance(asked, dict)
    assert {*asked} == {"192.0.2.66:5432", "192.0.2.97:5432"}
    assert inside.judged(hosts)["api -> db: 5432"].status is Status.OK
    hosts.says["api.1", "192.0.2.97:5432"] = {"seen": "silent", "why": "no answer"}
    verdict = inside.judged(hosts)["api -> db: 5432"]
    assert (verdict.status, verdict.cause) == (Status.FAILED, CauseId.BLOCKED)


def test_a_trace_over_a_lan_says_that_there_are_no_names_and_goes_on() -> None:
    path = Containers(on_lan(expecting(arrow(API, DB, 5432)))).traced(arrow(API, DB, 5432))
    assert path.status is Status.OK
    (name,) = (one for one in path.layers if one.name == "name")
    assert (name.status, "engines give no names on back" in name.detail) == (Status.SKIPPED, True)
    assert [one.name for one in path.layers[-2:]] == ["port", "answer"]


def test_the_lan_reaches_containers_at_their_own_addresses_and_a_host_only_those_of_others() -> None:
    setup = on_lan(published(arrow(OUTSIDE, DB, 5432)))
    assert judged(Outside(), setup, OPEN).status is Status.OK
    verdict = judged(Outside(), setup, OPEN | {"192.0.2.97:5432": "silent"}, ipvs=False)
    assert (verdict.status, verdict.cause) == (Status.FAILED, CauseId.BLOCKED)
    assert "m2 (192.0.2.97:5432" in verdict.detail
    from_m2 = on_lan(published(arrow(HOST, DB, 5432)))
    assert judged(Outside(), from_m2, {"192.0.2.66:5432": "open"}).status is Status.OK


def test_a_host_alone_cannot_say_whether_the_lan_reaches_its_own_containers() -> None:
    setup = on_lan(published(arrow(HOST, DB, 5432)))
    near = replace(setup, ends=tuple(end for end in setup.ends if end.host == "m2"))
    (verdict,) = Outside().judge(near, {}).verdicts
    assert (verdict.status, "all containers of db are on m2" in verdict.detail) == (Status.INCONCLUSIVE, True)


@pytest.mark.parametrize(("seen", "cause"), [("open", None), ("silent", CauseId.BLOCKED)])
def test_a_trace_from_the_operators_machine_goes_to_addresses_of_the_lan(seen: str, cause: CauseId | None) -> None:
    way = arrow(OPERATOR, DB, 5432)
    setup = on_lan(published(way))
    (path,) = paths_of(setup, answers(setup, Outside(), OPEN | {"192.0.2.97:5432": seen}), way)
    assert [one.name for one in path.layers] == ["target", "network", "port"]
    assert path.layers[-1].cause == cause


def test_what_is_denied_to_the_lan_must_be_refused_since_no_host_answers_at_these_addresses() -> None:
    setup = on_lan(published(arrow(OUTSIDE, DB, 5432, allowed=False)))
    assert judged(Outside(), setup, {}).status is Status.OK
    assert judged(Outside(), setup, dict.fromkeys(OPEN, "silent")).status is Status.INCONCLUSIVE
    assert judged(Outside(), setup, OPEN).cause == CauseId.NOT_ALLOWED


def test_a_kernel_without_ipvs_excuses_no_port_that_is_not_balanced() -> None:
    setup = published(arrow(OUTSIDE, WEB, 8080), in_mesh=False)
    verdict = judged(Outside(), setup, EVERYWHERE | {"192.0.2.11:8080": "silent"}, ipvs=False)
    assert (verdict.status, verdict.cause) == (Status.FAILED, CauseId.BLOCKED)


def test_addresses_that_no_manager_knows_are_read_from_the_hosts_of_the_tasks() -> None:
    near, far = task("web", 1), task("db", 2).model_copy(update={"networks": {"lan": ()}})
    state = setup_of(service("web"), service("db")).state.model_copy(update={"tasks": (near, far)})
    expected = expecting(arrow(WEB, DB)).expected
    assert expected is not None
    assert read_at(state, expected) == {"w2"}
    box = container("db", "192.0.2.97")
    (endpoint,) = box.endpoints
    box = box.model_copy(
        update={"id": str(far.container_id), "endpoints": (endpoint.model_copy(update={"network": "lan"}),)}
    )
    _, end = ends_of(state, expected, {"w2": (box,)})
    assert (end.name, dict(end.addresses)) == ("db.2", {"lan": "192.0.2.97"})
