"""The laws of adopted playbooks: they change nothing, and they make the same cluster again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, assume, given, settings

from swarmnet.edge.operator.contents import LocalContents
from swarmnet.errors import RefusedError
from swarmnet.model.base import Secret
from swarmnet.model.compare import network_changes, service_changes, swarm_changes
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.plan import MANAGED_LABEL
from swarmnet.model.service import ServiceSpec
from swarmnet.model.swarm import ConfigSpec, NewSecret, SecretSpec
from swarmnet.model.topology import STACK_LABEL
from swarmnet.operations.playbook import needs, with_contents
from swarmnet.operations.written import telling
from swarmnet.parse.playbook import parse_playbook
from swarmnet.plan.adopt.draft import Wish
from swarmnet.plan.build import build
from swarmnet.plan.guard import Permissions
from swarmnet.workflows.adopt import Adopted, adopt
from swarmnet.workflows.apply import Goal, apply
from swarmnet.workflows.fleet.observe import Look, observe
from tests.simulator import World
from tests.support.any_cluster import HOSTS, clusters
from tests.support.goals import terms

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from swarmnet.model.state import ClusterState
    from swarmnet.operations.playbook import Playbook

REFUSED = ("must begin with a letter or digit", "mtu 68 is too small", "would be stored and ignored")
"""What engines take, and steps do not."""
NEEDS_A_POOL = 26
"""A size of subnets that is written with the pool, and the engine's own pool has the hosts' addresses in it."""
QUICK = settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
"""Without shrinking, which takes minutes where each example is two clusters."""


def seen(world: World) -> ClusterState:
    return observe(world.ports())


def adopted(world: World, wish: Wish | None = None) -> Adopted:
    return adopt(seen(world), world.inventory, wish or Wish())


def read(made: Adopted, folder: Path | None = None, environment: dict[str, str] | None = None) -> Playbook:
    """Return the playbook as ``plan`` and ``apply`` read it."""
    for name, content in made.files.items() if folder is not None else ():
        (folder / name).parent.mkdir(exist_ok=True)  # type: ignore[operator]
        (folder / name).write_bytes(content)  # type: ignore[operator]
    source = "p.yml" if folder is None else str(folder / "p.yml")
    return with_contents(parse_playbook(made.text.encode(), source), LocalContents(environment or {}))


def applied(world: World, playbook: Playbook) -> None:
    goal = Goal(
        make_plan=partial(build, playbook, inventory=world.inventory),
        look=Look(needs=needs(playbook, world.inventory)),
        permissions=Permissions(),
        command="apply p.yml",
    )
    report = apply(world.ports(), goal, terms())
    assert [(one.target, one.error) for one in report.outcomes if one.error] == []
    world.settle()


def differences(before: ClusterState, after: ClusterState, left_out: Collection[str]) -> list[str]:
    """Return what is not the same in two clusters, where engines would treat it differently."""
    assert before.swarm is not None
    assert after.swarm is not None
    found = [change.path for change in swarm_changes(before.swarm.spec, after.swarm.spec)]
    for old in before.services:
        new = after.service(old.spec.name)
        found += ["gone"] if new is None else [c.path for c in service_changes(_telling(old.spec), new.spec)]
    for net in (one for one in before.networks if f"network {one.spec.name}" not in left_out):
        there = after.network(net.spec.name)
        found += ["gone"] if there is None else [c.path for c in network_changes(net.spec, there.spec)]
    for facts in before.hosts:
        for net in (one for one in facts.networks if f"network {one.spec.name}" not in left_out):
            local = after.local_network(facts.host, net.spec.name)
            found += ["gone"] if local is None else [c.path for c in network_changes(net.spec, local.spec)]
    found += [one.spec.name for one in before.configs if after.config(one.spec.name) is None]
    return [path for path in found if not path.startswith("labels.io.swarmnet")]


def _telling(spec: ServiceSpec) -> ServiceSpec:
    """Return a service without empty objects, which mean nothing."""
    return spec.model_copy(update={"extra": telling(spec.extra)})


@QUICK
@given(clusters())
def test_the_plan_of_what_is_written_is_empty_and_it_makes_the_same_cluster_on_empty_hosts(there: World) -> None:
    before, made = seen(there), adopted(there)
    assert all(any(why in text for why in REFUSED) for text in made.left_out.values())
    playbook = read(made)
    assert build(playbook, before, there.inventory).actions == ()

    used = (place for one in before.services for place in one.spec.networks or ())
    assume(not any(f"network {place.network}" in made.left_out for place in used))
    assume(before.swarm is not None and before.swarm.spec.subnet_size != NEEDS_A_POOL)
    fresh = World(inventory=HOSTS)
    applied(fresh, playbook)
    assert differences(before, seen(fresh), made.left_out) == []


MADE = """
- swarm: {task_history: 2}
- network: {name: front, attachable: true}
- config: {name: page, from: {env: PAGE}}
- secret: {name: token, from: {env: TOKEN}}
- service: {name: web, image: "probe:1", networks: [front], configs: [page], secrets: [token], env: {DB_PASSWORD: x}}
"""
VALUES = {"PAGE": "one\n${two}\n", "TOKEN": "hunter2"}


def swarmnets(tmp_path: Path) -> World:
    """Return a cluster that a playbook made."""
    world = World(inventory=HOSTS)
    text = f"schema: 1\nname: made\nsteps:{MADE}"
    applied(world, with_contents(parse_playbook(text.encode(), str(tmp_path / "m.yml")), LocalContents(VALUES)))
    return world


def test_what_a_playbook_made_is_called_by_its_plain_names_and_values_of_secrets_are_nowhere(tmp_path: Path) -> None:
    made = adopted(swarmnets(tmp_path))

    assert (
        made.text
        == """\
schema: 1
name: shop
steps:
  - swarm: {task_history: 2}
  - network: {name: front, attachable: true, subnets: [10.0.1.0/24]}
  - config:
      name: page
      from:
        text: |
          one
          $${two}

  # Engines never return the values of secrets. Those that are there stay as they are; to create one on another
  # swarm, put its value into the file, or write env or command instead.
  # - secret: {name: token, from: {file: site-secrets/token}}
  - service:
      name: web
      image: probe:1
      env: {DB_PASSWORD: x}
      configs: [page]
      secrets: [token]
      networks: [front]
"""
    )
    assert made.warnings == (
        "values of secrets are not in the file, since engines never return them: token-fae3cc9713e6",
        "the file holds values of variables that look like secrets, in clear: web (DB_PASSWORD)",
    )


def test_a_secret_that_is_filled_in_is_the_one_that_is_there(tmp_path: Path) -> None:
    world = swarmnets(tmp_path)
    made = adopted(world)
    text = made.text.replace("# - secret", "- secret").replace("{file: site-secrets/token}", "{env: TOKEN}")
    playbook = with_contents(parse_playbook(text.encode(), "p.yml"), LocalContents(VALUES))
    assert build(playbook, seen(world), world.inventory).is_empty


def test_what_others_made_is_named_exactly_and_long_contents_are_files(tmp_path: Path) -> None:
    world = World(inventory=HOSTS)
    world.bootstrap()
    engine = world.engine("m1")
    engine.configs.create(ConfigSpec(name="big", data=b"\0" * 3000, labels={"a": "${b}"}))
    engine.secrets.create(NewSecret(SecretSpec(name="token"), Secret("hunter2")))
    made = adopted(world)

    assert made.files == {"site-configs/big": b"\0" * 3000}
    assert "from: {file: site-configs/big}" in made.text
    assert "- secret: {name: token, from: {file: site-secrets/token}, exact: true}" in made.text
    assert "hunter2" not in made.text
    assert build(read(made, tmp_path), seen(world), world.inventory).is_empty


def test_the_mark_is_asked_for_only_where_the_operator_says_so(tmp_path: Path) -> None:
    world = World(inventory=HOSTS)
    world.bootstrap()
    world.engine("m1").services.create(ServiceSpec(name="web", image="probe:1"))
    world.settle()
    assert "take_ownership" not in adopted(world).text

    playbook = read(adopted(world, Wish(take_ownership=True)), tmp_path)
    changed = {
        change.path for action in build(playbook, seen(world), world.inventory).actions for change in action.changes
    }
    assert changed == {f"labels.{MANAGED_LABEL}"}


def test_services_of_a_stack_start_side_by_side() -> None:
    world = World(inventory=HOSTS)
    world.bootstrap()
    for name in ("shop_a", "shop_b", "shop_c", "solo"):
        labels = {STACK_LABEL: "shop"} if name.startswith("shop") else {}
        world.engine("m1").services.create(ServiceSpec(name=name, image="probe:1", labels=labels))
    world.settle()
    made = adopted(world)

    assert [step.together for step in made.steps if step.operation == "service"] == ["shop", "shop", "shop", ""]
    assert build(read(made), seen(world), world.inventory).is_empty
    batches = build(read(made), observe(World(inventory=HOSTS).ports()), world.inventory).batches
    assert [[one.object.name for one in batch] for batch in batches][-2:] == [["shop_a", "shop_b", "shop_c"], ["solo"]]


def test_a_label_of_a_stack_with_another_text_than_a_name_is_left_alone() -> None:
    world = World(inventory=HOSTS)
    world.bootstrap()
    spec = ServiceSpec(name="web", image="probe:1", labels={STACK_LABEL: "${env:HOME}"})
    world.engine("m1").services.create(spec)
    world.settle()

    assert build(read(adopted(world)), seen(world), world.inventory).is_empty
    assert "together" not in adopted(world).text


def test_alike_networks_of_hosts_are_one_step() -> None:
    world = World(inventory=HOSTS)
    world.bootstrap()
    for host, second in (("m1", "7"), ("w1", "7"), ("w2", "8")):
        block, other = Subnet(subnet=f"172.28.{second}.0/24"), Subnet(subnet="172.29.1.0/24")
        world.engine(host).networks.create(NetworkSpec(name="lan", driver="bridge", subnets=(block,)))
        world.engine(host).networks.create(NetworkSpec(name="all", driver="bridge", subnets=(other,)))
    text = adopted(world).text
    assert "{name: all, driver: bridge, subnets: [172.29.1.0/24]}\n  - network" in text
    assert "subnets: [172.28.7.0/24]}\n    on: [m1, w1]" in text
    assert "subnets: [172.28.8.0/24]}\n    on: [w2]" in text


def test_nothing_at_all_is_refused() -> None:
    world = World(inventory=HOSTS)
    with pytest.raises(RefusedError, match="there is nothing to write"):
        adopted(world)
