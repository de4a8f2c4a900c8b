from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.compare import service_changes
from swarmnet.model.hosts import SSHSettings
from swarmnet.model.plan import MANAGED_LABEL, Risk
from swarmnet.model.service import PublishedPort, PublishMode, Service, ServiceMode, ServiceSpec, Task
from swarmnet.model.swarm import Config, ConfigSpec
from swarmnet.operations.content.names import NAME_LABEL
from tests.operations.network.test_network import local
from tests.support.clusters import CLUSTER, inventory, overlay, swarm, with_host
from tests.support.plans import plan, refusal, reported

if TYPE_CHECKING:
    from swarmnet.model.network import Network
    from swarmnet.model.state import ClusterState

HOSTS = inventory(1, 1)


def holding(*services: ServiceSpec, configs: tuple[Config, ...] = ()) -> ClusterState:
    state = swarm(HOSTS)
    return state.model_copy(
        update={
            "networks": (*state.networks, overlay("front")),
            "services": tuple(Service(id=spec.name, version=1, spec=spec) for spec in services),
            "configs": configs,
        }
    )


def step(**fields: str) -> str:
    inner = ", ".join(f"{key}: {value}" for key, value in {"name": "web", "image": "web:1", **fields}.items())
    return f"- service: {{{inner}}}"


def web(**fields: object) -> ServiceSpec:
    given = {"name": "web", "image": "web:1", "labels": {MANAGED_LABEL: CLUSTER}, **fields}
    return ServiceSpec.model_validate(given)


def task(host: str, *, desired_state: str = "running") -> Task:
    at = f"node-{host}"
    return Task(id=at + desired_state, service_id="web", node_id=at, state=desired_state, desired_state=desired_state)


def config(name: str, version: int) -> Config:
    return Config(id=name, version=version, spec=ConfigSpec(name=name, data=b"", labels={NAME_LABEL: "app"}))


def test_an_undefined_network_is_named_with_those_that_are_there() -> None:
    text = refusal(step(networks="[frnt]"), holding(), HOSTS)
    assert "network 'frnt' is not defined" in text
    assert "known: front" in text


def test_a_local_network_is_refused() -> None:
    state = holding()
    hosts = tuple(facts.model_copy(update={"networks": (local("lan"),)}) for facts in state.hosts)
    text = refusal(step(networks="[lan]"), state.model_copy(update={"hosts": hosts}), HOSTS)
    assert "network 'lan' is local to a host" in text


def test_undefined_configs_and_secrets_are_named() -> None:
    text = refusal(step(configs="[app]", secrets="[pw]"), holding(), HOSTS)
    assert "config 'app' is not defined" in text
    assert "secret 'pw' is not defined" in text


def test_a_network_with_problems_of_its_own_is_not_called_undefined_too() -> None:
    steps = "- network: {name: n, subnets: [{subnet: 10.0.0.0/24}]}\n" + step(networks="[n]")
    assert refusal(steps, holding(), HOSTS).splitlines() == [
        "p.yml:4:3: subnet 10.0.0.0/24 overlaps 10.0.0.0/24 of network ingress"
    ]


def test_a_port_that_another_service_publishes_is_refused() -> None:
    other = web(name="old", ports=(PublishedPort(target=80, published=8080),))
    assert "port 8080/tcp is published by service old" in refusal(step(ports='["8080:1"]'), holding(other), HOSTS)


def test_a_port_kept_from_before_does_not_go_with_dnsrr() -> None:
    published = web(ports=(PublishedPort(target=80, published=8080),))
    assert "write 'ports: []', too" in refusal(step(endpoint_mode="dnsrr"), holding(published), HOSTS)
    assert reported(plan(step(endpoint_mode="dnsrr", ports="[]"), holding(published), HOSTS)) == [
        "service.update service web"
    ]


def test_the_same_port_of_another_protocol_is_free() -> None:
    other = web(name="old", ports=(PublishedPort(target=80, published=8080),))
    assert reported(plan(step(ports='["8080:1/udp"]'), holding(other), HOSTS)) == ["service.create service web"]


def test_a_service_as_written_needs_nothing() -> None:
    assert plan(step(replicas="1"), holding(web()), HOSTS).is_empty


@pytest.mark.parametrize(
    ("fields", "why", "risk"),
    [
        ({"replicas": "3"}, "its tasks run on", Risk.SAFE),
        ({"labels": "{a: b}"}, "its tasks run on", Risk.SAFE),
        ({"constraints": "[node.role!=none]"}, "its tasks run on", Risk.SAFE),
        ({"constraints": "[node.role==manager]"}, "1 of its 2 tasks is replaced", Risk.DISRUPTIVE),
        ({"ports": '["8080:80"]'}, "its tasks are replaced", Risk.DISRUPTIVE),
        ({"endpoint_mode": "dnsrr"}, "its tasks are replaced", Risk.DISRUPTIVE),
        ({"ports": "[{target: 80, published: 8080, mode: host}]"}, "its tasks are replaced", Risk.DISRUPTIVE),
        ({"constraints": "[node.role!=none]", "env": "{A: b}"}, "its tasks are replaced", Risk.DISRUPTIVE),
        ({"image": "web:2"}, "its tasks are replaced", Risk.DISRUPTIVE),
    ],
)
def test_an_update_tells_what_becomes_of_the_tasks_that_run(fields: dict[str, str], why: str, risk: Risk) -> None:
    state = holding(web()).model_copy(update={"tasks": (task("m1"), task("w1"), task("m1", desired_state="shutdown"))})
    (action,) = plan(step(**fields), state, HOSTS).actions
    assert (action.why, action.risk) == (f"it differs; {why}", risk)


def test_an_update_of_what_others_made_leaves_its_tasks_alone() -> None:
    """A1: what others wrote in their own way is written back exactly."""
    running = holding(web(labels={"by": "hand"})).model_copy(update={"tasks": (task("m1"),)})
    (action,) = plan(step(replicas="3"), running, HOSTS).actions

    assert (action.why, action.risk) == ("it differs; its tasks run on", Risk.SAFE)


@pytest.mark.parametrize(
    ("fields", "mode", "kind"),
    [({}, ServiceMode.GLOBAL, None), ({"replicas": "2"}, ServiceMode.REPLICATED, "service.replace")],
)
def test_a_mode_that_is_left_out_is_not_managed_unless_a_number_asks_for_it(
    fields: dict[str, str], mode: ServiceMode, kind: str | None
) -> None:
    made = plan(step(**fields), holding(web(mode=ServiceMode.GLOBAL, replicas=None)), HOSTS)
    after = made.predicted.service("web")
    assert after is not None
    assert (after.spec.mode, [action.kind for action in made.actions]) == (mode, [kind] if kind else [])


def test_a_job_becomes_a_service_only_where_the_step_says_its_mode() -> None:
    job = web(mode="replicated-job", replicas=2, max_concurrent=2)
    assert plan(step(), holding(job), HOSTS).is_empty
    assert reported(plan(step(replicas="3"), holding(job), HOSTS)) == ["service.update service web"]
    assert reported(plan(step(mode="replicated"), holding(job), HOSTS)) == ["service.replace service web"]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"mode": "replicated-job", "update": "{parallelism: 1}"}, "leave 'update' out"),
        ({"mode": "global-job", "replicas": "2"}, "'replicas' means nothing for a global-job service"),
        ({"max_concurrent": "2"}, "'max_concurrent' means nothing for a replicated service"),
    ],
)
def test_what_no_engine_takes_for_a_job_is_refused(fields: dict[str, str], text: str) -> None:
    assert text in refusal(step(**fields), holding(), HOSTS)


def test_a_service_in_another_mode_keeps_what_its_step_leaves_out() -> None:
    """A3."""
    seen = web(env={"A": "1"}, labels={"by": "hand"}, extra={"TaskTemplate": {"LogDriver": {"Name": "none"}}})
    made = plan(step(mode="global"), holding(seen), HOSTS)
    after = made.predicted.service("web")
    assert after is not None
    assert (after.spec.env, after.spec.labels, after.spec.extra) == (seen.env, seen.labels, seen.extra)
    assert after.spec.replicas is None
    assert [change.path for change in made.actions[0].changes] == ["mode"]


HALVES: dict[str, tuple[dict[str, object], str, dict[str, object]]] = {
    "limits": ({"limits": {"memory": 64 * 2**20}}, "{cpus: 0.5}", {"cpus": 0.5, "memory": 64 * 2**20}),
    "update": ({"update": {"delay": 7.0}}, "{parallelism: 3}", {"parallelism": 3, "delay": 7.0}),
    "restart": ({"restart": {"max_attempts": 4}}, "{condition: none}", {"condition": "none", "max_attempts": 4}),
}


@pytest.mark.parametrize("field", HALVES)
def test_the_half_that_a_step_leaves_out_stays(field: str) -> None:
    """A6."""
    seen, written, expected = HALVES[field]
    made = plan(step(**{field: written}), holding(web(**seen)), HOSTS)
    after = made.predicted.service("web")
    assert after is not None
    assert getattr(after.spec, field).model_dump(exclude_none=True) == expected


def test_an_alias_that_a_step_leaves_out_stays() -> None:
    """A5."""
    seen = web(networks=({"network": "front", "aliases": ("w",)},))
    assert plan(step(networks="[front]"), holding(seen), HOSTS).is_empty


def test_a_config_at_the_same_path_is_the_same_file() -> None:
    """A12: the docker command writes the target ``k`` for the file ``/k``."""
    seen = web(configs=({"source": "k", "target": "k"},))
    wanted = ServiceSpec.model_validate({**dict(seen), "configs": ({"source": "k", "target": "/k"},)})
    assert service_changes(wanted, seen, exact=True) == ()


def test_a_new_image_keeps_what_is_not_managed() -> None:
    made = plan(step(image="web:2"), holding(web(env={"A": "1"}, labels={"by": "hand"})), HOSTS)
    after = made.predicted.service("web")
    assert after is not None
    assert (after.spec.env, after.spec.labels) == ({"A": "1"}, {"by": "hand"})


def test_a_plain_name_stands_for_the_config_that_was_made_last() -> None:
    state = holding(configs=(config("app-new", 9), config("app-old", 4)))
    made = plan(step(configs="[app]"), state, HOSTS)
    after = made.predicted.service("web")
    assert after is not None
    assert [(one.source, one.target) for one in after.spec.configs or ()] == [("app-new", "/app")]


def test_constraints_that_no_node_meets_are_doubted() -> None:
    made = plan(step(constraints='["node.labels.zone == x"]'), holding(), HOSTS)
    assert any("no node meets node.labels.zone == x" in text for text in made.warnings)


def test_steps_that_contradict_each_other_are_refused() -> None:
    steps = "- node: {labels: {a: x}}\n- node: {labels: {a: y}}"
    text = refusal(steps, holding(), HOSTS)
    assert "node m1 would change at every apply (labels.a)" in text


def with_networks(state: ClusterState, *networks: Network) -> ClusterState:
    return state.model_copy(update={"networks": (*state.networks, *networks)})


INSIDE = overlay("inside", internal=True)
SMALL = overlay("small", "10.77.0.0/30")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"networks": "[host]", "ports": "['8080:80']"}, "its program opens its ports itself"),
        ({"networks": "[host]", "ports": "['8080:80@host']"}, "its program opens its ports itself"),
        ({"networks": "[none]"}, "services cannot be on network 'none'"),
        ({"networks": "[inside]", "ports": "['8080:80@host']"}, "all its networks are internal"),
        ({"ports": "['22:80']"}, "port 22/tcp cannot be published: it is sshd's on m1, w1"),
        ({"ports": "['22:80@host']"}, "port 22/tcp cannot be published"),
        ({"ports": "['2377:80']"}, "it is the managers' own"),
        ({"ports": "['7946:80']"}, "it is the nodes' gossip"),
        ({"ports": "['7946:80/udp']"}, "it is the nodes' gossip"),
        ({"ports": "['4789:80/udp']"}, "it is the overlays' VXLAN"),
        ({"mode": "global", "ports": "['8080:80@host']", "update": "{order: start-first}"}, "starts new tasks first"),
        ({"replicas": "2", "ports": "['8080:80@host']", "update": "{order: start-first}"}, "starts new tasks first"),
        (
            {
                "constraints": "[node.hostname == m1]",
                "ports": "['8080:80@host']",
                "update": "{order: start-first}",
            },
            "starts new tasks first",
        ),
        ({"networks": "[small]", "ports": "['8080:80']"}, "needs 3 addresses of network small"),
        ({"networks": "[small]", "mode": "global", "endpoint_mode": "dnsrr"}, "has 1 to give"),
        ({"image": "registry.example/Shop/web:1"}, "its path must be in lower case"),
        ({"image": f"'{'0a' * 32}'"}, "64 hexadecimal digits are an image's id, not a name"),
        ({"image": f"registry.example/{'a' * 239}"}, "registry and path have at most 255 characters"),
        ({"env": "{'': x}"}, "environment variable '' does not exist"),
        ({"env": "{'A=B': x}"}, "environment variable 'A=B' does not exist"),
        ({"workdir": "srv"}, "workdir 'srv' is not an absolute path"),
        ({"stop_signal": "SIGFOO"}, "stop_signal 'SIGFOO' is not a signal"),
        ({"logging": "{driver: json-file, options: {max-sizee: 1m}}"}, "json-file has no option 'max-sizee'"),
        ({"logging": "{driver: local, options: {tag: x}}"}, "the log driver local has no option 'tag'"),
        ({"stop_signal": "'99'"}, "stop_signal '99' is not a signal"),
        ({"hostname": "h" * 65}, "kernels take 64 characters"),
        ({"restart": "{condition: always}"}, "must be 'none', 'on-failure' or 'any'"),
        ({"update": "{order: first}"}, "must be 'stop-first' or 'start-first'"),
        ({"networks": "[host, front]"}, "a container there can be on no other: take out 'host', or front"),
        ({"mode": "global", "ports": "['8080:80@host']", "rollback": "{order: start-first}"}, "a rollback starts new"),
    ],
)
def test_d_a_service_that_cannot_work_is_refused(fields: dict[str, str], text: str) -> None:
    assert text in refusal(step(**fields), with_networks(holding(), INSIDE, SMALL), HOSTS)


@pytest.mark.parametrize(
    "fields",
    [
        {"networks": "[front]", "ports": "['22:80/udp', '4789:80', '2377:80/udp']"},
        {"networks": "[inside, front]", "ports": "['8080:80@host']"},
        {"networks": "[inside]", "ports": "['8080:80']"},
        {"ports": "['8080:80@host']", "update": "{order: start-first}"},
        {"replicas": "2", "ports": "['80@host']", "update": "{order: start-first}"},
        {"networks": "[host]"},
        {"networks": "[bridge]"},
        {"networks": "[small]", "replicas": "0"},
    ],
)
def test_d_a_service_that_works_is_planned(fields: dict[str, str]) -> None:
    assert reported(plan(step(**fields), with_networks(holding(), INSIDE, SMALL), HOSTS)) == [
        "service.create service web"
    ]


@pytest.mark.parametrize("mode", [400, 440, 444, 500, 600, 640, 644, 755, 1777])
def test_d_a_mode_that_may_be_octal_or_decimal_is_refused_with_both_ways_to_write_it(mode: int) -> None:
    files = f"[{{source: app, mode: {mode}}}]"

    text = refusal(step(configs=files), holding(configs=(config("app-1", 1),)), HOSTS)

    assert f"mode {mode} may be octal or decimal: write '0{mode}' in quotes, or '{mode:04o}' for decimal" in text


@pytest.mark.parametrize("mode", ["'0999'", "'r--r--r--'", "'44'"])
def test_d_a_mode_that_is_none_is_refused(mode: str) -> None:
    assert "is not a mode: write it in octal, such as '0444'" in refusal(
        step(configs=f"[{{source: app, mode: {mode}}}]"), holding(), HOSTS
    )


@pytest.mark.parametrize(
    "mode", ["0400", "0440", "0444", "'0640'", "0644", "0755", "0500", "0550", "0660", "292", "'0620'", "'0764'"]
)
def test_d_modes_that_are_meant_are_planned(mode: str) -> None:
    files = f"[{{source: app, mode: {mode}}}]"

    assert plan(step(configs=files), holding(configs=(config("app-1", 1),)), HOSTS).actions


def test_d_an_update_that_waits_for_a_port_kept_from_before_is_refused() -> None:
    held = PublishedPort(target=80, published=8080, mode=PublishMode.HOST)

    text = refusal(step(replicas="2", update="{order: start-first}"), holding(web(ports=(held,), replicas=2)), HOSTS)

    assert "an update starts new tasks first, but port 8080 in host mode is held by the old ones" in text


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (step(replicas="3", ports="['8080:80@host']"), "service web: 3 tasks want port 8080 in host mode, and 2 nodes"),
        (
            step(mode="global", ports="['8080:80@host']") + "\n" + step(name="b", ports="['8080:81@host']"),
            "service b and web: 3 tasks want port 8080 in host mode, and 2 nodes may run them: 1 will wait",
        ),
        (step(replicas="10", max_replicas_per_node="2"), "leaves places for 4 of 10 tasks"),
    ],
)
def test_d_tasks_that_no_node_can_take_are_warned_of(steps: str, text: str) -> None:
    (warning,) = plan(steps, holding(), HOSTS).warnings

    assert text in warning


def test_d_services_that_hold_one_port_on_nodes_of_their_own_are_planned_without_a_word() -> None:
    apart = step(ports="['80:80@host']", constraints="[node.role == manager]")
    apart += "\n" + step(name="b", ports="['80:81@host']", constraints="[node.role == worker]")

    assert plan(apart, holding(), HOSTS).warnings == ()


def test_d_ports_of_the_inventorys_own_sshd_and_data_path_are_known() -> None:
    hosts = with_host(HOSTS, "w1", ssh=SSHSettings(port=2222))
    state = holding()
    assert state.swarm is not None
    spec = state.swarm.spec.model_copy(update={"data_path_port": 5789})
    state = state.model_copy(update={"swarm": state.swarm.model_copy(update={"spec": spec})})

    text = refusal(step(ports="['2222:80', '5789:80/udp', '4789:80/udp']"), state, hosts)

    assert text.count("cannot be published") == 2
    assert "sshd's on w1" in text


@pytest.mark.parametrize(
    ("mine", "theirs", "name"),
    [
        ("{network: front, aliases: [api]}", {"network": "front", "aliases": ["api"]}, "api"),
        ("{network: front, aliases: [shop]}", {"network": "front"}, "shop"),
        ("front", {"network": "front", "aliases": ["web"]}, "web"),
    ],
)
def test_d_a_name_of_two_services_on_one_network_is_warned_of(mine: str, theirs: dict[str, object], name: str) -> None:
    shop = ServiceSpec.model_validate({"name": "shop", "image": "shop:1", "networks": [theirs]})

    (warning,) = plan(step(networks=f"[{mine}]"), holding(shop), HOSTS).warnings

    assert f"on network front the name {name!r} also stands for service shop: " in warning


def test_d_one_warning_names_some_of_many_services_that_share_a_name() -> None:
    shops = [
        ServiceSpec.model_validate(
            {"name": f"shop{number}", "image": "shop:1", "networks": [{"network": "front", "aliases": ["api"]}]}
        )
        for number in range(5)
    ]

    (warning,) = plan(step(networks="[{network: front, aliases: [api]}]"), holding(*shops), HOSTS).warnings

    assert "the name 'api' also stands for services shop0, shop1, shop2 and 2 more: clients get" in warning
