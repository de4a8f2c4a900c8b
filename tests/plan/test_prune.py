"""What --prune removes, and what it never touches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.errors import RefusedError
from swarmnet.model.base import Secret
from swarmnet.model.network import Network, NetworkSpec
from swarmnet.model.plan import MANAGED_LABEL
from swarmnet.model.ref import Ref
from swarmnet.model.service import Attachment, FileReference, Service, ServiceSpec
from swarmnet.model.state import ClusterState
from swarmnet.model.swarm import Config, ConfigSpec, NewSecret, SecretSpec
from swarmnet.operations.removal import Removal
from swarmnet.plan.prune import Doomed, removals_of
from tests.simulator import World

OURS = {MANAGED_LABEL: "shop"}
NAMES = ("a", "b", "c")


def network(name: str, labels: dict[str, str]) -> Network:
    return Network(id=f"n-{name}", spec=NetworkSpec(name=name, labels=labels))


def service(name: str, labels: dict[str, str], *networks: str, configs: tuple[str, ...] = ()) -> Service:
    spec = ServiceSpec(
        name=name,
        image="busybox",
        labels=labels,
        networks=tuple(Attachment(network=one) for one in networks),
        configs=tuple(FileReference(source=one, target=one) for one in configs),
    )
    return Service(id=f"s-{name}", version=1, spec=spec)


def config(name: str, labels: dict[str, str]) -> Config:
    return Config(id=f"c-{name}", version=1, spec=ConfigSpec(name=name, data=b"x", labels=labels))


def doomed(provided: frozenset[tuple[str, str]] = frozenset()) -> Doomed:
    return Doomed(MANAGED_LABEL, "shop", "nothing names it", provided)


def targets(state: ClusterState, *provided: tuple[str, str]) -> list[str]:
    actions, _warnings = removals_of(state, doomed(frozenset(provided)))
    return [action.target for action in actions]


def test_services_go_before_the_networks_that_they_used() -> None:
    state = ClusterState(networks=(network("front", OURS),), services=(service("web", OURS, "front"),))

    assert targets(state) == ["service web", "network front"]


def test_keeps_a_network_that_a_service_of_others_uses_and_says_so() -> None:
    state = ClusterState(networks=(network("front", OURS),), services=(service("theirs", {}, "front"),))

    actions, warnings = removals_of(state, doomed())

    assert actions == ()
    assert warnings == ("network front is not pruned: used by service theirs",)


def test_keeps_configs_that_services_use() -> None:
    web = service("web", OURS, configs=("used",))
    state = ClusterState(services=(web,), configs=(config("used", OURS), config("old", OURS)))

    assert targets(state, ("service", "web")) == ["config old"]
    assert removals_of(state, doomed(frozenset({("service", "web")})))[1] == (
        "config used is not pruned: used by service web",
    )


def test_keeps_what_another_cluster_made() -> None:
    state = ClusterState(networks=(network("front", {MANAGED_LABEL: "bakery"}),))

    assert targets(state) == []


labelled = st.sampled_from([OURS, {}, {MANAGED_LABEL: "bakery"}])
networks = st.builds(network, st.sampled_from(NAMES), labelled)
provided_names = st.frozensets(st.tuples(st.just("network"), st.sampled_from(NAMES)))


@given(st.lists(networks, unique_by=lambda net: net.spec.name), provided_names)
def test_removes_only_labelled_things_that_nothing_provides(
    seen: list[Network], provided: frozenset[tuple[str, str]]
) -> None:
    state = ClusterState(networks=tuple(seen))

    actions, _warnings = removals_of(state, doomed(provided))

    removed = {action.target for action in actions}
    assert removed == {
        f"network {net.spec.name}"
        for net in seen
        if net.spec.labels == OURS and ("network", net.spec.name) not in provided
    }


@pytest.mark.parametrize("kind", ["config", "secret"])
def test_a_content_that_a_service_took_into_use_since_the_plan_is_refused_at_once_and_named(kind: str) -> None:
    world = World()
    world.bootstrap()
    engine = world.engine("m1")
    content_id = (
        engine.configs.create(ConfigSpec(name="page", data=b"x"))
        if kind == "config"
        else engine.secrets.create(NewSecret(SecretSpec(name="page"), Secret(b"x")))
    )
    action = Removal(object=Ref(kind=kind, name="page"), why="nothing names it", id=content_id)
    used = (FileReference(source="page", target="/page"),)
    spec = ServiceSpec(name="web", image="i")
    engine.services.create(spec.model_copy(update={f"{kind}s": used}))

    with pytest.raises(RefusedError, match=f"{kind} page is in use since .* following service: web"):
        action.run(world.ports())

    assert world.clock.monotonic() == 0
    assert [one.id for one in engine.configs.list()] + [one.id for one in engine.secrets.list()] == [content_id]


def test_a_content_that_is_gone_already_is_removed() -> None:
    world = World()
    world.bootstrap()

    Removal(object=Ref(kind="config", name="page"), why="nothing names it", id="gone").run(world.ports())

    assert world.engine("m1").configs.list() == ()
