"""What others made is left as it is: by the docker command, by a stack, over the raw API, on three engines.

A playbook that describes it as it is plans nothing; a change of one thing changes that alone in the engine's own JSON,
and restarts tasks only where the plan says so.
"""

from __future__ import annotations

import json
import shlex
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
import yaml

from swarmnet.edge.operator.clock import SystemClock
from swarmnet.edge.session import Session
from swarmnet.errors import DocumentError
from swarmnet.lab import Lab, LabSpec
from swarmnet.lab.image import make_image
from swarmnet.model.plan import Risk
from swarmnet.parse.inventory import parse_inventory
from swarmnet.plan.guard import Permissions
from swarmnet.workflows.apply import apply, prepare
from tests.contract.test_engine import make_engine
from tests.support.commands import docker
from tests.support.docker_view import soon
from tests.support.goals import goal, terms
from tests.support.labs import fresh_name
from tests.support.stacks import converted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from swarmnet.model.base import Document
    from swarmnet.model.plan import Action
    from swarmnet.operations.content.source import ContentSource

pytestmark = pytest.mark.lab
CLOCK = SystemClock()
T = TypeVar("T")
IMAGE = "others:1"
ENGINES = ("20.10", "26.1", "28.5")

NETWORKS = """\
-d overlay --attachable --subnet 10.120.0.0/24 --gateway 10.120.0.7 --label l=v \
-o com.docker.network.driver.mtu=1300 -o dsr= wide
-d overlay back
-d overlay --attachable aside
--attachable --subnet 172.28.0.0/24 --gateway 172.28.0.9 --ip-range 172.28.0.128/25 --aux-address x=172.28.0.7 \
--label l=v -o com.docker.network.bridge.name=br7 bridged
"""
SERVICES = """\
--name plain {image} sleep 100000
--name limited --limit-memory 64M --limit-pids 90 --update-delay 7s --restart-max-attempts 4 --config page \
--log-driver json-file --log-opt max-size=1m {image} sleep 100000
--name full --cap-add NET_ADMIN --config source=page,target=/www/p,uid=7,gid=8,mode=0400 \
--constraint node.role==manager --container-label c=1 --dns 10.9.9.9 --dns-option ndots:2 \
--dns-search example.org --endpoint-mode vip --env Z=1 --env A=2 --env EMPTY= --group 7 \
--health-cmd true --health-interval 7s --health-retries 4 --health-start-period 3s --health-timeout 2s \
--host one:10.1.1.1 --hostname h --init --label s=1 --label t= --limit-cpu 0.5 --limit-memory 64M --limit-pids 80 \
--log-driver json-file --log-opt max-size=1m --network name=wide,alias=web,alias=www --network back \
--placement-pref spread=node.labels.rack --publish published=8080,target=80 --publish 9090:90/udp --publish target=70 \
--read-only --replicas 1 --replicas-max-per-node 2 --reserve-cpu 0.1 --reserve-memory 8M \
--restart-condition on-failure --restart-delay 7s --restart-max-attempts 4 --restart-window 9s --rollback-delay 1s \
--rollback-failure-action continue --rollback-max-failure-ratio 0.2 --rollback-monitor 3s \
--rollback-order start-first --rollback-parallelism 3 --secret source=token,target=t,uid=3,gid=4,mode=0440 \
--stop-signal SIGKILL --sysctl net.core.somaxconn=99 --tty --ulimit nofile=100:200 --update-delay 2s \
--update-failure-action rollback --update-max-failure-ratio 0.3 --update-monitor 1s --update-order start-first \
--update-parallelism 0 --user 7:8 --workdir /tmp \
--mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700 \
--mount type=volume,src=vol1,dst=/v,volume-nocopy,volume-label=a=b \
--mount type=bind,src=/etc,dst=/e,readonly,bind-propagation=rprivate {image} sleep 100000
--name everywhere --mode global --endpoint-mode dnsrr --publish published=7070,target=70,mode=host --no-healthcheck \
--network back --env A {image} sleep 100000
--name many-job --mode replicated-job --replicas 2 --max-concurrent 1 --restart-condition none {image} true
--name everywhere-job --mode global-job --restart-condition none {image} true
"""
COMMON = "--no-resolve-image --detach --stop-grace-period 1s"
STACK = """\
version: "3.8"
x-all: &all {{stop_grace_period: 1s}}
services:
  web:
    <<: *all
    image: {image}
    command: sleep 100000
    environment: {{B: "1", A: "2"}}
    container_name: ignored
    labels: [c=1]
    restart: on-failure:7
    configs: [page, {{source: page, target: /www/page, uid: "7", mode: 0440}}]
    secrets: [token]
    ports: ["8181:80/udp"]
    deploy:
      replicas: 1
      labels: {{x: z}}
      placement: {{constraints: [node.role == manager]}}
      resources: {{limits: {{cpus: "0.5", memory: 64M}}}}
      update_config: {{parallelism: 2, delay: 1s}}
    networks: {{front: {{aliases: [it]}}}}
networks: {{front: {{driver: overlay, attachable: true}}}}
configs: {{page: {{file: /tmp/page}}}}
secrets: {{token: {{file: /tmp/page}}}}
"""
OWN_STACK = """\
services:
  sleeper: {image: others:1, command: sleep 100000, stop_grace_period: 1s, configs: [page]}
configs: {page: {file: /tmp/page}}
"""
PROGRAM: dict[str, Any] = {"Image": IMAGE, "Command": ["sleep", "100000"], "StopGracePeriod": 10**9}
RAW: tuple[dict[str, Any], ...] = (
    {"Name": "least", "TaskTemplate": {"ContainerSpec": PROGRAM}},
    {
        "Name": "odd",
        "TaskTemplate": {
            "ContainerSpec": PROGRAM | {"Env": ["B=1", "A=2"], "DNSConfig": {}, "Healthcheck": {"Test": ["NONE"]}},
            "RestartPolicy": {"Condition": "any", "MaxAttempts": 3},
            "Resources": {"Limits": {}, "Reservations": {}},
            "ForceUpdate": 7,
        },
        "Networks": [{"Target": "back", "Aliases": ["old"]}],
        "EndpointSpec": {
            "Ports": [{"Name": "dns", "Protocol": "udp", "TargetPort": 53, "PublishedPort": 5353}],
        },
    },
)
JOBS = ("many-job", "everywhere-job")
RUNNING = ("plain", "limited", "full", "everywhere", "st_web", "least", "odd")
MADE_NETWORKS = ("wide", "back", "aside", "bridged", "st_front")


class Page:
    """The one content of configs and secrets."""

    def read(self, _source: ContentSource, *, folder: str) -> bytes:  # noqa: ARG002 - of the protocol
        return b"page\n"


@dataclass(frozen=True)
class Theirs:
    """One engine with a swarm of its own, full of what others made."""

    lab: Lab
    host: str
    session: Session

    def plan(self, *steps: object, permissions: Permissions | None = None) -> tuple[Action, ...]:
        """Return what a playbook of these steps would do."""
        return prepare(
            self.session, goal(self.session.inventory, _playbook(steps), permissions, contents=Page())
        ).plan.actions

    def apply(self, *steps: object, permissions: Permissions | None = None) -> None:
        """Carry a playbook of these steps out, and insist on an empty second plan."""
        report = apply(
            self.session, goal(self.session.inventory, _playbook(steps), permissions, contents=Page()), terms()
        )
        assert report.pending == ()
        assert [(one.target, one.error) for one in report.outcomes if one.error] == []

    def inspect(self, kind: str, *names: str) -> dict[str, Any]:
        """Return the engine's own JSON of these objects, by name."""
        listed = json.loads(docker(self.lab, self.host, kind, "inspect", *names))
        return {(one["Spec"]["Name"] if "Spec" in one else one["Name"]): one for one in listed}

    def specs(self, *names: str) -> dict[str, Any]:
        """Return the engine's own specs of services, network ids replaced by names."""
        nets = docker(self.lab, self.host, "network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}")
        text = json.dumps({name: one["Spec"] for name, one in self.inspect("service", *names).items()})
        for line in nets.splitlines():
            network_id, _, name = line.partition(" ")
            text = text.replace(network_id, f"<{name}>")
        return dict(json.loads(text))

    def tasks(self, name: str) -> frozenset[str]:
        """Return the ids of the tasks that should run."""
        words = ("service", "ps", name, "--filter", "desired-state=running", "-q", "--no-trunc")
        return frozenset(docker(self.lab, self.host, *words).split())

    def shell(self, line: str) -> str:
        """Run a line on the host."""
        done = self.lab.exec(self.host, ["sh", "-c", line])
        assert done.exit_code == 0, f"{self.host}: {line}\n{done.stderr}"
        return str(done.stdout)

    def make(self) -> None:
        """Make a swarm, and what others make in one."""
        address = self.shell("hostname -I | cut -d' ' -f1").strip()
        self.shell(f"docker swarm init --advertise-addr {address} --task-history-limit -1")
        lines = [f"docker network create {line}" for line in NETWORKS.splitlines()]
        lines += ["echo page > /tmp/page; docker config create page /tmp/page"]
        lines += ["printf s3cr3t | docker secret create token -"]
        lines += [f"docker service create {COMMON} {line.format(image=IMAGE)}" for line in SERVICES.splitlines()]
        lines += [f"cat > /tmp/s.yml <<'END'\n{STACK.format(image=IMAGE)}\nEND"]
        lines += ["docker stack deploy -c /tmp/s.yml --resolve-image never st"]
        self.shell("set -e\n" + "\n".join(lines))
        for body in RAW:
            self._raw("/v1.41/services/create", body)

    def _raw(self, path: str, body: dict[str, Any]) -> None:
        text = json.dumps(body)
        head = f"POST {path} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n"
        request = shlex.quote(f"{head}Connection: close\r\n\r\n{text}")
        said = self.shell(f"printf %s {request} | docker system dial-stdio")
        assert "201 Created" in said, said

    def run(self) -> bool:
        """Return whether every task of every service that stays runs."""
        return all(len(self.tasks(name)) == 1 for name in RUNNING) and "0/1" not in self.shell(
            "docker service ls --format '{{.Name}} {{.Replicas}}' | grep -v job"
        )


def _playbook(steps: tuple[object, ...]) -> str:
    return yaml.safe_dump({"schema": 1, "name": "theirs", "steps": [{"swarm": {}}, *steps]}, sort_keys=False)


@pytest.fixture(scope="module")
def everything() -> Iterator[Mapping[str, Theirs]]:
    """One host of each engine, each a swarm of its own; all tests of the module share what was made there."""
    with ExitStack() as stack:
        lab = stack.enter_context(Lab.up(LabSpec(name=fresh_name(), hosts=3, engines=ENGINES)))
        make_image(lab, IMAGE)
        path = lab.inventory
        found = {}
        for engine, host in zip(ENGINES, lab.hosts, strict=True):
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
            document["cluster"] = f"theirs-{host.name}"
            document["hosts"] = {host.name: {"address": str(host.address), "role": "manager"}}
            text = yaml.safe_dump(document)
            inventory = parse_inventory(text.encode(), name=str(path), folder=path.parent).inventory
            found[engine] = Theirs(lab, host.name, stack.enter_context(Session(inventory, make_engine, clock=CLOCK)))
        each(found, Theirs.make)
        for one in found.values():
            assert soon(one.run), one.shell("docker service ls; docker service ps full")
        yield found


def each(everything: Mapping[str, Theirs], ask: Callable[[Theirs], T]) -> dict[str, T]:
    """Do the same on all engines at once, and return what each gave."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(everything, pool.map(ask, everything.values()), strict=True))


def same(answer: T) -> dict[str, T]:
    """Return what ``each`` returns where all engines give the same answer."""
    return dict.fromkeys(ENGINES, answer)


def test_what_a_step_only_names_is_left_alone(everything: Mapping[str, Theirs]) -> None:
    steps = [{"service": {"name": name, "image": IMAGE}} for name in RUNNING]
    steps += [{"network": {"name": name}} for name in MADE_NETWORKS if name != "bridged"]
    steps += [{"network": {"name": "bridged", "driver": "bridge"}}]

    assert each(everything, lambda one: _shown(one.plan(*steps))) == same({})


def test_what_a_step_describes_as_it_is_is_left_alone(everything: Mapping[str, Theirs]) -> None:
    def planned(one: Theirs) -> dict[str, list[str]]:
        state = prepare(one.session, goal(one.session.inventory, _playbook(()))).state
        networks = (*state.networks, *state.local_networks(one.host))
        described = [{"service": _typed(service.spec)} for service in state.services if service.spec.name in RUNNING]
        described += [{"network": _typed(net.spec)} for net in networks if net.spec.name in MADE_NETWORKS]
        assert len(described) == len(RUNNING) + len(MADE_NETWORKS)
        return _shown(one.plan(*described))

    assert each(everything, planned) == same({})


CHANGES: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({"replicas": 2}, {"Mode.Replicated.Replicas": 2}),
    "limited": (
        {
            "limits": {"cpus": 0.5},
            "logging": {"options": {"max-size": "2m"}},
            "update": {"parallelism": 3},
            "restart": {"condition": "on-failure"},
            "configs": ["page"],
        },
        {
            "TaskTemplate.Resources.Limits.NanoCPUs": 500_000_000,
            "TaskTemplate.LogDriver.Options.max-size": "2m",
            "UpdateConfig.Parallelism": 3,
            "TaskTemplate.RestartPolicy.Condition": "on-failure",
        },
    ),
    "full": ({"labels": {"by": "us"}}, {"Labels.by": "us"}),
    "everywhere": ({"labels": {"by": "us"}}, {"Labels.by": "us"}),
    "st_web": ({"networks": ["st_front"], "replicas": 2}, {"Mode.Replicated.Replicas": 2}),
    "least": (
        {"replicas": 2, "spread": ["node.labels.rack"]},
        {
            "Mode.Replicated.Replicas": 2,
            "TaskTemplate.Placement.Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.rack"}}],
        },
    ),
    "odd": ({"env": {"B": "1", "A": "2", "C": "3"}}, {"TaskTemplate.ContainerSpec.Env.2": "C=3"}),
}
"""What a step asks for, and every place of the engine's JSON that differs afterwards."""
RESTARTED = {"limited", "odd"}


def test_a_change_of_one_thing_changes_nothing_else_and_ends_only_the_tasks_that_are_foretold(
    everything: Mapping[str, Theirs],
) -> None:
    steps = [{"service": {"name": name, "image": IMAGE, **fields}} for name, (fields, _) in CHANGES.items()]

    def changed(one: Theirs) -> tuple[dict[str, Any], set[str], set[str]]:
        before, tasks = one.specs(*CHANGES), {name: one.tasks(name) for name in CHANGES}
        foretold = {action.target.split()[1] for action in one.plan(*steps) if action.risk is not Risk.SAFE}
        one.apply(*steps)
        after = one.specs(*CHANGES)
        ended = {name for name in CHANGES if not tasks[name] <= one.tasks(name)}
        found = {name: _differences(before[name], after[name]) for name in CHANGES}
        return {name: one for name, one in found.items() if one != CHANGES[name][1]}, foretold, ended

    assert each(everything, changed) == same(({}, RESTARTED, RESTARTED))


def test_a_replaced_network_keeps_what_its_step_does_not_name(everything: Mapping[str, Theirs]) -> None:
    steps = (
        {"network": {"name": "aside", "internal": True}},
        {"network": {"name": "bridged", "driver": "bridge", "internal": True}},
    )
    names = ("aside", "bridged")

    def changed(one: Theirs) -> dict[str, Any]:
        before = one.inspect("network", *names)
        one.apply(*steps, permissions=Permissions(replace=frozenset(names)))
        after = one.inspect("network", *names)
        return {name: _lasting(_differences(before[name], after[name])) for name in names}

    assert each(everything, changed) == same({name: {"Internal": True} for name in names})


def test_a_replaced_service_keeps_what_its_step_does_not_name(everything: Mapping[str, Theirs]) -> None:
    step = {"service": {"name": "full", "image": IMAGE, "mode": "global"}}

    def changed(one: Theirs) -> dict[str, Any]:
        before = one.specs("full")
        one.apply(step, permissions=Permissions(replace=frozenset({"full"})))
        return _differences(before["full"], one.specs("full")["full"])

    assert each(everything, changed) == same({"Mode.Global": {}, "Mode.Replicated": None})


def test_a_stack_of_docker_is_taken_over_as_it_is(everything: Mapping[str, Theirs]) -> None:
    steps = _stack(STACK.format(image=IMAGE), "st")

    assert [next(iter(one)) for one in steps] == ["network", "config", "secret", "service"]
    assert each(everything, lambda one: _shown(one.plan(*steps))) == same({})


def test_a_stack_of_swarmnet_is_one_for_docker(everything: Mapping[str, Theirs]) -> None:
    def seen(one: Theirs) -> tuple[bool, str, int, str]:
        one.apply(*_stack(OWN_STACK, "own"))
        listed = "own" in one.shell("docker stack ls --format '{{.Name}}'").split()
        services = one.shell("docker stack services own --format '{{.Name}} {{.Replicas}}'").strip()
        tasks = len(one.shell("docker stack ps own -q").split())
        one.shell("docker stack rm own")
        return listed, services, tasks, one.shell("docker service ls -q -f label=com.docker.stack.namespace=own")

    assert each(everything, seen) == same((True, "own_sleeper 1/1", 1, ""))


@pytest.mark.parametrize("name", JOBS)
def test_a_job_is_not_changed_into_a_service(everything: Mapping[str, Theirs], name: str) -> None:
    def refused(one: Theirs) -> bool:
        with pytest.raises(DocumentError) as caught:
            one.plan({"service": {"name": name, "image": IMAGE}})
        return f"service {name} is a job" in str(caught.value)

    assert each(everything, refused) == same(True)  # noqa: FBT003 - the answer


def _stack(text: str, name: str) -> list[dict[str, Any]]:
    """Return the steps that a stack file stands for."""
    return [{one.kind: one.arguments} for one in converted(text, name=name).steps]


def _shown(actions: Iterable[Action]) -> dict[str, list[str]]:
    return {
        one.target: [f"{change.path}: {change.before} -> {change.after}" for change in one.changes] for one in actions
    }


def _typed(spec: Document) -> dict[str, Any]:
    """Return what a step writes to describe an object by every field that it has."""
    fields: dict[str, Any] = json.loads(spec.model_dump_json(exclude={"extra"}, exclude_none=True))
    for file in (*fields.get("configs", ()), *fields.get("secrets", ())):
        file["mode"] = f"{file['mode']:04o}"
    return fields


def _lasting(differences: dict[str, Any]) -> dict[str, Any]:
    """Return differences without what each new network has of its own."""
    own = ("Id", "Created", "Peers", "IPAM.Options", "Options.com.docker.network.driver.overlay.vxlanid_list")
    return {path: after for path, after in differences.items() if not path.startswith(own)}


def _differences(before: Any, after: Any, path: str = "") -> dict[str, Any]:  # noqa: ANN401 - JSON of any shape
    """Return each place that differs, with its value afterwards."""
    if before == after:
        return {}
    if isinstance(before, list) and isinstance(after, list):
        before, after = (dict(enumerate(one)) for one in (before, after))
    if isinstance(before, dict) and isinstance(after, dict):
        found: dict[str, Any] = {}
        for key in {**before, **after}:
            if key in before and key in after:
                found |= _differences(before[key], after[key], f"{path}{key}.")
            else:
                found |= {f"{path}{key}": after.get(key)}
        return found
    return {path[:-1]: after}
