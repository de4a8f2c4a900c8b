"""``absent: true`` removes by name what has this cluster's mark, and nothing that is in use."""

from __future__ import annotations

import pytest

from swarmnet.errors import DocumentError
from swarmnet.model.network import Network, NetworkSpec
from swarmnet.model.plan import MANAGED_LABEL, Permit
from swarmnet.model.service import Attachment, FileReference, Service, ServiceSpec
from swarmnet.model.state import ClusterState, Container, Endpoint
from swarmnet.model.swarm import Config, ConfigSpec
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.operations.content.names import NAME_LABEL
from tests.support.clusters import CLUSTER, inventory, overlay, swarm
from tests.support.plans import book, plan, refusal, reported

HOSTS = inventory(1, 1)
MARK = {MANAGED_LABEL: CLUSTER}


def made(name: str, **fields: object) -> Network:
    return overlay(name, "10.66.0.0/24", labels=MARK, **fields)


def holding(*networks: Network, **fields: object) -> ClusterState:
    state = swarm(HOSTS)
    return state.model_copy(update={"networks": (*state.networks, *networks), **fields})


def user(name: str, labels: dict[str, str] = MARK, **fields: object) -> Service:
    spec = ServiceSpec(name=name, image="i", labels=labels, networks=(Attachment(network="old"),))
    return Service(id=f"id-{name}", version=1, spec=spec.model_copy(update=fields))


def test_an_object_with_the_mark_of_the_cluster_is_removed_and_a_missing_one_needs_no_action() -> None:
    found = plan(
        "- network: {name: OLD, absent: true}\n- service: {name: gone, absent: true}", holding(made("old")), HOSTS
    )
    assert [(one.target, one.permit) for one in found.actions] == [("network old", Permit.NONE)]
    assert found.predicted.network("old") is None


@pytest.mark.parametrize(
    ("labels", "why"), [({}, "others made it"), ({MANAGED_LABEL: "other"}, "it is of cluster other")]
)
def test_what_others_made_is_removed_only_if_the_step_takes_it(labels: dict[str, str], why: str) -> None:
    state = holding(overlay("old", labels=labels))
    said = refusal("- network: {name: old, absent: true}", state, HOSTS)
    assert said.startswith(f"p.yml:4:3: network old does not have the mark of this cluster ({why})")
    assert "add 'take_ownership: true'" in said
    assert reported(plan("- network: {name: old, absent: true, take_ownership: true}", state, HOSTS))


def test_what_is_in_use_is_refused_with_its_users_unless_steps_before_remove_them() -> None:
    adminer = Container(
        id="c", name="adminer", image="i", running=True, endpoints=(Endpoint(network="old", address="10.66.0.9"),)
    )
    state = holding(made("old"), services=(user("web"),))
    first = state.hosts[1].model_copy(update={"containers": (adminer,)})
    busy = state.model_copy(update={"hosts": (state.hosts[0], first)})
    assert "is used by container adminer on w1, service web: remove these before" in refusal(
        "- network: {name: old, absent: true}", busy, HOSTS
    )
    steps = "- service: {name: web, absent: true}\n- network: {name: old, absent: true}"
    assert [one.target for one in plan(steps, state, HOSTS).actions] == ["service web", "network old"]


def test_a_network_that_a_verify_tests_now_is_refused_with_the_verify_and_not_its_probes() -> None:
    state = holding(made("old"), services=tuple(user(one, labels={PROBE_LABEL: "run"}) for one in ("probe", "tasks")))
    said = refusal("- network: {name: old, absent: true}", state, HOSTS)
    assert said.startswith("p.yml:4:3: network old is used by a verify that runs now: ")


def test_a_config_goes_with_all_its_contents_by_its_plain_name() -> None:
    configs = tuple(
        Config(id=name, version=n, spec=ConfigSpec(name=name, data=b"", labels=MARK | {NAME_LABEL: plain}))
        for n, (name, plain) in enumerate([("site-1", "site"), ("site-2", "site"), ("site2-1", "site2")])
    )
    state = holding(configs=configs)
    step = "- config: {name: site, absent: true}"
    assert [one.target for one in plan(step, state, HOSTS).actions] == ["config site-1", "config site-2"]
    web = user("web", networks=None, configs=(FileReference(source="site-2", target="/c"),))
    assert "config site-2 is used by service web" in refusal(step, holding(configs=configs, services=(web,)), HOSTS)


def test_a_local_network_goes_from_the_selected_hosts() -> None:
    spec = NetworkSpec(name="br", driver="bridge", labels=MARK)
    state = holding()
    hosts = tuple(one.model_copy(update={"networks": (Network(id="br", spec=spec),)}) for one in state.hosts)
    state = state.model_copy(update={"hosts": hosts})
    found = plan("- network: {name: br, absent: true}\n  on: w1", state, HOSTS)
    assert [one.target for one in found.actions] == ["network br on w1"]


def test_networks_of_the_engine_stay() -> None:
    assert "is the engine's own" in refusal("- network: {name: ingress, absent: true}", holding(), HOSTS)


def test_a_step_that_removes_what_another_creates_is_refused() -> None:
    steps = "- network: {name: n}\n- network: {name: n, absent: true}"
    assert "would change at every apply" in refusal(steps, holding(), HOSTS)


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ("{name: n, driver: overlay, absent: true}", "unknown key 'driver'"),
        ("{name: n, absent: maybe}", "absent"),
        ("{absent: true}", "'name' is missing"),
    ],
)
def test_such_a_step_has_a_name_alone(step: str, text: str) -> None:
    with pytest.raises(DocumentError) as error:
        book(f"- network: {step}")
    assert text in str(error.value)


def test_absent_false_says_nothing() -> None:
    assert reported(plan("- network: {name: n, absent: false}", holding(), HOSTS)) == ["network.create network n"]
