"""What others made is left as it is: by the docker command, by a stack, over the raw API, on three engines.

A playbook that describes it as it is plans nothing; a change of one thing changes that alone in the engine's own JSON,
and restarts tasks only where the plan says so.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
import yaml

from swarmnet.cli.wiring import start_inside
from swarmnet.edge.engine.wire.parts import pruned
from swarmnet.edge.operator.clock import SystemClock
from swarmnet.edge.operator.contents import LocalContents
from swarmnet.edge.session import Session
from swarmnet.lab import Lab, LabSpec
from swarmnet.lab.image import make_image
from swarmnet.model.compare import container_changes
from swarmnet.model.plan import Risk, unmarked
from swarmnet.operations.playbook import with_contents
from swarmnet.parse.inventory import parse_inventory
from swarmnet.parse.playbook import parse_playbook
from swarmnet.parse.write import playbook_text
from swarmnet.plan.adopt.draft import Wish
from swarmnet.plan.build import build
from swarmnet.plan.guard import Permissions
from swarmnet.workflows.adopt import adopt
from swarmnet.workflows.apply import prepare
from swarmnet.workflows.fleet.observe import Look, observe
from tests.contract.test_engine import make_engine
from tests.contract.theirs import ENGINES, IMAGE, JOBS, MADE_NETWORKS, OWN_STACK, RUNNING, STACK, Theirs, playbook_of
from tests.support.goals import goal
from tests.support.labs import fresh_name
from tests.support.stacks import converted
from tests.support.waiting import soon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from swarmnet.model.base import Document
    from swarmnet.model.plan import Action

pytestmark = pytest.mark.lab
CLOCK = SystemClock()
T = TypeVar("T")
NAMED = (*RUNNING, *JOBS)


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
            found[engine] = Theirs(
                lab, host.name, stack.enter_context(Session(inventory, make_engine, start_inside, clock=CLOCK))
            )
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
    steps = [{"service": {"name": name, "image": IMAGE}} for name in NAMED]
    steps += [{"network": {"name": name}} for name in MADE_NETWORKS if name != "bridged"]
    steps += [{"network": {"name": "bridged", "driver": "bridge"}}]

    assert each(everything, lambda one: _shown(one.plan(*steps))) == same({})


def test_what_a_step_describes_as_it_is_is_left_alone(everything: Mapping[str, Theirs]) -> None:
    def planned(one: Theirs) -> dict[str, list[str]]:
        state = prepare(one.session, goal(one.session.inventory, playbook_of(()))).state
        networks = (*state.networks, *state.local_networks(one.host))
        described = [{"service": _typed(service.spec)} for service in state.services if service.spec.name in NAMED]
        described += [{"network": _typed(net.spec)} for net in networks if net.spec.name in MADE_NETWORKS]
        assert len(described) == len(NAMED) + len(MADE_NETWORKS)
        return _shown(one.plan(*described))

    assert each(everything, planned) == same({})


def test_the_playbook_that_adopt_writes_plans_nothing(everything: Mapping[str, Theirs]) -> None:
    def adopted(one: Theirs) -> dict[str, list[str]]:
        state = prepare(one.session, goal(one.session.inventory, playbook_of(()))).state
        made = adopt(state, one.session.inventory, Wish())
        read = with_contents(parse_playbook(made.text.encode(), "adopted.yml"), LocalContents({}))
        said = {step.arguments.get("name") for step in made.steps if not step.muted}
        assert {*RUNNING, *MADE_NETWORKS, "page", "token"} <= said
        assert made.left_out.keys() <= {f"service {name}" for name in JOBS}, made.left_out
        return _shown(build(read, state, one.session.inventory).actions)

    assert each(everything, adopted) == same({})


def test_a_stack_of_docker_is_taken_over_as_it_is(everything: Mapping[str, Theirs]) -> None:
    steps = _stack(STACK.format(image=IMAGE), "st")

    assert [next(iter(one)) for one in steps] == ["network", "config", "secret", "service"]
    assert each(everything, lambda one: _shown(one.plan(*steps))) == same({})


CHANGES: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({"replicas": 2}, {"Mode.Replicated.Replicas": 2}),
    "limited": (
        {
            "limits": {"cpus": 0.5},
            "logging": {"options": {"max-size": "2m"}},
            "update": {"parallelism": 3},
            "restart": {"condition": "on-failure"},
            "configs": ["page"],
            "healthcheck": {"interval": "3s"},
            "mounts": ["vol2:/v", "tmpfs:/t:2M"],
            "hosts": {"one": "10.1.1.2"},
            "dns": {"search": ["example.org"]},
            "cap_add": ["net_admin"],
            "ulimits": {"nofile": {"soft": 100, "hard": 300}},
            "tty": True,
        },
        {
            "TaskTemplate.ContainerSpec.Healthcheck.Interval": 3 * 10**9,
            "TaskTemplate.ContainerSpec.Mounts.0.TmpfsOptions.SizeBytes": 2 * 2**20,
            "TaskTemplate.ContainerSpec.Hosts.0": "10.1.1.2 one",
            "TaskTemplate.ContainerSpec.DNSConfig.Search": ["example.org"],
            "TaskTemplate.ContainerSpec.Ulimits.0.Hard": 300,
            "TaskTemplate.ContainerSpec.TTY": True,
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


def test_a_change_of_one_thing_changes_nothing_else_and_ends_only_the_tasks_that_are_predicted(
    everything: Mapping[str, Theirs],
) -> None:
    steps = [{"service": {"name": name, "image": IMAGE, **fields}} for name, (fields, _) in CHANGES.items()]

    def changed(one: Theirs) -> tuple[dict[str, Any], set[str], set[str]]:
        before, tasks = one.specs(*CHANGES), {name: one.tasks(name) for name in CHANGES}
        predicted = {action.target.split()[1] for action in one.plan(*steps) if action.risk is not Risk.SAFE}
        one.apply(*steps)
        after = one.specs(*CHANGES)
        ended = {name for name in CHANGES if not tasks[name] <= one.tasks(name)}
        found = {name: _differences(before[name], after[name]) for name in CHANGES}
        return {name: one for name, one in found.items() if one != CHANGES[name][1]}, predicted, ended

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
    nothing = "TaskTemplate.ContainerSpec.Mounts.1.VolumeOptions.DriverConfig"  # an empty object of the command's
    step = {"service": {"name": "full", "image": IMAGE, "mode": "global"}}

    def changed(one: Theirs) -> dict[str, Any]:
        before = one.specs("full")
        one.apply(step, permissions=Permissions(replace=frozenset({"full"})))
        return _differences(before["full"], one.specs("full")["full"])

    assert each(everything, changed) == same({"Mode.Global": {}, "Mode.Replicated": None, nothing: None})


def test_a_stack_of_swarmnet_is_one_for_docker(everything: Mapping[str, Theirs]) -> None:
    def seen(one: Theirs) -> tuple[bool, str, int, str]:
        one.apply(*_stack(OWN_STACK, "own"))
        listed = "own" in one.shell("docker stack ls --format '{{.Name}}'").split()
        services = one.shell("docker stack services own --format '{{.Name}} {{.Replicas}}'").strip()
        tasks = len(one.shell("docker stack ps own -q").split())
        one.shell("docker stack rm own")
        return listed, services, tasks, one.shell("docker service ls -q -f label=com.docker.stack.namespace=own")

    assert each(everything, seen) == same((True, "own_sleeper 1/1", 1, ""))


def test_a_change_of_a_job_changes_that_alone_and_runs_it_again(everything: Mapping[str, Theirs]) -> None:
    steps = [
        {"service": {"name": "many-job", "image": IMAGE, "replicas": 3}},
        {"service": {"name": "everywhere-job", "image": IMAGE, "labels": {"by": "us"}}},
    ]
    expected = {
        "many-job": {"Mode.ReplicatedJob.TotalCompletions": 3},
        "everywhere-job": {"Labels.by": "us"},
    }

    def changed(one: Theirs) -> tuple[dict[str, Any], set[Risk]]:
        before, risks = one.specs(*JOBS), {action.risk for action in one.plan(*steps)}
        one.apply(*steps)
        assert all(one.inspect("service", name)[name]["JobStatus"]["JobIteration"]["Index"] == 1 for name in JOBS)
        after = one.specs(*JOBS)
        return {name: _differences(before[name], after[name]) for name in JOBS}, risks

    assert each(everything, changed) == same((expected, {Risk.DISRUPTIVE}))


SAYS_NOTHING = ("EndpointSpec", "TaskTemplate.ContainerSpec.Privileges", "TaskTemplate.RestartPolicy.Window")
"""What clients write down although engines do so without it: the mode vip, no privileges, no window."""
MEANS_NOTHING: Mapping[str, tuple[str, ...]] = {
    "full": ("TaskTemplate.Placement.MaxReplicas",),  # of a service that became global
    "limited": ("TaskTemplate.ContainerSpec.Mounts.1.VolumeOptions.DriverConfig",),  # an empty object
    "odd": ("TaskTemplate.ForceUpdate", "TaskTemplate.Networks", "Networks"),  # a counter, and the old place
    "portainers": ("TaskTemplate.Networks", "Networks"),
}


def test_their_containers_stay_as_they_are_and_come_back_the_same(everything: Mapping[str, Theirs]) -> None:
    def adopted(one: Theirs) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        engine = one.session.engine(one.host)
        one.shell("; ".join(f"docker run -d --name {name} {flags}" for name, flags in BOXES.items()))
        one.shell(f"docker network connect --alias third bridged box-odd; docker run --name box-ended {IMAGE} true")
        # The command returns when the program has ended; the engine's list shows it a moment later.
        assert soon(lambda: bool(one.shell("docker ps -aq --filter name=box-ended --filter status=exited")))
        state = observe(one.session, Look(containers=True, all_made=True))
        made = adopt(state, one.session.inventory, Wish())
        steps = [step for step in made.steps if step.operation == "container" and not step.muted]
        assert {step.arguments["name"] for step in steps} == BOXES.keys()
        assert [one for one in made.warnings if "have ended: box-ended on" in one]
        text, _lines = playbook_text("boxes", steps)
        again, _lines = playbook_text("boxes", [one for one in steps if one.arguments["name"] != "box-joined"])
        book = parse_playbook(text.encode(), "boxes.yml")
        planned = _shown(build(book, state, one.session.inventory).actions)
        before = {name: engine.plain.made(name) for name in BOXES}
        one.shell(f"docker rm -f box-ended {' '.join(BOXES)}")
        empty = observe(one.session, Look(containers=True, made=frozenset(BOXES)))
        older = re.sub(r', mac: "[^"]*"', "", again)  # which engine 20.10 takes in no new container
        for action in build(parse_playbook(older.encode(), "boxes.yml"), empty, one.session.inventory).actions:
            action.model_copy(update={"wait": False}).run(one.session)
        after = {name: engine.plain.made(name) for name in BOXES}
        one.shell(f"docker rm -f {' '.join(BOXES)}; docker volume rm box-data")
        return planned, {
            name: [change.path for change in container_changes(was.whole, now.whole)]
            for name, was in before.items()
            if was is not None and (now := after[name]) is not None
        }

    assert each(everything, adopted) == same(({}, {name: [] for name in BOXES if name != "box-joined"}))


BOXES = {
    "box-plain": f"{IMAGE} sleep 100000",
    "box-odd": "--network bridged --ip 172.28.0.150 --network-alias a1 --mac-address 02:42:ac:1c:00:96"
    " -e A=1 -e 'B=x ${z}' -e EMPTY= -l l=v --hostname hh --domainname dd --dns 192.0.2.1 --dns-search ex"
    " --dns-option ndots:1"
    " --add-host db:192.0.2.9 --restart unless-stopped --memory 64m --cpus 0.5 --pids-limit 50 --memory-reservation 32m"
    " --cpu-shares 512 --ulimit nofile=100:200 --sysctl net.ipv4.ip_forward=0 --cap-add NET_ADMIN --cap-drop MKNOD"
    " --security-opt no-new-privileges -u 1:1 -w /tmp --stop-signal SIGINT --stop-timeout 3 --init --read-only"
    " -v box-data:/data -v /etc:/hostetc:ro --tmpfs /t:size=64m --tmpfs /t2:rw,noexec"
    " --mount type=tmpfs,target=/t3,tmpfs-size=1000000 --shm-size 32m --ipc private --health-cmd true"
    " --health-interval 5s --health-retries 2 --log-driver json-file --log-opt max-size=1m --group-add 5"
    " --device /dev/null:/dev/mynull --oom-score-adj 100 -p 127.0.0.1:8081:80 -p 8082:81/udp -p 82 --expose 99 -i -t"
    f" --entrypoint sleep {IMAGE} 100000",
    "box-host": f"--network host --pid host --restart always {IMAGE} sleep 100000",
    "box-none": f"--network none --memory 64m --memory-swap -1 --no-healthcheck {IMAGE} sleep 100000",
    # Names the other one by its id, which a new one does not have.
    "box-joined": f"--network container:box-odd --ulimit core=0 {IMAGE} sleep 100000",
}
"""Containers that ``docker run`` makes, with many flags."""


def test_what_adopt_wrote_makes_the_same_on_an_empty_engine(everything: Mapping[str, Theirs]) -> None:
    """The last one of the file: it wipes the engines."""

    def again(one: Theirs) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        state = prepare(one.session, goal(one.session.inventory, playbook_of(()))).state
        made = adopt(state, one.session.inventory, Wish())
        names = [str(step.arguments["name"]) for step in made.steps if step.operation == "service" and not step.muted]
        before = one.specs(*names), one.inspect("network", *MADE_NETWORKS)
        one.wipe()
        with Session(one.session.inventory, make_engine, start_inside, clock=CLOCK) as session:
            replace(one, session=session).apply_text(made.text)
        specs = {name: _telling_differences(before[0][name], spec) for name, spec in one.specs(*names).items()}
        nets = one.inspect("network", *MADE_NETWORKS)
        networks = {name: _lasting(_telling_differences(before[1][name], net)) for name, net in nets.items()}
        there = one.inspect("service", *names)
        assert [name for name in ("odd", "portainers") if "Networks" not in there[name]["Spec"]["TaskTemplate"]] == []
        return dict(made.left_out), _only_telling(specs), _only_telling(networks)

    assert each(everything, again) == same(({}, {}, {}))


def _telling_differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the differences without what is empty, and without swarmnet's mark."""
    said = [pruned({**one, "Labels": {**unmarked(one["Labels"] or {})}}) for one in (before, after)]
    return _differences(said[0], said[1])


def _only_telling(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return what differs and means something; networks list the tasks of the moment."""
    kept = {
        name: {
            path: value
            for path, value in one.items()
            if not path.startswith("Containers") and path not in (*SAYS_NOTHING, *MEANS_NOTHING.get(name, ()))
        }
        for name, one in found.items()
    }
    return {name: one for name, one in kept.items() if one}


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
