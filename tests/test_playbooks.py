"""Every playbook that is shipped runs and leaves what it says; ``site.yml`` runs with the README.

All run in the simulator, and those of one swarm on real engines, one after the other.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from swarmnet.cli.commands.verify import read_playbook
from swarmnet.cli.planning import goal_of
from swarmnet.errors import DocumentError
from swarmnet.lab.image import make_image
from swarmnet.model.expectation import PartyKind
from swarmnet.model.network import Network, NetworkSpec
from swarmnet.model.service import Attachment
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.operations.expect.contradictions import contradictions
from swarmnet.operations.expect.gather import expected_of
from swarmnet.parse.inventory import parse_inventory
from swarmnet.plan.guard import Permissions
from swarmnet.workflows.apply import apply, prepare
from tests.simulator import World
from tests.support.commands import Operator, docker
from tests.support.goals import terms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.lab import Lab
    from swarmnet.model.expectation import Expectations
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.service import Service
    from swarmnet.model.state import ClusterState
    from swarmnet.workflows.apply import Goal, Prepared

FOLDER = Path(__file__).parent.parent / "playbooks"
IN_ORDER = ("bootstrap", "overlays", "services", "verify")
"""Each needs those before it, as its first lines say."""
EXAMPLES = {
    "first-steps": "a 1/1, b 1/1, c 1/1",
    "three-tier": "api 3/3, db 1/1, edge 1/1, worker 2/2",
    "microservices": (
        "gateway 1/1, orders 1/1, orders-db 1/1, payments 1/1, payments-db 1/1, products 1/1, products-db 1/1, "
        "users 1/1, users-db 1/1"
    ),
    "ha-zones": "db-primary 1/1, db-replica 1/1, web-app 6/6",
    "blue-green": "app-blue 2/2, app-green 2/2, front-door 2/2",
    "zero-trust": "accounts 1/1, archiver 1/1, ledger 1/1, portal 1/1, sessions 1/1",
    "mesh-without-sidecars": "billing 1/1, billing-gate 1/1, stock 1/1, stock-gate 1/1",
    "monitoring": "cadvisor 3/3, grafana 1/1, node-exporter 3/3, prometheus 1/1",
    "logging": "fluentd 3/3, talker 2/2",
    "edge-haproxy": "backend 3/3, balancer 3/3",
    "dev-teams": "blue-app 1/1, green-app 1/1, red-app 1/1, shared-db 1/1",
    "lan": "desk 1/1, printer 3/3, spooler 1/1",
    "stack": "shop_api 3/3, shop_cache 1/1, shop_db 1/1, shop_edge 2/2, shop_worker 2/2",
}
"""Whole designs that need a swarm alone, and the services of each."""
EXPECTED = {
    "first-steps": "2 lines, 4 denied, 1 sealed, 0 checks",
    "three-tier": "5 lines, 1 denied, 3 sealed, 0 checks",
    "microservices": "13 lines, 4 denied, 0 sealed, 0 checks",
    "ha-zones": "4 lines, 0 denied, 2 sealed, 1 checks",
    "blue-green": "3 lines, 2 denied, 2 sealed, 0 checks",
    "zero-trust": "5 lines, 12 denied, 4 sealed, 0 checks",
    "mesh-without-sidecars": "3 lines, 6 denied, 2 sealed, 0 checks",
    "monitoring": "4 lines, 0 denied, 3 sealed, 0 checks",
    "logging": "2 lines, 0 denied, 1 sealed, 1 checks",
    "edge-haproxy": "2 lines, 0 denied, 1 sealed, 1 checks",
    "dev-teams": "3 lines, 6 denied, 1 sealed, 0 checks",
    "lan": "3 lines, 2 denied, 1 sealed, 1 checks",
    "stack": "8 lines, 2 denied, 4 sealed, 0 checks",
}
"""What those that expect something say of who may talk to whom."""
ON_ENGINES = ("three-tier", "zero-trust", "monitoring", "logging", "ha-zones", "stack")
"""Those with what a simulated engine takes on trust: mounts, rights, health of tasks, spread, a log driver, a stack."""
VALUES = {"DB_PASSWORD": "hunter2", "MESH_CA": "certificates", "MESH_KEY": "a key"}
"""Variables of the environment that they need, as their first lines say."""
IMAGE = "demo:1"


def said_of(number: int) -> dict[str, object]:
    """Return what the inventory says of a host for those that need labels or values."""
    return {
        "role": "manager" if number == 1 else "worker",
        "labels": {"zone": f"zone{number}"},
        "vars": {"nic": "eth0", "lan_range": f"192.0.2.{number * 32}/27"},
    }


def inventory() -> Inventory:
    said = {f"m{number}": {"address": f"10.66.0.{number}", **said_of(number)} for number in (1, 2, 3)}
    text = yaml.safe_dump({"schema": 1, "cluster": "examples", "hosts": said})
    return parse_inventory(text.encode(), name="hosts.yml", folder=FOLDER).inventory


def test_none_is_shipped_that_no_test_runs() -> None:
    assert {path.stem for path in FOLDER.glob("*.yml")} == {*IN_ORDER, *EXAMPLES, "site"}
    assert {path.stem for path in FOLDER.glob("compose/*.yml")} == {"multi-tier"}


@dataclass(frozen=True, slots=True)
class Example:
    """One of them on simulated hosts, after its apply."""

    name: str
    errors: tuple[tuple[str, str], ...]
    again: Prepared
    expected: Expectations

    @property
    def state(self) -> ClusterState:
        return self.again.state


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request: pytest.FixtureRequest) -> Iterator[Example]:
    with pytest.MonkeyPatch.context() as patch:
        for key, value in VALUES.items():
            patch.setenv(key, value)
        yield applied(request.param)


def goals(world: World, *names: str) -> tuple[Goal, ...]:
    """Return what playbooks say of a world's hosts."""
    return tuple(
        goal_of(
            FOLDER / f"{name}.yml",
            world.inventory,
            limit=None,
            variables=None,
            allowed=Permissions(),
            may_run=lambda _programs: False,
        )
        for name in names
    )


def applied(name: str) -> Example:
    world = World(inventory=inventory())
    bootstrap, goal = goals(world, "bootstrap", name)
    errors: list[tuple[str, str]] = []
    for one in (bootstrap, goal):
        report = apply(world.ports(), one, terms())
        errors += [(done.target, done.error) for done in report.outcomes if done.error]
        world.settle()
    again = prepare(world.ports(), goal)
    book = read_playbook(FOLDER / f"{name}.yml", world.inventory)
    return Example(name, tuple(errors), again, expected_of(book, world.inventory, again.state))


def test_each_example_is_applied_without_a_warning_and_its_second_plan_is_empty(example: Example) -> None:
    assert example.errors == ()
    assert (example.again.plan.actions, example.again.plan.warnings) == ((), ())
    names = {one.id: one.spec.name for one in example.state.services}
    running = Counter(names[one.service_id] for one in example.state.tasks if one.service_id and one.state == "running")
    assert ", ".join(f"{name} {number}/{number}" for name, number in sorted(running.items())) == EXAMPLES[example.name]


def test_the_first_lines_of_each_example_name_the_engine_that_it_needs() -> None:
    refused = {name: why for name in EXAMPLES if (why := refused_by("20.10", name))}
    assert [*refused] == ["zero-trust"]
    for name, why in refused.items():
        needed = re.findall(r"needs engine ([0-9.]+)", why)
        first = (FOLDER / f"{name}.yml").read_text(encoding="utf-8").partition("schema:")[0]
        assert needed
        assert all(f"engines {one} or later" in first for one in needed)


def refused_by(engine: str, name: str) -> str:
    """Return why engines of a version cannot do what an example says; empty where they can."""
    world = World(inventory=inventory())
    for machine in world.machines.values():
        machine.run_engine(engine)
    with pytest.MonkeyPatch.context() as patch:
        for key, value in VALUES.items():
            patch.setenv(key, value)
        bootstrap, goal = goals(world, "bootstrap", name)
    apply(world.ports(), bootstrap, terms())
    try:
        prepare(world.ports(), goal)
    except DocumentError as error:
        return str(error)
    return ""


def test_what_an_example_expects_holds_as_long_as_no_network_and_no_port_is_added_or_taken_away(
    example: Example,
) -> None:
    expected, state = example.expected, example.state
    denied = sum(not arrow.allowed for arrow in expected.between())
    said = (
        f"{len(expected.arrows)} lines, {denied} denied, {len(expected.sealed)} sealed, {len(expected.checks)} checks"
    )
    assert said == EXPECTED.get(example.name, "0 lines, 0 denied, 0 sealed, 0 checks")
    assert [*contradictions(expected, state)] == []
    if not expected.is_empty:
        assert [*contradictions(expected, networked(state, {"flat"}))]
        assert [*contradictions(expected, networked(state, set()))]
        reached = any(
            arrow.source.kind is PartyKind.OUTSIDE
            and (service := state.service(arrow.target.name)) is not None
            and bool(service.spec.ports)
            for arrow in expected.arrows
        )
        assert bool([*contradictions(expected, without_ports(state))]) is reached


def networked(state: ClusterState, on: set[str]) -> ClusterState:
    """Return a state whose services are on these networks, too; with none, on no network at all."""
    flat = NetworkSpec(name="flat")
    places = tuple(Attachment(network=name) for name in on)
    return state.model_copy(
        update={
            "networks": (*state.networks, Network(id="flat", spec=flat)),
            "services": tuple(
                changed(one, networks=(*(one.spec.networks or ()), *places) if on else ()) for one in state.services
            ),
        }
    )


def without_ports(state: ClusterState) -> ClusterState:
    return state.model_copy(update={"services": tuple(changed(one, ports=()) for one in state.services)})


def changed(service: Service, **fields: tuple[object, ...]) -> Service:
    return service.model_copy(update={"spec": service.spec.model_copy(update=fields)})


@pytest.mark.lab
def test_each_runs_in_its_order_and_a_second_plan_is_empty(lab: Lab, tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    inventory = operator.writes_inventory(lab, {f"m{number}": said_of(number) for number in (1, 2, 3)})
    make_image(lab, IMAGE)

    for name in (*IN_ORDER, *ON_ENGINES):
        playbook = str(FOLDER / f"{name}.yml")
        operator.types("apply", playbook, "-i", inventory, "--yes", secret=VALUES)
        operator.types("plan", playbook, "-i", inventory, "--check", secret=VALUES)
    for host in ("m1", "m2", "m3"):  # what the wait asked from is gone
        assert docker(lab, host, "ps", "--all", "--quiet", "--filter", f"label={PROBE_LABEL}") == ""

    services = docker(lab, "m1", "service", "ls", "--format", "{{.Name}} {{.Replicas}}").splitlines()
    wanted = ", ".join(EXAMPLES[name] for name in ON_ENGINES).split(", ")
    assert sorted(services) == sorted(["agent 3/3", "web 2/2", *wanted])
    assert "network proof" in operator.types("verify", str(FOLDER / "verify.yml"), "-i", inventory, "--only", "icmp")
