"""What a step ``wait`` may ask for, and what it refuses or warns of before anything runs."""

from __future__ import annotations

import pytest

from swarmnet.operations.wait import WaitForAnswer
from tests.operations.network.test_network import local
from tests.operations.service.test_service import HOSTS, holding, web
from tests.support.clusters import overlay
from tests.support.plans import plan, refusal

CHANGE = "- network: {name: other}\n"


def _waits(step: str) -> list[WaitForAnswer]:
    made = plan(CHANGE + f"- wait: {{{step}}}", holding(web(networks=[{"network": "front"}])), HOSTS)
    return [action for action in made.actions if isinstance(action, WaitForAnswer)]


@pytest.mark.parametrize(
    ("step", "target"),
    [
        ("tcp: 'web:8080', network: front", "web:8080 on network front"),
        ("tcp: 'tasks.web:80', network: front", "tasks.web:80 on network front"),
        ("http: 'http://web', network: front", "http://web:80/ on network front"),
        ("http: 'http://web:8080/health?deep=1', network: front", "http://web:8080/health?deep=1 on network front"),
        ("http: 'http://10.0.0.9/x', network: front, status: 404", "http://10.0.0.9:80/x on network front"),
    ],
)
def test_a_wait_asks_a_name_from_inside_a_network(step: str, target: str) -> None:
    (action,) = _waits(step)
    assert action.target == target
    assert action.always


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("timeout: 3s", "write service, tcp or http"),
        ("service: web, tcp: 'web:80', network: front", "this one for service and tcp"),
        ("service: web, network: front", "'network' belongs to tcp and http"),
        ("tcp: 'web:80'", "write 'network: NAME'"),
        ("tcp: web, network: front", "write NAME:PORT"),
        ("tcp: 'web:0', network: front", "write NAME:PORT"),
        ("tcp: 'web:65536', network: front", "write NAME:PORT"),
        ("tcp: 'we b:80', network: front", "write NAME:PORT"),
        ("tcp: 'web:80', network: front, status: 200", "'status' belongs to http"),
        ("http: 'https://web/', network: front", "write 'tcp: NAME:PORT'"),
        ("http: 'ftp://web/', network: front", "write http://NAME:PORT/PATH"),
        ("http: 'web:80/x', network: front", "write http://NAME:PORT/PATH"),
        ("http: 'http://me:pw@web/', network: front", "write http://NAME:PORT/PATH"),
        ("http: 'http://web:99999/', network: front", "write http://NAME:PORT/PATH"),
        ('http: "http://web/a\\r\\nHost: b", network: front', "write http://NAME:PORT/PATH"),
        ("tcp: 'web:80', network: gone", "there is no network gone here"),
        ("tcp: 'web:80', network: ingress", "the routing mesh's own"),
        ("tcp: 'web:80', network: lan", "is local to a host"),
        ("tcp: 'web:80', network: host", "is local to a host"),
        ("tcp: 'web:80', network: Front", "is written 'front'"),
        ("tcp: 'web:80', network: vlan", "is a macvlan"),
    ],
)
def test_what_no_probe_can_ask_is_refused(step: str, said: str) -> None:
    state = holding()
    hosts = tuple(facts.model_copy(update={"networks": (local("lan"),)}) for facts in state.hosts)
    vlan = overlay("vlan")
    vlan = vlan.model_copy(update={"spec": vlan.spec.model_copy(update={"driver": "macvlan"})})
    state = state.model_copy(update={"hosts": hosts, "networks": (*state.networks, vlan)})

    assert said in refusal(f"- wait: {{{step}}}", state, HOSTS)


def test_a_network_of_a_step_before_can_be_asked_from() -> None:
    made = plan("- network: {name: data}\n- wait: {tcp: 'db:5432', network: data}", holding(), HOSTS)
    assert [action.kind for action in made.actions] == ["network.create", "wait.answer"]


def test_a_name_that_nothing_on_the_network_has_is_warned_of() -> None:
    state = holding(web(networks=[{"network": "front", "aliases": ["shop"]}]))
    assert plan("- wait: {tcp: 'shop:80', network: front}", state, HOSTS).warnings == ()
    (said,) = plan("- wait: {tcp: 'shp:80', network: front}", state, HOSTS).warnings
    assert said == "p.yml:4:3: no service is called 'shp' on network front; those that are there: shop, web"


def test_a_plan_that_changes_nothing_asks_nothing() -> None:
    state = holding(web(networks=[{"network": "front"}]))
    assert plan("- wait: {tcp: 'web:80', network: front}", state, HOSTS).is_empty


def test_what_comes_after_a_wait_waits_for_it_also_when_all_before_it_is_there() -> None:
    state = holding(web(networks=[{"network": "front"}]))
    made = plan("- wait: {tcp: 'web:80', network: front}\n" + CHANGE, state, HOSTS)
    assert [action.kind for action in made.actions] == ["wait.answer", "network.create"]
