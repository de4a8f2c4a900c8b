"""``container``: made once, changed in place where engines can, replaced with its places and volumes, never lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import ConvergenceError, EngineError
from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.plain_container import PlainContainer, PlainLimits
from swarmnet.model.plan import MANAGED_LABEL, Permit, Risk
from swarmnet.operations.container.operation import ContainerOperation
from swarmnet.workflows.fleet.observe import Look, observe
from tests.simulator import World
from tests.support import plans

if TYPE_CHECKING:
    from swarmnet.model.plan import Plan
    from swarmnet.model.state import ClusterState, Container

NAME = "adminer"
LOOK = Look(containers=True, made=frozenset({NAME, f"{NAME}.swarmnet-old"}))
PLACES = [{"network": "here", "ipv4": "10.2.0.9", "aliases": ["adm"]}, "data"]


@pytest.fixture
def world() -> World:
    world = World(managers=1, workers=1)
    world.bootstrap()
    world.engine("m1").networks.create(
        NetworkSpec(name="data", attachable=True, subnets=(Subnet(subnet="10.1.0.0/24", gateway="10.1.0.1"),))
    )
    world.engine("w1").networks.create(
        NetworkSpec(name="here", driver="bridge", subnets=(Subnet(subnet="10.2.0.0/24"),))
    )
    world.settle()
    return world


def step(**fields: object) -> str:
    return f"  - container: {json.dumps({'name': NAME, 'image': 'adminer:4', **fields})}\n    on: w1\n"


def look(world: World) -> ClusterState:
    return observe(world.ports(), LOOK)


def plan(world: World, **fields: object) -> Plan:
    return plans.plan(step(**fields), look(world), world.inventory)


def applied(world: World, **fields: object) -> Plan:
    found = plan(world, **fields)
    for action in found.actions:
        action.run(world.ports())
    return found


def kinds(made: Plan) -> list[str]:
    return [action.kind for action in made.actions]


def present(world: World) -> Container:
    found = look(world).container("w1", NAME)
    assert found is not None
    return found


def theirs(world: World, **fields: object) -> str:
    """Have a container that others made, running."""
    world.machines["w1"].images.add("adminer:4")
    spec = PlainContainer.model_validate({"name": NAME, "image": "adminer:4", **fields})
    made = world.engine("w1").plain.create(NAME, spec, (EndpointSpec(network="here", ipv4="10.2.0.9"),))
    world.engine("w1").plain.start(made)
    return made


def test_is_created_with_its_places_pulled_where_the_image_is_missing_and_marked(world: World) -> None:
    found = applied(world, networks=PLACES, env={"A": 1}, ports=["8080:80"])

    assert plans.reported(found) == [f"container.create container {NAME} on w1"]
    seen = present(world)
    assert (seen.running, seen.labels[MANAGED_LABEL]) == (True, world.inventory.cluster)
    assert {one.network: (one.address, one.aliases) for one in seen.endpoints}["here"] == ("10.2.0.9", ("adm",))
    assert plan(world, networks=PLACES, env={"A": 1}, ports=["8080:80"]).actions == ()
    assert plans.plan(step(networks=PLACES), found.predicted, world.inventory).actions == ()


def test_one_that_others_made_and_is_as_written_is_left_alone(world: World) -> None:
    theirs(world, env={"A": "1"}, restart="always", limits={"memory": 64 << 20})

    assert plan(world, env={"A": "1"}, limits={"memory": "64M"}).actions == ()
    assert plan(world).actions == ()


@pytest.mark.parametrize(("engine", "refused"), [("26.1", True), ("28.5", False)])
def test_a_mount_of_an_image_needs_an_engine_that_knows_it(world: World, engine: str, *, refused: bool) -> None:
    world.machines["w1"].run_engine(engine)
    written = step(mounts=[{"type": "image", "source": "tools:1", "target": "/x"}])
    if refused:
        said = plans.refusal(written, look(world), world.inventory)
        assert (
            f"container {NAME}: mounts.type: image needs engine 28.0; w1 has 26.1.5: upgrade, or write another" in said
        )
    else:
        assert plans.plan(written, look(world), world.inventory).actions


def test_what_the_image_says_counts_as_there(world: World) -> None:
    image = PlainContainer(name="x", image="adminer:4", env={"PATH": "/bin"}, user="app", labels={"v": "4"})
    world.machines["w1"].image_specs["adminer:4"] = image
    theirs(world, env={"A": "1"})

    assert plan(world, env={"A": "1"}, user="app", labels={"v": "4"}).actions == ()
    (change,) = plan(world, env={"A": "1", "PATH": "/sbin"}).actions[0].changes
    assert change.path == "env.PATH"


def test_limits_and_restart_change_while_it_runs(world: World) -> None:
    made = theirs(world, limits={"memory": 64 << 20, "swap": 128 << 20})

    found = applied(world, limits={"memory": "256M"}, restart="on-failure:3")

    assert (kinds(found), found.actions[0].risk) == (["container.update"], Risk.SAFE)
    seen = world.engine("w1").plain.made(made)
    assert seen is not None
    assert seen.spec.limits == PlainLimits(memory=256 << 20, swap=512 << 20)
    assert plan(world, limits={"memory": "256M"}, restart="on-failure:3").actions == ()


def test_a_limit_is_taken_away_by_another_container(world: World) -> None:
    theirs(world, limits={"memory": 64 << 20})

    assert kinds(plan(world, limits={"memory": 0})) == ["container.replace"]


def test_a_replacement_keeps_places_what_the_step_leaves_out_and_nameless_volumes(world: World) -> None:
    old = theirs(world, env={"A": "1"}, restart="always", extra={"HostConfig": {"PidMode": "host"}})
    box = world.machines["w1"].containers[old]
    assert box.made is not None
    made = box.made.model_copy(update={"volumes": {"/var/lib/x": "ab" * 32}})
    world.machines["w1"].containers[old] = box.model_copy(update={"made": made})

    found = applied(world, image="adminer:5")

    (action,) = found.actions
    assert (action.kind, action.permit, action.risk) == ("container.replace", Permit.REPLACE, Risk.DISRUPTIVE)
    seen = present(world)
    assert seen.made is not None
    spec = seen.made.spec
    assert (seen.image, seen.running, spec.env, spec.restart) == ("adminer:5", True, {"A": "1"}, "always")
    assert spec.extra == {"HostConfig": {"PidMode": "host"}}
    assert [(one.target, one.source) for one in spec.mounts or ()] == [("/var/lib/x", "ab" * 32)]
    assert [(one.network, one.address) for one in seen.endpoints] == [("here", "10.2.0.9")]
    assert [one.name for one in look(world).hosts[1].containers] == [NAME]
    assert plan(world, image="adminer:5").actions == ()


@pytest.mark.parametrize("command", ["/no/such", "false"])
def test_the_old_one_is_back_where_the_new_one_does_not_run(world: World, command: str) -> None:
    old = theirs(world)
    (action,) = plan(world, command=[command]).actions

    with pytest.raises(ConvergenceError, match="the old container is back"):
        action.run(world.ports())

    seen = present(world)
    assert (seen.id, seen.running) == (old, True)
    assert [(one.network, one.address) for one in seen.endpoints] == [("here", "10.2.0.9")]
    assert [one.name for one in look(world).hosts[1].containers] == [NAME]


@pytest.mark.parametrize("command", ["/no/such", "false"])
def test_a_new_one_that_does_not_run_is_removed_again(world: World, command: str) -> None:
    (action,) = plan(world, command=[command]).actions

    with pytest.raises((ConvergenceError, EngineError)):
        action.run(world.ports())

    assert look(world).container("w1", NAME) is None


def test_a_killed_replacement_is_finished(world: World) -> None:
    old = theirs(world, env={"A": "1"})
    plain = world.engine("w1").plain
    plain.create(f"{NAME}.swarmnet-new", PlainContainer(name=NAME, image="adminer:4"), ())
    plain.stop(old, 1.0)
    plain.rename(old, f"{NAME}.swarmnet-old")

    found = applied(world)

    assert kinds(found) == ["container.replace"]
    seen = present(world)
    assert seen.made is not None
    assert (seen.running, seen.made.spec.env) == (True, {"A": "1"})
    assert [one.name for one in look(world).hosts[1].containers] == [NAME]


def test_places_on_networks_change_while_it_runs(world: World) -> None:
    made = theirs(world)

    found = applied(world, networks=["data", {"network": "here", "aliases": ["adm"]}])

    assert kinds(found) == ["endpoint.connect", "endpoint.reconnect"]
    assert kinds(applied(world, networks=["data"])) == ["endpoint.disconnect"]
    assert (present(world).id, [one.network for one in present(world).endpoints]) == (made, ["data"])


def test_a_mac_address_is_set_when_a_container_is_made(world: World) -> None:
    theirs(world)

    found = plan(world, networks=[{"network": "here", "mac": "02:42:0a:02:00:07"}])

    assert kinds(found) == ["container.replace"]


def test_one_that_stopped_is_started_where_its_restart_rule_says_so(world: World) -> None:
    made = theirs(world, restart="unless-stopped")
    world.engine("w1").plain.stop(made, 1.0)

    assert kinds(applied(world)) == ["container.start"]
    assert present(world).running
    assert plan(world).actions == ()


def test_a_program_that_ended_is_left_alone(world: World) -> None:
    made = theirs(world)
    world.engine("w1").plain.stop(made, 1.0)

    assert plan(world).actions == ()


def test_absent_removes_what_has_our_mark_and_no_other(world: World) -> None:
    text = f"  - container: {{name: {NAME}, absent: true}}\n    on: w1\n"
    applied(world)
    (action,) = plans.plan(text, look(world), world.inventory).actions
    action.run(world.ports())

    assert look(world).container("w1", NAME) is None
    assert plans.plan(text, look(world), world.inventory).actions == ()
    theirs(world)
    assert "does not have the mark of this cluster" in plans.refusal(text, look(world), world.inventory)
    owned = text.replace("absent", "take_ownership: true, absent")
    assert kinds(plans.plan(owned, look(world), world.inventory)) == ["container.remove"]


def test_one_that_its_engine_removes_when_it_stops_is_not_replaced(world: World) -> None:
    theirs(world, extra={"HostConfig": {"AutoRemove": True}})

    assert "was started with --rm" in plans.refusal(step(user="app"), look(world), world.inventory)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"networks": ["here", "here"]}, "network here is listed twice"),
        ({"networks": ["host", "here"]}, "a container on network host can be on no other"),
        ({"networks": ["host"], "ports": [80]}, "publishes no ports"),
        ({"image": ""}, "key 'image' is missing"),
        ({"absent": True}, "leave out image"),
        ({"mounts": [{"type": "cluster", "source": "v", "target": "/v"}]}, "is for the tasks of services"),
    ],
)
def test_what_no_engine_does_is_refused_while_reading(fields: dict[str, object], said: str) -> None:
    faults = ContainerOperation.model_validate({"name": NAME, "image": "adminer:4", **fields}).faults()

    assert any(said in fault for fault in faults)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("ports", ["8080"] * 2 + ["x:1"], "is not a port"),
        ("ports", ["127.0.0.1:80"], "is not a port"),
        ("ports", ["1.2.3:80:80"], "is not an IP address of the host"),
        ("restart", "always:3", "write no, always, unless-stopped"),
        ("stop_grace_period", "1500ms", "must be whole seconds"),
        ("name", "x.swarmnet-old", "must not end with"),
        ("name", "-", "must have two or more letters"),
    ],
)
def test_a_value_that_engines_refuse_is_refused(field: str, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ContainerOperation.model_validate({"name": NAME, "image": "adminer:4", field: value})
