"""Extra hosts of services, next to the names and addresses that managers know."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.expectation import Arrow, Expectations, Party, PartyKind
from swarmnet.model.network import Network, NetworkSpec
from swarmnet.model.report import Status
from swarmnet.model.service import Attachment, EndpointMode
from swarmnet.model.subnet import Subnet
from swarmnet.verify.scenarios.own.names import OwnNames
from swarmnet.verify.tracing.names import hidden
from tests.support.own_services import container, resolved, service, setup_of, task

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict
    from swarmnet.model.service import Service
    from swarmnet.verify.scenario import Setup

NETWORKS = tuple(
    Network(id=name, spec=NetworkSpec(name=name, driver="overlay", subnets=(Subnet(subnet=subnet, gateway=gateway),)))
    for name, subnet, gateway in (("front", "10.0.0.0/16", "10.0.0.1"), ("back", "10.1.0.0/16", "10.1.0.1"))
)
DB = service("shop_db", "db", number=2)
"""Its virtual address is 10.0.0.2, and its tasks have 10.0.7.1 and 10.0.7.2."""
RR = service("rr", number=3, endpoint_mode=EndpointMode.DNSRR)
"""Its tasks have 10.0.2.1 and 10.0.2.2."""
FAR = service("far", number=4, networks=(Attachment(network="back"),))
TASKS = [task("shop_api", 1), *(task(name, slot) for name in ("shop_db", "rr") for slot in (1, 2))]


def api(**fields: object) -> Service:
    return service("shop_api", "api", number=6, **fields)


def having(asker: Service, *more: Service, db: Service = DB) -> Setup:
    setup = setup_of(asker, db, RR, FAR, *more, tasks=TASKS)
    return replace(setup, state=setup.state.model_copy(update={"networks": NETWORKS}), overlays=NETWORKS)


def found(setup: Setup) -> list[Verdict]:
    verdicts = OwnNames().judge(setup, resolved(OwnNames(), setup, {})).verdicts
    return [one for one in verdicts if one.cause == "hosts-entry"]


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("db", "10.0.0.2"),
        ("shop_db", "10.0.7.1"),
        ("tasks.shop_db", "10.0.7.2"),
        ("rr", "10.0.2.2"),
        ("other.example", "192.0.2.9"),
        ("other.example", "10.0.7.1"),
        ("other.example", "10.0.0.1"),
        ("host.docker.internal", "host-gateway"),
        ("far", "192.0.2.9"),
        ("api", "127.0.0.1"),
    ],
)
def test_an_extra_host_that_leads_where_its_name_does_or_that_no_service_is_meant_by_is_fine(
    name: str, address: str
) -> None:
    setup = having(api(hosts={name: address}))
    assert found(setup) == []


@pytest.mark.parametrize(
    ("name", "address", "status", "said"),
    [
        ("db", "10.0.2.41", Status.FAILED, "which no task has; on front, db is shop_db (10.0.0.2)"),
        ("DB", "10.0.2.41", Status.FAILED, "which no task has; on front, DB is shop_db (10.0.0.2)"),
        ("db.front", "10.0.2.41", Status.FAILED, "on front, db.front is shop_db (10.0.0.2)"),
        ("tasks.shop_db", "10.0.2.41", Status.FAILED, "on front, tasks.shop_db is shop_db (10.0.0.2)"),
        ("rr", "10.0.2.41", Status.FAILED, "on front, rr is rr (10.0.2.1, 10.0.2.2)"),
        ("db", "10.0.2.1", Status.FAILED, "which rr has; on front, db is shop_db (10.0.0.2)"),
        ("db", "192.0.2.9", Status.WARNING, "which is outside of its overlays; on front, db is shop_db (10.0.0.2)"),
        ("db", "10.1.0.7", Status.WARNING, "which is outside of its overlays"),
        ("db", "127.0.0.1", Status.WARNING, "which is outside of its overlays"),
        ("db", "host-gateway", Status.WARNING, "which is outside of its overlays"),
        ("db", "10.0.9.9", Status.WARNING, "which container legacy has; on front, db is shop_db (10.0.0.2)"),
        ("old", "10.0.2.41", Status.WARNING, "which no task has, though it is in the subnet of front"),
        ("far", "10.0.2.41", Status.WARNING, "which no task has, though it is in the subnet of front"),
    ],
)
def test_an_extra_host_that_leads_elsewhere_than_its_name_is_named_with_what_takes_it_away(
    name: str, address: str, status: Status, said: str
) -> None:
    setup = having(api(hosts={name: address, "rr.example": "192.0.2.1"}))
    held = {**setup.held, "w3": (*setup.held["w3"], container("legacy", "10.0.9.9"))}
    (verdict,) = found(replace(setup, held=held))
    assert (verdict.status, verdict.subject) == (status, "service shop_api")
    assert verdict.detail.startswith(f"tasks of shop_api take {name} for {address} (an extra host of the service), ")
    assert said in verdict.detail
    assert ("not on purpose" in str(verdict.fix)) is (status is Status.WARNING)
    assert verdict.evidence["commands"] == [f"docker service update --host-rm {name}:{address} shop_api"]


@pytest.mark.parametrize(
    ("target", "allowed", "status"),
    [("shop_db", True, Status.FAILED), ("shop_db", False, Status.WARNING), ("rr", True, Status.WARNING)],
)
def test_a_name_that_may_be_hidden_on_purpose_may_not_where_a_playbook_expects_its_service_to_be_reached(
    target: str, *, allowed: bool, status: Status
) -> None:
    source, sink = (Party(kind=PartyKind.SERVICE, name=name) for name in ("shop_api", target))
    expected = Expectations(arrows=(Arrow(source=source, target=sink, allowed=allowed),))
    (verdict,) = found(replace(having(api(hosts={"db": "192.0.2.9"})), expected=expected))
    assert verdict.status is status


def test_extra_hosts_of_one_service_are_one_verdict() -> None:
    (verdict,) = found(having(api(hosts={"db": "10.0.2.41", "rr": "10.0.2.42"})))
    assert verdict.evidence["entries"] == [
        {"name": "db", "address": "10.0.2.41"},
        {"name": "rr", "address": "10.0.2.42"},
    ]


def test_lines_that_no_field_can_hold_are_looked_at_too() -> None:
    lines = {"TaskTemplate": {"ContainerSpec": {"Hosts": ["10.0.0.2 db", "10.0.2.41 one db"]}}}
    (failed, warning) = sorted(found(having(api(extra=lines))), key=lambda one: one.status)
    assert (failed.status, "take db for 10.0.2.41" in failed.detail) == (Status.FAILED, True)
    assert (warning.status, "take one for 10.0.2.41" in warning.detail) == (Status.WARNING, True)


def test_a_name_of_two_services_may_lead_to_either() -> None:
    blue = service("blue", "db", number=5)
    assert found(having(api(hosts={"db": "10.0.0.5"}), blue)) == []
    (verdict,) = found(having(api(hosts={"db": "10.0.2.41"}), blue))
    assert "db is blue (10.0.0.5) and shop_db (10.0.0.2)" in verdict.detail


def test_services_that_are_to_have_no_task_or_are_being_replaced_are_left_out() -> None:
    assert found(having(api(hosts={"db": "10.0.2.41"}, replicas=0))) == []
    changing = DB.model_copy(update={"update_state": "updating"})
    assert found(having(api(hosts={"db": "10.0.2.41"}), db=changing)) == []


@pytest.mark.parametrize(
    ("source", "kind", "target", "address", "is_broken"),
    [
        ("shop_api", PartyKind.SERVICE, "shop_db", "10.0.2.41", True),
        ("shop_api", PartyKind.SERVICE, "shop_db", "192.0.2.9", True),
        ("shop_api", PartyKind.NAME, "tasks.shop_db", "10.0.2.41", False),
        ("shop_api", PartyKind.NAME, "db", "10.0.2.41", True),
        ("shop_api", PartyKind.SERVICE, "shop_db", "10.0.0.2", False),
        ("shop_api", PartyKind.SERVICE, "rr", "10.0.2.41", False),
        ("rr", PartyKind.SERVICE, "shop_db", "10.0.2.41", False),
    ],
)
def test_the_way_by_a_name_that_an_extra_host_hides_is_broken(
    source: str, kind: PartyKind, target: str, address: str, *, is_broken: bool
) -> None:
    setup = having(api(hosts={"db": address}))
    way = Arrow(source=Party(kind=PartyKind.SERVICE, name=source), target=Party(kind=kind, name=target), allowed=True)
    layer = hidden(setup, way)
    assert (layer is not None) is is_broken
    if layer is not None:
        assert (layer.name, layer.status, layer.cause) == ("name", Status.FAILED, "hosts-entry")
        assert f"take db for {address} (an extra host" in layer.detail
        assert str(layer.fix).endswith(f"docker service update --host-rm db:{address} shop_api")
